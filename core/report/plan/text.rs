//! The plan as people read it.

use unicode_width::UnicodeWidthStr as _;

use super::super::terminal::cut;
use super::super::words;
use super::{Bill, Plan, PlannedStratum, PlannedSubject};
use crate::inert;

/// Columns of a line.
const WIDTH: usize = 80;
/// How many strata are shown one by one.
const MAX_STRATA: usize = 12;

/// The plan for a terminal, in lines of 80 columns; it ends in an empty line. Warnings are not in it: they are
/// drawn like a compiler's.
#[must_use]
pub fn plan_text(plan: &Plan) -> String {
    let mut out = String::new();
    for (index, subject) in plan.subjects.iter().enumerate() {
        let after = clean(&subject.candidate, 60);
        let models = match &subject.baseline {
            Some(before) => format!("{} -> {after}", clean(before, 60)),
            None => format!("{after} (new)"),
        };
        let heading = format!("presscheck plan   {}   {models}", clean(&subject.name, 40));
        out.push_str(&cut(&heading, WIDTH));
        out.push('\n');
        if index == 0 {
            out.push_str(&format!("{}\n\n{}", about(plan), strata(plan)));
        }
        out.push('\n');
        if plan.nothing.is_none() {
            out.push_str(&one(plan, subject));
            out.push('\n');
        }
    }
    if plan.subjects.is_empty() {
        out.push_str(&format!("presscheck plan\n{}\n\n", about(plan)));
    }
    if plan.subjects.len() > 1 && plan.nothing.is_none() {
        let all = "The budget and `--max-images` are for all models of the change together.";
        paragraph(&mut out, "", all);
        out.push('\n');
    }
    if let Some(nothing) = &plan.nothing {
        paragraph(&mut out, "", &clean(nothing, 500));
        out.push('\n');
    }
    for note in &plan.notes {
        paragraph(&mut out, "note", &clean(note, 500));
    }
    if !plan.notes.is_empty() {
        out.push('\n');
    }
    out
}

/// `policy presscheck.yaml at main@4f2c91a · 600 prompts in 6 strata · budget $25.00`
fn about(plan: &Plan) -> String {
    let policy = format!("policy {} at {}", clean(&plan.policy, 60), clean(&plan.policy_at, 60));
    let budget = format!(" · budget {}", words::money(plan.budget_usd));
    let prompts = match plan.prompts {
        0 => String::new(),
        n => format!(" · {}", words::count(n, "prompt", "prompts")),
    };
    // The table below counts the strata as well: this is said where there is room.
    let strata = match plan.strata.len() {
        0 | 1 => String::new(),
        n => format!(" in {n} strata"),
    };
    let whole = format!("{policy}{prompts}{strata}{budget}");
    if whole.width() <= WIDTH { whole } else { cut(&format!("{policy}{prompts}{budget}"), WIDTH) }
}

/// The draw, stratum by stratum.
fn strata(plan: &Plan) -> String {
    if plan.strata.is_empty() {
        return String::new();
    }
    let mut rows = vec![["stratum".to_owned(), "prompts".to_owned(), "pairs".to_owned()]];
    let row =
        |name: String, prompts, pairs| [name, words::thousands(prompts), words::thousands(pairs)];
    // What is not shown by itself is the smallest.
    let mut by_size: Vec<_> = plan.strata.iter().collect();
    by_size.sort_by_key(|stratum| std::cmp::Reverse(stratum.pairs));
    let (shown, rest) = match by_size.split_at_checked(MAX_STRATA) {
        Some((shown, rest)) if rest.len() > 1 => (shown, rest),
        _ => (by_size.as_slice(), &[][..]),
    };
    if plan.strata.len() > 1 {
        for stratum in plan.strata.iter().filter(|stratum| shown.contains(stratum)) {
            rows.push(row(clean(&stratum.name, 28), stratum.prompts, stratum.pairs));
        }
        if !rest.is_empty() {
            let sum = |of: fn(&PlannedStratum) -> u64| rest.iter().map(|it| of(it)).sum();
            let name = format!("{} more", rest.len());
            rows.push(row(name, sum(|it| it.prompts), sum(|it| it.pairs)));
        }
    }
    rows.push(row("all".to_owned(), plan.prompts, plan.pairs));
    let mut text = table(&rows);
    if plan.pairs < plan.population {
        let all = words::count(plan.population, "pair", "pairs");
        paragraph(
            &mut text,
            "",
            &format!("The prompt sets hold {all}; `sample.max` cuts the draw."),
        );
    }
    text
}

