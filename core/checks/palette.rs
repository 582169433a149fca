//! `palette`: whether the colours of a brand are in the picture, and right.

use serde_json::{Value, json};

use super::features::Colours;
use super::features::colour::{Lab, hex};
use super::registry::Opened;
use super::{Check, CheckResult, Finding, Picture, Resources, Scene};
use crate::checks::numbers::{percent, rounded, tenth};
use crate::policy::{CheckVocabulary, Expectation, FromNode, Kind, Node, Problems, Settings};
use crate::prompts::any_text_list;
use crate::record;
use crate::units::Rate;

const NAME: &str = "palette";

/// The most colours that one case may ask for.
const MOST: usize = 16;

record! {
    /// Which colours are expected, and how well they must be met.
    pub struct PaletteSettings {
        /// The colours, in sRGB, of every picture whose case expects none of its own: `["#0A3D91"]`.
        colors: Vec<Colour> = "[]",
        /// How far a colour may be off, by CIEDE2000: 1 is about the least that is seen side by side, and
        /// 10 is plain at a glance.
        max_delta_e: DeltaE = "8",
        /// The least share of the picture that must have each of the colours.
        min_share: Rate = "5%",
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether the colours that the case or the policy asks for are on the picture, by share and CIEDE2000.",
    on_by_default: false,
    scoped: true,
    read: |node, problems| {
        let settings = PaletteSettings::from_node(node, problems)?;
        if settings.colors.len() > MOST {
            problems.error(node.span, format!("`colors` takes at most {MOST} colours"));
            return None;
        }
        Some(Settings::new(settings))
    },
    schema: || {
        let mut schema = PaletteSettings::schema();
        if let Some(Value::Object(colors)) = schema.pointer_mut("/properties/colors") {
            colors.insert("maxItems".to_owned(), json!(MOST));
        }
        schema
    },
    expectations: &[Expectation {
        key: "palette",
        doc: "The colours that the picture must show, as `#RRGGBB`.",
        validate: |value| expected(value).map(|_| ()),
        schema: || json!({"type": "array", "minItems": 1, "maxItems": MOST, "items": Colour::schema()}),
    }],
};

/// Sets the check up.
pub(super) fn open(settings: &Settings, _: &Resources) -> Opened {
    let Some(settings) = settings.get::<PaletteSettings>().cloned() else { return Ok(None) };
    Ok(Some(Box::new(Palette { settings })))
}

/// A colour in sRGB, written as `#0A3D91`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl std::str::FromStr for Colour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix('#').filter(|hex| hex.len() == 6);
        let digits = digits.filter(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let number = digits.and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let [_, red, green, blue] = number.map(u32::to_be_bytes).ok_or_else(|| {
            let shown = crate::inert::one_line(text, 20);
            format!("`{shown}` is no colour; expected one such as `#0A3D91`")
        })?;
        Ok(Self([red, green, blue]))
    }
}

impl FromNode for Colour {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = String::from_node(node, problems)?;
        text.parse().map_err(|wrong: String| problems.error(node.span, wrong)).ok()
    }
    fn schema() -> Value {
        json!({"type": "string", "pattern": "^#[0-9A-Fa-f]{6}$"})
    }
}

/// A difference of colours, above 0 and at most 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeltaE(pub f64);

impl FromNode for DeltaE {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let value = match node.kind {
            Kind::Int(_) | Kind::Float(_) => f64::from_node(node, problems)?,
            _ => {
                node.wrong_type("a number above 0", problems);
                return None;
            }
        };
        if value > 0.0 && value <= 100.0 {
            return Some(Self(value));
        }
        problems.error(node.span, "a difference of colours lies above 0 and is at most 100");
        None
    }
    fn schema() -> Value {
        json!({"type": "number", "exclusiveMinimum": 0, "maximum": 100})
    }
}

/// The colours that a case expects.
fn expected(value: &Value) -> Result<Vec<Colour>, String> {
    any_text_list(value, MOST)?;
    let colours: Vec<Colour> = value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    if colours.is_empty() { Err("expected at least one colour".to_owned()) } else { Ok(colours) }
}

struct Palette {
    settings: PaletteSettings,
}

impl Check for Palette {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        // Values were validated when the case was read; one that is not readable expects nothing.
        let own = scene.case.expect.get(NAME).and_then(|value| expected(value).ok());
        let colours = own.as_ref().unwrap_or(&self.settings.colors);
        if colours.is_empty() {
            return vec![Finding::new(NAME, CheckResult::Skipped, "no colours are expected")];
        }
        colours.iter().map(|colour| self.judge(*colour, picture.colours())).collect()
    }
}

