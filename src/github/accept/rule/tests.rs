//! Every way to accept, and every way that does not count.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const HEAD: &str = "9be01d7a4b8f0d7c35a1f6c1e2b3a4958677a8b9";
const VERDICT: &str = "2026-11-23T10:00:00Z";
const BEFORE: &str = "2026-11-23T09:59:59Z";
const AFTER: &str = "2026-11-23T10:00:01Z";
const LATER: &str = "2026-11-23T11:00:00Z";
const LABEL: &str = "presscheck: accept";

fn user(login: &str) -> Value {
    json!({"login": login, "id": login.len(), "type": "User"})
}

fn comment(login: &str, at: &str, body: &str) -> Value {
    json!({"event": "commented", "user": user(login), "created_at": at, "updated_at": at, "body": body})
}

fn label(event: &str, login: &str, at: &str, name: &str) -> Value {
    json!({"event": event, "actor": user(login), "created_at": at, "label": {"name": name}})
}

/// Rules over a history in which `ada` may write, `rita` may read, and nobody knows of `noam`.
fn ruled(timeline: &[Value], verdict_at: Option<&str>) -> Ruling {
    let head = HEAD.parse().unwrap();
    let question = Question {
        head: &head,
        verdict_at: verdict_at.map(|at| at.parse().unwrap()),
        label: LABEL,
        author: Some("Ada"),
    };
    let attempts = attempts(timeline, LABEL);
    let standings = people(&attempts, &question)
        .into_iter()
        .map(|person| {
            let standing = match person.login.as_str() {
                "ada" | "grace" => Standing::Writes,
                "rita" => Standing::Less("read".to_owned()),
                _ => Standing::Unknown("HTTP 403".to_owned()),
            };
            (person.login.clone(), standing)
        })
        .collect();
    rule(&attempts, &question, &standings)
}

#[track_caller]
fn refused(timeline: &[Value], verdict_at: Option<&str>) -> String {
    let ruling = ruled(timeline, verdict_at);
    assert_eq!(ruling.accepted, None);
    assert_eq!(ruling.refused.len(), 1, "{:?}", ruling.refused);
    ruling.refused[0].clone()
}

#[test]
fn a_comment_or_a_label_after_the_verdict_by_a_writer_counts() {
    let by = ruled(
        &[comment("ada", AFTER, "/presscheck accept  the look is new \r\nmore")],
        Some(VERDICT),
    );
    let by = by.accepted.unwrap();
    assert_eq!(
        (by.by.as_str(), by.how, by.reason.as_str()),
        ("ada", How::Comment, "the look is new")
    );
    assert_eq!((by.at.as_str(), by.head.as_str(), by.by_author), (AFTER, HEAD, true));
    let by = ruled(&[label("labeled", "grace", AFTER, "Presscheck: Accept")], Some(VERDICT));
    let by = by.accepted.unwrap();
    assert_eq!((by.how, by.reason.as_str(), by.by_author), (How::Label, "label", false));
}

#[test]
fn what_is_not_after_a_verdict_on_this_commit_does_not_count() {
    for at in [BEFORE, VERDICT] {
        let body = "/presscheck accept fine";
        let said = refused(&[comment("ada", at, body)], Some(VERDICT));
        assert!(said.contains("it is older than the verdict on 9be01d7"), "{said}");
        let said = refused(&[label("labeled", "ada", at, LABEL)], Some(VERDICT));
        assert!(said.contains("take the label off and put it on again"), "{said}");
        let said = refused(&[comment("ada", at, body)], None);
        assert!(said.contains("before there was a verdict on 9be01d7"), "{said}");
    }
    let said = refused(&[label("labeled", "ada", LATER, LABEL)], None);
    assert!(said.contains("before there was a verdict"), "{said}");
    // A time that can't be read is no time after.
    let mut odd = comment("ada", AFTER, "/presscheck accept fine");
    odd["created_at"] = json!("tomorrow");
    refused(&[odd], Some(VERDICT));
}

