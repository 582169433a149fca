//! What the store has of a draw already: found by the keys that a run would ask for, without any provider's key.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use presscheck_core::checks::{Reference, Scene};
use presscheck_core::gate::{BySide, Side};
use presscheck_core::policy::{self, ModelConfig, ModelPace, Policy, Subject};
use presscheck_core::prompts::{Case, Cell};
use presscheck_core::providers;
use presscheck_core::report::Seen;
use presscheck_core::units::{RepoPath, Usd};
use serde_json::Value;
use tokio::sync::watch;

use super::asking::{Rejections, Spent, Told, programs};
use super::judge::{Arrived, Judge};
use super::load::Loaded;
use super::plan::float;
use super::sample::{Shop, Wanted};
use super::{Halt, Setting};
use crate::transport::Budget;

/// Where the store is looked through.
pub(super) struct Desk {
    shop: Shop,
    kinds: BTreeMap<String, Kind>,
    /// The models that have limits of their own, by provider and id, with the numbers of their lines.
    own: BTreeMap<(String, String), (usize, ModelPace)>,
    burst: Option<u32>,
}

/// A provider, as far as its answers are found by it, paid for and waited for.
struct Kind {
    number: usize,
    dialect: (&'static str, u32),
    fingerprint: Value,
    attempts: u32,
    concurrency: u32,
    rate_per_minute: Option<f64>,
    timeout_s: f64,
}

/// One step of a model: at which provider, for how much, and for how much at worst.
#[derive(Clone)]
struct StepPrice {
    /// The lines in which it waits: its provider's, and its model's where that has limits of its own.
    lines: Vec<usize>,
    price: Usd,
    worst: Usd,
    /// What an hour of the machine costs, where that is how it is paid.
    gpu_hour: Option<Usd>,
}

impl StepPrice {
    /// What it is expected to cost: the time that stored ones took, where it is paid by the time.
    fn expected(&self, lines: &[Pace]) -> Usd {
        let timed = self.lines.iter().rev().filter_map(|number| lines.get(*number));
        let mean = timed.filter(|line| line.timed > 0).map(|line| line.seconds / float(line.timed));
        let time = mean.map(Duration::try_from_secs_f64).find_map(Result::ok);
        match (self.gpu_hour, time) {
            (Some(hour), Some(time)) => policy::of_time(hour, time).min(self.price),
            _ => self.price,
        }
    }
}

/// What is stored of one sample.
#[derive(Clone, Default)]
struct Stored {
    /// Steps that are stored; those after them must be bought.
    steps: usize,
    /// Whether nothing is left to buy: every step is there, or one ended without a picture.
    whole: bool,
    /// Whether it fails; nothing where it was not judged or has no answer.
    failure: Option<bool>,
    /// The time of each stored step, with the lines in which it waits.
    times: Vec<(Vec<usize>, f64)>,
}

/// What must be bought of a draw, pair by pair in its order.
pub(super) struct Ledger {
    /// Samples that are stored whole.
    pub(super) stored: BySide<u64>,
    /// The baseline's, judged.
    pub(super) seen: Seen,
    /// What an image costs at the list price, all steps.
    pub(super) price: BySide<Usd>,
    /// Sums over the first so many pairs.
    sums: Vec<Sum>,
    lines: Vec<Pace>,
    providers: usize,
}

#[derive(Clone, Default)]
struct Sum {
    images: u64,
    usd: Usd,
    worst: Usd,
    /// Requests by provider.
    requests: Vec<u64>,
}

/// How fast a provider is.
#[derive(Clone, Default)]
struct Pace {
    seconds: f64,
    timed: u64,
    concurrency: u32,
    rate_per_minute: Option<f64>,
    timeout_s: f64,
}

/// Look-ups at once.
const AT_ONCE: usize = 32;

/// The most bytes that an input picture may have, as in a run.
const MAX_INPUT_BYTES: u64 = 32 << 20;

impl Desk {
    /// Sets the providers up that the subjects use, without their keys.
    pub(super) fn open(setting: &Setting, loaded: &Loaded) -> Result<Self, Halt> {
        let mut kinds = BTreeMap::new();
        let mut paced = BTreeMap::new();
        let models = loaded
            .subjects
            .iter()
            .flat_map(|s| s.baseline.iter().chain(std::iter::once(&s.candidate)));
        for step in models.flat_map(|model| &model.steps) {
            let name = &step.provider.value;
            let provider = loaded.policy.providers.get(name).ok_or_else(|| {
                Halt::CouldNotRun(format!(
                    "the baseline's model names the provider `{}`, which the policy does not have",
                    presscheck_core::inert::one_line(name, 60)
                ))
            })?;
            let own = provider.pace().of(&step.model.value);
            if own != ModelPace::default() {
                paced.insert((name.clone(), step.model.value.clone()), own);
            }
            if kinds.contains_key(name) {
                continue;
            }
            let dialect = providers::open(provider).map_err(Halt::CouldNotRun)?;
            let kind = Kind {
                number: kinds.len(),
                dialect: (provider.kind, dialect.version()),
                fingerprint: policy::canonical(&provider.fingerprint),
                attempts: provider.paid_attempts(),
                concurrency: provider.concurrency.max(1),
                rate_per_minute: provider.rate_per_minute,
                timeout_s: provider.timeout.as_secs_f64(),
            };
            kinds.insert(name.clone(), kind);
        }
        let shop = Shop {
            store: setting.store.clone(),
            // Nothing can be asked: there is nobody to ask.
            suppliers: BTreeMap::new(),
            budget: Budget::new(Usd::ZERO),
            max_images: 0,
            bought: AtomicU64::new(0),
            damaged: AtomicU64::new(0),
            checks_spent: Spent::default(),
            rejections: Rejections::default(),
            programs: programs(),
            told: Told::default(),
            resume: setting.resume,
            clock: setting.clock,
        };
        let first = kinds.len();
        let numbered = |(index, (name, own))| (name, (first + index, own));
        let own = paced.into_iter().enumerate().map(numbered).collect();
        Ok(Self { shop, kinds, own, burst: loaded.policy.burst })
    }

