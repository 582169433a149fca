//! The draw, cell by cell: all models of a cell are asked side by side, so that they meet the same load, and judged in the
//! drawn order.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use presscheck_core::compare::{Ended, Flight, Row};
use presscheck_core::gate::BySide;
use presscheck_core::policy::{ModelStep, Subject};
use presscheck_core::prompts::Cell;
use presscheck_core::report::SampleLine;
use presscheck_core::units::Usd;
use tokio::sync::{Semaphore, watch};

use super::{CompareSetting, Contest, Standing, Watch, count};
use crate::run::Halt;
use crate::run::cell::{Context, Judged, Samples};
use crate::run::flights::Flights;
use crate::run::judge::Gallery;
use crate::run::opening::hands;
use crate::run::order::in_order;
use crate::run::pool::Pool;
use crate::run::sample::Shop;
use crate::run::subject::{LONGEST_REST, always_rejected};

/// How many samples without any answer, with none answered before, mean that a model can't be reached.
const NEVER_ANSWERED: u64 = 20;

/// The models at the start.
pub(super) struct Field {
    contexts: Vec<Arc<Context>>,
    /// How many cells are under way at once.
    window: usize,
}

/// How the race ended.
pub(super) struct Finish {
    pub(super) rows: Vec<Row>,
    pub(super) samples: Vec<SampleLine>,
    /// In the models' order.
    pub(super) models: Vec<ModelFinish>,
    pub(super) ended: Ended,
}

/// How it ended for one model.
#[derive(Default)]
pub(super) struct ModelFinish {
    pub(super) dropped: Option<String>,
    pub(super) from_store: u64,
}

/// A model's part of a cell.
enum End {
    Sample(Box<Samples>),
    /// It dropped out before.
    Absent,
    Halt(Halt),
}

impl Field {
    /// Every model with what its samples share.
    ///
    /// # Errors
    /// Where the system grants no thread.
    pub(super) fn enter(
        setting: &CompareSetting,
        contest: &Contest,
        shop: &Arc<Shop>,
    ) -> Result<Self, Halt> {
        let policy = &contest.policy;
        let cores = std::thread::available_parallelism().map_or(2, Into::into);
        let pool = Arc::new(Pool::new(cores).map_err(Halt::CouldNotRun)?);
        let began_ms = (setting.clock)();
        let mut window = usize::try_from(policy.sample.batch).unwrap_or(1);
        let contexts = contest.models.iter().map(|model| {
            let providers = model.steps.iter();
            let concurrency = providers
                .filter_map(|step| policy.providers.get(&step.provider.value))
                .map(|provider| usize::try_from(provider.concurrency).unwrap_or(1))
                .max()
                .unwrap_or(1);
            window = window.max(concurrency);
            Arc::new(Context {
                shop: Arc::clone(shop),
                judge: Arc::clone(&contest.judge),
                subject: Subject {
                    name: model.name.clone(),
                    baseline: None,
                    candidate: model.clone(),
                },
                // An outage counts in the run that saw it, and is asked for again by the next.
                run: format!("compare#{began_ms}"),
                max_age: policy.baseline_max_age,
                began_ms,
                known: OnceLock::new(),
                base: contest.tree.clone(),
                out: setting.out.clone(),
                pool: Arc::clone(&pool),
                hands: Semaphore::new(hands(concurrency, cores)),
                burst: None,
                cases: Arc::clone(&contest.cases),
                baseline_gone: AtomicBool::new(false),
                closing: watch::Sender::new(false),
                flights: Flights::default(),
                played: None,
            })
        });
        let contexts = contexts.collect();
        let window = window.min(payable(setting, contest) / 4).max(1);
        Ok(Self { contexts, window })
    }

    /// When the samples of each model were under way.
    pub(super) fn flights(&self) -> Vec<Vec<Flight>> {
        self.contexts.iter().map(|context| context.flights.all()).collect()
    }

