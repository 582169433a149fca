//! Histories to look at.

use super::{History, ModelName, Occasion, RevisionAt, Share, SubjectRecord, Times, VerdictRecord};
use crate::gate::{BySide, Decision, How, Override, Stopped};
use crate::report::fixtures::{HOSTILE, unchanged, usd};
use crate::units::{CommitSha, Digest};

/// 2026-09-01, half past nine.
const START_MS: i64 = 1_788_255_000_000;
const DAY_MS: i64 = 86_400_000;

/// A model of a fixture: its id, what it fails of 212, its price, its median.
#[derive(Clone, Copy)]
struct Model(&'static str, u64, &'static str, f64);

const PRO: Model = Model("gemini-3-pro-image", 4, "134.00", 8.4);
const FLASH: Model = Model("gemini-3.1-flash-image", 5, "67.00", 4.1);
const TURBO: Model = Model("sd3.5-large-turbo", 13, "40.00", 2.1);
const CORE: Model = Model("stable-image-core", 31, "30.00", 3.3);

fn commit(name: &str) -> CommitSha {
    Digest::of(name.as_bytes()).to_string()[..40].parse().unwrap()
}

fn subject(
    name: &str,
    sides: (Option<Model>, Model),
    verdict: Decision,
    pairs: u64,
) -> SubjectRecord {
    let model = |it: Model| ModelName { provider: "studio".to_owned(), model: it.0.to_owned() };
    let share = |it: Model| Share { failed: it.1 * pairs / 212, of: pairs };
    let times = |it: Model| Times { p50_s: it.3, p95_s: it.3 * 1.3 };
    let (before, after) = sides;
    SubjectRecord {
        name: name.to_owned(),
        verdict,
        proven: verdict != Decision::Inconclusive,
        stopped: if verdict == Decision::Inconclusive { Stopped::Budget } else { Stopped::Decided },
        baseline: before.map(model),
        candidate: model(after),
        pairs,
        failures: BySide { baseline: before.map(share), candidate: Some(share(after)) },
        cost_per_1k_usd: BySide {
            baseline: before.map(|it| usd(it.2)),
            candidate: Some(usd(after.2)),
        },
        latency: BySide { baseline: before.map(times), candidate: Some(times(after)) },
    }
}

/// The verdict on a pull request, so many days after the first.
fn record(day: i64, number: u64, subjects: Vec<SubjectRecord>) -> VerdictRecord {
    let verdict = unchanged().verdict;
    let (base, head) = (commit(&format!("main on {day}")), commit(&format!("change {number}")));
    let mut record = VerdictRecord::of(
        &verdict,
        Occasion {
            at_ms: START_MS + day * DAY_MS,
            repository: Some("octo-org/shop".to_owned()),
            number: Some(number),
            name: "presscheck".to_owned(),
            base: RevisionAt { label: format!("main@{}", base.short()), commit: Some(base) },
            head: RevisionAt { label: head.short().to_owned(), commit: Some(head) },
            // Of some, the evidence was not kept.
            evidence: number.is_multiple_of(2).then(|| Digest::of(&number.to_be_bytes())),
        },
    );
    record.verdict = subjects.iter().map(|it| it.verdict).max().unwrap_or(Decision::Fail);
    record.blocking = record.verdict != Decision::Pass;
    record.reason = "The failure rate rises.".to_owned();
    record.spent_usd = usd("8.48");
    record.subjects = subjects;
    record
}

fn accept(record: &mut VerdictRecord, by: &str, how: How, reason: &str) {
    let head = record.head.commit.clone().unwrap();
    record.overridden = Some(Override::new(by, how, reason, "2026-10-02T10:00:00Z", head));
    record.blocking = false;
}

fn history(records: Vec<VerdictRecord>) -> History {
    History {
        place: ".presscheck/store".to_owned(),
        since: None,
        subject: None,
        last: None,
        kept: records.len() as u64,
        records,
        damaged: 0,
        version: "0.1.0".to_owned(),
    }
}

