//! Programs of the team's own that judge a picture: in a folder of their own, without the environment, under limits.

#[cfg(unix)]
pub(super) use unix::{is_installed, run};

/// Runs a program over a picture.
///
/// # Errors
/// Always: programs are run on Linux and macOS alone.
#[cfg(not(unix))]
pub(super) async fn run(_: &presscheck_core::checks::Program) -> Result<String, String> {
    Err("programs are run on Linux and macOS only".to_owned())
}

/// Whether a program is there to be run. That none is run here is said of each picture.
#[cfg(not(unix))]
pub(super) fn is_installed(_: &str) -> bool {
    true
}

#[cfg(unix)]
mod unix {
    use std::ffi::OsString;
    use std::io::{self, ErrorKind};
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::{Path, PathBuf};
    use std::process::Stdio;
    use std::time::Duration;

    use presscheck_core::checks::Program;
    use presscheck_core::inert::one_line;
    use presscheck_core::units::RepoPath;
    use rustix::process::{Pid, Signal, kill_process_group};
    use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::process::{Child, Command};

    /// How much of what a program says on its standard error is looked at.
    const ERROR_BYTES: usize = 8 << 10;

    /// How often a start is tried again while another thread of ours, about to start a program of its own, still holds
    /// one of these files open for writing; and how long between.
    const BUSY: (u32, Duration) = (50, Duration::from_millis(10));

    /// All processes that a program started, itself included: none outlives it.
    struct Group(Option<Pid>);

    impl Drop for Group {
        fn drop(&mut self) {
            if let Some(leader) = self.0 {
                // Where all have ended already, there is nothing to end.
                let _ = kill_process_group(leader, Signal::KILL);
            }
        }
    }

    /// Runs a program over a picture, and gives what it printed.
    ///
    /// # Errors
    /// Why nothing can be made of it: not started, too slow, too loud, failed, no text.
    pub(in super::super) async fn run(program: &Program) -> Result<String, String> {
        let folder = tempfile::Builder::new()
            .prefix("presscheck-")
            .tempdir()
            .map_err(|error| format!("no folder for it: {error}"))?;
        let work = folder.path().join("work");
        let scratch = folder.path().join("tmp");
        let picture = folder.path().join("picture.png");
        lay_out(program, [&work, &scratch], &picture)
            .await
            .map_err(|error| format!("its files can't be written: {error}"))?;
        let mut input = program.input.clone();
        if let Some(members) = input.as_object_mut() {
            members.insert("image".to_owned(), picture.to_string_lossy().into());
        }
        let (child, group) = start(program, &work, &scratch).await?;
        let input = format!("{input}\n");
        let ended = tokio::time::timeout(
            program.timeout,
            talk(child, input.as_bytes(), program.max_output),
        );
        let ended = ended.await;
        // First all its processes, then the folder that they may be writing to.
        drop(group);
        drop(folder);
        ended.unwrap_or_else(|_| {
            Err(format!("it did not end within {} s", program.timeout.as_secs_f64()))
        })
    }

    async fn lay_out(program: &Program, own: [&Path; 2], picture: &Path) -> io::Result<()> {
        let [work, scratch] = own;
        tokio::fs::create_dir_all(work).await?;
        tokio::fs::create_dir_all(scratch).await?;
        for (path, bytes) in &program.files {
            let place = work.join(path.as_str());
            if let Some(parent) = place.parent() {
                tokio::fs::create_dir_all(parent).await?;
            }
            tokio::fs::write(&place, bytes).await?;
            let own = std::fs::Permissions::from_mode(0o700);
            tokio::fs::set_permissions(&place, own).await?;
        }
        tokio::fs::write(picture, &program.picture.bytes).await
    }

    /// What to start: a file that was read at the base commit, or what is installed. Never a file of the work tree, which
    /// may be what a change brings.
    fn resolve(program: &Program, name: &str, work: &Path) -> Result<PathBuf, String> {
        if name.starts_with('/') || !name.contains('/') {
            return Ok(PathBuf::from(name));
        }
        let path: Option<RepoPath> = name.parse().ok();
        let path = path.filter(|path| program.files.iter().any(|(known, _)| known == path));
        let path = path.ok_or_else(|| format!("`{}` was not read", one_line(name, 80)))?;
        Ok(work.join(path.as_str()))
    }

