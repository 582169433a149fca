//! What is written on the pictures: words of signs and posters, by language.

use crate::simulator::Dice;

/// The words of a language.
pub(super) struct Language {
    /// Its ISO 639-3 code.
    pub(super) code: &'static str,
    /// Its script.
    pub(super) script: &'static str,
    /// Whether words stand apart.
    pub(super) spaced: bool,
    /// Letters that a misspelling may bring in.
    pub(super) letters: &'static str,
    pub(super) words: &'static [&'static str],
}

const LATIN: &str = "abcdefghijklmnoprstuvwyz";

/// Languages that the reader knows the letters of; English stands for a third.
pub(super) const READ: &[Language] = &[
    latin(
        "eng",
        LATIN,
        &[
            "grand", "opening", "summer", "sale", "fresh", "bread", "daily", "coffee", "harbor",
            "market", "city", "lights", "weekend", "jazz", "night", "garden", "party", "welcome",
            "home", "bakery", "golden", "river", "mountain", "trail", "winter", "festival",
            "books", "and", "records", "free", "delivery", "organic", "honey", "handmade", "soap",
            "museum", "modern", "art", "happy", "birthday", "thank", "you", "limited", "edition",
            "the", "quick", "exchange", "vintage", "bicycle", "repair", "don't", "panic", "fish",
            "kitchen", "journey",
        ],
    ),
    latin(
        "deu",
        "abcdefghiklmnoprstuwzäöü",
        &[
            "größe",
            "straße",
            "frühstück",
            "bäckerei",
            "herzlich",
            "willkommen",
            "öffnung",
            "süße",
            "träume",
            "für",
            "alle",
            "müller",
            "käse",
            "brötchen",
            "fußball",
            "heute",
            "geöffnet",
            "schöne",
            "grüße",
            "wäsche",
            "kürbis",
            "gemüse",
            "markt",
            "neueröffnung",
        ],
    ),
    latin(
        "fra",
        "abcdefghijlmnopqrstuvéèêç",
        &[
            "café",
            "crème",
            "brûlée",
            "théâtre",
            "été",
            "fête",
            "musique",
            "forêt",
            "français",
            "soirée",
            "marché",
            "élégance",
            "noël",
            "pâtisserie",
            "bientôt",
            "ouvert",
            "rêve",
            "garçon",
            "nouveauté",
            "première",
            "août",
            "dîner",
            "château",
            "naïve",
        ],
    ),
    latin(
        "spa",
        "abcdefghijlmnopqrstuvñáéíó",
        &[
            "mañana",
            "corazón",
            "música",
            "jamón",
            "otoño",
            "niños",
            "canción",
            "rápido",
            "estación",
            "teléfono",
            "película",
            "fútbol",
            "próxima",
            "señal",
            "campeón",
            "limón",
            "librería",
            "gratis",
            "pequeño",
            "árbol",
        ],
    ),
    latin(
        "ita",
        "abcdefghilmnopqrstuvzàèò",
        &[
            "caffè",
            "città",
            "gelato",
            "perché",
            "libertà",
            "università",
            "più",
            "qualità",
            "novità",
            "trattoria",
            "domani",
            "felicità",
            "pizzeria",
            "è",
            "aperto",
            "bellezza",
            "lunedì",
            "virtù",
        ],
    ),
    latin(
        "por",
        "abcdefghijlmnopqrstuvãçéõ",
        &[
            "coração",
            "promoção",
            "verão",
            "pão",
            "açúcar",
            "liquidação",
            "manhã",
            "informação",
            "lições",
            "você",
            "saúde",
            "fácil",
            "amanhã",
            "avó",
            "estação",
            "inauguração",
            "lojas",
            "três",
        ],
    ),
    latin(
        "nld",
        "abcdefghijklmnoprstuvwzë",
        &[
            "welkom",
            "vrijheid",
            "lekker",
            "gezellig",
            "fietsen",
            "geopend",
            "zaterdag",
            "uitverkoop",
            "nieuw",
            "kaaswinkel",
            "reünie",
            "ruimte",
            "bloemen",
            "brood",
            "koffie",
            "ijsje",
        ],
    ),
    latin(
        "pol",
        "abcdefghijklłmnoprstuwyząęóśż",
        &[
            "świeży",
            "żółty",
            "miłość",
            "chleb",
            "książka",
            "dzień",
            "zapraszamy",
            "otwarcie",
            "piękny",
            "wiosna",
            "źródło",
            "gęś",
            "łódka",
            "zniżka",
            "śniadanie",
            "kawiarnia",
            "życie",
        ],
    ),
    latin(
        "ces",
        "abcdefghijklmnoprstuvyzáčěřšž",
        &[
            "příběh",
            "kavárna",
            "čerstvý",
            "žlutý",
            "děti",
            "otevřeno",
            "náměstí",
            "říjen",
            "sleva",
            "štěstí",
            "vítejte",
            "město",
            "knihkupectví",
            "čokoláda",
            "svět",
        ],
    ),
    latin(
        "swe",
        "abdefghijklmnoprstuvyåäö",
        &[
            "välkommen",
            "fåtölj",
            "smörgås",
            "öppet",
            "höst",
            "midsommar",
            "kärlek",
            "bröd",
            "nyöppnat",
            "värld",
            "sjö",
            "skärgård",
            "påsk",
            "glögg",
            "frukost",
        ],
    ),
    latin(
        "dan",
        "abdefghijklmnoprstuvyæøå",
        &[
            "rødgrød",
            "åben",
            "kærlighed",
            "smørrebrød",
            "sø",
            "blåbær",
            "velkommen",
            "nyhed",
            "bøger",
            "forår",
            "køkken",
            "lørdag",
            "tilbud",
            "ø",
        ],
    ),
    latin(
        "fin",
        "adeghijklmnoprstuvyäö",
        &[
            "tervetuloa",
            "hyvää",
            "kesä",
            "päivää",
            "yö",
            "kahvila",
            "syksy",
            "alennus",
            "metsä",
            "järvi",
            "leipä",
            "ystävä",
            "avajaiset",
            "äiti",
            "pöytä",
        ],
    ),
    latin(
        "hun",
        "abcdefghijklmnoprstuvzáéíóöőüű",
        &[
            "gyümölcs",
            "őszi",
            "szépség",
            "könyv",
            "tűz",
            "virág",
            "pékség",
            "nyitás",
            "jó",
            "reggelt",
            "kávézó",
            "hétvége",
            "élet",
            "művészet",
            "zöldség",
        ],
    ),
    latin(
        "tur",
        "abcçdefghijklmnoprsştuüvyzöğ",
        &[
            "güneş", "çiçek", "gül", "yağmur", "şeker", "kahve", "özgür", "müzik", "güzel",
            "bahçe", "taze", "ekmek", "büyük", "deniz", "söz",
        ],
    ),
    latin(
        "ron",
        "abcdefghijlmnoprstuvzăâî",
        &[
            "dimineață",
            "pâine",
            "înghețată",
            "viață",
            "frumos",
            "grădină",
            "cafenea",
            "bucurie",
            "sărbătoare",
            "iubire",
            "proaspăt",
            "toamnă",
            "munți",
        ],
    ),
    Language {
        code: "zho",
        script: "Han",
        spaced: false,
        letters: "天地人山水火木金土日月春夏秋冬花雪风雨云海江河湖东西南北中大小高长红白青黑书画茶酒米面鱼马牛羊鸟门窗城市国家新老好美乐福",
        words: &[
            "欢迎",
            "光临",
            "春天",
            "咖啡",
            "新鲜",
            "面包",
            "城市",
            "夜市",
            "花园",
            "音乐",
            "电影",
            "开业",
            "大吉",
            "茶馆",
            "书店",
            "生日",
            "快乐",
            "中国",
            "长城",
            "海边",
            "美食",
            "限时",
            "特价",
            "手工",
            "艺术",
            "博物馆",
            "火锅",
            "牛肉",
        ],
    },
    Language {
        code: "jpn",
        script: "Japanese",
        spaced: false,
        letters: "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろアイウエオカキクケコサシスセソタチテトナマミムメモラリルレロ春夏秋冬花山川海空",
        words: &[
            "ようこそ",
            "いらっしゃいませ",
            "コーヒー",
            "春まつり",
            "おにぎり",
            "ラーメン",
            "東京",
            "さくら",
            "ありがとう",
            "新商品",
            "カフェ",
            "ケーキ",
            "たのしい",
            "おいしい",
            "うみのいえ",
            "なつやすみ",
            "ゆき",
            "温泉",
            "まちあるき",
            "デザイン",
            "フェスティバル",
            "みどりの森",
        ],
    },
];

