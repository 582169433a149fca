//! The one sticky comment: found by marker *and* author over all pages, rewritten in place.
//!
//! Anybody can paste our marker; only our own login wrote our comment. Two runs at once may both find nothing
//! and both write: so after writing a new one we look again, keep the oldest and delete our other ones.

use presscheck_core::inert::one_line;
use serde::{Deserialize, Serialize};

use super::api::{Answer, Api, Method};
use super::error::{ApiError, Doing};
use super::fit::fit;

/// GitHub's limit is 65,536 characters; bytes are never fewer.
const MAX_BODY: usize = 65_536;
/// The most pages of 100 comments that are read.
const MAX_PAGES: u32 = 200;
/// Who comments with the token that every job has.
const ACTIONS: &str = "github-actions[bot]";

/// The hidden line by which a comment is found again. Characters that could end it are percent-encoded, so two
/// names never share a marker.
#[must_use]
pub fn marker(name: &str) -> String {
    let mut safe = String::new();
    for byte in name.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'.' | b'_')
            // Two hyphens would end the comment.
            || (byte == b'-' && !safe.is_empty() && !safe.ends_with('-'));
        if plain {
            safe.push(char::from(byte));
        } else {
            safe.push_str(&format!("%{byte:02X}"));
        }
    }
    if let Some(rest) = safe.strip_suffix('-') {
        safe = format!("{rest}%2D");
    }
    format!("<!-- presscheck:{safe} -->")
}

#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    user: Option<User>,
}

#[derive(Debug, Deserialize)]
struct User {
    login: String,
}

#[derive(Serialize)]
struct Body<'a> {
    body: &'a str,
}

/// The comment of one name on a pull request, as it was found. Comments of others are never touched, whatever they say.
#[derive(Debug)]
pub struct Sticky<'a> {
    api: &'a Api,
    number: u64,
    marker: String,
    /// The login that our token writes as.
    author: String,
    /// Ours, oldest first: there may be duplicates.
    ours: Vec<Own>,
}

/// One of our comments.
#[derive(Debug)]
struct Own {
    id: u64,
    body: String,
}

impl<'a> Sticky<'a> {
    /// Looks for it. `author` is the login that our token writes as, where it is known.
    ///
    /// # Errors
    /// Where GitHub refuses, or can't be reached.
    pub async fn find(
        api: &'a Api,
        number: u64,
        name: &str,
        author: Option<&str>,
    ) -> Result<Self, ApiError> {
        let author = match author {
            Some(login) => login.to_owned(),
            None => whoami(api).await?,
        };
        let mut sticky = Self { api, number, marker: marker(name), author, ours: Vec::new() };
        sticky.look().await?;
        Ok(sticky)
    }

