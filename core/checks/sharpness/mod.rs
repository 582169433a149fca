//! `sharpness`: blur, noise in the place of a picture, banding, block artefacts, stretching without detail.

use serde_json::{Value, json};

use super::registry::Opened;
use super::{Check, CheckResult, Finding, Picture, Resources, Scene, expected, read_expected};
use crate::checks::numbers::{rounded, tenth};
use crate::choice;
use crate::policy::{CheckVocabulary, Expectation, FromNode, Kind, Node, Problems, Settings};
use crate::record;
use crate::units::Rate;

mod bands;
mod blocks;
mod edges;
mod noise;
mod spectrum;

const NAME: &str = "sharpness";

choice! {
    /// What is looked for.
    pub enum Fault {
        /// No edge is sharp.
        Blur = "blur",
        /// Noise in the place of a picture.
        Noise = "noise",
        /// Steps where a smooth gradient should be.
        Banding = "banding",
        /// The squares of a strong JPEG compression.
        Blocks = "blocks",
        /// A small picture that was stretched.
        Upscaling = "upscaling",
    }
}

record! {
    /// What is looked for, and how much of it is allowed.
    pub struct SharpnessSettings {
        /// What is looked for.
        look_for: Vec<Fault> = r#"["blur", "noise", "banding", "blocks", "upscaling"]"#,
        /// How many pixels wide the sharpest edges of the picture may be.
        max_edge_width: EdgeWidth = "9",
        /// The largest share of the picture's variation that may be noise from pixel to pixel.
        max_noise: Rate = "95%",
        /// The largest share of the picture that may be stairs of even steps.
        max_banding: Rate = "10%",
        /// How many times stronger steps may be where blocks of 8 pixels meet than anywhere else.
        max_blocking: Blocking = "2",
        /// The least share of the picture's size to which its detail must reach.
        min_detail: Rate = "42%",
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether the picture is sharp: no blur, no noise in its place, no banding, no blocks, not stretched.",
    on_by_default: false,
    scoped: true,
    read: |node, problems| SharpnessSettings::from_node(node, problems).map(Settings::new),
    schema: SharpnessSettings::schema,
    expectations: &[Expectation {
        key: "sharp",
        doc: "With `false`, a soft, grainy or stepped picture is asked for: `sharpness` does not judge it.",
        validate: |value| read_expected::<bool>(value).map(|_| ()),
        schema: bool::schema,
    }],
};

/// Sets the check up.
pub(super) fn open(settings: &Settings, _: &Resources) -> Opened {
    let Some(settings) = settings.get::<SharpnessSettings>().cloned() else { return Ok(None) };
    Ok(Some(Box::new(Sharpness { settings })))
}

/// A number between two others.
macro_rules! bounded {
    ($(#[doc = $doc:literal])* $name:ident, $low:literal, $high:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name(pub f64);

        impl FromNode for $name {
            fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
                let (Kind::Int(_) | Kind::Float(_)) = node.kind else {
                    node.wrong_type("a number", problems);
                    return None;
                };
                let value = f64::from_node(node, problems)?;
                if (f64::from($low)..=f64::from($high)).contains(&value) {
                    return Some(Self(value));
                }
                problems.error(node.span, format!("expected a number from {} to {}", $low, $high));
                None
            }
            fn schema() -> Value {
                json!({"type": "number", "minimum": $low, "maximum": $high})
            }
        }
    };
}
bounded!(
    /// A width in pixels. Edges narrower than 4 pixels are not told apart, and none is followed further
    /// than 30.
    EdgeWidth, 4, 30
);
bounded!(
    /// How many times stronger.
    Blocking, 1, 100
);

struct Sharpness {
    settings: SharpnessSettings,
}

impl Check for Sharpness {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        let skipped = |message: &str| vec![Finding::new(NAME, CheckResult::Skipped, message)];
        if expected(scene.case, "sharp") == Some(false) {
            return skipped("a soft picture is expected");
        }
        if picture.width().min(picture.height()) < 128 {
            return skipped("the picture is too small to judge by: under 128 pixels");
        }
        let looks = |fault| self.settings.look_for.contains(&fault);
        let mut findings = Vec::new();
        if looks(Fault::Noise) {
            findings.push(self.noise(picture));
        }
        if looks(Fault::Blur) {
            findings.push(self.blur(picture));
        }
        if looks(Fault::Upscaling) {
            findings.push(self.upscaling(picture));
        }
        if looks(Fault::Banding) {
            findings.push(self.banding(picture));
        }
        if looks(Fault::Blocks) {
            findings.push(self.blocks(picture));
        }
        if findings.is_empty() { skipped("nothing is looked for") } else { findings }
    }
}

