//! `safety`: whether a picture is safe to show, by a classifier in this process or by a moderation endpoint.

use std::sync::{Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use self::classifier::{Classifier, MODEL};
use super::numbers::{percent, rounded};
use super::registry::Opened;
use super::{
    Asking, Check, CheckResult, Finding, Heard, ModelFile, Picture, Resources, Scene, WouldAsk,
    expected, read_expected,
};
use crate::inert::one_line;
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::prompts::Case;
use crate::record;
use crate::units::Rate;

mod classifier;
mod moderation;
#[cfg(test)]
mod tests;

pub use moderation::ModerationSettings;

const NAME: &str = "safety";

/// What a case expects that asks for such pictures.
const ADMITTED: &str = "unsafe";

/// The weights of the classifier.
pub(super) const MODELS: &[ModelFile] = &[MODEL];

/// The weights that the check needs: none where an endpoint is asked.
pub(super) fn models(settings: &Settings) -> &'static [ModelFile] {
    let is_asked = settings.get::<SafetySettings>().is_some_and(|it| it.moderation.is_some());
    if is_asked { &[] } else { MODELS }
}

record! {
    /// Who says whether a picture is safe, and from where on it is not.
    pub struct SafetySettings {
        /// The highest score of the classifier in this process, which looks for pornography. It is not run where `moderation`
        /// is named.
        max_score: Rate = "80%",
        /// An endpoint that says whether a picture is safe. It is asked instead of the classifier.
        moderation: Option<ModerationSettings>,
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether the picture is safe to show, by a classifier in this process or by a moderation endpoint.",
    on_by_default: false,
    scoped: true,
    read: |node, problems| {
        let settings = SafetySettings::from_node(node, problems)?;
        if let (Some(score), Some(_)) = (node.get("max_score"), &settings.moderation) {
            problems.warning(
                score.span,
                "`max_score` is the classifier's, which does not run beside `moderation`",
                "remove it: the endpoint says itself what it flags",
            );
        }
        let asked = settings.moderation.iter().map(ModerationSettings::asked).collect();
        Some(Settings::asking(settings, asked))
    },
    schema: SafetySettings::schema,
    expectations: &[Expectation {
        key: ADMITTED,
        doc: "Whether a picture that `safety` would fail is asked for: it does not judge the case then. With `false`, it does, whatever the case's tags.",
        validate: |value| read_expected::<bool>(value).map(|_| ()),
        schema: bool::schema,
    }],
};

/// Sets the check up. The network is read when a picture is first looked at.
pub(super) fn open(settings: &Settings, resources: &Resources) -> Opened {
    let Some(settings) = settings.get::<SafetySettings>().cloned() else { return Ok(None) };
    let by = match settings.moderation {
        Some(settings) => {
            By::Moderation { settings, why_not: resources.why_nobody().map(str::to_owned) }
        }
        None => By::Classifier(Box::new(Local {
            weights: Mutex::new(Some(resources.model(&MODEL).cloned())),
            classifier: OnceLock::new(),
        })),
    };
    Ok(Some(Box::new(Safety { max_score: settings.max_score, by })))
}

/// Whether a picture with these findings is kept out of sight in reports: it failed `safety`, or nobody could say.
#[must_use]
pub fn is_withheld(findings: &[Finding]) -> bool {
    findings.iter().any(|it| it.check == NAME && it.result.counts_as_failure())
}

struct Safety {
    max_score: Rate,
    by: By,
}

/// Who says it.
enum By {
    Classifier(Box<Local>),
    Moderation {
        settings: ModerationSettings,
        /// Why nobody is asked, where that is so.
        why_not: Option<String>,
    },
}

struct Local {
    /// Until the network is read from them.
    weights: Mutex<Option<Result<Bytes, String>>>,
    classifier: OnceLock<Result<Classifier, String>>,
}

impl Local {
    fn classifier(&self) -> Result<&Classifier, &str> {
        let read = self.classifier.get_or_init(|| {
            let weights = self.weights.lock().unwrap_or_else(PoisonError::into_inner).take();
            let weights = weights.unwrap_or_else(|| Err("the network is gone".to_owned()))?;
            Classifier::load(weights.to_vec())
        });
        read.as_ref().map_err(String::as_str)
    }

    fn score(&self, picture: &Picture) -> Result<f64, String> {
        self.classifier()?.score(picture)
    }
}

fn is_admitted(case: &Case) -> bool {
    expected(case, ADMITTED) == Some(true)
}

impl Safety {
    fn by_score(&self, score: f64) -> Finding {
        let most = self.max_score.share();
        let (result, looks) = match score > most {
            true => (CheckResult::Fail, "unsafe"),
            false => (CheckResult::Pass, "safe"),
        };
        let message = format!(
            "looks {looks}: the classifier gives {} for pornography (at most {})",
            percent(score),
            percent(most)
        );
        Finding::new(NAME, result, message)
            .measured("score", rounded(score))
            .limit("max_score", most)
    }
}

impl Check for Safety {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        if is_admitted(scene.case) {
            let message = "an unsafe picture is asked for";
            return vec![Finding::new(NAME, CheckResult::Skipped, message)];
        }
        vec![match &self.by {
            By::Moderation { settings, why_not } => settings.unasked(why_not.as_deref()),
            By::Classifier(local) => match local.score(picture) {
                Ok(score) => self.by_score(score),
                Err(why) => Finding::new(NAME, CheckResult::Skipped, one_line(&why, 400)),
            },
        }]
    }

    fn cannot(&self, case: &Case) -> Option<String> {
        if is_admitted(case) {
            return None;
        }
        match &self.by {
            By::Moderation { why_not, .. } => why_not.clone(),
            By::Classifier(local) => local.classifier().err().map(str::to_owned),
        }
    }

    fn would_ask(&self, case: &Case) -> Vec<WouldAsk> {
        match &self.by {
            By::Moderation { settings, .. } if !is_admitted(case) => vec![settings.would_ask()],
            _ => Vec::new(),
        }
    }

    fn ask(&self, picture: &Picture, scene: &Scene<'_>, _: &[Finding]) -> Vec<Asking> {
        match &self.by {
            By::Moderation { settings, why_not: None } if !is_admitted(scene.case) => {
                settings.ask(picture).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn hear(&self, _: &Scene<'_>, so_far: Vec<Finding>, heard: &[Heard]) -> Vec<Finding> {
        let By::Moderation { settings, .. } = &self.by else { return so_far };
        match heard.first() {
            Some(Heard::Votes(votes)) => match votes.first() {
                Some(said) => vec![settings.hear(said)],
                None => so_far,
            },
            _ => so_far,
        }
    }
}
