//! What the page's script makes its gallery of: every pair, as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::HtmlOptions;
use super::pairs::{Card, MAX_PROMPT, card, pair_id, tags};
use super::pictures::{Pictures, original};
use super::view::{block, line};
use crate::checks::{CheckResult, Finding};
use crate::gate::{ModelAt, Outcome, Side, SubjectVerdict};
use crate::inert;
use crate::report::evidence::{Pair, PairKind};
use crate::report::{Run, SampleLine, Subject, Thumbnail, words};

/// The longest prompt that can be copied from the page, in characters; a longer one is in `samples.jsonl`.
const MAX_COPIED: usize = 40_000;
/// The most requests of a sample that are listed.
const MAX_REQUESTS: usize = 12;
/// The most characters of a model's config.
const MAX_CONFIG: usize = 4_000;

/// All that the script is given.
#[derive(Default, Serialize)]
pub(super) struct Data {
    galleries: Vec<Gallery>,
    /// Thumbnails by the path of the original, with width and height; those that the page shows without the script
    /// are not here a second time.
    pictures: BTreeMap<String, (String, u32, u32)>,
}

/// The pairs of a subject.
#[derive(Serialize)]
struct Gallery {
    /// The anchor of the subject's section.
    anchor: String,
    models: Vec<ModelData>,
    pairs: Vec<PairData>,
    /// How many more there are than the page holds.
    more: Option<String>,
}

/// A model, as it was asked.
#[derive(Serialize)]
struct ModelData {
    side: &'static str,
    model: String,
    /// Its config with every parameter, as JSON for readers.
    config: String,
}

#[derive(Serialize)]
struct PairData {
    id: String,
    name: String,
    tags: Vec<String>,
    /// What was sent, with every character shown.
    prompt: String,
    /// What was sent, where that is not what is shown; absent also where it is too long to be copied.
    exact: Option<String>,
    /// Whether `exact`, or else `prompt`, is what was sent.
    copy: bool,
    seed: String,
    kind: &'static str,
    /// Its place in the draw, and from the worst to the best.
    drawn: usize,
    worst: usize,
    samples: Vec<SampleData>,
}

