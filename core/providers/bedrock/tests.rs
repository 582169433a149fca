use bytes::Bytes;
use serde_json::{Map, json};

use super::*;
use crate::policy::{Node, Problems, Task};
use crate::providers::AwsSignature;
use crate::providers::http::tests::{order, provider};
use crate::units::Seed;

const SD: &str = "stability.sd3-5-large-v1:0";
const NOVA: &str = "amazon.nova-canvas-v1:0";

fn dialect(names: &[&str], url: Option<&str>) -> Result<Box<dyn Dialect>, Vec<String>> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut problems = Problems::new();
    let table = Node::from_json(&json!({"region": "us-west-2"}));
    let Some(settings) = settings::read(&table, &names, &mut problems) else {
        return Err(problems.sorted().iter().map(|problem| problem.message.clone()).collect());
    };
    Ok(open(&Provider { api_key_env: names, ..provider(NAME, url, settings) }).unwrap())
}

fn call(names: &[&str], model: &str) -> Result<Call, String> {
    let params = Map::new();
    dialect(names, None).unwrap().begin(&Order { model, ..order(&params) })
}

fn told(model: &str, status: u16, headers: &[(&str, &str)], body: &Value) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
    meaning(model, &Reply { status, headers, body: Bytes::from(body.to_string()) })
}

#[test]
fn a_model_stands_in_the_path_as_aws_signs_it() {
    let at = |model: &str| call(&["KEY"], model).map(|call| call.url.to_string());
    assert_eq!(
        at(SD).unwrap(),
        "https://bedrock-runtime.us-west-2.amazonaws.com/model/stability.sd3-5-large-v1%3A0/invoke"
    );
    assert_eq!(
        at("arn:aws:bedrock:us-west-2:1:inference-profile/us.stability.stable-image-core-v1:1")
            .unwrap(),
        "https://bedrock-runtime.us-west-2.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A1%3Ainference-profile%2Fus.stability.stable-image-core-v1%3A1/invoke"
    );
    for model in [
        "stability.sd3/../x",
        "stability.sd3?x",
        "stability.sd3%2F",
        "stability.sd3 x",
        "/stability.sd3",
        "meta.llama",
    ] {
        assert!(at(model).is_err(), "{model}");
    }
    // An endpoint of one's own network.
    let params = Map::new();
    let own =
        dialect(&["KEY"], Some("https://vpce-1.bedrock-runtime.us-west-2.vpce.amazonaws.com/"));
    let url = own.unwrap().begin(&Order { model: NOVA, ..order(&params) }).unwrap().url;
    assert_eq!(
        url.as_str(),
        "https://vpce-1.bedrock-runtime.us-west-2.vpce.amazonaws.com/model/amazon.nova-canvas-v1%3A0/invoke"
    );
}

#[test]
fn the_names_of_variables_say_what_they_are_for() {
    let signed = |session_token: Option<&str>| {
        Text::AwsSignature(AwsSignature {
            service: "bedrock",
            region: "us-west-2".to_owned(),
            key_id: "CI_AWS_ACCESS_KEY_ID".to_owned(),
            secret_key: "CI_AWS_SECRET_ACCESS_KEY".to_owned(),
            session_token: session_token.map(str::to_owned),
        })
    };
    let (id, secret, token) =
        ("CI_AWS_ACCESS_KEY_ID", "CI_AWS_SECRET_ACCESS_KEY", "CI_AWS_SESSION_TOKEN");
    let last = |names: &[&str]| call(names, SD).unwrap().headers.last().cloned().unwrap();
    assert_eq!(last(&[id, secret]), ("authorization".to_owned(), vec![signed(None)]));
    assert_eq!(last(&[token, secret, id]), ("authorization".to_owned(), vec![signed(Some(token))]));
    let bearer = vec![Text::Plain("Bearer ".to_owned()), Text::Secret("AWS_KEY".to_owned())];
    assert_eq!(last(&["AWS_KEY"]), ("authorization".to_owned(), bearer));
    for names in [&[id][..], &[secret], &[id, token], &[id, secret, "OTHER"], &["A", "B"], &[token]]
    {
        assert!(dialect(names, None).is_err(), "{names:?}");
    }
}

#[test]
fn a_region_is_needed_and_can_t_leave_its_place() {
    for table in [json!({}), json!({"region": "evil.test/"}), json!({"region": 7})] {
        let mut problems = Problems::new();
        assert!(settings::read(&Node::from_json(&table), &[], &mut problems).is_none(), "{table}");
        assert!(problems.has_errors(), "{table}");
    }
}

#[test]
fn seeds_stay_within_each_model_s_range() {
    let params = Map::new();
    let sent = |model: &str, place: &str, seed: u64| {
        let order = Order { model, seed: Seed(seed), ..order(&params) };
        let call = dialect(&["KEY"], None).unwrap().begin(&order).unwrap();
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        body.pointer(place).and_then(Value::as_u64).unwrap()
    };
    for seed in [0, 7, 858_993_460, 4_294_967_295, u64::MAX] {
        assert!((1..=4_294_967_294).contains(&sent(SD, "/seed", seed)), "{seed}");
        assert!(sent(NOVA, "/imageGenerationConfig/seed", seed) <= 858_993_459, "{seed}");
    }
    assert_eq!(sent(SD, "/seed", 7), 7);
}