#[test]
fn a_label_that_was_taken_off_does_not_count_and_one_put_on_again_does() {
    let on = |at| label("labeled", "ada", at, LABEL);
    let off = label("unlabeled", "rita", "2026-11-23T10:30:00Z", LABEL);
    assert_eq!(ruled(&[on(AFTER), off.clone()], Some(VERDICT)), Ruling::default());
    assert!(ruled(&[on(BEFORE), off.clone(), on(LATER)], Some(VERDICT)).accepted.is_some());
    // Another label's events are of no matter.
    let other = label("unlabeled", "rita", LATER, "presscheck: other");
    assert!(ruled(&[on(AFTER), other], Some(VERDICT)).accepted.is_some());
    assert_eq!(ruled(&[label("labeled", "ada", AFTER, "bug")], Some(VERDICT)), Ruling::default());
}

#[test]
fn an_edited_comment_does_not_count() {
    for body in ["/presscheck accept fine", "/presscheck accept"] {
        let mut edited = comment("ada", AFTER, body);
        edited["updated_at"] = json!(LATER);
        assert!(refused(&[edited], Some(VERDICT)).contains("it was edited"));
    }
    let mut silent = comment("ada", AFTER, "/presscheck accept fine");
    silent.as_object_mut().unwrap().remove("updated_at");
    assert!(refused(&[silent], Some(VERDICT)).contains("it was edited"));
}

#[test]
fn a_comment_needs_a_reason_that_can_be_seen() {
    for body in [
        "/presscheck accept",
        "/presscheck accept \t",
        "/presscheck accept \u{200b}\u{202e}",
        "/presscheck accept\nbecause",
    ] {
        let said = refused(&[comment("ada", AFTER, body)], Some(VERDICT));
        assert!(said.contains("gives no reason"), "{said}");
    }
}

#[test]
fn bots_the_gone_and_those_who_may_not_write_accept_nothing() {
    let body = "/presscheck accept fine";
    let mut bot = comment("ada", AFTER, body);
    bot["user"]["type"] = json!("Bot");
    assert!(refused(&[bot], Some(VERDICT)).contains("a bot can't"));
    let bot = comment("github-actions[bot]", AFTER, body);
    assert!(refused(&[bot], Some(VERDICT)).contains("a bot can't"));
    let mut gone = label("labeled", "ada", AFTER, LABEL);
    gone["actor"] = Value::Null;
    assert!(refused(&[gone], Some(VERDICT)).contains("the account is gone"));
    let said = refused(&[comment("rita", AFTER, body)], Some(VERDICT));
    assert!(said.contains("takes write permission, and theirs is “read”"), "{said}");
    let said = refused(&[label("labeled", "noam", AFTER, LABEL)], Some(VERDICT));
    assert!(said.contains("whether they may write could not be asked (HTTP 403)"), "{said}");
}

#[test]
fn one_that_counts_is_found_among_many_that_do_not() {
    let mut timeline = vec![comment("ada", AFTER, "/presscheck accept the first")];
    timeline.push(comment("grace", "2026-11-23T10:10:00Z", "/presscheck accept the second"));
    timeline.extend((0..50).map(|_| comment("rita", LATER, "/presscheck accept me")));
    let by = ruled(&timeline, Some(VERDICT)).accepted.unwrap();
    assert_eq!(by.reason, "the second");
    // Nobody is asked about twice, and nobody whose try fails anyhow.
    timeline.push(comment("noam", BEFORE, "/presscheck accept me"));
    let head = HEAD.parse().unwrap();
    let verdict_at = Some(VERDICT.parse().unwrap());
    let question = Question { head: &head, verdict_at, label: LABEL, author: None };
    let attempts = attempts(&timeline, LABEL);
    let logins: Vec<_> = people(&attempts, &question).iter().map(|it| it.login.clone()).collect();
    assert_eq!(logins, ["rita", "grace", "ada"]);
    timeline.truncate(2);
    timeline.extend((0..60).map(|n| comment(&format!("x{n}"), LATER, "/presscheck accept me")));
    assert_eq!(ruled(&timeline, Some(VERDICT)).refused.len(), MAX_REFUSALS);
}