    /// Asks every model that is still there for a cell.
    async fn ask(contexts: Vec<Arc<Context>>, cell: Cell) -> Vec<End> {
        let one = |context: Arc<Context>| async move {
            if *context.closing.borrow() {
                return End::Absent;
            }
            match tokio::spawn(async move { context.cell((0, cell), None).await }).await {
                Ok(Ok(samples)) => End::Sample(Box::new(samples)),
                Ok(Err(halt)) => End::Halt(halt),
                Err(error) => End::Halt(Halt::CouldNotRun(format!("a task failed: {error}"))),
            }
        };
        join_all(contexts.into_iter().map(one)).await
    }

    fn close(&self) {
        for context in &self.contexts {
            context.closing.send_replace(true);
        }
    }
}

/// How many cells can be paid for at list prices, all models. Where that is little, few are under way at once: what the end
/// of the budget cuts short is paid for and compared with nothing.
fn payable(setting: &CompareSetting, contest: &Contest) -> usize {
    let policy = &contest.policy;
    let steps = || contest.models.iter().flat_map(|model| &model.steps);
    let price = |step: &ModelStep| {
        let provider = policy.providers.get(&step.provider.value)?;
        provider.price_of(&step.model.value, &step.params)
    };
    let cell: Usd = steps().filter_map(price).sum();
    let budget = setting.budget.map_or(policy.budget, |cap| cap.min(policy.budget));
    let by_money = budget.as_decimal().checked_div(cell.as_decimal());
    let by_money = by_money.and_then(|cells| usize::try_from(cells.trunc()).ok());
    let images = usize::try_from(setting.max_images.unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    by_money.unwrap_or(usize::MAX).min(images / steps().count().max(1))
}

/// What is known of a model while it runs.
struct Runner {
    context: Arc<Context>,
    gallery: Gallery,
    rejected: BySide<Option<u32>>,
    /// Samples without an answer, none answered before; nothing once one was.
    silent: Option<u64>,
    standing: Standing,
    finish: ModelFinish,
}

impl Runner {
    fn is_racing(&self) -> bool {
        self.finish.dropped.is_none()
    }

    /// Takes it out of the race.
    fn drop_out(&mut self, why: String, watch: &dyn Watch) {
        if self.is_racing() {
            self.context.closing.send_replace(true);
            watch.dropped(&self.context.subject.name, &why);
            self.standing.dropped = true;
            self.finish.dropped = Some(why);
        }
    }

    /// Counts a judged sample; says where it shows that the model can't run.
    fn count(&mut self, judged: &Judged) -> Option<String> {
        let sample = &judged.pair.candidate;
        self.finish.from_store += u64::from(judged.stored.candidate);
        if sample.answered() {
            self.standing.of += 1;
            self.standing.failed += u64::from(sample.failure);
        }
        self.silent = self.silent.filter(|_| !sample.answered()).map(|silent| silent + 1);
        if let Err(halt) = always_rejected(judged, &mut self.rejected, &self.context.subject) {
            return why_gone(&halt);
        }
        (self.silent == Some(NEVER_ANSWERED)).then(|| {
            let words = judged.lines.first().and_then(|line| line.error.as_deref());
            let words = words.map_or_else(String::new, |words| {
                format!(": “{}”", presscheck_core::inert::one_line(words, 200))
            });
            format!("none of its first {NEVER_ANSWERED} requests got an answer{words}")
        })
    }
}

/// Why a model can't go on, where a halt is about it alone.
fn why_gone(halt: &Halt) -> Option<String> {
    match halt {
        Halt::Fatal { kind, step, provider, model, words, .. } => {
            let what = crate::run::fatal(*kind, provider, model, words, "").0;
            Some(crate::run::Step::before(*step, &what))
        }
        _ => None,
    }
}

/// Runs the race.
pub(super) async fn run(
    contest: &Contest,
    shop: &Shop,
    field: &Field,
    watch: &dyn Watch,
) -> Result<Finish, Halt> {
    let cells = contest.draw.cells.clone();
    let drawn = cells.clone();
    let mut stream =
        Box::pin(in_order(cells, field.window, |cell| Field::ask(field.contexts.clone(), cell)));
    let mut runners: Vec<_> = field
        .contexts
        .iter()
        .map(|context| Runner {
            context: Arc::clone(context),
            gallery: Gallery::default(),
            rejected: BySide { baseline: Some(0), candidate: Some(0) },
            silent: Some(0),
            standing: Standing::default(),
            finish: ModelFinish::default(),
        })
        .collect();
    let (mut rows, mut samples) = (Vec::new(), Vec::new());
    let whole = drawn.len() < contest.draw.population;
    let mut ended = if whole { Ended::Max } else { Ended::Exhausted };
    let mut failure = None;
    let mut places = drawn.iter();
    while let Some(ends) = stream.next().await {
        let Some(cell) = places.next() else { break };
        match judge(contest, *cell, ends, &mut runners, watch) {
            Ok(Some((row, lines))) => {
                rows.push(row);
                samples.extend(lines);
                let standings: Vec<_> = runners.iter().map(|runner| runner.standing).collect();
                watch.cell(count(rows.len()), &standings, shop.budget.spent());
            }
            Ok(None) => {}
            Err(Halt::Budget) => {
                ended = Ended::Budget;
                break;
            }
            Err(Halt::MaxImages) => {
                ended = Ended::MaxImages;
                break;
            }
            Err(halt) => {
                failure = Some(halt);
                break;
            }
        }
        if runners.iter().filter(|runner| runner.is_racing()).count() < 2 {
            ended = Ended::Dropped;
            break;
        }
    }
    // Nothing more is sent, and what is on its way is seen to its end: it is paid for, so it is kept.
    field.close();
    let rest = async {
        let mut failure = None;
        while let Some(ends) = stream.next().await {
            for (end, runner) in ends.into_iter().zip(&mut runners) {
                match end {
                    End::Halt(halt @ Halt::Store(_)) => failure = failure.or(Some(halt)),
                    End::Halt(halt) => {
                        if let Some(why) = why_gone(&halt) {
                            runner.drop_out(why, watch);
                        }
                    }
                    End::Sample(_) | End::Absent => {}
                }
            }
        }
        failure
    };
    let late = tokio::time::timeout(LONGEST_REST, rest).await.ok().flatten();
    watch.end();
    if let Some(halt) = failure.or(late) {
        return Err(halt);
    }
    let models = runners.into_iter().map(|runner| runner.finish).collect();
    Ok(Finish { rows, samples, models, ended })
}

/// Judges one cell, in the drawn order. Nothing where no model has a sample of it.
fn judge(
    contest: &Contest,
    cell: Cell,
    ends: Vec<End>,
    runners: &mut [Runner],
    watch: &dyn Watch,
) -> Result<Option<(Row, Vec<SampleLine>)>, Halt> {
    let case = contest
        .cases
        .get(cell.case)
        .ok_or_else(|| Halt::CouldNotRun("the draw names a case that is not there".to_owned()))?;
    // Who drops out here keeps nobody else from being judged; what ends the race ends it before the cell counts.
    let mut over = None;
    let mut taken = Vec::with_capacity(ends.len());
    for (end, runner) in ends.into_iter().zip(runners.iter_mut()) {
        taken.push(match end {
            _ if !runner.is_racing() => None,
            End::Sample(samples) => Some(samples),
            // The halt that closed it stands further on in the drawn order.
            End::Absent | End::Halt(Halt::Stopped) => None,
            End::Halt(halt) => {
                match why_gone(&halt) {
                    Some(why) => runner.drop_out(why, watch),
                    None => over = over.or(Some(halt)),
                }
                None
            }
        });
    }
    if let Some(halt) = over {
        return Err(halt);
    }
    let mut row = Row {
        case: case.id.clone(),
        repeat: cell.repeat,
        tags: case.tags.clone(),
        samples: Vec::with_capacity(taken.len()),
    };
    let mut lines = Vec::new();
    for (samples, runner) in taken.into_iter().zip(runners) {
        let Some(samples) = samples else {
            row.samples.push(None);
            continue;
        };
        let judged = samples.settle(&runner.context, &mut runner.gallery)?;
        if let Some(why) = runner.count(&judged) {
            runner.drop_out(why, watch);
        }
        row.samples.push(Some(judged.pair.candidate));
        lines.extend(judged.lines);
    }
    let any = row.samples.iter().any(Option::is_some);
    Ok(any.then_some((row, lines)))
}
