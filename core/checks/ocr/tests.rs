//! What can be tested without the networks.

use proptest::prelude::*;

use super::*;
use crate::checks::ocr::geometry::{convex_hull, smallest_rect};

const LATIN: Ignored = Ignored { case: true, width: true, punctuation: true, diacritics: false };

/// A blank, small letters, some others, a space.
fn characters() -> Vec<String> {
    let mut all = vec![String::new()];
    all.extend(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-'!éß中文"
            .chars()
            .map(String::from),
    );
    all.push(" ".to_owned());
    all
}

/// The frames of a text that is read without doubt: each character, and a blank after it.
fn frames(text: &str) -> Frames {
    let characters = characters();
    let count = characters.len();
    let sure = |class: usize| {
        let mut step = vec![0.0; count];
        step[class] = 1.0;
        step
    };
    let class = |c: char| characters.iter().position(|known| *known == c.to_string()).unwrap_or(0);
    let steps: Vec<Vec<f32>> = text.chars().flat_map(|c| [sure(class(c)), sure(0)]).collect();
    Frames::new(steps.iter().map(Vec::as_slice))
}

fn line(text: &str, row: f32) -> Line {
    Line {
        text: text.to_owned(),
        place: TurnedRect {
            centre: Point::new(100.0, row * 40.0),
            along: Point::new(1.0, 0.0),
            width: 100.0,
            height: 20.0,
        },
        confidence: 1.0,
        detected: 1.0,
        frames: frames(text),
        pixels: RgbImage::new(64, 48),
    }
}

/// Whether a text is found on lines, one below the other.
fn found(expected: &str, drawn: &[&str], ignored: Ignored) -> bool {
    let folding = Folding::new(&characters(), ignored);
    let lines: Vec<Line> =
        (0_u8..).zip(drawn).map(|(row, text)| line(text, f32::from(row))).collect();
    let words = folding.words(expected).unwrap();
    View::new(&lines, &folding).find(&words).is_some_and(|found| found.accepted())
}

#[test]
fn whole_words_are_found_in_any_order_of_lines() {
    assert!(found("grand opening", &["Grand Opening"], LATIN));
    assert!(found("grand opening", &["see the", "GRAND", "OPENING", "today"], LATIN));
    assert!(found("grand opening", &["OPENING", "GRAND"], LATIN));
    assert!(found("GRAND OPENING", &["our grand opening now"], LATIN));
    assert!(!found("grand opening", &["grand openings"], LATIN));
    assert!(!found("grand opening", &["a", "regrand opening"], LATIN));
    assert!(!found("grand opening", &["grand opneing"], LATIN));
    assert!(!found("grand opening", &["grand", "open", "ing"], LATIN));
    assert!(!found("grand opening", &[], LATIN));
}

#[test]
fn no_stray_letter_stands_inside_a_phrase() {
    assert!(found("passons l'action", &["passons l'action"], LATIN));
    assert!(!found("passons l'action", &["passons a l'action"], LATIN));
    assert!(!found("passons l'action", &["passons a", "l'action"], LATIN));
    assert!(!found("passons l'action", &["passons", "a", "l'action"], LATIN));
    assert!(!found("passons l'action", &["l'action", "a", "passons"], LATIN));
}

#[test]
fn what_is_ignored_makes_no_difference_and_all_else_does() {
    let strict = Ignored { case: false, width: false, punctuation: false, diacritics: false };
    assert!(found("Sale", &["SALE!"], LATIN));
    assert!(!found("Sale", &["SALE"], strict));
    assert!(!found("Sale", &["Sale!"], strict));
    assert!(found("Sale!", &["Sale!"], strict));
    assert!(!found("cafe", &["café"], LATIN));
    assert!(found("cafe", &["café"], Ignored { diacritics: true, ..LATIN }));
    assert!(!found("strasse", &["straße"], LATIN));
    assert!(found("straße", &["straße"], LATIN));
    // They look the same in many fonts.
    assert!(found("AI LAB 10", &["Al LAB lO"], LATIN));
}

