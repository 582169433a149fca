//! `composition`: whether the subject is whole, inside the safe margins, as large as asked and in its place.

use serde_json::{Map, Value, json};

use super::registry::Opened;
use super::{Check, CheckResult, Finding, Picture, Resources, Scene, expected, read_expected};
use crate::checks::numbers::{percent, rounded};
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::units::Rate;
use crate::{choice, record};

mod subject;

use subject::{Found, Subject};

const NAME: &str = "composition";

choice! {
    /// A place in the picture.
    pub enum Place {
        /// In the middle.
        Center = "center",
        /// In the left half.
        Left = "left",
        /// In the right half.
        Right = "right",
        /// In the upper half.
        Top = "top",
        /// In the lower half.
        Bottom = "bottom",
    }
}

record! {
    /// Where the subject may be, and how large.
    pub struct CompositionSettings {
        /// How far the subject, words included, must stay from every side, as a share of width or height.
        margin: Rate = "2%",
        /// The least share of the picture that must stand out from the background.
        min_share: Option<Rate>,
        /// The largest share of the picture that may stand out from the background.
        max_share: Option<Rate>,
        /// Where the middle of the subject must be.
        place: Option<Place>,
    }
}

record! {
    /// What a case expects of its subject; what is absent is the policy's to say.
    struct ExpectedSubject {
        /// How far it must stay from every side.
        margin: Option<Rate>,
        /// The least share of the picture that it takes.
        min_share: Option<Rate>,
        /// The largest share of the picture that it takes.
        max_share: Option<Rate>,
        /// Where its middle is.
        place: Option<Place>,
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether the subject is whole, inside the margins, as large as asked and in its place.",
    on_by_default: false,
    scoped: true,
    read: |node, problems| CompositionSettings::from_node(node, problems).map(Settings::new),
    schema: CompositionSettings::schema,
    expectations: &[Expectation {
        key: "subject",
        doc: "The subject's `place`, `min_share`, `max_share` and `margin`, as the settings of `composition`.",
        validate: |value| read_expected::<ExpectedSubject>(value).map(|_| ()),
        schema: ExpectedSubject::schema,
    }],
};

/// Sets the check up.
pub(super) fn open(settings: &Settings, _: &Resources) -> Opened {
    let Some(settings) = settings.get::<CompositionSettings>().cloned() else { return Ok(None) };
    Ok(Some(Box::new(Composition { settings })))
}

struct Composition {
    settings: CompositionSettings,
}

impl Check for Composition {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        let settings = &self.settings;
        let own = expected(scene.case, "subject").unwrap_or(NOTHING);
        let asked = ExpectedSubject {
            margin: own.margin.or(Some(settings.margin)),
            min_share: own.min_share.or(settings.min_share),
            max_share: own.max_share.or(settings.max_share),
            place: own.place.or(settings.place),
        };
        judge(picture, &asked)
    }

    fn inspect_expected(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        judge(picture, &expected(scene.case, "subject").unwrap_or(NOTHING))
    }
}

const NOTHING: ExpectedSubject =
    ExpectedSubject { margin: None, min_share: None, max_share: None, place: None };

fn judge(picture: &Picture, asked: &ExpectedSubject) -> Vec<Finding> {
    let skipped = |why: &str| vec![Finding::new(NAME, CheckResult::Skipped, why)];
    let subject = match subject::find(picture.lab()) {
        Found::Subject(subject) => subject,
        Found::Nothing => return skipped("nothing stands out from the background"),
        Found::Varied => {
            return skipped("the background is too varied to tell the subject from it");
        }
    };
    let mut findings: Vec<_> =
        asked.margin.map(|margin| judge_margin(&subject, margin)).into_iter().collect();
    if asked.min_share.is_some() || asked.max_share.is_some() {
        findings.push(judge_share(&subject, asked));
    }
    findings.extend(asked.place.map(|place| judge_place(&subject, place)));
    if findings.is_empty() {
        return skipped("nothing is expected of the subject");
    }
    let region = region(picture, &subject);
    findings.iter_mut().for_each(|finding| finding.region = Some(region));
    findings
}

/// The box around the subject, in pixels.
fn region(picture: &Picture, subject: &Subject) -> [u32; 4] {
    let (width, height) = (f64::from(picture.width()), f64::from(picture.height()));
    let [left, top, right, bottom] = subject.gaps;
    let (x, y) = ((left * width) as u32, (top * height) as u32);
    let (to_x, to_y) = ((1.0 - right) * width, (1.0 - bottom) * height);
    [x, y, (to_x.ceil() as u32).saturating_sub(x), (to_y.ceil() as u32).saturating_sub(y)]
}

fn result(pass: bool) -> CheckResult {
    if pass { CheckResult::Pass } else { CheckResult::Fail }
}

const SIDES: [&str; 4] = ["left", "top", "right", "bottom"];