    /// Whether there is none yet.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.ours.is_empty()
    }

    /// What it says.
    #[must_use]
    pub fn before(&self) -> Option<&str> {
        self.ours.first().map(|own| own.body.as_str())
    }

    /// Rewrites the oldest of ours, else writes a new one, and deletes our other ones.
    ///
    /// # Errors
    /// Where GitHub refuses, or can't be reached.
    pub async fn write(mut self, text: &str) -> Result<(), ApiError> {
        let (api, number) = (self.api, self.number);
        let body = with_marker(text, &self.marker);
        let mut last = None;
        for tries in 0..api.patience().tries.max(2) {
            if tries > 0 {
                self.look().await?;
            }
            if let Some((oldest, rest)) = self.ours.split_first() {
                match update(api, oldest.id, &body).await {
                    Ok(()) => return delete(api, rest).await,
                    // Somebody deleted it a moment ago: look again.
                    Err(error @ ApiError::NotFound { .. }) => last = Some(error),
                    Err(error) => return Err(error),
                }
                continue;
            }
            let created = match create(api, number, &body).await {
                Ok(comment) => comment,
                // It may be there all the same: look before writing another.
                Err(error) if error.is_ambiguous() => {
                    last = Some(error);
                    tokio::time::sleep(api.patience().pause).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            // What GitHub says of our own comment is the best word on who we are.
            if let Some(user) = created.user {
                self.author = user.login;
            }
            self.look().await?;
            let Some((oldest, rest)) = self.ours.split_first() else { return Ok(()) };
            if oldest.id != created.id {
                // Another run was first: its comment stays, with the newer text.
                match update(api, oldest.id, &body).await {
                    Ok(()) => {}
                    Err(ApiError::NotFound { .. }) => continue,
                    Err(error) => return Err(error),
                }
            }
            return delete(api, rest).await;
        }
        Err(last.unwrap_or_else(|| ApiError::BadAnswer {
            doing: Doing::CreateComment,
            reason: "our comment vanishes as soon as it is written".to_owned(),
        }))
    }

    /// Reads which comments are ours, oldest first.
    async fn look(&mut self) -> Result<(), ApiError> {
        let (api, number) = (self.api, self.number);
        let mut ours = Vec::new();
        for page in 1..=MAX_PAGES {
            let route = api.route(&format!("issues/{number}/comments?per_page=100&page={page}"));
            let answer: Answer =
                api.send(Doing::ListComments, Method::Get, &route, None::<&()>).await?;
            let comments: Vec<Comment> = answer.json()?;
            let found = comments.into_iter().filter(|it| is_ours(it, &self.marker, &self.author));
            ours.extend(found.map(|it| Own { id: it.id, body: it.body.unwrap_or_default() }));
            if !answer.has_next {
                break;
            }
        }
        ours.sort_unstable_by_key(|own| own.id);
        self.ours = ours;
        Ok(())
    }
}

/// The text with the marker as its last line, within the limit.
fn with_marker(text: &str, marker: &str) -> String {
    let text = text.trim_end();
    let text = text.strip_suffix(marker).unwrap_or(text).trim_end();
    let room = MAX_BODY.saturating_sub(marker.len() + 2);
    let note = "*Cut to GitHub's size limit. All of it is in the job's summary and reports.*";
    format!("{}\n\n{marker}", fit(text, room, note).trim_end())
}

/// Whether a comment is by us and *ends* in our marker: the same login serves every workflow of the repository,
/// and another's comment may quote ours.
fn is_ours(comment: &Comment, marker: &str, author: &str) -> bool {
    let by_us = comment.user.as_ref().is_some_and(|u| u.login.eq_ignore_ascii_case(author));
    let last = comment.body.as_deref().unwrap_or_default().trim_end().lines().next_back();
    by_us && last.is_some_and(|line| line.trim_end() == marker)
}

async fn create(api: &Api, number: u64, body: &str) -> Result<Comment, ApiError> {
    let route = api.route(&format!("issues/{number}/comments"));
    let body = Body { body };
    api.send(Doing::CreateComment, Method::Post, &route, Some(&body)).await?.json()
}

async fn update(api: &Api, id: u64, body: &str) -> Result<(), ApiError> {
    let route = api.route(&format!("issues/comments/{id}"));
    let body = Body { body };
    api.send(Doing::UpdateComment, Method::Patch, &route, Some(&body)).await.map(|_| ())
}

/// Deletes duplicates; one that is gone already is no error.
async fn delete(api: &Api, duplicates: &[Own]) -> Result<(), ApiError> {
    for Own { id, .. } in duplicates {
        let route = api.route(&format!("issues/comments/{id}"));
        match api.send(Doing::DeleteComment, Method::Delete, &route, None::<&()>).await {
            Ok(_) | Err(ApiError::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The login of the token. An app's token may not ask (HTTP 403); the job's own token is one of those.
async fn whoami(api: &Api) -> Result<String, ApiError> {
    match api.send(Doing::WhoAmI, Method::Get, "/user", None::<&()>).await {
        Ok(answer) => Ok(one_line(&answer.json::<User>()?.login, 100)),
        Err(
            ApiError::Permission { .. } | ApiError::Rejected { .. } | ApiError::NotFound { .. },
        ) => Ok(ACTIONS.to_owned()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn comment(login: &str, body: &str) -> Comment {
        let user = Some(User { login: login.to_owned() });
        Comment { id: 1, body: Some(body.to_owned()), user }
    }

    #[test]
    fn the_marker_alone_is_not_enough() {
        let mark = marker("presscheck");
        assert_eq!(mark, "<!-- presscheck:presscheck -->");
        let ours = |login, body: &str| is_ours(&comment(login, body), &mark, ACTIONS);
        assert!(ours("github-actions[bot]", &format!("text\r\n\r\n{mark}\r\n")));
        assert!(!ours("mallory", &format!("text\n\n{mark}")));
        assert!(!ours("github-actions[bot]", &format!("{mark}\n\nand more")));
        assert!(!ours("github-actions[bot]", &format!("> quoted {mark}")));
        assert!(!is_ours(&Comment { id: 1, body: None, user: None }, &mark, ACTIONS));
    }

    #[test]
    fn the_marker_is_written_once() {
        let mark = marker("hero");
        let once = with_marker("text", &mark);
        assert_eq!(once, "text\n\n<!-- presscheck:hero -->");
        assert_eq!(with_marker(&once, &mark), once);
    }

    #[test]
    fn a_body_over_the_limit_keeps_its_marker() {
        let mark = marker("hero");
        let body = with_marker(&"| row é |\n".repeat(10_000), &mark);
        assert!(body.len() <= MAX_BODY && body.ends_with(&mark));
        assert!(body.contains("Cut to GitHub's size limit."));
    }

    proptest! {
        #[test]
        fn no_name_ends_its_marker(name in ".*", other in ".*") {
            let mark = marker(&name);
            let inner = mark.strip_prefix("<!-- ").and_then(|m| m.strip_suffix(" -->")).unwrap();
            prop_assert!(!inner.contains("--") && !inner.contains('>') && !inner.ends_with('-'));
            prop_assert_eq!(marker(&other) == mark, other == name);
        }
    }
}