#[test]
fn letters_that_look_the_same_may_touch_where_they_are_read_as_two() {
    let folding = Folding::new(&characters(), LATIN);
    let reads = |expected: &str, drawn: &str| {
        let steps: Vec<Step> = folding.steps(&frames(drawn));
        // No gap between any two letters, as in narrow type.
        let steps: Vec<Step> = steps.into_iter().step_by(2).collect();
        let words = folding.words(expected).unwrap();
        let path = align(&Phrase::new(&words), &[&steps], Edges { before: true, after: true });
        path.is_some_and(|path| path.score > -0.02)
    };
    assert!(reads("limit", "limit"));
    assert!(reads("gezelig", "gezelig"));
    assert!(reads("film", "fiLm"));
    // One letter that is seen at two steps is one.
    assert!(!reads("hello", "hello"));
    assert!(reads("helo", "hello"));
}

#[test]
fn without_accents_letters_are_the_same_and_ones_that_are_not_told_apart_differ() {
    let all = ["", "n", "ń", "Ń", "が", "か", "ø", "o"].map(str::to_owned);
    let bare = Folding::bare(&all, LATIN);
    let words = |text: &str| bare.words(text).unwrap();
    assert_eq!(words("Ń"), words("n"));
    assert_eq!(words("ø"), words("o"));
    assert_ne!(words("が"), words("か"));
    assert_ne!(Folding::new(&all, LATIN).words("ń"), Folding::new(&all, LATIN).words("n"));
}

#[test]
fn an_accent_counts_by_what_is_seen_of_it_or_by_being_read() {
    let folding = Folding::new(&characters(), LATIN);
    let bare = Folding::bare(&characters(), LATIN);
    let least = |expected: &str, drawn: &str, seen: Option<char>| -> Option<[f32; 2]> {
        let mut line = line(drawn, 0.0);
        let steps = line.frames.len();
        line.frames = line.frames.with_marks(vec![marks::only(seen, 5.0); steps]);
        let lines = [line];
        let view = View::new(&lines, &bare);
        let own = bare.words(expected).ok()?;
        let found = view.find(&own).filter(Match::accepted)?;
        let (own, wanted) = (own.concat(), folding.words(expected).ok()?.concat());
        let seen = view.accents(&own, &wanted, &found);
        let read = view.accents_read(&folding, &own, &wanted, &found);
        Some([seen, read].map(|leads| leads.into_iter().fold(f32::MAX, f32::min)))
    };
    // The only letters here that can have one are the e.
    let acute = Some('\u{301}');
    assert_eq!(least("bébé", "bebe", acute), Some([5.0; 2]));
    assert_eq!(least("bébé", "bebe", None), Some([-5.0; 2]));
    assert_eq!(least("bebe", "bébé", acute), Some([-5.0; 2]));
    // What is read helps where nothing is seen against it.
    assert_eq!(least("bébé", "bébé", Some('\u{30b}')), Some([0.0, 2.0]));
    assert_eq!(least("bébé", "bébé", None), Some([-5.0; 2]));
    assert_eq!(least("bébé", "bobo", acute), None);
    assert_eq!(least("bbb", "bbb", acute), Some([f32::MAX; 2]));
}

#[test]
fn chinese_lines_break_anywhere() {
    assert!(found("中文中", &["中文", "中"], LATIN));
    assert!(!found("中文", &["中文文"], LATIN));
}

#[test]
fn letters_outside_the_alphabet_are_named() {
    let folding = Folding::new(&characters(), LATIN);
    assert_eq!(folding.words("да"), Err('д'));
    assert_eq!(folding.words("… !").map(|words| words.len()), Ok(0));
}

#[test]
fn the_nearest_reading_is_told() {
    let folding = Folding::new(&characters(), LATIN);
    let lines = [line("our grand opneing", 0.0), line("today", 1.0)];
    let words = folding.words("Grand Opening").unwrap();
    let other = View::new(&lines, &folding).nearest(&words, &folding, &characters()).unwrap();
    assert_eq!((other.reading.as_str(), other.distance), ("grand opneing", 2));
    let words = folding.words("quite another").unwrap();
    assert!(View::new(&lines, &folding).nearest(&words, &folding, &characters()).is_none());
}

