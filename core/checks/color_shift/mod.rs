//! `color_shift`: whether the colours are those that the baseline draws for the same prompt.
//!
//! Two seeds give two pictures, so nothing is asked of single pixels: what is compared are distributions, and the
//! baseline's picture that is most alike counts, of all that it drew for the prompt.

use super::registry::Opened;
use super::{
    Check, CheckResult, Company, DeltaE, Finding, Impression, Picture, Resources, Scene, expected,
    read_expected,
};
use crate::checks::numbers::{percent, rounded};
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::record;
use crate::units::Rate;

mod tone;

use tone::Shift;
pub(super) use tone::Tone;

const NAME: &str = "color_shift";

record! {
    /// How far the colours of a picture may be off from those of the baseline's.
    pub struct ColorShiftSettings {
        /// The largest shift of the white balance, in CIELAB.
        max_cast: DeltaE = "18",
        /// The largest shift of the lightness, in points of CIELAB's 100.
        max_brightness: DeltaE = "26",
        /// How much of the chroma may be lost; as many times as that leaves of it, it may grow: `50%` allows from half to
        /// twice.
        max_saturation: Rate = "50%",
        /// The same of the range of lightness.
        max_contrast: Rate = "75%",
        /// The largest distance of the colours' distributions, in CIELAB.
        max_distance: DeltaE = "75",
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether white balance, saturation, contrast and brightness are those that the baseline draws for the same prompt.",
    on_by_default: false,
    scoped: true,
    read: |node, problems| ColorShiftSettings::from_node(node, problems).map(Settings::new),
    schema: ColorShiftSettings::schema,
    expectations: &[Expectation {
        key: NAME,
        doc: "Whether other colours than the baseline's are asked for: `color_shift` does not judge the case then.",
        validate: |value| read_expected::<bool>(value).map(|_| ()),
        schema: bool::schema,
    }],
};

/// Sets the check up.
pub(super) fn open(settings: &Settings, _: &Resources) -> Opened {
    let Some(settings) = settings.get::<ColorShiftSettings>().cloned() else { return Ok(None) };
    Ok(Some(Box::new(ColorShift { settings })))
}

struct ColorShift {
    settings: ColorShiftSettings,
}

impl Check for ColorShift {
    fn name(&self) -> &'static str {
        NAME
    }

    /// Nothing by itself: there is no picture to compare with yet.
    fn inspect(&self, _: &Picture, _: &Scene<'_>) -> Vec<Finding> {
        Vec::new()
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
        let skipped = |why: &str| vec![Finding::new(NAME, CheckResult::Skipped, why)];
        if !company.is_candidate {
            // The baseline's pictures are what is held against; alone they are right by definition.
            return Vec::new();
        }
        if expected(scene.case, NAME) == Some(true) {
            return skipped("other colours than the baseline's are expected");
        }
        let closest = company
            .baselines
            .iter()
            .filter(|earlier| earlier.case == scene.case.id)
            .map(|earlier| Seen::of(&impression.tone.against(&earlier.impression.tone)))
            .map(|seen| (self.excess(&seen), seen))
            .min_by(|(one, _), (two, _)| one.total_cmp(two));
        let Some((_, closest)) = closest else {
            return skipped("the baseline has no picture of this prompt to compare with");
        };
        vec![self.judge(&closest)]
    }
}

/// A shift, as it is judged and told.
struct Seen {
    cast: f64,
    warmer: f64,
    redder: f64,
    brightness: f64,
    /// How many times that of the other.
    saturation: f64,
    /// How many times that of the other.
    contrast: f64,
    distance: f64,
}

impl Seen {
    fn of(shift: &Shift) -> Self {
        let [redder, warmer] = shift.cast;
        Self {
            cast: redder.hypot(warmer),
            warmer,
            redder,
            brightness: shift.brightness,
            saturation: shift.saturation,
            contrast: shift.contrast,
            distance: shift.distance,
        }
    }
}

impl ColorShift {
    /// What is measured and what is allowed of each, in the order of [`words`].
    fn measures(&self, seen: &Seen) -> [(f64, f64); 5] {
        let limits = &self.settings;
        [
            (seen.cast, limits.max_cast.0),
            (seen.brightness.abs(), limits.max_brightness.0),
            (lost(seen.saturation), limits.max_saturation.share()),
            (lost(seen.contrast), limits.max_contrast.share()),
            (seen.distance, limits.max_distance.0),
        ]
    }

    /// The largest share of a limit that is used up.
    fn excess(&self, seen: &Seen) -> f64 {
        self.measures(seen).into_iter().map(|(is, most)| is / most.max(1e-9)).fold(0.0, f64::max)
    }

    fn judge(&self, seen: &Seen) -> Finding {
        let off: Vec<String> = self
            .measures(seen)
            .into_iter()
            .zip(words(seen, &self.settings))
            .filter(|((is, most), _)| is > most)
            .map(|(_, words)| words)
            .collect();
        let (result, message) = if off.is_empty() {
            (CheckResult::Pass, "the colours are those of the baseline's picture".to_owned())
        } else {
            let message = format!("against the baseline's picture it is {}", off.join("; "));
            (CheckResult::Fail, message)
        };
        let limits = &self.settings;
        Finding::new(NAME, result, message)
            .measured("cast", rounded(seen.cast))
            .measured("brightness", rounded(seen.brightness))
            .measured("saturation", rounded(seen.saturation))
            .measured("contrast", rounded(seen.contrast))
            .measured("distance", rounded(seen.distance))
            .limit("max_cast", limits.max_cast.0)
            .limit("max_brightness", limits.max_brightness.0)
            .limit("max_saturation", limits.max_saturation.share())
            .limit("max_contrast", limits.max_contrast.share())
            .limit("max_distance", limits.max_distance.0)
    }
}

/// How each measure reads beside its limit.
fn words(seen: &Seen, limits: &ColorShiftSettings) -> [String; 5] {
    let direction = match (seen.redder.abs() > seen.warmer.abs(), seen.redder, seen.warmer) {
        (true, towards, _) if towards > 0.0 => "redder",
        (true, ..) => "greener",
        (false, _, towards) if towards > 0.0 => "yellower",
        (false, ..) => "bluer",
    };
    let lighter = if seen.brightness > 0.0 { "lighter" } else { "darker" };
    let [saturation, saturation_limit] = times(seen.saturation, limits.max_saturation);
    let [contrast, contrast_limit] = times(seen.contrast, limits.max_contrast);
    let (cast, brightness, distance) = (seen.cast, seen.brightness.abs(), seen.distance);
    [
        format!("{direction} by {cast:.1} (at most {})", limits.max_cast.0),
        format!("{lighter} by {brightness:.1} (at most {})", limits.max_brightness.0),
        format!("{saturation} colourful (at most {saturation_limit})"),
        format!("of {contrast} contrast (at most {contrast_limit})"),
        format!(
            "of other colours altogether, {distance:.1} apart (at most {})",
            limits.max_distance.0
        ),
    ]
}

/// `40% more`, and the most of that: what may be lost, or what the loss of that much is from the other side.
fn times(ratio: f64, most: Rate) -> [String; 2] {
    let most = most.share();
    let (more, limit) = match ratio > 1.0 {
        true => ("more", 1.0 / (1.0 - most).max(1e-9) - 1.0),
        false => ("less", most),
    };
    [format!("{} {more}", percent((ratio - 1.0).abs())), percent(limit)]
}

/// How much is lost from the larger of two to the smaller, by their ratio.
fn lost(ratio: f64) -> f64 {
    1.0 - ratio.min(1.0 / ratio.max(1e-9))
}

#[cfg(test)]
mod tests;
