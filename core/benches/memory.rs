//! The most memory that 200 pictures of about 3 MB take, decoded and checked eight at a time; and that
//! 100,000 prompts take.
//!
//! Run with `cargo bench -p presscheck-core --bench memory`. Fails over 200 MB. Peak memory is the
//! kernel's `VmHWM`, so it runs on Linux only; elsewhere it says so.

#![expect(clippy::print_stdout, reason = "a benchmark's results are its output")]

mod common;

use std::error::Error;
use std::fmt::Write as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use presscheck_core::checks::{
    Encoded, Format, Scene, all_expectations, decode_limits, judge, open_all,
};
use presscheck_core::prompts::{PromptFile, read_prompts};

const PICTURES: usize = 200;
const CONCURRENCY: usize = 8;
const MOST: f64 = 200.0;
const MEASURES: [&str; 3] = ["jsonl", "yaml", "pictures"];

fn main() -> Result<(), Box<dyn Error>> {
    if peak().is_none() {
        println!("no /proc/self/status here: nothing measured");
        return Ok(());
    }
    // The kernel keeps one peak for a process, so each measure runs in a process of its own.
    let what = std::env::args().find(|argument| MEASURES.contains(&argument.as_str()));
    let peak = match what.as_deref() {
        Some("jsonl") => prompts("jsonl", "")?,
        Some("yaml") => prompts("yaml", "- ")?,
        Some(_) => pictures()?,
        None => {
            for what in MEASURES {
                let status = Command::new(std::env::current_exe()?).arg(what).status()?;
                if !status.success() {
                    return Err(format!("{what}: {status}").into());
                }
            }
            return Ok(());
        }
    };
    if peak > MOST {
        return Err(format!("{peak:.0} MB are over {MOST} MB").into());
    }
    Ok(())
}

fn pictures() -> Result<f64, Box<dyn Error>> {
    let configured = common::configured();
    let (checks, limits) = (
        open_all(&configured, &common::resources()?).map_err(|problems| problems.join("; "))?,
        decode_limits(&configured),
    );
    let case = common::case();
    let originals = [
        common::picture(1024, 1024, Format::Png, 1)?,
        common::picture(976, 976, Format::Jpeg, 2)?,
        common::picture(1024, 1024, Format::Webp, 3)?,
    ];
    for original in &originals {
        println!("  a picture of {:.2} MB", common::megabytes(original.len()));
    }
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..CONCURRENCY {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= PICTURES {
                        return;
                    }
                    // Each answer has bytes of its own, as those of a provider have.
                    let bytes = originals.get(number % originals.len()).cloned();
                    let bytes = bytes.unwrap_or_default();
                    let judgement =
                        judge(&Encoded::of(&bytes), &Scene::of(&case), &checks, &limits);
                    if let (Some(kind), Ok(mut failed)) = (judgement.kind, failed.lock()) {
                        *failed = Some(kind);
                    }
                }
            });
        }
    });
    match failed.into_inner()? {
        Some(kind) => Err(format!("a picture was judged as {kind}").into()),
        None => {
            let peak = peak().ok_or("no peak")?;
            println!("{PICTURES} pictures, {CONCURRENCY} at a time: peak {peak:.0} MB");
            Ok(peak)
        }
    }
}

/// Reads 100,000 prompts. A JSON object is YAML as well, as an item of a list.
fn prompts(ending: &str, before: &str) -> Result<f64, Box<dyn Error>> {
    let mut text = String::new();
    for number in 0..100_000 {
        writeln!(
            text,
            r#"{before}{{"prompt": "A storefront at dusk in the rain, warm light behind the glass, with a sign that says \"OPEN UNTIL {number}\"", "tags": ["typography", "storefront"], "expect": {{"aspect_ratio": "16:9"}}}}"#
        )?;
    }
    let path = format!("prompts.{ending}").parse()?;
    let file =
        PromptFile { path: &path, bytes: text.as_bytes(), tags: &[], text_from_prompt: true };
    let set = read_prompts(&[file], &all_expectations());
    if set.cases.len() != 100_000 || set.has_errors() {
        return Err("the prompts were not read".into());
    }
    let peak = peak().ok_or("no peak")?;
    println!(
        "100,000 prompts in .{ending}, {:.0} MB of text: peak {peak:.0} MB",
        common::megabytes(text.len())
    );
    Ok(peak)
}

/// The most memory that this process ever held, in MB.
fn peak() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}