#[test]
fn what_a_model_can_t_do_is_said_before_anything_is_sent() {
    let (params, image) = (Map::new(), Bytes::from_static(b"\x89PNG"));
    let dialect = dialect(&["KEY"], None).unwrap();
    let mut told = String::new();
    for (model, task, image) in [
        (SD, Task::Upscale, Some(&image)),
        ("stability.stable-image-core-v1:1", Task::Edit, Some(&image)),
        ("us.stability.stable-fast-upscale-v1:0", Task::TextToImage, None),
        ("us.stability.stable-fast-upscale-v1:0", Task::Upscale, None),
        ("us.stability.stable-image-inpaint-v1:0", Task::TextToImage, None),
        (NOVA, Task::Edit, Some(&image)),
        ("meta.llama4", Task::TextToImage, None),
    ] {
        let order = Order { model, task, image, ..order(&params) };
        told.push_str(&format!("{}\n", dialect.begin(&order).unwrap_err()));
    }
    insta::assert_snapshot!(told);
}

/// Public tables list the upscalers at a tenth.
#[test]
fn a_price_is_known_whatever_region_stands_before_the_id() {
    let price = |model: &str, params: Value| {
        let params = params.as_object().cloned().unwrap();
        catalogue::list_price(NAME, model, &params).map(|cost| cost.amount.to_string())
    };
    for (model, amount) in [
        (SD, "$0.08"),
        ("us.stability.stable-image-ultra-v1:1", "$0.14"),
        (
            "arn:aws:bedrock:us-west-2:1:inference-profile/us.stability.stable-fast-upscale-v1:0",
            "$0.03",
        ),
        ("us.stability.stable-conservative-upscale-v1:0", "$0.40"),
        ("us.stability.stable-creative-upscale-v1:0", "$0.60"),
        (NOVA, "$0.06"),
    ] {
        assert_eq!(price(model, json!({})).as_deref(), Some(amount), "{model}");
    }
    assert_eq!(price(NOVA, json!({"quality": "premium"})).as_deref(), Some("$0.08"));
    assert_eq!(price("us.stability.stable-image-inpaint-v1:0", json!({})), None);
}

#[test]
fn filters_come_under_200() {
    let stability = |reason: &str| {
        told(SD, 200, &[], &json!({"seeds": [1], "finish_reasons": [reason], "images": ["/9j/"]}))
    };
    for (reason, stage) in [
        ("Filter reason: prompt", Stage::Input),
        ("Filter reason: input image", Stage::Input),
        ("Filter reason: output image", Stage::Output),
        ("Filter reason: something new", Stage::Unknown),
    ] {
        let answer = stability(reason);
        assert!(
            matches!(answer, Answer::Refused { stage: got, .. } if got == stage),
            "{reason}: {answer:?}"
        );
    }
    let failed = stability("Inference error");
    assert!(
        matches!(failed, Answer::Fault(Fault { kind: FaultKind::ServerFault, .. })),
        "{failed:?}"
    );
    assert!(matches!(stability("SUCCESS"), Answer::Image { .. }));
    let nova = |body: &Value| told(NOVA, 200, &[], body);
    let answer = nova(&json!({"images": [], "error": "filtered"}));
    assert!(matches!(answer, Answer::Refused { stage: Stage::Output, .. }), "{answer:?}");
    assert!(matches!(
        nova(&json!({"images": ["/9j/"], "error": "one of two"})),
        Answer::Image { .. }
    ));
    let blocked = json!({"message": "This request has been blocked by our content filters."});
    let answer = told(NOVA, 400, &[("x-amzn-errortype", "ValidationException")], &blocked);
    assert!(matches!(answer, Answer::Refused { stage: Stage::Input, .. }), "{answer:?}");
}

#[test]
fn errors_have_their_kinds() {
    let fault = |status: u16, name: &str, message: &str| {
        let in_header =
            told(SD, status, &[("x-amzn-errortype", name)], &json!({"message": message}));
        let place = format!("com.amazon.coral.service#{name}");
        let in_body = told(SD, status, &[], &json!({"__type": place, "message": message}));
        assert_eq!(in_header, in_body);
        match in_header {
            Answer::Fault(fault) => fault.kind,
            other => panic!("{other:?}"),
        }
    };
    for (status, name, message, kind) in [
        (400, "ValidationException", "width: too large", FaultKind::BadRequest),
        (
            400,
            "ValidationException",
            "The provided model identifier is invalid.",
            FaultKind::ModelRetired,
        ),
        (404, "ResourceNotFoundException", "no such model", FaultKind::ModelRetired),
        (403, "AccessDeniedException", "You don't have access to the model.", FaultKind::Auth),
        (403, "AccessDeniedException", "INVALID_PAYMENT_INSTRUMENT", FaultKind::OutOfCredit),
        (403, "ExpiredTokenException", "expired", FaultKind::Auth),
        (403, "InvalidSignatureException", "clock", FaultKind::Auth),
        (400, "IncompleteSignatureException", "no", FaultKind::Auth),
        (400, "ServiceQuotaExceededException", "quota", FaultKind::RateLimited),
        (429, "ThrottlingException", "slow down", FaultKind::RateLimited),
        (429, "ModelNotReadyException", "loading", FaultKind::RateLimited),
        (408, "ModelTimeoutException", "too long", FaultKind::TimeoutUnknown),
        (424, "ModelErrorException", "oops", FaultKind::ServerFault),
        (500, "InternalServerException", "oops", FaultKind::ServerFault),
        (503, "ServiceUnavailableException", "later", FaultKind::ServerFault),
    ] {
        assert_eq!(fault(status, name, message), kind, "{name}: {message}");
    }
}
