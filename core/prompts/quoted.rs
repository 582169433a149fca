//! Text in quotes in a prompt: what the picture is expected to show.

/// The longest quotation that can be meant as text to draw, in characters.
const MAX_CHARS: usize = 200;

/// Quotation marks that open and close with different characters. „ closes with “ in German and with ”
/// in Polish and Hungarian; ” opens in Swedish and Finnish, where it also closes.
const PAIRS: [(char, &[char]); 9] = [
    ('“', &['”']),
    ('„', &['“', '”']),
    ('”', &['”']),
    ('«', &['»']),
    ('»', &['«']),
    ('「', &['」']),
    ('『', &['』']),
    ('‘', &['’']),
    ('＂', &['＂']),
];

/// Clipped words that start with an apostrophe: no quotation opens before them.
const CLIPPED: [&str; 10] =
    ["tis", "twas", "em", "cause", "til", "till", "bout", "round", "cos", "kay"];

/// The texts in quotation marks, in order, each once, without the marks.
///
/// Known are `"…"`, `“…”`, `„…“`, `”…”`, `«…»`, `»…«`, `「…」`, `『…』`, `‘…’`, `＂…＂`, and `'…'` where it is clearly a
/// quotation and no apostrophe. `\"` inside `"…"` is a quote of the text; a text may also stand between
/// two `\"`. Of quotations in quotations the outermost counts. Quotations that are blank, over 200
/// characters or never closed are dropped, and so is an inch mark (`12" pizza`).
#[must_use]
pub fn quoted_text(prompt: &str) -> Vec<String> {
    let chars: Vec<char> = prompt.chars().collect();
    let mut texts: Vec<String> = Vec::new();
    let mut position = 0;
    while position < chars.len() {
        match quotation(&chars, position) {
            Some((text, next)) => {
                let text = text.trim();
                if !text.is_empty()
                    && text.chars().count() <= MAX_CHARS
                    && !texts.iter().any(|known| known == text)
                {
                    texts.push(text.to_owned());
                }
                position = next;
            }
            None => position += 1,
        }
    }
    texts
}

/// The quotation that opens at a position, and the position after it.
fn quotation(chars: &[char], position: usize) -> Option<(String, usize)> {
    match *chars.get(position)? {
        '"' => straight(chars, position),
        '\\' if chars.get(position + 1) == Some(&'"') => escaped(chars, position),
        '\'' => apostrophes(chars, position),
        opener => {
            let (_, closers) = PAIRS.iter().find(|(known, _)| *known == opener)?;
            paired(chars, position, opener, closers)
        }
    }
}

fn before(chars: &[char], position: usize) -> Option<char> {
    position.checked_sub(1).and_then(|index| chars.get(index)).copied()
}

fn text_of(chars: &[char], from: usize, to: usize) -> String {
    chars.get(from..to).unwrap_or_default().iter().collect()
}

/// `"…"`, in which `\"` is a quote of the text.
fn straight(chars: &[char], open: usize) -> Option<(String, usize)> {
    // After a digit it is an inch mark.
    if before(chars, open).is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    let mut text = String::new();
    let mut index = open + 1;
    loop {
        match *chars.get(index)? {
            '\\' if chars.get(index + 1) == Some(&'"') => {
                text.push('"');
                index += 2;
            }
            '"' => return Some((text, index + 1)),
            c => {
                text.push(c);
                index += 1;
            }
        }
    }
}

/// `\"…\"`, as in a prompt that was copied out of JSON.
fn escaped(chars: &[char], open: usize) -> Option<(String, usize)> {
    let start = open + 2;
    let length = chars.get(start..)?.windows(2).position(|pair| pair == ['\\', '"'])?;
    Some((text_of(chars, start, start + length), start + length + 2))
}

/// Marks of different characters; the same pair inside is counted.
fn paired(chars: &[char], open: usize, opener: char, closers: &[char]) -> Option<(String, usize)> {
    let mut depth = 0_usize;
    for (index, c) in chars.iter().enumerate().skip(open + 1) {
        // ’ between two letters is an apostrophe.
        let apostrophe =
            *c == '’' && chars.get(index + 1).is_some_and(|next| next.is_alphanumeric());
        if closers.contains(c) && !apostrophe {
            if depth == 0 {
                return Some((text_of(chars, open + 1, index), index + 1));
            }
            depth -= 1;
        } else if *c == opener {
            depth += 1;
        }
    }
    None
}

/// Whether a `'` at this position may open a quotation: after a space or an opening bracket, before
/// something that is no space.
fn may_open(chars: &[char], position: usize) -> bool {
    let free = before(chars, position)
        .is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '[' | '{' | ':' | '-' | '–' | '—'));
    free && chars.get(position + 1).is_some_and(|c| !c.is_whitespace() && *c != '\'')
}

