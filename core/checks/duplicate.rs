//! `duplicate`: the same picture for different prompts, or the input picture handed back.
//!
//! A model that has collapsed draws one picture whatever is asked; a pipeline that fell back hands out a cached one, or
//! the picture that it was to edit. Each of them alone looks fine.

use super::features::plane;
use super::registry::Opened;
use super::{
    Broken, Check, CheckResult, Company, Earlier, Finding, Impression, Picture, Resources, Scene,
    expected, read_expected,
};
use crate::checks::numbers::{percent, rounded};
use crate::inert::one_line;
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::record;
use crate::units::{Digest, Rate};

const NAME: &str = "duplicate";

/// Pixels of the kept copy, each way.
const SIDE: usize = 32;

/// How far a colour may be off, in CIELAB, before it counts as another: more than encoders do to the mean of many pixels.
const TOLERANCE: i32 = 6;

/// The least share of a copy that must differ from its main colour, for it to be worth comparing.
const LEAST_CONTENT: f64 = 0.01;

/// How much of a picture may differ from its input and count as nothing: what encoders leave.
const ENCODED: f64 = 0.001;

/// The tolerance of the comparison with the input, in CIELAB, as `similarity` has it.
const INPUT_TOLERANCE: f32 = 6.0;

record! {
    /// When two pictures are one.
    pub struct DuplicateSettings {
        /// The largest share of what is on them that may differ in two pictures that count as one.
        max_difference: Rate = "1%",
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether different prompts give different pictures, and an input picture is not just handed back.",
    on_by_default: false,
    scoped: true,
    read: |node, problems| DuplicateSettings::from_node(node, problems).map(Settings::new),
    schema: DuplicateSettings::schema,
    expectations: &[Expectation {
        key: NAME,
        doc: "Whether the picture may be that of another case or the input: `duplicate` does not judge the case then.",
        validate: |value| read_expected::<bool>(value).map(|_| ()),
        schema: bool::schema,
    }],
};

/// Sets the check up.
pub(super) fn open(settings: &Settings, _: &Resources) -> Opened {
    let Some(settings) = settings.get::<DuplicateSettings>().cloned() else { return Ok(None) };
    Ok(Some(Box::new(Duplicate { settings })))
}

struct Duplicate {
    settings: DuplicateSettings,
}

impl Check for Duplicate {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Against the input; nothing where there is none, or where it may come back as it was.
    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        let may_stay = expected(scene.case, NAME) == Some(true)
            || expected(scene.case, "changed") == Some(false);
        let Some(input) = scene.input.filter(|_| !may_stay) else { return Vec::new() };
        let input = match input.picture() {
            Ok(input) => input,
            Err(Broken { message, .. }) => {
                let why = format!("the input picture can't be read: {message}");
                return vec![Finding::new(NAME, CheckResult::Skipped, why)];
            }
        };
        let area = |picture: &Picture| u64::from(picture.width()) * u64::from(picture.height());
        if picture.digest() != input.digest() && area(picture) > area(input) {
            // An enlarged picture is meant to look like its input.
            return Vec::new();
        }
        vec![echo(picture, input)]
    }

    fn compares(&self) -> bool {
        true
    }

    fn in_company(
        &self,
        impression: &Impression,
        scene: &Scene<'_>,
        company: &Company<'_>,
    ) -> Vec<Finding> {
        if expected(scene.case, NAME) == Some(true) {
            return Vec::new();
        }
        let prompt = Digest::of(scene.case.prompt.as_bytes());
        let others: Vec<_> =
            company.earlier.iter().filter(|earlier| earlier.prompt != prompt).collect();
        if others.is_empty() {
            return Vec::new();
        }
        // Edits of one picture may well differ in one detail.
        let is_edit = scene.case.image.is_some();
        let most = self.settings.max_difference.share().min(if is_edit { ENCODED } else { 1.0 });
        let twin = others.iter().find_map(|earlier| {
            let difference = difference(impression, &earlier.impression, most)?;
            Some((*earlier, difference))
        });
        vec![match twin {
            Some((earlier, difference)) => same(earlier, difference, most),
            None if impression.thumb.is_plain() => Finding::new(
                NAME,
                CheckResult::Skipped,
                "there is too little on the picture to tell it from others",
            ),
            None => {
                let count = others.len();
                let noun = if count == 1 { "picture" } else { "pictures" };
                let message = format!("unlike the {count} {noun} of other prompts before it");
                Finding::new(NAME, CheckResult::Pass, message).measured("compared", count)
            }
        }]
    }
}

