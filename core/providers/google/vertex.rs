//! The kind `vertex`: Google's models on Vertex AI, in a project of the team's own.
//!
//! Wire: as the Gemini API's, at `{location}-aiplatform.googleapis.com/v1/projects/{project}/locations/{location}/publishers/google/models/{id}:{method}`,
//! without a prefix for the location `global`; authorised by an access token. Some parameters exist here alone. Source: the
//! converters of the package google-genai 3.4.0 for Vertex.

use serde_json::{Value, json as table};

use super::{Google, House, PARAMS_OF_VERTEX, server};
use crate::policy::{Ability, Node, Problems, Provider, ProviderVocabulary, Settings};
use crate::providers::label::Label;
use crate::providers::registry::Kind;
use crate::providers::{Dialect, Text, base_url, below, catalogue, one_key};

/// The kind's name.
pub(super) const NAME: &str = "vertex";

/// The address of the location `global`.
const DEFAULT_URL: &str = "https://aiplatform.googleapis.com/v1";

/// The location that has the newest models.
const GLOBAL: &str = "global";

/// The registry's line.
pub(in crate::providers) const KIND: Kind = Kind {
    vocabulary: ProviderVocabulary {
        kind: NAME,
        doc: "Google's models on Vertex AI: the same wires as `google`, authorised by a service account's key or an access token.",
        keys: &["project", "location"],
        read,
        schema,
        default_url: Some(DEFAULT_URL),
        hosts: &[],
        params: PARAMS_OF_VERTEX,
        list_price: Some(|model, params| catalogue::list_price(NAME, model, params)),
        answer_first: false,
        draws: true,
        answers: &[Ability::Questions],
    },
    open,
    rehearsal: Some(&server::Server { vertex: true }),
};

fn schema() -> Value {
    let mut location = Label::described("Where the models run: a region, or `global`.");
    if let Some(location) = location.as_object_mut() {
        location.insert("default".to_owned(), GLOBAL.into());
    }
    table!({"project": Label::described("The project that pays: its id or its number. Required."), "location": location})
}

/// Where the team's models are.
#[derive(Clone, Debug)]
struct Place {
    project: Label,
    location: Option<Label>,
}

fn read(node: &Node, _: &[String], problems: &mut Problems) -> Option<Settings> {
    let mut reader = crate::policy::TableReader::open_any(node, problems)?;
    let project: Option<Option<Label>> = reader.read("project", None, problems);
    let location: Option<Option<Label>> = reader.read("location", None, problems);
    let Some(project) = project? else {
        problems.error_with_help(
            node.span,
            "the kind `vertex` needs the `project` that pays",
            "write its id, such as `project: studio-123456`",
        );
        return None;
    };
    Some(Settings::new(Place { project, location: location? }))
}

fn open(provider: &Provider) -> Result<Box<dyn Dialect>, String> {
    let place = provider.settings.get::<Place>().ok_or_else(|| {
        format!("provider `{}`: the kind `{NAME}` needs a `project`", provider.name)
    })?;
    let location = place.location.as_ref().map_or(GLOBAL, Label::as_str);
    let own = match location {
        GLOBAL => DEFAULT_URL.to_owned(),
        location => format!("https://{location}-aiplatform.googleapis.com/v1"),
    };
    let base = base_url(provider, &own, "v1")?;
    let project = place.project.as_str();
    let base = below(&base, &["projects", project, "locations", location, "publishers", "google"])?;
    Ok(Box::new(Google { base, headers: headers(provider)?, house: House::Vertex }))
}

