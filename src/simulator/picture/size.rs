//! Sizes of pictures.

use std::fmt;
use std::str::FromStr;

use presscheck_core::policy::{FromNode, Node, Problems};
use serde_json::{Value, json};

/// The longest side, in pixels.
const MAX_SIDE: u32 = 4096;
/// The shortest side, in pixels.
const MIN_SIDE: u32 = 16;

/// The width and height of a picture in pixels, each from 16 to 4,096; written `512x512`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// A size of these pixels.
    ///
    /// # Errors
    /// A sentence, where a side is out of range.
    pub fn new(width: u32, height: u32) -> Result<Self, &'static str> {
        let good = |side| (MIN_SIDE..=MAX_SIDE).contains(&side);
        if good(width) && good(height) {
            Ok(Self { width, height })
        } else {
            Err("a side has 16 to 4096 pixels")
        }
    }

    /// The width in pixels.
    #[must_use]
    pub const fn width(self) -> u32 {
        self.width
    }

    /// The height in pixels.
    #[must_use]
    pub const fn height(self) -> u32 {
        self.height
    }

    /// A size of about the same area with this ratio of width to height: exactly, where both are small
    /// numbers. Nothing where a side would be out of range.
    #[must_use]
    pub fn with_aspect(self, (across, up): (u32, u32)) -> Option<Self> {
        let divisor = gcd(across, up).max(1);
        let (across, up) = (across / divisor, up / divisor);
        let area = f64::from(self.width) * f64::from(self.height);
        let scale = (area / (f64::from(across) * f64::from(up))).sqrt();
        // From four pixels for each unit on, whole units keep the area within an eighth of each side.
        let scale = if scale >= 4.0 { scale.round() } else { scale };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the cast saturates, and the range is checked next"
        )]
        let side = |units: u32| (f64::from(units) * scale).round() as u32;
        Self::new(side(across), side(up)).ok()
    }

    /// Another aspect ratio of about the same area, at least a fifth off.
    pub(super) fn other_aspect(self) -> Self {
        let ratio = f64::from(self.width) / f64::from(self.height);
        let other = if (0.8..=1.25).contains(&ratio) { (4, 3) } else { (1, 1) };
        let other =
            if (ratio - 4.0 / 3.0).abs() < 0.27 && other == (4, 3) { (3, 4) } else { other };
        // At the ends of the range no picture of that area fits: half or twice the height then.
        let height = if self.height >= 2 * MIN_SIDE { self.height / 2 } else { self.height * 2 };
        self.with_aspect(other).unwrap_or(Self { width: self.width, height })
    }

    /// Three quarters of each side: the same aspect ratio within rounding.
    pub(super) fn smaller(self) -> Self {
        let side = |pixels: u32| (pixels * 3 / 4).max(1);
        Self { width: side(self.width), height: side(self.height) }
    }
}

const fn gcd(mut a: u32, mut b: u32) -> u32 {
    while b > 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected pixels such as `512x512`";
        let (width, height) = text.split_once(['x', '×']).ok_or(WRONG)?;
        let side = |text: &str| text.trim().parse().map_err(|_| WRONG);
        Self::new(side(width)?, side(height)?)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

impl FromNode for Size {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = String::from_node(node, problems)?;
        match text.parse() {
            Ok(size) => Some(size),
            Err(error) => {
                let shown = presscheck_core::inert::one_line(&text, 60);
                problems.error(node.span, format!("`{shown}`: {error}"));
                None
            }
        }
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^[0-9]+[x×][0-9]+$", "examples": ["512x512"]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_aspect_is_far_from_the_one_asked_for() {
        for (width, height) in [
            (512, 512),
            (688, 387),
            (387, 688),
            (592, 444),
            (444, 592),
            (560, 448),
            (30, 16),
            (16, 16),
            (4096, 4096),
            (4096, 16),
        ] {
            let size = Size::new(width, height).unwrap();
            let other = size.other_aspect();
            let ratio = |size: Size| f64::from(size.width()) / f64::from(size.height());
            let off = (ratio(other) / ratio(size)).ln().abs();
            assert!(off > 0.15, "{size} became {other}");
            assert_ne!(size.smaller(), size);
        }
    }
}
