//! Which reviews start a run that costs money.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const HEAD: &str = "9be01d7a4b8f0d7c35a1f6c1e2b3a4958677a8b9";
const OLD: &str = "4f2c91a0c1d2e3f405162738495a6b7c8d9eafb0";

fn review(login: &str, state: &str, commit: &str, at: u32) -> Value {
    json!({
        "user": {"login": login, "type": "User"}, "state": state, "commit_id": commit,
        "submitted_at": format!("2026-11-23T10:00:{at:02}Z"),
    })
}

/// Rules where `ada` and `grace` may write, `rita` may read, and nobody knows of the others.
fn ruled(reviews: &[Value]) -> Result<String, Vec<String>> {
    let reviews = latest(reviews);
    let standing = |login: &str| match login {
        "ada" | "grace" => Standing::Writes,
        "rita" => Standing::Less("triage".to_owned()),
        _ => Standing::Unknown("HTTP 403".to_owned()),
    };
    let logins = reviews.iter().map(|it| (it.by.login.clone(), standing(&it.by.login)));
    rule(&reviews, &HEAD.parse().unwrap(), &logins.collect())
}

#[track_caller]
fn refused(reviews: &[Value]) -> String {
    ruled(reviews).unwrap_err().join(" ")
}

#[test]
fn an_approval_of_this_commit_by_a_writer_counts() {
    assert_eq!(ruled(&[review("ada", "APPROVED", HEAD, 1)]).unwrap(), "ada");
    // What others ask for does not take it back, nor does a remark of one's own.
    let others = [
        review("ada", "APPROVED", HEAD, 1),
        review("ada", "COMMENTED", OLD, 2),
        review("grace", "CHANGES_REQUESTED", HEAD, 3),
        review("rita", "APPROVED", HEAD, 4),
    ];
    assert_eq!(ruled(&others).unwrap(), "ada");
}

#[test]
fn nothing_else_counts() {
    assert_eq!(ruled(&[]), Err(Vec::new()));
    assert_eq!(ruled(&[review("ada", "COMMENTED", HEAD, 1)]), Err(Vec::new()));
    assert!(
        refused(&[review("ada", "APPROVED", OLD, 1)])
            .contains("approved 4f2c91a, which is not 9be01d7")
    );
    assert!(refused(&[review("rita", "APPROVED", HEAD, 1)]).contains("theirs is “triage”"));
    assert!(
        refused(&[review("noam", "APPROVED", HEAD, 1)]).contains("could not be asked (HTTP 403)")
    );
    assert!(refused(&[review("x[bot]", "APPROVED", HEAD, 1)]).contains("is a bot"));
    let mut gone = review("ada", "APPROVED", HEAD, 1);
    gone["commit_id"] = Value::Null;
    assert!(refused(&[gone]).contains("is gone"));
    let mut nobody = review("ada", "APPROVED", HEAD, 1);
    nobody["user"] = Value::Null;
    assert_eq!(ruled(&[nobody]), Err(Vec::new()));
}

#[test]
fn the_same_person_s_later_review_takes_it_back() {
    for state in ["CHANGES_REQUESTED", "DISMISSED"] {
        let back = [review("ada", "APPROVED", HEAD, 1), review("ada", state, HEAD, 2)];
        assert!(refused(&back).contains("asks for changes, or the approval was dismissed"));
        // However the list is ordered.
        assert!(ruled(&[back[1].clone(), back[0].clone()]).is_err());
        let again = [&back[..], &[review("ada", "APPROVED", HEAD, 3)]].concat();
        assert!(ruled(&again).is_ok());
    }
    // A later approval of another commit is what they stand by.
    let moved = [review("ada", "APPROVED", HEAD, 1), review("ada", "APPROVED", OLD, 2)];
    assert!(ruled(&moved).is_err());
}

proptest! {
    #[test]
    fn only_a_writer_s_last_word_on_this_commit_approves(
        entries in proptest::collection::vec((0_usize..4, 0_usize..4, any::<bool>(), 0_u32..60), 0..12),
    ) {
        let logins = ["ada", "rita", "noam", "x[bot]"];
        let states = ["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"];
        let reviews: Vec<_> = entries.iter().map(|&(who, state, head, at)| {
            review(logins[who], states[state], if head { HEAD } else { OLD }, at)
        }).collect();
        let mut of_ada: Vec<_> = entries.iter().filter(|it| it.0 == 0 && it.1 != 2).collect();
        of_ada.sort_by_key(|it| it.3);
        let approves = of_ada.last().is_some_and(|it| it.1 == 0 && it.2);
        prop_assert_eq!(ruled(&reviews).is_ok(), approves);
    }
}