/// The header that the token goes in.
fn headers(provider: &Provider) -> Result<Vec<(String, Vec<Text>)>, String> {
    let Some(name) = one_key(provider)? else { return Ok(Vec::new()) };
    let value = vec![Text::Plain("Bearer ".to_owned()), Text::GoogleToken(name)];
    Ok(vec![("authorization".to_owned(), value)])
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;
    use crate::providers::http::tests::{order, provider};
    use crate::providers::{Answer, Order, Reply, Stage, Step};

    fn dialect(url: Option<&str>, table: &Value) -> Box<dyn Dialect> {
        let settings = read(&Node::from_json(table), &[], &mut Problems::new()).unwrap();
        open(&provider(NAME, url, settings)).unwrap()
    }

    fn sent(model: &str, params: &Value) -> Result<Value, String> {
        let params = params.as_object().cloned().unwrap();
        let dialect = dialect(None, &table!({"project": "studio-1"}));
        let call = dialect.begin(&Order { model, ..order(&params) })?;
        Ok(serde_json::from_slice(&call.body).unwrap())
    }

    #[test]
    fn the_address_follows_from_the_place() {
        let params = Map::new();
        let home = table!({"project": "studio-1"});
        let europe = table!({"project": "123456", "location": "europe-west4"});
        for (url, place, address) in [
            (
                None,
                &home,
                "https://aiplatform.googleapis.com/v1/projects/studio-1/locations/global/publishers/google/models/v1:generateContent",
            ),
            (
                None,
                &europe,
                "https://europe-west4-aiplatform.googleapis.com/v1/projects/123456/locations/europe-west4/publishers/google/models/v1:generateContent",
            ),
            (
                Some("http://127.0.0.1:9"),
                &home,
                "http://127.0.0.1:9/v1/projects/studio-1/locations/global/publishers/google/models/v1:generateContent",
            ),
        ] {
            let dialect = dialect(url, place);
            let call = dialect.begin(&order(&params)).unwrap();
            assert_eq!(call.url.as_str(), address);
            assert_eq!(dialect.home().unwrap().host(), call.url.host());
            let token =
                vec![Text::Plain("Bearer ".to_owned()), Text::GoogleToken("STUDIO_KEY".to_owned())];
            assert!(call.headers.contains(&("authorization".to_owned(), token)));
        }
    }

    #[test]
    fn a_project_is_needed_and_no_place_leaves_the_host() {
        for place in [
            table!({}),
            table!({"location": "global"}),
            table!({"project": "studio-1", "location": "evil.test/"}),
            table!({"project": "studio-1", "location": "evil.test#"}),
            table!({"project": "../x"}),
        ] {
            let mut problems = Problems::new();
            assert!(read(&Node::from_json(&place), &[], &mut problems).is_none(), "{place}");
            assert!(problems.has_errors(), "{place}");
        }
    }

    #[test]
    fn some_parameters_exist_here_alone() {
        let params = table!({
            "aspect_ratio": "1:1", "person_generation": "ALLOW_NONE", "output_mime_type": "image/jpeg",
            "compression_quality": 80, "prominent_people": "BLOCK",
        });
        let body = sent("gemini-3-pro-image", &params).unwrap();
        assert_eq!(
            body["generationConfig"]["imageConfig"],
            table!({
                "aspectRatio": "1:1", "personGeneration": "ALLOW_NONE", "prominentPeople": "BLOCK",
                "imageOutputOptions": {"mimeType": "image/jpeg", "compressionQuality": 80},
            })
        );
        assert!(sent("gemini-3-pro-image", &table!({"add_watermark": false})).is_err());
        let imagen = |params: &Value| sent("imagen-4.0-generate-001", params).unwrap();
        let body = imagen(&table!({"add_watermark": false, "negative_prompt": "fog"}));
        assert_eq!(
            body["parameters"],
            table!({
                "sampleCount": 1, "includeRaiReason": true, "seed": 7, "addWatermark": false,
                "negativePrompt": "fog",
            })
        );
        assert!(imagen(&table!({"enhance_prompt": true}))["parameters"].get("seed").is_none());
    }

    #[test]
    fn an_answer_that_was_blocked_is_a_refusal_of_no_stage() {
        let params = Map::new();
        let message = "Image generation failed with the following error: The response is blocked, as it may violate our policies.";
        let body =
            table!({"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": message}});
        let reply = Reply { status: 400, headers: vec![], body: body.to_string().into() };
        let told = |model: &str| {
            let dialect = dialect(None, &table!({"project": "studio-1"}));
            dialect.understand(&Order { model, ..order(&params) }, &reply)
        };
        let refused = told("imagen-4.0-generate-001");
        assert!(
            matches!(refused, Step::Done(Answer::Refused { stage: Stage::Unknown, .. })),
            "{refused:?}"
        );
        assert!(matches!(told("gemini-3-pro-image"), Step::Done(Answer::Fault(_))));
    }
}
