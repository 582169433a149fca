"""CPU and peak memory of `presscheck gate` beside promptfoo's, on the same 200 pictures of the same server.

    cargo build --release
    python3 benches/promptfoo.py [--presscheck FILE] [--cache DIR] [--repeats 3]

Python 3.10 or newer on Linux or macOS, git and npm are all it needs. The first run installs promptfoo 0.123.1 and
node 24 by npm into the folder of `--cache`, with everything that they depend on (1.6 GB); later runs find them there.
`PRESSCHECK_BIN` names the binary as well.

Both tools compare two models over 100 prompts, 8 requests at once, by the wire of OpenAI's image API. The server runs
in this script, on loopback, answers after a tenth of a second, and is not counted. It draws one picture for each round
and gives every answer a number of its own inside of the file, so that no two are the same bytes. The simulated server
of `presscheck simulate` is not used: the size of its files follows from the prompt, and can't be chosen.

promptfoo runs as it does by itself, without its cache, telemetry and look for updates. Nothing is asserted of its
answers: it keeps the files, and does not look at them. presscheck decodes every picture and runs its default checks,
and keeps pictures, results and reports. The script ends with an error where a tool did not get all pictures, did not
ask for 8 at once, or where one of presscheck's checks did not run.

CPU is user and system time, memory the largest resident set, both as the kernel counts them for the process and its
children (wait4).
"""

import argparse
import base64
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

PROMPTFOO, NODE = "promptfoo@0.123.1", "node@24"
PROMPTS = [f"A poster in a shop window for sale number {n}" for n in range(100)]
MODELS = ["gpt-image-1", "gpt-image-1-mini"]
IMAGES = len(PROMPTS) * len(MODELS)
CONCURRENCY = 8
# Seconds before an answer. Without it one request is over before the next comes, and there are never 8 at once.
LATENCY = 0.1
# Width, height, how many low bits are noise, and in every how many rows: about 95 KB, and about 3.1 MB.
ROUNDS = [(1024, 1024, 4, 26), (1536, 1024, 5, 1)]
CHECKS = {"decode", "blank", "dimensions"}