    /// Looks every sample of a subject up.
    pub(super) async fn look(
        &self,
        setting: &Setting,
        loaded: &Loaded,
        subject: &Subject,
    ) -> Result<Ledger, Halt> {
        let judge = loaded.judge();
        let prices = BySide {
            baseline: subject.baseline.as_ref().map(|it| self.prices(it, &loaded.policy)),
            candidate: Some(self.prices(&subject.candidate, &loaded.policy)),
        };
        let prices = BySide {
            baseline: prices.baseline.transpose()?.unwrap_or_default(),
            candidate: prices.candidate.transpose()?.unwrap_or_default(),
        };
        let cells = loaded.draw.cells.iter().map(|cell| {
            let judge = &judge;
            async move {
                let Some(case) = loaded.cases.get(cell.case) else {
                    return Ok(BySide::default());
                };
                let image = input(setting, case.image.as_ref()).await?;
                let mask = input(setting, case.mask.as_ref()).await?;
                let inputs = (image.as_ref(), mask.as_ref());
                let max_age = Some(loaded.policy.baseline_max_age);
                let candidate =
                    self.sample(&subject.candidate, case, *cell, inputs, None, None).await?;
                let baseline = match &subject.baseline {
                    Some(model) => {
                        let judge = Some(judge);
                        self.sample(model, case, *cell, inputs, max_age, judge).await?
                    }
                    None => Stored { whole: true, ..Stored::default() },
                };
                Ok::<_, Halt>(BySide { baseline, candidate })
            }
        });
        let cells: Vec<_> =
            futures_util::stream::iter(cells).buffered(AT_ONCE).try_collect().await?;
        let asks: Vec<_> = loaded
            .draw
            .cells
            .iter()
            .filter_map(|cell| loaded.cases.get(cell.case))
            .map(|case| loaded.checks_price(&judge, case))
            .collect();
        Ok(self.ledger(&cells, &prices, &asks, subject.baseline.is_some()))
    }

