//! Markdown cut to a size without leaving anything open.
//!
//! The renderers keep to their sizes and drop sections by priority; this is the last line, for the places
//! where one byte too many loses everything.

/// Which construct is open at the end of a prefix.
#[derive(Clone, Debug, Default)]
struct Open {
    /// The fence's character, its length, and what precedes it on the line (`> ` of a quote).
    fence: Option<(char, usize)>,
    /// An HTML comment.
    comment: bool,
    /// Open HTML elements, outermost first.
    tags: Vec<&'static str>,
}

/// The elements that swallow what follows them when they stay open.
const TAGS: [&str; 6] = ["details", "summary", "table", "pre", "picture", "sub"];

/// At most `max` bytes of Markdown: all of it where it fits; else as many whole lines as fit, with open code
/// fences, comments and HTML elements closed, and then `note` as a paragraph of its own (where it fits too).
#[must_use]
pub fn fit(text: &str, max: usize, note: &str) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let mut open = Open::default();
    let mut best: Option<(usize, String)> = None;
    let mut length = 0;
    for line in text.split_inclusive('\n') {
        length += line.len();
        if length > max {
            break;
        }
        open.read(line);
        let ending = open.ending(note);
        if length + ending.len() <= max {
            best = Some((length, ending));
        }
    }
    match best {
        Some((length, ending)) => text.get(..length).unwrap_or_default().to_owned() + &ending,
        None => cut_first_line(text, max, note),
    }
}

/// Where not even one line fits: as much of it as does, at a character's border.
fn cut_first_line(text: &str, max: usize, note: &str) -> String {
    let ending = format!("\n\n{note}\n");
    let first = text.lines().next().unwrap_or_default();
    // A cut inside markup can leave anything open; without these characters the line opens nothing.
    let inert = first.replace(['<', '`', '~'], " ");
    let room = max.saturating_sub(ending.len());
    if room == 0 {
        return floor(note, max).to_owned();
    }
    floor(&inert, room).to_owned() + &ending
}

/// The longest prefix of at most `max` bytes that ends at a character's border.
fn floor(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or_default()
}

impl Open {
    /// Reads one more line.
    fn read(&mut self, line: &str) {
        if let Some((character, length)) = self.fence {
            // In a fence, only its end counts.
            let bare = bare(line);
            let run = bare.chars().take_while(|&c| c == character).count();
            if run >= length && bare.trim_end().chars().all(|c| c == character) {
                self.fence = None;
            }
            return;
        }
        if !self.comment {
            let bare = bare(line);
            for character in ['`', '~'] {
                let run = bare.chars().take_while(|&c| c == character).count();
                // A backtick after the fence makes it inline code (CommonMark 4.5).
                let rest = bare.get(run..).unwrap_or_default();
                if run >= 3 && !(character == '`' && rest.contains('`')) {
                    self.fence = Some((character, run));
                    return;
                }
            }
        }
        self.read_html(line);
    }

    /// Follows comments and elements through one line outside of fences.
    fn read_html(&mut self, line: &str) {
        let mut rest = line;
        loop {
            if self.comment {
                let Some((_, after)) = rest.split_once("-->") else { return };
                self.comment = false;
                rest = after;
            }
            let Some((_, after)) = rest.split_once('<') else { return };
            rest = after;
            if rest.starts_with("!--") {
                self.comment = true;
                continue;
            }
            let closing = rest.starts_with('/');
            let name: String = rest
                .trim_start_matches('/')
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_lowercase())
                .collect();
            let Some(tag) = TAGS.into_iter().find(|tag| *tag == name) else { continue };
            if !closing {
                self.tags.push(tag);
            } else if let Some(index) = self.tags.iter().rposition(|open| *open == tag) {
                self.tags.truncate(index);
            }
        }
    }

    /// What closes everything, and the note.
    fn ending(&self, note: &str) -> String {
        let mut ending = String::new();
        if let Some((character, length)) = self.fence {
            ending.extend(std::iter::repeat_n(character, length));
            ending.push('\n');
        }
        if self.comment {
            ending.push_str("-->\n");
        }
        for tag in self.tags.iter().rev() {
            ending.push_str("</");
            ending.push_str(tag);
            ending.push_str(">\n");
        }
        ending.push('\n');
        ending.push_str(note);
        ending.push('\n');
        ending
    }
}

/// A line without its indentation.
fn bare(line: &str) -> &str {
    line.trim_start_matches([' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(fit("a\nb", 3, "cut"), "a\nb");
    }

    #[test]
    fn what_is_open_is_closed() {
        let text = "# Title\n<details><summary>All</summary>\n\n````text\nprompt ```\n<b>\nmore\n````\n</details>\nend\n";
        insta::assert_snapshot!(fit(text, 85, "Cut."), @r"
        # Title
        <details><summary>All</summary>

        ````text
        prompt ```
        ````
        </details>

        Cut.
        ");
    }

    #[test]
    fn a_comment_does_not_swallow_the_note() {
        let text = format!("<!-- a\n{}", "b\n".repeat(40));
        let cut = fit(&text, 40, "Cut.");
        assert!(cut.ends_with("-->\n\nCut.\n"), "{cut}");
        assert!(cut.len() <= 40);
    }

    #[test]
    fn a_single_endless_line_is_cut_at_a_character() {
        let cut = fit(&"😀".repeat(100), 30, "Cut.");
        assert_eq!(cut, "😀😀😀😀😀\n\nCut.\n");
        assert_eq!(fit(&"x".repeat(100), 3, "Cut."), "Cut");
    }

    proptest! {
        #[test]
        fn never_too_long_and_never_open(
            lines in proptest::collection::vec(
                prop_oneof![
                    Just("```"), Just("~~~~"), Just("<details><summary>x</summary>"), Just("</details>"),
                    Just("<!--"), Just("-->"), Just("| a | b |"), Just("texte é 😀"), Just(""),
                ], 0..60),
            max in 0_usize..400,
        ) {
            let text = lines.join("\n");
            let cut = fit(&text, max, "Cut.");
            prop_assert!(cut.len() <= max);
            if cut.len() < text.len() && max > 100 {
                let mut open = Open::default();
                cut.split_inclusive('\n').for_each(|line| open.read(line));
                prop_assert!(open.fence.is_none() && !open.comment && open.tags.is_empty(), "{cut}");
                prop_assert!(cut.ends_with("\nCut.\n"));
            }
        }
    }
}