/// What would be bought for one model, and what that can see.
fn one(plan: &Plan, subject: &PlannedSubject) -> String {
    if !subject.judged {
        let mut text = String::new();
        let why = "This model is new, and no limit stands alone: nothing is bought of it, and its verdict is inconclusive. Add a limit such as `failure_rate: {max: 5%}`.";
        paragraph(&mut text, "", why);
        return text;
    }
    let row = |name: &str, bill: &Bill| {
        [
            name.to_owned(),
            words::thousands(rounded(bill.pairs)),
            words::thousands(rounded(bill.images)),
            words::money(bill.usd),
            bill.minutes.map_or_else(|| "unknown".to_owned(), time),
        ]
    };
    let head = ["", "pairs", "images", "dollars", "time"].map(str::to_owned);
    let mut text =
        table(&[head, row("expected", &subject.expected), row("at most", &subject.worst)]);
    text.push('\n');
    paragraph(&mut text, "stored", &stored(plan, subject));
    paragraph(&mut text, "expected", &expected(subject));
    if let Some(ends_by) = &subject.ends_by {
        let what = if ends_by == "budget" { "The budget" } else { "`--max-images`" };
        let pairs = words::thousands(rounded(subject.worst.pairs));
        let of = words::count(plan.pairs, "pair", "pairs");
        paragraph(&mut text, "at most", &format!("{what} ends the run after {pairs} of {of}."));
    }
    if let Some(sees) = sees(subject) {
        paragraph(&mut text, "sees", &sees);
    }
    let time = if subject.worst.images == 0.0 {
        return text;
    } else if subject.timed > 0 {
        let answers = words::count(subject.timed, "stored answer", "stored answers");
        format!("From the times of {answers}, as if both models were as fast.")
    } else {
        "No answer is stored yet, so the time is unknown: at most this long if every request took its provider's whole `timeout`.".to_owned()
    };
    paragraph(&mut text, "time", &time);
    text
}

fn stored(plan: &Plan, subject: &PlannedSubject) -> String {
    let of = |stored: u64| match stored {
        0 => "none".to_owned(),
        n if n >= plan.pairs => format!("all {}", words::thousands(n)),
        n => format!("{} of {}", words::thousands(n), words::thousands(plan.pairs)),
    };
    let candidate = subject.stored.candidate;
    let Some(baseline) = &subject.baseline else {
        return format!("{} of the candidate's answers.", capital(&of(candidate)));
    };
    let old = match (subject.stored.baseline, of(subject.stored.baseline)) {
        (0, _) => "None of the baseline's answers".to_owned(),
        (n, all) if n >= plan.pairs => format!("{} of the baseline's answers", capital(&all)),
        (_, some) => format!("{some} of the baseline's answers"),
    };
    let new = match candidate {
        0 => "none of the candidate's".to_owned(),
        _ => format!("{} of the candidate's", of(candidate)),
    };
    let seen = subject.baseline_seen;
    let fails = if seen.answers == 0 {
        String::new()
    } else {
        let rate = crate::units::Rate::of(seen.failures, seen.answers).map_or(0.0, |it| it.share());
        format!(
            " {} fails {} of {} ({}).",
            clean(baseline, 40),
            words::thousands(seen.failures),
            words::thousands(seen.answers),
            words::percent(rate)
        )
    };
    format!("{old}, {new}.{fails}")
}

