//! `text`: whether the expected text is drawn, letter by letter.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use serde_json::{Value, json};

use super::ocr::{Folding, Ignored, Reader};
use super::registry::Opened;
use super::{
    Asking, Check, CheckResult, Finding, Heard, ModelFile, Picture, Resources, Scene, WouldAsk,
    expected, read_expected,
};
use crate::choice;
use crate::inert::one_line;
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::prompts::{Case, any_text_list};
use crate::record;

mod marks;
mod search;
mod second;
#[cfg(test)]
mod tests;

pub use second::SecondReader;

use search::{Answer, Verdict, Wanted, search};

const NAME: &str = "text";

/// The longest text that a message quotes, in characters.
const QUOTED: usize = 80;

/// The network that finds lines of text: PP-OCRv6 small, detection.
const DETECTION: ModelFile = ModelFile {
    name: "text-detection.onnx",
    sha256: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
};

/// The network that reads a line: PP-OCRv6 small, recognition.
const RECOGNITION: ModelFile = ModelFile {
    name: "text-recognition.onnx",
    sha256: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
};

/// The weights that the check needs.
pub(super) const MODELS: &[ModelFile] = &[DETECTION, RECOGNITION];

choice! {
    /// What makes no difference between two texts.
    pub enum Ignorable {
        /// Upper and lower case.
        Case = "case",
        /// Full and half width, ligatures and the like: Unicode's compatibility forms.
        Width = "width",
        /// Whatever is neither a letter nor a digit.
        Punctuation = "punctuation",
        /// Accents, dots and tails of letters.
        Diacritics = "diacritics",
    }
}

choice! {
    /// What becomes of a picture on which a text is neither found nor clearly another.
    pub enum WhenUnsure {
        /// It counts as failed.
        Fail = "fail",
        /// It passes, and is marked.
        Pass = "pass",
    }
}

record! {
    /// How drawn text is compared with what is expected.
    pub struct TextSettings {
        /// What makes no difference. A case says otherwise under `text_ignore`.
        ignore: Vec<Ignorable> = r#"["case", "width", "punctuation"]"#,
        /// What becomes of a picture on which a text is neither found nor clearly another.
        unsure: WhenUnsure = "fail",
        /// Whether marks that look like text and can't be read fail a picture.
        garbled: bool = "false",
        /// A vision model that reads what this reader is unsure of, or does not know the letters of.
        second_reader: Option<SecondReader>,
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether the text that the case expects is drawn, letter by letter.",
    // One correct text in twenty is unsure, which counts as a failure: a team chooses that, and sees it said.
    on_by_default: false,
    scoped: true,
    read: |node, problems| {
        let settings = TextSettings::from_node(node, problems)?;
        let asked = settings.second_reader.iter().map(SecondReader::asked).collect();
        Some(Settings::asking(settings, asked))
    },
    schema: TextSettings::schema,
    expectations: &[
        Expectation {
            key: "text",
            doc: "The texts that the picture must show. An empty list says that nothing is expected, whatever the prompt quotes.",
            validate: |value| any_text_list(value, 64),
            schema: || json!({"type": "array", "maxItems": 64, "items": {"type": "string", "minLength": 1}}),
        },
        Expectation {
            key: "text_ignore",
            doc: "What makes no difference in this case's texts: any of `case`, `width`, `punctuation` and `diacritics`.",
            validate: |value| read_expected::<Vec<Ignorable>>(value).map(|_| ()),
            schema: Vec::<Ignorable>::schema,
        },
        Expectation {
            key: "no_text",
            doc: "With `true`, there must be no text on the picture.",
            validate: |value| read_expected::<bool>(value).map(|_| ()),
            schema: bool::schema,
        },
    ],
};

/// Sets the check up. The networks are read when a text is first looked for.
pub(super) fn open(settings: &Settings, resources: &Resources) -> Opened {
    let Some(mut settings) = settings.get::<TextSettings>().cloned() else { return Ok(None) };
    let unasked = match (&settings.second_reader, resources.why_nobody()) {
        (Some(_), Some(why)) => Some(why.to_owned()),
        _ => None,
    };
    if unasked.is_some() {
        settings.second_reader = None;
    }
    let weights = resources
        .model(&DETECTION)
        .and_then(|detection| Ok((detection.clone(), resources.model(&RECOGNITION)?.clone())));
    Ok(Some(Box::new(Text {
        settings,
        unasked,
        weights: Mutex::new(Some(weights)),
        reader: OnceLock::new(),
        foldings: Mutex::default(),
    })))
}

/// One that tells accents apart, as far as they are not ignored, and one that does not.
type Foldings = [Arc<Folding>; 2];

struct Text {
    settings: TextSettings,
    /// Why the second reader that the policy names is not asked, where that is so.
    unasked: Option<String>,
    /// Until the networks are read from them.
    weights: Mutex<Option<Result<(Bytes, Bytes), String>>>,
    reader: OnceLock<Result<Reader, String>>,
    /// By what is ignored, with accents and without.
    foldings: Mutex<BTreeMap<Ignored, Foldings>>,
}

impl Check for Text {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        self.look(picture, scene.case, self.settings.garbled)
    }