fn judge_margin(subject: &Subject, margin: Rate) -> Finding {
    let gaps = || SIDES.into_iter().zip(subject.gaps);
    let list = |names: &[&str]| match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    };
    let cut: Vec<_> = gaps().filter(|(_, gap)| *gap <= 0.0).map(|(side, _)| side).collect();
    let over: Vec<_> =
        gaps().filter(|(_, gap)| *gap < margin.share()).map(|(side, _)| side).collect();
    let measured: Map<String, Value> =
        gaps().map(|(side, gap)| (side.to_owned(), json!(rounded(gap)))).collect();
    let (outcome, message) = if over.len() >= 3 {
        // A frame, a pattern, a skyline before the sky: no subject that could be whole.
        let message = "what stands out runs over three sides or more, and is no single subject";
        (CheckResult::Skipped, message.to_owned())
    } else if !cut.is_empty() {
        (CheckResult::Fail, format!("the subject is cut at the {}", list(&cut)))
    } else if !over.is_empty() {
        let message =
            format!("the subject reaches into the margin of {margin} at the {}", list(&over));
        (CheckResult::Fail, message)
    } else {
        (CheckResult::Pass, format!("the subject keeps a margin of {margin}"))
    };
    Finding::new(NAME, outcome, message).measured("gaps", measured).limit("margin", margin.share())
}

fn judge_share(subject: &Subject, asked: &ExpectedSubject) -> Finding {
    let share = subject.share;
    let few = asked.min_share.filter(|least| share < least.share());
    let many = asked.max_share.filter(|most| share > most.share());
    let takes = format!("the subject takes {} of the picture", percent(share));
    let message = match (few, many) {
        (Some(least), _) => format!("{takes}, asked at least {least}"),
        (_, Some(most)) => format!("{takes}, asked at most {most}"),
        _ => takes,
    };
    let mut finding = Finding::new(NAME, result(few.is_none() && many.is_none()), message)
        .measured("share", rounded(share));
    if let Some(least) = asked.min_share {
        finding = finding.limit("min_share", least.share());
    }
    if let Some(most) = asked.max_share {
        finding = finding.limit("max_share", most.share());
    }
    finding
}

/// How far from the middle line a subject may be, or how near to it, before its place is wrong.
const SLACK: f64 = 0.05;

fn judge_place(subject: &Subject, place: Place) -> Finding {
    let [x, y] = subject.middle;
    let pass = match place {
        Place::Center => (x - 0.5).abs() <= 0.15 + SLACK && (y - 0.5).abs() <= 0.15 + SLACK,
        Place::Left => x <= 0.5 + SLACK,
        Place::Right => x >= 0.5 - SLACK,
        Place::Top => y <= 0.5 + SLACK,
        Place::Bottom => y >= 0.5 - SLACK,
    };
    let at = format!("{} from the left and {} from the top", percent(x), percent(y));
    Finding::new(NAME, result(pass), format!("asked {}, its middle is {at}", place.word()))
        .measured("middle", json!([rounded(x), rounded(y)]))
        .limit("place", place.word())
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::checks::testing::canvas::{Canvas, Dice};
    use crate::checks::testing::{case, check, good, lines, picture};

    fn said(settings: &Value, expect: &Value, pixels: RgbImage) -> String {
        lines(&check(NAME, settings).inspect(&picture(pixels), &Scene::of(&case(expect, &[]))))
    }

    /// A disc on a plain ground that gets lighter downwards.
    fn disc(x: f32, y: f32, radius: f32) -> RgbImage {
        let mut canvas = Canvas::of(400, 300, |_, y| [190.0 + y / 6.0, 200.0, 210.0]);
        canvas.disc((x, y), radius, 1.0, [150.0, 30.0, 40.0]);
        canvas.grain(1.5, &mut Dice::new(4));
        canvas.finish()
    }

    #[test]
    fn a_subject_is_whole_and_inside_the_margins_or_fails() {
        let none = json!({});
        insta::assert_snapshot!(
            [
                said(&none, &none, disc(200.0, 150.0, 60.0)),
                said(&none, &none, disc(30.0, 150.0, 60.0)),
                said(&none, &none, disc(370.0, 270.0, 60.0)),
                said(&json!({"margin": "8%"}), &none, disc(200.0, 74.0, 60.0)),
                said(&none, &none, good::one(0, 0).pixels),
                said(&none, &none, RgbImage::from_pixel(90, 90, image::Rgb([7, 8, 9]))),
                said(&none, &none, RgbImage::new(3, 3)),
            ]
            .join("\n")
        );
    }

    #[test]
    fn size_and_place_are_held_to_what_is_asked() {
        let small = || disc(100.0, 150.0, 40.0);
        let policy = json!({"min_share": "10%", "place": "center"});
        insta::assert_snapshot!(
            [
                said(&policy, &json!({}), small()),
                said(&policy, &json!({"subject": {"place": "left", "min_share": "1%"}}), small()),
                said(
                    &json!({}),
                    &json!({"subject": {"place": "right", "max_share": "2%"}}),
                    small()
                ),
                said(&json!({}), &json!({"subject": {"place": "top", "margin": "40%"}}), small()),
            ]
            .join("\n")
        );
        let found =
            check(NAME, &json!({})).inspect(&picture(small()), &Scene::of(&case(&json!({}), &[])));
        let [x, y, w, h] = found[0].region.unwrap();
        assert!(
            x.abs_diff(60) <= 4
                && y.abs_diff(110) <= 4
                && w.abs_diff(80) <= 8
                && h.abs_diff(80) <= 8
        );
    }

    #[test]
    fn a_case_without_the_tags_is_held_to_its_own_expectations_alone() {
        let settings = json!({"tags": ["hero"], "max_share": "1%"});
        let of = |expect: Value| said(&settings, &expect, disc(30.0, 150.0, 60.0));
        insta::assert_snapshot!(
            [of(json!({})), of(json!({"subject": {"place": "left"}})),].join("\n")
        );
    }
}
