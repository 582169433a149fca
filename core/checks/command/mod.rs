//! `command`: a program of the team's own. It stands on the trusted side, as the policy does; what it says is read as any
//! stranger's text.

use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::asking::{Asking, Heard, Program, shown};
use super::registry::Opened;
use super::{Check, CheckResult, Finding, Picture, Resources, Scene, UNAVAILABLE};
use crate::inert::one_line;
use crate::policy::{CheckVocabulary, FromNode, Node, Problems, Settings, Spanned};
use crate::prompts::Case;
use crate::record;
use crate::units::{RepoPath, TimeSpan};

const NAME: &str = "command";

/// The longest that a program may be allowed to run.
const LONGEST: Duration = Duration::from_secs(600);
/// The most bytes of output that may be allowed.
const MOST_OUTPUT: u32 = 16 << 20;
/// The most findings of one picture, and bytes of what one of them measured.
const MOST: (usize, usize) = (32, 4_096);
/// The longest side of a picture as it is handed over: the largest that is decoded.
const MAX_SIDE: u32 = 16_384;

record! {
    /// A program of the team's own that judges pictures.
    pub struct CommandSettings {
        /// The program and its arguments. Those that are paths of the repository (with a `/`, such as
        /// `checks/brand.py` or `./brand.py`) are read at the base commit.
        run: Spanned<Vec<String>>,
        /// More files of the repository that it needs.
        files: Vec<RepoPath> = "[]",
        /// The longest that it may run on one picture; at most `10m`.
        timeout: Spanned<TimeSpan> = "10s",
        /// The most bytes that it may print.
        max_output: Spanned<u32> = "65536",
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "What a program of the team's own says of the picture.",
    on_by_default: false,
    scoped: true,
    read,
    schema: CommandSettings::schema,
    expectations: &[],
};

fn read(node: &Node, problems: &mut Problems) -> Option<Settings> {
    let before = problems.errors();
    let settings = CommandSettings::from_node(node, problems)?;
    if settings.run.value.first().is_none_or(|program| program.trim().is_empty()) {
        problems.error_with_help(
            settings.run.span,
            "`run` names no program",
            "write the program and its arguments: `run: [python3, checks/brand.py]`",
        );
    }
    // A path that leads elsewhere from where presscheck happens to stand might lead into what a change brings.
    if let Some(program) = settings.run.value.first()
        && program.contains('/')
        && !program.starts_with('/')
        && in_repository(program).is_none()
    {
        problems.error_with_help(
            settings.run.span,
            format!("`{}` is no path within the repository", one_line(program, 80)),
            "name a file of the repository, as `checks/brand.py`, or a program that is installed, by its name or its whole path",
        );
    }
    if settings.run.value.iter().any(|argument| argument.contains('\0')) {
        problems.error(settings.run.span, "an argument holds a NUL character");
    }
    if settings.timeout.value.0.is_zero() || settings.timeout.value.0 > LONGEST {
        problems.error(settings.timeout.span, "`timeout` is more than nothing and at most `10m`");
    }
    if !(1..=MOST_OUTPUT).contains(&settings.max_output.value) {
        problems.error(
            settings.max_output.span,
            format!("`max_output` is from 1 to {MOST_OUTPUT} bytes"),
        );
    }
    (problems.errors() == before).then(|| Settings::new(settings))
}

/// The repository's files that the program needs.
pub(super) fn files(settings: &Settings) -> Vec<RepoPath> {
    let Some(settings) = settings.get::<CommandSettings>() else { return Vec::new() };
    let named = settings.run.value.iter().filter_map(|argument| in_repository(argument));
    let mut files: Vec<RepoPath> = Vec::new();
    for file in named.chain(settings.files.iter().cloned()) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// The program, where it is none of the repository's.
pub(super) fn programs(settings: &Settings) -> Vec<String> {
    let program = settings.get::<CommandSettings>().and_then(|own| own.run.value.first());
    program.filter(|program| in_repository(program).is_none()).cloned().into_iter().collect()
}

/// The file of the repository that a word of the command line names, if it names one.
fn in_repository(word: &str) -> Option<RepoPath> {
    let path = word.strip_prefix("./").unwrap_or(word);
    let named = word.contains('/') && !path.starts_with(['/', '-']) && !path.contains("//");
    if named { path.parse().ok() } else { None }
}

/// Sets the check up.
pub(super) fn open(settings: &Settings, resources: &Resources) -> Opened {
    let own = settings.get::<CommandSettings>().ok_or("its settings were not read")?;
    let mut found: Vec<(RepoPath, Bytes)> = Vec::new();
    for path in files(settings) {
        let bytes = resources.file(&path).ok_or_else(|| format!("{path} was not read"))?;
        found.push((path, bytes.clone()));
    }
    let why_not = resources.why_no_program().map(str::to_owned);
    Ok(Some(Box::new(Command { settings: own.clone(), files: found, why_not })))
}

struct Command {
    settings: CommandSettings,
    files: Vec<(RepoPath, Bytes)>,
    why_not: Option<String>,
}

/// The size of the picture in a finding that waits for the program.
const SIZE: &str = "size";

impl Check for Command {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, _: &Scene<'_>) -> Vec<Finding> {
        let message = match &self.why_not {
            Some(why) => format!("the program was not run: {why}"),
            None => "the program was not run".to_owned(),
        };
        let size = vec![picture.width(), picture.height()];
        vec![Finding::new(NAME, CheckResult::Skipped, message).measured(SIZE, size)]
    }

    fn cannot(&self, _: &Case) -> Option<String> {
        self.why_not.clone()
    }

    fn ask(&self, picture: &Picture, scene: &Scene<'_>, _: &[Finding]) -> Vec<Asking> {
        if self.why_not.is_some() {
            return Vec::new();
        }
        let Ok(file) = shown(picture, MAX_SIDE) else { return Vec::new() };
        let case = scene.case;
        let input = json!({
            "case": case.id,
            "prompt": case.prompt,
            "tags": case.tags,
            "expect": case.expect,
            "width": picture.width(),
            "height": picture.height(),
        });
        vec![Asking::Program(Program {
            run: self.settings.run.value.clone(),
            files: self.files.clone(),
            input,
            picture: file,
            timeout: self.settings.timeout.value.0,
            max_output: self.settings.max_output.value.into(),
        })]
    }

    fn hear(&self, _: &Scene<'_>, so_far: Vec<Finding>, heard: &[Heard]) -> Vec<Finding> {
        let could_not = |why: &str| {
            let message = format!("the program could not judge: {}", one_line(why, 300));
            vec![Finding::new(NAME, CheckResult::Skipped, message).measured(UNAVAILABLE, true)]
        };
        match heard.first() {
            Some(Heard::Printed(Ok(text))) => match printed(text, size_of(&so_far)) {
                Ok(findings) => findings,
                Err(why) => could_not(&why),
            },
            Some(Heard::Printed(Err(why))) => could_not(why),
            Some(Heard::Votes(_)) | None => so_far,
        }
    }
}

/// A finding as a program prints it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    result: CheckResult,
    message: String,
    #[serde(default)]
    measured: Map<String, Value>,
    #[serde(default)]
    region: Option<[u32; 4]>,
}

