//! How often a check is wrong, by labels: false failures among good pictures, misses among bad ones.
//!
//! Labels are drawn in two strata, the pictures that a check failed and those that it passed. In each, the share of wrong
//! words has an exact interval (Clopper and Pearson 1934). With the sizes of both strata these give the two rates that
//! describe a check; each rises with both shares, so that the ends of the intervals give the ends of the rates'. Each
//! share's interval is two-sided at 97.5%, so that both hold together in at least 95% of cases (Bonferroni).

use std::collections::{BTreeMap, BTreeSet};

use super::suggest::{self, Suggestion};
use super::{Label, LabelFile, Truth, Word, picture};
use crate::gate::intervals::{clopper_pearson_lower, clopper_pearson_upper};
use crate::report::SampleLine;

/// An estimated rate with its interval, all as shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The rate.
    pub rate: f64,
    /// Within which it lies, at 95% at least.
    pub interval: [f64; 2],
}

/// One stratum: the pictures of which a check said the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Stratum {
    /// Pictures.
    pub pictures: u64,
    /// How many of them were drawn and labelled.
    pub labelled: u64,
    /// On how many of these the check was wrong.
    pub wrong: u64,
    /// How many were drawn and are not labelled yet.
    pub open: u64,
    /// How many were labelled without being drawn.
    pub chosen: u64,
    /// On how many of these the check was wrong.
    pub chosen_wrong: u64,
}

/// What labels say of one check.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckCalibration {
    /// The check.
    pub check: String,
    /// The pictures that it fails.
    pub fails: Stratum,
    /// The pictures that it passes.
    pub passes: Stratum,
    /// How often it fails a good picture; nothing where a stratum with pictures has no drawn label.
    pub false_fail: Option<Estimate>,
    /// How often it passes a bad one, likewise; nothing where there may be no bad picture at all.
    pub miss: Option<Estimate>,
    /// Limits that would make fewer mistakes on the labelled pictures.
    pub suggestions: Vec<Suggestion>,
}

/// What labels say of all checks that any label is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// By check, in the order of their names.
    pub checks: Vec<CheckCalibration>,
    /// The pictures of the runs that were given, each counted once.
    pub pictures: u64,
    /// Labels on pictures that those runs do not hold.
    pub elsewhere: u64,
}

/// Holds checks against labels, over the samples of some runs.
#[must_use]
pub fn calibrate(samples: &[SampleLine], labels: &LabelFile) -> Calibration {
    let mut seen = BTreeSet::new();
    let once: Vec<_> = samples
        .iter()
        .filter_map(|line| Some((picture(line)?, line)))
        .filter(|(picture, _)| seen.insert(*picture))
        .collect();
    let mut by_check: BTreeMap<&str, Vec<&Label>> = BTreeMap::new();
    for label in labels.labels() {
        by_check.entry(&label.check).or_default().push(label);
    }
    let elsewhere = labels.labels().iter().filter(|label| !seen.contains(&label.picture)).count();
    let checks = by_check.into_iter().map(|(check, known)| {
        let (mut fails, mut passes) = (Stratum::default(), Stratum::default());
        for (picture, line) in &once {
            let Some(word) = Word::of(check, &line.findings) else { continue };
            let stratum = match word {
                Word::Fail => &mut fails,
                Word::Pass => &mut passes,
            };
            stratum.count(word, labels.get(*picture, check));
        }
        CheckCalibration {
            check: check.to_owned(),
            false_fail: rate(&fails, &passes),
            miss: rate(&passes, &fails),
            fails,
            passes,
            suggestions: suggest::limits(&known),
        }
    });
    Calibration {
        checks: checks.collect(),
        pictures: u64::try_from(once.len()).unwrap_or(u64::MAX),
        elsewhere: u64::try_from(elsewhere).unwrap_or(u64::MAX),
    }
}

impl Stratum {
    fn count(&mut self, word: Word, label: Option<&Label>) {
        self.pictures += 1;
        let Some(label) = label else { return };
        let wrong = label.truth.map(|truth| u64::from(truth != word.truth(true)));
        match (label.drawn, wrong) {
            (true, Some(wrong)) => {
                self.labelled += 1;
                self.wrong += wrong;
            }
            (true, None) => self.open += 1,
            (false, Some(wrong)) => {
                self.chosen += 1;
                self.chosen_wrong += wrong;
            }
            (false, None) => {}
        }
    }

    /// The share of wrong words, and between which shares it lies; known where there is no picture at all.
    fn share(&self) -> Option<[f64; 3]> {
        if self.pictures == 0 {
            return Some([0.0; 3]);
        }
        if self.labelled == 0 {
            return None;
        }
        let (k, n) = (self.wrong, self.labelled);
        if n == self.pictures {
            // Every picture is labelled: nothing is left to chance.
            return Some([float(k) / float(n); 3]);
        }
        let alpha = 0.0125;
        Some([
            float(k) / float(n),
            clopper_pearson_lower(k, n, alpha),
            clopper_pearson_upper(k, n, alpha),
        ])
    }
}

/// Of the pictures of one truth, how many are in the stratum in which that truth is a mistake.
fn rate(mistakes: &Stratum, others: &Stratum) -> Option<Estimate> {
    let ([wrong, low, high], [other, other_low, other_high]) = (mistakes.share()?, others.share()?);
    let (here, there) = (float(mistakes.pictures), float(others.pictures));
    let of = |wrong: f64, other: f64| {
        let (mistaken, right) = (here * wrong, there * (1.0 - other));
        let all = mistaken + right;
        (all > 0.0).then(|| mistaken / all)
    };
    let rate = of(wrong, other)?;
    // Where no picture of that truth may exist, nothing bounds the rate from above.
    let interval = [of(low, other_low).unwrap_or(0.0), of(high, other_high).unwrap_or(1.0)];
    Some(Estimate { rate, interval })
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
const fn float(count: u64) -> f64 {
    count as f64
}

impl Truth {
    /// The word of reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
        }
    }
}
