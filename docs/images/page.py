"""Photographs of a report's page, in a browser that is led over its pipe: page.py CHROMIUM REPORT.HTML FOLDER"""

import base64
import io
import json
import pathlib
import subprocess
import sys
import tempfile

from PIL import Image

# The largest picture that the repository takes, in bytes.
MOST = 200_000

chromium, page, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3])
profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
start = (
    'exec "$1" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --no-first-run --user-data-dir="$2" '
    "--remote-debugging-pipe about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1"
)
browser = subprocess.Popen(
    ["sh", "-c", start, "sh", chromium, profile.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE
)
sent = 0
session = None


def call(method, **params):
    """Asks the browser, and waits for its answer."""
    global sent
    sent += 1
    message = {"id": sent, "method": method, "params": params}
    if session:
        message["sessionId"] = session
    browser.stdin.write(json.dumps(message).encode() + b"\0")
    browser.stdin.flush()
    while True:
        heard = bytearray()
        while (byte := browser.stdout.read(1)) != b"\0":
            if not byte:
                sys.exit("the browser went away")
            heard += byte
        answer = json.loads(heard)
        if answer.get("id") == sent:
            if "error" in answer:
                sys.exit(f"{method}: {answer['error']}")
            return answer["result"]


def run(script):
    """Runs a script in the page, and waits for what it promises."""
    result = call("Runtime.evaluate", expression=f"(async () => {{ {script} }})()", awaitPromise=True)
    if "exceptionDetails" in result:
        sys.exit(f"{script}: {result['exceptionDetails']}")


def photograph(name, scheme, size, script):
    """One picture of the page after a script, in 256 colours, or as a JPEG where it has photographs."""
    call("Emulation.setDeviceMetricsOverride", width=size[0], height=size[1], deviceScaleFactor=1, mobile=False)
    call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    call("Page.navigate", url=page.as_uri())
    ready = "while (document.readyState !== 'complete') await wait(50); "
    wait = "const wait = (time) => new Promise((done) => setTimeout(done, time)); "
    run(wait + ready + script + " await wait(600);")
    bytes_ = base64.b64decode(call("Page.captureScreenshot", format="png")["data"])
    picture = Image.open(io.BytesIO(bytes_)).convert("RGB")
    path = folder / name
    if path.suffix == ".png":
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    else:
        picture.save(path, quality=80, optimize=True, progressive=True)
    size = path.stat().st_size
    print(f"docs/images/{name}: {size} bytes")
    if size > MOST:
        sys.exit(f"over {MOST} bytes: too large for the repository")


target = call("Target.createTarget", url="about:blank")["targetId"]
session = call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
call("Page.enable")
photograph("report-light.png", "light", (1120, 1700), "")
photograph("report-dark.png", "dark", (1120, 1240), "document.querySelector('.columns').scrollIntoView();")
photograph(
    "report-gallery.jpg",
    "light",
    (1120, 1130),
    """
    const field = document.querySelector("select[id$=-check]");
    field.value = "dimensions";
    field.dispatchEvent(new Event("change"));
    document.querySelector(".tools").scrollIntoView();
    await wait(1500);
    const pairs = [...document.querySelectorAll(".gallery article:not([hidden])")].filter((it) => it.querySelector(".views"));
    [...pairs[0].querySelectorAll("button")].find((it) => it.textContent === "Slider").click();
    pairs[1].querySelector("summary").click();
    scrollBy(0, -12);
    """,
)
session = None
call("Browser.close")
browser.wait()
