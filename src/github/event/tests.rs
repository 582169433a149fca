//! What every event is read as.

use std::path::PathBuf;

use super::*;
use proptest::prelude::*;
use serde_json::json;

const HEAD: &str = "9be01d7a4b8f0d7c35a1f6c1e2b3a4958677a8b9";
const BASE: &str = "4f2c91a0c1d2e3f405162738495a6b7c8d9eafb0";
const MERGE: &str = "1111111111111111111111111111111111111111";

fn nothing(_: &str) -> Option<String> {
    None
}

fn pull(head_repo: &Value) -> Value {
    json!({
        "action": "synchronize", "number": 17,
        "pull_request": {
            "number": 17, "title": "Cheaper heroes", "merge_commit_sha": MERGE,
            "labels": [{"name": "model-change"}, {"name": 3}],
            "head": {"sha": HEAD, "ref": "cheaper", "repo": head_repo},
            "base": {"sha": BASE, "ref": "release/2"},
        },
        "repository": {"id": 1, "full_name": "octo-org/shop", "default_branch": "main"},
        "sender": {"login": "ada"},
    })
}

fn read_json(name: &str, payload: &Value) -> Result<Event, EventError> {
    // What GITHUB_SHA says must not matter to events that say themselves.
    read(name, payload.to_string().as_bytes(), |name| {
        (name == "GITHUB_SHA").then(|| MERGE.to_owned())
    })
}

#[test]
fn a_pull_request_is_judged_at_its_head_against_its_base() {
    for name in ["pull_request", "pull_request_target"] {
        let event =
            read_json(name, &pull(&json!({"id": 1, "full_name": "octo-org/shop"}))).unwrap();
        assert_eq!(event.kind.name(), name);
        assert_eq!(event.head_sha.as_str(), HEAD);
        assert_eq!(event.base_sha.unwrap().as_str(), BASE);
        assert_eq!(event.base_ref.as_deref(), Some("release/2"));
        assert_eq!((event.number, event.same_repository), (Some(17), true));
        assert_eq!(event.labels, ["model-change"]);
        assert_eq!(event.default_branch.as_deref(), Some("main"));
    }
}

#[test]
fn a_fork_is_told_from_the_repository_itself() {
    let fork = pull(&json!({"id": 2, "full_name": "mallory/shop"}));
    let event = read_json("pull_request", &fork).unwrap();
    assert!(!event.same_repository);
    assert_eq!(event.head_repository.as_deref(), Some("mallory/shop"));
    // A name alone proves nothing where the ids differ.
    let renamed = pull(&json!({"id": 2, "full_name": "octo-org/shop"}));
    assert!(!read_json("pull_request", &renamed).unwrap().same_repository);
}

#[test]
fn a_deleted_fork_is_still_a_fork() {
    let event = read_json("pull_request_target", &pull(&Value::Null)).unwrap();
    assert_eq!((event.same_repository, event.head_repository), (false, None));
}

#[test]
fn a_merge_group_finds_its_pull_request_at_the_end_of_the_branch() {
    let group = |base: &str, tail: &str| {
        json!({
            "action": "checks_requested",
            "merge_group": {
                "head_sha": HEAD, "base_sha": BASE, "base_ref": format!("refs/heads/{base}"),
                "head_ref": format!("refs/heads/gh-readonly-queue/{base}/{tail}"),
            },
            "repository": {"full_name": "octo-org/shop"},
        })
    };
    let event =
        read_json("merge_group", &group("release/pr-42-x", &format!("pr-7-{BASE}"))).unwrap();
    assert_eq!(event.number, Some(7));
    assert_eq!(event.base_ref.as_deref(), Some("release/pr-42-x"));
    assert_eq!(event.base_sha.unwrap().as_str(), BASE);
    for tail in ["pr-7-short".to_owned(), format!("pr--{BASE}"), format!("pr-+7-{BASE}")] {
        let event = read_json("merge_group", &group("main", &tail)).unwrap();
        assert_eq!(event.number, None, "{tail}");
    }
}

