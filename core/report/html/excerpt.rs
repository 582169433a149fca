//! What a snapshot holds of a page: what differs from run to run, and a few of what comes by the hundred.

use super::{HtmlOptions, Run, html};

/// How many pairs of each kind an excerpt has.
const SHOWN: usize = 2;

/// The body of the page without thumbnails, its script and the script's data, and with empty drawings, which have snapshots
/// of their own. Of each kind of pairs it has the first ones, and how many others there are.
pub(in crate::report) fn excerpt(run: &Run) -> String {
    let options = HtmlOptions { max_thumbnail_bytes: 0, ..HtmlOptions::default() };
    let page = html(run, options).unwrap();
    let (_, body) = page.split_once("</head>").unwrap();
    let body = without_drawings(&without_scripts(body));
    let body = few(&body, "<article", "</article>");
    let body = few(&body, "<tr><th scope=\"row\"><bdi>", "</tr>");
    let lines = body.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// The page without what a browser runs and what that reads.
fn without_scripts(page: &str) -> String {
    let mut pieces = page.split("<script");
    let mut kept = pieces.next().unwrap().to_owned();
    for piece in pieces {
        kept.push_str(piece.split_once("</script>").unwrap().1);
    }
    kept
}

/// The page with nothing in the outermost `svg` elements.
fn without_drawings(page: &str) -> String {
    let mut kept = String::new();
    let mut depth = 0_usize;
    for (index, piece) in page.split("<svg").enumerate() {
        let mut rest = piece;
        if index > 0 {
            depth += 1;
            let (tag, inside) = piece.split_once('>').unwrap();
            if depth == 1 {
                kept.push_str(&format!("<svg{tag}>"));
            }
            rest = inside;
        }
        while depth > 0 {
            let Some((_, after)) = rest.split_once("</svg>") else { break };
            depth -= 1;
            rest = after;
        }
        if depth == 0 {
            kept.push_str(if index > 0 { "</svg>" } else { "" });
            kept.push_str(rest);
        }
    }
    kept
}

/// The page with the first of each row of elements that follow one another.
fn few(page: &str, begin: &str, end: &str) -> String {
    let mut pieces = page.split(begin);
    let mut kept = pieces.next().unwrap().to_owned();
    let mut count = 0;
    for piece in pieces {
        let (element, after) = piece.split_once(end).unwrap();
        count += 1;
        if count <= SHOWN {
            kept.push_str(&format!("{begin}{element}{end}"));
        }
        if !after.trim().is_empty() {
            if count > SHOWN {
                kept.push_str(&format!("\n({} more)\n", count - SHOWN));
            }
            count = 0;
        }
        kept.push_str(after);
    }
    kept
}
