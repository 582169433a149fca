//! One subject from the first pair to its verdict.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt as _;
use presscheck_core::gate::{
    self, BaselineGone, BySide, Decision, ErrorsAllowed, ModelAt, Outcome, Planned, Side, Stopped,
    SubjectVerdict, Tally, summaries,
};
use presscheck_core::policy::{ModelConfig, Subject};
use presscheck_core::prompts::Draw;
use presscheck_core::providers::{FaultKind, catalogue};
use presscheck_core::report::{self, Prompt, SampleLine};
use presscheck_core::units::Rate;

use super::cell::{Judged, Samples};
use super::judge::Gallery;
use super::load::Loaded;
use super::opening::{self, Opened};
use super::order::in_order;
use super::replay::{Course, Ended, Part};
use super::sample::{Shop, Step};
use super::waves::Waves;
use super::{Halt, Progress, Proof, Setting, Status, thumbnails};
use crate::revision::Snapshot;
use crate::store::RunRecord;

/// A subject that was run.
pub(super) struct Finished {
    pub(super) verdict: SubjectVerdict,
    pub(super) evidence: report::Subject,
    /// What a reader should know besides.
    pub(super) notes: Vec<String>,
    /// How it went, for a replay.
    pub(super) course: Course,
}

/// How a cell ended.
enum End {
    Pair(Box<Samples>),
    Halt(Halt),
}

/// How many rejections in a row, with no sample accepted before, mean that a provider rejects them all.
const ALWAYS_REJECTED: u32 = 3;

/// How long requests that are under way are waited for once nothing more is sent.
pub(super) const LONGEST_REST: Duration = Duration::from_secs(60);