/// The size of the picture that the program was asked about.
fn size_of(findings: &[Finding]) -> [u32; 2] {
    let size = findings.first().and_then(|finding| finding.measured.get(SIZE)).cloned();
    size.and_then(|size| serde_json::from_value(size).ok()).unwrap_or_default()
}

/// The part of a place that lies on the picture, if any does.
fn within([x, y, w, h]: [u32; 4], [width, height]: [u32; 2]) -> Option<[u32; 4]> {
    let (w, h) = (w.min(width.saturating_sub(x)), h.min(height.saturating_sub(y)));
    (w > 0 && h > 0).then_some([x, y, w, h])
}

/// What a program printed about a picture of a size: one finding, or `{"findings": […]}`.
pub(super) fn printed(text: &str, size: [u32; 2]) -> Result<Vec<Finding>, String> {
    const WRONG: &str = "it printed no JSON of the form that is asked for";
    let value: Value = serde_json::from_str(text.trim()).map_err(|_| WRONG)?;
    let list = match &value {
        Value::Object(members) if members.contains_key("findings") => {
            members.get("findings").and_then(Value::as_array).ok_or(WRONG)?.clone()
        }
        Value::Object(_) => vec![value],
        _ => return Err(WRONG.to_owned()),
    };
    if list.is_empty() || list.len() > MOST.0 {
        return Err(format!("it printed {} findings; from 1 to {} are taken", list.len(), MOST.0));
    }
    list.into_iter()
        .map(|finding| {
            let said: Said =
                serde_json::from_value(finding).map_err(|error| format!("{WRONG} ({error})"))?;
            if said.message.trim().is_empty() {
                return Err("a finding of it says nothing: `message` is empty".to_owned());
            }
            let mut finding = Finding::new(NAME, said.result, one_line(&said.message, 500));
            // A mark of our own is not a program's to set.
            finding.measured =
                said.measured.into_iter().filter(|(key, _)| key != UNAVAILABLE).collect();
            if Value::Object(finding.measured.clone()).to_string().len() > MOST.1 {
                finding.measured = Map::new();
            }
            finding.region = said.region.and_then(|region| within(region, size));
            Ok(finding)
        })
        .collect()
}

#[cfg(test)]
mod tests;
