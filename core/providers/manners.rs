//! What the policy says of models of many makers behind one address: under which name they take a picture, and whether they
//! take a seed.

use serde_json::{Map, Value, json as table};

use super::{Order, json};
use crate::policy::{FromNode, Node, Problems, Task};

/// The keys.
pub(super) const KEYS: &[&str] = &["image_field", "mask_field", "send_seed"];

/// How the models of a provider want to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Manners {
    /// The field of the input picture, where one is known.
    image: Option<Field>,
    /// The same of a mask.
    mask: Option<Field>,
    /// Whether a seed is sent.
    seed: bool,
}

/// The name of a field, and whether its value is a list: `image_urls[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Field(String, bool);

impl FromNode for Field {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = String::from_node(node, problems)?;
        let (name, list) = match text.strip_suffix("[]") {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if name.is_empty() || name.len() > 64 || !plain || matches!(name, "prompt" | "seed") {
            problems.error_with_help(
                node.span,
                "this is no name of a field for a picture",
                "write the name that the model's documentation has, such as `image_url`, or `image_urls[]` where it takes a list",
            );
            return None;
        }
        Some(Self(name.to_owned(), list))
    }

    fn schema() -> Value {
        table!({"type": "string"})
    }
}

/// Names of the fields of a picture and of a mask, where most models of a kind agree on them.
pub(super) type Usual = (Option<&'static str>, Option<&'static str>);

/// Reads the settings, with the names of fields where the policy gives none and most models agree on them.
pub(super) fn read(node: &Node, (image, mask): Usual, problems: &mut Problems) -> Option<Manners> {
    let mut reader = crate::policy::TableReader::open_any(node, problems)?;
    let image_field: Option<Option<Field>> = reader.read("image_field", None, problems);
    let mask_field: Option<Option<Field>> = reader.read("mask_field", None, problems);
    let seed: Option<Option<bool>> = reader.read("send_seed", None, problems);
    let field = |given: Option<Field>, usual: Option<&str>| {
        given.or_else(|| usual.map(|name| Field(name.to_owned(), false)))
    };
    Some(Manners {
        image: field(image_field?, image),
        mask: field(mask_field?, mask),
        seed: seed?.unwrap_or(true),
    })
}

/// The properties of the schema, with the names where the policy gives none.
pub(super) fn schema((image, mask): Usual) -> Value {
    let field = |what: &str, usual: Option<&str>| {
        let usual = match usual {
            Some(name) => format!("Default: `{name}`."),
            None => "Without it, a case with one is an error.".to_owned(),
        };
        let doc = format!(
            "The name under which the models take {what}; with `[]` at its end where they take a list. {usual}"
        );
        table!({"type": "string", "description": doc})
    };
    table!({
        "image_field": field("a picture", image),
        "mask_field": field("a mask", mask),
        "send_seed": {
            "type": "boolean",
            "default": true,
            "description": "Whether the models take a `seed`.",
        },
    })
}

/// What a model is asked: its input, by the names that it knows.
pub(super) fn input(manners: &Manners, order: &Order<'_>) -> Result<Map<String, Value>, String> {
    let mut input = Map::new();
    // Upscalers take a picture, and many of them nothing else.
    if order.task == Task::Upscale {
        if order.image.is_none() {
            return Err("an upscale needs the case's `image`".to_owned());
        }
    } else {
        input.insert("prompt".to_owned(), order.prompt.into());
        if manners.seed {
            input.insert("seed".to_owned(), order.seed_31().into());
        }
    }
    if order.task == Task::Edit && order.image.is_none() {
        return Err("an edit needs the case's `image`".to_owned());
    }
    let pictures = [("image", &manners.image, order.image), ("mask", &manners.mask, order.mask)];
    for (what, field, picture) in pictures {
        let Some(picture) = picture else { continue };
        // A guess would be worse: a model that does not know the name may draw without the picture.
        let Some(Field(name, list)) = field else {
            return Err(format!(
                "say in the policy under which name `{}` takes the {what}: `{what}_field: NAME`, as its documentation has it",
                order.model
            ));
        };
        let uri = Value::from(json::data_uri(picture));
        let value = if *list { Value::Array(vec![uri]) } else { uri };
        if input.insert(name.clone(), value).is_some() {
            return Err(format!("the picture and the mask are both to go as `{name}`"));
        }
    }
    json::add_params(&mut input, order)?;
    Ok(input)
}