#[derive(Serialize)]
struct SampleData {
    #[serde(flatten)]
    card: Card,
    failure: bool,
    kind: Option<String>,
    /// The size of the original in pixels, in which findings are placed.
    size: Option<[u64; 2]>,
    requests: Vec<RequestData>,
    /// How many more requests there were.
    more_requests: Option<String>,
    /// A command line to see for oneself.
    command: Option<String>,
    /// The beginning of a command line that says whether a check was right about the picture.
    label: Option<String>,
    /// The checks that judged it, and what each said.
    judged: Vec<(String, &'static str)>,
}

#[derive(Serialize)]
struct RequestData {
    sent: String,
    took: String,
    status: String,
    charge: String,
    words: String,
}

impl Data {
    /// Adds the pairs of a subject: failing ones first where there are more than a page may hold.
    pub(super) fn add(
        &mut self,
        run: &Run,
        verdict: &SubjectVerdict,
        (subject, anchor): (&Subject, &str),
        pairs: &[Pair<'_>],
        (pictures, options): (&mut Pictures, HtmlOptions<'_>),
    ) {
        let order = worst_first(pairs);
        let mut kept = Vec::new();
        for (worst, drawn) in order.iter().copied().enumerate().take(options.max_pairs) {
            let Some(pair) = pairs.get(drawn) else { continue };
            let samples: Vec<_> = Side::BOTH
                .into_iter()
                .filter_map(|side| pair.side(side))
                .map(|it| SampleData {
                    command: command(run, it, options.folder),
                    label: label(run, it, options.folder),
                    ..sample(it)
                })
                .collect();
            for sample in &samples {
                self.show(&subject.thumbnails, &sample.card, pictures);
            }
            kept.push(pair_data(pair, (drawn, worst), samples));
        }
        let more = pairs.len() - kept.len();
        let models = [(Side::Baseline, verdict.baseline.as_ref())]
            .into_iter()
            .chain([(Side::Candidate, Some(&verdict.candidate))]);
        self.galleries.push(Gallery {
            anchor: anchor.to_owned(),
            models: models.filter_map(|(side, model)| Some(model_data(side, model?))).collect(),
            pairs: kept,
            more: (more > 0).then(|| words::thousands(more as u64)),
        });
    }

    /// Embeds the thumbnail of a picture that may be seen, once.
    fn show(
        &mut self,
        thumbnails: &BTreeMap<String, Thumbnail>,
        card: &Card,
        pictures: &mut Pictures,
    ) {
        let Some(path) = card.original.as_deref().filter(|_| !card.withheld) else { return };
        if !pictures.has(path)
            && let Some(picture) = pictures.embed(thumbnails, path)
        {
            self.pictures.insert(path.to_owned(), (picture.src, picture.width, picture.height));
        }
    }
}

/// The places of the pairs from the worst to the best; what is as bad stays in the drawn order.
fn worst_first(pairs: &[Pair<'_>]) -> Vec<usize> {
    let badness = |sample: Option<&SampleLine>| sample.map_or(0, severity);
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|index| {
        pairs.get(*index).map(|pair| {
            (
                pair.kind(),
                std::cmp::Reverse((badness(pair.candidate), badness(pair.baseline))),
                *index,
            )
        })
    });
    order
}

/// How bad a sample is: no usable picture is worse than a failed check, many failed checks are worse than one, and a
/// doubt is the least.
fn severity(sample: &SampleLine) -> usize {
    let with = |result| sample.findings.iter().filter(|it| it.result == result).count().min(50);
    match sample.outcome {
        Outcome::Broken => 300,
        Outcome::Failed => 100 + with(CheckResult::Fail) * 2 + with(CheckResult::Unsure),
        Outcome::Refused if sample.failure => 50,
        Outcome::Refused | Outcome::Unavailable => 10,
        Outcome::Passed => 0,
    }
}

const fn kind(pair: PairKind) -> &'static str {
    match pair {
        PairKind::NewlyFailing => "newly-failing",
        PairKind::BothFailing => "both-failing",
        PairKind::NewlyPassing => "newly-passing",
        PairKind::Unanswered => "unanswered",
        PairKind::Passing => "passing",
    }
}

fn pair_data(
    pair: &Pair<'_>,
    (drawn, worst): (usize, usize),
    samples: Vec<SampleData>,
) -> PairData {
    let prompt = pair.any().map_or("", |sample| sample.prompt.as_str());
    let shown = block(prompt, MAX_PROMPT);
    let copy = prompt.chars().nth(MAX_COPIED).is_none();
    PairData {
        id: pair_id(pair),
        name: line(&pair.name(), 120),
        tags: pair.any().map_or_else(Vec::new, tags),
        exact: (copy && prompt != shown).then(|| prompt.to_owned()),
        copy,
        prompt: shown,
        seed: pair.any().map_or_else(String::new, |sample| sample.seed.to_string()),
        kind: kind(pair.kind()),
        drawn,
        worst,
        samples,
    }
}

fn sample(sample: &SampleLine) -> SampleData {
    // The picture itself is kept apart, under the path of its original.
    let card = card(&BTreeMap::new(), sample.side.word(), sample, &mut Pictures::new(0));
    let more = sample.requests.len().saturating_sub(MAX_REQUESTS);
    SampleData {
        card,
        failure: sample.failure,
        kind: sample.kind.as_deref().map(|kind| line(kind, 60)),
        size: size(&sample.findings),
        requests: sample
            .requests
            .iter()
            .take(MAX_REQUESTS)
            .map(|request| RequestData {
                sent: milliseconds(request.started_ms),
                took: milliseconds(request.latency_ms),
                status: request
                    .status
                    .map_or_else(|| words::NOTHING.to_owned(), |it| it.to_string()),
                charge: match request.charge.as_str() {
                    "none" => "not charged".to_owned(),
                    "price" => "charged".to_owned(),
                    "unknown" => "charged or not: unknown".to_owned(),
                    other => line(other, 40),
                },
                words: match (&request.fault, request.words.trim()) {
                    (None, words) => line(words, 600),
                    (Some(fault), "") => line(fault, 60),
                    (Some(fault), words) => format!("{}: {}", line(fault, 60), line(words, 600)),
                },
            })
            .collect(),
        more_requests: (more > 0).then(|| words::thousands(more as u64)),
        command: None,
        label: None,
        judged: judged(sample),
    }
}

/// The checks that judged a picture, each with its word. A name that is no plain word is none that a command line takes.
fn judged(sample: &SampleLine) -> Vec<(String, &'static str)> {
    let plain = |name: &str| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mut judged: Vec<(String, &'static str)> = Vec::new();
    for finding in sample.findings.iter().filter(|finding| plain(&finding.check)) {
        if judged.iter().any(|(known, _)| *known == finding.check) {
            continue;
        }
        let own = sample.findings.iter().filter(|it| it.check == finding.check);
        let results: Vec<_> = own.map(|it| it.result).collect();
        let word = if results.iter().any(|result| result.counts_as_failure()) {
            "fail"
        } else if results.contains(&CheckResult::Pass) {
            "pass"
        } else {
            continue;
        };
        judged.push((finding.check.clone(), word));
    }
    judged
}

/// The size of the decoded picture, as its check measured it.
fn size(findings: &[Finding]) -> Option<[u64; 2]> {
    let decoded = findings.iter().find(|finding| finding.check == "decode")?;
    let side = |name| decoded.measured.get(name)?.as_u64().filter(|side| *side > 0);
    Some([side("width")?, side("height")?])
}

#[expect(clippy::cast_precision_loss, reason = "times of requests are far below 2^52 ms")]
fn milliseconds(time: u64) -> String {
    words::seconds(time as f64 / 1000.0)
}

fn model_data(side: Side, model: &ModelAt) -> ModelData {
    ModelData {
        side: side.word(),
        model: format!("{} of {}", line(&model.model, 120), line(&model.provider, 60)),
        config: block(&serde_json::to_string_pretty(&model.config).unwrap_or_default(), MAX_CONFIG),
    }
}

/// The policy that `presscheck check` takes by itself.
const USUAL_POLICY: &str = "presscheck.yaml";

/// What looks at the sample's picture again, or where it has none, the command of the run. Nothing where a word of it
/// holds characters that hide: what is pasted must be what is seen.
fn command(run: &Run, sample: &SampleLine, folder: &str) -> Option<String> {
    let image = sample.image.as_deref().filter(|path| original(path).is_some());
    let line = match image {
        None => run.again.clone(),
        Some(image) => {
            let path = match folder.trim_end_matches('/') {
                "" if folder.is_empty() => image.to_owned(),
                // A word that begins like an option would be taken for one.
                dashed if dashed.starts_with('-') => format!("./{dashed}/{image}"),
                folder => format!("{folder}/{image}"),
            };
            let mut line = format!("presscheck check {}", inert::shell_word(&path));
            if run.policy_path != USUAL_POLICY {
                line.push_str(&format!(" --policy={}", inert::shell_word(&run.policy_path)));
            }
            line.push_str(&format!(" --case={}", inert::shell_word(&sample.case)));
            line
        }
    };
    (!line.is_empty() && !line.chars().any(inert::is_invisible)).then_some(line)
}

/// What says whether a check was right about a sample's picture, up to the check; nothing where there is no picture, or a
/// word of it holds characters that hide.
fn label(run: &Run, sample: &SampleLine, folder: &str) -> Option<String> {
    sample.image.as_deref().filter(|path| original(path).is_some())?;
    let word = inert::shell_word;
    let mut line = format!("presscheck label {}", word(&sample.case));
    line.push_str(&format!(" --side={}", sample.side));
    if sample.repeat > 0 {
        line.push_str(&format!(" --repeat={}", u64::from(sample.repeat) + 1));
    }
    if run.verdict.subjects.len() > 1 {
        line.push_str(&format!(" --subject={}", word(&sample.subject)));
    }
    if !matches!(folder.trim_end_matches('/'), "" | USUAL_FOLDER) {
        line.push_str(&format!(" --in={}", word(folder)));
    }
    // A case that begins like an option would be taken for one.
    let plain = !sample.case.starts_with('-') && !line.chars().any(inert::is_invisible);
    plain.then_some(line)
}

/// The output folder that `presscheck label` takes by itself.
const USUAL_FOLDER: &str = "presscheck-out";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::evidence;
    use crate::report::fixtures;

    fn drawn(run: &Run, folder: &str) -> Vec<String> {
        let sample = run.subjects[0].samples.last().unwrap();
        command(run, sample, folder).into_iter().collect()
    }

    #[test]
    fn a_command_can_be_pasted() {
        let mut run = fixtures::fail();
        let image = run.subjects[0].samples.last().unwrap().image.clone().unwrap();
        assert_eq!(
            drawn(&run, "presscheck-out"),
            [format!("presscheck check presscheck-out/{image} --case=banner-pl-027")]
        );
        run.subjects[0].samples.last_mut().unwrap().case = "it's; $(rm -rf ~)".to_owned();
        run.policy_path = "gates/image models.yaml".to_owned();
        assert_eq!(
            drawn(&run, "/tmp/my out/"),
            [format!(
                r"presscheck check '/tmp/my out/{image}' --policy='gates/image models.yaml' --case='it'\''s; $(rm -rf ~)'"
            )]
        );
        assert!(drawn(&run, "-out")[0].starts_with("presscheck check ./-out/images/"));
        run.subjects[0].samples.last_mut().unwrap().case = "a\u{1b}[201~b".to_owned();
        assert!(drawn(&run, "out").is_empty(), "what hides is not pasted");
        run.subjects[0].samples.last_mut().unwrap().image = None;
        assert_eq!(drawn(&run, "out"), [run.again.clone()]);
    }

    #[test]
    fn what_says_whether_a_check_was_right_can_be_pasted() {
        let mut run = fixtures::fail();
        let said =
            |run: &Run, folder: &str| label(run, run.subjects[0].samples.last().unwrap(), folder);
        let plain = "presscheck label banner-pl-027 --side=candidate";
        assert_eq!(said(&run, "presscheck-out/").as_deref(), Some(plain));
        assert_eq!(said(&run, "my out"), Some(format!("{plain} --in='my out'")));
        let sample = run.subjects[0].samples.last_mut().unwrap();
        let words = judged(sample);
        assert!(words.iter().any(|(check, _)| check == "decode"), "{words:?}");
        sample.repeat = 1;
        sample.case = "a; b".to_owned();
        sample.findings[0].check = "x; rm".to_owned();
        assert!(judged(sample).iter().all(|(check, _)| !check.contains(';')));
        assert_eq!(
            said(&run, "").as_deref(),
            Some("presscheck label 'a; b' --side=candidate --repeat=2")
        );
        for hidden in ["-x", "a\u{202e}b"] {
            run.subjects[0].samples.last_mut().unwrap().case = hidden.to_owned();
            assert_eq!(said(&run, ""), None, "{hidden}");
        }
    }

    #[test]
    fn the_worst_pairs_come_first() {
        let run = fixtures::fail();
        let pairs = evidence::pairs(&run.subjects[0]);
        let order = worst_first(&pairs);
        assert_eq!(order.len(), pairs.len());
        let kinds: Vec<_> = order.iter().map(|index| pairs[*index].kind()).collect();
        assert!(kinds.is_sorted());
        // A broken answer is worse than a failed check.
        let both: Vec<_> =
            order.iter().filter(|index| pairs[**index].kind() == PairKind::BothFailing).collect();
        assert_eq!(both, [&4, &27]);
        assert_eq!(order[..3], [0, 1, 2]);
    }

    #[test]
    fn what_is_sent_is_what_is_copied() {
        let mut run = fixtures::fail();
        let sample = &mut run.subjects[0].samples[1];
        sample.prompt = "a\u{202e}b".to_owned();
        let data = |run: &Run| {
            let pairs = evidence::pairs(&run.subjects[0]);
            pair_data(&pairs[0], (0, 0), Vec::new())
        };
        assert_eq!(data(&run).prompt, "a⟨U+202E⟩b");
        assert_eq!(data(&run).exact.as_deref(), Some("a\u{202e}b"));
        run.subjects[0].samples[1].prompt = "a".repeat(MAX_PROMPT + 1);
        assert_eq!(data(&run).exact.unwrap().len(), MAX_PROMPT + 1);
        run.subjects[0].samples[1].prompt = "a".repeat(MAX_COPIED + 1);
        assert!(!data(&run).copy && data(&run).exact.is_none());
    }

    #[test]
    fn what_may_be_unsafe_is_not_in_the_page() {
        let mut run = fixtures::fail();
        let sample = &mut run.subjects[0].samples[1];
        sample.findings.push(Finding::new("safety", CheckResult::Unsure, "nobody could say"));
        let path = sample.image.clone().unwrap();
        let data = |run: &Run| {
            let mut data = Data::default();
            let subject = &run.subjects[0];
            let pairs = evidence::pairs(subject);
            let mut pictures = Pictures::new(usize::MAX);
            let options = HtmlOptions::default();
            data.add(
                run,
                &run.verdict.subjects[0],
                (subject, "model-0"),
                &pairs,
                (&mut pictures, options),
            );
            data
        };
        assert!(!data(&run).pictures.contains_key(&path));
        assert!(data(&run).galleries[0].pairs[0].samples[1].card.withheld);
        run.subjects[0].samples[1].findings.pop();
        assert!(data(&run).pictures.contains_key(&path));
    }
}
