use presscheck_core::checks::Finding;
use proptest::prelude::*;
use serde_json::json;

use super::*;

const GREY: Rgb<u8> = Rgb([120; 3]);

fn plain(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, GREY)
}

fn finding(result: CheckResult, region: Option<[u32; 4]>) -> Finding {
    let mut finding = Finding::new("palette", result, "#0A3D91 is on 1% of the picture");
    finding.region = region;
    finding
}

#[test]
fn a_box_stands_where_the_finding_says_at_the_size_that_is_shown() {
    // The picture has four times the pixels of its copy.
    let found = [finding(CheckResult::Fail, Some([400, 800, 1200, 400]))];
    let whole = annotated(&plain(800, 600), (3200, 2400), &found);
    let red = Rgb(colour(CheckResult::Fail));
    assert_eq!(whole.get_pixel(100, 250), &red);
    assert_eq!(whole.get_pixel(399, 250), &red);
    assert_eq!(whole.get_pixel(300, 200), &red);
    assert_eq!(whole.get_pixel(300, 299), &red);
    assert_eq!(whole.get_pixel(300, 250), &GREY);
    assert_eq!(whole.get_pixel(420, 250), &GREY);
}

#[test]
fn every_finding_is_listed_below_in_its_colour_what_failed_first() {
    let found = [finding(CheckResult::Pass, None), finding(CheckResult::Fail, None)];
    let whole = annotated(&plain(600, 100), (600, 100), &found);
    let badges: Vec<_> = [CheckResult::Fail, CheckResult::Pass]
        .map(|result| {
            let ink = Rgb(colour(result));
            (100..whole.height()).find(|y| whole.get_pixel(PAD, *y) == &ink)
        })
        .into_iter()
        .collect();
    assert!(badges[0].unwrap() < badges[1].unwrap(), "{badges:?}");
    // Text is written beside the badges.
    let ink = whole.enumerate_pixels().filter(|(_, y, pixel)| *y > 100 && pixel.0 == INK).count();
    assert!(ink > 100, "{ink}");
    assert!(annotated(&plain(600, 100), (600, 100), &found[..1]).height() < whole.height());
}

#[test]
fn colours_are_shown_and_margins_drawn() {
    let found = [Finding::new("palette", CheckResult::Fail, "no")
        .measured("nearest", "#12AB34")
        .measured("reading", "#12 AB")
        .limit("margin", 0.1)];
    let whole = annotated(&plain(600, 400), (600, 400), &found);
    let swatch = |y: &u32| (0..600).any(|x| whole.get_pixel(x, *y) == &Rgb([0x12, 0xAB, 0x34]));
    assert!((400..whole.height()).any(|y| swatch(&y)));
    let dashes = (0..600).filter(|x| whole.get_pixel(*x, 40) == &Rgb(colour(CheckResult::Fail)));
    assert!((200..400).contains(&dashes.count()));
}

#[test]
fn names_are_kept_apart() {
    let folder = Path::new("out");
    let one = path_in(folder, Path::new("a/poster.png"), &[]);
    assert_eq!(one, Path::new("out/poster.explained.png"));
    let two = path_in(folder, Path::new("b/poster.jpg"), std::slice::from_ref(&one));
    assert_eq!(two, Path::new("out/poster-2.explained.png"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_found_can_be_drawn(
        size in (1_u32..200, 1_u32..200), original in (0_u32..90_000, 0_u32..90_000),
        regions in prop::collection::vec(any::<[u32; 4]>(), 0..4),
        message in "\\PC{0,300}", check in "\\PC{0,80}", margin in any::<f64>(),
    ) {
        let found: Vec<_> = regions
            .iter()
            .map(|region| {
                let mut one = Finding::new(&check, CheckResult::Unsure, message.clone())
                    .limit("margin", json!(margin))
                    .measured("color", message.clone());
                one.region = Some(*region);
                one
            })
            .collect();
        let whole = annotated(&plain(size.0, size.1), original, &found);
        prop_assert!(whole.width() >= LEAST_WIDTH && whole.height() > size.1);
    }
}
