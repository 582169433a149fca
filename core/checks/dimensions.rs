//! `dimensions`: size and aspect ratio, as the case or the policy expects them.

use serde_json::{Value, json};

use super::bars;
use super::features::colour::hex;
use super::ratio::{AspectRatio, PixelSize};
use super::registry::Opened;
use super::{Check, CheckResult, Finding, Picture, Resources, Scene, expected, read_expected};
use crate::checks::numbers::{percent, rounded};
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::prompts::Case;
use crate::record;
use crate::units::Rate;

const NAME: &str = "dimensions";

record! {
    /// What is expected of size and aspect ratio.
    pub struct DimensionsSettings {
        /// How far the aspect ratio may be off, as a share of the ratio asked.
        tolerance: Rate = "1%",
        /// The aspect ratio of every picture whose case says nothing of its own: `16:9` or `1.78`.
        aspect_ratio: Option<AspectRatio>,
        /// The exact size in pixels of every picture whose case says nothing of its own: `1024x768`.
        size: Option<PixelSize>,
        /// The least size in pixels, in both directions.
        min_size: Option<PixelSize>,
        /// The largest share of the height or width that bars above and below, or at the sides, may take.
        /// Bars are not looked for where it is absent.
        max_bars: Option<Rate>,
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether size and aspect ratio are what the case or the policy expects.",
    on_by_default: true,
    scoped: true,
    read: |node, problems| DimensionsSettings::from_node(node, problems).map(Settings::new),
    schema: DimensionsSettings::schema,
    expectations: &[
        Expectation {
            key: "aspect_ratio",
            doc: "The aspect ratio, width over height: `16:9` or `1.78`.",
            validate: |value| AspectRatio::from_expectation(value).map(|_| ()),
            schema: AspectRatio::schema,
        },
        Expectation {
            key: "size",
            doc: "The exact size in pixels: `1024x768`.",
            validate: |value| PixelSize::from_expectation(value).map(|_| ()),
            schema: PixelSize::schema,
        },
        Expectation {
            key: "bars",
            doc: "Whether bars above and below, or at the sides, may be there (`true`) or must not (`false`).",
            validate: |value| read_expected::<bool>(value).map(|_| ()),
            schema: bool::schema,
        },
    ],
};

/// Sets the check up.
pub(super) fn open(settings: &Settings, _: &Resources) -> Opened {
    let Some(settings) = settings.get::<DimensionsSettings>().cloned() else { return Ok(None) };
    Ok(Some(Box::new(Dimensions { settings })))
}

struct Dimensions {
    settings: DimensionsSettings,
}

impl Check for Dimensions {
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

impl Dimensions {
    /// `applies`: whether the case is one that the policy's own sizes are meant for.
    fn look(&self, picture: &Picture, case: &Case, applies: bool) -> Vec<Finding> {
        let (width, height) = (picture.width(), picture.height());
        let settings = &self.settings;
        // Values were validated when the case was read; one that is not readable expects nothing.
        let own = |key: &str| case.expect.get(key).filter(|value| **value != Value::Null);
        let own_ratio = own("aspect_ratio").and_then(|v| AspectRatio::from_expectation(v).ok());
        let own_size = own("size").and_then(|v| PixelSize::from_expectation(v).ok());
        let silent = own_ratio.is_none() && own_size.is_none();
        // A case that expects a shape of its own is not held to the policy's as well: the two would
        // contradict each other.
        let ratio =
            own_ratio.or_else(|| settings.aspect_ratio.clone().filter(|_| silent && applies));
        let size = own_size.or_else(|| settings.size.filter(|_| silent && applies));
        let least = settings.min_size.filter(|_| applies);

        let mut findings = Vec::new();
        findings.extend(ratio.map(|ratio| judge_ratio(width, height, &ratio, settings.tolerance)));
        findings.extend(size.map(|size| judge_size(width, height, size)));
        findings.extend(least.map(|least| judge_least(width, height, least)));
        let most = match expected(case, "bars") {
            Some(true) => None,
            Some(false) => settings.max_bars.or_else(|| Rate::new(0.0)),
            None => settings.max_bars.filter(|_| applies),
        };
        findings.extend(most.map(|most| judge_bars(picture, most)));
        if findings.is_empty() {
            findings.push(
                Finding::new(NAME, CheckResult::Skipped, "nothing is expected of the size")
                    .measured("width", width)
                    .measured("height", height),
            );
        }
        findings
    }
}

fn result(pass: bool) -> CheckResult {
    if pass { CheckResult::Pass } else { CheckResult::Fail }
}

fn judge_ratio(width: u32, height: u32, asked: &AspectRatio, tolerance: Rate) -> Finding {
    let off = asked.off_by(width, height);
    // Rounding to whole pixels is nobody's fault: the nearest size to the ratio passes.
    let (across, down) = (f64::from(width), f64::from(height));
    let nearest = (down * asked.value() - across).abs() <= 0.5 + 1e-9
        || (across / asked.value() - down).abs() <= 0.5 + 1e-9;
    let pass = off <= tolerance.share() || nearest;
    let is = format!("{width}×{height} ({})", AspectRatio::describe(width, height));
    let message = if pass {
        format!("asked {asked}, is {is}")
    } else {
        format!("asked {asked}, is {is}, off by {}", percent(off))
    };
    Finding::new(NAME, result(pass), message)
        .measured("width", width)
        .measured("height", height)
        .measured("aspect_ratio", rounded(f64::from(width) / f64::from(height.max(1))))
        .measured("off_by", rounded(off))
        .limit("aspect_ratio", asked.to_string())
        .limit("tolerance", json!(tolerance))
}

fn judge_size(width: u32, height: u32, asked: PixelSize) -> Finding {
    let pass = (width, height) == (asked.width, asked.height);
    Finding::new(NAME, result(pass), format!("asked {asked} pixels, is {width}×{height}"))
        .measured("width", width)
        .measured("height", height)
        .limit("width", asked.width)
        .limit("height", asked.height)
}

fn judge_least(width: u32, height: u32, least: PixelSize) -> Finding {
    let pass = width >= least.width && height >= least.height;
    let message = if pass {
        format!("at least {least} pixels, is {width}×{height}")
    } else {
        format!("asked at least {least} pixels, is only {width}×{height}")
    };
    Finding::new(NAME, result(pass), message)
        .measured("width", width)
        .measured("height", height)
        .limit("min_width", least.width)
        .limit("min_height", least.height)
}

fn judge_bars(picture: &Picture, most: Rate) -> Finding {
    let (width, height) = (picture.width(), picture.height());
    let Some(found) = bars::find(picture.rgb()) else {
        return Finding::new(NAME, CheckResult::Pass, "there are no bars")
            .measured("bars", 0)
            .limit("max_bars", json!(most));
    };
    let both = found.first + found.last;
    let (share, place, of, region) = if found.sides {
        let inner = [found.first, 0, width.saturating_sub(both), height];
        (f64::from(both) / f64::from(width.max(1)), "at the sides", "width", inner)
    } else {
        let inner = [0, found.first, width, height.saturating_sub(both)];
        (f64::from(both) / f64::from(height.max(1)), "above and below", "height", inner)
    };
    let colour = hex(found.colour);
    let shown = percent(share);
    let message =
        format!("bars {place}, of {colour}, take {shown} of the {of}, at most {most} may");
    let mut finding = Finding::new(NAME, result(share <= most.share()), message)
        .measured("bars", rounded(share))
        .limit("max_bars", json!(most));
    finding.region = Some(region);
    finding
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::checks::testing::{self, case};

    fn picture(width: u32, height: u32) -> Picture {
        testing::picture(image::RgbImage::new(width, height))
    }

    fn check(settings: &Value) -> Box<dyn Check> {
        testing::check(NAME, settings)
    }

    fn said(settings: &Value, expect: &Value, tags: &[&str], size: (u32, u32)) -> String {
        let findings =
            check(settings).inspect(&picture(size.0, size.1), &Scene::of(&case(expect, tags)));
        let lines: Vec<_> =
            findings.iter().map(|f| format!("{:?}: {}", f.result, f.message)).collect();
        lines.join("; ")
    }

    #[test]
    fn a_case_is_held_to_what_it_expects() {
        let none = json!({});
        let of = |expect: Value, size| said(&none, &expect, &[], size);
        insta::assert_snapshot!([
            of(json!({"aspect_ratio": "3:4"}), (128, 128)),
            of(json!({"aspect_ratio": "3:4"}), (96, 128)),
            of(json!({"aspect_ratio": 1.78}), (128, 72)),
            of(json!({"aspect_ratio": "16:9"}), (112, 64)),
            of(json!({"size": "128x96"}), (128, 96)),
            of(json!({"size": "128x96"}), (127, 96)),
            of(json!({"aspect_ratio": "1:1", "size": "64x64"}), (64, 65)),
            of(json!({}), (64, 64)),
        ].join("\n"), @"
        Fail: asked 3:4, is 128×128 (1:1), off by 33%
        Pass: asked 3:4, is 96×128 (3:4)
        Pass: asked 1.78, is 128×72 (16:9)
        Fail: asked 16:9, is 112×64 (7:4), off by 1.6%
        Pass: asked 128×96 pixels, is 128×96
        Fail: asked 128×96 pixels, is 127×96
        Fail: asked 1:1, is 64×65 (0.98:1), off by 1.6%; Fail: asked 64×64 pixels, is 64×65
        Skipped: nothing is expected of the size
        ");
    }

    #[test]
    fn the_policy_holds_where_the_case_is_silent() {
        let settings = json!({"tolerance": "5%", "aspect_ratio": "1:1", "min_size": "64x64", "tags": ["brand"]});
        let of = |expect: Value, tags: &[&str], size| said(&settings, &expect, tags, size);
        insta::assert_snapshot!([
            of(json!({}), &["brand"], (66, 64)),
            of(json!({}), &["brand"], (60, 30)),
            of(json!({}), &["other"], (60, 30)),
            of(json!({"aspect_ratio": "2:1"}), &["other"], (60, 30)),
            of(json!({"size": "60x30"}), &["x", "brand"], (60, 30)),
        ].join("\n"), @"
        Pass: asked 1:1, is 66×64 (1.03:1); Pass: at least 64×64 pixels, is 66×64
        Fail: asked 1:1, is 60×30 (2:1), off by 100%; Fail: asked at least 64×64 pixels, is only 60×30
        Skipped: only cases tagged brand are looked at
        Pass: asked 2:1, is 60×30 (2:1)
        Pass: asked 60×30 pixels, is 60×30; Fail: asked at least 64×64 pixels, is only 60×30
        ");
    }

    #[test]
    fn a_finding_says_what_was_measured_and_allowed() {
        let findings = check(&json!({}))
            .inspect(&picture(128, 128), &Scene::of(&case(&json!({"aspect_ratio": "3:4"}), &[])));
        insta::assert_snapshot!(serde_json::to_string(&findings).unwrap(), @r#"[{"check":"dimensions","result":"fail","message":"asked 3:4, is 128×128 (1:1), off by 33%","measured":{"width":128,"height":128,"aspect_ratio":1.0,"off_by":0.3333},"limit":{"aspect_ratio":"3:4","tolerance":0.01}}]"#);
    }

    #[test]
    fn bars_are_held_to_the_limit() {
        use crate::checks::testing::{bad, good, lines};
        let scene = good::one(0, 0).pixels;
        let boxed = testing::picture(bad::barred(&scene, 0.1, false, 0));
        let limit = json!({"max_bars": "2%"});
        let of = |settings: &Value, expect: Value| {
            lines(&check(settings).inspect(&boxed, &Scene::of(&case(&expect, &[]))))
        };
        insta::assert_snapshot!([
            of(&limit, json!({})),
            of(&limit, json!({"bars": true})),
            of(&json!({}), json!({"bars": false})),
            of(&json!({}), json!({})),
            lines(&check(&limit).inspect(&testing::picture(scene), &Scene::of(&case(&json!({}), &[])))),
        ].join("\n"), @"
        Fail: bars above and below, of #000000, take 20% of the height, at most 2% may
        Skipped: nothing is expected of the size
        Fail: bars above and below, of #000000, take 20% of the height, at most 0% may
        Skipped: nothing is expected of the size
        Pass: there are no bars
        ");
        let found = check(&limit).inspect(&boxed, &Scene::of(&case(&json!({}), &[]))).remove(0);
        assert_eq!(found.region, Some([0, 30, 400, 240]));
    }

    #[test]
    fn settings_that_are_wrong_are_all_reported() {
        let wrong = json!({"tolerence": "1%", "aspect_ratio": "wide", "size": 5, "min_size": "0x1", "tags": "x"});
        assert_eq!(testing::configured(NAME, &wrong).unwrap_err().len(), 5);
    }

    proptest! {
        #[test]
        fn the_nearest_whole_size_always_passes(across in 1_u32..30, down in 1_u32..30, edge in 8_u32..600) {
            let ratio: AspectRatio = format!("{across}:{down}").parse().unwrap();
            // The longer edge is given, the shorter rounded to whole pixels.
            let short = |edge: u32, of: u32, to: u32| (edge * to + of / 2) / of;
            let (width, height) = if across >= down {
                (edge, short(edge, across, down))
            } else {
                (short(edge, down, across), edge)
            };
            // Eight pixels across have no whole height that is near 29:1.
            prop_assume!(width > 0 && height > 0);
            let finding = judge_ratio(width, height, &ratio, Rate::new(0.0).unwrap());
            prop_assert_eq!(finding.result, CheckResult::Pass, "{}", finding.message);
        }
    }
}
