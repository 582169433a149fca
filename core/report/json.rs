//! The verdict and the samples for machines.

use std::fmt;

use serde_json::json;

use super::SampleLine;
use crate::gate::Verdict;
use crate::inert;

/// The content of `verdict.json`: pretty, with a new line at the end, the same for the same verdict.
///
/// Characters that hide or reorder text are escaped, so that the file is safe to show.
#[must_use]
pub fn verdict_json(verdict: &Verdict) -> String {
    let json = serde_json::to_string_pretty(verdict).unwrap_or_else(|error| {
        // Every type of a verdict has a JSON form; should that ever change, a reader gets valid JSON
        // that blocks.
        let reason = format!("the verdict has no JSON form: {error}");
        json!({"schema": 1, "verdict": "inconclusive", "blocking": true, "reason": reason,
               "spent_usd": verdict.spent_usd, "notes": [], "subjects": []})
        .to_string()
    });
    let mut json = escaped(&json);
    json.push('\n');
    json
}

/// Writes `samples.jsonl`: a line of JSON for each sample.
///
/// # Errors
/// Where the writer fails.
pub fn samples_jsonl<'a>(
    out: &mut impl fmt::Write,
    samples: impl IntoIterator<Item = &'a SampleLine>,
) -> fmt::Result {
    for sample in samples {
        let json = serde_json::to_string(sample).map_err(|_| fmt::Error)?;
        out.write_str(&escaped(&json))?;
        out.write_char('\n')?;
    }
    Ok(())
}

/// JSON in which every invisible character of a text is escaped. Outside of texts JSON has only new
/// lines, which stay.
pub(crate) fn escaped(json: &str) -> String {
    use fmt::Write as _;
    if !json.contains(|c| c != '\n' && inert::is_invisible(c)) {
        return json.to_owned();
    }
    let mut escaped = String::with_capacity(json.len() + 64);
    for c in json.chars() {
        if c != '\n' && inert::is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string can't fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;

    #[test]
    fn every_verdict_comes_back_from_its_json() {
        for (name, run) in fixtures::all() {
            let text = verdict_json(&run.verdict);
            assert!(text.ends_with("}\n"), "{name}");
            let back: Verdict = serde_json::from_str(&text).unwrap();
            assert_eq!(back, run.verdict, "{name}");
        }
    }

    #[test]
    fn a_sample_is_one_line_whatever_it_says() {
        let run = fixtures::hostile();
        let samples = &run.subjects[0].samples;
        let mut text = String::new();
        samples_jsonl(&mut text, samples).unwrap();
        assert_eq!(text.lines().count(), samples.len());
        assert!(!text.contains(|c| c != '\n' && inert::is_invisible(c)));
        for (line, sample) in text.lines().zip(samples) {
            assert_eq!(&serde_json::from_str::<SampleLine>(line).unwrap(), sample);
        }
    }
}