/// Languages that no letter of is in its alphabet, or not all: it has to say so.
pub(super) const UNREAD: &[Language] = &[
    other(
        "rus",
        "Cyrillic",
        &["добро", "пожаловать", "свежий", "хлеб", "книги", "праздник", "города", "щука"],
    ),
    other("ukr", "Cyrillic", &["ласкаво", "просимо", "кав'ярня", "їжак", "весна", "ґанок"]),
    other(
        "ell",
        "Greek",
        &["καλώς", "ήρθατε", "φρέσκο", "ψωμί", "βιβλιοπωλείο", "θάλασσα", "καφές"],
    ),
    other("ara", "Arabic", &["مرحبا", "بكم", "قهوة", "مكتبة", "سوق", "المدينة"]),
    other("heb", "Hebrew", &["שלום", "ברוכים", "הבאים", "קפה", "ספרים"]),
    other("hin", "Devanagari", &["नमस्ते", "स्वागत", "किताब", "चाय", "बाज़ार"]),
    other("tha", "Thai", &["ยินดีต้อนรับ", "กาแฟ", "ตลาด", "หนังสือ"]),
    other("kor", "Hangul", &["환영합니다", "커피", "서점", "시장", "봄날"]),
];

const fn latin(
    code: &'static str,
    letters: &'static str,
    words: &'static [&'static str],
) -> Language {
    Language { code, script: "Latin", spaced: true, letters, words }
}

