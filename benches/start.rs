//! How soon the first request goes out, and how much memory a run over large pictures takes.
//!
//! `cargo bench --bench start` measures the release binary; `PRESSCHECK_BIN` names another. The model server is
//! this program again, in a process of its own, so that its memory is not counted.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use presscheck::revision::{Files, Scratch};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The argument that makes this program the model server.
const SERVE: &str = "--serve-pictures-of-side";

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == SERVE {
            return serve(arguments.next().unwrap_or_default().parse()?);
        }
    }
    start()?;
    memory()
}

/// Ten times, from the start of the process to the first request at the server, for 1,000 prompts.
fn start() -> Outcome<()> {
    let mut times = Vec::new();
    for _ in 0..10 {
        let server = Server::start(64)?;
        let team = Team::new(server.port, 1_000, 400)?;
        let started = now()?;
        let mut gate = team.gate()?;
        let first = server.first_request()?;
        gate.kill()?;
        gate.wait()?;
        times.push(first.saturating_sub(started));
    }
    times.sort();
    let at = |index: usize| times.get(index).copied().unwrap_or_default();
    println!(
        "process start to first request, 1,000 prompts: {:?} least, {:?} median, {:?} most",
        at(0),
        at(times.len() / 2),
        at(times.len() - 1)
    );
    Ok(())
}

/// 200 pictures of about 3 MB through the transport, the store, `decode` and `dimensions`, 8 at once.
fn memory() -> Outcome<()> {
    let server = Server::start(1_200)?;
    let team = Team::new(server.port, 100, 100)?;
    let started = now()?;
    let mut gate = team.gate()?;
    let mut peak = 0;
    let status = loop {
        peak = peak.max(high_water(gate.id()));
        if let Some(status) = gate.try_wait()? {
            break status;
        }
        sleep(Duration::from_millis(5));
    };
    if !status.success() {
        return Err(format!("the gate ended with {status}").into());
    }
    let pictures = std::fs::read_dir(team.folder.path().join("out/images"))?;
    let sizes: Vec<u64> =
        pictures.map(|entry| Ok(entry?.metadata()?.len())).collect::<Outcome<_>>()?;
    let mean = sizes.iter().sum::<u64>() / u64::try_from(sizes.len().max(1))?;
    println!(
        "200 pictures of {:.1} MB, 1200x1200, 8 at once: peak memory {:.0} MiB, in {:.1} s",
        mean as f64 / 1e6,
        peak as f64 / 1024.0,
        now()?.saturating_sub(started).as_secs_f64()
    );
    Ok(())
}

fn now() -> Outcome<Duration> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?)
}

/// The most memory that a process has held so far, in KiB, as Linux counts it (proc(5), `VmHWM`).
fn high_water(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}

/// A repository whose branch `change` changes the model.
struct Team {
    folder: tempfile::TempDir,
}

impl Team {
    fn new(port: u16, prompts: usize, max: usize) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let scratch = Scratch::create(&folder.path().join("repository"))?;
        let policy = format!(
            "model: models.yaml\nprompts: [prompts.txt]\nsample: {{max: {max}}}\nproviders:\n  studio: {{kind: http, url: \"http://127.0.0.1:{port}/generate\", price: $0.01, concurrency: 8}}\n"
        );
        let lines: String = (0..prompts)
            .map(|n| {
                format!(
                    "A poster in a shop window that says \"Sale number {n}\" in large letters\n"
                )
            })
            .collect();
        let commit = |branch: &str, model: &str, parents: &[&_]| -> Outcome<_> {
            let models = format!("models: {{hero: {{provider: studio, model: {model}}}}}\n");
            let mut files = Files::new();
            for (path, text) in
                [("presscheck.yaml", &policy), ("models.yaml", &models), ("prompts.txt", &lines)]
            {
                files.insert(path.parse()?, text.clone().into_bytes());
            }
            Ok(scratch.commit(branch, "Change the model", parents, &files)?)
        };
        let main = commit("main", "old", &[])?;
        commit("change", "new", &[&main])?;
        Ok(Self { folder })
    }

    fn gate(&self) -> Outcome<Child> {
        let binary = std::env::var_os("PRESSCHECK_BIN")
            .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_presscheck")), PathBuf::from);
        let at = |name: &str| self.folder.path().join(name);
        Ok(Command::new(binary)
            .env_clear()
            .current_dir(at("repository"))
            .args(["gate", "--base", "main", "--head", "change"])
            .arg("--out")
            .arg(at("out"))
            .arg("--store")
            .arg(at("store"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?)
    }
}

/// The model server in its own process.
struct Server {
    child: Child,
    lines: std::sync::Mutex<std::io::Lines<BufReader<std::process::ChildStdout>>>,
    port: u16,
}

impl Server {
    fn start(side: u32) -> Outcome<Self> {
        let this: &Path = &std::env::current_exe()?;
        let mut child =
            Command::new(this).args([SERVE, &side.to_string()]).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().ok_or("the server has no output")?;
        let mut lines = BufReader::new(out).lines();
        let port = lines.next().ok_or("the server did not start")??.parse()?;
        Ok(Self { child, lines: lines.into(), port })
    }

    /// When the first request had arrived, after 1970.
    fn first_request(&self) -> Outcome<Duration> {
        let mut lines = self.lines.lock().map_err(|error| error.to_string())?;
        let line = lines.next().ok_or("the server ended")??;
        Ok(Duration::from_nanos(line.parse()?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers every request with one of a few pictures, drawn beforehand.
fn serve(side: u32) -> Outcome<()> {
    let pictures: Arc<Vec<Vec<u8>>> =
        Arc::new((0..8).map(|seed| picture(side, seed)).collect::<Outcome<_>>()?);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?.port());
    let count = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let (pictures, count) = (Arc::clone(&pictures), Arc::clone(&count));
        let stream = stream?;
        // A client that is gone ends its own thread only.
        std::thread::spawn(move || {
            answer(&stream, &pictures, &count).map_err(|error| error.to_string())
        });
    }
    Ok(())
}

fn answer(stream: &TcpStream, pictures: &[Vec<u8>], count: &AtomicUsize) -> Outcome<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        let mut line = String::new();
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let n = count.fetch_add(1, Ordering::SeqCst);
        if n == 0 {
            println!("{}", now()?.as_nanos());
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        let picture = pictures.get(n % pictures.len().max(1)).ok_or("there is no picture")?;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: {}\r\n\r\n",
            picture.len()
        );
        let mut writer = stream;
        writer.write_all(head.as_bytes())?;
        writer.write_all(picture)?;
    }
}

/// A picture with noise in the lower half of its bits, which compresses as photographs do: to about half.
fn picture(side: u32, seed: u64) -> Outcome<Vec<u8>> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let picture = image::RgbImage::from_fn(side, side, |x, y| {
        // xorshift64 (G. Marsaglia, "Xorshift RNGs", 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [red, green, blue, ..] = state.to_le_bytes();
        let shade = u8::try_from((x + y) / 32 % 16).unwrap_or(0) << 4;
        image::Rgb([shade | (red & 15), shade | (green & 15), shade | (blue & 15)])
    });
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png)?;
    Ok(bytes.into_inner())
}
