//! Sizes and aspect ratios as people write them.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};
use thiserror::Error;

use crate::inert::one_line;
use crate::policy::{FromNode, Node, Problems};

/// An aspect ratio, width over height: `16:9`, `16x9`, `16/9` or `1.78`.
#[derive(Clone, Debug, PartialEq)]
pub struct AspectRatio {
    value: f64,
    written: String,
}

/// A size in pixels: `1024x768`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelSize {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
}

/// Why a text is no aspect ratio.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseRatioError {
    /// Not two numbers, nor one.
    #[error("expected an aspect ratio such as `16:9` or `1.78`")]
    NotARatio,
    /// Zero, or beyond 100:1.
    #[error("an aspect ratio lies between 1:100 and 100:1")]
    OutOfRange,
}

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseSizeError {
    /// Not two whole numbers.
    #[error("expected a size in pixels such as `1024x768`")]
    NotASize,
    /// Zero, or over 65,535.
    #[error("width and height lie between 1 and 65535 pixels")]
    OutOfRange,
}

impl AspectRatio {
    /// Width divided by height.
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.value
    }

    /// How far a size is from this ratio: 0 where it fits, 0.33 for a square where `3:4` is asked. Too
    /// wide and too high count alike.
    #[must_use]
    pub fn off_by(&self, width: u32, height: u32) -> f64 {
        let ratio = f64::from(width) / f64::from(height.max(1)) / self.value;
        ratio.max(1.0 / ratio) - 1.0
    }

    /// The ratio of a size as people say it: `16:9` where the terms are small, else `1.78:1`.
    #[must_use]
    pub fn describe(width: u32, height: u32) -> String {
        let divisor = greatest_common_divisor(width, height).max(1);
        let (across, down) = (width / divisor, height / divisor);
        if across <= 32 && down <= 32 {
            format!("{across}:{down}")
        } else {
            format!("{:.2}:1", f64::from(width) / f64::from(height.max(1)))
        }
    }
}

const fn greatest_common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl FromStr for AspectRatio {
    type Err = ParseRatioError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let number = |part: &str| -> Option<f64> {
            let part = part.trim();
            let plain = !part.is_empty() && part.chars().all(|c| c.is_ascii_digit() || c == '.');
            plain.then(|| part.parse().ok()).flatten()
        };
        let value = match text.split_once([':', 'x', 'X', '×', '/']) {
            Some((width, height)) => number(width).zip(number(height)).map(|(w, h)| w / h),
            None => number(text),
        };
        let value = value.ok_or(ParseRatioError::NotARatio)?;
        if !(0.01..=100.0).contains(&value) {
            return Err(ParseRatioError::OutOfRange);
        }
        Ok(Self { value, written: one_line(text, 40) })
    }
}

impl fmt::Display for AspectRatio {
    /// As it was written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.written)
    }
}

impl FromStr for PixelSize {
    type Err = ParseSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (width, height) =
            text.split_once(['x', 'X', '×', '*']).ok_or(ParseSizeError::NotASize)?;
        let number = |part: &str| -> Result<u32, ParseSizeError> {
            let part = part.trim();
            if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(ParseSizeError::NotASize);
            }
            let pixels = part.parse().map_err(|_| ParseSizeError::OutOfRange)?;
            if (1..=65_535).contains(&pixels) {
                Ok(pixels)
            } else {
                Err(ParseSizeError::OutOfRange)
            }
        };
        Ok(Self { width: number(width)?, height: number(height)? })
    }
}

impl fmt::Display for PixelSize {
    /// `1024×768`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}×{}", self.width, self.height))
    }
}

/// A type that is parsed from what a person wrote, in settings and in expectations.
macro_rules! written {
    ($ty:ty, $schema:expr) => {
        impl FromNode for $ty {
            fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
                let Some(text) = node.scalar_text() else {
                    node.wrong_type("a single value", problems);
                    return None;
                };
                match text.parse() {
                    Ok(value) => Some(value),
                    Err(error) => {
                        problems.error(node.span, format!("`{}`: {error}", one_line(&text, 60)));
                        None
                    }
                }
            }
            fn schema() -> Value {
                $schema
            }
        }

        impl $ty {
            /// Reads an expectation of a case: text, or a number.
            ///
            /// # Errors
            /// A sentence on what else it is.
            pub fn from_expectation(value: &Value) -> Result<Self, String> {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    _ => return Err("expected text".to_owned()),
                };
                text.parse().map_err(|error| format!("`{}`: {error}", one_line(&text, 60)))
            }
        }
    };
}
written!(
    AspectRatio,
    json!({"type": ["string", "number"], "pattern": r"^ *[0-9.]+ *([:xX×/] *[0-9.]+ *)?$", "minimum": 0.01, "maximum": 100, "examples": ["16:9", "1.78"]})
);
written!(
    PixelSize,
    json!({"type": "string", "pattern": r"^ *[0-9]{1,5} *[xX×*] *[0-9]{1,5} *$", "examples": ["1024x768"]})
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ratios_are_written_in_several_ways() {
        for (text, value) in [
            ("16:9", 16.0 / 9.0),
            ("16x9", 16.0 / 9.0),
            ("3 / 4", 0.75),
            ("1.78", 1.78),
            ("1", 1.0),
        ] {
            let ratio: AspectRatio = text.parse().unwrap();
            assert!((ratio.value() - value).abs() < 1e-12, "{text}");
            assert_eq!(ratio.to_string(), text);
        }
        for text in ["", "wide", "16:", ":9", "1:2:3", "-1", "nan", "inf", "1e2", "."] {
            assert_eq!(text.parse::<AspectRatio>(), Err(ParseRatioError::NotARatio), "{text}");
        }
        for text in ["0", "0:0", "1:0", "0:1", "101:1", "1:101"] {
            assert!(text.parse::<AspectRatio>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_whole_pixels() {
        let size: PixelSize = "1024 x 768".parse().unwrap();
        assert_eq!((size.width, size.height, size.to_string().as_str()), (1024, 768, "1024×768"));
        for text in ["", "1024", "0x5", "5x0", "1.5x2", "-1x2", "65536x1", "99999999999x1", "1x2x3"]
        {
            assert!(text.parse::<PixelSize>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_square_is_a_third_off_three_to_four() {
        let ratio: AspectRatio = "3:4".parse().unwrap();
        assert!((ratio.off_by(1024, 1024) - 1.0 / 3.0).abs() < 1e-12);
        assert!((ratio.off_by(768, 1024)).abs() < 1e-12);
        assert!((ratio.off_by(576, 1024) - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(AspectRatio::describe(1344, 768), "7:4");
        assert_eq!(AspectRatio::describe(1000, 563), "1.78:1");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[0-9:x×/. -]{0,12}") {
            let _ = (text.parse::<AspectRatio>(), text.parse::<PixelSize>());
        }

        #[test]
        fn what_the_schema_admits_is_read_or_out_of_range(width in 1_u32..200, height in 1_u32..200) {
            let text = format!("{width}:{height}");
            let near = f64::from(width) / f64::from(height);
            prop_assert_eq!(text.parse::<AspectRatio>().is_ok(), (0.01..=100.0).contains(&near));
        }
    }
}
