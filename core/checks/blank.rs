//! `blank`: a picture without anything on it.
//!
//! What moderation layers and broken pipelines send in the place of a picture: one colour all over, a
//! black frame, nothing but transparency, the checkerboard that stands for transparency, a crossed box.

use image::RgbImage;

use super::features::colour::hex;
use super::registry::Opened;
use super::{Check, CheckResult, Finding, Picture, Resources, Scene, expected, read_expected};
use crate::checks::numbers::rounded;
use crate::policy::{CheckVocabulary, Expectation, FromNode, Settings};
use crate::record;
use crate::units::Rate;

const NAME: &str = "blank";

/// A part of a picture is content where a channel is further than this from the main colour, of 255.
const VISIBLE: u8 = 8;

/// What is darker than this, of 255, is black to the eye.
const BLACK: u8 = 16;

record! {
    /// What counts as a blank picture.
    pub struct BlankSettings {
        /// The least share of the picture that must differ visibly from its main colour.
        min_content: Rate = "0.1%",
        /// The largest share of the picture that may be a checkerboard of small grey squares, which
        /// stands for transparency.
        max_checkerboard: Rate = "90%",
    }
}

/// What the policy's reader must know.
pub(super) const VOCABULARY: CheckVocabulary = CheckVocabulary {
    name: NAME,
    doc: "Whether there is anything on the picture: not one colour, a black frame, a checkerboard or a placeholder.",
    on_by_default: true,
    scoped: true,
    read: |node, problems| BlankSettings::from_node(node, problems).map(Settings::new),
    schema: BlankSettings::schema,
    expectations: &[Expectation {
        key: "blank",
        doc: "Whether a plain picture is asked for: `blank` does not judge it then.",
        validate: |value| read_expected::<bool>(value).map(|_| ()),
        schema: bool::schema,
    }],
};

/// Sets the check up.
pub(super) fn open(settings: &Settings, _: &Resources) -> Opened {
    let Some(settings) = settings.get::<BlankSettings>().cloned() else { return Ok(None) };
    Ok(Some(Box::new(Blank { settings })))
}

struct Blank {
    settings: BlankSettings,
}

impl Check for Blank {
    fn name(&self) -> &'static str {
        NAME
    }

    fn inspect(&self, picture: &Picture, scene: &Scene<'_>) -> Vec<Finding> {
        if expected(scene.case, "blank") == Some(true) {
            return vec![Finding::new(NAME, CheckResult::Skipped, "a plain picture is expected")];
        }
        let least = self.settings.min_content.share();
        let most = self.settings.max_checkerboard.share();
        let plain = Plain::measure(picture.small());
        let main = hex(plain.main);
        let checkerboard = checkerboard(picture);
        let board = checkerboard.map_or(0.0, |board| board.share);
        let fault = if is_transparent(picture) {
            Some(("transparent", "every pixel is transparent".to_owned()))
        } else if plain.content < least || plain.range <= 2 {
            let share = percent(plain.content);
            Some(match (plain.brightest <= BLACK, plain.content > 0.0) {
                (true, _) => ("black", "the picture is black all over".to_owned()),
                (false, false) => {
                    ("uniform", format!("the picture is one colour all over, {main}"))
                }
                (false, true) => (
                    "uniform",
                    format!("the picture is {main}, and only {share} of it differs visibly"),
                ),
            })
        } else if plain.brightest <= BLACK {
            Some(("black", "the picture is black: what is on it is too dark to be seen".to_owned()))
        } else if let Some(board) = checkerboard.filter(|board| board.share > most) {
            let (share, side) = (percent(board.share), board.side);
            Some((
                "checkerboard",
                format!(
                    "{share} of the picture is a checkerboard of {side}-pixel squares, as drawn for transparency"
                ),
            ))
        } else if plain.crossed {
            Some((
                "placeholder",
                "the picture is a crossed box, as drawn for a missing one".to_owned(),
            ))
        } else {
            None
        };
        let finding = match fault {
            Some((kind, message)) => {
                Finding::new(NAME, CheckResult::Fail, message).measured("kind", kind)
            }
            None => {
                let share = percent(plain.content);
                let message =
                    format!("{share} of the picture differs from its main colour, {main}");
                Finding::new(NAME, CheckResult::Pass, message)
            }
        };
        let finding = finding
            .measured("content", rounded(plain.content))
            .measured("main_colour", main)
            .measured("checkerboard", rounded(board))
            .limit("min_content", least)
            .limit("max_checkerboard", most);
        vec![finding]
    }
}

/// How plain a picture is.
struct Plain {
    /// The median of each channel.
    main: [u8; 3],
    /// The share of the picture that differs visibly from it.
    content: f64,
    /// What all but a thousandth of the picture is within, of 255.
    range: u8,
    /// How bright all but a thousandth of the picture is at most: its strongest channel.
    brightest: u8,
    /// Whether all that differs lies on the two diagonals and the border.
    crossed: bool,
}

