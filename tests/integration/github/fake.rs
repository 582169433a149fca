//! A stateful fake of the part of GitHub's API that we use.
//!
//! It checks every request body against our own description of it, and against GitHub's where that is at hand, and holds
//! the rules that a description leaves out, the limit on what writes among them. A request that breaks a rule is answered as
//! GitHub does, and fails the test when the fake is dropped.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::HEAD;
use super::objects::Objects;
use super::people::{People, page, user};
use super::repository::Served;
use super::schemas::Schemas;

/// The login of the job's token.
pub(crate) const US: &str = "github-actions[bot]";
/// GitHub's limit of a comment, in characters.
const MAX_COMMENT: usize = 65_536;
/// GitHub's limit of a summary or text, in bytes.
const MAX_OUTPUT: usize = 65_535;
/// GitHub's limit of requests that write, in any minute.
const MAX_WRITES: usize = 80;
const MINUTE: Duration = Duration::from_secs(60);

/// An answer in place of the right one.
#[derive(Clone)]
pub(crate) enum Fault {
    /// A status with a body, and nothing is done.
    Refuse(u16, Value),
    /// A status, and it is done all the same.
    LoseAnswer(u16),
    /// A secondary rate limit, for so many seconds.
    SlowDown(u64),
    /// HTTP 429, to be tried again after so many seconds; without a number GitHub does not say when.
    TooMany(Option<u64>),
    /// The primary rate limit is used up; it is full again in so many seconds.
    UsedUp(i64),
    /// The right answer, after a pause.
    Delay(Duration),
}

#[derive(Default)]
struct State {
    checks: Vec<Value>,
    comments: Vec<Value>,
    next_id: u64,
    log: Vec<String>,
    /// The bodies of updates of check runs.
    updates: Vec<Value>,
    /// When something was written, in the last minute.
    writes: VecDeque<Instant>,
    broken_rules: Vec<String>,
    /// Faults for the next requests whose `METHOD path` starts so.
    faults: VecDeque<(String, Fault)>,
    /// Whether everything that writes is refused.
    read_only: bool,
    /// The repository's files and pull requests.
    served: Option<Served>,
    /// Git's objects that were written.
    objects: Objects,
    /// People, and the clock.
    people: People,
}

struct Inner {
    state: Mutex<State>,
    schemas: Schemas,
    prefix: &'static str,
}

/// The fake, its address and its state.
pub(crate) struct Fake {
    server: MockServer,
    inner: Arc<Inner>,
}

struct Answers(Arc<Inner>);

impl Fake {
    /// A fake at the root of a loopback address.
    pub(crate) async fn start() -> Self {
        Self::start_below("").await
    }

    /// A fake below a path, as GitHub Enterprise has it.
    pub(crate) async fn start_below(prefix: &'static str) -> Self {
        let inner = Arc::new(Inner {
            state: Mutex::new(State { next_id: 1000, ..State::default() }),
            schemas: Schemas::load(),
            prefix,
        });
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(Answers(Arc::clone(&inner))).mount(&server).await;
        Self { server, inner }
    }

    /// The address for `GITHUB_API_URL`.
    pub(crate) fn url(&self) -> String {
        format!("{}{}", self.server.uri(), self.inner.prefix)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap()
    }

    /// The next request whose `METHOD path` starts so goes wrong.
    pub(crate) fn fail(&self, requests: &str, fault: Fault) {
        self.state().faults.push_back((requests.to_owned(), fault));
    }

    /// Others wrote so often with the token, so long ago.
    pub(crate) fn others_wrote(&self, times: usize, ago: Duration) {
        let at = Instant::now().checked_sub(ago).unwrap();
        self.state().writes.extend(std::iter::repeat_n(at, times));
    }

    /// The bodies of updates of check runs, in order.
    pub(crate) fn updates(&self) -> Vec<Value> {
        self.state().updates.clone()
    }