    fn inspect_expected(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        self.look(picture, scene.case, false)
    }

    fn cannot(&self, case: &Case) -> Option<String> {
        let texts = texts(case);
        if texts.is_empty() && !no_text(case) && !self.settings.garbled {
            return None;
        }
        let is_seconded = self.settings.second_reader.is_some();
        let reader = match self.reader() {
            Ok(reader) => reader,
            // Texts go to the second reader then; marks and their absence are seen by this one alone.
            Err(_) if is_seconded && !no_text(case) && !self.settings.garbled => return None,
            Err(why) => return Some(why.to_owned()),
        };
        if is_seconded {
            return None;
        }
        let [folding, _] = self.foldings(reader, case);
        texts.iter().find_map(|text| wanted(&folding, text, 1).err())
    }

    fn would_ask(&self, case: &Case) -> Vec<WouldAsk> {
        self.settings.second_reader.iter().flat_map(|second| second.would_ask(case)).collect()
    }

    fn ask(&self, picture: &Picture, _: &Scene<'_>, so_far: &[Finding]) -> Vec<Asking> {
        self.settings.second_reader.iter().flat_map(|second| second.ask(picture, so_far)).collect()
    }

    fn hear(&self, scene: &Scene<'_>, so_far: Vec<Finding>, heard: &[Heard]) -> Vec<Finding> {
        let means = second::Means {
            case: scene.case,
            ignored: self.ignored(scene.case),
            unsure: self.settings.unsure,
        };
        second::hear(&means, so_far, heard)
    }
}

impl Text {
    fn ignored(&self, case: &Case) -> Ignored {
        let own = expected::<Vec<Ignorable>>(case, "text_ignore");
        let list = own.as_ref().unwrap_or(&self.settings.ignore);
        Ignored {
            case: list.contains(&Ignorable::Case),
            width: list.contains(&Ignorable::Width),
            punctuation: list.contains(&Ignorable::Punctuation),
            diacritics: list.contains(&Ignorable::Diacritics),
        }
    }

    fn reader(&self) -> Result<&Reader, &str> {
        let read = self.reader.get_or_init(|| {
            let weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (detection, recognition) =
                weights.unwrap_or_else(|| Err("the networks are gone".to_owned()))?;
            Reader::new(detection.to_vec(), recognition.to_vec())
        });
        read.as_ref().map_err(String::as_str)
    }

    fn foldings(&self, reader: &Reader, case: &Case) -> Foldings {
        let ignored = self.ignored(case);
        let mut known = self.foldings.lock().unwrap_or_else(PoisonError::into_inner);
        let foldings = known.entry(ignored).or_insert_with(|| {
            [Folding::new, Folding::bare].map(|of| Arc::new(of(reader.characters(), ignored)))
        });
        foldings.clone()
    }

    fn look(&self, picture: &Picture, case: &Case, garbled: bool) -> Vec<Finding> {
        let mut findings = self.read(picture, case, garbled);
        if let Some(why) = &self.unasked {
            second::leave(&mut findings, why);
        }
        findings
    }

