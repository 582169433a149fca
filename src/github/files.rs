//! Files of commits, over GitHub's API: for a job that did not check the repository out, or not all of it.
//!
//! A folder is listed once, which tells links and submodules from files, and how large they are: asked for a link
//! by its name, GitHub answers with the file behind it. A file is read at an exact commit, once for all commits
//! that have the same bytes there, and not at all where git has its object already. A fork's commits are read from
//! the repository that takes the pull request, whose API has them; no other host is ever asked.
//!
//! Requests go from a thread and a runtime of their own, so that whoever waits for an answer keeps no task of the
//! run from going on.

mod listing;

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use bytes::Bytes;
use presscheck_core::units::{CommitSha, RepoPath};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OnceCell, Semaphore};
use url::Url;

use super::api::{Api, Patience};
use super::environment::Environment;
use super::error::{ApiError, Doing};
use crate::revision::{self, BEHIND_A_LINK, NO_FILE, RemoteFiles, Unread, too_large};
use listing::{Entry, Folder, Listed};

/// The most requests of one run: a job's token has 1,000 an hour for the whole repository, and the check run and
/// the comment need some.
const MAX_REQUESTS: u32 = 700;
/// The most requests that are under way at once: GitHub takes 100 from all that use a token together.
const AT_ONCE: usize = 8;
/// How many bytes of files are kept, so as not to ask again.
const MAX_KEPT: usize = 64 << 20;
/// The largest list of a folder that is read.
const MAX_LIST: usize = 8 << 20;
/// A file's bytes as they are, up to 100 MB of them.
const RAW: &str = "application/vnd.github.raw+json";
/// A folder's list.
const LIST: &str = "application/vnd.github+json";

/// Reads files of commits over the API.
#[derive(Debug)]
pub struct Files {
    calls: UnboundedSender<Call>,
    away: Arc<AtomicBool>,
}

/// A file that somebody waits for.
#[derive(Debug)]
struct Call {
    commit: CommitSha,
    path: RepoPath,
    max_bytes: u64,
    answer: mpsc::SyncSender<Result<Option<Bytes>, Unread>>,
}

impl Files {
    /// A reader for the repository that the workflow runs in, and the objects that git has of it. Sends nothing yet.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn open(
        environment: &Environment,
        here: Option<revision::Repository>,
        patience: Patience,
    ) -> Result<Self, ApiError> {
        let environment = environment.clone();
        let (calls, receive) = unbounded_channel();
        let away = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&away);
        std::thread::Builder::new()
            .name("github-files".to_owned())
            .spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                // Without one nobody is answered, which the readers are told as well.
                let Ok(runtime) = runtime else { return };
                runtime.block_on(async {
                    let api = Api::of(&environment, patience);
                    let reader = api.map(|api| Arc::new(Reader::new(api, here, seen)));
                    serve(reader, receive).await;
                });
            })
            .map_err(|error| ApiError::Setup { reason: error.to_string() })?;
        Ok(Self { calls, away })
    }
}

impl RemoteFiles for Files {
    fn read(
        &self,
        commit: &CommitSha,
        path: &RepoPath,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Unread> {
        let gone = || Unread::Unreachable("the thread that reads files has ended".to_owned());
        let (answer, receive) = mpsc::sync_channel(1);
        let call = Call { commit: commit.clone(), path: path.clone(), max_bytes, answer };
        self.calls.send(call).map_err(|_| gone())?;
        let bytes = receive.recv().map_err(|_| gone())??;
        Ok(bytes.map(|bytes| bytes.to_vec()))
    }

    fn was_away(&self) -> bool {
        self.away.load(Ordering::Relaxed)
    }
}

/// Answers until nobody can ask any more.
async fn serve(reader: Result<Arc<Reader>, ApiError>, mut calls: UnboundedReceiver<Call>) {
    while let Some(call) = calls.recv().await {
        // Whoever asked may have gone: then nobody hears the answer.
        match &reader {
            Ok(reader) => {
                let reader = Arc::clone(reader);
                tokio::spawn(async move {
                    let read = reader.read(&call.commit, &call.path, call.max_bytes).await;
                    let _ = call.answer.send(read);
                });
            }
            Err(error) => {
                let _ = call.answer.send(Err(Unread::Unreachable(error.to_string())));
            }
        }
    }
}

struct Reader {
    api: Api,
    here: Option<revision::Repository>,
    asked: AtomicU32,
    under_way: Semaphore,
    away: Arc<AtomicBool>,
    folders: Mutex<HashMap<String, Arc<OnceCell<Folder>>>>,
    files: Mutex<Kept>,
}

/// Files that were read, by their object's id, or by commit and path where that is not known.
#[derive(Default)]
struct Kept {
    files: HashMap<String, Arc<OnceCell<Option<Bytes>>>>,
    bytes: usize,
}

impl Reader {
    fn new(api: Api, here: Option<revision::Repository>, away: Arc<AtomicBool>) -> Self {
        let (asked, folders, files) = (AtomicU32::new(0), Mutex::default(), Mutex::default());
        let under_way = Semaphore::new(AT_ONCE);
        Self { api, here, asked, under_way, away, folders, files }
    }