impl Plain {
    fn measure(small: &RgbImage) -> Self {
        let pixels = || small.pixels().map(|pixel| pixel.0);
        let total = pixels().count();
        let mut channels = [[0_usize; 256]; 3];
        for pixel in pixels() {
            for (levels, value) in channels.iter_mut().zip(pixel) {
                if let Some(count) = levels.get_mut(usize::from(value)) {
                    *count += 1;
                }
            }
        }
        let main = channels.map(|levels| level(&levels, total / 2));
        let off = |pixel: [u8; 3]| {
            pixel.iter().zip(main).map(|(one, two)| one.abs_diff(two)).max().unwrap_or_default()
        };
        let (mut offs, mut brightness) = ([0_usize; 256], [0_usize; 256]);
        for pixel in pixels() {
            if let Some(count) = offs.get_mut(usize::from(off(pixel))) {
                *count += 1;
            }
            let brightest = pixel.iter().max().copied().unwrap_or_default();
            if let Some(count) = brightness.get_mut(usize::from(brightest)) {
                *count += 1;
            }
        }
        let nearly_all = total - total / 1000 - 1;
        let visible: usize = offs.iter().skip(usize::from(VISIBLE) + 1).sum();
        let content = visible as f64 / total.max(1) as f64;
        let is_off = |pixel: [u8; 3]| off(pixel) > VISIBLE;
        Self {
            main,
            content,
            range: level(&offs, nearly_all),
            brightest: level(&brightness, nearly_all),
            crossed: content < 0.25 && is_crossed(small, is_off),
        }
    }
}

/// The level that the `rank`-th value has, counted from 0.
fn level(levels: &[usize; 256], rank: usize) -> u8 {
    let mut seen = 0;
    let found = levels.iter().position(|count| {
        seen += count;
        seen > rank
    });
    found.and_then(|level| u8::try_from(level).ok()).unwrap_or(u8::MAX)
}

/// Whether nearly all that differs lies on the diagonals or at the border, and both diagonals are drawn.
fn is_crossed(small: &RgbImage, is_off: impl Fn([u8; 3]) -> bool) -> bool {
    let (width, height) = (f64::from(small.width()), f64::from(small.height()));
    if width.min(height) < 16.0 {
        return false;
    }
    let (mut off, mut placed) = (0_u32, 0_u32);
    // Which of 32 steps along each diagonal are drawn.
    let mut steps = [0_u32; 2];
    for (x, y, pixel) in small.enumerate_pixels() {
        if !is_off(pixel.0) {
            continue;
        }
        let (u, v) = ((f64::from(x) + 0.5) / width, (f64::from(y) + 0.5) / height);
        let near = [(u - v).abs() < 0.025, (u + v - 1.0).abs() < 0.025];
        let border = u.min(v).min(1.0 - u).min(1.0 - v) < 0.04;
        off += 1;
        placed += u32::from(border || near.contains(&true));
        for (steps, _) in steps.iter_mut().zip(near).filter(|(_, near)| *near) {
            *steps |= 1 << ((u * 32.0) as u32).min(31);
        }
    }
    off > 0
        && f64::from(placed) > 0.98 * f64::from(off)
        && steps.iter().all(|steps| steps.count_ones() >= 29)
}

/// Whether nothing of the picture would be seen.
fn is_transparent(picture: &Picture) -> bool {
    let seen = |alpha: u8| alpha > 2;
    match picture.pixels() {
        image::DynamicImage::ImageRgba8(rgba) => !rgba.pixels().any(|pixel| seen(pixel.0[3])),
        image::DynamicImage::ImageLumaA8(grey) => !grey.pixels().any(|pixel| seen(pixel.0[1])),
        _ => false,
    }
}

/// A checkerboard that was found.
#[derive(Clone, Copy)]
struct Board {
    /// How much of the picture it covers.
    share: f64,
    /// The side of its squares in pixels.
    side: u32,
}