#[test]
fn only_a_line_that_begins_so_is_a_command() {
    for body in [
        "",
        "hello",
        "> /presscheck accept x",
        " /presscheck accept x",
        "/presschecker accept x",
        "see\n/presscheck accept x",
        "`/presscheck accept x`",
    ] {
        assert_eq!(command(body), None, "{body:?}");
    }
    assert_eq!(command("/presscheck"), Some(Command::Unknown(String::new())));
    assert_eq!(command("/presscheck Accept x"), Some(Command::Unknown("Accept".to_owned())));
    assert_eq!(command("/presscheck\taccept\tx y"), Some(Command::Accept("x y".to_owned())));
}

#[test]
fn a_verdict_is_a_failed_check_run_of_ours_with_a_verdict_in_it() {
    let run = |at: &str| {
        json!({
            "name": "presscheck", "status": "completed", "conclusion": "failure", "completed_at": at,
            "external_id": "presscheck-42-1-00ff", "output": {"title": "❌ presscheck: `hero` fails"},
            "details_url": format!("https://github.com/o/r/actions/runs/{}/attempts/1", at.len()),
        })
    };
    let runs = [run(LATER), run(VERDICT)];
    assert_eq!(first_verdict(&runs, "presscheck"), Some(VERDICT.parse().unwrap()));
    assert_eq!(last_workflow_run(&runs, "presscheck"), Some(20));
    assert_eq!(first_verdict(&runs, "other"), None);
    for (path, value) in [
        ("status", json!("in_progress")),
        ("conclusion", json!("success")),
        ("completed_at", Value::Null),
        ("external_id", json!("theirs")),
        ("output", json!({"title": "No verdict: stopped by SIGTERM"})),
    ] {
        let mut odd = run(VERDICT);
        odd[path] = value;
        assert_eq!(first_verdict(&[odd], "presscheck"), None, "{path}");
    }
}

proptest! {
    /// Whatever stands in a history, only somebody who may write accepts, with a reason, after the verdict.
    #[test]
    fn nothing_else_ever_counts(
        entries in proptest::collection::vec(
            (0_usize..4, 0_usize..3, 0_i64..4, 0_i64..4, ".{0,12}", any::<bool>()), 0..12),
        has_verdict in any::<bool>(),
    ) {
        let time = |n: i64| (Timestamp::from_second(1_763_892_000 + n).unwrap()).to_string();
        let timeline: Vec<_> = entries.iter().map(|(who, kind, at, edit, words, accept)| {
            let login = ["ada", "rita", "noam", "x[bot]"][*who];
            let (at, edit) = (time(*at), time(*at + (*edit - 2).max(0)));
            match kind {
                0 => label("labeled", login, &at, if *accept { LABEL } else { words }),
                1 => label("unlabeled", login, &at, LABEL),
                _ => {
                    let body = if *accept { format!("/presscheck accept {words}") } else { words.clone() };
                    let mut comment = comment(login, &at, &body);
                    comment["updated_at"] = json!(edit);
                    comment
                }
            }
        }).collect();
        let verdict = time(1);
        let ruling = ruled(&timeline, has_verdict.then_some(verdict.as_str()));
        if let Some(by) = ruling.accepted {
            prop_assert!(has_verdict && by.by == "ada" && !by.reason.is_empty());
            prop_assert!(by.at > verdict && !by.reason.chars().any(presscheck_core::inert::is_invisible));
        }
        prop_assert!(ruling.refused.len() <= MAX_REFUSALS);
    }
}