fn same(earlier: &Earlier, difference: f64, most: f64) -> Finding {
    let case = one_line(&earlier.case, 80);
    let message = if difference == 0.0 {
        format!("the same picture as that of case {case}, which has another prompt")
    } else {
        let is = percent(difference);
        format!(
            "the same picture as that of case {case}, which has another prompt: {is} of what is on it differs"
        )
    };
    Finding::new(NAME, CheckResult::Fail, message)
        .measured("difference", rounded(difference))
        .measured("same_as", earlier.case.as_str())
        .limit("max_difference", most)
}

/// Whether the input came back.
fn echo(picture: &Picture, input: &Picture) -> Finding {
    let share = if picture.digest() == input.digest() {
        0.0
    } else {
        // Over each other by scale alone: what is cut otherwise was changed.
        let pair = plane::registered(input.lab(), picture.lab()).into_iter().next();
        pair.map_or(1.0, |(input, picture)| {
            let differs = plane::changed(&input, &picture, INPUT_TOLERANCE);
            let count = differs.iter().filter(|differs| **differs).count();
            count as f64 / differs.len().max(1) as f64
        })
    };
    let (result, message) = if share <= ENCODED {
        (CheckResult::Fail, "the input picture came back as it was".to_owned())
    } else {
        (CheckResult::Pass, format!("{} of the picture differs from the input", percent(share)))
    };
    Finding::new(NAME, result, message)
        .measured("changed", rounded(share))
        .limit("min_change", ENCODED)
}

/// The share of what is on two pictures that differs, where it is at most `most`; nothing where it is more, or where
/// there is too little to tell.
fn difference(one: &Impression, two: &Impression, most: f64) -> Option<f64> {
    if one.digest == two.digest {
        return Some(0.0);
    }
    let (one, two) = (&one.thumb, &two.thumb);
    if one.is_plain() || two.is_plain() || (one.shape / two.shape - 1.0).abs() > 0.03 {
        return None;
    }
    let content = one.content.max(two.content);
    let allowed = (content as f64 * most) as usize;
    let mut count = 0;
    for (one, two) in one.pixels.iter().zip(&two.pixels) {
        count += usize::from(is_off(*one, *two));
        // Different pictures differ from their first rows on.
        if count > allowed {
            return None;
        }
    }
    Some(count as f64 / content as f64)
}

fn is_off(one: [i8; 3], two: [i8; 3]) -> bool {
    let square = |(one, two): (i8, i8)| {
        let off = i32::from(one) - i32::from(two);
        off * off
    };
    one.into_iter().zip(two).map(square).sum::<i32>() > TOLERANCE * TOLERANCE
}

/// What a picture looks like from afar: 32 by 32 pixels in CIELAB, whatever its shape.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Thumb {
    pixels: Vec<[i8; 3]>,
    /// Width by height of the picture.
    shape: f64,
    /// How many pixels differ from the main colour.
    content: usize,
}

impl Thumb {
    pub(super) fn of(picture: &Picture) -> Self {
        let plane = picture.lab().on_grid(SIDE, SIDE);
        // Lightness reaches from 0 to 100, the others of sRGB from -108 to 99.
        let pixels: Vec<_> =
            plane.pixels.iter().map(|pixel| pixel.map(|value| value.round() as i8)).collect();
        let median = |channel: usize| {
            let mut values: Vec<i8> =
                pixels.iter().filter_map(|pixel| pixel.get(channel).copied()).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        let main = [median(0), median(1), median(2)];
        let content = pixels.iter().filter(|pixel| is_off(**pixel, main)).count();
        let shape = f64::from(picture.width()) / f64::from(picture.height().max(1));
        Self { pixels, shape, content }
    }

    /// Whether there is too little on it to tell it from another.
    fn is_plain(&self) -> bool {
        (self.content as f64) < LEAST_CONTENT * self.pixels.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests;
