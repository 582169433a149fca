//! Thumbnails within a budget.

use std::collections::{BTreeMap, BTreeSet};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::report::Thumbnail;

/// What may still be embedded, and the embedding.
pub(super) struct Pictures {
    left: usize,
    embedded: BTreeSet<String>,
}

/// An embedded picture.
pub(super) struct Picture {
    /// A `data:` address.
    pub(super) src: String,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Pictures {
    /// Embeds at most so many bytes of pictures.
    pub(super) const fn new(bytes: usize) -> Self {
        Self { left: bytes, embedded: BTreeSet::new() }
    }

    /// Whether the picture is in the page already.
    pub(super) fn has(&self, path: &str) -> bool {
        self.embedded.contains(path)
    }

    /// The thumbnail of a picture, where there is one and it still fits.
    pub(super) fn embed(
        &mut self,
        thumbnails: &BTreeMap<String, Thumbnail>,
        path: &str,
    ) -> Option<Picture> {
        let Thumbnail { media_type, bytes, size: (width, height) } = thumbnails.get(path)?;
        if !matches!(*media_type, "image/jpeg" | "image/png" | "image/webp") {
            return None;
        }
        self.left = self.left.checked_sub(bytes.len())?;
        self.embedded.insert(path.to_owned());
        let src = format!("data:{media_type};base64,{}", BASE64_STANDARD.encode(bytes));
        Some(Picture { src, width: *width, height: *height })
    }
}

/// The path of an original, where it is a plain path under `images/`.
pub(super) fn original(path: &str) -> Option<String> {
    let rest = path.strip_prefix("images/")?;
    let plain = !rest.is_empty()
        && rest.len() <= 200
        && !rest.contains("..")
        && rest.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    plain.then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_are_linked() {
        assert!(original("images/0a1b.png").is_some());
        for path in ["", "images/", "images/../x", "/etc/passwd", "javascript:x", "images/a b.png"]
        {
            assert_eq!(original(path), None, "{path}");
        }
    }
}