    async fn read(
        &self,
        commit: &CommitSha,
        path: &RepoPath,
        max_bytes: u64,
    ) -> Result<Option<Bytes>, Unread> {
        let refused = |why: &str| Err(Unread::Refused(why.to_owned()));
        let whole = path.as_str();
        let (folder, name) = whole.rsplit_once('/').unwrap_or(("", whole));
        let listed = self.folder(commit, folder).await?;
        let found = match listed.get() {
            Some(Folder::Listed(entries, all)) => match entries.get(name) {
                None if *all => return Ok(None),
                found => found,
            },
            Some(Folder::Link) => return refused(BEHIND_A_LINK),
            Some(Folder::Nothing) => return Ok(None),
            Some(Folder::Unknown) | None => None,
        };
        let key = match found {
            Some(entry) if entry.kind == "symlink" => return refused(BEHIND_A_LINK),
            Some(entry) if !entry.is_file() => return refused(NO_FILE),
            Some(entry) if entry.size > max_bytes => {
                return refused(&too_large(entry.size, max_bytes));
            }
            Some(entry) => entry.sha.clone(),
            None => format!("{commit}:{path}"),
        };
        let cell = Arc::clone(self.kept().files.entry(key.clone()).or_default());
        let file = cell
            .get_or_try_init(|| async {
                let file = self.file(commit, path, found, max_bytes).await?;
                let mut kept = self.kept();
                kept.bytes = kept.bytes.saturating_add(file.as_ref().map_or(0, Bytes::len));
                if kept.bytes > MAX_KEPT {
                    kept.bytes = kept.bytes.saturating_sub(file.as_ref().map_or(0, Bytes::len));
                    kept.files.remove(&key);
                }
                Ok::<_, Unread>(file)
            })
            .await?;
        match file {
            // Another limit than the one it was read under.
            Some(bytes) if size(bytes) > max_bytes => refused(&too_large(size(bytes), max_bytes)),
            file => Ok(file.clone()),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a file, from git where it has the object.
    async fn file(
        &self,
        commit: &CommitSha,
        path: &RepoPath,
        entry: Option<&Entry>,
        max_bytes: u64,
    ) -> Result<Option<Bytes>, Unread> {
        let here = self.here.as_ref().zip(entry);
        if let Some(bytes) = here.and_then(|(here, entry)| here.blob(&entry.sha, max_bytes)) {
            return Ok(Some(bytes.into()));
        }
        let route = self.contents(path.as_str(), commit);
        let most = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        let answer = match self.count(self.api.get(Doing::ReadFile, &route, RAW, most)).await {
            Ok(answer) => answer,
            Err(Asked::Failed(ApiError::NotFound { .. })) if entry.is_none() => return Ok(None),
            Err(Asked::Failed(ApiError::TooLarge { .. })) => {
                let why = format!("it has more than {max_bytes} bytes, the most that is read");
                return Err(Unread::Refused(why));
            }
            Err(error) => return Err(error.into()),
        };
        match entry {
            Some(entry) if entry.size != size(&answer.body) => Err(Unread::Unreachable(format!(
                "{} of its {} bytes came",
                size(&answer.body),
                entry.size
            ))),
            // The description of something that is no file.
            None if answer.content_type.is_some_and(|it| it.starts_with("application/json")) => {
                Err(Unread::Refused(NO_FILE.to_owned()))
            }
            _ => Ok(Some(answer.body)),
        }
    }

    /// What a folder holds at a commit.
    async fn folder(
        &self,
        commit: &CommitSha,
        folder: &str,
    ) -> Result<Arc<OnceCell<Folder>>, Unread> {
        let key = format!("{commit}:{folder}");
        let cell = {
            let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(folders.entry(key).or_default())
        };
        cell.get_or_try_init(|| self.list(commit, folder)).await?;
        Ok(cell)
    }

    async fn list(&self, commit: &CommitSha, folder: &str) -> Result<Folder, Unread> {
        let route = self.contents(folder, commit);
        let listed = self.count(self.api.get(Doing::ReadFile, &route, LIST, MAX_LIST)).await;
        let answer = match listed {
            Ok(answer) => answer,
            // The file itself has the last word: nothing is absent because it is not listed.
            Err(Asked::Failed(ApiError::NotFound { .. } | ApiError::TooLarge { .. })) => {
                return Ok(Folder::Unknown);
            }
            Err(error) => return Err(error.into()),
        };
        let listed: Listed =
            answer.json().map_err(|error| Unread::Unreachable(error.to_string()))?;
        Ok(listed.into())
    }

    /// The route of what lies at a path, each part of it escaped.
    fn contents(&self, path: &str, commit: &CommitSha) -> String {
        let mut escaped = String::new();
        if let Ok(mut url) = Url::parse("http://host/") {
            if let Ok(mut parts) = url.path_segments_mut() {
                parts.clear().extend(path.split('/').filter(|part| !part.is_empty()));
            }
            escaped = url.path().trim_start_matches('/').to_owned();
        }
        self.api.route(&format!("contents/{escaped}?ref={commit}"))
    }

    /// Sends a request, if there may be one more.
    async fn count<T>(
        &self,
        request: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, Asked> {
        if self.asked.fetch_add(1, Ordering::Relaxed) >= MAX_REQUESTS {
            return Err(Asked::TooOften);
        }
        // Nobody closes it; if somebody did, there would only be no bound.
        let _place = self.under_way.acquire().await;
        request.await.map_err(|error| {
            self.away.fetch_or(error.is_passing(), Ordering::Relaxed);
            Asked::Failed(error)
        })
    }
}

/// Why a request gave nothing.
enum Asked {
    TooOften,
    Failed(ApiError),
}

impl From<Asked> for Unread {
    fn from(asked: Asked) -> Self {
        Self::Unreachable(match asked {
            Asked::TooOften => format!(
                "this run has asked GitHub {MAX_REQUESTS} times for files, and a job's token has 1,000 requests an hour\n  help: check the repository out with `fetch-depth: 0`; its files are then read from git"
            ),
            Asked::Failed(error) => error.to_string(),
        })
    }
}

fn size(bytes: &Bytes) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
