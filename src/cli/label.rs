//! `presscheck label`: what a person says of a check's word on a picture.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use presscheck_core::inert::one_line;
use presscheck_core::labels::{self, Drawn, Label, LabelFile, Word};
use presscheck_core::policy::nearest;
use presscheck_core::report::SampleLine;

use super::{Exit, output};
use crate::run::bounded;

/// Which picture, and whether the check was right.
#[derive(Args, Clone, Debug)]
pub(super) struct LabelArgs {
    /// The case's id, or the first digits of the picture's SHA-256.
    #[arg(value_name = "CASE|PICTURE", required_unless_present = "ask", conflicts_with = "ask")]
    what: Option<String>,

    /// Which check.
    #[arg(long, value_name = "CHECK")]
    check: String,

    /// The check was right about this picture.
    #[arg(long, conflicts_with = "wrong", required_unless_present_any = ["wrong", "ask"])]
    right: bool,

    /// The check was wrong about it.
    #[arg(long)]
    wrong: bool,

    /// Draw so many pictures to be labelled, at random: half of those that the check failed, half of those that it passed.
    #[arg(long, value_name = "N", conflicts_with_all = ["right", "wrong", "note"])]
    ask: Option<usize>,

    /// The seed of the draw.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,

    /// Which side's picture, where both have one.
    #[arg(long, value_name = "SIDE", value_parser = ["baseline", "candidate"])]
    side: Option<String>,

    /// Which repeat of the case, from 1.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,

    /// Which model of the change, where it changes several.
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,

    /// Why, in a sentence.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,

    /// Who says so.
    #[arg(long, value_name = "NAME", env = "USER")]
    by: Option<String>,

    #[command(flatten)]
    places: LabelPlaces,
}

/// Where runs and labels lie.
#[derive(Args, Clone, Debug)]
pub(super) struct LabelPlaces {
    /// The output folder of a run; may be given several times [default: presscheck-out].
    #[arg(long = "in", value_name = "DIR")]
    folders: Vec<PathBuf>,

    /// The file of labels, to be kept in the repository.
    #[arg(long, value_name = "FILE", default_value = "presscheck-labels.jsonl")]
    labels: PathBuf,
}

/// What did not happen where something is wrong.
const UNWRITTEN: &str = "no label was written";

/// The most bytes of a file of samples or labels.
const MAX_BYTES: u64 = 1 << 30;

/// Writes labels.
pub(super) fn run(arguments: &LabelArgs, json: bool) -> Exit {
    match label(arguments, json) {
        Ok(exit) => exit,
        Err(text) => {
            super::gate::report_problem(&text, Exit::Config, json);
            Exit::Config
        }
    }
}

fn label(arguments: &LabelArgs, json: bool) -> Result<Exit, String> {
    let samples = arguments.places.samples(UNWRITTEN)?;
    let known = arguments.places.known(UNWRITTEN)?;
    let check = arguments.check.as_str();
    holds(&samples, check)?;
    let written = match (arguments.ask, &arguments.what) {
        (Some(count), _) => {
            let drawn = labels::draw(&samples, check, &known, (count, arguments.seed));
            output::stderr(&asked(arguments, &drawn, &known, &samples));
            drawn.labels
        }
        (None, Some(what)) => {
            let line = find(&samples, what, arguments)?;
            let label = Label::open(line, check).ok_or_else(|| unjudged(line, check))?;
            let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let by = arguments.by.as_deref();
            vec![label.said_to_be(arguments.right, by, &at, arguments.note.as_deref())]
        }
        (None, None) => return Err("name a case or a picture, or draw some with --ask".to_owned()),
    };
    let mut file = known;
    written.iter().cloned().for_each(|label| file.add(label));
    append(&arguments.places.labels, &written)?;
    if arguments.ask.is_none() {
        output::stderr(&done(arguments, &written));
    }
    if json {
        let document = serde_json::json!({"schema": 1, "labels": written});
        output::stdout(format!("{document}\n").as_bytes());
    }
    Ok(Exit::Pass)
}