    /// One sample, step by step: each is found by the picture of the one before.
    async fn sample(
        &self,
        model: &ModelConfig,
        case: &Case,
        cell: Cell,
        (input, mask): (Option<&Bytes>, Option<&Bytes>),
        max_age: Option<Duration>,
        judge: Option<&Arc<Judge>>,
    ) -> Result<Stored, Halt> {
        let (closing, _) = watch::channel(true);
        let wanted = Wanted {
            side: if judge.is_some() { Side::Baseline } else { Side::Candidate },
            model,
            case,
            seed: cell.seed,
            input,
            mask,
            // No run has this name: what stayed without an answer is asked again.
            run: "",
            max_age,
            burst: self.burst,
            now_ms: (self.shop.clock)(),
            only_stored: true,
            closing: &closing,
        };
        let mut stored = Stored::default();
        let original = input.cloned();
        let mut input = original.clone();
        let mut last = None;
        for (index, step) in model.steps.iter().enumerate() {
            let Some(kind) = self.kinds.get(&step.provider.value) else { break };
            let identity = wanted.identity(
                kind.dialect,
                &kind.fingerprint,
                step,
                (input.as_ref(), mask.filter(|_| index == 0)),
            );
            let Some(arrival) = self.shop.stored(&identity.key(), wanted).await? else { break };
            stored.steps += 1;
            if let Some(time) = arrival.bill.latency {
                stored.times.push((self.lines_of(step), time.as_secs_f64()));
            }
            stored.whole = stored.steps == model.steps.len();
            match &arrival.arrived {
                Arrived::Picture { bytes, .. } => input = Some(bytes.clone()),
                _ => stored.whole = true,
            }
            let over = stored.whole;
            last = Some(arrival);
            if over {
                break;
            }
        }
        if let (Some(judge), Some(arrival), true) = (judge, last, stored.whole) {
            let (judge, case) = (Arc::clone(judge), case.clone());
            let judged = tokio::task::spawn_blocking(move || {
                let reference = original.map(Reference::new);
                let scene = Scene { case: &case, input: reference.as_ref() };
                judge.judge(&scene, &arrival.arrived, arrival.bill).map(|it| it.observation)
            });
            let observation =
                judged.await.map_err(|why| Halt::CouldNotRun(format!("a check failed: {why}")))?;
            let answered = observation.filter(|observation| observation.answered());
            stored.failure = answered.map(|observation| observation.failure);
        }
        Ok(stored)
    }

    fn lines_of(&self, step: &policy::ModelStep) -> Vec<usize> {
        let (name, model) = (&step.provider.value, &step.model.value);
        let provider = self.kinds.get(name).map(|kind| kind.number);
        let own = self.own.get(&(name.clone(), model.clone())).map(|(number, _)| *number);
        provider.into_iter().chain(own).collect()
    }

    fn prices(&self, model: &ModelConfig, policy: &Policy) -> Result<Vec<StepPrice>, Halt> {
        let of = |step: &policy::ModelStep| {
            let name = &step.provider.value;
            let kind = self.kinds.get(name)?;
            let price = policy.providers.get(name)?.price_of(&step.model.value, &step.params)?;
            let worst = price.as_decimal().saturating_mul(kind.attempts.into());
            let lines = self.lines_of(step);
            let gpu_hour = policy.providers.get(name)?.gpu_hour;
            Some(StepPrice { lines, price, worst: Usd::from_decimal(worst), gpu_hour })
        };
        let step = |step: &policy::ModelStep| {
            of(step).ok_or_else(|| {
                let model = presscheck_core::inert::one_line(&step.model.value, 80);
                let provider = presscheck_core::inert::one_line(&step.provider.value, 60);
                Halt::CouldNotRun(format!(
                    "the policy gives no price for `{model}` of `{provider}`"
                ))
            })
        };
        model.steps.iter().map(step).collect()
    }