/// Looks for small squares of two greys that alternate both ways, at places all over the picture.
fn checkerboard(picture: &Picture) -> Option<Board> {
    const ALONG: u32 = 48;
    let rgb = picture.rgb();
    let (width, height) = rgb.dimensions();
    let grey = |x: u32, y: u32| -> Option<u8> {
        let [red, green, blue] = rgb.get_pixel_checked(x, y)?.0;
        let (low, high) = (red.min(green).min(blue), red.max(green).max(blue));
        (high - low <= 10).then_some(green)
    };
    // Larger squares are a chessboard or a floor; smaller ones are dithering.
    let largest = (width.min(height) / 12).min(64);
    let mut best: Option<Board> = None;
    for side in 3..=largest {
        let (free_x, free_y) = (width.saturating_sub(2 * side), height.saturating_sub(2 * side));
        let alternates = |x: u32, y: u32| -> Option<bool> {
            let here = grey(x, y)?;
            let other = grey(x + side, y)?;
            let step = here.abs_diff(other);
            Some(
                (8..=120).contains(&step)
                    && grey(x, y + side)?.abs_diff(other) <= 3
                    && grey(x + side, y + side)?.abs_diff(here) <= 3
                    && grey(x + 2 * side, y)?.abs_diff(here) <= 3
                    && grey(x, y + 2 * side)?.abs_diff(here) <= 3,
            )
        };
        let places = (0..ALONG).flat_map(|row| (0..ALONG).map(move |column| (column, row)));
        let found = places
            .filter(|(column, row)| {
                let (x, y) = (free_x * column / ALONG, free_y * row / ALONG);
                alternates(x, y) == Some(true)
            })
            .count();
        let share = found as f64 / f64::from(ALONG * ALONG);
        // Three times the side fits as well; the smallest that fits is meant.
        if best.is_none_or(|best| share > best.share + 0.05) {
            best = Some(Board { share, side });
        }
    }
    best
}

/// A share for people: `0.02%`, `33%`.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        ..0.995 => format!("{percent:.2}%"),
        ..9.95 => format!("{percent:.1}%"),
        _ => format!("{percent:.0}%"),
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, Rgb, RgbaImage};
    use serde_json::{Value, json};

    use super::*;
    use crate::checks::testing::canvas::{Canvas, Dice};
    use crate::checks::testing::{bad, case, check, good, lines, picture, through_jpeg};

    fn said(pixels: impl Into<DynamicImage>) -> String {
        lines(
            &check(NAME, &json!({})).inspect(&picture(pixels), &Scene::of(&case(&json!({}), &[]))),
        )
    }

    fn plain(colour: [u8; 3]) -> RgbImage {
        RgbImage::from_pixel(320, 240, Rgb(colour))
    }

    #[test]
    fn what_has_nothing_on_it_fails() {
        let mut grainy = Canvas::plain(320, 240, [128.0; 3]);
        grainy.grain(2.0, &mut Dice::new(1));
        let mut dark = Canvas::plain(320, 240, [6.0; 3]);
        dark.grain(2.0, &mut Dice::new(2));
        dark.disc((100.0, 100.0), 40.0, 1.0, [13.0; 3]);
        let mut speck = Canvas::plain(320, 240, [250.0, 250.0, 240.0]);
        speck.disc((9.0, 9.0), 3.0, 1.0, [0.0; 3]);
        let mut crossed = Canvas::plain(320, 240, [204.0; 3]);
        crossed.stroke((0.0, 0.0), (320.0, 240.0), 2.0, [150.0; 3]);
        crossed.stroke((320.0, 0.0), (0.0, 240.0), 2.0, [150.0; 3]);
        insta::assert_snapshot!(
            [
                said(plain([0, 0, 0])),
                said(plain([10, 61, 145])),
                said(through_jpeg(&plain([90, 200, 40]), 60)),
                said(grainy.finish()),
                said(dark.finish()),
                said(speck.finish()),
                said(RgbaImage::new(64, 64)),
                said(bad::checkered(&plain([9, 9, 9]), 8, 1.0)),
                said(bad::checkered(&plain([9, 9, 9]), 16, 0.95)),
                said(crossed.finish()),
                said(RgbImage::new(1, 1)),
            ]
            .join("\n")
        );
    }

    #[test]
    fn what_has_something_on_it_passes() {
        let chess = RgbImage::from_fn(320, 320, |x, y| {
            Rgb([if (x / 40 + y / 40) % 2 == 0 { 240 } else { 170 }; 3])
        });
        let mut letter = Canvas::plain(320, 240, [255.0; 3]);
        letter.stroke((150.0, 110.0), (150.0, 130.0), 4.0, [0.0; 3]);
        insta::assert_snapshot!(
            [
                said(chess),
                said(letter.finish()),
                said(bad::checkered(&good::one(0, 1).pixels, 8, 0.3)),
                said(good::one(4, 2).pixels),
            ]
            .join("\n")
        );
    }

    #[test]
    fn a_case_may_ask_for_a_plain_picture() {
        let blank = check(NAME, &json!({"min_content": "5%"}));
        let of = |expect: Value| {
            lines(&blank.inspect(&picture(plain([1, 2, 3])), &Scene::of(&case(&expect, &[]))))
        };
        assert_eq!(of(json!({"blank": true})), "Skipped: a plain picture is expected");
        assert!(of(json!({"blank": false})).starts_with("Fail: "));
    }
}
