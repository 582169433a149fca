//! Several limits at once.

use super::Decision;

/// The verdict of several limits: a fail where any is broken, a pass where all are kept, else inconclusive.
/// Inconclusive where there is none.
///
/// A pass needs every limit to pass, so none of them needs a stricter level (an intersection-union test:
/// Berger, Technometrics 24, 1982). Any one of them may block, so each has its share of the error on
/// that side.
#[must_use]
pub fn compose(decisions: impl IntoIterator<Item = Decision>) -> Decision {
    let mut verdict = None;
    for decision in decisions {
        verdict = Some(match (verdict, decision) {
            (Some(Decision::Fail), _) | (_, Decision::Fail) => Decision::Fail,
            (Some(Decision::Inconclusive), _) | (_, Decision::Inconclusive) => {
                Decision::Inconclusive
            }
            (None | Some(Decision::Pass), Decision::Pass) => Decision::Pass,
        });
    }
    verdict.unwrap_or(Decision::Inconclusive)
}