const fn other(
    code: &'static str,
    script: &'static str,
    words: &'static [&'static str],
) -> Language {
    Language { code, script, spaced: true, letters: "", words }
}

/// How letters are cased.
#[derive(Clone, Copy)]
enum Casing {
    Upper,
    Title,
    Sentence,
    Lower,
}

/// A phrase of one to five words, cased as signs are, now and then with a number or a mark.
pub(super) fn phrase(language: &Language, dice: &mut Dice) -> String {
    let casings = [
        Casing::Upper,
        Casing::Upper,
        Casing::Title,
        Casing::Title,
        Casing::Sentence,
        Casing::Lower,
    ];
    let casing = dice.pick(&casings, Casing::Upper);
    let mut words: Vec<String> = Vec::new();
    let wanted = if language.spaced {
        dice.pick(&[1, 2, 2, 2, 3, 3, 4, 5], 2)
    } else {
        dice.pick(&[1, 1, 2, 2, 3], 1)
    };
    let wanted = wanted.min(language.words.len());
    // A word stands once, so that no whole one is left where one of two is spoilt. Shortest phrase: four letters, or
    // two where letters are syllables.
    let least = if matches!(language.script, "Latin") { 4 } else { 2 };
    while words.len() < wanted
        || words.iter().map(|word| word.chars().count()).sum::<usize>() < least
    {
        let word = dice.pick(language.words, "sale");
        if words.iter().all(|known| known.to_lowercase() != word) {
            words.push(cased(word, casing, words.is_empty()));
        }
    }
    if language.script == "Latin" && dice.chance(0.1) {
        words.push(dice.pick(&["24", "7", "2026", "50%", "365", "#1", "1998"], "24").to_owned());
    }
    let mut text = words.join(if language.spaced { " " } else { "" });
    if language.script == "Latin" && dice.chance(0.12) {
        text.push_str(dice.pick(&["!", "?", "."], "!"));
    }
    text
}

fn cased(word: &str, casing: Casing, is_first: bool) -> String {
    match casing {
        // There is no capital that two letters would not have to stand for.
        Casing::Upper if !word.contains('ß') => word.to_uppercase(),
        Casing::Title => capital(word),
        Casing::Sentence if is_first => capital(word),
        _ => word.to_owned(),
    }
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_of_every_language_ends_and_no_word_stands_twice() {
        for language in READ.iter().chain(UNREAD) {
            for seed in 0..60 {
                let text = phrase(language, &mut Dice::of("test", language.code, "", seed));
                assert!(text.chars().filter(|c| c.is_alphabetic()).count() >= 2, "{text}");
                if language.spaced {
                    let mut words: Vec<_> = text.split(' ').map(str::to_lowercase).collect();
                    let all = words.len();
                    words.sort();
                    words.dedup();
                    assert_eq!(words.len(), all, "{text}");
                }
            }
        }
    }

    #[test]
    fn what_the_reader_knows_ends_with_chinese_and_japanese() {
        // The draw of a language counts on it.
        let codes: Vec<_> = READ.iter().map(|language| language.code).collect();
        assert_eq!(codes.first(), Some(&"eng"));
        assert!(codes.ends_with(&["zho", "jpn"]));
    }
}
