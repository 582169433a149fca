//! What can go wrong when we tell GitHub something, in words for the person who reads the log.

use std::time::Duration;

use thiserror::Error;

/// What we were doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Opening the check run.
    OpenCheck,
    /// Looking for a check run.
    FindCheck,
    /// Writing to it.
    UpdateCheck,
    /// Reading the comments.
    ListComments,
    /// Writing a new comment.
    CreateComment,
    /// Rewriting our comment.
    UpdateComment,
    /// Deleting a duplicate of ours.
    DeleteComment,
    /// Asking who we are.
    WhoAmI,
    /// Reading a file of a commit.
    ReadFile,
    /// Comparing the two sides.
    Compare,
    /// Looking for the pull request of a commit.
    FindPull,
    /// Keeping pictures for the comment.
    KeepPictures,
    /// Keeping a verdict in the repository.
    KeepHistory,
    /// Reading what happened on a pull request.
    ReadTimeline,
    /// Asking what somebody may do in the repository.
    AskPermission,
    /// Reading a pull request's reviews.
    ListReviews,
    /// Running a workflow's failed jobs again.
    RunAgain,
}

impl Doing {
    /// As the end of "could not …".
    const fn words(self) -> &'static str {
        match self {
            Self::OpenCheck => "open the check run",
            Self::FindCheck => "look for the check run",
            Self::UpdateCheck => "update the check run",
            Self::ListComments => "read the pull request's comments",
            Self::CreateComment => "comment on the pull request",
            Self::UpdateComment => "update the comment",
            Self::DeleteComment => "delete a duplicate of the comment",
            Self::WhoAmI => "ask whose token this is",
            Self::ReadFile => "read a file of the repository",
            Self::Compare => "compare the two commits",
            Self::FindPull => "look for the commit's pull request",
            Self::KeepPictures => "keep the comment's pictures",
            Self::KeepHistory => "keep the verdict in the repository",
            Self::ReadTimeline => "read the pull request's history",
            Self::AskPermission => "ask what somebody may do here",
            Self::ListReviews => "read the pull request's reviews",
            Self::RunAgain => "run the failed jobs again",
        }
    }

    /// The permission that it takes, as a workflow writes it.
    const fn permission(self) -> &'static str {
        match self {
            Self::OpenCheck | Self::UpdateCheck => "checks: write",
            Self::FindCheck => "checks: read",
            Self::ListComments => "pull-requests: read",
            Self::CreateComment | Self::UpdateComment | Self::DeleteComment => {
                "pull-requests: write"
            }
            Self::WhoAmI => "a user's token",
            Self::ReadFile | Self::Compare => "contents: read",
            Self::KeepPictures | Self::KeepHistory => "contents: write",
            Self::FindPull | Self::ReadTimeline | Self::ListReviews => "pull-requests: read",
            Self::AskPermission => "metadata: read",
            Self::RunAgain => "actions: write",
        }
    }
}

/// Why GitHub did not take what we told it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ApiError {
    /// HTTP 401.
    #[error("could not {}: GitHub does not accept the token (it may have expired)", .doing.words())]
    Unauthorized {
        /// What we were doing.
        doing: Doing,
    },
    /// HTTP 403 for want of a permission.
    #[error(
        "could not {}: the token lacks `{}`; add it under `permissions:` of the job (a pull request \
         from a fork gets a read-only token, whatever the job says)", .doing.words(), .doing.permission()
    )]
    Permission {
        /// What we were doing.
        doing: Doing,
    },
    /// HTTP 404, which GitHub also answers for what a token may not see.
    #[error(
        "could not {}: GitHub answers \"not found\" (the token may not see this repository, or `{}` is \
         missing)", .doing.words(), .doing.permission()
    )]
    NotFound {
        /// What we were doing.
        doing: Doing,
    },
    /// A primary or secondary rate limit, for longer than we wait.
    #[error("could not {}: GitHub's rate limit is reached{}", .doing.words(), after(*.wait))]
    RateLimited {
        /// What we were doing.
        doing: Doing,
        /// How long GitHub asks to wait.
        wait: Option<Duration>,
    },
    /// HTTP 5xx, after every retry.
    #[error("could not {}: GitHub answers HTTP {status}, {tries} times", .doing.words())]
    Unavailable {
        /// What we were doing.
        doing: Doing,
        /// The status.
        status: u16,
        /// How often we asked.
        tries: u32,
    },
    /// No answer at all, after every retry.
    #[error("could not {}: GitHub can't be reached: {reason}", .doing.words())]
    Unreachable {
        /// What we were doing.
        doing: Doing,
        /// What went wrong on the way.
        reason: String,
    },
    /// Any other refusal, in GitHub's own words.
    #[error("could not {}: GitHub refuses with HTTP {status}: {said}", .doing.words())]
    Rejected {
        /// What we were doing.
        doing: Doing,
        /// The status.
        status: u16,
        /// GitHub's words, on one line.
        said: String,
    },
    /// An answer that is not what GitHub documents.
    #[error("could not {}: GitHub's answer makes no sense: {reason}", .doing.words())]
    BadAnswer {
        /// What we were doing.
        doing: Doing,
        /// What is wrong with it.
        reason: String,
    },
    /// A larger answer than we take.
    #[error("could not {}: the answer has more than {max_bytes} bytes", .doing.words())]
    TooLarge {
        /// What we were doing.
        doing: Doing,
        /// The most that is taken.
        max_bytes: usize,
    },
    /// The client can't be made.
    #[error("can't talk to GitHub: {reason}")]
    Setup {
        /// What is missing.
        reason: String,
    },
}

impl ApiError {
    /// Whether the request may have been carried out all the same.
    #[must_use]
    pub const fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unreachable { .. } | Self::BadAnswer { .. })
    }

    /// Whether trying again later may help.
    #[must_use]
    pub const fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::Unreachable { .. } | Self::RateLimited { .. }
        )
    }
}

/// ` for another 60 s`, where that is known.
fn after(wait: Option<Duration>) -> String {
    wait.map_or_else(String::new, |wait| format!(" for another {} s", wait.as_secs()))
}
