//! What users of the action get: `action.yml`, the container's description, and that both fit the program.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use presscheck::github::{CommentWhen, Inputs, Session};
use serde_json::Value;

use crate::docs::yaml_blocks;

const ACTION: &str = include_str!("../../../action.yml");
const GATE: &str = include_str!("../../../.github/workflows/gate.yml");
const RELEASE: &str = include_str!("../../../.github/workflows/release.yml");
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
    let found = steps(gate, action);
    let [step] = found.as_slice() else { panic!("{} steps run {action}", found.len()) };
    step
}

/// All steps of the called job that run an action.
fn steps<'a>(gate: &'a Value, action: &str) -> Vec<&'a Value> {
    let all = gate["jobs"]["gate"]["steps"].as_array().unwrap();
    let runs = |step: &&Value| {
        step["uses"].as_str().is_some_and(|uses| uses.split('@').next() == Some(action))
    };
    all.iter().filter(runs).collect()
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
    // What becomes of the output folder is the workflow's own matter.
    assert!(inputs.remove("evidence"));
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
    let uploads = steps(&gate, "actions/upload-artifact");
    let [report, evidence] = uploads.as_slice() else { panic!("{uploads:?}") };
    for step in [restore, save, report, evidence] {
        let commit = step["uses"].as_str().unwrap().split('@').nth(1).unwrap();
        assert!(commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit()), "{commit}");
    }
    for step in [save, report, evidence] {
        assert!(step["if"].as_str().unwrap().starts_with("${{ always() && "), "{step}");
        // What can't be kept changes no verdict.
        assert_eq!(step["continue-on-error"], true, "{step}");
    }
    // The whole folder, so that the page finds its pictures and a replay all of it.
    assert_eq!(evidence["with"]["path"], "${{ inputs.out }}");
    assert_eq!(evidence["with"]["name"], "${{ steps.kept.outputs.name }}-evidence");
    assert_eq!(gate["on"]["workflow_call"]["inputs"]["evidence"]["default"], true);
    assert_eq!(restore["with"]["path"], save["with"]["path"]);
    assert_eq!(restore["with"]["key"], save["with"]["key"]);
    assert_eq!(restore["with"]["path"], "${{ inputs.store }}");
    assert_eq!(report["with"]["archive"], false);
    // Both are told apart by the gate's name.
    for (with, key) in [(restore, "key"), (save, "key"), (restore, "restore-keys")] {
        let value = with["with"][key].as_str().unwrap();
        assert!(value.contains("presscheck-${{ steps.kept.outputs.name }}-"), "{value}");
    }
    assert_eq!(report["with"]["path"], "${{ steps.report.outputs.path }}");
}

#[test]
fn the_workflows_to_paste_call_it_as_it_wants_to_be_called() {
    let gate = gate();
    let call = &gate["on"]["workflow_call"];
    let place =
        format!("presscheck/presscheck/.github/workflows/gate.yml@v{}", env!("CARGO_PKG_VERSION"));
    for (name, page, wanted) in [("README.md", README, 1), ("docs/github.md", DOCS, 2)] {
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
        assert_eq!(found, wanted, "{name}");
    }
}

/// The script of a job's step.
fn script<'a>(workflow: &'a Value, job: &str, step: &str) -> &'a str {
    let steps = workflow["jobs"][job]["steps"].as_array().unwrap();
    let found = steps.iter().find(|it| it["name"] == step || it["id"] == step);
    found.unwrap_or_else(|| panic!("{job} has no step {step}"))["run"].as_str().unwrap()
}

/// Runs a script as GitHub does, in a folder of its own.
#[cfg(unix)]
fn bash(script: &str, folder: &Path, environment: &[(&str, &str)]) -> Output {
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-e", "-c", script]).env_clear().env("PATH", path).current_dir(folder);
    command.env("GITHUB_OUTPUT", folder.join("output")).env("RUNNER_TEMP", folder);
    command.envs(environment.iter().copied()).output().unwrap()
}

#[cfg(unix)]
#[test]
fn caches_and_reports_of_several_gates_have_names_of_their_own() {
    let gate = gate();
    let mut names = BTreeSet::new();
    let inputs = [
        "presscheck",
        "",
        "heroes",
        "hero / a",
        "hero - a",
        "hero\n::error::a",
        "héros",
        "--rf",
        "$(id)",
    ];
    for input in inputs {
        let folder = tempfile::tempdir().unwrap();
        let ran = bash(script(&gate, "gate", "kept"), folder.path(), &[("NAME", input)]);
        assert!(ran.status.success(), "{ran:?}");
        let told = std::fs::read_to_string(folder.path().join("output")).unwrap();
        let name = told.strip_prefix("name=").unwrap().trim_end();
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        assert!(!name.is_empty() && name.bytes().all(plain), "{input:?}: {name:?}");
        names.insert(name.to_owned());
        std::fs::write(folder.path().join("report.html"), "<html>").unwrap();
        let named = [("NAME", name), ("REPORT", "report.html")];
        let ran = bash(script(&gate, "gate", "report"), folder.path(), &named);
        assert!(ran.status.success(), "{ran:?}");
        assert!(folder.path().join(format!("{name}-report.html")).exists());
    }
    // The empty name is the default one; no others share theirs.
    assert_eq!(names.len(), inputs.len() - 1, "{names:?}");
    assert!(names.contains("presscheck") && names.contains("heroes"));
}

#[cfg(unix)]
#[test]
fn a_version_is_published_once() {
    let release: Value = serde_yaml::from_str(RELEASE).unwrap();
    let jobs = release["jobs"].as_object().unwrap();
    // Every other job waits for the one that asks, which may write nothing.
    for (name, job) in jobs {
        let needs = serde_json::to_string(&job["needs"]).unwrap();
        assert_eq!(needs.contains("\"agree\""), name != "agree", "{name}");
    }
    let may = jobs["agree"]["permissions"].as_object().unwrap();
    assert!(may.values().all(|access| access == "read"), "{may:?}");
    let script = script(&release, "agree", "Nothing of this version is published yet");
    for (of_release, of_image, good) in [
        ("404", "404", true),
        ("200", "404", false),
        ("404", "200", false),
        ("404", "401", false),
        ("503", "404", false),
        ("404", "000", false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let program = |name: &str, text: &str| {
            use std::os::unix::fs::PermissionsExt as _;
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        };
        program(
            "curl",
            &format!(
                "case \"$*\" in */releases/tags/v9.9.9*) printf {of_release};; */manifests/9.9.9*) printf {of_image};; */token*) echo '{{}}';; *) exit 9;; esac"
            ),
        );
        program("jq", "echo login");
        let environment = [
            ("IMAGE", "ghcr.io/presscheck/presscheck"),
            ("VERSION", "9.9.9"),
            ("GH_TOKEN", "ghs_test"),
            ("GITHUB_API_URL", "https://api.github.com"),
            ("GITHUB_REPOSITORY", "presscheck/presscheck"),
            ("GITHUB_ACTOR", "ada"),
        ];
        let ran = bash(script, folder.path(), &environment);
        assert_eq!(ran.status.success(), good, "{of_release} {of_image}: {ran:?}");
    }
}
