//! The kernels against figures of independent libraries, enumeration and simulation.
//!
//! The figures are `core/tests/data/statistics_vectors.json`, or the file named by `PRESSCHECK_VECTORS`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::betting::{
    BoundedMean, DESIGN_PHI, Evidence, GRID, PairCounts, tuned_increase_fractions,
    tuned_rate_fractions,
};
use super::intervals::{
    clopper_pearson_lower, clopper_pearson_upper, float, quantile_ranks, tango_interval, tango_z,
    wilson_interval,
};
use super::suite::{Allowed, KnownBaseline, increase_fractions};
use super::terminal::{p_fail, p_pass};
use super::{Decision, compose};

/// The figures.
pub(super) fn document() -> Value {
    let text = match std::env::var("PRESSCHECK_VECTORS") {
        Ok(path) => std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("PRESSCHECK_VECTORS: `{path}` can't be read: {error}.")),
        Err(_) => include_str!("../tests/data/statistics_vectors.json").to_owned(),
    };
    serde_json::from_str(&text).expect("the vectors are JSON")
}

/// One row, with its name in every message.
struct Row<'a> {
    name: String,
    input: &'a Value,
    expect: &'a Value,
}

impl Row<'_> {
    fn float(&self, key: &str) -> f64 {
        self.input[key].as_f64().unwrap_or_else(|| panic!("{}: no number `{key}`", self.name))
    }

    fn whole(&self, key: &str) -> u64 {
        self.input[key].as_u64().unwrap_or_else(|| panic!("{}: no count `{key}`", self.name))
    }

    fn floats(&self, key: &str) -> Vec<f64> {
        let array = self.input[key].as_array();
        array
            .unwrap_or_else(|| panic!("{}: no list `{key}`", self.name))
            .iter()
            .map(|value| value.as_f64().unwrap())
            .collect()
    }

    fn counts(&self) -> PairCounts {
        PairCounts { n: self.whole("n"), b: self.whole("b"), c: self.whole("c") }
    }

    /// Agrees within `tolerance`, relative where the figure is over 1.
    fn close(&self, key: &str, value: f64, tolerance: f64) {
        let expected =
            self.expect[key].as_f64().unwrap_or_else(|| panic!("{}: no figure `{key}`", self.name));
        let allowed = tolerance * expected.abs().max(1.0);
        assert!(
            (value - expected).abs() <= allowed,
            "{}: {key} is {value}, not {expected}",
            self.name
        );
    }

    fn word(&self, key: &str, value: &str) {
        assert_eq!(self.expect[key].as_str(), Some(value), "{}: {key}", self.name);
    }

    fn count(&self, key: &str, value: u64) {
        assert_eq!(self.expect[key].as_u64(), Some(value), "{}: {key}", self.name);
    }
}

const fn word(pass: bool, fail: bool) -> &'static str {
    if pass {
        "pass"
    } else if fail {
        "fail"
    } else {
        "continue"
    }
}

#[test]
fn every_row_agrees() {
    let document = document();
    let rows = document["rows"].as_array().expect("rows");
    assert!(rows.len() >= 60, "the file holds all its rows");
    let mut ids = BTreeSet::new();
    for row in rows {
        let kind = row["kind"].as_str().expect("a kind");
        assert!(ids.insert(row["id"].as_u64().expect("an id")), "an id of its own");
        let row = Row {
            name: format!("{kind} {}", row["id"]),
            input: &row["input"],
            expect: &row["expect"],
        };
        match kind {
            "clopper_pearson_one_sided" => clopper_pearson(&row),
            "wilson_one_sided" => wilson(&row),
            "tango_paired_score" => tango(&row),
            "tuned_fraction" => tuned_fraction(&row),
            "evalue_model_mode" => evalue_model(&row),
            "first_crossing_model_mode" => first_crossing(&row),
            "evalue_absolute" => evalue_absolute(&row),
            "suite_mode" => suite(&row),
            "suite_mode_exact_enumeration" => enumeration(&row),
            "p95_order_statistic_ci" => order_statistics(&row),
            "terminal_exact_p" => terminal(&row),
            "cost_ratio" => cost_ratio(&row),
            "latency_p95" => latency(&row),
            "compose" => composition(&row),
            other => panic!("vectors of an unknown kind: {other}"),
        }
    }
}