/// What is played, and how it ends.
fn expected(subject: &PlannedSubject) -> String {
    if subject.expected.pairs == 0.0 && subject.worst.pairs > 0.0 {
        return "The models before it are expected to take all that may be bought.".to_owned();
    }
    let rate = if subject.rate_known {
        "at the baseline's own failure rate".to_owned()
    } else {
        format!("if {} of pictures fail (assumed: too little is stored)", short(subject.rate))
    };
    let undecided = if subject.inconclusive > 0.0 {
        format!(", and stays undecided in {}", whole(subject.inconclusive))
    } else {
        String::new()
    };
    let and = if undecided.is_empty() { " and" } else { "," };
    format!(
        "For a change that alters nothing, {rate}. It passes in {} of runs{and} is blocked in {}{undecided}.",
        whole(subject.pass),
        whole(subject.fail),
    )
}

fn sees(subject: &PlannedSubject) -> Option<String> {
    let limit = subject.max_increase?;
    let limit = format!("the limit is +{} pts", trimmed(limit * 100.0));
    Some(match subject.smallest_rise {
        Some(rise) => format!(
            "A rise of the failure rate by {:.1} points is blocked in 4 runs of 5, a smaller one less often; {limit}.",
            rise * 100.0
        ),
        None => format!("No rise of the failure rate is blocked in 4 runs of 5; {limit}."),
    })
}

/// `18 s`, `12 min`, `1 h 20 min`.
fn time(minutes: f64) -> String {
    let seconds = (minutes * 60.0).max(0.0);
    if seconds < 90.0 {
        return format!("{} s", words::thousands(rounded(seconds)));
    }
    let minutes = rounded(minutes);
    match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{} h", words::thousands(hours)),
        (hours, minutes) => format!("{} h {minutes} min", words::thousands(hours)),
    }
}

/// Rounded up to a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative; a cast saturates"
)]
fn rounded(number: f64) -> u64 {
    (number - 1e-9).max(0.0).ceil() as u64
}

/// `99.8%`, `100%`, `0%`, `under 0.1%`.
pub(super) fn share(share: f64) -> String {
    if share > 0.0 && share < 0.0005 {
        return "under 0.1%".to_owned();
    }
    format!("{}%", trimmed((share * 1000.0).round() / 10.0))
}

/// `97%`, `under 1%`: a forecast of some hundred repetitions is no finer.
fn whole(share: f64) -> String {
    if share > 0.0 && share < 0.005 {
        "under 1%".to_owned()
    } else if share < 1.0 && share > 0.995 {
        "over 99%".to_owned()
    } else {
        format!("{:.0}%", share * 100.0)
    }
}

pub(super) fn short(share: f64) -> String {
    format!("{}%", trimmed(share * 100.0))
}

pub(super) fn trimmed(number: f64) -> String {
    let text = format!("{number:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// Text from outside on one line.
fn clean(text: &str, max: usize) -> String {
    inert::one_line(text.trim(), max)
}

/// Rows whose first cell is aligned to the left and the others to the right, two columns in.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widest = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0)
    };
    let mut text = String::new();
    for row in rows {
        let mut line = "  ".to_owned();
        for (column, cell) in row.iter().enumerate() {
            let space = " ".repeat(widest(column).saturating_sub(cell.width()));
            if column == 0 {
                line.push_str(&format!("{cell}{space}"));
            } else {
                line.push_str(&format!("   {space}{cell}"));
            }
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Text in lines of 80 columns, after a label where there is one.
pub(super) fn paragraph(out: &mut String, label: &str, text: &str) {
    let indent = if label.is_empty() { 2 } else { 12 };
    let mut line = if label.is_empty() { "  ".to_owned() } else { format!("  {label:<10}") };
    let mut empty = true;
    for word in text.split(' ') {
        if !empty && line.width() + 1 + word.width() > WIDTH {
            out.push_str(line.trim_end());
            out.push('\n');
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    out.push_str(line.trim_end());
    out.push('\n');
}