#[test]
fn what_was_found_once_is_not_found_again() {
    let folding = Folding::new(&characters(), LATIN);
    let lines = [line("sale sale", 0.0)];
    let words = folding.words("sale").unwrap();
    let mut view = View::new(&lines, &folding);
    let mut places = Vec::new();
    while let Some(found) = view.find(&words).filter(Match::accepted) {
        places.push(view.extent(&found.places));
        view.blot(&found);
    }
    assert_eq!(places.len(), 2);
    assert!(places[0][0].max(places[1][0]) >= places[0][2].min(places[1][2]) - 8.0);
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "a small map")]
fn a_turned_bar_becomes_a_box_around_it() {
    let bar = TurnedRect {
        centre: Point::new(80.0, 60.0),
        along: Point::new(1.0, 0.0),
        width: 90.0,
        height: 12.0,
    };
    let bar = bar.turned(20.0);
    let values = (0..120 * 160)
        .map(|at| {
            f32::from(u8::from(bar.contains(Point::new((at % 160) as f32, (at / 160) as f32))))
        })
        .collect();
    let map = Map::new(160, 120, values);
    for by_outline in [false, true] {
        let found = regions(&map, &Cut { threshold: 0.3, mean: 0.4, unclip: 1.6, by_outline });
        assert_eq!(found.len(), 1);
        let rect = found[0].rect.upright(1.5);
        let far = 90.0 * 12.0 * 1.6 / 204.0;
        assert!((rect.width - 90.0 - 2.0 * far).abs() < 5.0, "{rect:?}");
        assert!((rect.height - 12.0 - 2.0 * far).abs() < 5.0, "{rect:?}");
        assert!((rect.along.y.atan2(rect.along.x).to_degrees() - 20.0).abs() < 2.0, "{rect:?}");
        assert!(found[0].fill > 0.85);
    }
}

proptest! {
    #[test]
    fn the_smallest_rect_holds_every_point(
        points in prop::collection::vec((0.0_f32..100.0, 0.0_f32..100.0), 1..40)
    ) {
        let points: Vec<Point> = points.into_iter().map(|(x, y)| Point::new(x, y)).collect();
        let rect = smallest_rect(&convex_hull(points.clone())).unwrap().grown(0.01, 0.01);
        for point in points {
            prop_assert!(rect.contains(point), "{rect:?} {point:?}");
            prop_assert!(rect.upright(1.5).contains(point));
        }
    }

    #[test]
    fn any_map_gives_boxes(width in 0_usize..40, height in 0_usize..40, values in prop::collection::vec(any::<f32>(), 0..900)) {
        let map = Map::new(width, height, values);
        for by_outline in [false, true] {
            for region in regions(&map, &Cut { threshold: 0.3, mean: 0.1, unclip: 1.6, by_outline }) {
                prop_assert!(region.rect.width.is_finite() && region.rect.height > 0.0);
            }
        }
    }

    #[test]
    fn a_text_is_found_where_it_is_read_and_any_other_is_not(a in "[a-hj-km-np-z]{1,8}( [a-hj-km-np-z]{1,8}){0,2}", b in "[a-hj-km-np-z]{1,8}") {
        prop_assert!(found(&a, &[&a], LATIN));
        prop_assert!(found(&a, &[&b, &a], LATIN));
        let squeezed = |text: &str| text.replace(' ', "");
        prop_assert_eq!(found(&b, &[&a], LATIN), a.split(' ').any(|word| word == b) || squeezed(&a) == b || adjacent(&a, &b));
    }

    #[test]
    fn folding_is_idempotent(text in "\\PC{0,12}", case: bool, width: bool, punctuation: bool, diacritics: bool) {
        let ignored = Ignored { case, width, punctuation, diacritics };
        let once = ignored.fold(&text);
        prop_assert_eq!(ignored.fold(&once), once);
    }
}

/// Spaces are not judged: words side by side are as good as one.
fn adjacent(line: &str, word: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    (0..words.len()).any(|from| (from..words.len()).any(|to| words[from..=to].concat() == word))
}
