//! Warnings of limits that this draw can't decide, beside what is wrong with the files themselves.

use presscheck_core::gate::advice::{self, Advice, ExpectedRate, Numbers, Prices, Situation};
use presscheck_core::policy::{self, ModelConfig, ModelStep, Problem, Source, Subject};
use presscheck_core::units::Usd;

use super::load::{Loaded, NOTHING_SENT};

/// What is wrong with the files themselves, whatever the numbers.
#[derive(Default)]
pub(super) struct Said {
    /// As it is shown on a terminal.
    pub(super) rendered: String,
    /// Each with the path of its file.
    pub(super) problems: Vec<(String, Problem)>,
    pub(super) policy_path: String,
    pub(super) policy_text: String,
}

impl Loaded {
    /// What the numbers can't do, at an expected failure rate. One warning is enough for a limit: what the
    /// policy's own reader has warned of is left out.
    pub(super) fn advice(&self, rate: ExpectedRate, prices: Option<Prices>) -> Vec<Advice> {
        if self.subjects.is_empty() {
            return Vec::new();
        }
        let mut advice = advice::advise(&Situation {
            policy: &self.policy,
            prompts: &Numbers::prompts(&self.cases),
            pairs: &Numbers::pairs(&self.cases, &self.draw.cells),
            has_baseline: self.subjects.iter().any(|subject| subject.baseline.is_some()),
            rate,
            prices,
        });
        let known = |one: &Advice| {
            let of_policy =
                self.said.problems.iter().filter(|(path, _)| *path == self.said.policy_path);
            one.limit.ends_with(".max_increase")
                && of_policy.into_iter().any(|(_, problem)| problem.span == one.span)
        };
        advice.retain(|one| !known(one));
        advice
    }

    /// The warnings about the files with this advice, for a terminal.
    pub(super) fn warned(&self, advice: &[Advice], colour: bool) -> String {
        let Said { rendered, policy_path, policy_text, .. } = &self.said;
        if advice.is_empty() {
            return rendered.clone();
        }
        let source = Source { path: policy_path, text: policy_text };
        let advice = advice::problems(advice);
        let advice = policy::render_all(&[(source, &advice)], NOTHING_SENT, colour);
        let between = if rendered.is_empty() { "" } else { "\n" };
        format!("{rendered}{between}{advice}")
    }

    /// What the whole draw costs at list prices, for all subjects that can be judged; nothing where a price is not known.
    pub(super) fn list_prices(&self, cap: Option<Usd>) -> Option<Prices> {
        let mut whole = Usd::ZERO;
        let mut stored = Usd::ZERO;
        let (mut samples, mut subjects) = (0_u32, 0_u32);
        for subject in self.subjects.iter().filter(|subject| self.can_judge(subject)) {
            let candidate = self.price(&subject.candidate)?;
            let baseline = subject.baseline.as_ref().map(|model| self.price(model));
            whole += candidate + baseline.unwrap_or(Some(Usd::ZERO))?;
            stored += candidate;
            subjects += 1;
            samples += 1 + u32::from(subject.baseline.is_some());
        }
        // What the checks ask about one picture of each pair.
        let cases = self.draw.cells.iter().filter_map(|cell| self.cases.get(cell.case));
        let asked: Usd = cases.map(|case| self.checks_price(&self.judge, case).0).sum();
        let asked = |times: u32| Usd::from_decimal(asked.as_decimal().saturating_mul(times.into()));
        let pairs = self.draw.cells.len();
        let times = |price: Usd| Usd::from_decimal(price.as_decimal().saturating_mul(pairs.into()));
        let budget = cap.map_or(self.policy.budget, |cap| cap.min(self.policy.budget));
        Some(Prices {
            budget,
            whole: times(whole) + asked(samples),
            stored: times(stored) + asked(subjects),
        })
    }

    /// Whether any limit can judge a subject: of a new model, only one that stands alone. Nothing is bought of
    /// what can't be judged.
    pub(super) fn can_judge(&self, subject: &Subject) -> bool {
        subject.baseline.is_some() || self.policy.limits.judges_alone()
    }

    /// What one sample of a model costs at list prices, all its steps.
    fn price(&self, model: &ModelConfig) -> Option<Usd> {
        let of = |step: &ModelStep| {
            let provider = self.policy.providers.get(&step.provider.value)?;
            provider.price_of(&step.model.value, &step.params)
        };
        model.steps.iter().map(of).sum()
    }
}