impl LabelPlaces {
    /// The samples of all runs that are named; `undone` says what does not happen without them.
    pub(super) fn samples(&self, undone: &str) -> Result<Vec<SampleLine>, String> {
        let usual = [PathBuf::from("presscheck-out")];
        let folders = if self.folders.is_empty() { &usual[..] } else { &self.folders };
        let mut samples = Vec::new();
        for folder in folders {
            let path = folder.join("samples.jsonl");
            let shown = one_line(&path.to_string_lossy(), 200);
            let bytes = bounded(&path, MAX_BYTES).map_err(|error| {
                format!(
                    "{shown} can't be read: {error}; {undone}\n  help: name the output folder of a run with --in"
                )
            })?;
            for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
                if line.is_empty() {
                    continue;
                }
                let sample = serde_json::from_slice(line).map_err(|error| {
                    format!(
                        "{shown}:{}: {error}; {undone}\n  help: take the file as the run wrote it, or replay the run with --out",
                        number + 1
                    )
                })?;
                samples.push(sample);
            }
        }
        Ok(samples)
    }

    /// The labels so far; `undone` says what does not happen without them.
    pub(super) fn known(&self, undone: &str) -> Result<LabelFile, String> {
        let shown = one_line(&self.labels.to_string_lossy(), 200);
        let bytes = match bounded(&self.labels, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(LabelFile::default());
            }
            Err(error) => return Err(format!("{shown} can't be read: {error}; {undone}")),
        };
        let text =
            String::from_utf8(bytes).map_err(|_| format!("{shown} is no UTF-8 text; {undone}"))?;
        labels::read_labels(&text).map_err(|problems| {
            let lines: Vec<_> = problems
                .iter()
                .take(10)
                .map(|problem| {
                    format!("\n  line {}: {}", problem.line, one_line(&problem.message, 200))
                })
                .collect();
            format!(
                "{shown} holds {}; {undone}{}\n  help: mend or remove them; what is left out silently would shift the rates",
                match problems.len() {
                    1 => "a line that is no label".to_owned(),
                    n => format!("{n} lines that are no labels"),
                },
                lines.concat()
            )
        })
    }
}

/// Whether any sample was looked at by a check of this name.
fn holds(samples: &[SampleLine], check: &str) -> Result<(), String> {
    let mut names: Vec<&str> =
        samples.iter().flat_map(|line| &line.findings).map(|it| it.check.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.contains(&check) {
        return Ok(());
    }
    let shown = one_line(check, 60);
    Err(match nearest(check, &names) {
        Some(near) => format!(
            "no picture was looked at by `{shown}`; no label was written\n  help: did you mean `{}`?",
            one_line(near, 60)
        ),
        None => format!(
            "no picture was looked at by `{shown}`; no label was written\n  help: the run's checks are {}",
            names.join(", ")
        ),
    })
}

fn unjudged(line: &SampleLine, check: &str) -> String {
    let case = one_line(&line.case, 60);
    match labels::picture(line) {
        None => format!(
            "`{case}` has no picture on the {} side; no label was written\n  help: name the other side with --side, or another case",
            line.side
        ),
        Some(_) => format!(
            "`{}` did not judge the picture of `{case}`; no label was written",
            one_line(check, 60)
        ),
    }
}

/// The sample that is meant.
fn find<'a>(
    samples: &'a [SampleLine],
    what: &str,
    arguments: &LabelArgs,
) -> Result<&'a SampleLine, String> {
    let of_picture = |line: &&SampleLine| {
        what.len() >= 8
            && labels::picture(line)
                .is_some_and(|it| it.to_string().starts_with(&what.to_ascii_lowercase()))
    };
    let of_case = |line: &&SampleLine| line.case == what && line.repeat + 1 == arguments.repeat;
    let wanted = |line: &&SampleLine| {
        arguments.side.as_deref().is_none_or(|side| side == line.side.to_string())
            && arguments.subject.as_deref().is_none_or(|subject| subject == line.subject)
    };
    let mut found: Vec<_> = samples.iter().filter(of_case).filter(wanted).collect();
    if found.is_empty() {
        found = samples.iter().filter(of_picture).filter(wanted).collect();
        // The same picture, drawn twice, is one.
        found.dedup_by_key(|line| labels::picture(line));
    }
    let shown = one_line(what, 80);
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let cases: Vec<_> = samples.iter().map(|line| line.case.as_str()).collect();
            let hint = nearest(what, &cases).map_or_else(
                || "name a case of the run, or eight digits of a picture's name".to_owned(),
                |near| format!("did you mean `{}`?", one_line(near, 80)),
            );
            Err(format!("there is no sample `{shown}`; no label was written\n  help: {hint}"))
        }
        several => {
            let mut ways = Vec::new();
            if differ(several, |line| line.side.word()) {
                ways.push("--side baseline or --side candidate");
            }
            if differ(several, |line| line.subject.as_str()) {
                ways.push("--subject");
            }
            if ways.is_empty() {
                ways.push("the picture's own name instead of the case");
            }
            Err(format!(
                "`{shown}` stands for {} pictures; no label was written\n  help: say which with {}",
                several.len(),
                ways.join(", or ")
            ))
        }
    }
}

