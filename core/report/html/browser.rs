//! The page in a browser: Chromium over its pipe, skipped where there is none.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{Run, fixtures};
use super::{HtmlOptions, html};

/// How long an answer may take before the browser counts as hung; the page itself is not timed.
const PATIENCE: Duration = Duration::from_secs(120);

/// A page in a browser of its own.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: Receiver<Value>,
    session: Option<String>,
    sent: u64,
    /// Every event so far.
    events: Vec<Value>,
    folder: PathBuf,
}

impl Browser {
    /// Opens the page of a run; nothing where there is no browser, which is said.
    fn open(name: &str, run: &Run) -> Option<Self> {
        Self::open_page(name, &html(run, HtmlOptions::default()).unwrap())
    }

    /// The same with any page.
    fn open_page(name: &str, content: &str) -> Option<Self> {
        let found = "for it in $CHROMIUM chromium chromium-browser google-chrome; do command -v \"$it\"; done";
        let found = Command::new("sh").args(["-c", found]).output().unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        let Some(program) = found.lines().next() else {
            eprintln!("SKIPPED: there is no Chromium here, so that {name} was not tested.");
            return None;
        };
        let folder =
            std::env::temp_dir().join(format!("presscheck-page-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let page = folder.join("report.html");
        std::fs::write(&page, content).unwrap();
        let start = "exec \"$1\" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
             --disable-background-networking --user-data-dir=\"$2\" --remote-debugging-pipe about:blank \
             3<&0 4>&1 </dev/null >/dev/null 2>&1";
        let mut child = Command::new("sh")
            .args(["-c", start, "sh", program])
            .arg(folder.join("profile"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (heard, from) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(out).split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { break };
                if heard.send(message).is_err() {
                    break;
                }
            }
        });
        let mut browser = Self { child, to, from, session: None, sent: 0, events: vec![], folder };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = browser.call("Target.attachToTarget", attach);
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        browser.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        for domain in ["Page", "Runtime", "Network", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.call("Page.navigate", json!({ "url": format!("file://{}", page.display()) }));
        while !browser.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = browser.hear();
            browser.events.push(event);
        }
        Some(browser)
    }

    fn hear(&self) -> Value {
        self.from.recv_timeout(PATIENCE).expect("the browser went away")
    }

    fn call(&mut self, method: &str, params: Value) -> Value {
        self.sent += 1;
        let mut message = json!({ "id": self.sent, "method": method, "params": params });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut answer = self.hear();
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].take();
            }
            self.events.push(answer);
        }
    }

    /// The value of an expression; a promise is waited for.
    fn eval(&mut self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let mut answer = self.call("Runtime.evaluate", params);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].take()
    }

    /// Waits until an expression is true.
    fn wait(&mut self, expression: &str) {
        let frames = format!(
            "(async () => {{ for (let n = 0; n < 600; n += 1) {{ if ({expression}) return true; \
             await new Promise((done) => setTimeout(done, 50)); }} return false; }})()"
        );
        assert_eq!(self.eval(&frames), true, "it never came true: {expression}");
    }

    fn key(&mut self, key: &str, code: u32, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut params =
                json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" && !text.is_empty() {
                params["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    fn media(&mut self, features: Value) {
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Nothing was asked for but the page, nothing was forbidden, and nothing threw.
    fn assert_quiet(&self) {
        let mut pages = 0;
        for event in &self.events {
            match event["method"].as_str().unwrap_or_default() {
                "Network.requestWillBeSent" => {
                    let url = event["params"]["request"]["url"].as_str().unwrap();
                    pages +=
                        usize::from(url.starts_with("file://") && url.ends_with("/report.html"));
                    assert!(url.ends_with("/report.html") || url.starts_with("data:"), "{url}");
                }
                "Runtime.exceptionThrown" => panic!("{event}"),
                "Log.entryAdded" if event["params"]["entry"]["level"] == "error" => {
                    panic!("{event}")
                }
                _ => {}
            }
        }
        assert!(pages >= 1, "the requests were not watched");
    }

    fn assert_accessible(&mut self) {
        for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 390)] {
            let size =
                json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
            self.call("Emulation.setDeviceMetricsOverride", size);
            self.media(json!([{ "name": "prefers-color-scheme", "value": scheme }]));
            let audit = self.eval(include_str!("browser/audit.js"));
            assert_eq!(audit["wrong"], json!([]), "{scheme}, {width} wide");
            assert!(audit["measured"].as_u64().unwrap() > 5, "{audit}");
        }
        self.call("Emulation.clearDeviceMetricsOverride", json!({}));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It may be gone already, and so may its folder.
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        while let Ok(answer) = self.from.recv_timeout(Duration::from_secs(10)) {
            if answer["id"] == 0 {
                break;
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What each test asks of the page in its own words.
const WORDS: &str = r##"
    const data = JSON.parse(document.getElementById("data").textContent).galleries[0];
    const all = () => [...document.querySelectorAll(".gallery > .pairs > article")];
    const seen = () => all().filter((it) => !it.hidden).map((it) => it.id);
    const want = (test) => data.pairs.filter(test).map((it) => it.id);
    const same = (one, two) => one.length > 0 && [...one].sort().join() === [...two].sort().join();
    const pick = (name, value) => {
      const field = document.getElementById(`${data.anchor}-${name}`);
      field.value = value;
      field.dispatchEvent(new Event("change"));
    };
    const press = (name, root = document) => [...root.querySelectorAll("button")].find((it) => it.textContent.startsWith(name)).click();
    const compared = () => all().find((it) => it.querySelector(".views"));
    const chip = (kind) => document.querySelector(`.chips [data-kind="${kind}"]`).click();
    const search = document.getElementById(`${data.anchor}-search`);
"##;

#[test]
fn the_gallery_works_in_a_browser() {
    let Some(mut page) = Browser::open("gallery", &fixtures::fail()) else { return };
    page.eval(WORDS);
    page.eval("pick('order', 'worst')");
    assert_eq!(page.eval("document.querySelectorAll('.static').length"), 0);
    assert_eq!(page.eval("same(seen(), want(() => true))"), true);

    // Filters, each against the data itself.
    for (choose, test) in [
        ("chip('newly-failing')", "it.kind === 'newly-failing'"),
        (
            "pick('outcome', 'failure')",
            "it.kind === 'newly-failing' && it.samples.some((s) => s.failure)",
        ),
        (
            "pick('side', 'candidate')",
            "it.kind === 'newly-failing' && it.samples.some((s) => s.side === 'candidate' && s.failure)",
        ),
        ("press('Clear filters')", "true"),
        (
            "pick('check', 'text')",
            "it.samples.some((s) => s.kind === 'text' || s.findings.some((f) => f.check === 'text'))",
        ),
        ("press('Clear filters')", "true"),
        ("pick('tag', data.pairs[0].tags[0])", "it.tags.includes(data.pairs[0].tags[0])"),
        ("press('Clear filters')", "true"),
    ] {
        page.eval(choose);
        assert_eq!(page.eval(&format!("same(seen(), want((it) => {test}))")), true, "{choose}");
    }
    for (order, by) in [("drawn", "a.drawn - b.drawn"), ("worst", "a.worst - b.worst")] {
        page.eval(&format!("pick('order', '{order}')"));
        let sorted = format!(
            "seen().join() === [...data.pairs].sort((a, b) => {by}).map((it) => it.id).join()"
        );
        assert_eq!(page.eval(&sorted), true, "{order}");
    }
    page.eval("search.focus()");
    page.call("Input.insertText", json!({ "text": "OPFNING" }));
    page.wait("same(seen(), want((it) => JSON.stringify(it).includes('OPFNING')))");
    page.eval("press('Clear filters')");

    // The slider by keyboard.
    page.eval("all()[0].scrollIntoView()");
    page.wait("compared()");
    page.eval("compared().scrollIntoView()");
    page.eval("press('Slider', compared())");
    page.eval("compared().querySelector('input[type=range]').focus()");
    page.key("ArrowRight", 39, "");
    page.wait(
        "document.activeElement.getAttribute('aria-valuetext') === '51% baseline, 49% candidate'",
    );
    assert_eq!(
        page.eval("compared().querySelector('.wipe').style.getPropertyValue('--at')"),
        "51%"
    );
    let clip = "getComputedStyle(compared().querySelector('.over')).clipPath";
    assert_eq!(page.eval(clip), "inset(0px 0px 0px 51%)");
    page.assert_accessible();

    // Blinking, which nobody gets who asks for less motion.
    let blink = "[...compared().querySelectorAll('button')].find((it) => it.textContent === 'Blink').focus()";
    for (motion, told) in [("reduce", "Start blinking"), ("no-preference", "Stop blinking")] {
        page.media(json!([{ "name": "prefers-reduced-motion", "value": motion }]));
        page.eval(blink);
        page.key("Enter", 13, "\r");
        page.wait("compared().querySelector('.stage:not(.wipe)')");
        assert_eq!(
            page.eval("compared().querySelector('.control button:nth-child(2)').textContent"),
            told
        );
    }
    let side = "compared().querySelector('.stage').dataset.side";
    page.wait(&format!("{side} === 'candidate'"));
    page.eval("press('Side by side', compared())");

    // A link to a pair that the filters hide.
    page.eval("chip('newly-failing')");
    let hidden = "want((it) => it.kind === 'passing')[0]";
    assert_eq!(page.eval(&format!("document.getElementById({hidden}).hidden")), true);
    page.eval(&format!("location.hash = encodeURIComponent({hidden})"));
    page.wait(&format!("document.activeElement.id === {hidden}"));
    assert_eq!(page.eval("document.activeElement.querySelector('details').open"), true);
    page.wait(
        "(({ top }) => top >= 0 && top < innerHeight)(document.activeElement.getBoundingClientRect())",
    );
    page.wait("document.activeElement.querySelector('details pre')");
    page.assert_accessible();

    // What says that a check was wrong is copied, and nothing else happens.
    page.eval("Object.defineProperty(navigator, 'clipboard', { value: { writeText: async (it) => { window.copied = it; } } })");
    page.eval("press('Wrong', document.activeElement)");
    page.wait("window.copied");
    let said = "(({ samples }) => samples.map((it) => `${it.label} --check=${it.judged[0][0]} --wrong`))(data.pairs.find((it) => it.id === document.activeElement.id || location.hash.includes(it.id))).includes(window.copied)";
    assert_eq!(page.eval(said), true);
    let copied = page.eval("window.copied");
    assert!(copied.as_str().unwrap().starts_with("presscheck label "), "{copied}");
    page.assert_quiet();
}

#[test]
fn every_page_of_the_twelve_is_accessible_in_a_browser() {
    // One browser at a time; the largest page has a test of its own.
    for (name, run) in fixtures::twelve().iter().filter(|(name, _)| *name != "thousands") {
        let Some(mut page) = Browser::open(name, run) else { return };
        page.eval("document.querySelectorAll('details').forEach((it) => { it.open = true; })");
        page.assert_accessible();
        page.assert_quiet();
    }
}

#[test]
fn thousands_of_pairs_open_in_a_browser() {
    let Some(mut page) = Browser::open("thousands", &fixtures::thousands()) else { return };
    page.eval(WORDS);
    assert_eq!(page.eval("seen().length"), 2_400);
    let filled = "document.querySelectorAll('.gallery .body').length";
    assert!(page.eval(filled).as_u64().unwrap() < 200, "pairs far away are not built");
    page.eval("all().at(-1).scrollIntoView()");
    page.wait("all().at(-1).querySelector('.body')");
    page.assert_quiet();
    let times = "(({ domInteractive, loadEventEnd }) => [domInteractive, loadEventEnd])\
                 (performance.getEntriesByType('navigation')[0])";
    eprintln!("2,400 pairs: interactive and loaded after {} ms", page.eval(times));
}

#[test]
fn hostile_texts_are_only_texts_in_a_browser() {
    let Some(mut page) = Browser::open("hostile", &fixtures::hostile()) else { return };
    page.eval(WORDS);
    page.eval("all()[0].scrollIntoView()");
    page.wait("all()[0].querySelector('summary')");
    page.eval("all()[0].querySelector('summary').click()");
    page.wait("all()[0].querySelector('details section')");
    assert_eq!(page.eval("document.scripts.length"), 2);
    page.assert_accessible();
    page.assert_quiet();
}

#[test]
fn the_page_of_past_verdicts_is_quiet_and_accessible() {
    let history = super::super::history::fixtures::year();
    let page = super::history_html(&history).unwrap();
    let Some(mut browser) = Browser::open_page("history", &page) else { return };
    browser.assert_accessible();
    browser.assert_quiet();
    // Every verdict on a model has its mark in each of its drawings, within the drawing.
    let marks = browser.eval(
        "[...document.querySelectorAll('.course .field')].map((field) => { \
         const room = field.getBoundingClientRect(); \
         const marks = [...field.querySelectorAll('svg.mark')].map((it) => it.getBoundingClientRect()); \
         return marks.every((it) => it.left >= room.left - 12 && it.right <= room.right + 12) && marks.length; })",
    );
    assert_eq!(marks, json!([10, 10, 10, 2, 2, 2]));
}
