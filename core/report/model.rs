//! What every report is made of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::checks::Finding;
use crate::gate::{BySide, Outcome, Side, Verdict};
use crate::units::{CostBasis, Digest, Usd};

/// A finished run: the verdict and its evidence.
#[derive(Clone, Debug)]
pub struct Run {
    /// The verdict, as machines get it.
    pub verdict: Verdict,
    /// The path of the policy in the repository.
    pub policy_path: String,
    /// Where the policy was read: `main@4f2c91a`.
    pub policy_at: String,
    /// The run's budget.
    pub budget: Usd,
    /// How to run it again locally, as a command line.
    pub again: String,
    /// The page of the job, where there is one.
    pub job_url: Option<String>,
    /// The version of presscheck.
    pub version: String,
    /// The evidence by subject, in the verdict's order.
    pub subjects: Vec<Subject>,
}

/// The evidence on one subject.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    /// Every judged case by its id.
    pub prompts: BTreeMap<String, Prompt>,
    /// A line for every sample of the judged prefix, in the drawn order, baseline before candidate.
    pub samples: Vec<SampleLine>,
    /// How many requests each side's provider is sent at once; nothing where that is not one number, or not for the policy to
    /// lower.
    pub at_once: BySide<Option<u32>>,
    /// Thumbnails by the path of the picture: JPEG or PNG bytes, for reports that embed them.
    pub thumbnails: BTreeMap<String, Thumbnail>,
}

/// A small picture for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// `image/jpeg`, `image/png` or `image/webp`.
    pub media_type: &'static str,
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// Width and height in pixels of this small picture.
    pub size: (u32, u32),
}

/// A case, as reports show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// What was sent, exactly.
    pub prompt: String,
    /// Its tags.
    pub tags: Vec<String>,
    /// The language of its text, where the case names one.
    pub locale: Option<String>,
}

/// One request that was sent for a sample. No text in it holds a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Milliseconds from the sample's first request to this one, waits included.
    pub started_ms: u64,
    /// Milliseconds from sending to the last byte of the answer, downloads and polls included.
    pub latency_ms: u64,
    /// The status of the last reply, where one came.
    pub status: Option<u16>,
    /// What went wrong, where something did that is not the picture's fault: `rate_limited`, `timeout`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The provider's words, or ours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// Whether it was charged: `none`, `price` or `unknown`.
    pub charge: String,
}

/// A line of `samples.jsonl`: one sample of the judged prefix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleLine {
    /// The version of this form: 1.
    pub schema: u32,
    /// The subject's name.
    pub subject: String,
    /// The case.
    pub case: String,
    /// Which repeat of the case, from 0.
    pub repeat: u32,
    /// What was sent, exactly.
    pub prompt: String,
    /// The case's tags.
    pub tags: Vec<String>,
    /// Which side.
    pub side: Side,
    /// The provider's name in the policy.
    pub provider: String,
    /// The model's id.
    pub model: String,
    /// The seed that was sent.
    pub seed: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether it counts as a failure.
    pub failure: bool,
    /// What kind of failure: a check's name, `truncated`, `html`, `rate_limited`, …
    pub kind: Option<String>,
    /// The class of that kind, where no check gave it: `malformed`, `rate_limited`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// What the checks found.
    pub findings: Vec<Finding>,
    /// From sending the request of the last attempt to the last byte of its answer.
    pub latency_s: Option<f64>,
    /// What it cost, failed attempts included.
    pub cost_usd: Usd,
    /// How well that is known.
    pub cost_basis: CostBasis,
    /// How many requests were sent for it.
    pub attempts: u32,
    /// Which step of a pipeline ended it without a picture, from 1; nothing where its model has no other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// Each of them in turn; empty where that is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Request>,
    /// What the checks' questions about it cost; no part of `cost_usd`.
    #[serde(default, skip_serializing_if = "Usd::is_zero_ref")]
    pub checks_cost_usd: Usd,
    /// The picture, relative to the output folder.
    pub image: Option<String>,
    /// What the answer said the picture is; absent where it said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// Whether it came from the store instead of being bought by this run.
    pub stored: bool,
    /// The provider's own words, or what went wrong on the way.
    pub error: Option<String>,
}

/// The SHA-256 in the path of a picture beside a report, `images/DIGEST.EXTENSION`: no other path is one.
#[must_use]
pub fn picture_of(path: &str) -> Option<Digest> {
    let (name, extension) = path.strip_prefix("images/")?.split_once('.')?;
    let plain = !extension.is_empty() && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    plain.then(|| name.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_picture_s_own_path_is_one() {
        let digest = Digest::of(b"x");
        assert_eq!(picture_of(&format!("images/{digest}.png")), Some(digest));
        for other in [
            format!("images/{digest}"),
            format!("images/{digest}."),
            format!("images/{digest}.png/../x"),
            format!("images/../{digest}.png"),
            format!("/images/{digest}.png"),
            "images/short.png".to_owned(),
            String::new(),
        ] {
            assert_eq!(picture_of(&other), None, "{other}");
        }
    }
}
