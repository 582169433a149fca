use std::time::Duration;

use bytes::Bytes;
use presscheck_core::providers::Shown;
use serde_json::{Value, json};

use super::*;

fn shell(script: &str) -> Program {
    Program {
        run: vec!["sh".to_owned(), "checks/it.sh".to_owned()],
        files: vec![("checks/it.sh".parse().unwrap(), Bytes::from(script.to_owned()))],
        input: json!({"case": "a"}),
        picture: Shown { bytes: Bytes::from_static(b"PIXELS"), media_type: "image/png" },
        timeout: Duration::from_secs(30),
        max_output: 1_000,
    }
}

#[tokio::test]
async fn it_reads_its_input_and_the_picture() {
    let told = run(&shell("cat; cat ../picture.png; pwd")).await.unwrap();
    let mut lines = told.lines();
    let input: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(input["case"], "a");
    let place = input["image"].as_str().unwrap();
    let rest = lines.next().unwrap();
    assert!(rest.starts_with("PIXELS/") && rest.ends_with("/work"), "{rest}");
    assert!(!Path::new(place).exists(), "nothing is left behind");
}

#[tokio::test]
async fn it_sees_nothing_of_the_environment() {
    let told = run(&shell("env")).await.unwrap();
    // What the shell itself sets is no news to it.
    let names: Vec<_> = told.lines().filter_map(|line| line.split('=').next()).collect();
    let known = ["PATH", "PWD", "OLDPWD", "SHLVL", "TMPDIR", "_"];
    assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
    let path = told.lines().find_map(|line| line.strip_prefix("PATH=")).unwrap();
    assert!(std::env::split_paths(path).all(|folder| folder.is_absolute()), "{path}");
    // What it writes aside goes with it.
    let aside = run(&shell("printf %s \"$TMPDIR\"; touch \"$TMPDIR/x\"")).await.unwrap();
    assert!(Path::new(&aside).is_absolute() && !Path::new(&aside).exists(), "{aside}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn this_process_is_closed_to_it() {
    use rustix::process::{DumpableBehavior, dumpable_behavior};
    run(&shell("true")).await.unwrap();
    assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
}

#[tokio::test]
async fn only_what_was_read_at_the_base_or_is_installed_is_started() {
    let made = |name: &str| Program { run: vec![name.to_owned()], ..shell("echo mine") };
    let script = "#!/bin/sh\necho mine";
    let files = vec![("checks/it.sh".parse().unwrap(), Bytes::from_static(script.as_bytes()))];
    for name in ["checks/it.sh", "./checks/it.sh", "checks/./it.sh"] {
        let own = Program { files: files.clone(), ..made(name) };
        assert_eq!(run(&own).await.unwrap(), "mine\n", "{name}");
    }
    // They are there, seen from where this process stands.
    for name in ["./Cargo.toml", "src/main.rs", "../checks/it.sh"] {
        assert!(run(&made(name)).await.unwrap_err().contains("was not read"), "{name}");
    }
    assert_eq!(run(&made("true")).await.unwrap(), "");
    assert!(is_installed("true") && is_installed("/bin/sh"));
    assert!(!is_installed("no-such-program") && !is_installed("/etc/passwd"));
    let many = (0..24).map(|_| {
        let own = Program { files: files.clone(), ..made("checks/it.sh") };
        async move { run(&own).await }
    });
    for told in futures_util::future::join_all(many).await {
        assert_eq!(told.unwrap(), "mine\n", "started side by side");
    }
}

#[tokio::test]
async fn what_goes_wrong_is_said() {
    let told = |script: &'static str| async move { run(&shell(script)).await.unwrap_err() };
    assert_eq!(told("yes").await, "it printed more than 1000 bytes");
    assert_eq!(
        told("echo oh >&2; echo dear >&2; exit 3").await,
        "it ended with exit status: 3: dear"
    );
    assert!(told("kill -SEGV $$").await.contains("signal"), "a crash");
    assert_eq!(told("printf '\\377'").await, "what it printed is no text");
    let none = Program { run: vec!["/no/such/program".to_owned()], ..shell("") };
    assert!(run(&none).await.unwrap_err().contains("can't be started"));
}

#[tokio::test]
async fn what_hangs_is_ended_with_all_that_it_started() {
    // A child of its own, which holds the output open and would outlive it.
    let script = "sleep 600 & echo $! > ../../presscheck-pid-$PPID-test; wait";
    let slow = Program { timeout: Duration::from_millis(300), ..shell(script) };
    assert_eq!(run(&slow).await.unwrap_err(), "it did not end within 0.3 s");
    let place = std::env::temp_dir().join(format!("presscheck-pid-{}-test", std::process::id()));
    let child = std::fs::read_to_string(&place).unwrap();
    std::fs::remove_file(&place).unwrap();
    let child = Pid::from_raw(child.trim().parse().unwrap()).unwrap();
    // Ended, or ended and waiting for its parent to notice.
    for _ in 0..200 {
        if rustix::process::test_kill_process(child).is_err() || is_zombie(child) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("a process of the program is still there");
}

fn is_zombie(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.is_ok_and(|stat| stat.contains(") Z "))
}