/// Runs one subject.
pub(super) async fn run(
    setting: &Setting,
    loaded: &Loaded,
    shop: Arc<Shop>,
    subject: &Subject,
    played: Option<Part>,
    progress: &dyn Progress,
) -> Result<Finished, Halt> {
    let policy = &loaded.policy;
    let Opened { key, round, fixed, context, mut trial, cells, mut notes, known_lost, known } =
        opening::open(setting, loaded, &shop, subject, played).await?;
    let planned = trial.planned().clone();
    progress.begin(
        &subject.name,
        subject.baseline.as_ref().map(ModelConfig::describe).as_deref(),
        &subject.candidate.describe(),
        planned.pairs,
    );
    let spent_before = shop.budget.spent();
    let checks_before = shop.checks_spent.sum();
    let bought_before = shop.bought.load(Ordering::SeqCst);
    // Completed in any order, handed on in the drawn order: what is judged is always a prefix.
    let window = usize::try_from(policy.sample.batch).unwrap_or(1).max(loaded.concurrency(subject));
    let waves =
        policy.burst.map(|burst| Waves::new(usize::try_from(burst).unwrap_or(1), cells.len()));
    let cells = cells.into_iter().enumerate().collect();
    let mut stream = Box::pin(in_order(cells, window, |cell| {
        let (context, waves) = (Arc::clone(&context), waves.clone());
        async move {
            match tokio::spawn(async move { context.cell(cell, waves).await }).await {
                Ok(Ok(samples)) => End::Pair(Box::new(samples)),
                Ok(Err(halt)) => End::Halt(halt),
                Err(error) => End::Halt(Halt::CouldNotRun(format!("a task failed: {error}"))),
            }
        }
    }));
    let mut pairs = Vec::new();
    let mut gallery = Gallery::default();
    let mut lines = Vec::new();
    let mut from_store = BySide::<u64>::default();
    let mut tally = Tally::default();
    let mut gone = BySide::<u64>::default();
    let mut rejected = BySide::<Option<u32>> { baseline: Some(0), candidate: Some(0) };
    let mut stopped = at_the_end(planned.pairs, &loaded.draw);
    let mut failure = None;
    let mut baseline_gone = None;
    let mut ended = None;
    while let Some(end) = stream.next().await {
        let judged = match end {
            End::Pair(samples) => match samples.settle(&context, &mut gallery) {
                Ok(judged) => judged,
                Err(halt) => {
                    failure = Some(halt);
                    break;
                }
            },
            End::Halt(Halt::Budget) => {
                stopped = Stopped::Budget;
                ended = Some(Ended::Budget);
                break;
            }
            End::Halt(Halt::MaxImages) => {
                stopped = Stopped::Max;
                ended = Some(Ended::MaxImages);
                break;
            }
            End::Halt(Halt::EvidenceEnds) => {
                stopped = Stopped::Max;
                notes.push(evidence_ends(&subject.name, pairs.len()));
                break;
            }
            End::Halt(Halt::BaselineGone(words)) => {
                ended = Some(Ended::BaselineGone { words: words.clone() });
                let words = presscheck_core::inert::one_line(&words, 120);
                let known = BaselineGone { since: retired_on(setting, loaded, subject), words };
                let what = known.sentence().replacen("the", "The", 1);
                notes.push(format!(
                    "{what} (its provider: “{}”): judged by its stored results as far as they reach.",
                    known.words
                ));
                baseline_gone = Some(known);
                stopped = Stopped::Unavailable;
                break;
            }
            // The halt that closed the run stands further on in the drawn order.
            End::Halt(Halt::Stopped) => continue,
            End::Halt(halt) => {
                failure = Some(halt);
                break;
            }
        };
        if let Err(halt) = always_rejected(&judged, &mut rejected, subject) {
            failure = Some(halt);
            break;
        }
        tally.add(&judged.pair);
        for side in Side::BOTH {
            let missing = judged.pair.side(side).is_some_and(|sample| !sample.answered());
            *gone.get_mut(side) += u64::from(missing);
        }
        from_store.baseline += u64::from(judged.stored.baseline);
        from_store.candidate += u64::from(judged.stored.candidate);
        let settled = trial.push(&judged.pair);
        pairs.push(judged.pair);
        lines.extend(judged.lines);
        progress.pair(&Status {
            subject: &subject.name,
            pairs: u64::try_from(pairs.len()).unwrap_or(u64::MAX),
            planned: planned.pairs,
            tally,
            spent: shop.budget.spent(),
            bought: shop.bought.load(Ordering::SeqCst),
            from_store,
            proof: trial.proof().map(|(pass, fail)| Proof { pass, fail }),
        });
        if settled {
            if u64::try_from(pairs.len()).is_ok_and(|seen| seen < planned.pairs) {
                stopped = Stopped::Decided;
            }
            break;
        }
        if outage_is_certain(&gone, pairs.len(), &planned, policy.limits.unavailable.value) {
            stopped = Stopped::Unavailable;
            break;
        }
    }
    // Nothing more is sent, and what is on its way is seen to its end: it is paid for, so it is kept and
    // counted.
    context.closing.send_replace(true);
    let rest = async {
        let mut failure = None;
        while let Some(end) = stream.next().await {
            if let End::Halt(halt @ Halt::Store(_)) = end {
                failure.get_or_insert(halt);
            }
        }
        failure
    };
    let late = tokio::time::timeout(LONGEST_REST, rest).await.ok().flatten();
    progress.end();
    if let Some(halt) = failure.or(late) {
        return Err(halt);
    }
    let ruling = gate::rule(&trial, policy.inconclusive, &pairs, stopped);
    let seen = u64::try_from(pairs.len()).unwrap_or(u64::MAX);
    let decided = ruling.proven.then_some(seen);
    let course = match &context.played {
        Some(part) => part.course.clone(),
        None => {
            let begun = round.clone();
            let run = RunRecord { finished: true, decided, ..round };
            shop.store.keep_run(&key, &run).await?;
            Course {
                name: subject.name.clone(),
                run: context.run.clone(),
                round: begun,
                known_lost,
                known: unjudged(known, &lines),
                end: ended,
                bought: shop.bought.load(Ordering::SeqCst).saturating_sub(bought_before),
                spent_usd: shop.budget.spent() - spent_before,
                checks_usd: shop.checks_spent.sum() - checks_before,
            }
        }
    };
    let tallies = gate::Tallies::of(&pairs);
    let model_at = |snapshot: &Snapshot, model: &ModelConfig| ModelAt {
        commit: snapshot.commit().cloned(),
        label: snapshot.label().to_owned(),
        provider: model.provider().to_owned(),
        model: model.describe(),
        config: model.resolved(),
    };
    let verdict = SubjectVerdict {
        name: subject.name.clone(),
        verdict: ruling.decision,
        blocking: ruling.blocking,
        proven: ruling.proven,
        reason: match (&baseline_gone, ruling.decision) {
            (Some(gone), Decision::Inconclusive) => gone.reason(seen, planned.pairs),
            _ => ruling.reason,
        },
        stopped,
        baseline: subject.baseline.as_ref().map(|model| model_at(&setting.change.base, model)),
        candidate: model_at(&setting.change.head, &subject.candidate),
        baseline_gone,
        claim: policy.sample.claim.word().to_owned(),
        errors: ErrorsAllowed {
            let_bad_through: policy.errors.let_bad_through.share(),
            block_good: policy.errors.block_good.share(),
        },
        baseline_known: fixed.baseline_known,
        seed: policy.sample.seed,
        planned: planned.pairs,
        population: u64::try_from(loaded.draw.population).unwrap_or(u64::MAX),
        pairs: seen,
        images_bought: course.bought,
        from_store,
        spent_usd: course.spent_usd,
        checks_usd: course.checks_usd,
        lean: ruling.lean,
        pairs_to_decide: ruling.pairs_to_decide,
        limits: ruling.limits,
        evidence: trial.evidence(),
        outcomes: summaries::outcomes(&pairs),
        checks: summaries::checks(&pairs),
        tags: summaries::tags(&tallies),
        flips: summaries::flips(&tallies),
        cost: BySide {
            baseline: summaries::cost(&pairs, Side::Baseline),
            candidate: summaries::cost(&pairs, Side::Candidate),
        },
        latency: BySide {
            baseline: summaries::latency(&pairs, Side::Baseline),
            candidate: summaries::latency(&pairs, Side::Candidate),
        },
        failures: summaries::failures(&pairs),
        always_failing: summaries::always_failing(&pairs, &planned),
    };
    let by_id: BTreeMap<_, _> = loaded.cases.iter().map(|case| (case.id.as_str(), case)).collect();
    let prompts = pairs
        .iter()
        .filter_map(|pair| by_id.get(pair.case.as_str()))
        .map(|case| {
            let prompt = Prompt {
                prompt: case.prompt.clone(),
                tags: case.tags.clone(),
                locale: case.locale.clone(),
            };
            (case.id.clone(), prompt)
        })
        .collect();
    let thumbnails = thumbnails::of_pairs(&setting.out, &pairs).await;
    Ok(Finished {
        verdict,
        evidence: report::Subject {
            prompts,
            samples: lines,
            at_once: at_once(loaded, subject),
            thumbnails,
        },
        notes,
        course,
    })
}

