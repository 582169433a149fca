use super::*;
use presscheck_core::units::CostBasis;
use presscheck_core::units::{Seed, Usd};

fn identity(prompt: &str) -> Identity {
    Identity {
        form: 1,
        dialect: "http".to_owned(),
        dialect_version: 1,
        provider: serde_json::json!({"url": "https://example.com"}),
        model: "m".to_owned(),
        params: serde_json::json!({}),
        prompt: prompt.to_owned(),
        seed: Seed(7),
        input: None,
        mask: None,
        burst: None,
    }
}

fn record(prompt: &str, picture: &[u8]) -> Record {
    let identity = identity(prompt);
    Record {
        key: identity.key(),
        identity,
        bought_ms: 1,
        run: "r#1".to_owned(),
        answer: StoredAnswer::Image {
            digest: Digest::of(picture),
            bytes: picture.len() as u64,
            content_type: None,
        },
        latency_ms: Some(12.5),
        charged: Usd::ZERO,
        cost_basis: CostBasis::Exact,
        attempts: Vec::new(),
    }
}

fn files(dir: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn what_is_kept_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().to_str().unwrap(), []).unwrap();
    let record = record("a cat", b"picture");
    assert_eq!(store.sample(&record.key).await.unwrap(), Lookup::Missing);
    store.keep(&record, Some(Bytes::from_static(b"picture"))).await.unwrap();
    assert_eq!(store.sample(&record.key).await.unwrap(), Lookup::Found(record));
    let image = store.image(&Digest::of(b"picture")).await.unwrap();
    assert_eq!(image, Lookup::Found(Bytes::from_static(b"picture")));
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().to_str().unwrap(), []).unwrap();
    let record = record("a cat", b"picture");
    store.keep(&record, Some(Bytes::from_static(b"picture"))).await.unwrap();
    for file in files(dir.path()) {
        let whole = std::fs::read(&file).unwrap();
        let is_image = file.to_str().unwrap().contains("images");
        for index in 0..whole.len() {
            for damaged in [
                {
                    let mut bytes = whole.clone();
                    bytes[index] ^= 1;
                    bytes
                },
                whole[..index].to_vec(),
            ] {
                std::fs::write(&file, damaged).unwrap();
                let noticed = if is_image {
                    store.image(&Digest::of(b"picture")).await.unwrap() == Lookup::Damaged
                } else {
                    store.sample(&record.key).await.unwrap() == Lookup::Damaged
                };
                assert!(noticed, "{} byte {index}", file.display());
            }
        }
        std::fs::write(&file, whole).unwrap();
    }
}

#[tokio::test]
async fn a_record_under_another_key_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path().to_str().unwrap(), []).unwrap();
    let (one, two) = (record("a cat", b"1"), record("a dog", b"2"));
    store.keep(&one, None).await.unwrap();
    store.keep(&two, None).await.unwrap();
    let place = |key: &Digest| dir.path().join(sample_path(key).as_ref());
    std::fs::copy(place(&one.key), place(&two.key)).unwrap();
    assert_eq!(store.sample(&two.key).await.unwrap(), Lookup::Damaged);
}

#[test]
fn a_key_follows_everything_that_shapes_the_answer() {
    let base = identity("a cat");
    let mut keys = vec![base.key()];
    for change in [
        |i: &mut Identity| i.prompt.push('!'),
        |i: &mut Identity| i.seed = Seed(8),
        |i: &mut Identity| i.model.push('2'),
        |i: &mut Identity| i.params = serde_json::json!({"steps": 4}),
        |i: &mut Identity| i.dialect_version = 2,
        |i: &mut Identity| i.input = Some(Digest::of(b"x")),
        |i: &mut Identity| i.provider = serde_json::json!({}),
    ] {
        let mut other = base.clone();
        change(&mut other);
        keys.push(other.key());
    }
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 8);
    assert_eq!(identity("a cat").key(), base.key());
}

#[test]
fn a_killed_run_is_continued_and_a_finished_one_is_not() {
    let first = RunRecord::next(None, 1);
    assert_eq!(RunRecord::next(Some(&first), 2), first);
    let undecided = RunRecord { finished: true, ..first.clone() };
    assert_eq!(RunRecord::next(Some(&undecided), 3).round, 2);
    let fixed = Fixed { began_ms: 1, baseline_known: false, design_rate: 0.02 };
    let again = RunRecord::next(Some(&RunRecord { fixed: Some(fixed), ..undecided.clone() }), 3);
    assert_eq!(again.fixed, Some(Fixed { began_ms: 3, ..fixed }), "the same test, a new clock");
    // What is proven is read again, under the same terms.
    let fixed = Fixed { began_ms: 5, baseline_known: true, design_rate: 0.02 };
    let decided = RunRecord { decided: Some(180), fixed: Some(fixed), ..undecided };
    let again = RunRecord::next(Some(&decided), 9);
    assert_eq!((again.round, again.decided, again.fixed), (1, Some(180), Some(fixed)));
}

#[test]
fn an_empty_variable_says_nothing_about_a_bucket() {
    // A bucket is spoken to over TLS.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let open = |value: &str| {
        let variable = ("AWS_SKIP_SIGNATURE".to_owned(), value.to_owned());
        Store::open("s3://pictures/results", [variable])
    };
    assert!(open("maybe").is_err(), "what is set is read");
    open("").unwrap();
}
