use rust_decimal::Decimal;

use super::*;
use crate::policy::{Source, Vocabulary, read_policy};
use crate::{checks, providers};

const POLICY: &str = "model: models.yaml
prompts: [a.txt]
providers:
  studio: {kind: http, url: \"https://images.example.com/\", price: $0.04}
";

fn policy(more: &str) -> Policy {
    let (checks, providers) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary =
        Vocabulary { checks: &checks, providers: &providers, terms: providers::catalogue::terms };
    let text = format!("{POLICY}{more}");
    let source = Source { path: "presscheck.yaml", text: &text };
    let reading = read_policy(source, &vocabulary);
    assert!(!reading.problems.has_errors(), "{}", reading.problems.render(source, false));
    reading.value.unwrap()
}

/// Prompts, of which so many have the tag `sign`, each drawn `repeats` times.
fn numbers(all: u64, sign: u64) -> Numbers {
    let by_tag = if sign == 0 { BTreeMap::new() } else { [("sign".to_owned(), sign)].into() };
    Numbers { all, by_tag }
}

struct Case {
    more: &'static str,
    prompts: u64,
    sign: u64,
    known: Option<f64>,
    has_baseline: bool,
}

impl Case {
    const fn new(more: &'static str, prompts: u64) -> Self {
        Self { more, prompts, sign: 0, known: None, has_baseline: true }
    }

    fn list(&self) -> Vec<Advice> {
        let policy = policy(self.more);
        let repeats = u64::from(policy.sample.repeats);
        let drawn = (self.prompts * repeats).min(u64::from(policy.sample.max));
        let sign = self.sign * drawn / self.prompts.max(1);
        let rate = self.known.map(|share| ExpectedRate { share, known: true });
        advise(&Situation {
            policy: &policy,
            prompts: &numbers(self.prompts, self.sign),
            pairs: &numbers(drawn, sign),
            has_baseline: self.has_baseline,
            rate: rate.unwrap_or_default(),
            prices: None,
        })
    }

    fn text(&self) -> String {
        let lines = self
            .list()
            .into_iter()
            .map(|it| format!("{} {}: {}\n    {}\n", it.span, it.limit, it.message, it.help));
        lines.collect()
    }
}

const MODEL: &str = "sample: {claim: model, max: 5000}\n";
const SUITE: &str = "limits: {failure_rate: {max_increase: 2pp}}\n";

#[test]
fn few_prompts_are_told_what_would_do() {
    let mut text = String::new();
    for (more, prompts) in [
        (SUITE, 40),
        (SUITE, 60),
        ("", 100),
        ("sample: {max: 60}\nlimits: {failure_rate: {max_increase: 2pp}}\n", 1000),
        ("limits: {failure_rate: {max_increase: 0pp}}\n", 300),
        ("sample: {claim: model}\nlimits: {failure_rate: {max_increase: 2pp}}\n", 100),
        (MODEL, 100),
        ("sample: {claim: model}\nlimits: {failure_rate: {max_increase: 0pp}}\n", 100),
        ("sample: {claim: model, repeats: 4}\nlimits: {failure_rate: {max_increase: 2pp}}\n", 100),
    ] {
        text += &format!("# {prompts} prompts; {}\n", more.trim().replace('\n', "; "));
        text += &Case::new(more, prompts).text();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn a_limit_that_does_its_work_is_left_alone() {
    for (more, prompts) in [
        (SUITE, 250),
        (
            "limits: {failure_rate: {max_increase: 2pp, max: 8%}, latency_p95: {max_increase: 25%, max: 15s}}\n",
            261,
        ),
        ("sample: {claim: model, max: 5000}\nlimits: {failure_rate: {max_increase: 2pp}}\n", 700),
        ("sample: {claim: model}\nlimits: {failure_rate: {max_increase: 5pp}}\n", 150),
    ] {
        assert_eq!(Case::new(more, prompts).text(), "", "{more}");
    }
    // Where there is nothing to compare with, a rise is not judged at all.
    let new = Case { has_baseline: false, ..Case::new(SUITE, 20) };
    assert_eq!(new.text(), "");
}

#[test]
fn a_noisy_baseline_is_told_so() {
    let noisy = Case { known: Some(0.12), ..Case::new(SUITE, 261) };
    insta::assert_snapshot!(noisy.text());
}

#[test]
fn a_tag_has_few_pairs() {
    let tag = |more, sign| Case { sign, ..Case::new(more, 300) }.text();
    let more = "limits: {by_tag: {sign: {failure_rate: {max_increase: 2pp}}}}\n";
    let long = "sample: {claim: model, max: 900, repeats: 3}\nlimits:\n  failure_rate: {max_increase: 5pp}\n  by_tag: {sign: {failure_rate: {max_increase: 2pp}}}\n";
    insta::assert_snapshot!([tag(more, 42), tag(more, 0), tag(long, 50)].join("\n"));
}

#[test]
fn a_maximum_near_what_is_to_be_expected_is_told_so() {
    let text = |more, prompts, known| Case { known, ..Case::new(more, prompts) }.text();
    let near = "limits: {failure_rate: {max: 3%}}\n";
    let model = "sample: {claim: model}\nlimits: {failure_rate: {max: 3%}}\n";
    let strict = "limits: {failure_rate: {max: 3%, strict: true}}\n";
    insta::assert_snapshot!(
        [
            text(near, 100, None),
            text(model, 100, None),
            text(near, 100, Some(0.12)),
            text(strict, 100, Some(0.12)),
        ]
        .join("\n")
    );
    assert_eq!(text("limits: {failure_rate: {max: 5%}}\n", 100, None), "");
    assert_eq!(text("limits: {failure_rate: {max: 1%}}\n", 100, None), "", "nothing is known");
    assert_eq!(text("sample: {max: 20000}\nlimits: {failure_rate: {max: 3%}}\n", 20_000, None), "");
}

#[test]
fn a_percentile_needs_its_pictures() {
    let more = "limits: {failure_rate: {max_increase: 25pp}, latency_p95: {max_increase: 25%, max: 15s}}\n";
    let text = |more, prompts| Case::new(more, prompts).text();
    let cut = "sample: {max: 50}\nlimits: {failure_rate: {max_increase: 25pp}, latency_p95: {max: 15s}}\n";
    insta::assert_snapshot!([text(more, 40), text(more, 1), text(cut, 500)].join("\n"));
    assert_eq!(text(more, 100), "");
}

#[test]
fn a_budget_that_ends_the_run_is_named() {
    let usd = |cents| Usd::from_decimal(Decimal::new(cents, 2));
    let text = |budget, whole, stored| {
        let prices = Prices { budget: usd(budget), whole: usd(whole), stored: usd(stored) };
        super::budget(&prices, 261).map(|it| format!("{}\n    {}", it.message, it.help))
    };
    assert_eq!(text(2500, 1592, 496), None);
    assert_eq!(text(1592, 1592, 496), None);
    let all = [text(500, 1592, 1000), text(500, 1592, 496), text(500, 1592, 1592), text(0, 1, 1)];
    insta::assert_snapshot!(all.map(Option::unwrap).join("\n"));
}

#[test]
fn numbers_count_prompts_and_pairs_by_tag() {
    let case = |tags: &[&str]| crate::prompts::Case {
        id: String::new(),
        prompt: String::new(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        expect: crate::prompts::Expected::default(),
        image: None,
        mask: None,
        locale: None,
    };
    let cases = [case(&["a", "b"]), case(&["b"])];
    let prompts = Numbers::prompts(&cases);
    assert_eq!((prompts.all, prompts.with(Some("b")), prompts.with(Some("c"))), (2, 2, 0));
    let cell = |case| Cell { case, repeat: 0, seed: crate::units::Seed(0) };
    let pairs = Numbers::pairs(&cases, &[cell(1), cell(1), cell(0), cell(9)]);
    assert_eq!((pairs.all, pairs.with(Some("a")), pairs.with(Some("b"))), (3, 1, 3));
}

#[test]
fn advice_is_a_warning_with_its_place() {
    let advice = Case::new(SUITE, 60).list();
    let problems = problems(&advice);
    assert!(!problems.has_errors() && !problems.is_empty());
    let text = format!("{POLICY}{SUITE}");
    let source = Source { path: "presscheck.yaml", text: &text };
    insta::assert_snapshot!(problems.render(source, false));
}
