//! Files that are not in a clone: read over the API at exact commits, under the rules of the local readers.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use gix::objs::tree::{Entry, EntryKind};
use presscheck::github::Files;
use presscheck::revision::{Remote, RevisionError, Scratch, Snapshot};
use presscheck_core::units::{CommitSha, RepoPath};
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

use super::job::{Job, own};
use super::{Fake, Fault, HASTE, environment};
use crate::gate::{MODELS, POLICY, PROMPTS, Team, files_below, good, hero, profile, prompts};

fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

/// A commit with every kind of entry: files, a folder, links, a submodule.
fn odd_commit(scratch: &Scratch) -> CommitSha {
    let repository = gix::open(scratch.root()).unwrap();
    let blob = |bytes: &[u8]| repository.write_blob(bytes).unwrap().detach();
    let tree = |mut entries: Vec<Entry>| {
        entries.sort();
        repository.write_object(&gix::objs::Tree { entries }).unwrap().detach()
    };
    let entry =
        |name: &str, kind: EntryKind, oid| Entry { mode: kind.into(), filename: name.into(), oid };
    let folder = tree(vec![entry("ünï cödé #1?.txt", EntryKind::Blob, blob(b"inside"))]);
    let module = gix::ObjectId::from_hex("1".repeat(40).as_bytes()).unwrap();
    let root = tree(vec![
        entry("plain.txt", EntryKind::Blob, blob(b"plain")),
        entry("twin.txt", EntryKind::Blob, blob(b"plain")),
        entry("empty", EntryKind::Blob, blob(b"")),
        entry("run.sh", EntryKind::BlobExecutable, blob(b"#!")),
        entry("to-a-file", EntryKind::Link, blob(b"plain.txt")),
        entry("to-a-folder", EntryKind::Link, blob(b"folder")),
        entry("folder", EntryKind::Tree, folder),
        entry("module", EntryKind::Commit, module),
    ]);
    let first = scratch.commit("main", "first", &[], &[].into()).unwrap();
    let first = repository.find_commit(gix::ObjectId::from_hex(first.as_str().as_bytes()).unwrap());
    let mut commit: gix::objs::Commit = first.unwrap().decode().unwrap().try_into().unwrap();
    commit.tree = root;
    let id = repository.write_object(&commit).unwrap();
    std::fs::write(scratch.root().join(".git/refs/heads/main"), format!("{id}\n")).unwrap();
    id.to_string().parse().unwrap()
}

/// A commit as the API has it.
fn remote(fake: &Fake, sha: &CommitSha) -> Snapshot {
    let files = Files::open(&environment(&fake.url(), "ghs_test"), None, HASTE).unwrap();
    Snapshot::Remote(Remote::new(Arc::new(files), sha.clone()))
}

#[tokio::test]
async fn the_api_is_read_as_git_is() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = Scratch::create(folder.path()).unwrap();
    let sha = odd_commit(&scratch);
    let local =
        presscheck::revision::resolve(folder.path(), Some(sha.as_str()), Some("main")).unwrap();
    let fake = Fake::start().await;
    fake.serve(scratch.root());
    let remote = remote(&fake, &sha);
    for name in [
        "plain.txt",
        "twin.txt",
        "empty",
        "run.sh",
        "to-a-file",
        "to-a-folder",
        "folder",
        "module",
        "absent",
        "absent/file",
        "plain.txt/file",
        "folder/absent",
        "folder/ünï cödé #1?.txt",
    ] {
        for max in [3, 100] {
            let said =
                |read: Result<Option<Vec<u8>>, RevisionError>| read.map_err(|it| it.to_string());
            let there = said(remote.fetch(&path(name), max).await);
            assert_eq!(there, said(local.base.read(&path(name), max)), "{name}");
        }
    }
    // Each folder is listed once, each file read once, and twins are one. `plain.txt` was taken for a folder as well.
    let log = fake.log();
    let reads = |tail: &str| log.iter().filter(|line| line.ends_with(tail)).count();
    assert_eq!((reads("contents/"), reads("plain.txt"), reads("twin.txt")), (1, 2, 0), "{log:?}");
}

