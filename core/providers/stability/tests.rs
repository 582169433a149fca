//! What Stability's API is sent, and what its answers mean where nothing but the turn tells it.

use serde_json::{Map, json};

use super::*;
use crate::providers::http::tests::{order, provider};
use crate::providers::multipart;
use crate::units::Seed;

fn dialect() -> Box<dyn Dialect> {
    open(&provider("stability", None, crate::policy::Settings::new(()))).unwrap()
}

/// The names of the fields of an order.
fn fields(model: &str, task: Task, with_mask: bool) -> Vec<String> {
    let params = Map::new();
    let picture = bytes::Bytes::from_static(b"\x89PNG\r\n\x1a\n");
    let call = dialect()
        .begin(&Order {
            model,
            task,
            image: Some(&picture),
            mask: with_mask.then_some(&picture),
            seed: Seed(7),
            ..order(&params)
        })
        .unwrap();
    let media_type = call.headers.iter().find(|(name, _)| name == "content-type").unwrap();
    let [Text::Plain(media_type)] = media_type.1.as_slice() else { panic!("{media_type:?}") };
    let parts = multipart::read(media_type, &call.body).unwrap();
    parts.into_iter().map(|part| part.name).collect()
}

#[test]
fn each_endpoint_is_sent_what_it_takes() {
    let edit = |model: &str, with_mask| fields(model, Task::Edit, with_mask);
    assert_eq!(edit("edit-inpaint", true), ["prompt", "seed", "image", "mask"]);
    assert_eq!(edit("edit-inpaint", false), ["prompt", "seed", "image"]);
    assert_eq!(edit("edit-erase", true), ["seed", "image", "mask"]);
    assert_eq!(edit("edit-remove-background", false), ["image"]);
    assert_eq!(edit("edit-search-and-replace", false), ["prompt", "seed", "image"]);
    assert_eq!(edit("control-sketch", false), ["prompt", "seed", "image"]);
    assert_eq!(edit("sd3.5-large", false), ["prompt", "seed", "model", "mode", "image"]);
    let upscale = |model: &str| fields(model, Task::Upscale, false);
    assert_eq!(upscale("upscale-fast"), ["image"]);
    assert_eq!(upscale("upscale-conservative"), ["prompt", "seed", "image"]);
}

#[test]
fn a_404_is_of_the_model_at_first_and_of_the_result_later() {
    let body = json!({"id": "4b1f2c", "name": "not_found", "errors": ["no such thing"]});
    let not_found = Reply { status: 404, headers: vec![], body: body.to_string().into() };
    let params = Map::new();
    let order = Order { model: "upscale-fats", ..order(&params) };
    let Step::Done(Answer::Fault(first)) = dialect().understand(&order, &not_found) else {
        panic!()
    };
    assert_eq!(first.kind, FaultKind::ModelRetired);
    assert_eq!(first.words, "there is no `upscale-fats` at this address: HTTP 404: no such thing");
    let Step::Done(Answer::Fault(later)) = dialect().polled(&order, &not_found) else { panic!() };
    assert_eq!(
        (later.kind, later.words.as_str()),
        (FaultKind::ResultExpired, "HTTP 404: no such thing")
    );
}
