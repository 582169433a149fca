//! What users of the action get: `action.yml`, the container's description, and that both fit the program.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use presscheck::github::{CommentWhen, Inputs, Session};
use serde_json::Value;

use crate::docs::yaml_blocks;

const ACTION: &str = include_str!("../../../action.yml");
const GATE: &str = include_str!("../../../.github/workflows/gate.yml");
const PROVIDERS: &str = include_str!("../../../docs/providers.md");
const README: &str = include_str!("../../../README.md");
const DOCKERFILE: &str = include_str!("../../../Dockerfile");
const DOCS: &str = include_str!("../../../docs/github.md");

fn action() -> Value {
    serde_yaml::from_str(ACTION).unwrap()
}

/// The workflow that others call.
fn gate() -> Value {
    serde_yaml::from_str(GATE).unwrap()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The one step of the called workflow whose action has this name.
fn step<'a>(gate: &'a Value, action: &str) -> &'a Value {
    let steps = gate["jobs"]["gate"]["steps"].as_array().unwrap();
    let mut found = steps.iter().filter(|step| {
        step["uses"].as_str().is_some_and(|uses| uses.split('@').next() == Some(action))
    });
    let step = found.next().unwrap_or_else(|| panic!("no step runs {action}"));
    assert!(found.next().is_none(), "two steps run {action}");
    step
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

#[test]
fn the_called_workflow_takes_the_actions_inputs_and_hands_each_on() {
    let (action, gate) = (action(), gate());
    let call = &gate["on"]["workflow_call"];
    let step = step(&gate, "presscheck/presscheck");
    assert_eq!(step["uses"], format!("presscheck/presscheck@v{}", env!("CARGO_PKG_VERSION")));
    for (name, input) in action["inputs"].as_object().unwrap() {
        if name == "github-token" {
            assert_eq!(step["with"][name], "${{ secrets.token || github.token }}");
            continue;
        }
        let own = &call["inputs"][name];
        assert_eq!(step["with"][name], format!("${{{{ inputs.{name} }}}}"));
        assert_eq!(own["type"], "string", "{name}");
        // The store alone has another default, since the cache must know where it is.
        let default =
            if name == "store" { ".presscheck/store".into() } else { input["default"].clone() };
        assert_eq!(own["default"], default, "{name}");
    }
    let mut inputs = keys(&call["inputs"]);
    inputs.insert("github-token");
    assert_eq!(inputs, keys(&action["inputs"]));
    assert_eq!(keys(&step["with"]), inputs);
    for name in keys(&action["outputs"]) {
        assert_eq!(call["outputs"][name]["value"], format!("${{{{ jobs.gate.outputs.{name} }}}}"));
        let output = format!("${{{{ steps.gate.outputs.{name} }}}}");
        assert_eq!(gate["jobs"]["gate"]["outputs"][name], output);
    }
    assert_eq!(keys(&call["outputs"]), keys(&action["outputs"]));
}

#[test]
fn the_called_workflow_hands_keys_to_the_gate_alone_under_the_names_of_the_docs() {
    let gate = gate();
    let secrets = &gate["on"]["workflow_call"]["secrets"];
    let mut names = keys(secrets);
    for name in &names {
        assert_eq!(secrets[name]["required"], false, "{name}");
    }
    assert!(names.remove("token"));
    let step = step(&gate, "presscheck/presscheck");
    assert_eq!(keys(&step["env"]), names);
    for name in &names {
        assert_eq!(step["env"][name], format!("${{{{ secrets.{name} }}}}"));
    }
    // Besides the declarations, a secret is named in that step only, once as a variable.
    assert_eq!(GATE.matches("secrets.").count(), names.len() + 1);
    let own = ["PROVIDER_KEY", "PROVIDER_KEY_2", "PROVIDER_KEY_3"];
    for name in own {
        assert!(names.remove(name) && DOCS.contains(&format!("`{name}`")), "{name}");
    }
    // What else the pages on providers name stands for an endpoint of the reader's own.
    let mut told: BTreeSet<&str> = PROVIDERS
        .lines()
        .filter_map(|line| line.trim().strip_prefix("api_key_env:"))
        .flat_map(|rest| rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')))
        .filter(|name| !name.is_empty() && !name.starts_with("STUDIO_"))
        .collect();
    assert!(told.remove("GEMINI_API_KEY") && names.remove("GEMINI_API_KEY"));
    assert_eq!(names, told);
}

#[test]
fn what_was_paid_for_is_kept_whatever_the_verdict() {
    let gate = gate();
    let job = &gate["jobs"]["gate"];
    assert_eq!(gate["permissions"], serde_json::json!({}));
    let least =
        serde_json::json!({"contents": "read", "checks": "write", "pull-requests": "write"});
    assert_eq!(job["permissions"], least);
    let restore = step(&gate, "actions/cache/restore");
    let save = step(&gate, "actions/cache/save");
    let report = step(&gate, "actions/upload-artifact");
    for step in [restore, save, report] {
        let commit = step["uses"].as_str().unwrap().split('@').nth(1).unwrap();
        assert!(commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()), "{commit}");
    }
    for step in [save, report] {
        assert!(step["if"].as_str().unwrap().starts_with("${{ always() && "), "{step}");
    }
    assert_eq!(restore["with"]["path"], save["with"]["path"]);
    assert_eq!(restore["with"]["key"], save["with"]["key"]);
    assert_eq!(restore["with"]["path"], "${{ inputs.store }}");
    assert_eq!(report["with"]["archive"], false);
}

#[test]
fn the_workflows_to_paste_call_it_as_it_wants_to_be_called() {
    let gate = gate();
    let call = &gate["on"]["workflow_call"];
    let place =
        format!("presscheck/presscheck/.github/workflows/gate.yml@v{}", env!("CARGO_PKG_VERSION"));
    for (name, page) in [("README.md", README), ("docs/github.md", DOCS)] {
        let mut found = 0;
        for (_, block) in yaml_blocks(page).iter().filter(|(_, block)| block.contains("gate.yml@"))
        {
            let workflow: Value = serde_yaml::from_str(block).unwrap();
            let job = &workflow["jobs"]["image-models"];
            assert_eq!(job["uses"], place, "{name}");
            // A called job that asks for more than it is given is never started.
            assert_eq!(job["permissions"], gate["jobs"]["gate"]["permissions"], "{name}");
            assert!(keys(&job["with"]).is_subset(&keys(&call["inputs"])), "{name}");
            assert!(keys(&job["secrets"]).is_subset(&keys(&call["secrets"])), "{name}");
            found += 1;
        }
        assert_eq!(found, 1, "{name}");
    }
}
