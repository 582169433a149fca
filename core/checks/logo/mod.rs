//! `logo`: whether a brand's mark is on the picture, whole, in its shape and in its colours.

use image::{DynamicImage, RgbImage};
use serde_json::{Value, json};

use super::palette::DeltaE;
use super::registry::Opened;
use super::{Check, CheckResult, Finding, Format, Picture, Resources, Scene};
use crate::checks::features::colour::hex;
use crate::checks::numbers::{percent, rounded, tenth};
use crate::inert::one_line;
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::prompts::Case;
use crate::record;
use crate::units::{Rate, RepoPath};

mod align;
mod compare;
mod finder;
mod mark;
mod search;
#[cfg(test)]
mod tests;
mod view;

use compare::Likeness;
use finder::{Finder, Seen};
use mark::Mark;

const NAME: &str = "logo";

/// The most marks that a policy may name: each is looked for by itself.
const MOST: usize = 16;

/// The least share of a mark that must be as it should be.
const KEPT: f32 = 0.85;

/// The largest share of the most altered part of a mark that may be: see [`Likeness::lump`].
const LUMP: f32 = 0.6;

/// The least share of a mark's outlines that must be seen.
const OUTLINED: f32 = 0.75;

/// By how many pixels of its shorter side a mark's shape is not known.
const HALF_A_PIXEL: f32 = 0.5;

/// The least pixels of the small copy's shorter side in which a mark is looked for.
const NARROW: u32 = 16;

record! {
    /// Which marks are looked for, and how well they must be met.
    pub struct LogoSettings {
        /// Pictures of the marks in the repository, with a transparent ground where the mark has none of its
        /// own. One of them is enough: the mark in colour, in white, on a plate.
        files: Vec<RepoPath> = "[]",
        /// How much too wide or too high a mark may be.
        max_stretch: Rate = "5%",
        /// How far each of a mark's colours may be off, by CIEDE2000.
        max_delta_e: DeltaE = "8",
        /// How wide a mark must be to be looked for, as a share of the picture's width.
        min_width: Rate = "6%",
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether a reference mark is on the picture, whole, in its shape and its colours.",
    on_by_default: false,
    scoped: true,
    read: |node, problems| {
        let settings = LogoSettings::from_node(node, problems)?;
        if settings.files.len() > MOST {
            problems.error(node.span, format!("`files` takes at most {MOST} marks"));
            return None;
        }
        if !(0.04..=0.9).contains(&settings.min_width.share()) {
            problems.error(node.span, "`min_width` lies between 4% and 90%");
            return None;
        }
        Some(Settings::new(settings))
    },
    schema: || {
        let mut schema = LogoSettings::schema();
        if let Some(Value::Object(files)) = schema.pointer_mut("/properties/files") {
            files.insert("maxItems".to_owned(), json!(MOST));
        }
        schema
    },
    expectations: &[Expectation {
        key: NAME,
        doc: "Whether one of the policy's marks is on the picture (`true`) or none is (`false`); or the file of the one that is.",
        validate: |value| match value {
            Value::Bool(_) => Ok(()),
            Value::String(file) if !file.is_empty() => Ok(()),
            _ => {
                Err("expected `true`, `false`, or the file of a mark as the policy has it"
                    .to_owned())
            }
        },
        schema: || json!({"anyOf": [{"type": "boolean"}, {"type": "string", "minLength": 1}]}),
    }],
};

/// The marks' files.
pub(super) fn files(settings: &Settings) -> Vec<RepoPath> {
    settings.get::<LogoSettings>().map(|settings| settings.files.clone()).unwrap_or_default()
}

/// Sets the check up: reads the marks.
pub(super) fn open(settings: &Settings, resources: &Resources) -> Opened {
    let Some(settings) = settings.get::<LogoSettings>().cloned() else { return Ok(None) };
    let named =
        |file: &RepoPath| Named { file: file.as_str().to_owned(), finder: read(file, resources) };
    let marks = settings.files.iter().map(named).collect();
    Ok(Some(Box::new(Logo { settings, marks })))
}

/// A mark's file made ready to be looked for, or why it can't be: a sentence without its full stop.
fn read(file: &RepoPath, resources: &Resources) -> Result<Finder, String> {
    let told = |why: String| format!("the mark {file} can't be used: {why}");
    let bytes = resources.file(file).ok_or_else(|| told("it was not read".to_owned()))?;
    let limits = super::DecodeLimits {
        formats: vec![Format::Png, Format::Jpeg, Format::Webp, Format::Gif],
        ..super::DecodeLimits::default()
    };
    let picture = super::decode(bytes, None, &limits).map_err(|broken| told(broken.message))?;
    let mut pixels = picture.pixels().to_rgba8();
    let mut colours = DynamicImage::from(pixels.clone()).into_rgb8();
    picture.profile().convert(&mut colours);
    for (to, from) in pixels.pixels_mut().zip(colours.pixels()) {
        let [red, green, blue] = from.0;
        to.0 = [red, green, blue, to.0[3]];
    }
    Mark::new(&pixels).map(Finder::new).map_err(told)
}

struct Named {
    file: String,
    finder: Result<Finder, String>,
}

struct Logo {
    settings: LogoSettings,
    marks: Vec<Named>,
}

/// What is expected of a picture.
enum Wanted<'a> {
    /// One of these marks is on it.
    One(Vec<&'a Named>),
    /// None of these is.
    None(Vec<&'a Named>),
    /// It can't be judged, and why.
    Nothing(String),
}

impl Check for Logo {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        vec![self.look(picture, self.wanted(scene.case))]
    }

    fn cannot(&self, case: &Case) -> Option<String> {
        let expects = case.expect.get(NAME).is_some_and(|value| !value.is_null());
        match self.wanted(case) {
            Wanted::One(marks) | Wanted::None(marks) => unusable(&marks),
            Wanted::Nothing(why) => expects.then_some(why),
        }
    }
}

/// Why one of some marks can't be looked for.
fn unusable(marks: &[&Named]) -> Option<String> {
    marks.iter().find_map(|mark| mark.finder.as_ref().err().cloned())
}

impl Logo {
    fn wanted(&self, case: &Case) -> Wanted<'_> {
        let all = || self.marks.iter().collect::<Vec<_>>();
        if self.marks.is_empty() {
            return Wanted::Nothing(
                "the policy names no mark; list its file under `files`".to_owned(),
            );
        }
        match case.expect.get(NAME) {
            Some(Value::Bool(false)) => Wanted::None(all()),
            Some(Value::String(file)) => {
                let named: Vec<_> = self.marks.iter().filter(|mark| mark.file == *file).collect();
                if named.is_empty() {
                    let shown = one_line(file, 80);
                    return Wanted::Nothing(format!("the policy's `files` have no mark `{shown}`"));
                }
                Wanted::One(named)
            }
            _ => Wanted::One(all()),
        }
    }

