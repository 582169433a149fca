use super::*;
use std::collections::BTreeMap;

fn files(list: &[(&str, &str)]) -> BTreeMap<RepoPath, Vec<u8>> {
    list.iter().map(|(path, text)| (path.parse().unwrap(), text.as_bytes().to_vec())).collect()
}

fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

/// `main` moves on after `feature` left it.
fn repository(root: &Path) -> Scratch {
    let scratch = Scratch::create(root).unwrap();
    let first =
        scratch.commit("main", "first", &[], &files(&[("a/b.txt", "one"), ("c", "x")])).unwrap();
    scratch
        .commit("feature", "feature", &[&first], &files(&[("a/b.txt", "two"), ("c", "x")]))
        .unwrap();
    scratch.commit("main", "second", &[&first], &files(&[("a/b.txt", "one"), ("c", "y")])).unwrap();
    scratch
}

#[test]
fn revisions_are_read_from_objects() {
    let dir = tempfile::tempdir().unwrap();
    let scratch = repository(dir.path());
    let change = resolve(scratch.root(), Some("main"), Some("feature")).unwrap();
    assert_eq!(change.base.read(&path("c"), 10).unwrap().unwrap(), b"y");
    assert_eq!(change.head.read(&path("a/b.txt"), 10).unwrap().unwrap(), b"two");
    assert_eq!(change.fork_point.read(&path("c"), 10).unwrap().unwrap(), b"x");
    assert_eq!(change.head.read(&path("nothing"), 10).unwrap(), None);
    assert!(change.base.label().starts_with("main@"));
    assert!(!scratch.root().join("c").exists(), "nothing is checked out");
}

#[test]
fn the_default_is_the_work_tree_against_the_default_branch() {
    let dir = tempfile::tempdir().unwrap();
    let scratch = repository(dir.path());
    std::fs::write(scratch.root().join("c"), "dirty").unwrap();
    let change = resolve(scratch.root(), None, None).unwrap();
    assert_eq!(change.head.read(&path("c"), 10).unwrap().unwrap(), b"dirty");
    assert_eq!((change.head.label(), change.head.commit()), ("work tree", None));
    assert!(change.base.label().starts_with("main@"));
}

#[test]
fn a_file_over_its_limit_a_folder_and_a_link_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let scratch = repository(dir.path());
    let change = resolve(scratch.root(), Some("main"), Some("feature")).unwrap();
    let why = |result: Result<Option<Vec<u8>>, RevisionError>| result.unwrap_err().to_string();
    assert!(why(change.base.read(&path("a/b.txt"), 2)).contains("3 bytes"));
    assert!(why(change.base.read(&path("a"), 2)).contains("folder"));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "s").unwrap();
    std::fs::create_dir(folder.path().join("inside")).unwrap();
    std::os::unix::fs::symlink(folder.path().join("secret"), folder.path().join("inside/link"))
        .unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("inside/up")).unwrap();
    let inside = Folder::new(&folder.path().join("inside"), "x".to_owned());
    assert!(why(inside.read(&path("link"), 10)).contains("symbolic link"));
    assert!(why(inside.read(&path("up/secret"), 10)).contains("symbolic link"));
}

#[test]
fn a_name_that_stands_for_nothing_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let scratch = repository(dir.path());
    let error = resolve(scratch.root(), Some("nope"), None).unwrap_err();
    insta::assert_snapshot!(error, @r"
    `nope` is neither a git revision of this repository nor a folder
      help: name a branch, a tag, a commit or a folder
    ");
    let nowhere = tempfile::tempdir().unwrap();
    assert!(matches!(resolve(nowhere.path(), None, None), Err(RevisionError::NoRepository { .. })));
}

#[test]
fn two_folders_are_a_change() {
    let dir = tempfile::tempdir().unwrap();
    for side in ["old", "new"] {
        std::fs::create_dir(dir.path().join(side)).unwrap();
        std::fs::write(dir.path().join(side).join("f"), side).unwrap();
    }
    let change = resolve(dir.path(), Some("old"), Some("new")).unwrap();
    assert_eq!(change.base.read(&path("f"), 10).unwrap().unwrap(), b"old");
    assert_eq!(change.head.read(&path("f"), 10).unwrap().unwrap(), b"new");
    assert_eq!(change.fork_point.read(&path("f"), 10).unwrap().unwrap(), b"old");
}
