//! Text from outside, made inert for each place where it may land: whatever the text, nothing of it is active there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use presscheck_core::inert::{
    Newlines, file_name, html, is_invisible, markdown, markdown_code, markdown_fence, one_line, script_json, shell_word,
    terminal, visible, xml,
};

/// The longest run of a character.
fn run(text: &str, of: char) -> usize {
    text.split(|c| c != of).map(str::len).max().unwrap_or(0)
}

fuzz_target!(|data: (u8, &str)| {
    let (max, text) = (usize::from(data.0), data.1);

    let line = one_line(text, max);
    assert!(!line.chars().any(is_invisible) && line.chars().count() <= max + 1);
    assert!(!terminal(text, Newlines::Join).chars().any(is_invisible));
    assert!(!terminal(text, Newlines::Keep).chars().any(|c| c != '\n' && is_invisible(c)));
    let shown = visible(text);
    assert!(!shown.chars().any(|c| is_invisible(c) && !matches!(c, '\n' | '\t' | '\u{200C}' | '\u{200D}')));

    assert!(!html(text).contains(['<', '>', '"', '\'']));
    let json = script_json(&text).unwrap();
    assert!(!json.contains(['<', '>', '&']) && !json.chars().any(is_invisible));
    assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    assert!(xml(text).chars().all(|c| matches!(c, '\t' | '\n' | '\r') || (c >= ' ' && !matches!(c, '\u{FFFE}' | '\u{FFFF}'))));

    let name = file_name(text);
    assert!(!name.is_empty() && name.len() <= 80 && name.starts_with(|c: char| c.is_ascii_alphanumeric()));
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')) && !name.ends_with('.'));
    let word = shell_word(text);
    assert!(word.starts_with('\'') == word.ends_with('\'') && (word == text || word.starts_with('\'')));

    let inline = markdown(text, max);
    assert!(!inline.contains(['<', '>', '|', '\n', '\r']) && !inline.contains("://"));
    let inline = inline.replace("&#92;", " ").replace("&#124;", " ");
    assert!(inline.char_indices().all(|(at, c)| !matches!(c, '@' | '#') || inline[at + 1..].starts_with('\u{2060}')));
    assert!(!inline.split(|c: char| !c.is_ascii_hexdigit()).any(|digits| digits.len() > 6));
    let code = markdown_code(text);
    assert!(!code.contains(['\n', '|']) && !code.contains("<!--"));
    if code.starts_with('`') {
        let fence = code.chars().take_while(|c| *c == '`').count();
        assert!(run(&code[fence..code.len() - fence], '`') < fence);
    }
    let block = markdown_fence(text);
    let fence = block.chars().take_while(|c| *c == '`').count();
    let ends = block.lines().filter(|line| line.trim_start().starts_with(&"`".repeat(fence))).count();
    assert!(ends == 2 && !block.contains("<!--"));
});
