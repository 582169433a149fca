//! The colour profile that came with a picture, and the way from it to sRGB.
//!
//! A profile is bytes from outside: what is wrong with it is told and never fatal, and its name is made
//! harmless before it is shown.

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, ProfileText, TransformOptions};

use crate::choice;
use crate::inert::one_line;

choice! {
    /// A colour space that a picture may be asked to be in.
    pub enum Space {
        /// sRGB, that of the web.
        Srgb = "srgb",
        /// Display P3, that of newer screens.
        DisplayP3 = "display_p3",
        /// Adobe RGB (1998), that of print shops.
        AdobeRgb = "adobe_rgb",
    }
}

impl Space {
    /// The name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Srgb => "sRGB",
            Self::DisplayP3 => "Display P3",
            Self::AdobeRgb => "Adobe RGB",
        }
    }

    fn profile(self) -> ColorProfile {
        match self {
            Self::Srgb => ColorProfile::new_srgb(),
            Self::DisplayP3 => ColorProfile::new_display_p3(),
            Self::AdobeRgb => ColorProfile::new_adobe_rgb(),
        }
    }
}

/// What a picture says of its colours.
#[derive(Debug)]
pub(in crate::checks) enum Profile {
    /// Nothing: sRGB by convention.
    Missing,
    /// Something that can't be read, and why.
    Unreadable,
    /// A profile.
    Embedded(Box<Embedded>),
}

/// A profile that was read.
#[derive(Debug)]
pub(in crate::checks) struct Embedded {
    /// What it calls itself, on one line.
    pub(in crate::checks) name: String,
    /// Which of the known ones it is.
    pub(in crate::checks) space: Option<Space>,
    parsed: ColorProfile,
}

impl Profile {
    /// Reads the bytes of a profile.
    pub(super) fn read(bytes: Option<&[u8]>) -> Self {
        let Some(bytes) = bytes else { return Self::Missing };
        // The parser is not ours, and takes what a stranger sent.
        let parsed = catch_unwind(AssertUnwindSafe(|| ColorProfile::new_from_slice(bytes)));
        let Ok(Ok(parsed)) = parsed else { return Self::Unreadable };
        let all = [Space::Srgb, Space::DisplayP3, Space::AdobeRgb];
        let space = all.into_iter().find(|space| is(&parsed, *space));
        let name = parsed.description.as_ref().map(text).unwrap_or_default();
        let name = one_line(name.trim(), 60);
        Self::Embedded(Box::new(Embedded { name, space, parsed }))
    }

    /// Colours of the picture as sRGB; as they are where the profile is of no use.
    pub(in crate::checks) fn to_srgb(&self, colours: &[[u8; 3]]) -> Vec<[u8; 3]> {
        let Self::Embedded(embedded) = self else { return colours.to_vec() };
        embedded.convert(colours).unwrap_or_else(|| colours.to_vec())
    }

    /// The same for all pixels of a picture.
    pub(in crate::checks) fn convert(&self, picture: &mut RgbImage) {
        if let Self::Embedded(embedded) = self
            && embedded.space != Some(Space::Srgb)
            && let Some(pixels) = embedded.convert(picture.as_raw().as_chunks::<3>().0)
        {
            for (pixel, converted) in picture.pixels_mut().zip(pixels) {
                pixel.0 = converted;
            }
        }
    }
}

impl Embedded {
    /// Whether colours can be converted by it: it is one for grey or RGB, and holds together.
    pub(in crate::checks) fn is_usable(&self) -> bool {
        self.convert(&[[0, 0, 0]]).is_some()
    }

    fn convert(&self, colours: &[[u8; 3]]) -> Option<Vec<[u8; 3]>> {
        if self.space == Some(Space::Srgb) {
            return Some(colours.to_vec());
        }
        let (layout, source): (_, Vec<u8>) = match self.parsed.color_space {
            DataColorSpace::Rgb => (Layout::Rgb, colours.as_flattened().to_vec()),
            // Grey pictures were spread to three equal channels when they were decoded.
            DataColorSpace::Gray => {
                (Layout::Gray, colours.iter().map(|[grey, ..]| *grey).collect())
            }
            _ => return None,
        };
        let mut converted = vec![[0_u8; 3]; colours.len()];
        let srgb = ColorProfile::new_srgb();
        catch_unwind(AssertUnwindSafe(|| {
            let options = TransformOptions::default();
            let transform =
                self.parsed.create_transform_8bit(layout, &srgb, Layout::Rgb, options).ok()?;
            transform.transform(&source, converted.as_flattened_mut()).ok()
        }))
        .ok()
        .flatten()?;
        Some(converted)
    }