    fn look(&self, picture: &Picture, wanted: Wanted<'_>) -> Finding {
        let skipped = |why: &str| Finding::new(NAME, CheckResult::Skipped, one_line(why, 400));
        let (marks, must_show) = match wanted {
            Wanted::One(marks) => (marks, true),
            Wanted::None(marks) => (marks, false),
            Wanted::Nothing(why) => return skipped(&why),
        };
        let small = picture.small();
        if small.width().min(small.height()) < NARROW {
            return skipped("the picture is too small or too narrow to find a mark on");
        }
        let to_srgb = |pixels: &mut RgbImage| picture.profile().convert(pixels);
        let seen =
            Seen { small, factor: picture.small_factor(), full: picture.rgb(), to_srgb: &to_srgb };
        let mut best: Option<(&Named, Likeness)> = None;
        for mark in &marks {
            let Ok(finder) = &mark.finder else { continue };
            let least = self.settings.min_width.share() as f32;
            let Some(likeness) = finder.find(&seen, least, &|likeness| self.is_right(likeness))
            else {
                continue;
            };
            if self.is_right(&likeness) {
                let result = if must_show { CheckResult::Pass } else { CheckResult::Fail };
                let wide = likeness.area[2].round();
                let rest = if must_show { "" } else { ", where no mark is expected" };
                let message = format!("{} is on the picture, {wide} pixels wide{rest}", mark.file);
                return self.told(Finding::new(NAME, result, message), mark, &likeness, picture);
            }
            if best.as_ref().is_none_or(|(_, best)| likeness.rank() > best.rank()) {
                best = Some((mark, likeness));
            }
        }
        if let Some(why) = unusable(&marks) {
            return skipped(&why);
        }
        let names = match marks.as_slice() {
            [mark] => mark.file.clone(),
            marks => format!("any of the {} marks", marks.len()),
        };
        if !must_show {
            let none =
                if marks.len() == 1 { format!("{names} is not") } else { "no mark is".to_owned() };
            return Finding::new(NAME, CheckResult::Pass, format!("{none} on the picture"));
        }
        let least = self.settings.min_width;
        match best.filter(|(_, likeness)| likeness.is_like()) {
            Some((mark, likeness)) => {
                let message = format!("{} is distorted: {}", mark.file, self.faults(&likeness));
                self.told(Finding::new(NAME, CheckResult::Fail, message), mark, &likeness, picture)
            }
            None => Finding::new(
                NAME,
                CheckResult::Fail,
                format!("{names} is not found at {least} of the picture's width or more"),
            )
            .measured("found", false)
            .limit("min_width", least.share()),
        }
    }