    /// From here on the token may only read.
    pub(crate) fn make_read_only(&self) {
        self.state().read_only = true;
    }

    /// From here on GitHub has the commits of a repository.
    pub(crate) fn serve(&self, root: &Path) {
        self.state().served = Some(Served::open(root));
    }

    /// From here on the token may write to the repository.
    pub(crate) fn grant_contents(&self) {
        self.state().objects.granted = true;
    }

    /// Adds a ref of somebody's.
    pub(crate) fn add_ref(&self, name: &str) {
        self.state().objects.refs.insert(name.to_owned(), HEAD.to_owned());
    }

    /// All refs with their commits.
    pub(crate) fn refs(&self) -> BTreeMap<String, String> {
        self.state().objects.refs.clone()
    }

    /// The file of a commit that was written.
    pub(crate) fn file(&self, commit: &str, path: &str) -> Option<Vec<u8>> {
        self.state().objects.file(commit, path).map(<[u8]>::to_vec)
    }

    /// Every file of a commit that was written, and how many commits it has before it.
    pub(crate) fn files(&self, commit: &str) -> (BTreeMap<String, Vec<u8>>, usize) {
        self.state().objects.all_of(commit)
    }

    /// Adds a pull request, or replaces it by what it is now.
    pub(crate) fn add_pull(&self, pull: Value) {
        let mut state = self.state();
        let pulls = &mut state.served.as_mut().unwrap().pulls;
        pulls.retain(|known| known["number"] != pull["number"]);
        pulls.push(pull);
    }

    /// After so many times that the pull request was asked for, it is this.
    pub(crate) fn move_pull_after_reads(&self, reads: usize, pull: Value) {
        self.state().served.as_ref().unwrap().move_after(reads, pull);
    }

    /// From here on no pull request is listed by its commit, as it happens to forks.
    pub(crate) fn list_no_pull_by_commit(&self) {
        self.state().served.as_mut().unwrap().unlisted = true;
    }

    /// Adds a comment of somebody's.
    pub(crate) fn add_comment(&self, login: &str, body: &str) -> u64 {
        let mut state = self.state();
        let (id, at) = (state.id(), state.people.later());
        state.comments.push(json!({
            "id": id, "user": user(login), "body": body, "created_at": at, "updated_at": at,
        }));
        id
    }

    /// What our comments say from here on.
    pub(crate) fn rewrite_our_comments(&self, body: &str) {
        for comment in self.state().comments.iter_mut().filter(|it| it["user"]["login"] == US) {
            comment["body"] = body.into();
        }
    }

    /// Somebody edits a comment.
    pub(crate) fn edit_comment(&self, id: u64, body: &str) {
        let mut state = self.state();
        let at = state.people.later();
        let comment = find(&mut state.comments, &id.to_string()).unwrap();
        (comment["body"], comment["updated_at"]) = (json!(body), json!(at));
    }

    /// Somebody deletes a comment.
    pub(crate) fn delete_comment(&self, id: u64) {
        self.state().comments.retain(|comment| comment["id"] != id);
    }

    /// From here on somebody may do this: `admin`, `maintain`, `write`, `triage`, `read`; `nobody` is not found.
    pub(crate) fn permit(&self, login: &str, permission: &'static str) {
        self.state().people.permissions.insert(login.to_owned(), permission);
    }

    /// Something happens on the pull request, as its timeline has it.
    pub(crate) fn happens(&self, entry: Value) {
        self.state().people.events.push(entry);
    }

    /// Somebody puts a label on (`labeled`), or takes it off (`unlabeled`).
    pub(crate) fn label(&self, login: &str, event: &str, name: &str) {
        let mut state = self.state();
        let at = state.people.later();
        state.people.events.push(json!({
            "event": event, "actor": user(login), "created_at": at, "label": {"name": name},
        }));
    }