    fn ledger(
        &self,
        cells: &[BySide<Stored>],
        prices: &BySide<Vec<StepPrice>>,
        asks: &[(Usd, Usd)],
        has_baseline: bool,
    ) -> Ledger {
        let mut lines = vec![Pace::default(); self.kinds.len() + self.own.len()];
        for kind in self.kinds.values() {
            if let Some(line) = lines.get_mut(kind.number) {
                line.concurrency = kind.concurrency;
                line.rate_per_minute = kind.rate_per_minute;
                line.timeout_s = kind.timeout_s;
            }
        }
        for ((provider, _), (number, own)) in &self.own {
            if let (Some(line), Some(kind)) = (lines.get_mut(*number), self.kinds.get(provider)) {
                line.concurrency = own.concurrency.unwrap_or(kind.concurrency);
                line.rate_per_minute = own.rate_per_minute;
                line.timeout_s = kind.timeout_s;
            }
        }
        let mut sum = Sum { requests: vec![0; lines.len()], ..Sum::default() };
        for (numbers, seconds) in
            cells.iter().flat_map(|cell| Side::BOTH.map(|side| &cell.get(side).times)).flatten()
        {
            for number in numbers {
                if let Some(line) = lines.get_mut(*number) {
                    line.seconds += seconds;
                    line.timed += 1;
                }
            }
        }
        let expected = |steps: &[StepPrice]| steps.iter().map(|step| step.expected(&lines)).sum();
        let mut ledger = Ledger {
            stored: BySide::default(),
            seen: Seen::default(),
            price: BySide {
                baseline: expected(&prices.baseline),
                candidate: expected(&prices.candidate),
            },
            sums: vec![sum.clone()],
            providers: self.kinds.len(),
            lines,
        };
        for (index, cell) in cells.iter().enumerate() {
            let (list, worst) = asks.get(index).copied().unwrap_or_default();
            for side in Side::BOTH {
                if side == Side::Baseline && !has_baseline {
                    continue;
                }
                let stored = cell.get(side);
                *ledger.stored.get_mut(side) += u64::from(stored.whole);
                if let Some(failure) = stored.failure {
                    ledger.seen.answers += 1;
                    ledger.seen.failures += u64::from(failure);
                }
                // Of a stored picture, the answers are as a rule stored too; at worst they are not.
                if !stored.whole {
                    sum.usd += list;
                }
                sum.worst += worst;
                let first = if stored.whole { usize::MAX } else { stored.steps };
                for step in prices.get(side).iter().skip(first) {
                    sum.images += 1;
                    sum.usd += step.expected(&ledger.lines);
                    sum.worst += step.worst;
                    for number in &step.lines {
                        if let Some(requests) = sum.requests.get_mut(*number) {
                            *requests += 1;
                        }
                    }
                }
            }
            ledger.sums.push(sum.clone());
        }
        ledger
    }
}

impl Ledger {
    fn sum(&self, pairs: usize) -> Option<&Sum> {
        self.sums.get(pairs).or_else(|| self.sums.last())
    }

    /// Images to buy for the first so many pairs.
    pub(super) fn images(&self, pairs: usize) -> u64 {
        self.sum(pairs).map_or(0, |sum| sum.images)
    }

    /// What they cost at list prices.
    pub(super) fn usd(&self, pairs: usize) -> Usd {
        self.sum(pairs).map_or(Usd::ZERO, |sum| sum.usd)
    }

    /// What they cost where each attempt that may be repeated is charged.
    pub(super) fn worst(&self, pairs: usize) -> Usd {
        self.sum(pairs).map_or(Usd::ZERO, |sum| sum.worst)
    }

    /// Stored steps whose time is known.
    pub(super) fn timed(&self) -> u64 {
        if self.is_timed() {
            // The first lines are the providers'; those of models are parts of them.
            self.lines.iter().take(self.providers).map(|line| line.timed).sum()
        } else {
            0
        }
    }

    /// Whether a time is known of every provider that must be asked.
    pub(super) fn is_timed(&self) -> bool {
        let needed = self.sums.last().map(|sum| sum.requests.as_slice()).unwrap_or_default();
        let mut asked = self.lines.iter().zip(needed).filter(|(_, requests)| **requests > 0);
        asked.all(|(line, _)| line.timed > 0)
    }

