//! Single values as people write them, and text in quotes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use presscheck_core::checks::{AspectRatio, PixelSize};
use presscheck_core::prompts::quoted_text;
use presscheck_core::units::{Points, Rate, RepoPath, TimeSpan, Usd};

fuzz_target!(|text: &str| {
    let _ = (text.parse::<Usd>(), text.parse::<Rate>(), text.parse::<Points>());
    let _ = (text.parse::<TimeSpan>(), text.parse::<AspectRatio>(), text.parse::<PixelSize>());
    if let Ok(path) = text.parse::<RepoPath>() {
        assert!(!path.as_str().starts_with('/') && !path.as_str().split('/').any(|part| part == ".."));
    }
    for quoted in quoted_text(text) {
        assert!(!quoted.trim().is_empty());
    }
});
