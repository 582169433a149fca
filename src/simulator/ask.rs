//! What a request asks for.

use serde_json::{Map, Value};

use super::picture::{Encoding, Size};

/// How the picture is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The body is the picture.
    Bytes,
    /// `{"data": [{"b64_json": …}]}`.
    Base64,
    /// `{"data": [{"url": …}]}`.
    Url,
}

/// A request, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ask {
    pub(crate) prompt: String,
    pub(crate) model: String,
    pub(crate) seed: u64,
    /// The size, where the request says one.
    pub(crate) size: Option<Size>,
    /// Width to height, where the request says it.
    pub(crate) aspect: Option<(u32, u32)>,
    pub(crate) form: Form,
    pub(crate) encoding: Encoding,
}

impl Ask {
    /// Reads the JSON body of `POST /generate`. Parameters that this server does not know are ignored, as
    /// many vendors do.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the body is no JSON: {error}"))?;
        let Value::Object(body) = value else {
            return Err("the body must be a JSON object".to_owned());
        };
        let prompt = text(&body, "prompt")?.ok_or("`prompt` is missing")?;
        if prompt.is_empty() {
            return Err("`prompt` is empty".to_owned());
        }
        let model = text(&body, "model")?.ok_or("`model` is missing")?.to_owned();
        Ok(Self {
            prompt: prompt.to_owned(),
            model,
            seed: seed(&body)?,
            size: size(&body)?,
            aspect: aspect(&body)?,
            form: match text(&body, "response")? {
                None | Some("bytes") => Form::Bytes,
                Some("base64") => Form::Base64,
                Some("url") => Form::Url,
                Some(_) => return Err("`response` is one of bytes, base64, url".to_owned()),
            },
            encoding: match text(&body, "format")? {
                None | Some("png") => Encoding::Png,
                Some("jpeg" | "jpg") => Encoding::Jpeg,
                Some("webp") => Encoding::Webp,
                Some(_) => return Err("`format` is one of png, jpeg, webp".to_owned()),
            },
        })
    }

    /// The size of the picture: as asked; else the default's area in the aspect ratio that was asked for.
    ///
    /// # Errors
    /// A sentence, where no picture of that shape can be made.
    pub(crate) fn picture_size(&self, default: Size) -> Result<Size, String> {
        match (self.size, self.aspect) {
            (Some(size), _) => Ok(size),
            (None, Some(aspect)) => default
                .with_aspect(aspect)
                .ok_or_else(|| format!("no picture of {}:{} can be made", aspect.0, aspect.1)),
            (None, None) => Ok(default),
        }
    }
}

/// A text; an absent key or `null` is nothing.
fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Result<Option<&'a str>, String> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`{key}` must be text")),
    }
}

fn whole(body: &Map<String, Value>, key: &str) -> Result<Option<u32>, String> {
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .map(Some)
            .ok_or_else(|| format!("`{key}` must be a whole number of pixels")),
    }
}

fn seed(body: &Map<String, Value>) -> Result<u64, String> {
    match body.get("seed") {
        None | Some(Value::Null) => Ok(0),
        Some(value) => value.as_u64().ok_or_else(|| "`seed` must be a whole number".to_owned()),
    }
}

fn size(body: &Map<String, Value>) -> Result<Option<Size>, String> {
    if let Some(text) = text(body, "size")? {
        return text.parse().map(Some).map_err(|error| format!("`size`: {error}"));
    }
    match (whole(body, "width")?, whole(body, "height")?) {
        (None, None) => Ok(None),
        (Some(width), Some(height)) => Size::new(width, height).map(Some).map_err(str::to_owned),
        _ => Err("`width` and `height` go together".to_owned()),
    }
}

fn aspect(body: &Map<String, Value>) -> Result<Option<(u32, u32)>, String> {
    const WRONG: &str = "`aspect_ratio` must be such as 16:9";
    let Some(text) = text(body, "aspect_ratio")? else { return Ok(None) };
    let (width, height) = text.split_once(':').ok_or(WRONG)?;
    let side = |text: &str| text.trim().parse::<u32>().ok().filter(|n| (1..=10_000).contains(n));
    Ok(Some((side(width).ok_or(WRONG)?, side(height).ok_or(WRONG)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Ask, String> {
        Ask::read(text.as_bytes())
    }

    #[test]
    fn sizes_follow_from_the_request() {
        let default = Size::new(512, 512).unwrap();
        let sized = |params: &str| {
            let ask = read(&format!(r#"{{"prompt": "x", "model": "m"{params}}}"#)).unwrap();
            ask.picture_size(default).map(|size| size.to_string())
        };
        assert_eq!(sized("").unwrap(), "512x512");
        assert_eq!(sized(r#", "aspect_ratio": "16:9""#).unwrap(), "688x387");
        assert_eq!(sized(r#", "aspect_ratio": "3:4""#).unwrap(), "444x592");
        assert_eq!(sized(r#", "width": 300, "height": 200"#).unwrap(), "300x200");
        assert_eq!(sized(r#", "size": "1024x768""#).unwrap(), "1024x768");
        assert!(sized(r#", "aspect_ratio": "1:9999""#).is_err());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (body, words) in [
            ("", "no JSON"),
            ("[]", "object"),
            (r#"{"model": "m"}"#, "`prompt` is missing"),
            (r#"{"prompt": "", "model": "m"}"#, "empty"),
            (r#"{"prompt": 1, "model": "m"}"#, "`prompt` must be text"),
            (r#"{"prompt": "x", "model": "m", "seed": -1}"#, "`seed`"),
            (r#"{"prompt": "x", "model": "m", "width": 512}"#, "go together"),
            (r#"{"prompt": "x", "model": "m", "width": 99999, "height": 9}"#, "pixels"),
            (r#"{"prompt": "x", "model": "m", "aspect_ratio": "0:9"}"#, "16:9"),
            (r#"{"prompt": "x", "model": "m", "format": "bmp"}"#, "`format`"),
            (r#"{"prompt": "x", "model": "m", "response": "ftp"}"#, "`response`"),
        ] {
            let error = read(body).unwrap_err();
            assert!(error.contains(words), "{body}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Ask::read(&body);
        }
    }
}