    /// Somebody reviews a commit.
    pub(crate) fn review(&self, login: &str, review: &str, commit: &impl serde::Serialize) {
        let mut state = self.state();
        let at = state.people.later();
        state.people.reviews.push(json!({
            "user": user(login), "state": review, "commit_id": commit, "submitted_at": at,
        }));
    }

    /// The workflow runs that were run again.
    pub(crate) fn reruns(&self) -> Vec<u64> {
        self.state().people.reruns.clone()
    }

    /// All comments as (id, author, body).
    pub(crate) fn comments(&self) -> Vec<(u64, String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let comments = self.state().comments.clone();
        comments
            .iter()
            .map(|c| (c["id"].as_u64().unwrap(), text(&c["user"]["login"]), text(&c["body"])))
            .collect()
    }

    /// The bodies of our comments.
    pub(crate) fn our_comments(&self) -> Vec<String> {
        let ours = self.comments().into_iter().filter(|(_, login, _)| login == US);
        ours.map(|(_, _, body)| body).collect()
    }

    /// All check runs.
    pub(crate) fn checks(&self) -> Vec<Value> {
        self.state().checks.clone()
    }

    /// Every request, as `METHOD path`.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let broken = std::mem::take(&mut self.state().broken_rules);
            assert!(broken.is_empty(), "requests that GitHub would refuse:\n{}", broken.join("\n"));
        }
    }
}

impl State {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Counts a request that writes; the answer where there were too many in a minute.
    fn too_fast(&mut self) -> Option<ResponseTemplate> {
        while self.writes.front().is_some_and(|at| at.elapsed() >= MINUTE) {
            self.writes.pop_front();
        }
        match self.writes.front() {
            Some(first) if self.writes.len() >= MAX_WRITES => {
                let left = MINUTE.saturating_sub(first.elapsed()).as_secs() + 1;
                Some(slow_down().insert_header("retry-after", left.to_string()))
            }
            _ => {
                self.writes.push_back(Instant::now());
                None
            }
        }
    }

    fn invalid(&mut self, problem: String) -> ResponseTemplate {
        let answer = json!({"message": "Invalid request.", "errors": [problem.clone()]});
        self.broken_rules.push(problem);
        ResponseTemplate::new(422).set_body_json(answer)
    }
}

impl Respond for Answers {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.state.lock().unwrap();
        let Some(path) = request.url.path().strip_prefix(self.0.prefix) else {
            return not_found();
        };
        let line = format!("{} {path}", request.method);
        state.log.push(line.clone());
        let now = state.people.tick();
        let now = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        self.answer_or_fail(&mut state, request, path, &line).insert_header("date", now)
    }
}

impl Answers {
    fn answer_or_fail(
        &self,
        state: &mut State,
        request: &Request,
        path: &str,
        line: &str,
    ) -> ResponseTemplate {
        if request.headers.get("authorization").is_none_or(|value| value != "Bearer ghs_test") {
            return refuse(401, "Bad credentials");
        }
        let fault = state.faults.iter().position(|(requests, _)| line.starts_with(requests));
        match fault.and_then(|index| state.faults.remove(index)) {
            None => {}
            Some((_, Fault::Refuse(status, body))) => {
                return ResponseTemplate::new(status).set_body_json(body);
            }
            Some((_, Fault::SlowDown(seconds))) => {
                return slow_down().insert_header("retry-after", seconds.to_string());
            }
            Some((_, Fault::TooMany(seconds))) => {
                let answer = refuse(429, "Too many requests");
                return match seconds {
                    Some(seconds) => answer.insert_header("retry-after", seconds.to_string()),
                    None => answer,
                };
            }
            Some((_, Fault::UsedUp(seconds))) => {
                // GitHub's clock here is the machine's, as the seconds of the header are.
                let reset = jiff::Timestamp::now().as_second() + seconds;
                return refuse(403, "API rate limit exceeded for installation.")
                    .insert_header("x-ratelimit-remaining", "0")
                    .insert_header("x-ratelimit-reset", reset.to_string());
            }
            Some((_, Fault::LoseAnswer(status))) => {
                self.answer(state, request, path);
                return ResponseTemplate::new(status).set_body_string("<html>Unicorn!</html>");
            }
            Some((_, Fault::Delay(delay))) => {
                return self.answer(state, request, path).set_delay(delay);
            }
        }
        self.answer(state, request, path)
    }