    /// Colours of the picture as linear light of sRGB that is not cut off at its limits of 0 and 1.
    /// Nothing where the profile is no matrix with three curves.
    pub(in crate::checks) fn unbounded(&self, colours: &[[u8; 3]]) -> Option<Vec<[f64; 3]>> {
        if !self.parsed.is_matrix_shaper() {
            return None;
        }
        catch_unwind(AssertUnwindSafe(|| {
            let curves = [&self.parsed.red_trc, &self.parsed.green_trc, &self.parsed.blue_trc];
            let mut tables = Vec::new();
            for curve in curves {
                let curve = curve.as_ref()?.make_linear_evaluator().ok()?;
                let table: Vec<f64> = (0..=255_u8)
                    .map(|value| f64::from(curve.evaluate_value(f32::from(value) / 255.0)))
                    .collect();
                tables.push(table);
            }
            let matrix = self.parsed.transform_matrix(&ColorProfile::new_srgb()).v;
            let light = |colour: &[u8; 3]| {
                let linear =
                    |(value, table): (&u8, &Vec<f64>)| table.get(usize::from(*value)).copied();
                let values: Vec<f64> = colour.iter().zip(&tables).filter_map(linear).collect();
                matrix.map(|row| row.iter().zip(&values).map(|(by, value)| by * value).sum())
            };
            let all: Vec<[f64; 3]> = colours.iter().map(light).collect();
            all.iter().flatten().all(|value: &f64| value.is_finite()).then_some(all)
        }))
        .ok()
        .flatten()
    }
}

/// Whether a profile's primaries and curves are those of a known space, whatever it calls itself.
fn is(profile: &ColorProfile, space: Space) -> bool {
    let known = space.profile();
    let near = |one: f64, two: f64| (one - two).abs() <= 0.006;
    let colorants = |profile: &ColorProfile| {
        profile.colorant_matrix().v.iter().flatten().copied().collect::<Vec<f64>>()
    };
    let curve = |profile: &ColorProfile| -> Option<f32> {
        let curve = profile.green_trc.as_ref()?.make_linear_evaluator().ok()?;
        Some(curve.evaluate_value(0.5))
    };
    profile.is_matrix_shaper()
        && colorants(profile).iter().zip(colorants(&known)).all(|(one, two)| near(*one, two))
        && curve(profile)
            .zip(curve(&known))
            .is_some_and(|(one, two)| near(f64::from(one), f64::from(two)))
}

/// What a profile calls itself.
fn text(text: &ProfileText) -> String {
    match text {
        ProfileText::PlainString(text) => text.clone(),
        ProfileText::Localizable(list) => {
            list.first().map(|text| text.value.clone()).unwrap_or_default()
        }
        ProfileText::Description(text) => text.ascii_string.clone(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(profile: &ColorProfile) -> Profile {
        Profile::read(Some(&profile.encode().unwrap()))
    }

    fn space(profile: &ColorProfile) -> Option<Space> {
        match read(profile) {
            Profile::Embedded(embedded) => embedded.space,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn known_spaces_are_told_by_what_they_are() {
        for known in [Space::Srgb, Space::DisplayP3, Space::AdobeRgb] {
            assert_eq!(space(&known.profile()), Some(known));
        }
        assert_eq!(space(&ColorProfile::new_pro_photo_rgb()), None);
        assert_eq!(space(&ColorProfile::new_bt2020()), None);
    }

    #[test]
    fn colours_become_srgb() {
        let p3 = read(&ColorProfile::new_display_p3());
        // White and grey are the same; the green of P3 is beyond sRGB's and is cut off.
        assert_eq!(p3.to_srgb(&[[255, 255, 255], [128, 128, 128]]), [[255; 3], [128; 3]]);
        let [[red, green, blue]] = p3.to_srgb(&[[0, 255, 0]])[..] else { panic!() };
        assert!(red <= 1 && green == 255 && blue <= 5, "{red} {green} {blue}");
        let Profile::Embedded(embedded) = &p3 else { panic!() };
        let [[red, green, _]] = embedded.unbounded(&[[0, 255, 0]]).unwrap()[..] else { panic!() };
        assert!(red < -0.1 && green > 1.02, "{red} {green}");
        let grey = read(&ColorProfile::new_gray_with_gamma(1.0));
        assert_eq!(grey.to_srgb(&[[128, 128, 128]]), [[188, 188, 188]]);
    }

    #[test]
    fn what_is_no_profile_changes_nothing() {
        let wrong = Profile::read(Some(b"not a profile"));
        assert!(matches!(wrong, Profile::Unreadable));
        assert_eq!(wrong.to_srgb(&[[1, 2, 3]]), [[1, 2, 3]]);
        assert!(matches!(Profile::read(None), Profile::Missing));
    }

    proptest! {
        #[test]
        fn a_damaged_profile_never_panics(
            changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        ) {
            let mut bytes = ColorProfile::new_display_p3().encode().unwrap();
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            let profile = Profile::read(Some(&bytes));
            prop_assert_eq!(profile.to_srgb(&[[9, 8, 7]]).len(), 1);
            if let Profile::Embedded(embedded) = &profile {
                let _ = (embedded.unbounded(&[[9, 8, 7]]), embedded.is_usable());
            }
        }
    }
}
