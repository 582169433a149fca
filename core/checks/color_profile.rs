//! `color_profile`: whether a picture says what its colours mean, and whether screens can show them;
//! whether it is transparent where it should be.

use image::DynamicImage;

use super::features::{Profile, Space};
use super::registry::Opened;
use super::{Check, CheckResult, Finding, Picture, Resources, Scene, expected, read_expected};
use crate::choice;
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::prompts::Case;
use crate::record;
use crate::units::Rate;

const NAME: &str = "color_profile";

choice! {
    /// What is asked of transparency.
    pub enum Alpha {
        /// Nothing.
        Any = "any",
        /// Every pixel must be opaque.
        None = "none",
        /// Some pixels must be transparent.
        Required = "required",
    }
}

record! {
    /// What is asked of colour spaces and of transparency.
    pub struct ColorProfileSettings {
        /// The colour space that pictures must be in. A picture that says nothing is in sRGB.
        space: Option<Space>,
        /// Whether a profile must be embedded in the file.
        embedded: bool = "false",
        /// The largest share of the picture whose colours may lie outside of sRGB, so that ordinary
        /// screens cut them off.
        max_clipped: Option<Rate>,
        /// What is asked of transparency.
        alpha: Alpha = "any",
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether the picture's colour profile and transparency are as asked, and its colours within sRGB.",
    on_by_default: false,
    scoped: true,
    read: |node, problems| ColorProfileSettings::from_node(node, problems).map(Settings::new),
    schema: ColorProfileSettings::schema,
    expectations: &[
        Expectation {
            key: "color_space",
            doc: "The colour space of the picture: `srgb`, `display_p3` or `adobe_rgb`.",
            validate: |value| read_expected::<Space>(value).map(|_| ()),
            schema: Space::schema,
        },
        Expectation {
            key: "alpha",
            doc: "Whether the picture must be transparent in places (`true`) or nowhere (`false`).",
            validate: |value| read_expected::<bool>(value).map(|_| ()),
            schema: bool::schema,
        },
    ],
};

/// Sets the check up.
pub(super) fn open(settings: &Settings, _: &Resources) -> Opened {
    let Some(settings) = settings.get::<ColorProfileSettings>().cloned() else { return Ok(None) };
    Ok(Some(Box::new(ColourProfile { settings })))
}

struct ColourProfile {
    settings: ColorProfileSettings,
}

impl Check for ColourProfile {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        self.look(picture, scene.case, true)
    }

    fn inspect_expected(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        self.look(picture, scene.case, false)
    }
}

impl ColourProfile {
    /// `applies`: whether the case is one that the policy's own settings are meant for.
    fn look(&self, picture: &Picture, case: &Case, applies: bool) -> Vec<Finding> {
        let settings = &self.settings;
        let space = expected(case, "color_space").or_else(|| settings.space.filter(|_| applies));
        let own_alpha = expected(case, "alpha")
            .map(|clear: bool| if clear { Alpha::Required } else { Alpha::None });
        let alpha = own_alpha.or_else(|| Some(settings.alpha).filter(|_| applies));
        let mut findings = Vec::new();
        if applies && settings.embedded {
            findings.push(judge_embedded(picture));
        }
        findings.extend(space.map(|space| judge_space(picture, space)));
        findings.extend(
            settings.max_clipped.filter(|_| applies).map(|most| judge_clipped(picture, most)),
        );
        findings.extend(
            alpha.filter(|alpha| *alpha != Alpha::Any).map(|alpha| judge_alpha(picture, alpha)),
        );
        if findings.is_empty() {
            let message = "nothing is asked of colour space or transparency";
            findings.push(Finding::new(NAME, CheckResult::Skipped, message));
        }
        findings
    }
}

fn result(pass: bool) -> CheckResult {
    if pass { CheckResult::Pass } else { CheckResult::Fail }
}

/// What a picture is in, for people; and the space, where it is a known one.
fn is_in(profile: &Profile) -> (String, Option<Space>) {
    match profile {
        Profile::Missing => ("sRGB, for it says nothing else".to_owned(), Some(Space::Srgb)),
        Profile::Unreadable => ("a profile that can't be read".to_owned(), None),
        Profile::Embedded(embedded) => match (embedded.space, embedded.name.as_str()) {
            (Some(space), _) => (space.name().to_owned(), Some(space)),
            (None, "") => ("a profile without a name".to_owned(), None),
            (None, name) => (format!("a profile called `{name}`"), None),
        },
    }
}

fn judge_embedded(picture: &Picture) -> Finding {
    let profile = picture.profile();
    let (pass, message) = match profile {
        Profile::Missing => (false, "no colour profile is embedded".to_owned()),
        Profile::Unreadable => (false, "the embedded colour profile can't be read".to_owned()),
        Profile::Embedded(embedded) if !embedded.is_usable() => (
            false,
            "the embedded colour profile is of no use for a picture in RGB or grey".to_owned(),
        ),
        Profile::Embedded(_) => (true, format!("embedded is {}", is_in(profile).0)),
    };
    Finding::new(NAME, result(pass), message).measured("embedded", pass).limit("embedded", true)
}

fn judge_space(picture: &Picture, asked: Space) -> Finding {
    let (is, space) = is_in(picture.profile());
    let message = format!("asked {}, is in {is}", asked.name());
    let finding = Finding::new(NAME, result(space == Some(asked)), message);
    let found = space.map_or("other", Space::word);
    finding.measured("space", found).limit("space", asked.word())
}

/// How far outside of 0 to 1 linear light must lie to count: less is rounding of 8 bits.
const BEYOND: f64 = 0.02;

