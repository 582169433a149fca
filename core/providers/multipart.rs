//! `multipart/form-data` (RFC 7578): written for vendors that want it, read by their rehearsals.

use bytes::{BufMut as _, Bytes, BytesMut};
use serde_json::Value;

use crate::units::Digest;

/// A form, part by part.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    parts: Vec<Part>,
}

/// A part of a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// The field's name.
    pub(super) name: String,
    /// The file's name and media type, where it is one.
    pub(super) file: Option<(String, String)>,
    /// What it holds.
    pub(super) body: Bytes,
}

impl Form {
    /// Adds a text.
    pub(super) fn text(&mut self, name: &str, value: &str) {
        let body = Bytes::copy_from_slice(value.as_bytes());
        self.parts.push(Part { name: name.to_owned(), file: None, body });
    }

    /// Adds a parameter: a text as it is, anything else as JSON.
    pub(super) fn value(&mut self, name: &str, value: &Value) {
        match value {
            Value::String(text) => self.text(name, text),
            other => self.text(name, &other.to_string()),
        }
    }

    /// Adds a picture, named by its format.
    pub(super) fn picture(&mut self, name: &str, bytes: &Bytes) {
        let format = super::picture_format(bytes).unwrap_or("png");
        self.file(name, &format!("{name}.{format}"), bytes);
    }

    /// Adds a picture under a file name.
    pub(super) fn file(&mut self, name: &str, file: &str, bytes: &Bytes) {
        let format = super::picture_format(bytes).unwrap_or("png");
        let file = (file.to_owned(), format!("image/{format}"));
        self.parts.push(Part { name: name.to_owned(), file: Some(file), body: bytes.clone() });
    }

    /// Adds a part without content: some clients fall back to another encoding where no part is a file.
    pub(super) fn nothing(&mut self) {
        let file = (String::new(), "application/octet-stream".to_owned());
        self.parts.push(Part { name: "none".to_owned(), file: Some(file), body: Bytes::new() });
    }

    /// The media type with its boundary, and the body. The boundary follows from the content, so that the same form is
    /// the same request; no part holds it.
    pub(super) fn finish(&self) -> (String, Bytes) {
        let mut boundary = String::new();
        for salt in 0..u32::MAX {
            let seed =
                format!("{salt} {:?}", self.parts.iter().map(|it| &it.name).collect::<Vec<_>>());
            let digest = Digest::of(seed.as_bytes()).to_string();
            boundary = format!("presscheck-{}", digest.get(..32).unwrap_or_default());
            let held = |part: &Part| {
                part.body.windows(boundary.len()).any(|window| window == boundary.as_bytes())
            };
            if !self.parts.iter().any(held) {
                break;
            }
        }
        let mut body = BytesMut::new();
        for part in &self.parts {
            body.put_slice(format!("--{boundary}\r\nContent-Disposition: form-data; ").as_bytes());
            body.put_slice(format!("name=\"{}\"", quoted(&part.name)).as_bytes());
            if let Some((file, media_type)) = &part.file {
                let file = quoted(file);
                let head = format!("; filename=\"{file}\"\r\nContent-Type: {media_type}");
                body.put_slice(head.as_bytes());
            }
            body.put_slice(b"\r\n\r\n");
            body.put_slice(&part.body);
            body.put_slice(b"\r\n");
        }
        body.put_slice(format!("--{boundary}--\r\n").as_bytes());
        (format!("multipart/form-data; boundary={boundary}"), body.freeze())
    }
}

/// A name that can't end its quotes or its line (RFC 7578, 2 and the HTML standard's encoding).
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

/// Reads a form.
///
/// # Errors
/// A sentence, where it is none.
pub(super) fn read(content_type: &str, body: &Bytes) -> Result<Vec<Part>, String> {
    let boundary = content_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.trim().strip_prefix("boundary="))
        .map(|boundary| boundary.trim_matches('"'))
        .find(|boundary| (1..=70).contains(&boundary.len()))
        .filter(|_| content_type.to_ascii_lowercase().starts_with("multipart/form-data"))
        .ok_or("the body must be multipart/form-data with a boundary")?;
    let wall = format!("--{boundary}");
    let mut starts = find_all(body, wall.as_bytes()).into_iter().peekable();
    let mut parts = Vec::new();
    while let Some(start) = starts.next() {
        let Some(&end) = starts.peek() else { break };
        // After the wall comes a line break, and one belongs to the next wall.
        let (from, to) = (start + wall.len() + 2, end.saturating_sub(2));
        if from <= to && to <= body.len() {
            parts.push(part(&body.slice(from..to))?);
        }
    }
    Ok(parts)
}

fn part(bytes: &Bytes) -> Result<Part, String> {
    let at = find_all(bytes, b"\r\n\r\n").first().copied().ok_or("a part has no headers")?;
    let head = bytes.get(..at).map(String::from_utf8_lossy).unwrap_or_default();
    let parameter = |key: &str| {
        let start = head.find(&format!("; {key}=\""))? + key.len() + 4;
        head.get(start..)?.split('"').next().map(str::to_owned)
    };
    let name = parameter("name").ok_or("a part has no name")?;
    let media_type = head
        .lines()
        .find_map(|line| {
            line.split_once(':').filter(|(key, _)| key.eq_ignore_ascii_case("content-type"))
        })
        .map(|(_, value)| value.trim().to_owned());
    let file = parameter("filename").map(|file| (file, media_type.unwrap_or_default()));
    Ok(Part { name, file, body: bytes.slice(at + 4..) })
}

fn find_all(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(found) = rest.windows(wanted.len()).position(|window| window == wanted) else {
            break;
        };
        places.push(at + found);
        at += found + wanted.len();
    }
    places
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_reads_like_this() {
        let mut form = Form::default();
        form.text("prompt", "a cat");
        form.picture("image", &Bytes::from_static(b"\xFF\xD8\xFF"));
        form.nothing();
        let (media_type, body) = form.finish();
        let boundary = media_type.split("boundary=").nth(1).unwrap();
        let text =
            String::from_utf8_lossy(&body).replace(boundary, "BOUNDARY").replace("\r\n", "\n");
        insta::assert_snapshot!(text);
        assert_eq!(read(&media_type, &body).unwrap(), form.parts);
        assert_eq!(form.finish(), (media_type, body), "the same form is the same request");
    }

    #[test]
    fn what_is_no_form_is_said() {
        for media_type in
            ["application/json", "multipart/form-data", "multipart/form-data; boundary="]
        {
            assert!(read(media_type, &Bytes::from_static(b"x")).is_err(), "{media_type}");
        }
        let media_type = "multipart/form-data; boundary=x";
        assert_eq!(read(media_type, &Bytes::from_static(b"--x")).unwrap(), []);
        assert!(read(media_type, &Bytes::from_static(b"--x\r\nno\r\n--x--")).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            texts in proptest::collection::vec(("[a-z]{1,8}", ".{0,40}"), 0..5),
            file in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut form = Form::default();
            texts.iter().for_each(|(name, text)| form.text(name, text));
            form.picture("image", &file.into());
            let (media_type, body) = form.finish();
            prop_assert_eq!(read(&media_type, &body).unwrap(), form.parts);
        }

        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read("multipart/form-data; boundary=ab", &Bytes::from(body.clone()));
            let walled = [b"--ab\r\n".as_slice(), &body, b"\r\n--ab--"].concat();
            let _ = read("multipart/form-data; boundary=ab", &walled.into());
        }
    }
}