    /// What this reader alone finds.
    fn read(&self, picture: &Picture, case: &Case, garbled: bool) -> Vec<Finding> {
        let (texts, no_text) = (texts(case), no_text(case));
        if texts.is_empty() && !no_text && !garbled {
            return vec![Finding::new(NAME, CheckResult::Skipped, "no text is expected")];
        }
        let skipped =
            |why: &str| vec![Finding::new(NAME, CheckResult::Skipped, one_line(why, 400))];
        let reader = match self.reader() {
            Ok(reader) => reader,
            Err(why) if self.settings.second_reader.is_some() && !texts.is_empty() => {
                let text = |text: &String| {
                    skipped(why).into_iter().map(|it| it.limit("text", one_line(text, 200))).next()
                };
                let mut findings: Vec<_> = texts.iter().filter_map(text).collect();
                if no_text || garbled {
                    findings.extend(skipped(why));
                }
                return findings;
            }
            Err(why) => return skipped(why),
        };
        let [folding, plain] = self.foldings(reader, case);
        let mut findings = Vec::new();
        let mut searched: Vec<Wanted> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let folded = folding.ignored.fold(text);
            let same = |other: &&String| folding.ignored.fold(other) == folded;
            if texts.iter().take(index).any(|other| same(&other)) {
                continue;
            }
            match wanted(&folding, text, texts.iter().filter(same).count()) {
                Ok(wanted) => searched.push(wanted),
                Err(why) => {
                    let finding = Finding::new(NAME, CheckResult::Skipped, one_line(&why, 400));
                    findings.push(finding.limit("text", one_line(text, 200)));
                }
            }
        }
        match search(reader, (&folding, &plain), picture, &searched) {
            Ok(answers) => {
                findings.extend(
                    searched
                        .iter()
                        .zip(&answers)
                        .map(|(wanted, answer)| self.finding(wanted, answer, picture)),
                );
            }
            Err(why) => findings.extend(skipped(&why)),
        }
        if no_text {
            findings.push(marks::no_text(reader, picture).unwrap_or_else(|why| {
                Finding::new(NAME, CheckResult::Skipped, one_line(&why, 400))
            }));
        }
        if garbled {
            findings.push(marks::garbled(reader, picture).unwrap_or_else(|why| {
                Finding::new(NAME, CheckResult::Skipped, one_line(&why, 400))
            }));
        }
        findings
    }

    fn finding(&self, wanted: &Wanted, answer: &Answer, picture: &Picture) -> Finding {
        let text = quoted(&wanted.text);
        let reading = answer.reading.as_deref().map(quoted);
        let looks =
            if answer.looks == 1 { "1 look".to_owned() } else { format!("{} looks", answer.looks) };
        let (result, message) = match (answer.verdict, &reading) {
            (Verdict::Found, _) if wanted.times > 1 => {
                (CheckResult::Pass, format!("{text} is drawn {} times", wanted.times))
            }
            (Verdict::Found, _) => (CheckResult::Pass, format!("{text} is drawn")),
            (Verdict::Mirrored(letter), _) => {
                (CheckResult::Fail, format!("a letter “{letter}” of {text} is drawn mirrored"))
            }
            (Verdict::Damaged(letter), _) => {
                (CheckResult::Fail, format!("a letter “{letter}” of {text} is drawn damaged"))
            }
            (Verdict::Differs, Some(reading)) => {
                (CheckResult::Fail, format!("{text} is drawn as {reading}"))
            }
            (Verdict::Accent(letter), _) => (
                CheckResult::Unsure,
                format!(
                    "{text} is read, and a letter “{letter}” of it seems to have another accent: look at it"
                ),
            ),
            (_, _) if answer.times > 0 && wanted.times > answer.times => (
                CheckResult::Unsure,
                format!(
                    "{text} is expected {} times and was found {} times in {looks}",
                    wanted.times, answer.times
                ),
            ),
            (_, _) if answer.times > 0 => (
                CheckResult::Unsure,
                format!("{text} is so short that two looks must find it, and one of {looks} did"),
            ),
            (_, Some(reading)) => (
                CheckResult::Unsure,
                format!(
                    "{text} is not found in {looks}; the nearest that is read is {reading}: look at it"
                ),
            ),
            (_, None) => (
                CheckResult::Unsure,
                format!("{text} is not found in {looks}, and nothing like it: look at it"),
            ),
        };
        let tolerated = result == CheckResult::Unsure && self.settings.unsure == WhenUnsure::Pass;
        let (result, message) = if tolerated {
            (CheckResult::Pass, format!("unsure, which the policy lets pass: {message}"))
        } else {
            (result, message)
        };
        let mut finding = Finding::new(NAME, result, message)
            .measured("looks", answer.looks)
            .limit("text", one_line(&wanted.text, 200));
        if let Some(reading) = &answer.reading {
            finding = finding.measured("reading", one_line(reading, 200));
        }
        if tolerated {
            finding = finding.measured("unsure", true);
        }
        finding.region = answer.extent.map(|extent| region(extent, picture));
        finding
    }
}

/// The texts that a case expects.
fn texts(case: &Case) -> Vec<String> {
    match case.expect.get("text") {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => {
            list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

fn no_text(case: &Case) -> bool {
    case.expect.get("no_text") == Some(&json!(true))
}

/// A text as it is looked for, or why it can't be.
fn wanted(folding: &Folding, text: &str, times: usize) -> Result<Wanted, String> {
    let shown = quoted(text);
    match folding.words(text) {
        Ok(words) if words.is_empty() => {
            Err(format!("nothing is left of {shown} to compare, for punctuation is ignored"))
        }
        Ok(words) => Ok(Wanted { text: text.to_owned(), words, times }),
        Err(letter) => Err(format!(
            "the reader does not know “{}” (U+{:04X}) of {shown}",
            one_line(&letter.to_string(), 4),
            u32::from(letter)
        )),
    }
}

fn quoted(text: &str) -> String {
    format!("“{}”", one_line(text.trim(), QUOTED))
}

/// A place in whole pixels, within the picture.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the picture"
)]
fn region([left, top, right, bottom]: [f32; 4], picture: &Picture) -> [u32; 4] {
    let (width, height) = (picture.width() as f32, picture.height() as f32);
    let x = left.floor().clamp(0.0, (width - 1.0).max(0.0));
    let y = top.floor().clamp(0.0, (height - 1.0).max(0.0));
    let across = (right.ceil().min(width) - x).max(1.0);
    let down = (bottom.ceil().min(height) - y).max(1.0);
    [x as u32, y as u32, across as u32, down as u32]
}