#[tokio::test]
async fn what_can_not_be_had_is_not_taken_for_absent() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = Scratch::create(folder.path()).unwrap();
    let sha = odd_commit(&scratch);
    let fake = Fake::start().await;
    fake.serve(scratch.root());
    let remote = remote(&fake, &sha);
    for fault in [
        Fault::Refuse(403, json!({"message": "Resource not accessible by integration"})),
        Fault::Refuse(401, json!({})),
    ] {
        fake.fail("GET", fault);
        let error = remote.fetch(&path("plain.txt"), 100).await.unwrap_err();
        assert!(matches!(error, RevisionError::Unreachable { .. }), "{error}");
        assert!(presscheck::revision::usable::<()>(Err(error)).is_err());
    }
    // An outage passes, and so does a rate limit.
    fake.fail("GET", Fault::Refuse(502, json!({})));
    fake.fail("GET", Fault::SlowDown(1));
    assert_eq!(remote.fetch(&path("plain.txt"), 100).await.unwrap().unwrap(), b"plain");
}

#[tokio::test]
async fn the_token_follows_no_redirect_to_another_host() {
    let (github, elsewhere) = (MockServer::start().await, MockServer::start().await);
    let moved = ResponseTemplate::new(302).insert_header("location", elsewhere.uri());
    Mock::given(any()).respond_with(moved).mount(&github).await;
    let files = Files::open(&environment(&github.uri(), "ghs_test"), None, HASTE).unwrap();
    let sha = "1".repeat(40).parse().unwrap();
    let read = Snapshot::Remote(Remote::new(Arc::new(files), sha)).fetch(&path("a"), 10).await;
    assert!(!matches!(read, Ok(Some(_))), "{read:?}");
    assert_eq!(
        github.received_requests().await.unwrap()[0].headers["authorization"],
        "Bearer ghs_test"
    );
    for request in elsewhere.received_requests().await.unwrap() {
        assert!(!request.headers.contains_key("authorization"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_without_history_is_completed_by_the_api() {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let clone = team.folder.path().join("clone");
    copy(team.scratch.root(), &clone);
    // What `actions/checkout` leaves at depth 1: the files are there, the other commit is not.
    let (first, rest) = base.as_str().split_at(2);
    std::fs::remove_file(clone.join(".git/objects").join(first).join(rest)).unwrap();
    std::fs::remove_file(clone.join(".git/refs/heads/main")).unwrap();
    std::fs::write(clone.join(".git/shallow"), format!("{head}\n")).unwrap();
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let ran = job.gate_in("shallow", &clone).run().await.ends(0);
    assert_eq!(ran.subject()["pairs"], 12);
    // The base's files are the same objects as the clone's, or were there before: none is downloaded.
    assert_eq!(job.reads(), 2, "{:?}", job.fake.log());
    // Without a token nothing is asked, and what to do is said.
    let gate = job.gate_in("quiet", &clone).env("INPUT_GITHUB-TOKEN", "");
    let ran = gate.run().await.ends(2);
    assert!(ran.stderr.contains("fetch-depth: 0"), "{}", ran.stderr);
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            std::fs::copy(entry.path(), to).map(drop).unwrap()
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_the_base_changed_is_told_apart_without_a_clone() {
    let team = Team::new(&good()).await;
    let files = |model: &str, more: bool| {
        let mut files = vec![
            (POLICY, team.policy().to_string()),
            (MODELS, hero(model)),
            (PROMPTS, prompts(12)),
        ];
        files.extend(more.then(|| ("README.md", "Hello".to_owned())));
        files
    };
    let fork = team.commit("main", &[], &files("old", false));
    let base = team.commit("main", &[&fork], &files("new", false));
    let head = team.commit("change", &[&fork], &files("old", true));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let ran = job.ends("apart", 0).await;
    assert!(ran.verdict()["reason"].as_str().unwrap().starts_with("Nothing to judge"));
    job.bought_nothing();
}

#[tokio::test(flavor = "multi_thread")]
async fn histories_that_share_nothing_are_compared_from_the_base() {
    let team = Team::new(&good()).await;
    let files = |model: &str| {
        [(POLICY, team.policy().to_string()), (MODELS, hero(model)), (PROMPTS, prompts(12))]
    };
    let base = team.commit("main", &[], &files("old"));
    let head = team.commit("change", &[], &files("new"));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    assert_eq!(job.ends("apart", 0).await.subject()["pairs"], 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_clone_and_without_github_there_is_no_verdict() {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let forbidden =
        || Fault::Refuse(403, json!({"message": "Resource not accessible by integration"}));
    job.fake.fail("GET /repos/octo-org/shop/compare", forbidden());
    let ran = job.ends("forbidden", 2).await;
    assert!(ran.stderr.contains("give the job `contents: read`"), "{}", ran.stderr);
    for _ in 0..3 {
        job.fake.fail("GET /repos/octo-org/shop/compare", Fault::Refuse(502, json!({})));
    }
    job.ends("away", 4).await;
    // The first answers come, then one does not: an outage is not taken for a file that is not there.
    job.fake.fail("GET /repos/octo-org/shop/contents/models.yaml", forbidden());
    let ran = job.ends("later", 2).await;
    assert!(ran.stderr.contains("no provider was asked"), "{}", ran.stderr);
    for _ in 0..3 {
        let lost = Fault::Refuse(502, json!({}));
        job.fake.fail("GET /repos/octo-org/shop/contents/prompts.txt", lost);
    }
    job.ends("lost", 4).await;
    job.bought_nothing();
    assert!(job.fake.checks().iter().all(|check| check["conclusion"] == "failure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn input_pictures_are_read_over_the_api_while_the_run_goes_on() {
    let team = Team::new(&good()).await;
    let mut policy = team.policy();
    policy["prompts"] = json!(["edits.jsonl"]);
    policy["providers"]["studio"]["body"] = json!({
        "prompt": "{{prompt}}", "model": "{{model}}", "seed": "{{seed}}", "image": "{{image}}",
    });
    let picture = |n: u8| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let drawn = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([n * 20, x as u8, y as u8]));
        drawn.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    };
    let edits: String = (0..6)
        .map(|n| format!("{}\n", json!({"id": n.to_string(), "prompt": format!("at night {n}"), "image": format!("photos/{n}.png")})))
        .collect();
    let files = |model: &str| {
        let hero = json!({"provider": "studio", "model": model, "task": "edit"});
        let mut files = presscheck::revision::Files::new();
        files.insert(path(POLICY), policy.to_string().into_bytes());
        files.insert(path(MODELS), json!({"models": {"hero": hero}}).to_string().into_bytes());
        files.insert(path("edits.jsonl"), edits.clone().into_bytes());
        files.extend((0..6).map(|n| (path(&format!("photos/{n}.png")), picture(n))));
        files
    };
    let base = team.scratch.commit("main", "base", &[], &files("old")).unwrap();
    let head = team.scratch.commit("change", "head", &[&base], &files("new")).unwrap();
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let ran = job.ends("edits", 0).await;
    assert_eq!(ran.subject()["pairs"], 6);
    // Both models get each picture; it is read once, and its folder is listed once.
    let log = job.fake.log();
    let photos = log.iter().filter(|line| line.contains("/contents/photos")).count();
    assert_eq!(photos, 7, "{log:?}");
}

#[tokio::test]
async fn a_run_asks_for_files_only_so_often() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = Scratch::create(folder.path()).unwrap();
    let sha = odd_commit(&scratch);
    let fake = Fake::start().await;
    fake.serve(scratch.root());
    let remote = remote(&fake, &sha);
    // A folder that is not there costs two requests.
    for n in 0..350 {
        let read = remote.fetch(&path(&format!("absent-{n}/file")), 100).await;
        assert_eq!(read.unwrap(), None, "{n}");
    }
    let error = remote.fetch(&path("plain.txt"), 100).await.unwrap_err().to_string();
    assert!(error.contains("has asked GitHub 700 times"), "{error}");
    assert!(error.contains("check the repository out with `fetch-depth: 0`"), "{error}");
    assert_eq!(fake.log().len(), 700);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_without_a_clone_is_of_the_event_and_asks_nobody_for_pictures() {
    let team = Team::new(&good()).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let ran = job.gate("plan").planned().arg("--json").run().await.ends(0);
    let plan: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let subject = &plan["subjects"][0];
    assert_eq!((&subject["baseline"], &subject["candidate"]), (&json!("old"), &json!("new")));
    assert_eq!(plan["strata"], json!([{"name": "untagged", "prompts": 12, "pairs": 12}]));
    assert!(
        ran.stderr.contains("No provider was asked, and nothing was written."),
        "{}",
        ran.stderr
    );
    job.bought_nothing();
    assert!(job.fake.log().iter().all(|line| line.starts_with("GET ")), "{:?}", job.fake.log());
    assert!(files_below(&job.file("workspace")).is_empty());
    // What GitHub does not tell is no plan of nothing.
    for _ in 0..3 {
        job.fake.fail("GET /repos/octo-org/shop/compare", Fault::Refuse(502, json!({})));
    }
    let ran = job.gate("away").planned().run().await.ends(4);
    assert!(ran.stderr.contains("no provider was asked"), "{}", ran.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn github_enterprise_serves_files_histories_and_pictures_below_its_path() {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "100%"}))).await;
    let (base, head) = team.change(&team.policy(), &prompts(20));
    let mut job = Job::over(Fake::start_below("/api/v3").await, team);
    job.is_pull("pull_request", ("main", &base), &head, &own());
    job.fake.grant_contents();
    let run = |name: &str| job.gate(name).with_store("kept");
    let ran = run("first").run().await.ends(1);
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    let log = job.fake.log();
    for route in [
        "GET /repos/octo-org/shop/contents/",
        "GET /repos/octo-org/shop/compare/",
        "POST /repos/octo-org/shop/git/blobs",
        "POST /repos/octo-org/shop/git/refs",
        "GET /repos/octo-org/shop/git/matching-refs/",
    ] {
        assert!(log.iter().any(|line| line.starts_with(route)), "{route}: {log:?}");
    }
    // The pictures, and the history of verdicts.
    assert_eq!((job.fake.refs().len(), job.fake.our_comments().len()), (2, 1));
    job.fake.permit("ada", "write");
    job.fake.label("ada", "labeled", "presscheck: accept");
    run("accepted").env("GITHUB_RUN_ID", "43").run().await.ends(0);
    let log = job.fake.log();
    assert!(log.iter().any(|line| line.ends_with("/issues/17/timeline")), "{log:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_eight_requests_for_files_are_under_way() {
    const SLOW: Duration = Duration::from_millis(300);
    let github = MockServer::start().await;
    let came = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&came);
    let answer = move |_: &Request| {
        noted.lock().unwrap().push(Instant::now());
        ResponseTemplate::new(404).set_body_json(json!({"message": "Not Found"})).set_delay(SLOW)
    };
    Mock::given(any()).respond_with(answer).mount(&github).await;
    let files = Files::open(&environment(&github.uri(), "ghs_test"), None, HASTE).unwrap();
    let remote = Remote::new(Arc::new(files), "1".repeat(40).parse().unwrap());
    let remote = Snapshot::Remote(remote);
    let paths: Vec<_> = (0..20).map(|n| path(&format!("folder-{n}/file"))).collect();
    let reads = paths.iter().map(|path| remote.fetch(path, 10));
    for read in futures_util::future::join_all(reads).await {
        assert_eq!(read.unwrap(), None);
    }
    let came = came.lock().unwrap().clone();
    assert_eq!(came.len(), 40);
    // None is answered sooner than after a while: those that came within less were under way together.
    let together = |from: &Instant| {
        came.iter().filter(|at| (*from..*from + SLOW * 9 / 10).contains(*at)).count()
    };
    let most = came.iter().map(together).max().unwrap();
    assert!((2..=8).contains(&most), "{most}");
}
