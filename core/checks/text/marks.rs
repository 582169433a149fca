//! Text where there should be none, and marks that look like text and are none.

use super::{NAME, quoted, region};
use crate::checks::ocr::{Line, Look, Reader};
use crate::checks::{CheckResult, Finding, Picture};

/// How sure detector and recogniser must be that there is text.
const READ: (f32, f32) = (0.6, 0.85);

/// How sure the detector must be that there is text, and how unsure the recogniser in every look.
const GARBLED: (f32, f32) = (0.75, 0.6);

/// The looks that share the first one's map, which makes them cheap.
const LOOKS: [Look; 4] = [Look::First, Look::Outlines, Look::TiltedLeft, Look::TiltedRight];

/// Whether there is no text.
pub(super) fn no_text(reader: &Reader, picture: &Picture) -> Result<Finding, String> {
    let lines = reader.read(picture)?;
    let text = |line: &&Line| {
        line.detected >= READ.0
            && line.confidence >= READ.1
            && line.text.chars().filter(|c| c.is_alphanumeric()).count() >= 2
    };
    Ok(match lines.iter().find(text) {
        None => Finding::new(NAME, CheckResult::Pass, "there is no text"),
        Some(line) => {
            let message = format!("there is text where none is asked: {}", quoted(&line.text));
            let mut finding = Finding::new(NAME, CheckResult::Fail, message);
            finding.region = Some(region(line.place.extent(), picture));
            finding
        }
        .measured("lines", lines.iter().filter(text).count()),
    }
    .limit("lines", 0))
}

/// Whether there are marks that look like text, and that no look can read.
pub(super) fn garbled(reader: &Reader, picture: &Picture) -> Result<Finding, String> {
    let mut looks = Vec::new();
    for look in LOOKS {
        looks.push(reader.look(picture, look)?);
    }
    let unread = |line: &&Line| {
        let centre = line.place.centre;
        line.detected >= GARBLED.0
            && looks.iter().all(|lines| {
                lines
                    .iter()
                    .filter(|other| other.place.contains(centre))
                    .all(|other| other.confidence < GARBLED.1)
            })
    };
    let first = looks.first().copied().unwrap_or_default();
    let count = first.iter().filter(unread).count();
    Ok(match first.iter().find(unread) {
        None => Finding::new(NAME, CheckResult::Pass, "all that looks like text can be read"),
        Some(line) => {
            let message =
                format!("marks that look like text can't be read in {} looks", looks.len());
            let mut finding = Finding::new(NAME, CheckResult::Fail, message);
            finding.region = Some(region(line.place.extent(), picture));
            finding
        }
    }
    .measured("unreadable", count)
    .limit("unreadable", 0))
}
