//! Several models on one draw: loaded, asked side by side, judged in the drawn order, compared.

mod load;
mod race;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use presscheck_core::compare::{About, Comparison, Entrant};
use presscheck_core::gate::Observation;
use presscheck_core::policy::{ModelConfig, Policy};
use presscheck_core::prompts::{Case, Draw};
use presscheck_core::report::Compared;
use presscheck_core::units::Usd;

pub use load::load_contest;

use super::judge::Judge;
use super::sample::Shop;
use super::{Clock, Environment, Halt, Weights, asking, load as files, thumbnails};
use crate::revision::Snapshot;
use crate::store::Store;
use crate::transport::Budget;
use race::{Field, Finish};

/// What a comparison needs of the world.
pub struct CompareSetting {
    /// The folder to work in.
    pub at: PathBuf,
    /// A policy's file; else `presscheck.yaml` of the work tree.
    pub policy: Option<PathBuf>,
    /// A file of models; else the policy's own.
    pub models: Option<PathBuf>,
    /// Names in that file, and `provider:model`; all of the file's models where there is none.
    pub names: Vec<String>,
    /// The most cells of the draw, in place of the policy's.
    pub max: Option<u32>,
    /// Where the evidence goes.
    pub out: PathBuf,
    /// Where results are kept.
    pub store: Store,
    /// Looks a key up by its environment variable.
    pub environment: Box<Environment>,
    /// Finds the weights of the checks that need some.
    pub weights: Box<Weights>,
    /// Lowers the policy's budget.
    pub budget: Option<Usd>,
    /// The most images to buy.
    pub max_images: Option<u64>,
    /// Whether stored results count.
    pub resume: bool,
    /// The time.
    pub clock: Clock,
    /// Today, for models that are about to end.
    pub today: jiff::civil::Date,
    /// How to run it again, as a command line.
    pub again: String,
    /// Whether messages for a terminal may be in colour.
    pub colour: bool,
}

/// What is to be compared, ready to be bought.
pub struct Contest {
    policy: Policy,
    policy_path: String,
    tree: Snapshot,
    models: Vec<ModelConfig>,
    cases: Arc<Vec<Case>>,
    draw: Draw,
    judge: Arc<Judge>,
    notes: Vec<String>,
    warnings: String,
}

impl Contest {
    /// The names of the models, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(|model| model.name.as_str())
    }

    /// How many cells the draw has.
    #[must_use]
    pub fn planned(&self) -> u64 {
        count(self.draw.cells.len())
    }

    /// Warnings about the files, as they are shown on a terminal.
    #[must_use]
    pub fn warnings(&self) -> &str {
        &self.warnings
    }
}

/// How a model stands while the comparison is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Standing {
    /// Judged samples that failed.
    pub failed: u64,
    /// Of how many that were answered.
    pub of: u64,
    /// Whether it dropped out.
    pub dropped: bool,
}

/// Whoever listens to a comparison.
pub trait Watch: Send + Sync {
    /// A cell was judged: how many were, how each model stands, what was spent.
    fn cell(&self, cells: u64, standings: &[Standing], spent: Usd);

    /// A model dropped out, and why.
    fn dropped(&self, name: &str, why: &str);

    /// It is over.
    fn end(&self);
}

/// Nobody listens.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence;

impl Watch for Silence {
    fn cell(&self, _: u64, _: &[Standing], _: Usd) {}
    fn dropped(&self, _: &str, _: &str) {}
    fn end(&self) {}
}

/// Runs a comparison over what was loaded.
///
/// # Errors
/// Where it can't be run, or can't go on: a key that is missing, a store that fails, a check whose provider rejects it.
pub async fn compare(
    setting: &CompareSetting,
    contest: &Contest,
    watch: &dyn Watch,
) -> Result<Compared, Halt> {
    let policy = &contest.policy;
    let budget = setting.budget.map_or(policy.budget, |cap| cap.min(policy.budget));
    let shop = Arc::new(Shop {
        store: setting.store.clone(),
        suppliers: files::suppliers(policy, contest.models.iter(), &setting.environment)?,
        budget: Budget::new(budget),
        max_images: setting.max_images.unwrap_or(u64::MAX),
        bought: AtomicU64::new(0),
        damaged: AtomicU64::new(0),
        checks_spent: asking::Spent::default(),
        rejections: asking::Rejections::default(),
        programs: asking::programs(),
        told: asking::Told::default(),
        resume: setting.resume,
        clock: setting.clock,
    });
    let field = Field::enter(setting, contest, &shop)?;
    let Finish { rows, samples, models, ended } = race::run(contest, &shop, &field, watch).await?;
    let mut notes = contest.notes.clone();
    notes.extend(shop.damage());
    let entrants: Vec<_> = contest
        .models
        .iter()
        .zip(models)
        .zip(field.flights())
        .map(|((model, finish), flights)| Entrant {
            name: model.name.clone(),
            provider: model.provider().to_owned(),
            model: model.describe(),
            config: model.resolved(),
            dropped: finish.dropped,
            flights,
            from_store: finish.from_store,
        })
        .collect();
    let about = About {
        policy: contest.policy_path.clone(),
        seed: policy.sample.seed,
        planned: contest.planned(),
        population: count(contest.draw.population),
        ended,
        budget_usd: budget,
        spent_usd: shop.budget.spent(),
        checks_usd: shop.checks_spent.sum(),
        images_bought: shop.bought.load(Ordering::SeqCst),
        notes,
    };
    let comparison = presscheck_core::compare::compare(&entrants, &rows, about);
    let thumbnails = thumbnails::of(&setting.out, wanted(&comparison, &rows)).await;
    let gone: Vec<_> = comparison
        .models
        .iter()
        .filter(|model| model.dropped.is_some())
        .map(|model| model.name.as_str())
        .collect();
    let samples =
        samples.into_iter().filter(|line| !gone.contains(&line.subject.as_str())).collect();
    Ok(Compared {
        comparison,
        samples,
        thumbnails,
        again: setting.again.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// The pictures of prompts that a model fails: those on which the models differ first, the worst of them before.
fn wanted(comparison: &Comparison, rows: &[presscheck_core::compare::Row]) -> Vec<String> {
    let racing: Vec<bool> = comparison.models.iter().map(|it| it.dropped.is_none()).collect();
    let samples = |row: &presscheck_core::compare::Row| -> Vec<Observation> {
        let kept = row.samples.iter().zip(&racing).filter(|(_, racing)| **racing);
        kept.filter_map(|(sample, _)| sample.clone()).collect()
    };
    let mut failing: Vec<_> = rows
        .iter()
        .map(samples)
        .map(|samples| (samples.iter().filter(|sample| sample.failure).count(), samples))
        .filter(|(failing, _)| *failing > 0)
        .collect();
    failing
        .sort_by_key(|(failing, samples)| (*failing == samples.len(), std::cmp::Reverse(*failing)));
    failing.into_iter().flat_map(|(_, samples)| samples).filter_map(|sample| sample.image).collect()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A path as it is shown.
fn shown(path: &Path) -> String {
    presscheck_core::inert::one_line(&path.to_string_lossy(), 200)
}