/// Whether samples are not all alike in something.
fn differ<'a>(samples: &[&'a SampleLine], what: impl Fn(&'a SampleLine) -> &'a str) -> bool {
    let mut all = samples.iter().map(|line| what(line));
    all.next().is_some_and(|first| all.any(|other| other != first))
}

fn append(path: &Path, labels: &[Label]) -> Result<(), String> {
    let shown = one_line(&path.to_string_lossy(), 200);
    let failed = |error: std::io::Error| format!("{shown} can't be written: {error}");
    let mut text = String::new();
    // A file that somebody edited may lack its last new line.
    if let Ok(bytes) = std::fs::read(path)
        && bytes.last().is_some_and(|last| *last != b'\n')
    {
        text.push('\n');
    }
    labels.iter().for_each(|label| text.push_str(&labels::write_label(label)));
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)
}

/// What was drawn, and how to answer.
fn asked(
    arguments: &LabelArgs,
    drawn: &Drawn,
    known: &LabelFile,
    samples: &[SampleLine],
) -> String {
    let check = one_line(&arguments.check, 60);
    if drawn.labels.is_empty() {
        return format!("Every picture that `{check}` judged was drawn before.\n");
    }
    let mut out = format!(
        "{} drawn for `{check}`: look at each, and say whether the check is right.\n\n",
        match drawn.labels.len() {
            1 => "One picture".to_owned(),
            n => format!("{n} pictures"),
        }
    );
    for label in &drawn.labels {
        let line = samples.iter().find(|line| labels::picture(line) == Some(label.picture));
        let image = line.and_then(|line| line.image.as_deref()).unwrap_or_default();
        let truth = known.truth(label.picture, &label.check);
        out.push_str(&format!(
            "  {:<4}  {}{}\n",
            label.said.word(),
            one_line(image, 90),
            truth.map_or_else(String::new, |truth| format!("   labelled {} before", truth.word()))
        ));
    }
    let digits: String = drawn
        .labels
        .first()
        .map(|label| label.picture.to_string().chars().take(12).collect())
        .unwrap_or_default();
    out.push_str(&format!(
        "\nTo answer: presscheck label {digits} --check {check} --right (or --wrong)\n"
    ));
    let left: usize = drawn.left.values().sum();
    if left > 0 {
        out.push_str(&format!("{left} more were not drawn.\n"));
    }
    out
}

fn done(arguments: &LabelArgs, written: &[Label]) -> String {
    let mut out = String::new();
    for label in written {
        let verb = match (label.said, arguments.right) {
            (Word::Pass, true) => "rightly passed",
            (Word::Pass, false) => "missed what is wrong with",
            (Word::Fail, true) => "rightly failed",
            (Word::Fail, false) => "wrongly failed",
        };
        out.push_str(&format!(
            "`{}` {verb} the {}'s picture of `{}`: noted in {}.\n",
            one_line(&label.check, 60),
            label.side,
            one_line(&label.case, 60),
            one_line(&arguments.places.labels.to_string_lossy(), 200)
        ));
    }
    out
}