/// The baseline's samples that were known beforehand and are in no judged pair.
fn unjudged(known: Vec<SampleLine>, judged: &[SampleLine]) -> Vec<SampleLine> {
    let judged = judged.iter().filter(|line| line.side == Side::Baseline);
    let judged: HashSet<_> = judged.map(|line| (line.case.as_str(), line.repeat)).collect();
    known.into_iter().filter(|line| !judged.contains(&(line.case.as_str(), line.repeat))).collect()
}

/// That a replay came to the last stored pair without a verdict.
fn evidence_ends(subject: &str, pairs: usize) -> String {
    let subject = presscheck_core::inert::one_line(subject, 60);
    format!(
        "The stored evidence on `{subject}` ends after {pairs} pairs, where that run stopped: what more pairs would have said is not known."
    )
}

/// How many requests each side's provider is sent at once. Nothing for a pipeline of several steps, whose requests are not told
/// apart, nor for bursts, which are as large as somebody wants to know.
fn at_once(loaded: &Loaded, subject: &Subject) -> BySide<Option<u32>> {
    let policy = &loaded.policy;
    let of = |model: &ModelConfig| {
        let [step] = model.steps.as_slice() else { return None };
        let provider = policy.providers.get(&step.provider.value)?;
        policy.burst.is_none().then(|| provider.pace().tightest(&step.model.value).0)
    };
    BySide { baseline: subject.baseline.as_ref().and_then(of), candidate: of(&subject.candidate) }
}

/// The day on which the baseline's model was retired, as far as the catalogue knows it.
fn retired_on(setting: &Setting, loaded: &Loaded, subject: &Subject) -> Option<String> {
    let steps = subject.baseline.iter().flat_map(|model| &model.steps);
    steps
        .filter_map(|step| {
            let provider = loaded.policy.providers.get(&step.provider.value)?;
            catalogue::retired_on(provider.kind, &step.model.value, setting.today)
        })
        .map(|day| day.to_string())
        .next()
}

/// Why the last planned pair is the last.
fn at_the_end(planned: u64, draw: &Draw) -> Stopped {
    let planned = usize::try_from(planned).unwrap_or(usize::MAX);
    if planned < draw.cells.len() {
        Stopped::Budget
    } else if planned < draw.population {
        Stopped::Max
    } else {
        Stopped::Exhausted
    }
}

/// A provider that rejects the first requests of a side, whatever the prompt, will reject them all.
pub(super) fn always_rejected(
    judged: &Judged,
    rejected: &mut BySide<Option<u32>>,
    subject: &Subject,
) -> Result<(), Halt> {
    for line in &judged.lines {
        let count = rejected.get_mut(line.side);
        let is_rejection = line.kind.as_deref() == Some(FaultKind::BadRequest.word());
        *count = match *count {
            Some(count) if is_rejection => Some(count + 1),
            Some(count) if line.outcome == Outcome::Unavailable => Some(count),
            _ => None,
        };
        if *count == Some(ALWAYS_REJECTED) {
            let model = match line.side {
                Side::Baseline => subject.baseline.as_ref().unwrap_or(&subject.candidate),
                Side::Candidate => &subject.candidate,
            };
            let words = line.error.as_deref().unwrap_or_default();
            let halt = |step, provider: &str, model, words: &str| Halt::Fatal {
                side: line.side,
                kind: FaultKind::BadRequest,
                step,
                provider: provider.to_owned(),
                model,
                words: words.to_owned(),
            };
            // Of a pipeline, it is one of its providers that rejects.
            return Err(match Step::ended(line.step, model, words) {
                Some((step, at, words)) => {
                    halt(Some(step), &at.provider.value, at.model.value.clone(), words)
                }
                None => halt(None, &line.provider, model.describe(), words),
            });
        }
    }
    Ok(())
}

/// Whether so many samples of a side have no answer that the rest can't mend it: buying more would prove
/// nothing.
fn outage_is_certain(gone: &BySide<u64>, pairs: usize, planned: &Planned, limit: Rate) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    let (allowed, worst) = (
        (planned.pairs as f64 * limit.share() + 1e-9).floor(),
        gone.baseline.max(gone.candidate) as f64,
    );
    // A short burst at the start is given time: half a dozen samples are no outage yet.
    worst > allowed && pairs >= 20
}
