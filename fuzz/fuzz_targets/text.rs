//! The text reader's own parts on whatever a network may answer: boxes from any map, paths through any frames.

#![no_main]

use libfuzzer_sys::fuzz_target;
use presscheck_core::checks::ocr::{Cut, Edges, Folding, Frames, Ignored, Map, Phrase, align, regions};

fuzz_target!(|data: (u8, u8, Vec<f32>, Vec<(u8, f32)>, String, bool)| {
    let (width, height, values, shares, text, by_outline) = data;
    let map = Map::new(usize::from(width), usize::from(height), values);
    for region in regions(&map, &Cut { threshold: 0.3, mean: 0.1, unclip: 1.6, by_outline }) {
        assert!(region.rect.width >= 0.0 && region.rect.height >= 0.0);
    }
    let ignored = Ignored { case: true, width: true, punctuation: true, diacritics: by_outline };
    let mut characters = vec![String::new()];
    characters.extend("abcdefghilo019é中文'-ﬁ".chars().map(String::from));
    characters.push(" ".to_owned());
    let folding = Folding::new(&characters, ignored);
    let steps: Vec<Vec<f32>> = shares
        .iter()
        .map(|(class, share)| {
            let mut step = vec![0.0; characters.len()];
            let index = usize::from(*class) % characters.len();
            step[index] = *share;
            step
        })
        .collect();
    let frames = Frames::new(steps.iter().map(Vec::as_slice));
    let line = folding.steps(&frames);
    if let Ok(words) = folding.words(&text)
        && let Some(path) = align(&Phrase::new(&words), &[&line, &line], Edges { before: true, after: true })
    {
        assert!(path.score <= 0.0);
    }
});
