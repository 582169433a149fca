//! What the comment says and shows, and when there is none.

use image::{GenericImageView as _, ImageDecoder as _};
use presscheck::github::HISTORY_REF;
use serde_json::json;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::job::{Job, own};
use crate::gate::{MODELS, POLICY, PROMPTS, Team, hero, profile, prompts};

/// A team whose candidate fails, and a pull request of it.
async fn failing() -> Job {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "60%"}))).await;
    let policy = team.policy();
    let (base, head) = team.change(&policy, &prompts(40));
    Job::of_pull(team, ("main", &base), &head, &own()).await
}

/// The commits and files that a comment shows.
fn shown(comment: &str) -> Vec<(String, String)> {
    let start = "](https://github.example.com/octo-org/shop/blob/";
    let links = comment.split(start).skip(1);
    links
        .map(|rest| {
            let (commit, rest) = rest.split_once('/').unwrap();
            let (file, _) = rest.split_once("?raw=true)").unwrap();
            (commit.to_owned(), file.to_owned())
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worst_pairs_are_shown_where_the_token_may_write_and_kept_out_of_every_branch() {
    let job = failing().await;
    job.fake.grant_contents();
    let old = "refs/presscheck/2020-01-01/pr-3-00aa11bb/7-1";
    let others = ["refs/heads/main", "refs/presscheck/evidence"];
    for name in others.into_iter().chain([old]) {
        job.fake.add_ref(name);
    }
    let ran = job.ends("first", 1).await;
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    let comment = job.fake.our_comments().remove(0);
    let pictures = shown(&comment);
    assert_eq!(pictures.len(), 6, "{comment}");
    let commit = &pictures[0].0;
    for (of, file) in &pictures {
        assert_eq!(of, commit);
        let bytes = job.fake.file(commit, file).unwrap();
        let (width, _) = image::load_from_memory(&bytes).unwrap().dimensions();
        assert!(width > 330 && bytes.len() < 100_000, "{width} {}", bytes.len());
    }
    let mut refs = job.fake.refs();
    refs.remove(HISTORY_REF).unwrap();
    let ours: Vec<_> = refs.iter().filter(|(name, _)| !others.contains(&name.as_str())).collect();
    assert_eq!((refs.len(), ours.len()), (3, 1), "{refs:?}");
    assert!(ours[0].0.starts_with("refs/presscheck/2") && ours[0].0.contains("/pr-17-"));
    assert_eq!(ours[0].1, commit);
    // The summary of the job loads nothing.
    let summary = std::fs::read_to_string(job.file("first-summary")).unwrap();
    assert!(shown(&summary).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_run_shows_its_own_pictures_and_deletes_the_earlier_ones() {
    let job = failing().await;
    job.fake.grant_contents();
    job.ends("first", 1).await;
    let pictures = |job: &Job| {
        let mut refs = job.fake.refs();
        refs.remove(HISTORY_REF);
        refs
    };
    let first = pictures(&job);
    let ran = job.gate("second").env("GITHUB_RUN_ID", "43").run().await.ends(1);
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    let second = pictures(&job);
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(second.keys().next().unwrap().ends_with("/43-1"), "{second:?}");
    assert_eq!(job.fake.our_comments().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_permission_the_comment_has_words_alone_and_nobody_is_warned() {
    let job = failing().await;
    let ran = job.ends("words", 1).await;
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    let comment = job.fake.our_comments().remove(0);
    assert!(shown(&comment).is_empty() && !comment.contains("!["), "{comment}");
    assert!(job.fake.refs().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_something_else_gets_no_comment_unless_each_run_should() {
    let job = Job::of_something_else().await;
    job.ends("quiet", 0).await;
    assert!(job.fake.our_comments().is_empty());
    job.gate("asked").env("INPUT_COMMENT", "always").run().await.ends(0);
    let said = job.fake.our_comments();
    assert_eq!(said.len(), 1);
    // One that is there never says what no longer holds.
    job.fake.rewrite_our_comments("### something else\n\n<!-- presscheck:presscheck -->");
    job.ends("kept", 0).await;
    assert_eq!(job.fake.our_comments(), said);
    job.fake.rewrite_our_comments("stays\n\n<!-- presscheck:presscheck -->");
    job.gate("never").env("INPUT_COMMENT", "never").run().await.ends(0);
    assert!(job.fake.our_comments()[0].starts_with("stays"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_gets_no_comment_where_only_failures_should() {
    for (faults, code, comments) in [(json!({}), 0, 0), (json!({"wrong_aspect": "60%"}), 1, 1)] {
        let team = Team::new(&profile(&json!({}), &faults)).await;
        let (base, head) = team.change(&team.policy(), &prompts(40));
        let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
        job.gate("only").env("INPUT_COMMENT", "on-failure").run().await.ends(code);
        assert_eq!(job.fake.our_comments().len(), comments);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_push_the_comment_says_which_prompts_fail_now_and_which_are_fixed() {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "60%"}))).await;
    let (base, head) = team.change(&team.policy(), &prompts(40));
    let pushed = {
        let policy = team.policy().to_string();
        let models = json!({"models": {"hero": {"provider": "studio", "model": "new", "params": {"steps": 30}}}});
        let files = [(POLICY, policy), (MODELS, models.to_string()), (PROMPTS, prompts(40))];
        team.commit("change", &[&head], &files)
    };
    let mut job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    job.ends("first", 1).await;
    assert!(!job.fake.our_comments()[0].contains("Since the last run"));
    job.is_pull("pull_request", ("main", &base), &pushed, &own());
    job.ends("second", 1).await;
    let comments = job.fake.our_comments();
    let since = format!("Since the last run, at `{}`: ", &head.as_str()[..7]);
    assert!(comments.len() == 1 && comments[0].contains(&since), "{comments:?}");
    // A second look at the same commit has nothing to add.
    job.ends("again", 1).await;
    assert!(!job.fake.our_comments()[0].contains("Since the last run"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_run_shows_how_the_last_verdicts_went_and_whoever_accepted_one_is_in_the_history() {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "60%"}))).await;
    let (base, head) = team.change(&team.policy(), &prompts(40));
    let mut job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    let ends = async |job: &Job, name: &str, code| {
        job.gate(name).with_store("kept").run().await.ends(code)
    };
    ends(&job, "first", 1).await;
    // The same commit again is no second verdict.
    ends(&job, "again", 1).await;
    assert!(!job.fake.our_comments()[0].contains("Last "));
    let files = [(MODELS, hero("new")), ("more", "x".to_owned())];
    let pushed = job.team.commit("change", &[&base], &files);
    job.is_pull("pull_request", ("main", &base), &pushed, &own());
    let ran = ends(&job, "second", 1).await;
    let comment = job.fake.our_comments().remove(0);
    assert!(comment.contains("Last 2 verdicts on `hero`: ❌ ❌ · failure rate "), "{comment}");
    // Neither the summary nor the page has it: they are of this run alone.
    assert!(!ran.read("summary.md").contains("Last 2 verdicts"));
    job.fake.permit("ada", "write");
    job.fake.add_comment("ada", "/presscheck accept on purpose @octo-org/all");
    ends(&job, "accepted", 0).await;
    let comment = job.fake.our_comments().remove(0);
    assert!(comment.contains("· 1 accepted all the same"), "{comment}");
    let store = job.gate("kept").with_store("kept").store().to_path_buf();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_presscheck"))
        .env_clear()
        .args(["history", "--store"])
        .arg(store)
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("accepted by @ada: on purpose"), "{table}");
    assert!(table.contains("#17") && table.contains("4 verdicts: 0 passed, 4 failed"), "{table}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_after_a_failure_deletes_the_failures_pictures_by_one_more_request() {
    let team = Team::new(&profile(&json!({}), &json!({"wrong_aspect": "100%"}))).await;
    let (base, head) = team.change(&team.policy(), &prompts(12));
    let models = json!({"models": {"hero": {"provider": "studio", "model": "old", "params": {"steps": 30}}}});
    let files =
        [(POLICY, team.policy().to_string()), (MODELS, models.to_string()), (PROMPTS, prompts(12))];
    let good = team.commit("change", &[&head], &files);
    let mut job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    job.fake.grant_contents();
    job.ends("fails", 1).await;
    let pictures = |job: &Job| {
        let mut refs = job.fake.refs();
        refs.remove(HISTORY_REF);
        refs
    };
    assert_eq!(pictures(&job).len(), 1);
    let before = job.fake.log().len();
    job.is_pull("pull_request", ("main", &base), &good, &own());
    let ran = job.gate("passes").env("GITHUB_RUN_ID", "43").run().await.ends(0);
    assert!(!ran.stderr.contains("::warning"), "{}", ran.stderr);
    assert!(pictures(&job).is_empty(), "{:?}", pictures(&job));
    assert!(shown(&job.fake.our_comments()[0]).is_empty());
    let log = job.fake.log();
    let of_pictures = ["/git/matching-refs/", "DELETE /repos/octo-org/shop/git/"];
    let of_git: Vec<_> = log[before..]
        .iter()
        .filter(|line| of_pictures.iter().any(|part| line.contains(part)))
        .collect();
    assert_eq!(of_git.len(), 2, "{of_git:?}");
    assert!(of_git[0].starts_with("GET ") && of_git[1].starts_with("DELETE "), "{of_git:?}");
}

/// A JPEG that says where it was taken, and by whom.
fn telling_jpeg() -> Vec<u8> {
    let mut jpeg = std::io::Cursor::new(Vec::new());
    let picture = image::RgbImage::from_fn(96, 64, |x, y| image::Rgb([x as u8, y as u8, 90]));
    picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    // TIFF, little-endian: one entry (GPS IFD at 26), and there latitude's and longitude's references, and an artist.
    let entry = |tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        [&tag.to_le_bytes()[..], &kind.to_le_bytes(), &count.to_le_bytes(), &value].concat()
    };
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0".to_vec();
    exif.extend(
        [&1_u16.to_le_bytes()[..], &entry(0x8825, 4, 1, 26_u32.to_le_bytes()), &[0; 4]].concat(),
    );
    exif.extend(
        [
            &2_u16.to_le_bytes()[..],
            &entry(1, 2, 2, *b"N\0\0\0"),
            &entry(3, 2, 2, *b"E\0\0\0"),
            &[0; 4],
        ]
        .concat(),
    );
    exif.extend(b"GPS 52.5163 13.3777 by SECRET-ARTIST");
    let mut told = jpeg[..2].to_vec();
    for (marker, content) in [
        (0xe1, exif.as_slice()),
        (0xe1, b"http://ns.adobe.com/xap/1.0/\0<x>SECRET-XMP</x>"),
        (0xfe, b"SECRET-COMMENT"),
    ] {
        told.extend([0xff, marker]);
        told.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
        told.extend(content);
    }
    told.extend(&jpeg[2..]);
    told
}

/// What a JPEG says besides its pixels: EXIF, if it has any, and each segment for applications or comments.
fn besides_pixels(bytes: &[u8]) -> (Option<Vec<u8>>, Vec<u8>) {
    let mut decoder = image::codecs::jpeg::JpegDecoder::new(std::io::Cursor::new(bytes)).unwrap();
    let (mut at, mut markers) = (2, Vec::new());
    while bytes[at] == 0xff && bytes[at + 1] != 0xda {
        markers.push(bytes[at + 1]);
        at += 2 + usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
    }
    markers.retain(|marker| matches!(marker, 0xe0..=0xef | 0xfe));
    (decoder.exif_metadata().unwrap(), markers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_says_where_it_was_taken_is_uploaded_without_saying_it() {
    let jpeg = telling_jpeg();
    assert!(besides_pixels(&jpeg).0.is_some_and(|exif| exif.ends_with(b"SECRET-ARTIST")));
    let studio = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw(jpeg, "image/jpeg");
    Mock::given(any()).respond_with(answer).mount(&studio).await;
    let team = Team::new(&profile(&json!({}), &json!({}))).await;
    let mut policy = team.policy();
    policy["providers"]["studio"]["url"] = json!(studio.uri());
    policy["providers"]["studio"].as_object_mut().unwrap().remove("cost");
    // Both sides fail the size; a limit on the rate itself blocks.
    policy["limits"] = json!({"failure_rate": {"max": "5%"}});
    let (base, head) = team.change(&policy, &prompts(12));
    let job = Job::of_pull(team, ("main", &base), &head, &own()).await;
    job.fake.grant_contents();
    job.ends("told", 1).await;
    let comment = job.fake.our_comments().remove(0);
    let pictures = shown(&comment);
    assert!(!pictures.is_empty(), "{comment}");
    for (commit, file) in pictures {
        let bytes = job.fake.file(&commit, &file).unwrap();
        let (exif, markers) = besides_pixels(&bytes);
        // APP0 is the JPEG's own head, JFIF.
        assert_eq!((exif, markers), (None, vec![0xe0]));
        for secret in [&b"SECRET"[..], b"GPS", b"Exif"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_job_s_page_lists_the_worst_pairs_in_words() {
    let job = failing().await;
    let ran = job.ends("words", 1).await;
    let summary = std::fs::read_to_string(job.file("words-summary")).unwrap();
    let sheet = summary.split("in words, for this page shows no picture").nth(1).unwrap();
    assert_eq!(sheet.matches("- this change: failed").count(), 6, "{sheet}");
    assert!(
        sheet.contains("- baseline: passed; `images/")
            && sheet.contains("a small picture of thing")
    );
    // Each picture that is named lies there.
    let named: Vec<_> = sheet.split('`').filter(|text| text.starts_with("images/")).collect();
    assert_eq!(named.len(), 12, "{sheet}");
    for path in named {
        assert!(ran.out.join(path).exists(), "{path}");
    }
    assert!(!job.fake.our_comments()[0].contains("for this page shows no picture"));
}