impl Palette {
    fn judge(&self, colour: Colour, colours: &Colours) -> Finding {
        let asked = Lab::of(colour.0);
        let (most, least) = (self.settings.max_delta_e.0, self.settings.min_share.share());
        let near: u64 = colours
            .list
            .iter()
            .filter(|found| {
                found.lab.at_least(asked) <= most && found.lab.difference(asked) <= most
            })
            .map(|found| found.count)
            .sum();
        let share = colours.share(near);
        let name = hex(colour.0);
        let pass = share >= least && near > 0;
        let mut finding = if pass {
            let message = format!("{name} is on {} of the picture", percent(share));
            Finding::new(NAME, CheckResult::Pass, message)
        } else {
            // The colours nearest to the one asked for, as many as should have been it.
            let nearest = nearest(colours, asked, least);
            let (srgb, off) = (hex(nearest.srgb), tenth(nearest.delta_e));
            let (is, asked_share) = (percent(share), self.settings.min_share);
            let message = if share >= least / 5.0 {
                format!("{name} is on only {is} of the picture, asked at least {asked_share}")
            } else {
                format!(
                    "{name} is on {is} of the picture, asked at least {asked_share} within {most}; nearest is {srgb}, {off} off"
                )
            };
            Finding::new(NAME, CheckResult::Fail, message)
                .measured("nearest", srgb)
                .measured("nearest_delta_e", off)
        };
        finding = finding.measured("color", name).measured("share", rounded(share));
        finding.limit("max_delta_e", most).limit("min_share", least)
    }
}

/// The colours that are nearest to one, taken together.
struct Nearest {
    srgb: [u8; 3],
    delta_e: f64,
}

/// The nearest colours that make up at least a share of the picture: their mean, and how far the last of
/// them is.
fn nearest(colours: &Colours, asked: Lab, least: f64) -> Nearest {
    let mut all: Vec<_> =
        colours.list.iter().map(|found| (found.lab.difference(asked), found)).collect();
    all.sort_by(|(one, _), (two, _)| one.total_cmp(two));
    let (mut count, mut sums, mut reached) = (0_u64, [0.0_f64; 3], 0.0_f64);
    for (delta_e, found) in all {
        reached = delta_e;
        count += found.count;
        for (sum, value) in sums.iter_mut().zip(found.srgb) {
            *sum += f64::from(value) * found.count as f64;
        }
        if colours.share(count) >= least {
            break;
        }
    }
    let srgb = sums.map(|sum| (sum / count.max(1) as f64).round() as u8);
    Nearest { srgb, delta_e: reached }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};
    use moxcms::ColorProfile;

    use super::*;
    use crate::checks::testing::{case, check, configured, lines, picture, with_profile};

    /// A white picture of which the first `columns` of 100 have a colour.
    fn painted(colour: [u8; 3], columns: u32) -> RgbImage {
        RgbImage::from_fn(100, 60, |x, _| Rgb(if x < columns { colour } else { [255; 3] }))
    }

    fn said(settings: &Value, expect: &Value, pixels: RgbImage) -> String {
        lines(&check(NAME, settings).inspect(&picture(pixels), &Scene::of(&case(expect, &[]))))
    }

    #[test]
    fn colours_are_found_by_share_and_difference() {
        let blue = json!({"colors": ["#0A3D91"]});
        let two = json!({"palette": ["#0a3d91", "#F4B400"]});
        insta::assert_snapshot!(
            [
                said(&blue, &json!({}), painted([10, 61, 145], 20)),
                said(&blue, &json!({}), painted([14, 66, 150], 20)),
                said(&blue, &json!({}), painted([10, 61, 145], 3)),
                said(&blue, &json!({}), painted([40, 110, 200], 30)),
                said(&blue, &json!({}), painted([255, 255, 255], 0)),
                said(&blue, &two, painted([10, 61, 145], 20)),
                said(&json!({}), &json!({}), painted([10, 61, 145], 20)),
            ]
            .join("\n")
        );
    }

    #[test]
    fn the_embedded_profile_counts() {
        // What sRGB's #0A3D91 is in Display P3.
        let p3 = ColorProfile::new_display_p3();
        let blue = check(NAME, &json!({"colors": ["#0A3D91"], "max_delta_e": 1}));
        let look =
            |picture: &Picture| lines(&blue.inspect(picture, &Scene::of(&case(&json!({}), &[]))));
        let coded = painted([31, 60, 140], 20);
        assert_eq!(look(&with_profile(&coded, &p3)), "Pass: #0A3D91 is on 20% of the picture");
        assert!(look(&picture(coded)).starts_with("Fail: "));
    }

    #[test]
    fn settings_are_held_to_sense() {
        let wrong = |settings: Value| configured(NAME, &settings).unwrap_err().join("; ");
        insta::assert_snapshot!(
            [
                wrong(json!({"colors": ["blue"]})),
                wrong(json!({"colors": ["#0A3D9"], "max_delta_e": 0})),
                wrong(json!({"max_delta_e": "8", "min_share": 5})),
                wrong(json!({"colors": vec!["#000000"; 17]})),
            ]
            .join("\n")
        );
    }
}
