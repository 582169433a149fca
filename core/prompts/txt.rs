//! `.txt`: one prompt a line.

use super::case::Draft;
use super::read::{Sink, lines};

/// Reads every line that is not blank and no comment. A comment is a line that starts with `# ` (a hash
/// and a space) or is a lone `#`: so `#1 dad mug` is a prompt. Spaces around a prompt are dropped, for
/// editors add and remove them unseen.
pub(super) fn read(text: &str, sink: &mut Sink<'_, '_>) {
    lines(
        text,
        |number, line, sink| {
            let prompt = line.trim();
            let comment = prompt == "#" || prompt.starts_with("# ");
            if !prompt.is_empty() && !comment {
                sink.collector.add(sink.file, number, Draft::of_prompt(prompt));
            }
        },
        sink,
    );
}
