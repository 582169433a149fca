//! `similarity`: whether an edited or enlarged picture keeps the structure of its input, and whether anything
//! was changed where a change was asked.

use super::features::plane;
use super::registry::Opened;
use super::{
    Broken, Check, CheckResult, Finding, Picture, Resources, Scene, expected, read_expected,
};
use crate::checks::numbers::{percent, rounded};
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::prompts::Case;
use crate::record;
use crate::units::Rate;

mod structure;

use structure::{Structure, WINDOW};

const NAME: &str = "similarity";

/// How far a colour may be off, in CIELAB, before it counts as changed: more than encoders do to it.
const TOLERANCE: f32 = 6.0;

record! {
    /// How much of the input picture must be kept, and how much changed.
    pub struct SimilaritySettings {
        /// The least share of the input's structure that must be kept.
        min_structure: Rate = "40%",
        /// The least share of the picture that must differ visibly from the input, where the case expects
        /// `changed: true`.
        min_change: Rate = "1%",
        /// The largest share that may differ, where the case expects `changed: false`.
        max_change: Rate = "10%",
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether an edit or upscale keeps the structure of its input picture, and changes what it should.",
    on_by_default: false,
    scoped: true,
    read: |node, problems| SimilaritySettings::from_node(node, problems).map(Settings::new),
    schema: SimilaritySettings::schema,
    expectations: &[
        Expectation {
            key: "changed",
            doc: "Whether the picture must differ visibly from the case's input picture (`true`) or must not (`false`).",
            validate: |value| read_expected::<bool>(value).map(|_| ()),
            schema: bool::schema,
        },
        Expectation {
            key: "structure",
            doc: "The least share of the input picture's structure that must be kept, as `80%`; `0%` where it does not matter.",
            validate: |value| read_expected::<Rate>(value).map(|_| ()),
            schema: Rate::schema,
        },
    ],
};

/// Sets the check up.
pub(super) fn open(settings: &Settings, _: &Resources) -> Opened {
    let check = |settings: &SimilaritySettings| {
        Box::new(Similarity { settings: settings.clone() }) as Box<dyn Check>
    };
    Ok(settings.get::<SimilaritySettings>().map(check))
}

struct Similarity {
    settings: SimilaritySettings,
}

impl Check for Similarity {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        self.look(picture, scene, Some(self.settings.min_structure))
    }

    fn inspect_expected(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        self.look(picture, scene, None)
    }

    fn cannot(&self, case: &Case) -> Option<String> {
        let expects = case.expect.get("changed").or_else(|| case.expect.get("structure"));
        let missing = case.image.is_none() && expects.is_some_and(|value| !value.is_null());
        missing.then(|| {
            "the case has no input picture to compare with; name one under `image`".to_owned()
        })
    }
}

impl Similarity {
    /// Judges the structure by what the case expects of it, else by `least`.
    fn look(&self, picture: &Picture, scene: &Scene<'_>, least: Option<Rate>) -> Vec<Finding> {
        let skipped = |why: String| vec![Finding::new(NAME, CheckResult::Skipped, why)];
        let Some(input) = scene.input else {
            return skipped("the case has no input picture to compare with".to_owned());
        };
        let input = match input.picture() {
            Ok(input) => input,
            Err(Broken { message, .. }) => {
                return skipped(format!("the input picture can't be read: {message}"));
            }
        };
        let least = expected(scene.case, "structure").or(least);
        let seen = Seen::of(input, picture);
        let mut findings = Vec::new();
        findings.extend(least.map(|least| seen.structure(least, picture)));
        let asked: Option<bool> = expected(scene.case, "changed");
        findings.extend(asked.map(|asked| self.judge_change(&seen, asked, picture)));
        findings
    }

