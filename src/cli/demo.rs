//! `presscheck demo`: the gate on the bundled example, with the simulated server, both endings of one story.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use clap::Args;
use presscheck_core::units::CommitSha;

use super::change::ChangeArgs;
use super::gate::{self, GateArgs};
use super::{Exit, output};
use crate::revision::{Files, Scratch};
use crate::simulator::{Profile, Simulator};

/// Where the demo works.
#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// The folder to make; it must not exist yet, or be an earlier demo's.
    #[arg(long, value_name = "DIR", default_value = "presscheck-demo")]
    out: PathBuf,
}

/// The example repository, as it lies under `examples/storefront`.
const EXAMPLE: &[(&str, &[u8])] = &[
    ("presscheck.yaml", include_bytes!("../../examples/storefront/presscheck.yaml")),
    ("imagegen/models.yaml", include_bytes!("../../examples/storefront/imagegen/models.yaml")),
    (
        "prompts/realistic.jsonl",
        include_bytes!("../../examples/storefront/prompts/realistic.jsonl"),
    ),
    ("prompts/requests.txt", include_bytes!("../../examples/storefront/prompts/requests.txt")),
    (
        "prompts/typography.jsonl",
        include_bytes!("../../examples/storefront/prompts/typography.jsonl"),
    ),
    ("prompts/locales.yaml", include_bytes!("../../examples/storefront/prompts/locales.yaml")),
    (
        "prompts/adversarial.jsonl",
        include_bytes!("../../examples/storefront/prompts/adversarial.jsonl"),
    ),
    ("prompts/brand.csv", include_bytes!("../../examples/storefront/prompts/brand.csv")),
    ("prompts/edge.jsonl", include_bytes!("../../examples/storefront/prompts/edge.jsonl")),
];

const PROFILE: &str = include_str!("../../examples/storefront/simulator.yaml");

/// The model that the demo's baseline uses, and the one that replaces it.
const OLD: &str = "atelier-2";
const NEW: &str = "atelier-3";

/// Marks a folder as the demo's own, so that a second run may replace it and nothing else.
const MARK: &str = ".presscheck-demo";

/// Runs the demo.
pub(super) fn run(arguments: &DemoArgs, json: bool) -> Exit {
    output::block_on(async {
        match play(&arguments.out, json).await {
            Ok(()) => Exit::Pass,
            Err(why) => {
                output::error(&why);
                Exit::CouldNotRun
            }
        }
    })
}

async fn play(out: &Path, json: bool) -> Result<(), String> {
    clear(out)?;
    let profile = Profile::read(PROFILE).map_err(|error| error.to_string())?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Simulator::start(profile, address)
        .await
        .map_err(|error| format!("the simulated server could not be started: {error}"))?;
    let port = server.addr().port();
    let scratch = Scratch::create(&out.join("repository"))?;
    let old = commit(&scratch, "main", "Use atelier-2", &[], OLD, port)?;
    let new = commit(&scratch, "cheaper-model", "Try atelier-3", &[&old], NEW, port)?;
    commit(&scratch, "way-back", "Go back to atelier-2", &[&new], OLD, port)?;

    say("A team moves its posters from atelier-2 ($42 per 1k images) to atelier-3 ($19 per 1k).\n");
    let first = judge(out, "main", "cheaper-model", "there").await?;
    gate::show(&first, false);
    say("\nA month later somebody changes it back, because three pictures looked nicer.\n");
    let second = judge(out, "cheaper-model", "way-back", "and-back").await?;
    gate::show(&second, json);
    say(&format!(
        "\nThe comment on a pull request: {}\nThe repository: {} (branches main, cheaper-model, way-back)\n",
        second.out.join("summary.md").display(),
        scratch.root().display(),
    ));
    server.shutdown().await;
    let endings = (first.run.verdict.blocking, second.run.verdict.blocking);
    if endings == (false, true) {
        Ok(())
    } else {
        Err("the demo did not end as its story goes; this is a bug of ours".to_owned())
    }
}

fn say(text: &str) {
    output::stderr(text);
}

/// Makes the folder, over an earlier demo's but over nothing else.
fn clear(out: &Path) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{} can't be made: {error}", out.display());
    if out.exists() {
        if !out.join(MARK).exists() {
            let out = out.display();
            return Err(format!(
                "{out} exists and is no demo's folder\n  help: name another with --out"
            ));
        }
        std::fs::remove_dir_all(out).map_err(fail)?;
    }
    std::fs::create_dir_all(out).map_err(fail)?;
    std::fs::write(out.join(MARK), "made by presscheck demo\n").map_err(fail)
}

/// Commits the example with a model, its provider being the server of this demo.
fn commit(
    scratch: &Scratch,
    branch: &str,
    message: &str,
    parents: &[&CommitSha],
    model: &str,
    port: u16,
) -> Result<CommitSha, String> {
    let mut files = Files::new();
    for (path, bytes) in EXAMPLE {
        let text = String::from_utf8_lossy(bytes);
        let text = match *path {
            "presscheck.yaml" => text.replace("127.0.0.1:8787", &format!("127.0.0.1:{port}")),
            "imagegen/models.yaml" => text.replace(OLD, model),
            _ => text.into_owned(),
        };
        let path = path.parse().map_err(|error| format!("{path}: {error}"))?;
        files.insert(path, text.into_bytes());
    }
    scratch.commit(branch, message, parents, &files)
}

async fn judge(out: &Path, base: &str, head: &str, name: &str) -> Result<gate::Judged, String> {
    let absolute = std::path::absolute(out).map_err(|error| error.to_string())?;
    let arguments = GateArgs {
        change: ChangeArgs {
            base: Some(base.to_owned()),
            head: Some(head.to_owned()),
            store: Some(absolute.join("store").to_string_lossy().into_owned()),
            directory: Some(absolute.join("repository")),
            ..ChangeArgs::default()
        },
        out: Some(absolute.join(name)),
        ..GateArgs::default()
    };
    gate::judge_here(&arguments).await.map_err(|(_, text)| text)
}