/// A finding on one fault.
fn finding(fault: Fault, pass: bool, message: String) -> Finding {
    let result = if pass { CheckResult::Pass } else { CheckResult::Fail };
    Finding::new(NAME, result, message).measured("fault", fault.word())
}

fn cannot(fault: Fault, message: &str) -> Finding {
    Finding::new(NAME, CheckResult::Skipped, message).measured("fault", fault.word())
}

impl Sharpness {
    fn blur(&self, picture: &Picture) -> Finding {
        let most = self.settings.max_edge_width.0;
        let Some(width) = edges::sharpest(picture.detail_luma()) else {
            return cannot(Fault::Blur, "there is no strong edge to judge sharpness by");
        };
        let pass = width <= most;
        let message = if pass {
            format!("the sharpest edges are {width:.0} pixels wide")
        } else {
            format!(
                "the picture is blurred: its sharpest edges are {width:.0} pixels wide, at most {most} are allowed"
            )
        };
        finding(Fault::Blur, pass, message)
            .measured("edge_width", tenth(width))
            .limit("max_edge_width", most)
    }

    fn noise(&self, picture: &Picture) -> Finding {
        let most = self.settings.max_noise;
        let Some(share) = noise::share(picture.detail_luma()) else {
            return cannot(Fault::Noise, "there is too little contrast to tell noise by");
        };
        let pass = share <= most.share();
        let shown = format!("{:.0}%", share * 100.0);
        let message = if pass {
            format!("{shown} of the picture's variation is noise")
        } else {
            format!(
                "there is nothing but noise: {shown} of the picture's variation, at most {most} is allowed"
            )
        };
        finding(Fault::Noise, pass, message)
            .measured("noise", rounded(share))
            .limit("max_noise", most.share())
    }

    fn banding(&self, picture: &Picture) -> Finding {
        let most = self.settings.max_banding;
        let share = bands::share(picture.detail());
        let pass = share <= most.share();
        let shown = format!("{:.0}%", share * 100.0);
        let message = if pass {
            format!("{shown} of the picture is banded")
        } else {
            format!("gradients come in steps on {shown} of the picture, at most {most} is allowed")
        };
        finding(Fault::Banding, pass, message)
            .measured("banding", rounded(share))
            .limit("max_banding", most.share())
    }

    fn blocks(&self, picture: &Picture) -> Finding {
        let most = self.settings.max_blocking.0;
        let ratio = blocks::strength(picture.detail_luma());
        let pass = ratio <= most;
        let message = if pass {
            "no blocks of 8 pixels stand out".to_owned()
        } else {
            format!(
                "blocks of 8 pixels stand out: steps between them are {ratio:.1} times those elsewhere, at most {most} is allowed"
            )
        };
        finding(Fault::Blocks, pass, message)
            .measured("blocking", (ratio * 100.0).round() / 100.0)
            .limit("max_blocking", most)
    }

    fn upscaling(&self, picture: &Picture) -> Finding {
        let least = self.settings.min_detail;
        let Some(reach) = spectrum::reach(picture.detail_luma()) else {
            return cannot(Fault::Upscaling, "there is too little detail to tell stretching by");
        };
        let pass = reach >= least.share();
        let side = |edge: u32| (f64::from(edge) * reach).round();
        let (width, height) = (side(picture.width()), side(picture.height()));
        let message = if pass {
            format!("its detail is that of a picture of {width}×{height} pixels")
        } else {
            format!(
                "the picture is stretched: its detail is that of one of {width}×{height} pixels, {:.0}% of its size; asked at least {least}",
                reach * 100.0
            )
        };
        finding(Fault::Upscaling, pass, message)
            .measured("detail", rounded(reach))
            .limit("min_detail", least.share())
    }
}

#[cfg(test)]
mod tests;
