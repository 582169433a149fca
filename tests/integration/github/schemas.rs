//! What the bodies of our requests may be: always our own small description of them, and GitHub's own where it is at hand.

use std::path::PathBuf;

use jsonschema::Validator;
use serde_json::{Value, json};

/// Our own description, which every machine has.
const OWN: &str = include_str!("bodies.json");

/// A kind of request with a body: its name in our description, and where GitHub's has it.
const KINDS: [(&str, &str, &str); 9] = [
    ("create_check", "post", "check-runs"),
    ("update_check", "patch", "check-runs/{check_run_id}"),
    ("comment", "post", "issues/{issue_number}/comments"),
    ("comment", "patch", "issues/comments/{comment_id}"),
    ("blobs", "post", "git/blobs"),
    ("trees", "post", "git/trees"),
    ("commits", "post", "git/commits"),
    ("refs", "post", "git/refs"),
    // GitHub has one name for both parts.
    ("update_ref", "patch", "git/refs/{namespace}/{name}"),
];

struct Kind {
    method: &'static str,
    route: &'static str,
    validators: Vec<Validator>,
}

pub(super) struct Schemas(Vec<Kind>);

fn built(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

impl Schemas {
    pub(super) fn load() -> Self {
        let own: Value = serde_json::from_str(OWN).unwrap();
        let published = published();
        let kinds = KINDS.map(|(name, method, route)| {
            let mut schema = own["$defs"][name].clone();
            assert!(schema.is_object(), "bodies.json has no {name}");
            schema["$defs"] = own["$defs"].clone();
            let mut validators = vec![built(&schema)];
            if let Some(document) = &published {
                let route = route.replace("{namespace}/{name}", "{ref}");
                let path = format!("/repos/{{owner}}/{{repo}}/{route}");
                let operation = &document["paths"][&path][method];
                let mut schema =
                    operation["requestBody"]["content"]["application/json"]["schema"].clone();
                assert!(schema.is_object(), "{method} {path} is not described");
                schema["components"] = document["components"].clone();
                validators.push(built(&schema));
            }
            Kind { method, route, validators }
        });
        Self(kinds.into())
    }

    /// What is wrong with the body of a request below a repository; nothing where such a request has none.
    pub(super) fn problem(&self, method: &str, path: &str, body: &Value) -> Option<String> {
        let parts: Vec<&str> = path.split('/').collect();
        let kind = self.0.iter().find(|kind| {
            let route: Vec<&str> = kind.route.split('/').collect();
            kind.method.eq_ignore_ascii_case(method)
                && route.len() == parts.len()
                && route.iter().zip(&parts).all(|(a, b)| a.starts_with('{') || a == b)
        })?;
        let errors = kind.validators.iter().flat_map(|it| it.iter_errors(body));
        let problems: Vec<_> =
            errors.map(|error| format!("{}: {error}", error.instance_path())).collect();
        (!problems.is_empty()).then(|| format!("{method} {path}: {}", problems.join("; ")))
    }
}

/// GitHub's own description, where it is at hand.
fn published() -> Option<Value> {
    let Some(data) = std::env::var_os("PRESSCHECK_TEST_DATA") else {
        eprintln!(
            "SKIPPED: PRESSCHECK_TEST_DATA names no folder with github/gh-slim.json in it; bodies are held to bodies.json alone"
        );
        return None;
    };
    let file = PathBuf::from(data).join("github/gh-slim.json");
    Some(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
}

#[test]
fn a_body_that_github_would_refuse_is_refused_with_and_without_its_description() {
    let schemas = Schemas::load();
    let sha = "4f2c91a0c1d2e3f405162738495a6b7c8d9eafb0";
    let good = json!({
        "name": "x", "head_sha": sha, "external_id": "1", "status": "in_progress",
        "started_at": "2026-11-23T06:28:54Z", "output": {"title": "t", "summary": ""},
    });
    assert_eq!(schemas.problem("POST", "check-runs", &good), None);
    let with = |key: &str, value: Value| {
        let mut body = good.clone();
        body[key] = value;
        body
    };
    let annotation = json!({
        "path": "a.yaml", "start_line": 1, "end_line": 1, "annotation_level": "failure", "message": "m",
    });
    let output =
        |annotations: Vec<Value>| json!({"title": "t", "summary": "s", "annotations": annotations});
    let mut from_zero = annotation.clone();
    from_zero["start_line"] = json!(0);
    for body in [
        json!({"name": "x"}),
        with("status", json!("running")),
        with("started_at", json!("yesterday")),
        with("head_sha", json!("main")),
        with("details_url", json!("javascript:x")),
        with("output", json!({"summary": "s"})),
        with("output", json!({"title": "t", "summary": "x".repeat(65_536)})),
        with("output", output(vec![annotation.clone(); 51])),
        with("output", output(vec![from_zero])),
        with("head_branch", json!("main")),
    ] {
        assert!(schemas.problem("POST", "check-runs", &body).is_some(), "{body}");
    }
    assert_eq!(
        schemas.problem("POST", "check-runs", &with("output", output(vec![annotation; 50]))),
        None
    );
    for body in [
        json!({}),
        json!({"status": "completed"}),
        json!({"conclusion": "neutral", "status": "completed", "completed_at": "2026-11-23T06:28:54Z", "output": {"title": "t", "summary": "s"}}),
    ] {
        assert!(schemas.problem("PATCH", "check-runs/7", &body).is_some(), "{body}");
    }
    for (method, path, body) in [
        ("POST", "issues/17/comments", json!({"body": ""})),
        ("PATCH", "issues/comments/7", json!({"body": "x".repeat(65_537)})),
        ("POST", "git/blobs", json!({"content": "###", "encoding": "base64"})),
        (
            "POST",
            "git/trees",
            json!({"tree": [{"path": "../a", "mode": "100644", "type": "blob", "sha": sha}]}),
        ),
        ("POST", "git/commits", json!({"message": "m", "tree": sha, "parents": [sha, sha]})),
        ("POST", "git/refs", json!({"ref": "main", "sha": sha})),
        ("PATCH", "git/refs/presscheck/history", json!({"sha": sha, "force": true})),
    ] {
        assert!(schemas.problem(method, path, &body).is_some(), "{path} {body}");
    }
    assert_eq!(schemas.problem("GET", "git/refs", &Value::Null), None);
}