    /// The largest stretch that is allowed for a mark of a size: half a pixel more than the policy says is not told apart.
    fn stretch_allowed(&self, likeness: &Likeness) -> f32 {
        let [.., w, h] = likeness.area;
        self.settings.max_stretch.share() as f32 + HALF_A_PIXEL / w.min(h).max(1.0)
    }

    fn is_right(&self, likeness: &Likeness) -> bool {
        likeness.is_whole()
            && likeness.stretched() <= self.stretch_allowed(likeness)
            && likeness.worst.is_none_or(|shift| shift.delta_e <= self.settings.max_delta_e.0)
    }

    /// What is wrong with a mark.
    fn faults(&self, likeness: &Likeness) -> String {
        let mut faults = Vec::new();
        let stretched = likeness.stretched();
        if stretched > self.stretch_allowed(likeness) {
            let (by, how) = (
                percent(f64::from(stretched)),
                if likeness.stretch > 1.0 { "wide" } else { "high" },
            );
            faults.push(format!("{by} too {how}, allowed {}", self.settings.max_stretch));
        }
        if let Some(shift) =
            likeness.worst.filter(|shift| shift.delta_e > self.settings.max_delta_e.0)
        {
            let (meant, is, off) = (hex(shift.meant), hex(shift.is), tenth(shift.delta_e));
            faults.push(format!(
                "{meant} of it is {is}, {off} off, allowed {}",
                self.settings.max_delta_e.0
            ));
        }
        if !likeness.is_whole() {
            let altered = percent(f64::from(1.0 - likeness.kept.min(likeness.outlined)));
            faults
                .push(format!("parts are missing or altered, {altered} of its areas or outlines"));
        }
        faults.join("; ")
    }

    fn told(
        &self,
        finding: Finding,
        mark: &Named,
        likeness: &Likeness,
        picture: &Picture,
    ) -> Finding {
        let mut finding = finding
            .measured("mark", mark.file.clone())
            .measured("match", rounded(f64::from(likeness.kept)))
            .measured("outline", rounded(f64::from(likeness.outlined)))
            .measured("stretch", rounded(f64::from(likeness.stretch - 1.0)))
            .limit("max_stretch", self.settings.max_stretch.share())
            .limit("max_delta_e", self.settings.max_delta_e.0)
            .limit("match", rounded(f64::from(KEPT)))
            .limit("outline", rounded(f64::from(OUTLINED)));
        if let Some(shift) = likeness.worst {
            finding = finding.measured("delta_e", tenth(shift.delta_e));
        }
        finding.region = Some(region(likeness.area, picture));
        finding
    }
}

impl Likeness {
    /// Whether no part is missing or altered.
    fn is_whole(&self) -> bool {
        self.kept >= KEPT && self.lump <= LUMP && self.outlined >= OUTLINED
    }

    /// Whether people would see in it the mark, distorted.
    fn is_like(&self) -> bool {
        self.kept >= 0.7 && self.outlined >= 0.6 && self.stretched() < 0.6
    }

    /// How much too wide or too high it is.
    fn stretched(&self) -> f32 {
        self.stretch.max(1.0 / self.stretch.max(1e-6)) - 1.0
    }
}

/// A box in whole pixels, within the picture.
fn region([x, y, w, h]: view::Area, picture: &Picture) -> [u32; 4] {
    let clamp = |value: f32, end: u32| value.round().clamp(0.0, end as f32) as u32;
    let (left, top) = (clamp(x, picture.width() - 1), clamp(y, picture.height() - 1));
    let (right, low) = (clamp(x + w, picture.width()), clamp(y + h, picture.height()));
    [left, top, right.max(left + 1) - left, low.max(top + 1) - top]
}
