//! Letting a check look at every string of a folder.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use presscheck_core::checks::CheckResult;

use super::truth::{Entry, Truth};

/// What a check says of one string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its answer.
    pub result: CheckResult,
    /// Its sentence.
    pub message: String,
}

/// A check that looks at a picture's file, once for each of the strings: as many answers as strings.
pub type Eye<'a> = dyn Fn(&Path, &[&str]) -> Vec<Answer> + Sync + 'a;

/// An entry and what was said of it.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The entry.
    pub entry: Entry,
    /// The answer.
    pub answer: Answer,
}

/// Looks at every picture, as many at a time as `threads`, each once for all of its strings. The answers come in the
/// order of the entries. After each picture `progress` is told how many are done, and how many there are.
pub fn measure(
    truth: &Truth,
    eye: &Eye<'_>,
    threads: usize,
    progress: &(dyn Fn(usize, usize) + Sync),
) -> Vec<Measured> {
    let mut by_file: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, entry) in truth.entries.iter().enumerate() {
        by_file.entry(entry.file.as_str()).or_default().push(index);
    }
    let files: Vec<_> = by_file.into_iter().collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let answers: Mutex<BTreeMap<usize, Answer>> = Mutex::new(BTreeMap::new());
    let work = || {
        while let Some((file, entries)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let strings: Vec<&str> = entries
                .iter()
                .filter_map(|index| truth.entries.get(*index))
                .map(|entry| entry.expect.as_str())
                .collect();
            let said = eye(&truth.folder.join(file), &strings);
            answers
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(entries.iter().copied().zip(said));
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, files.len());
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    let silent =
        || Answer { result: CheckResult::Skipped, message: "the check said nothing".to_owned() };
    let of = |(index, entry): (usize, &Entry)| Measured {
        entry: entry.clone(),
        answer: answers.remove(&index).unwrap_or_else(silent),
    };
    truth.entries.iter().enumerate().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(file: &str, expect: &str) -> Entry {
        serde_json::from_value(
            serde_json::json!({"file": file, "expect": expect, "drawn": "correct"}),
        )
        .unwrap()
    }

    #[test]
    fn each_picture_is_looked_at_once_and_answers_keep_the_order() {
        let entries = vec![entry("b", "1"), entry("a", "2"), entry("b", "3"), entry("c", "4")];
        let truth = Truth { folder: "/f".into(), entries };
        let seen = Mutex::new(Vec::new());
        let eye = |path: &Path, strings: &[&str]| {
            seen.lock().unwrap().push(path.to_owned());
            // A check that says less than it was asked is not taken for one that passed.
            let told = strings.iter().filter(|text| **text != "4");
            let answer = |text: &&str| Answer {
                result: CheckResult::Pass,
                message: format!("{} {text}", path.display()),
            };
            told.map(answer).collect()
        };
        let measured = measure(&truth, &eye, 2, &|_, _| {});
        let told: Vec<_> = measured.iter().map(|one| one.answer.message.as_str()).collect();
        assert_eq!(told, ["/f/b 1", "/f/a 2", "/f/b 3", "the check said nothing"]);
        assert_eq!(measured[3].answer.result, CheckResult::Skipped);
        assert_eq!(seen.lock().unwrap().len(), 3);
    }
}
