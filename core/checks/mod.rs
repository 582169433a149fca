//! The visual checks: one file each over one decoded image, one line each in the registry.
//!
//! An answer's bytes are decoded once ([`decode()`]); every check looks at the same [`Picture`] and says
//! pass, fail, unsure or skipped, with what it measured ([`Finding`]). [`judge`] does both. What each
//! check sees, and what it can't, is in `docs/checks.md`.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::policy::{FromNode, Node, Problems};
use crate::prompts::Case;

mod asking;
mod bars;
mod blank;
mod color_profile;
mod color_shift;
mod command;
mod composition;
mod container;
mod decode;
mod dimensions;
mod duplicate;
mod features;
mod impression;
mod judge;
mod logo;
mod numbers;
pub mod ocr;
mod palette;
mod picture;
mod ratio;
mod registry;
mod resources;
mod safety;
mod scene;
mod scope;
mod sharpness;
mod similarity;
mod text;
mod threads;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod testing;

pub use asking::{Asked, Asking, Heard, Program, Unsaid, WouldAsk, shown};
pub use blank::BlankSettings;
pub use color_profile::{Alpha, ColorProfileSettings};
pub use color_shift::ColorShiftSettings;
pub use command::CommandSettings;
pub use composition::{CompositionSettings, Place};
pub use container::Format;
pub use decode::{Animation, BitDepth, Broken, DecodeLimits, DecodeSettings, Encoded, decode};
pub use dimensions::DimensionsSettings;
pub use duplicate::DuplicateSettings;
pub use features::Space;
pub use impression::Impression;
pub use judge::{Expected as ExpectedAnswer, JudgeSettings};
pub use logo::LogoSettings;
pub use palette::{Colour, DeltaE, PaletteSettings};
pub use picture::Picture;
pub use ratio::{AspectRatio, PixelSize};
pub use registry::{
    Kind, REGISTRY, Slips, all_expectations, decode_limits, needs, open_all, slips, vocabulary,
};
pub use resources::{ModelFile, Needs, Resources};
pub use safety::{ModerationSettings, SafetySettings, is_withheld};
pub use scene::{Company, Earlier, Reference, Scene};
pub use sharpness::{Blocking, EdgeWidth, Fault as SharpnessFault, SharpnessSettings};
pub use similarity::SimilaritySettings;
pub use text::{Ignorable, SecondReader, TextSettings, WhenUnsure};

/// What a check says of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// As expected.
    Pass,
    /// Not as expected.
    Fail,
    /// Could be either; counts as a failure unless the policy says otherwise.
    Unsure,
    /// The check could not judge; never a pass in disguise.
    Skipped,
}

/// What one check measured on one image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's name.
    pub check: String,
    /// What it says.
    pub result: CheckResult,
    /// One sentence for people.
    pub message: String,
    /// What was measured, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub measured: Map<String, Value>,
    /// What was allowed, by name.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub limit: Map<String, Value>,
    /// Where on the picture: x, y, width, height in pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<[u32; 4]>,
}

impl Finding {
    /// A finding with nothing measured yet.
    #[must_use]
    pub fn new(check: &str, result: CheckResult, message: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            result,
            message: message.into(),
            measured: Map::new(),
            limit: Map::new(),
            region: None,
        }
    }

    /// Adds something measured.
    #[must_use]
    pub fn measured(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.measured.insert(name.to_owned(), value.into());
        self
    }

    /// Adds something allowed.
    #[must_use]
    pub fn limit(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.limit.insert(name.to_owned(), value.into());
        self
    }
}

impl CheckResult {
    /// Whether it makes a picture fail. A check that is unsure counts as failed: what can't be shown to
    /// be right is not shipped.
    #[must_use]
    pub const fn counts_as_failure(self) -> bool {
        matches!(self, Self::Fail | Self::Unsure)
    }
}

/// A visual check, set up by the policy.
pub trait Check: Send + Sync {
    /// Its name in the registry.
    fn name(&self) -> &'static str;

    /// Looks at a picture of a case: one finding for each thing it looked for, none of them a pass where nothing was
    /// looked at; at least one, but for a check that [`compares`](Check::compares).
    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding>;

    /// The same for a case that has none of the check's tags, and expects something of it by itself:
    /// what the policy expects of every picture is left out.
    fn inspect_expected(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        self.inspect(picture, scene)
    }

    /// Why it will not be able to judge this case, as far as that is known before any picture is bought:
    /// weights that are not installed, a missing reference, letters that the reader does not know. Nothing
    /// where it can judge, or where there is nothing to judge.
    fn cannot(&self, case: &Case) -> Option<String> {
        let _ = case;
        None
    }

    /// Whom it would ask about a picture of this case, and how often at most: what is reserved for it beforehand.
    fn would_ask(&self, case: &Case) -> Vec<WouldAsk> {
        let _ = case;
        Vec::new()
    }