    fn answer(&self, state: &mut State, request: &Request, path: &str) -> ResponseTemplate {
        let method = request.method.as_str();
        if path == "/user" {
            return refuse(403, "Resource not accessible by integration");
        }
        let Some(path) = path.strip_prefix("/repos/octo-org/shop/") else { return not_found() };
        if state.read_only && method != "GET" {
            return refuse(403, "Resource not accessible by integration");
        }
        if method != "GET"
            && let Some(answer) = state.too_fast()
        {
            return answer;
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        let parts: Vec<&str> = path.split('/').collect();
        if let Some(problem) = self.0.schemas.problem(method, path, &body) {
            return state.invalid(problem);
        }
        match (method, parts.as_slice()) {
            ("POST", ["check-runs"]) => create_check(state, body),
            ("PATCH", ["check-runs", id]) => {
                state.updates.push(body.clone());
                update_check(state, id, &body)
            }
            ("GET", ["check-runs", id]) => match find(&mut state.checks, id) {
                Some(run) => ResponseTemplate::new(200).set_body_json(&*run),
                None => not_found(),
            },
            ("GET", ["commits", sha, "check-runs"]) => {
                let name = request.url.query_pairs().find(|(key, _)| key == "check_name");
                let name = name.map(|(_, name)| name.into_owned());
                let of = |run: &&Value| {
                    run["head_sha"] == *sha
                        && name.as_ref().is_none_or(|name| run["name"] == **name)
                };
                let runs: Vec<_> = state.checks.iter().filter(of).collect();
                ResponseTemplate::new(200)
                    .set_body_json(json!({"total_count": runs.len(), "check_runs": runs}))
            }
            ("POST", ["issues", "17", "comments"]) => {
                if let Some(problem) = comment_problem(&body) {
                    return state.invalid(problem);
                }
                let id = state.id();
                let at = state.people.now();
                let comment = json!({
                    "id": id, "user": user(US), "body": body["body"], "created_at": at, "updated_at": at,
                });
                state.comments.push(comment.clone());
                ResponseTemplate::new(201).set_body_json(comment)
            }
            ("GET", ["issues", "17", "comments"]) => page(&state.comments, request),
            ("PATCH", ["issues", "comments", id]) => {
                if let Some(problem) = comment_problem(&body) {
                    return state.invalid(problem);
                }
                let at = state.people.now();
                let Some(comment) = find(&mut state.comments, id) else { return not_found() };
                if comment["user"]["login"] != US {
                    let problem = format!("comment {id} is somebody else's");
                    return state.invalid(problem);
                }
                (comment["body"], comment["updated_at"]) = (body["body"].clone(), json!(at));
                ResponseTemplate::new(200).set_body_json(&*comment)
            }
            ("DELETE", ["issues", "comments", id]) => {
                let before = state.comments.len();
                let Some(comment) = find(&mut state.comments, id) else { return not_found() };
                if comment["user"]["login"] != US {
                    let problem = format!("comment {id} is somebody else's");
                    return state.invalid(problem);
                }
                let id = comment["id"].clone();
                state.comments.retain(|comment| comment["id"] != id);
                assert_eq!(state.comments.len() + 1, before);
                ResponseTemplate::new(204)
            }
            ("GET" | "POST" | "PATCH" | "DELETE", ["git", ..]) => {
                match state.objects.answer(method, path, &body) {
                    Some(Ok(answer)) => answer,
                    Some(Err(problem)) => state.invalid(problem),
                    None => not_found(),
                }
            }
            _ => {
                let State { people, comments, .. } = state;
                if let Some(answer) = people.answer((method, path), request, comments) {
                    return answer;
                }
                let served = state.served.as_ref().filter(|_| method == "GET");
                if let Some(answer) = served.and_then(|served| served.answer(path, request)) {
                    return answer;
                }
                let problem = format!("{method} {path} is no route of the API");
                state.invalid(problem)
            }
        }
    }
}

fn create_check(state: &mut State, body: Value) -> ResponseTemplate {
    let id = state.id();
    let mut run =
        json!({"id": id, "app": {"slug": "github-actions"}, "annotations": 0, "closed": 0});
    merge(&mut run, &body);
    if let Some(problem) = check_problem(&body) {
        return state.invalid(problem);
    }
    state.checks.push(run.clone());
    ResponseTemplate::new(201).set_body_json(run)
}

fn update_check(state: &mut State, id: &str, body: &Value) -> ResponseTemplate {
    if let Some(problem) = check_problem(body) {
        return state.invalid(problem);
    }
    let Some(run) = find(&mut state.checks, id) else { return not_found() };
    let was_completed = run["status"] == "completed";
    let count = body["output"]["annotations"].as_array().map_or(0, Vec::len);
    let before = run["annotations"].as_u64().unwrap();
    merge(run, body);
    run["annotations"] = json!(before + count as u64);
    if body["status"] == "completed" {
        run["closed"] = json!(run["closed"].as_u64().unwrap() + 1);
    }
    let answer = run.clone();
    if was_completed && body.get("status").is_some() {
        let problem = format!("check run {id} was closed before: {body}");
        return state.invalid(problem);
    }
    ResponseTemplate::new(200).set_body_json(answer)
}

/// What GitHub refuses in a check run, beyond its description.
fn check_problem(body: &Value) -> Option<String> {
    if body["status"] == "completed" && body["conclusion"].is_null() {
        return Some("a completed check run needs a conclusion".to_owned());
    }
    for field in ["summary", "text"] {
        let bytes = body["output"][field].as_str().map_or(0, str::len);
        if bytes > MAX_OUTPUT {
            return Some(format!("output.{field} has {bytes} bytes"));
        }
    }
    let annotations = body["output"]["annotations"].as_array().map_or(0, Vec::len);
    (annotations > 50).then(|| format!("{annotations} annotations in one request"))
}

/// What GitHub refuses in a comment, beyond its description.
fn comment_problem(body: &Value) -> Option<String> {
    let text = body["body"].as_str().unwrap_or_default();
    if text.trim().is_empty() {
        return Some("body can't be blank".to_owned());
    }
    let count = text.chars().count();
    (count > MAX_COMMENT)
        .then(|| format!("body is too long (maximum is 65536 characters): {count}"))
}

fn find<'a>(items: &'a mut [Value], id: &str) -> Option<&'a mut Value> {
    let id: u64 = id.parse().ok()?;
    items.iter_mut().find(|item| item["id"].as_u64() == Some(id))
}

fn merge(target: &mut Value, source: &Value) {
    for (key, value) in source.as_object().unwrap() {
        target[key] = value.clone();
    }
}

pub(super) fn refuse(status: u16, message: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"message": message}))
}

fn slow_down() -> ResponseTemplate {
    refuse(403, "You have exceeded a secondary rate limit.")
}

pub(super) fn not_found() -> ResponseTemplate {
    refuse(404, "Not Found")
}

#[test]
fn the_fake_refuses_what_github_refuses() {
    assert!(check_problem(&json!({"status": "completed"})).is_some());
    assert!(check_problem(&json!({"output": {"summary": "é".repeat(40_000)}})).is_some());
    assert!(comment_problem(&json!({"body": "x".repeat(MAX_COMMENT + 1)})).is_some());
}