    fn judge_change(&self, seen: &Seen, asked: bool, picture: &Picture) -> Finding {
        let share = f64::from(seen.change);
        let is = percent(share);
        let (name, limit, pass, message) = if asked {
            let least = self.settings.min_change;
            let pass = share >= least.share() && share > 0.0;
            let message = if pass {
                format!("{is} of the picture differs from the input")
            } else {
                format!(
                    "a change was asked, and {is} of the picture differs from the input; at least {least} must"
                )
            };
            ("min_change", least, pass, message)
        } else {
            let most = self.settings.max_change;
            let pass = share <= most.share();
            let message = if pass {
                format!("{is} of the picture differs from the input")
            } else {
                format!(
                    "no change was asked, and {is} of the picture differs from the input; at most {most} may"
                )
            };
            ("max_change", most, pass, message)
        };
        let mut finding = Finding::new(NAME, result(pass), message)
            .measured("changed", rounded(share))
            .limit(name, limit.share());
        finding.region = seen.changed.and_then(|part| in_pixels(part, picture));
        finding
    }
}

/// A part of the picture: left, top, right and lower edge as shares of width and height.
type Part = [f64; 4];

/// What a comparison of two pictures gives.
struct Seen {
    kept: f32,
    /// The part of the picture in which structure is lost.
    lost: Option<Part>,
    change: f32,
    /// The part of the picture that holds what differs.
    changed: Option<Part>,
}

impl Seen {
    /// Over each other, or by their middles where the shapes differ: what fits best counts.
    fn of(input: &Picture, picture: &Picture) -> Self {
        let looks = plane::registered(input.lab(), picture.lab()).into_iter().enumerate();
        let best = looks
            .map(|(at, (input, answer))| (at, structure::compare(&input, &answer), input, answer))
            .max_by(|(_, one, ..), (_, two, ..)| one.kept.total_cmp(&two.kept));
        let Some((at, structure, input, answer)) = best else {
            return Self { kept: 1.0, lost: None, change: 0.0, changed: None };
        };
        let differs = plane::changed(&input, &answer, TOLERANCE);
        let count = differs.iter().filter(|differs| **differs).count();
        let whole = at == 0;
        Self {
            kept: structure.kept,
            lost: whole.then(|| lost(&structure)).flatten(),
            change: count as f32 / differs.len().max(1) as f32,
            changed: whole.then(|| around(&differs, answer.width, 1)).flatten(),
        }
    }

    fn structure(&self, least: Rate, picture: &Picture) -> Finding {
        let kept = f64::from(self.kept);
        let pass = kept >= least.share();
        let is = percent(kept);
        let message = if pass {
            format!("{is} of the input's structure is kept")
        } else {
            format!("only {is} of the input's structure is kept, at least {least} must be")
        };
        let mut finding = Finding::new(NAME, result(pass), message)
            .measured("structure", rounded(kept))
            .limit("min_structure", least.share());
        if !pass {
            finding.region = self.lost.and_then(|part| in_pixels(part, picture));
        }
        finding
    }
}

fn result(pass: bool) -> CheckResult {
    if pass { CheckResult::Pass } else { CheckResult::Fail }
}

/// The part whose windows share less than half of what there is to see.
fn lost(structure: &Structure) -> Option<Part> {
    let lost: Vec<bool> =
        structure.windows.iter().map(|window| window.kept < 0.5 && window.weight > 0.5).collect();
    around(&lost, structure.across, WINDOW)
}

/// The box around the marked places of a grid, each of which stands for `side` pixels from there on.
fn around(marked: &[bool], across: usize, side: usize) -> Option<Part> {
    let across = across.max(1);
    let down = marked.len() / across;
    let places = || marked.iter().enumerate().filter(|(_, is)| **is).map(|(at, _)| at);
    let columns = || places().map(|at| at % across);
    let rows = || places().map(|at| at / across);
    let (left, right) = (columns().min()?, columns().max()?);
    let (top, bottom) = (rows().min()?, rows().max()?);
    let share = |at: usize, of: usize| at as f64 / (of + side - 1).max(1) as f64;
    Some([
        share(left, across),
        share(top, down),
        share(right + side, across).min(1.0),
        share(bottom + side, down).min(1.0),
    ])
}

fn in_pixels([left, top, right, bottom]: Part, picture: &Picture) -> Option<[u32; 4]> {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let (x, y) = ((left * width) as u32, (top * height) as u32);
    let (to_x, to_y) = ((right * width).ceil() as u32, (bottom * height).ceil() as u32);
    (to_x > x && to_y > y).then(|| [x, y, to_x - x, to_y - y])
}

#[cfg(test)]
mod tests;