    /// How long the first so many pairs take: providers work side by side, each within its concurrency and
    /// rate. Where no time is known, every request takes as long as it may.
    pub(super) fn minutes(&self, pairs: usize) -> f64 {
        let Some(sum) = self.sum(pairs) else { return 0.0 };
        let timed = self.is_timed();
        let of = |(line, requests): (&Pace, &u64)| {
            let requests = float(*requests);
            let one = if timed && line.timed > 0 {
                line.seconds / float(line.timed)
            } else {
                line.timeout_s
            };
            let busy = (requests / f64::from(line.concurrency)).ceil() * one / 60.0;
            let rate = line.rate_per_minute.map_or(0.0, |rate| requests / rate);
            busy.max(rate)
        };
        self.lines.iter().zip(&sum.requests).map(of).fold(0.0, f64::max)
    }
}

/// An input picture, from the trusted side.
async fn input(setting: &Setting, path: Option<&RepoPath>) -> Result<Option<Bytes>, Halt> {
    let Some(path) = path else { return Ok(None) };
    let base = &setting.change.base;
    match base.fetch(path, MAX_INPUT_BYTES).await {
        Ok(Some(bytes)) => Ok(Some(bytes.into())),
        Ok(None) => Err(Halt::CouldNotRun(format!(
            "the input picture {path} does not exist at {}",
            base.label()
        ))),
        Err(error) => Err(Halt::CouldNotRun(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ledger of one pair that asks each of these providers so often.
    fn ledger(lines: Vec<Pace>, requests: &[u64]) -> Ledger {
        let none = Sum { requests: vec![0; requests.len()], ..Sum::default() };
        let one = Sum { requests: requests.to_vec(), ..Sum::default() };
        Ledger {
            stored: BySide::default(),
            seen: Seen::default(),
            price: BySide::default(),
            sums: vec![none, one],
            providers: lines.len(),
            lines,
        }
    }

    fn pace(seconds: f64, timed: u64, concurrency: u32, rate_per_minute: Option<f64>) -> Pace {
        Pace { seconds, timed, concurrency, rate_per_minute, timeout_s: 60.0 }
    }

    fn minutes(ledger: &Ledger, expected: f64) {
        let found = ledger.minutes(1);
        assert!((found - expected).abs() < 1e-9, "{found}, not {expected}");
    }

    #[test]
    fn time_is_that_of_the_slowest_provider_at_its_concurrency_and_rate() {
        // 90 requests of 4 s, ten at once: nine rounds.
        let fast = pace(40.0, 10, 10, None);
        minutes(&ledger(vec![fast.clone()], &[90]), 0.6);
        minutes(&ledger(vec![fast.clone()], &[91]), 40.0 / 60.0);
        // 90 requests at 30 a minute.
        minutes(&ledger(vec![pace(40.0, 10, 10, Some(30.0))], &[90]), 3.0);
        // Two providers work side by side.
        let slow = pace(120.0, 1, 1, None);
        minutes(&ledger(vec![fast, slow], &[90, 3]), 6.0);
    }

    #[test]
    fn a_machine_is_expected_to_cost_the_time_that_it_took() {
        let usd = |text: &str| text.parse::<Usd>().unwrap();
        let step = |gpu_hour| StepPrice {
            lines: vec![0],
            price: usd("$0.06"),
            worst: usd("$0.06"),
            gpu_hour,
        };
        let hour = Some(usd("$3.60"));
        // Ten took 40 s together: 4 s at a tenth of a cent a second.
        assert_eq!(step(hour).expected(&[pace(40.0, 10, 1, None)]), usd("$0.004"));
        assert_eq!(step(hour).expected(&[pace(0.0, 0, 1, None)]), usd("$0.06"));
        assert_eq!(step(hour).expected(&[pace(900.0, 1, 1, None)]), usd("$0.06"));
        assert_eq!(step(None).expected(&[pace(40.0, 10, 1, None)]), usd("$0.06"));
    }

    #[test]
    fn a_time_that_is_not_known_is_the_longest_that_may_be() {
        let unknown = pace(0.0, 0, 4, None);
        let asked = ledger(vec![unknown.clone(), pace(40.0, 10, 10, None)], &[8, 10]);
        assert!(!asked.is_timed() && asked.timed() == 0);
        minutes(&asked, 2.0);
        // Of a provider that need not be asked, no time is needed.
        let idle = ledger(vec![unknown, pace(40.0, 10, 10, None)], &[0, 10]);
        assert!(idle.is_timed());
        assert_eq!(idle.timed(), 10);
        minutes(&idle, 4.0 / 60.0);
        assert!(idle.minutes(0) < 1e-9 && idle.minutes(7) > 0.0);
    }
}
