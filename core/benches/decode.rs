//! How long decoding and all checks take on one picture of 1024×1024.
//!
//! Run with `cargo bench -p presscheck-core --bench decode`. Prints one line for each format: the median and the 95th
//! percentile over 200 pictures; and the median of each check alone, with the features that it needs and without
//! decoding.

#![expect(clippy::print_stdout, reason = "a benchmark's results are its output")]

mod common;

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use presscheck_core::checks::{
    Check, DecodeLimits, Encoded, Format, Reference, Scene, decode, decode_limits, judge, open_all,
};

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
            let judgement = judge(&Encoded::of(&bytes), &scene, &checks, &limits);
            times.push(start.elapsed());
            if judgement.kind.is_some() {
                return Err(format!("{judgement:?}").into());
            }
        }
        println!(
            "{:<5} {:>5.2} MB   median {:>6.1} ms   p95 {:>6.1} ms",
            format.name(),
            common::megabytes(bytes.len()),
            quantile(&mut times, 50),
            quantile(&mut times, 95)
        );
    }
    for check in &checks {
        let mut times = alone(check.as_ref(), &scene, &limits)?;
        println!("{:<14} median {:>6.1} ms", check.name(), quantile(&mut times, 50));
    }
    Ok(())
}

/// How long one check takes on a picture that no other has looked at.
fn alone(
    check: &dyn Check,
    scene: &Scene<'_>,
    limits: &DecodeLimits,
) -> Result<Vec<Duration>, Box<dyn Error>> {
    let bytes = common::picture(1024, 1024, Format::Png, 1)?;
    let mut times = Vec::new();
    for _ in 0..50 {
        let picture = decode(&bytes, None, limits).map_err(|broken| broken.kind)?;
        let start = Instant::now();
        black_box(check.inspect(&picture, scene));
        times.push(start.elapsed());
    }
    Ok(times)
}

/// Milliseconds that a share of the times, in percent, is not above.
fn quantile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times.get(times.len() * percent / 100).copied().unwrap_or_default().as_secs_f64() * 1e3
}