#[test]
fn a_push_has_what_was_before_it_unless_the_branch_is_new() {
    let zeros = "0".repeat(40);
    let push = |before: &str, after: &str| {
        json!({"ref": "refs/heads/main", "before": before, "after": after,
               "repository": {"full_name": "octo-org/shop"}})
    };
    let event = read_json("push", &push(BASE, HEAD)).unwrap();
    assert_eq!(event.base_sha.unwrap().as_str(), BASE);
    assert_eq!(event.base_ref.as_deref(), Some("main"));
    let mut new = push(&zeros, HEAD);
    new["ref"] = json!("refs/heads/try");
    new["repository"]["default_branch"] = json!("main");
    let new = read_json("push", &new).unwrap();
    assert_eq!((new.base_sha, new.base_ref.as_deref()), (None, Some("main")));
    let deleted = read_json("push", &push(BASE, &zeros)).unwrap_err();
    insta::assert_snapshot!(deleted, @"the push deletes `refs/heads/main`: there is nothing to judge");
}

#[test]
fn the_end_of_a_workflow_is_about_the_commit_that_it_ran_on() {
    let run = |repo: Value| {
        json!({
            "action": "completed",
            "workflow_run": {
                "head_sha": HEAD, "head_branch": "cheaper", "event": "pull_request",
                // A number that anybody could have been given is not taken from here.
                "pull_requests": [{"number": 99}], "head_repository": repo,
            },
            "repository": {"id": 1, "full_name": "octo-org/shop", "default_branch": "main"},
        })
    };
    let own = json!({"id": 1, "full_name": "octo-org/shop"});
    for (repo, same) in
        [(own, true), (json!({"id": 2, "full_name": "mallory/shop"}), false), (Value::Null, false)]
    {
        let event = read_json("workflow_run", &run(repo)).unwrap();
        assert_eq!((event.head_sha.as_str(), event.base_sha), (HEAD, None));
        assert_eq!((event.number, event.same_repository), (None, same));
        assert_eq!(event.head_ref.as_deref(), Some("cheaper"));
    }
}

#[test]
fn every_type_of_a_pull_request_is_judged_alike() {
    for action in
        ["opened", "synchronize", "reopened", "labeled", "unlabeled", "ready_for_review", "edited"]
    {
        let mut payload = pull(&json!({"id": 1, "full_name": "octo-org/shop"}));
        payload["action"] = json!(action);
        // An edit of the base: the payload's own base is the new one.
        payload["changes"] = json!({"base": {"ref": {"from": "main"}, "sha": {"from": MERGE}}});
        let event = read_json("pull_request", &payload).unwrap();
        assert_eq!(event.action.as_deref(), Some(action));
        assert_eq!(event.head_sha.as_str(), HEAD);
        assert_eq!(event.base_sha.unwrap().as_str(), BASE);
        assert_eq!(event.base_ref.as_deref(), Some("release/2"));
    }
}

#[test]
fn a_start_by_hand_takes_its_commit_from_the_environment() {
    let payload = json!({"ref": "refs/heads/try", "repository": {"full_name": "o/r", "default_branch": "main"}});
    let event = read_json("workflow_dispatch", &payload).unwrap();
    assert_eq!((event.head_sha.as_str(), event.base_sha), (MERGE, None));
    assert_eq!(event.base_ref.as_deref(), Some("main"));
    assert_eq!(event.head_ref.as_deref(), Some("try"));
}