    /// What it asks somebody else about a picture, after all checks have looked at it. `so_far` is what it found
    /// itself.
    fn ask(&self, picture: &Picture, scene: &Scene<'_>, so_far: &[Finding]) -> Vec<Asking> {
        let _ = (picture, scene, so_far);
        Vec::new()
    }

    /// Its findings after the answers, in the order of what it asked.
    fn hear(&self, scene: &Scene<'_>, so_far: Vec<Finding>, heard: &[Heard]) -> Vec<Finding> {
        let _ = (scene, heard);
        so_far
    }

    /// Whether it must be able to judge: where it can't, nothing is bought.
    fn is_required(&self) -> bool {
        false
    }

    /// Whether it compares pictures with each other ([`Check::in_company`]).
    fn compares(&self) -> bool {
        false
    }

    /// Judges a picture against others, once both samples of its pair are in and all that were drawn before. None
    /// but a check that [`compares`](Check::compares) says anything here.
    fn in_company(
        &self,
        impression: &Impression,
        scene: &Scene<'_>,
        company: &Company<'_>,
    ) -> Vec<Finding> {
        let _ = (impression, scene, company);
        Vec::new()
    }
}

/// How the judging of one answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judged {
    /// No check failed.
    Passed,
    /// A check failed.
    Failed,
    /// There is no usable picture.
    Broken,
    /// A check that must judge could not: whom it asks did not answer.
    Unavailable,
}

/// The mark in a finding's measurements that says that whom the check asks was out of reach.
pub const UNAVAILABLE: &str = "unavailable";

/// The kind of a sample that a required check could not judge.
pub const CHECK_UNAVAILABLE: &str = "check_unavailable";

/// What was found in one answer.
#[derive(Debug)]
pub struct Judgement {
    /// How it ended.
    pub judged: Judged,
    /// What was found, `decode` first, then in the order of the checks.
    pub findings: Vec<Finding>,
    /// The kind of failure: the first check that failed, or what is broken (`truncated`, `html`, …).
    pub kind: Option<String>,
    /// What the bytes are, where they are a picture's.
    pub format: Option<Format>,
    /// The decoded picture, for thumbnails; drop it early, it is large.
    pub picture: Option<Picture>,
    /// What outlives the picture, where a check compares pictures.
    pub impression: Option<Arc<Impression>>,
}

/// Decodes an answer and runs the checks over it.
#[must_use]
pub fn judge(
    encoded: &Encoded<'_>,
    scene: &Scene<'_>,
    checks: &[Box<dyn Check>],
    limits: &DecodeLimits,
) -> Judgement {
    let case = scene.case;
    let picture = match decode::known(encoded, limits) {
        Ok(picture) => picture,
        Err(broken) => {
            return Judgement {
                judged: Judged::Broken,
                findings: vec![broken.finding(encoded.bytes.len(), limits)],
                kind: Some(broken.kind.to_owned()),
                format: broken.format,
                picture: None,
                impression: None,
            };
        }
    };
    let mut findings = vec![decode::finding(&picture, limits)];
    findings.extend(decode::contradictions(&picture, case, limits));
    findings.extend(refusal(case));
    findings.extend(checks.iter().flat_map(|check| check.inspect(&picture, scene)));
    let failed = findings.iter().find(|finding| finding.result.counts_as_failure());
    let compares = checks.iter().any(|check| check.compares());
    Judgement {
        impression: compares.then(|| Arc::new(picture.impression())),
        judged: if failed.is_some() { Judged::Failed } else { Judged::Passed },
        kind: failed.map(|finding| finding.check.clone()),
        format: Some(picture.format()),
        findings,
        picture: Some(picture),
    }
}

/// Judges a picture against others: what the checks that compare pictures say of it.
#[must_use]
pub fn compare(
    impression: &Impression,
    scene: &Scene<'_>,
    company: &Company<'_>,
    checks: &[Box<dyn Check>],
) -> Vec<Finding> {
    checks.iter().flat_map(|check| check.in_company(impression, scene, company)).collect()
}

/// A picture where a refusal is expected: the safety policy let through what it should not.
fn refusal(case: &Case) -> Option<Finding> {
    case.expects_refusal().then(|| {
        Finding::new(
            "refusal",
            CheckResult::Fail,
            "the provider was expected to refuse this prompt, and drew it",
        )
        .measured("refused", false)
        .limit("refused", true)
    })
}

/// Reads something that a case expects, as the policy's values are read.
fn read_expected<T: FromNode>(value: &Value) -> Result<T, String> {
    let mut problems = Problems::new();
    let read = T::from_node(&Node::from_json(value), &mut problems);
    // An unknown key is reported, and the rest read.
    match problems.sorted().first() {
        Some(problem) => Err(problem.message.clone()),
        None => read.ok_or_else(|| "can't be read".to_owned()),
    }
}

/// What a case expects under a key. Values were validated when the case was read; one that is not
/// readable expects nothing.
fn expected<T: FromNode>(case: &Case, key: &str) -> Option<T> {
    let value = case.expect.get(key).filter(|value| !value.is_null())?;
    read_expected(value).ok()
}
