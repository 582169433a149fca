//! The arguments that name a change: shared by every command that looks at one.

use std::path::PathBuf;

use clap::Args;
use presscheck_core::units::{RepoPath, Usd};

/// What to compare, by which policy, and where results are kept.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ChangeArgs {
    /// The baseline: a git revision or a folder [default: the default branch; in Actions, the event's base].
    #[arg(long, value_name = "REV|DIR")]
    pub(super) base: Option<String>,

    /// The candidate: a git revision or a folder [default: the work tree; in Actions, the event's head].
    #[arg(long, value_name = "REV|DIR")]
    pub(super) head: Option<String>,

    /// The policy's path in the repository [default: presscheck.yaml].
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<String>,

    /// Where results are kept, a folder or a bucket's URL [default: .presscheck/store].
    #[arg(long, value_name = "DIR|URL")]
    pub(super) store: Option<String>,

    /// Buy at most this many images.
    #[arg(long, value_name = "N")]
    pub(super) max_images: Option<u64>,

    /// Spend at most this much; can only lower the policy's budget.
    #[arg(long, value_name = "$")]
    pub(super) budget: Option<Usd>,

    /// The folder to work in.
    #[arg(short = 'C', long = "directory", value_name = "DIR", hide = true)]
    pub(super) directory: Option<PathBuf>,
}

impl ChangeArgs {
    /// Whether both sides are named, so that no event is needed.
    pub(super) const fn names_both(&self) -> bool {
        self.base.is_some() && self.head.is_some()
    }

    /// The folder to work in.
    pub(super) fn at(&self) -> PathBuf {
        self.directory.clone().unwrap_or_else(|| PathBuf::from("."))
    }

    /// A path as the user meant it: relative to the folder to work in.
    pub(super) fn place(&self, path: PathBuf) -> PathBuf {
        if path.is_absolute() { path } else { self.at().join(path) }
    }

    /// The policy's path in the repository.
    pub(super) fn policy_path(&self) -> Result<RepoPath, String> {
        self.policy
            .as_deref()
            .unwrap_or("presscheck.yaml")
            .parse()
            .map_err(|error| format!("--policy: {error}; no request was sent"))
    }

    /// Where results are kept: a URL as it is, or a folder.
    pub(super) fn store_location(&self) -> String {
        let store = self.store.clone().unwrap_or_else(|| ".presscheck/store".to_owned());
        if store.contains("://") {
            store
        } else {
            self.place(PathBuf::from(store)).to_string_lossy().into_owned()
        }
    }
}
