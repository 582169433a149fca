//! How long decoding and all checks take on one picture of 1024×1024.
//!
//! Run with `cargo bench -p presscheck-core --bench decode`. Prints one line for each format: the median
//! and the 95th percentile over 200 pictures.

#![expect(clippy::print_stdout, reason = "a benchmark's results are its output")]

mod common;

use std::error::Error;
use std::time::Instant;

use presscheck_core::checks::{Format, Reference, Scene, decode_limits, judge, open_all};

fn main() -> Result<(), Box<dyn Error>> {
    let configured = common::configured();
    let checks =
        open_all(&configured, &common::resources()?).map_err(|problems| problems.join("; "))?;
    let limits = decode_limits(&configured);
    let case = common::case();
    let input = Reference::new(common::picture(1024, 1024, Format::Png, 2)?.into());
    let scene = Scene { input: Some(&input), ..Scene::of(&case) };
    for format in [Format::Png, Format::Jpeg, Format::Webp] {
        let bytes = common::picture(1024, 1024, format, 1)?;
        let mut times = Vec::new();
        for _ in 0..200 {
            let start = Instant::now();
            let judgement = judge(&bytes, Some(format.media_type()), &scene, &checks, &limits);
            times.push(start.elapsed());
            if judgement.kind.is_some() {
                return Err(format!("{judgement:?}").into());
            }
        }
        times.sort_unstable();
        let at = |share: usize| times.get(times.len() * share / 100).copied().unwrap_or_default();
        println!(
            "{:<5} {:>5.2} MB   median {:>6.1} ms   p95 {:>6.1} ms",
            format.name(),
            common::megabytes(bytes.len()),
            at(50).as_secs_f64() * 1e3,
            at(95).as_secs_f64() * 1e3
        );
    }
    Ok(())
}