fn judge_clipped(picture: &Picture, most: Rate) -> Finding {
    let profile = picture.profile();
    let outside = match profile {
        Profile::Missing => Some(0),
        Profile::Unreadable => None,
        Profile::Embedded(embedded) if embedded.space == Some(Space::Srgb) => Some(0),
        Profile::Embedded(embedded) => {
            let coded: Vec<_> = picture.colours().list.iter().map(|colour| colour.coded).collect();
            embedded.unbounded(&coded).map(|light| {
                let is_outside =
                    |light: &[f64; 3]| light.iter().any(|v| !(-BEYOND..=1.0 + BEYOND).contains(v));
                let counts = picture.colours().list.iter().map(|colour| colour.count);
                light
                    .iter()
                    .zip(counts)
                    .filter(|(light, _)| is_outside(light))
                    .map(|(_, n)| n)
                    .sum()
            })
        }
    };
    let Some(outside) = outside else {
        let message = format!("colours outside of sRGB can't be told by {}", is_in(profile).0);
        return Finding::new(NAME, CheckResult::Skipped, message)
            .limit("max_clipped", most.share());
    };
    let share = picture.colours().share(outside);
    let message =
        format!("{:.1}% of the picture lies outside of sRGB, at most {most} may", share * 100.0);
    Finding::new(NAME, result(share <= most.share()), message)
        .measured("clipped", (share * 10_000.0).round() / 10_000.0)
        .limit("max_clipped", most.share())
}

/// Which share of the picture is not opaque; nothing where it has no alpha at all.
fn transparent(picture: &Picture) -> Option<f64> {
    let share = |clear: usize, all: usize| clear as f64 / all.max(1) as f64;
    let is_clear = |alpha: u8| alpha < 250;
    match picture.pixels() {
        DynamicImage::ImageRgba8(rgba) => {
            let clear = rgba.pixels().filter(|pixel| is_clear(pixel.0[3])).count();
            Some(share(clear, rgba.pixels().len()))
        }
        DynamicImage::ImageLumaA8(grey) => {
            let clear = grey.pixels().filter(|pixel| is_clear(pixel.0[1])).count();
            Some(share(clear, grey.pixels().len()))
        }
        _ => None,
    }
}

/// The least share that must be clear for a picture to count as transparent.
const CLEAR: f64 = 0.001;

fn judge_alpha(picture: &Picture, asked: Alpha) -> Finding {
    let clear = transparent(picture);
    let share = clear.unwrap_or(0.0);
    let is = match clear {
        None => "has no transparency".to_owned(),
        Some(0.0) => "has an alpha channel, and is opaque all over".to_owned(),
        Some(share) if share < 0.001 => "is transparent on less than 0.1% of it".to_owned(),
        Some(share) => format!("is transparent on {:.1}% of it", share * 100.0),
    };
    let (pass, asks) = if asked == Alpha::Required {
        (share >= CLEAR, "asked a transparent background")
    } else {
        (share == 0.0, "asked an opaque picture")
    };
    Finding::new(NAME, result(pass), format!("{asks}; the picture {is}"))
        .measured("transparent", (share * 10_000.0).round() / 10_000.0)
        .limit("alpha", asked.word())
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage, Rgba, RgbaImage};
    use moxcms::ColorProfile;
    use serde_json::{Value, json};

    use super::*;
    use crate::checks::testing::{case, check, lines, picture, with_profile};

    fn said(settings: &Value, expect: &Value, picture: &Picture) -> String {
        lines(&check(NAME, settings).inspect(picture, &Scene::of(&case(expect, &[]))))
    }

    fn green() -> RgbImage {
        RgbImage::from_fn(40, 10, |x, _| Rgb(if x < 10 { [0, 255, 0] } else { [120, 120, 110] }))
    }

    #[test]
    fn profiles_are_held_to_what_is_asked() {
        let p3 = with_profile(&green(), &ColorProfile::new_display_p3());
        let wide = with_profile(&green(), &ColorProfile::new_pro_photo_rgb());
        let srgb = with_profile(&green(), &ColorProfile::new_srgb());
        let bare = picture(green());
        let all = json!({"space": "srgb", "embedded": true, "max_clipped": "5%"});
        insta::assert_snapshot!(
            [
                said(&all, &json!({}), &bare),
                said(&all, &json!({}), &srgb),
                said(&all, &json!({}), &p3),
                said(&all, &json!({}), &wide),
                said(&all, &json!({"color_space": "display_p3"}), &p3),
                said(&json!({}), &json!({}), &p3),
            ]
            .join("\n")
        );
    }

    #[test]
    fn transparency_is_held_to_what_is_asked() {
        let opaque = picture(RgbaImage::from_pixel(20, 20, Rgba([9, 9, 9, 255])));
        let cut_out = picture(RgbaImage::from_fn(20, 20, |x, _| {
            Rgba([9, 9, 9, if x < 5 { 0 } else { 255 }])
        }));
        let bare = picture(green());
        let none = json!({"alpha": "none"});
        insta::assert_snapshot!(
            [
                said(&none, &json!({}), &bare),
                said(&none, &json!({}), &opaque),
                said(&none, &json!({}), &cut_out),
                said(&none, &json!({"alpha": true}), &cut_out),
                said(&none, &json!({"alpha": true}), &opaque),
                said(&none, &json!({"alpha": true}), &bare),
            ]
            .join("\n")
        );
    }

    #[test]
    fn a_case_without_the_tags_is_held_to_its_own_expectations_alone() {
        let tagged = json!({"embedded": true, "alpha": "none", "tags": ["print"]});
        insta::assert_snapshot!(
            [
                said(&tagged, &json!({}), &picture(green())),
                said(&tagged, &json!({"color_space": "srgb"}), &picture(green())),
            ]
            .join("\n")
        );
    }
}