class Picture:
    """A PNG of bands of colour with noise in it, which compresses about as drawings and photographs do."""

    def __init__(self, width: int, height: int, bits: int, every: int):
        noise = random.Random(1)
        rows = bytearray()
        for y in range(height):
            shade = (y // 64 % 7 + 1) << 5
            table = bytes(shade | byte & (1 << bits) - 1 for byte in range(256))
            noisy = y % every == 0
            rows += b"\0" + (noise.randbytes(3 * width).translate(table) if noisy else bytes([shade]) * (3 * width))
        self.width, self.height = width, height
        self.head = b"\x89PNG\r\n\x1a\n" + self.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        self.tail = self.chunk(b"IDAT", zlib.compress(bytes(rows))) + self.chunk(b"IEND", b"")
        # Base64 joins at every third byte.
        self.pad = -(len(self.head) + len(self.number(0, 0))) % 3
        self.tail_in_base64 = base64.b64encode(self.tail)
        self.size = len(self.head) + len(self.number(0, self.pad)) + len(self.tail)

    @staticmethod
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def number(self, n: int, pad: int) -> bytes:
        return self.chunk(b"tEXt", b"Comment\0" + b"picture %06d" % n + b" " * pad)

    def in_base64(self, n: int) -> bytes:
        return base64.b64encode(self.head + self.number(n, self.pad)) + self.tail_in_base64


class Server(ThreadingHTTPServer):
    """Answers `POST /v1/images/generations` with a picture, and counts what was asked and handed over."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, picture: Picture):
        super().__init__(("127.0.0.1", 0), Handler)
        self.picture = picture
        self.lock = threading.Lock()
        self.reset()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def reset(self):
        self.asked, self.answered, self.now, self.most, self.other = [], 0, 0, 0, []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        server = self.server
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.path != "/v1/images/generations":
            return self.do_GET()
        with server.lock:
            n = len(server.asked)
            server.asked.append((order["model"], order["prompt"]))
            server.now += 1
            server.most = max(server.most, server.now)
        time.sleep(LATENCY)
        usage = b'{"input_tokens":20,"output_tokens":1000,"total_tokens":1020}'
        before, after = b'{"created":1,"data":[{"b64_json":"', b'"}],"usage":%s}' % usage
        picture = server.picture.in_base64(n)
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(before) + len(picture) + len(after)))
        self.end_headers()
        for part in (before, picture):
            self.wfile.write(part)
        # Before the last bytes: who has them may ask for the next picture at once.
        with server.lock:
            server.now -= 1
            server.answered += 1
        self.wfile.write(after)

    def do_GET(self):
        with self.server.lock:
            self.server.other.append(self.path)
        self.send_error(404)

    def log_message(self, *_):
        pass


def fail(message: str) -> NoReturn:
    sys.exit(f"promptfoo.py: {message}")


def install(cache: Path) -> list[str]:
    """The command that is promptfoo, with a node of its own; no wrapper of npm's, whose memory would be counted."""
    node = cache / "node_modules/node/bin/node"
    package = cache / "node_modules/promptfoo"
    wanted = f"{PROMPTFOO} {NODE}"
    mark = cache / "installed"
    if not mark.exists() or mark.read_text() != wanted:
        if not shutil.which("npm"):
            fail("npm is not installed")
        cache.mkdir(parents=True, exist_ok=True)
        print(f"Installing {wanted} into {cache}: this takes minutes.", flush=True)
        command = ["npm", "install", "--prefix", str(cache), "--no-audit", "--no-fund", "--loglevel", "error"]
        if subprocess.run([*command, PROMPTFOO, NODE], stdout=subprocess.DEVNULL).returncode:
            fail("npm could not install them")
        mark.write_text(wanted)
    if not node.exists():
        fail(f"{node} is missing: npm must be allowed to run the install script of node's package")
    main = json.loads((package / "package.json").read_text())["bin"]["promptfoo"]
    return [str(node), str(package / main)]


def measure(command: list[str], folder: Path, inside: Path, variables: dict[str, str]) -> dict:
    """Runs the command to its end: its exit code, seconds of CPU, peak memory in MB, and seconds on the clock."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PRESSCHECK_MODELS") if name in os.environ}
    home = folder / "home"
    home.mkdir()
    environment = kept | {"HOME": str(home), "TMPDIR": str(folder)} | variables
    with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as err:
        start = time.monotonic()
        child = subprocess.Popen(
            command, cwd=inside, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    # Linux counts KiB, macOS bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    return {"code": child.returncode, "cpu": usage.ru_utime + usage.ru_stime, "peak": peak, "wall": wall}


def said(folder: Path) -> str:
    text = "".join((folder / name).read_text(errors="replace")[-2000:] for name in ("stdout", "stderr"))
    return f"\n{text}"


def promptfoo(tool: list[str], server: Server, folder: Path) -> dict:
    size = f"{server.picture.width}x{server.picture.height}"
    config = {
        "prompts": ["{{prompt}}"],
        "providers": [
            {"id": f"openai:image:{model}", "config": {"apiBaseUrl": server.url, "size": size}} for model in MODELS
        ],
        "tests": [{"vars": {"prompt": prompt}} for prompt in PROMPTS],
    }
    (folder / "promptfooconfig.json").write_text(json.dumps(config))
    command = [*tool, "eval", "-c", "promptfooconfig.json", "-o", "out.json", "--no-cache", "--no-table"]
    command += ["--no-progress-bar", "--no-share", "--max-concurrency", str(CONCURRENCY)]
    switched_off = ("TELEMETRY", "UPDATE", "REMOTE_GENERATION", "SHARING")
    variables = {f"PROMPTFOO_DISABLE_{what}": "1" for what in switched_off}
    variables |= {"PROMPTFOO_CONFIG_DIR": str(folder / "config"), "OPENAI_API_KEY": "none"}
    result = measure(command, folder, folder, variables)
    if result["code"] != 0:
        fail(f"promptfoo ended with {result['code']}{said(folder)}")
    stats = json.loads((folder / "out.json").read_text())["results"]["stats"]
    if (stats["successes"], stats["failures"], stats["errors"]) != (IMAGES, 0, 0):
        fail(f"promptfoo counts {stats}")
    return result


def presscheck(binary: Path, server: Server, folder: Path) -> dict:
    picture = server.picture
    repository = folder / "repository"
    repository.mkdir()
    policy = {
        "model": "models.json",
        "prompts": ["prompts.txt"],
        "sample": {"max": len(PROMPTS), "batch": len(PROMPTS), "stop": "end"},
        "budget": "$100",
        "providers": {
            "local": {"kind": "openai", "url": server.url, "price": "$0.01", "concurrency": CONCURRENCY}
        },
        "checks": {"dimensions": {"size": f"{picture.width}x{picture.height}"}},
    }
    (repository / "presscheck.json").write_text(json.dumps(policy))
    (repository / "prompts.txt").write_text("".join(f"{prompt}\n" for prompt in PROMPTS))

    def git(*arguments: str):
        who = ["-c", "user.name=Bench", "-c", "user.email=bench@localhost", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *who, *arguments], cwd=repository, check=True, stdout=subprocess.DEVNULL)

    git("init", "--quiet")
    for branch, model in zip(("base", "head"), MODELS):
        params = {"size": f"{picture.width}x{picture.height}"}
        model = {"provider": "local", "model": model, "params": params}
        (repository / "models.json").write_text(json.dumps({"models": {"hero": model}}))
        git("checkout", "--quiet", "-b", branch)
        git("add", ".")
        git("commit", "--quiet", "-m", f"The model of {branch}")

    out = folder / "out"
    command = [str(binary), "gate", "--base", "base", "--head", "head", "--policy", "presscheck.json"]
    command += ["--store", str(folder / "store"), "--out", str(out), "--json"]
    result = measure(command, folder, repository, {})
    if result["code"] != 0:
        fail(f"presscheck ended with {result['code']}{said(folder)}")
    verdict = json.loads((folder / "stdout").read_text())
    subject = verdict["subjects"][0]
    if (verdict["verdict"], subject["pairs"], subject["images_bought"]) != ("pass", len(PROMPTS), IMAGES):
        fail(f"presscheck's verdict is over other pictures{said(folder)}")
    samples = [json.loads(line) for line in (out / "samples.jsonl").read_text().splitlines()]
    for sample in samples:
        checked = {finding["check"] for finding in sample["findings"] if finding["result"] == "pass"}
        if sample["outcome"] != "passed" or sample.get("stored") or not CHECKS <= checked:
            fail(f"presscheck did not check this picture: {sample}")
    files = [path.stat().st_size for path in (out / "images").iterdir()]
    if (len(samples), files) != (IMAGES, [picture.size] * IMAGES):
        fail("presscheck did not keep every picture")
    return result


def witnessed(server: Server, who: str):
    """The server's own count: every prompt once by each model, nothing else, so many at once."""
    wanted = sorted((model, prompt) for model in MODELS for prompt in PROMPTS)
    if sorted(server.asked) != wanted or server.answered != IMAGES or server.other:
        fail(f"{who} asked for {len(server.asked)} pictures, got {server.answered}, asked also {server.other}")
    if server.most != CONCURRENCY:
        fail(f"{who} sent at most {server.most} requests at once")


def release(binary: Path) -> bool:
    """Whether it looks like a release build: those of this repository have no symbols."""
    return "debug" not in binary.parts and b"\0.debug_line\0" not in binary.read_bytes()


def main():
    here = Path(__file__).resolve().parent.parent
    built = os.environ.get("PRESSCHECK_BIN") or here / "target/release/presscheck"
    parser = argparse.ArgumentParser(description="CPU and peak memory of presscheck beside promptfoo's.")
    parser.add_argument("--presscheck", metavar="FILE", type=Path, default=Path(built))
    cache = Path(tempfile.gettempdir(), "presscheck-promptfoo")
    parser.add_argument("--cache", metavar="DIR", type=Path, default=cache)
    parser.add_argument("--repeats", metavar="N", type=int, default=3)
    arguments = parser.parse_args()
    binary = arguments.presscheck.resolve()
    if not binary.is_file():
        fail(f"{binary} is missing: `cargo build --release` makes it, PRESSCHECK_BIN names another")
    if not release(binary):
        print(f"Warning: {binary} looks like a debug build; its figures mean nothing.", file=sys.stderr)
    tool = install(arguments.cache.resolve())

    print(f"{IMAGES} images, {CONCURRENCY} at once, medians of {arguments.repeats} runs (least to most)\n")
    print(f"| {'bytes each':>10} | {'':<10} | {'CPU s':>22} | {'peak MB':>22} | {'wall s':>22} |")
    print(f"|{'-' * 11}:|:{'-' * 11}|{f'{chr(45) * 23}:|' * 3}", flush=True)
    for shape in ROUNDS:
        server = Server(Picture(*shape))
        runs = {"promptfoo": [], "presscheck": []}
        for _ in range(arguments.repeats):
            for who, results in runs.items():
                server.reset()
                with tempfile.TemporaryDirectory() as name:
                    folder = Path(name)
                    if who == "promptfoo":
                        results.append(promptfoo(tool, server, folder))
                    else:
                        results.append(presscheck(binary, server, folder))
                witnessed(server, who)
        server.shutdown()
        server.server_close()
        medians = {}
        for who, results in runs.items():
            cells = []
            for what, digits in (("cpu", 2), ("peak", 0), ("wall", 1)):
                values = [result[what] for result in results]
                medians[who, what] = statistics.median(values)
                spread = f"({min(values):.{digits}f} to {max(values):.{digits}f})"
                cells.append(f"{medians[who, what]:.{digits}f} {spread}")
            print(f"| {server.picture.size:>10,} | {who:<10} | {' | '.join(f'{cell:>22}' for cell in cells)} |")
        shares = [medians["presscheck", what] / medians["promptfoo", what] for what in ("cpu", "peak", "wall")]
        print(f"| {'':>10} | {'share':<10} | {' | '.join(f'{share:>22.0%}' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
