//! What users of the action get: `action.yml`, the container's description, and that both fit the program.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use presscheck::github::{CommentWhen, Inputs, Session};
use serde_json::Value;

const ACTION: &str = include_str!("../../../action.yml");
const DOCKERFILE: &str = include_str!("../../../Dockerfile");
const DOCS: &str = include_str!("../../../docs/github.md");

fn action() -> Value {
    serde_yaml::from_str(ACTION).unwrap()
}

#[test]
fn the_action_runs_the_image_of_its_own_version() {
    let image = format!("docker://ghcr.io/presscheck/presscheck:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(action()["runs"]["image"], image);
}

#[test]
fn the_action_takes_the_inputs_that_are_read_and_documented() {
    let action = action();
    let inputs = action["inputs"].as_object().unwrap();
    let names: BTreeSet<&str> = inputs.keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(Inputs::NAMES));
    for name in inputs.keys().chain(action["outputs"].as_object().unwrap().keys()) {
        assert!(DOCS.contains(&format!("| `{name}` |")), "{name} is not in docs/github.md");
    }
}

#[test]
fn defaults_are_texts_and_are_read_without_complaint() {
    let action = action();
    for (name, input) in action["inputs"].as_object().unwrap() {
        assert!(input["default"].is_string(), "the default of {name} is not quoted");
    }
    let inputs = Inputs::read(|variable| {
        let name = variable.strip_prefix("INPUT_").unwrap().to_lowercase();
        action["inputs"][&name]["default"].as_str().map(str::to_owned)
    });
    let inputs = inputs.unwrap();
    assert_eq!(inputs.policy.as_deref(), Some("presscheck.yaml"));
    assert_eq!(inputs.name.as_deref(), Some("presscheck"));
    assert_eq!((inputs.comment, inputs.store, inputs.budget), (CommentWhen::OnChange, None, None));
}

#[test]
fn the_container_starts_the_program_itself_as_root() {
    let last = DOCKERFILE.rsplit("\nFROM ").next().unwrap();
    assert!(last.contains("\nENTRYPOINT [\"/presscheck\"]\n"));
    for word in ["\nUSER ", "\nWORKDIR ", "\nCMD "] {
        assert!(!last.contains(word), "{word} does not go into an action's image");
    }
}

#[test]
fn the_post_step_is_told_by_its_name() {
    let post = action()["runs"]["post-entrypoint"].as_str().unwrap().to_owned();
    assert!(Session::is_post_step(OsStr::new(&post)));
    assert!(
        DOCKERFILE.contains(&format!("/out{post}\n"))
            || DOCKERFILE.contains(&format!("/out{post} "))
    );
    for program in ["/presscheck", "presscheck", "", "/presscheck-post/presscheck"] {
        assert!(!Session::is_post_step(OsStr::new(program)), "{program}");
    }
}
