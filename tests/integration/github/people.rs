//! The part of the fake that knows people: who may do what, what they did on the pull request, and when.
//!
//! Its clock is its own: each request takes a second, and what people do takes an hour.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use wiremock::{Request, ResponseTemplate};

use super::fake::{not_found, refuse};

/// When the fake's clock starts: 2026-11-23T06:00:00Z.
const START: i64 = 1_795_413_600;

pub(super) struct People {
    seconds: i64,
    /// What people may do, by login; who is not there may read.
    pub(super) permissions: BTreeMap<String, &'static str>,
    /// Labels put on and taken off.
    pub(super) events: Vec<Value>,
    pub(super) reviews: Vec<Value>,
    /// The workflow runs that were run again.
    pub(super) reruns: Vec<u64>,
}

impl Default for People {
    fn default() -> Self {
        Self {
            seconds: START,
            permissions: BTreeMap::new(),
            events: Vec::new(),
            reviews: Vec::new(),
            reruns: Vec::new(),
        }
    }
}

/// Somebody, as the API has them.
pub(super) fn user(login: &str) -> Value {
    let kind = if login.ends_with("[bot]") { "Bot" } else { "User" };
    let id: u64 = login.bytes().map(u64::from).sum();
    json!({"login": login, "id": id, "type": kind})
}

impl People {
    /// The time of a request.
    pub(super) fn tick(&mut self) -> Timestamp {
        self.seconds += 1;
        Timestamp::from_second(self.seconds).unwrap()
    }

    /// The time of something that somebody does.
    pub(super) fn later(&mut self) -> String {
        self.seconds += 3600;
        self.now()
    }

    pub(super) fn now(&self) -> String {
        Timestamp::from_second(self.seconds).unwrap().to_string()
    }

    /// What GitHub answers; nothing for a route that is not about people.
    pub(super) fn answer(
        &mut self,
        (method, path): (&str, &str),
        request: &Request,
        comments: &[Value],
    ) -> Option<ResponseTemplate> {
        match (method, path.split('/').collect::<Vec<_>>().as_slice()) {
            ("GET", ["collaborators", login, "permission"]) => {
                let permission = self.permissions.get(*login).copied().unwrap_or("read");
                if permission == "nobody" {
                    return Some(not_found());
                }
                // The older field knows four words; a role's own name stands beside it.
                let known = match permission {
                    "maintain" => "write",
                    "triage" => "read",
                    known => known,
                };
                let answer =
                    json!({"permission": known, "role_name": permission, "user": user(login)});
                Some(ResponseTemplate::new(200).set_body_json(answer))
            }
            ("GET", ["issues", "17", "timeline"]) => {
                let mut entries = self.events.clone();
                entries.extend(comments.iter().map(|comment| {
                    let mut entry = comment.clone();
                    (entry["event"], entry["actor"]) =
                        (json!("commented"), comment["user"].clone());
                    entry
                }));
                entries.sort_by_key(|entry| entry["created_at"].as_str().unwrap().to_owned());
                Some(page(&entries, request))
            }
            ("GET", ["pulls", "17", "reviews"]) => Some(page(&self.reviews, request)),
            ("POST", ["actions", "runs", run, "rerun-failed-jobs"]) => {
                let Ok(run) = run.parse() else { return Some(not_found()) };
                if run != 42 {
                    return Some(refuse(403, "This workflow run cannot be retried"));
                }
                self.reruns.push(run);
                Some(ResponseTemplate::new(201).set_body_json(json!({})))
            }
            _ => None,
        }
    }
}

/// A page of a list, with the address of the next one.
pub(super) fn page(entries: &[Value], request: &Request) -> ResponseTemplate {
    let number = |name: &str, default: usize| {
        let value = request.url.query_pairs().find(|(key, _)| key == name);
        value.map_or(default, |(_, value)| value.parse().unwrap())
    };
    let (size, page) = (number("per_page", 30).min(100), number("page", 1));
    let shown: Vec<_> = entries.iter().skip((page - 1) * size).take(size).collect();
    let response = ResponseTemplate::new(200).set_body_json(shown);
    if entries.len() > page * size {
        let mut next = request.url.clone();
        next.set_query(Some(&format!("per_page={size}&page={}", page + 1)));
        return response.insert_header("link", format!("<{next}>; rel=\"next\""));
    }
    response
}
