//! Where text goes: documents to stdout, everything else to stderr, colour only where there is a terminal.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

pub(super) use presscheck_core::inert::shell_word;

/// Writes a document to stdout. A reader that went away is no error. In Actions, where the log obeys commands in it, no text
/// of the document is one.
pub(super) fn stdout(bytes: &[u8]) {
    let inert = in_actions().then(|| crate::github::commands::document(bytes)).flatten();
    let bytes = inert.as_deref().map_or(bytes, str::as_bytes);
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(bytes);
    let _ = out.flush();
}

/// Writes text to stderr. In Actions, where the log obeys commands in it, text is made inert first.
pub(super) fn stderr(text: &str) {
    if in_actions() {
        raw(&crate::github::commands::plain(text));
    } else {
        raw(text);
    }
}

/// Writes text to stderr as it is: commands for Actions that are our own.
pub(super) fn raw(text: &str) {
    let mut out = anstream::AutoStream::auto(std::io::stderr()).lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

/// Writes an error to stderr: what went wrong, and what to do.
pub(super) fn error(text: &str) {
    let label = if colour() { "\u{1b}[1;31merror\u{1b}[0m" } else { "error" };
    stderr(&format!("{label}: {}\n", text.trim_end()));
}

/// Whether stderr is a terminal that shows colours, and nobody asked for none.
pub(super) fn colour() -> bool {
    anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never
}

/// Whether stdout is such a terminal, for documents that people read.
pub(super) fn document_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// Whether a person watches.
pub(super) fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether this is a job of GitHub Actions.
pub(super) fn in_actions() -> bool {
    environment("GITHUB_ACTIONS").as_deref() == Some("true")
}

/// An environment variable, where it is set and is text.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// How long threads that wait, or write what was paid for, may still take at the end.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs a future on a runtime made for it.
pub(super) fn block_on(future: impl Future<Output = super::Exit>) -> super::Exit {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(future);
            // What still waits for an answer from elsewhere must not hold up a way out.
            runtime.shutdown_timeout(LAST_WAIT);
            exit
        }
        Err(why) => {
            error(&format!("the async runtime could not be started: {why}"));
            super::Exit::CouldNotRun
        }
    }
}