/// A model's way from a dear one to a cheap one, with what was refused and what was accepted on it.
pub(crate) fn year() -> History {
    use Decision::{Fail, Inconclusive, Pass};
    let hero = |before, after, verdict, pairs| subject("hero", (before, after), verdict, pairs);
    let tuned = Model("gemini-3-pro-image", 3, "134.00", 8.1);
    let mut records = vec![
        record(0, 3, vec![hero(None, PRO, Pass, 212)]),
        record(2, 5, vec![hero(Some(PRO), tuned, Pass, 212)]),
        record(2, 6, vec![hero(Some(PRO), CORE, Fail, 124)]),
        record(9, 8, vec![hero(Some(PRO), FLASH, Pass, 212)]),
        record(14, 9, vec![subject("thumbs", (None, TURBO), Pass, 48)]),
        record(15, 11, vec![hero(Some(FLASH), CORE, Fail, 160)]),
        record(23, 12, vec![hero(Some(FLASH), PRO, Inconclusive, 40)]),
        record(31, 14, vec![hero(Some(FLASH), TURBO, Fail, 212)]),
        record(31, 14, vec![hero(Some(FLASH), TURBO, Fail, 212)]),
        record(40, 15, vec![]),
        record(44, 17, vec![hero(Some(TURBO), FLASH, Pass, 212)]),
        record(
            52,
            21,
            vec![
                hero(Some(FLASH), PRO, Pass, 212),
                subject("thumbs", (Some(TURBO), CORE), Fail, 160),
            ],
        ),
    ];
    records[8].at_ms += 3_600_000;
    accept(&mut records[8], "ada", How::Comment, "The new look is on purpose.");
    records[9].reason =
        "Models are frozen until 2026-10-20: model mix frozen while we measure.".to_owned();
    history(records)
}

/// Nothing yet.
pub(crate) fn nothing() -> History {
    history(Vec::new())
}

/// Two gates of two repositories, one of them on somebody's machine; with records that can't be read, and a lean.
pub(crate) fn mixed() -> History {
    let mut records = vec![
        record(1, 4, vec![subject("hero", (Some(PRO), TURBO), Decision::Fail, 212)]),
        record(3, 9, vec![subject("poster", (Some(TURBO), FLASH), Decision::Pass, 60)]),
        record(5, 1, vec![subject("hero", (Some(PRO), CORE), Decision::Pass, 30)]),
    ];
    records[0].subjects[0].latency = BySide::default();
    "brand".clone_into(&mut records[1].name);
    let local = &mut records[2];
    (local.repository, local.number, local.head.commit) = (None, None, None);
    "work tree".clone_into(&mut local.head.label);
    local.subjects[0].proven = false;
    local.subjects[0].failures.candidate = None;
    let mut history = history(records);
    (history.damaged, history.kept, history.last) = (2, 57, Some(5));
    history
}

/// Long names and large numbers: what a table of 80 columns has no room for.
pub(crate) fn wide() -> History {
    let mut run = record(
        6,
        1_234_567,
        vec![subject(
            "a-model-with-a-very-long-name",
            (Some(Model("x", 212, "12345.67", 98.7)), Model("yyy", 211, "999999.00", 1_234.5)),
            Decision::Inconclusive,
            212,
        )],
    );
    run.subjects[0].candidate.model = "very-".repeat(40);
    history(vec![run.clone(), VerdictRecord { number: Some(7), ..run }])
}

/// Every text from outside is hostile: what somebody may have put into a store.
pub(crate) fn hostile() -> History {
    let mut records = Vec::new();
    for day in [1, 2] {
        let mut run =
            record(day, 1, vec![subject(HOSTILE, (Some(PRO), CORE), Decision::Fail, 212)]);
        run.repository = Some(HOSTILE.repeat(9));
        run.name = HOSTILE.to_owned();
        run.base.label = HOSTILE.to_owned();
        run.head = RevisionAt { commit: None, label: HOSTILE.to_owned() };
        run.number = None;
        run.reason = HOSTILE.repeat(9);
        run.overridden = Some(Override {
            by: HOSTILE.to_owned(),
            by_author: true,
            how: How::Comment,
            reason: HOSTILE.to_owned(),
            at: HOSTILE.to_owned(),
            head: commit("x"),
        });
        let subject = &mut run.subjects[0];
        subject.baseline = Some(ModelName { provider: HOSTILE.into(), model: HOSTILE.into() });
        subject.candidate = ModelName { provider: HOSTILE.into(), model: HOSTILE.repeat(9) };
        subject.failures.candidate = Some(Share { failed: u64::MAX, of: 3 });
        subject.failures.baseline = Some(Share { failed: 1, of: u64::MAX });
        subject.cost_per_1k_usd.candidate = Some(usd("999999999.99") * 1_000_000);
        subject.latency.candidate = Some(Times { p50_s: -1e300, p95_s: 1e300 });
        records.push(run.admitted().unwrap());
    }
    let mut history = history(records);
    history.place = HOSTILE.to_owned();
    history
}

/// All of them.
pub(crate) fn all() -> Vec<(&'static str, History)> {
    vec![
        ("year", year()),
        ("nothing", nothing()),
        ("mixed", mixed()),
        ("wide", wide()),
        ("hostile", hostile()),
    ]
}