#[test]
fn what_can_not_be_used_is_said_plainly() {
    let mut broken = pull(&Value::Null);
    broken["pull_request"]["base"]["sha"] = json!("main");
    let errors = [
        read_json("", &Value::Null),
        read_json("issue_comment", &Value::Null),
        read_json("pull_request", &broken),
        read_json("pull_request", &json!([1])),
        read("push", b"{\"ref\": ", nothing),
        read("workflow_dispatch", b"{\"repository\":{\"full_name\":\"o/r\"}}", nothing),
        read("push", &vec![b' '; MAX_EVENT_BYTES + 1], nothing),
    ];
    let errors: Vec<_> = errors.into_iter().map(|e| e.unwrap_err().to_string()).collect();
    insta::assert_snapshot!(errors.join("\n"), @r"
    no event is named: GITHUB_EVENT_NAME is missing. Outside of Actions, give --base and --head
    the event `issue_comment` has no change to judge: run on pull_request, pull_request_target, merge_group, push, workflow_dispatch, workflow_run or schedule, or give --base and --head
    the payload of `pull_request` has no usable `pull_request.base.sha`: expected a full commit id
    the payload of `pull_request` has no usable `repository.full_name`: expected `owner/name`
    the event's payload is no JSON: EOF while parsing a value at line 1 column 8
    the payload of `workflow_dispatch` has no usable `GITHUB_SHA`: expected a full commit id
    the event's payload has 27262977 bytes, more than GitHub ever sends; it was not read
    ");
}

/// GitHub's own examples, where they are there.
#[test]
fn real_payloads_are_read() {
    let Some(data) = std::env::var_os("PRESSCHECK_TEST_DATA") else {
        eprintln!("SKIPPED: PRESSCHECK_TEST_DATA names no folder with webhooks/ in it");
        return;
    };
    let folder = PathBuf::from(data).join("webhooks");
    let files = std::fs::read_dir(&folder).unwrap();
    let mut seen = 0;
    for file in files.map(|file| file.unwrap().path()) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let kind = name.split('.').next().unwrap();
        let event = read(kind, &std::fs::read(&file).unwrap(), nothing);
        match name.as_str() {
            name if name.starts_with("pull_request.") => {
                let event = event.unwrap();
                assert_eq!(event.head_sha.as_str(), "ec26c3e57ca3a959ca5aad62de7213c562f8c821");
                let base = event.base_sha.unwrap();
                assert_eq!(base.as_str(), "f95f852bd8fca8fcc58a9a2d6c842781e32a215e");
                assert_eq!((event.number, event.same_repository), (Some(2), true));
            }
            name if name.starts_with("merge_group.") => {
                let event = event.unwrap();
                assert_eq!((event.number, event.base_ref.as_deref()), (Some(104), Some("main")));
                assert_eq!(event.head_sha.as_str(), "2ffea6db159f6b6c47a24e778fb9ef40cf6b1c7d");
            }
            name if name.starts_with("workflow_run.") => {
                let event = event.unwrap();
                assert_eq!((event.base_sha, event.number), (None, None));
                // The first one ran on a fork.
                assert_eq!(event.same_repository, name != "workflow_run.completed.0.json");
            }
            "push.-.0.json" => assert_eq!(event.unwrap().base_sha, None),
            "push.-.3.json" => assert!(matches!(event, Err(EventError::Deleted { .. }))),
            _ => assert!(matches!(event, Err(EventError::Unsupported { .. })), "{name}"),
        }
        seen += 1;
    }
    assert!(seen > 0, "{} is empty", folder.display());
}

/// JSON that looks like a payload here and there.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::from),
        ".*".prop_map(Value::from),
        Just(json!(HEAD)),
        Just(json!("refs/heads/gh-readonly-queue/main/pr-1-")),
    ];
    let key = prop_oneof![
        Just("pull_request"),
        Just("head"),
        Just("base"),
        Just("repo"),
        Just("sha"),
        Just("ref"),
        Just("merge_group"),
        Just("head_sha"),
        Just("base_sha"),
        Just("head_ref"),
        Just("base_ref"),
        Just("repository"),
        Just("full_name"),
        Just("number"),
        Just("labels"),
        Just("before"),
        Just("after"),
    ];
    leaf.prop_recursive(5, 60, 8, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..8).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_payload_panics(kind in 0..7_usize, payload in any_json()) {
        let _ = read_json(EventKind::ALL[kind].name(), &payload);
    }

    #[test]
    fn no_bytes_panic(kind in 0..7_usize, payload in any::<Vec<u8>>()) {
        let _ = read(EventKind::ALL[kind].name(), &payload, nothing);
    }

    #[test]
    fn no_branch_panics(reference in ".*") {
        let _ = (queued_number(&reference), branch(&reference));
    }
}

#[test]
fn a_comment_is_for_us_only_where_it_begins_so_on_an_open_pull_request() {
    let comment = json!({
        "action": "created", "comment": {"body": "/presscheck accept on purpose"},
        "issue": {"number": 17, "state": "open", "pull_request": {"url": "x"}},
    });
    let read = |value: &Value| read_comment(value.to_string().as_bytes());
    let command = Command::Accept("on purpose".to_owned());
    assert_eq!(read(&comment), Ok(Some(Summons { number: 17, command })));
    for (path, value) in [
        ("/action", json!("edited")),
        ("/comment/body", json!("nice /presscheck accept x")),
        ("/comment/body", Value::Null),
        ("/issue/state", json!("closed")),
        ("/issue/pull_request", Value::Null),
    ] {
        let mut other = comment.clone();
        *other.pointer_mut(path).unwrap() = value;
        assert_eq!(read(&other), Ok(None), "{path}");
    }
    let mut odd = comment;
    odd["issue"]["number"] = json!("17");
    assert!(read(&odd).unwrap_err().to_string().contains("issue.number"));
    assert!(matches!(read_comment(b"{"), Err(EventError::NotJson { .. })));
}
