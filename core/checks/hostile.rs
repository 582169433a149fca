//! Pictures that were made to hurt: the suite of broken PNGs, bombs, random bytes, bit flips.
//!
//! The files are read where `PRESSCHECK_TEST_DATA` (or `../shared/data` beside the repository) has them;
//! a test that finds none says so.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use serde_json::json;

use super::decode::decode;
use super::decode::tests::{ALL, all_formats, encode, scene};
use super::testing::{case, configured, least};
use super::{Check, Format, Picture, REGISTRY, Resources, Scene, open_all};

pub(super) fn files(folder: &str) -> Vec<PathBuf> {
    let root = std::env::var_os("PRESSCHECK_TEST_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")),
        PathBuf::from,
    );
    let folder = root.join(folder);
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: {} is not there; set PRESSCHECK_TEST_DATA", folder.display());
        return Vec::new();
    };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn the_png_suite_is_decoded_and_its_broken_files_are_not() {
    let mut broken = Vec::new();
    let files = files("images/pngsuite/png");
    if files.is_empty() {
        return;
    }
    for path in files {
        let name = name(&path);
        let bytes = std::fs::read(&path).unwrap();
        match decode(&bytes, None, &all_formats()) {
            Ok(picture) => {
                assert!(!name.starts_with('x'), "{name} should be broken");
                assert!(picture.width() > 0 && picture.luma().width() == picture.width());
                look(&picture);
            }
            Err(why) => {
                assert!(name.starts_with('x'), "{name}: {}", why.message);
                broken.push(format!("{name} {}: {}", why.kind, why.message));
            }
        }
    }
    insta::assert_snapshot!(broken.join("\n"));
}

/// Has every check look at a picture. Each says something, and names no place outside of it.
fn look(picture: &Picture) {
    let case = case(&json!({}), &[]);
    for check in every_check() {
        let findings = check.inspect(picture, &Scene::of(&case));
        assert!(!findings.is_empty() || check.compares(), "{} says nothing", check.name());
        for [x, y, w, h] in findings.iter().filter_map(|finding| finding.region) {
            let (right, bottom) = (u64::from(x) + u64::from(w), u64::from(y) + u64::from(h));
            assert!(
                right <= u64::from(picture.width()) && bottom <= u64::from(picture.height()),
                "{}: {x}, {y}, {w}×{h} in {}×{}",
                check.name(),
                picture.width(),
                picture.height()
            );
        }
    }
}

/// Every check with its defaults, without weights, and with a mark to look for.
fn every_check() -> Vec<Box<dyn Check>> {
    let settings = |name| match name {
        "logo" => json!({"files": ["mark.png"]}),
        name => least(name),
    };
    let configured: Vec<_> = REGISTRY
        .iter()
        .map(|kind| kind.vocabulary.name)
        .map(|name| configured(name, &settings(name)).unwrap())
        .collect();
    let mut resources = Resources::default();
    let mark = encode(&super::testing::marks::mark(3).into(), Format::Png);
    resources.add_file("mark.png".parse().unwrap(), mark.into());
    open_all(&configured, &resources).unwrap()
}

/// The memory that this process holds at most, in bytes.
#[cfg(target_os = "linux")]
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}

#[test]
fn bombs_go_off_in_a_message() {
    let mut said = Vec::new();
    let files = files("images/bombs");
    if files.is_empty() {
        return;
    }
    #[cfg(target_os = "linux")]
    let before = peak_memory();
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        let outcome = decode(&bytes, None, &all_formats()).map_or_else(
            |broken| format!("{}: {}", broken.kind, broken.message),
            |picture| {
                look(&picture);
                format!("fine: {}×{}", picture.width(), picture.height())
            },
        );
        said.push(format!("{} {outcome}", name(&path)));
    }
    // A bomb unpacks to 256 MB and more. Tests that run beside this one in the same process need some
    // memory of their own.
    #[cfg(target_os = "linux")]
    assert!(peak_memory() - before < 150_000_000, "{} bytes more", peak_memory() - before);
    insta::assert_snapshot!(said.join("\n"));
}

proptest! {
    #[test]
    fn random_bytes_are_broken(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(decode(&bytes, None, &all_formats()).is_err());
    }

    #[test]
    fn random_bytes_after_a_head_never_panic(
        format in 0_usize..4, keep in 0_usize..80, tail in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = encode(&scene(9, 7), ALL[format]);
        bytes.truncate(keep);
        bytes.extend(tail);
        let _ = decode(&bytes, None, &all_formats());
    }

    #[test]
    fn changed_bytes_never_panic_and_never_exceed_the_limits(
        format in 0_usize..4, changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = encode(&scene(24, 18), ALL[format]);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let mut limits = all_formats();
        limits.max_pixels = 1 << 16;
        if let Ok(picture) = decode(&bytes, None, &limits) {
            prop_assert!(u64::from(picture.width()) * u64::from(picture.height()) <= limits.max_pixels);
            prop_assert_eq!(picture.rgb().dimensions(), (picture.width(), picture.height()));
            look(&picture);
        }
    }

    #[test]
    fn every_check_says_something_of_pictures_of_any_shape(
        width in 1_u32..90, height in 1_u32..90, levels in prop::collection::vec(any::<u8>(), 1..64),
    ) {
        let pixels = image::RgbImage::from_fn(width, height, |x, y| {
            let at = |step: u32| levels[(x * step + y * 31 + step) as usize % levels.len()];
            image::Rgb([at(1), at(7), at(13)])
        });
        look(&super::testing::picture(pixels));
    }
}