    /// The folders in which installed programs are looked for: whole paths alone, for others would lead from wherever
    /// presscheck stands.
    fn search_path() -> Option<OsString> {
        let path = std::env::var_os("PATH")?;
        std::env::join_paths(std::env::split_paths(&path).filter(|folder| folder.is_absolute()))
            .ok()
    }

    /// Whether a program is there to be run: a whole path, or a name that is looked for as [`run`] looks for it.
    pub(in super::super) fn is_installed(name: &str) -> bool {
        let is_program = |path: &Path| {
            path.metadata().is_ok_and(|it| it.is_file() && it.permissions().mode() & 0o111 != 0)
        };
        if name.contains('/') {
            return is_program(Path::new(name));
        }
        let path = search_path().unwrap_or_default();
        std::env::split_paths(&path).any(|folder| is_program(&folder.join(name)))
    }

    async fn start(
        program: &Program,
        work: &Path,
        scratch: &Path,
    ) -> Result<(Child, Group), String> {
        let (name, arguments) = program.run.split_first().ok_or("it has no name")?;
        hide_environment()?;
        let mut command = Command::new(resolve(program, name, work)?);
        command.args(arguments).current_dir(work).env_clear().env("TMPDIR", scratch);
        if let Some(path) = search_path() {
            command.env("PATH", path);
        }
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let (most, wait) = BUSY;
        let mut tried = 0;
        let child = loop {
            match command.spawn() {
                Ok(child) => break child,
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && tried < most => {
                    tried += 1;
                    tokio::time::sleep(wait).await;
                }
                Err(error) => {
                    return Err(format!("`{}` can't be started: {error}", one_line(name, 80)));
                }
            }
        };
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Ok((child, Group(leader)))
    }

    /// Keeps the memory of this process, and the environment that it was started with, from the program: on Linux a
    /// process of the same user may else read both under `/proc`, keys included. Root is not held back by it, but for
    /// a container's that may not trace processes.
    fn hide_environment() -> Result<(), String> {
        #[cfg(target_os = "linux")]
        rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
            .map_err(|error| format!("the environment can't be kept from it: {error}"))?;
        Ok(())
    }

    /// Hands the input over and takes the output, until the program ends.
    async fn talk(mut child: Child, input: &[u8], most: u64) -> Result<String, String> {
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err("its input and output can't be reached".to_owned());
        };
        let hand_over = async {
            // A program that reads nothing has ended, or does not want to know.
            let _ = stdin.write_all(input).await;
            drop(stdin);
            Ok::<_, String>(())
        };
        let most_bytes = usize::try_from(most).unwrap_or(usize::MAX);
        let take = async {
            let (output, over) = beginning(stdout, most_bytes, true).await;
            if over { Err(format!("it printed more than {most} bytes")) } else { Ok(output) }
        };
        let complain = async { Ok(beginning(stderr, ERROR_BYTES, false).await.0) };
        let (_, output, complaint) = tokio::try_join!(hand_over, take, complain)?;
        let status =
            child.wait().await.map_err(|error| format!("it can't be waited for: {error}"))?;
        if !status.success() {
            let words = String::from_utf8_lossy(&complaint);
            let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
            return Err(match one_line(last, 200) {
                words if words.is_empty() => format!("it ended with {status}"),
                words => format!("it ended with {status}: {words}"),
            });
        }
        String::from_utf8(output).map_err(|_| "what it printed is no text".to_owned())
    }

    /// The first bytes of a stream, and whether there are more. The rest is read and thrown away, unless it ends there.
    async fn beginning(
        mut stream: impl AsyncRead + Unpin,
        most: usize,
        stop: bool,
    ) -> (Vec<u8>, bool) {
        let mut kept = Vec::new();
        let mut over = false;
        let mut buffer = vec![0; 16 << 10];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            let room = most.saturating_sub(kept.len()).min(read);
            kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
            over |= room < read;
            if over && stop {
                break;
            }
        }
        (kept, over)
    }

    #[cfg(test)]
    mod tests;
}
