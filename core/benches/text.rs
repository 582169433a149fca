//! How long `text` takes on pictures whose text is known, and how much memory.
//!
//! `cargo bench -p presscheck-core --bench text`, with the networks in the folder `PRESSCHECK_MODELS` and the
//! pictures, with their `truth.json`, in `PRESSCHECK_TEXT_PICTURES`. One thread; `benches/text_reading.py` is what to
//! compare with.

#![expect(clippy::print_stdout, reason = "a benchmark's results are its output")]

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use presscheck_core::checks::{
    CheckResult, DecodeLimits, Resources, Scene, decode, needs, open_all, vocabulary,
};
use presscheck_core::policy::{Node, Problems, read_check};
use presscheck_core::prompts::Case;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from);
    let (Some(models), Some(pictures)) =
        (folder("PRESSCHECK_MODELS"), folder("PRESSCHECK_TEXT_PICTURES"))
    else {
        println!("SKIPPED: PRESSCHECK_MODELS and PRESSCHECK_TEXT_PICTURES name no folders");
        return Ok(());
    };
    let vocabulary =
        vocabulary().into_iter().find(|known| known.name == "text").ok_or("no check")?;
    let configured = read_check(&vocabulary, &Node::from_json(&json!({})), &mut Problems::new())
        .ok_or("settings")?;
    let configured = [configured];
    let mut resources = Resources::default();
    for file in needs(&configured).models {
        resources.add_model(&file, Ok(std::fs::read(models.join(file.name))?.into()));
    }
    let checks = open_all(&configured, &resources).map_err(|problems| problems.join("; "))?;
    drop(resources);
    let truth: Vec<Value> = serde_json::from_slice(&std::fs::read(pictures.join("truth.json"))?)?;
    let mut groups: [(&str, Vec<Duration>); 2] = [("passed", Vec::new()), ("other", Vec::new())];
    for (index, row) in truth.iter().take(41).enumerate() {
        let name = row.get("file").and_then(Value::as_str).ok_or("a row without a file")?;
        let bytes = std::fs::read(pictures.join(name))?;
        let case = Case {
            id: "c".to_owned(),
            prompt: String::new(),
            tags: Vec::new(),
            expect: serde_json::from_value(json!({"text": [row.get("expect")]}))?,
            image: None,
            mask: None,
            locale: None,
        };
        let start = Instant::now();
        let picture =
            decode(&bytes, None, &DecodeLimits::default()).map_err(|broken| broken.kind)?;
        let findings: Vec<_> =
            checks.iter().flat_map(|check| check.inspect(&picture, &Scene::of(&case))).collect();
        let took = start.elapsed();
        let passed = findings.iter().all(|finding| finding.result == CheckResult::Pass);
        // The first picture pays for reading the networks.
        if index > 0
            && let Some((_, times)) = groups.get_mut(usize::from(!passed))
        {
            times.push(took);
        }
    }
    for (name, times) in &mut groups {
        times.sort_unstable();
        let mean = times.iter().sum::<Duration>().as_secs_f64() / times.len().max(1) as f64;
        let median = times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64();
        println!("{name:<7} {:>3} pictures   mean {mean:.2} s   median {median:.2} s", times.len());
    }
    if let Ok(status) = std::fs::read_to_string("/proc/self/status")
        && let Some(peak) = status.lines().find(|line| line.starts_with("VmHWM"))
    {
        println!("{peak}");
    }
    Ok(())
}