/// Whether a `'` at this position may close one: after something that is no space, before no letter.
fn may_close(chars: &[char], position: usize) -> bool {
    before(chars, position).is_some_and(|c| !c.is_whitespace())
        && chars.get(position + 1).is_none_or(|c| !c.is_alphanumeric())
}

/// `'…'` where it can be nothing else: not before a clipped word or a decade (`'90s`), and with no other
/// opening mark before the closing one.
fn apostrophes(chars: &[char], open: usize) -> Option<(String, usize)> {
    if !may_open(chars, open) || opens_clipped(chars, open) {
        return None;
    }
    for (index, c) in chars.iter().enumerate().skip(open + 1) {
        if *c != '\'' {
            continue;
        }
        if may_close(chars, index) {
            return Some((text_of(chars, open + 1, index), index + 1));
        }
        if may_open(chars, index) && !opens_clipped(chars, index) {
            return None;
        }
    }
    None
}

fn opens_clipped(chars: &[char], open: usize) -> bool {
    let rest = chars.get(open + 1..).unwrap_or_default();
    let word: String = rest.iter().take_while(|c| c.is_alphanumeric()).take(8).collect();
    let length = word.chars().count();
    let decade =
        length == 3 && word.ends_with('s') && word.chars().take(2).all(|c| c.is_ascii_digit());
    // `'n'` is "and"; any other clipped word in quotes of its own (`'round'`) is a quotation, and so is
    // one in capitals (`'TIL DAWN'`).
    let closed = rest.get(length) == Some(&'\'');
    let shouted = length > 1 && word.chars().all(char::is_uppercase);
    let clipped = CLIPPED.contains(&word.to_lowercase().as_str()) && !closed && !shouted;
    decade || word == "n" || clipped
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(prompt: &str, expected: &[&str]) {
        assert_eq!(quoted_text(prompt), expected, "{prompt}");
    }

    #[test]
    fn marks_of_many_languages_are_known() {
        check(r#"A poster that says "GRAND OPENING""#, &["GRAND OPENING"]);
        check("A sign: “Fresh Bread” and “Hot Tea”", &["Fresh Bread", "Hot Tea"]);
        check("Ein Schild: „RÄUMUNGSVERKAUF“, rot", &["RÄUMUNGSVERKAUF"]);
        check("Szyld „PIEKARNIA” nad drzwiami", &["PIEKARNIA"]);
        check("Skylten ”Öppet” och ”Stängt”", &["Öppet", "Stängt"]);
        check("Une affiche « Soldes d’été »", &["Soldes d’été"]);
        check("Ein Plakat »Frühling«", &["Frühling"]);
        check("看板に「営業中」と『本日休業』", &["営業中", "本日休業"]);
        check("招牌上写着\"欢迎光临\"的店", &["欢迎光临"]);
        check("a card that says ‘don’t panic’ in pink", &["don’t panic"]);
        check("a sign that says 'OPEN 24/7', neon", &["OPEN 24/7"]);
    }

    #[test]
    fn apostrophes_and_inches_are_no_quotations() {
        check("the dogs' bowl and the cats' bed", &[]);
        check("a child's drawing of mom's car", &[]);
        check("a '90s poster of rock 'n' roll at the dogs' home", &[]);
        check("'twas the night before Christmas, the mice's feast", &[]);
        check("a 12\" pizza on a 14\" plate", &[]);
        check("a menu with 'Today's soup' on it", &["Today's soup"]);
        check("don't write 'STOP' there, it's wrong", &["STOP"]);
    }

    #[test]
    fn escapes_nesting_and_oddities() {
        check(r#"says "He said \"hi\" twice""#, &[r#"He said "hi" twice"#]);
        check(r#"copied from JSON: \"SALE\" in red"#, &["SALE"]);
        check("“outer “inner” text” and more", &["outer “inner” text"]);
        check(r#"a shop, "The 'Best' Shop""#, &["The 'Best' Shop"]);
        check(r#"empty "" and " " and "never closed"#, &[]);
        check(r#""HI" and again "HI""#, &["HI"]);
        check(&format!("\"{}\" \"ok\"", "x".repeat(201)), &["ok"]);
        check("no quotes at all", &[]);
    }

    proptest! {
        #[test]
        fn no_prompt_panics_and_no_text_is_blank(prompt in r#"["'\\a1 “”„«»「」‘’-]{0,60}"#) {
            for text in quoted_text(&prompt) {
                prop_assert!(!text.trim().is_empty());
                prop_assert!(text.chars().count() <= MAX_CHARS);
            }
        }

        #[test]
        fn what_is_quoted_is_found(word in "[A-Z][A-Z ]{0,30}[A-Z]") {
            prop_assert_eq!(quoted_text(&format!("a sign that says \"{word}\" in red")), [word.clone()]);
            prop_assert_eq!(quoted_text(&format!("a sign that says '{word}' in red")), [word]);
        }
    }
}