#[test]
fn the_defaults_agree() {
    let document = document();
    let defaults = &document["defaults"];
    let grid: Vec<f64> = defaults["grid_fractions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| f.as_f64().unwrap())
        .collect();
    assert_eq!(grid, GRID);
    assert_eq!(defaults["phi_design"].as_f64(), Some(DESIGN_PHI));
    assert_eq!(defaults["f_cap"].as_f64(), Some(super::betting::MAX_FRACTION));
}

fn clopper_pearson(row: &Row<'_>) {
    let (k, n, alpha) = (row.whole("k"), row.whole("n"), row.float("alpha_one_sided"));
    row.close("lower", clopper_pearson_lower(k, n, alpha), 1e-10);
    row.close("upper", clopper_pearson_upper(k, n, alpha), 1e-10);
}

fn wilson(row: &Row<'_>) {
    let [lower, upper] =
        wilson_interval(row.whole("k"), row.whole("n"), row.float("alpha_one_sided"));
    row.close("lower", lower, 1e-9);
    row.close("upper", upper, 1e-9);
}

fn tango(row: &Row<'_>) {
    let PairCounts { n, b, c } = row.counts();
    row.close("z", tango_z(n, b, c, row.float("delta0")), 1e-12);
    let [lower, upper] = tango_interval(n, b, c, 0.05);
    row.close("lower95_one_sided", lower, 1e-7);
    row.close("upper95_one_sided", upper, 1e-7);
}

fn tuned_fraction(row: &Row<'_>) {
    let (pass, fail) = tuned_increase_fractions(
        row.float("q"),
        row.float("phi_design"),
        row.float("limit"),
        row.float("tolerate"),
    );
    row.close("f_pass", pass, 1e-9);
    row.close("f_fail", fail, 1e-9);
}

fn evalue_model(row: &Row<'_>) {
    let (limit, tolerate) = (row.float("limit"), row.float("tolerate"));
    let counts = row.counts();
    let (q, phi) = (row.float("q_design"), row.float("phi_design"));
    let evidence =
        Evidence::increase(limit, tolerate, tuned_increase_fractions(q, phi, limit, tolerate));
    let (pass, fail) = evidence.ln_capitals(counts);
    row.close("ln_e_pass", pass, 1e-9);
    row.close("ln_e_fail", fail, 1e-9);
    let strict = Evidence::increase(limit, limit, tuned_increase_fractions(q, phi, limit, limit));
    row.close("ln_e_fail_strict", strict.fail.ln_capital(counts), 1e-9);
    for (key, threshold) in
        [("decision_threshold_20", 20.0_f64), ("decision_threshold_40_default", 40.0)]
    {
        let ln = threshold.ln();
        let over = counts.rise() > limit;
        row.word(
            key,
            word(evidence.pass.reaches(counts, ln), over && evidence.fail.reaches(counts, ln)),
        );
        assert_eq!(evidence.pass.reaches(counts, ln), pass >= ln, "{}", row.name);
        assert_eq!(evidence.fail.reaches(counts, ln), fail >= ln, "{}", row.name);
    }
}

fn first_crossing(row: &Row<'_>) {
    let limit = row.float("limit");
    let tuned = tuned_increase_fractions(row.float("q_design"), DESIGN_PHI, limit, 0.0);
    let evidence = Evidence::increase(limit, 0.0, tuned);
    let ln = row.float("threshold").ln();
    let first = |bets: &super::betting::Bets, fails: bool| {
        let mut counts = PairCounts::default();
        loop {
            counts.add(false, fails);
            if bets.reaches(counts, ln) {
                return counts.n;
            }
            assert!(counts.n < 100_000, "{}: never crosses", row.name);
        }
    };
    match row.input["stream"].as_str() {
        Some("no discordant pair") => row.count("n_pass", first(&evidence.pass, false)),
        Some("every pair cand-only failure") => row.count("n_fail", first(&evidence.fail, true)),
        other => panic!("{}: an unknown stream: {other:?}", row.name),
    }
}

fn evalue_absolute(row: &Row<'_>) {
    let limit = row.float("limit");
    let counts = PairCounts::of_one(row.whole("n"), row.whole("k"));
    let tuned = tuned_rate_fractions(limit);
    assert!((tuned.0 - row.float("f_pass")).abs() < 1e-12, "{}", row.name);
    assert!((tuned.1 - row.float("f_fail")).abs() < 1e-12, "{}", row.name);
    let evidence = Evidence::rate(limit);
    let (pass, fail) = evidence.ln_capitals(counts);
    row.close("ln_e_pass", pass, 1e-9);
    row.close("ln_e_fail", fail, 1e-9);
    for (key, threshold) in
        [("decision_threshold_20", 20.0_f64), ("decision_threshold_40_default", 40.0)]
    {
        row.word(key, word(pass >= threshold.ln(), fail >= threshold.ln()));
    }
}

fn suite(row: &Row<'_>) {
    let (cells, limit) = (row.whole("N"), row.float("limit"));
    let places = |key: &str| -> BTreeSet<u64> {
        row.input[key].as_array().unwrap().iter().map(|place| place.as_u64().unwrap()).collect()
    };
    let baseline = places("baseline_fail_positions_0based");
    let candidate = places("candidate_fail_positions_0based");
    let tuned = increase_fractions(row.float("q_design"), row.float("phi_design"), limit);
    for ((pass, fail), (expected_pass, expected_fail)) in
        tuned.iter().zip(row.floats("f_pass").into_iter().zip(row.floats("f_fail")))
    {
        assert!((pass - expected_pass).abs() < 1e-9, "{}", row.name);
        assert!((fail - expected_fail).abs() < 1e-9, "{}", row.name);
    }
    let mut evidence =
        KnownBaseline::increase(cells, u64::try_from(baseline.len()).unwrap(), limit);
    for step in 0..cells {
        evidence.add(baseline.contains(&step), candidate.contains(&step));
        let (pass, fail) = evidence.capitals();
        if step + 1 == 10 && !row.expect["e_pass_at_10"].is_null() {
            row.close("e_pass_at_10", pass, 1e-9);
        }
        if step + 1 == 5 && !row.expect["e_fail_at_5"].is_null() {
            row.close("e_fail_at_5", fail, 1e-9);
        }
        let passed = evidence.must_pass() || pass >= 1.0 / row.float("alpha");
        let failed = evidence.must_fail() || fail >= 1.0 / row.float("beta");
        if passed || failed {
            row.word("verdict", word(passed, failed));
            row.count("stop_at", step + 1);
            row.close("e_pass_at_stop", pass, 1e-9);
            row.close("e_fail_at_stop", fail, 1e-9);
            return;
        }
    }
    panic!("{}: not decided at the end", row.name);
}

/// Every order of the cells is played, each as likely as any other.
fn enumeration(row: &Row<'_>) {
    let cells = row.whole("N");
    let (base, cand, both) =
        (row.whole("base_only"), row.whole("cand_only"), row.whole("both_fail"));
    let boundary = i64::try_from(cand).unwrap() - i64::try_from(base).unwrap();
    let q = (float(base + both) + 0.5) / (float(cells) + 1.0);
    let tuned = increase_fractions(q, DESIGN_PHI, 0.02);
    let start =
        KnownBaseline::with_fractions(cells, base + both, Allowed::exactly(boundary), &tuned);
    let mut sums = Sums::default();
    let left = [base, cand, both, cells - base - cand - both];
    enumerate(&start, left, row.float("threshold"), 1.0, [None, None], &mut sums);
    row.close("p_cross_pass", sums.crossed[0], 1e-9);
    row.close("p_cross_fail", sums.crossed[1], 1e-9);
    row.close("e_stopped_pass", sums.stopped[0], 1e-9);
    row.close("e_stopped_fail", sums.stopped[1], 1e-9);
    assert!((sums.stopped[0] - 1.0).abs() < 1e-9 && (sums.stopped[1] - 1.0).abs() < 1e-9);
    let bound = row.expect["bound"].as_f64().unwrap();
    assert!(sums.crossed.iter().all(|share| *share <= bound));
}

#[derive(Default)]
struct Sums {
    crossed: [f64; 2],
    stopped: [f64; 2],
}

/// Adds up what each side's capital is where it first crosses, or at the end.
fn enumerate(
    state: &KnownBaseline,
    left: [u64; 4],
    threshold: f64,
    chance: f64,
    stopped: [Option<f64>; 2],
    sums: &mut Sums,
) {
    let total: u64 = left.iter().sum();
    if total == 0 {
        let (pass, fail) = state.capitals();
        for (side, now) in [pass, fail].into_iter().enumerate() {
            sums.stopped[side] += chance * stopped[side].unwrap_or(now);
            if stopped[side].is_some() {
                sums.crossed[side] += chance;
            }
        }
        return;
    }
    for (kind, fails) in
        [(true, false), (false, true), (true, true), (false, false)].into_iter().enumerate()
    {
        if left[kind] == 0 {
            continue;
        }
        let mut next = state.clone();
        next.add(fails.0, fails.1);
        let (pass, fail) = next.capitals();
        let mut stops = stopped;
        for (stop, now) in stops.iter_mut().zip([pass, fail]) {
            if stop.is_none() && now >= threshold {
                *stop = Some(now);
            }
        }
        let mut fewer = left;
        fewer[kind] -= 1;
        let chance = chance * float(left[kind]) / float(total);
        enumerate(&next, fewer, threshold, chance, stops, sums);
    }
}

fn order_statistics(row: &Row<'_>) {
    let (lower, upper) =
        quantile_ranks(row.whole("n"), row.float("quantile"), row.float("one_sided_alpha"));
    row.count("lower_rank_1based", lower.unwrap());
    row.count("upper_rank_1based", upper.unwrap());
}

fn terminal(row: &Row<'_>) {
    assert_eq!(row.float("berger_boos_gamma").to_bits(), super::terminal::GAMMA.to_bits());
    assert_eq!(row.whole("nuisance_grid"), u64::from(super::terminal::GRID_POINTS));
    let delta = row.float("delta0");
    let p = match row.input["side"].as_str() {
        Some("pass") => p_pass(row.counts(), delta),
        Some("fail") => p_fail(row.counts(), delta),
        other => panic!("{}: an unknown side: {other:?}", row.name),
    };
    row.close("p", p, 1e-8);
}

fn cost_ratio(row: &Row<'_>) {
    let mut evidence = BoundedMean::new(row.float("ymin"), row.float("ymax"));
    let ratio = row.float("limit_ratio");
    let (candidate, baseline) = (row.floats("candidate_cents"), row.floats("baseline_cents"));
    for (candidate, baseline) in candidate.into_iter().zip(baseline) {
        evidence.add(candidate - ratio * baseline);
    }
    let (pass, fail) = evidence.ln_capitals();
    row.close("e_pass", pass.exp(), 1e-9);
    row.close("e_fail", fail.exp(), 1e-9);
}

fn latency(row: &Row<'_>) {
    let evidence = Evidence::exceedance(row.float("tail_limit"), row.float("tail_pass_null"));
    let counts = PairCounts::of_one(row.whole("n"), row.whole("over_limit"));
    let (pass, fail) = evidence.ln_capitals(counts);
    row.close("ln_e_pass", pass, 1e-9);
    row.close("ln_e_fail", fail, 1e-9);
}

fn composition(row: &Row<'_>) {
    let verdicts = row.input["rule_verdicts"].as_array().unwrap().iter().map(|word| {
        [Decision::Pass, Decision::Fail, Decision::Inconclusive]
            .into_iter()
            .find(|decision| Some(decision.word()) == word.as_str())
            .unwrap_or_else(|| panic!("{}: an unknown verdict", row.name))
    });
    row.word("verdict", compose(verdicts).word());
}
