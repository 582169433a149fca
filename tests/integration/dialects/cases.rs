//! What the server does in each dialect, and what is understood of it.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use presscheck::simulator::{Options, Profile, Simulator, dialects};
use presscheck_core::policy::Task;
use presscheck_core::providers::rehearsal::{Act, Draft};
use presscheck_core::providers::{self, Call, FaultKind, Stage, Step};
use presscheck_core::units::Usd;
use serde_json::json;

use super::{KEY, PATIENCE, Wire, ask_all, class, decodes, headers, heading, input, send, server};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_picture_comes_in_every_dialect_at_its_price() {
    let server = server(json!({}), json!({"models": {"*": {}}})).await;
    let mut wires = Wire::all(&server);
    wires.extend(Wire::with_addresses(&server));
    for (wire, exchange) in ask_all(&wires).await {
        assert!(decodes(&exchange.answer), "{}: {:?}", wire.name(), exchange.answer);
        // As the answer says, else by the list, else by the policy.
        let told = |act: &Act<'_>| {
            let reply = wire.server().say(&wire.draft(), act);
            wire.dialect().cost(&wire.model, &reply).map(|cost| cost.amount)
        };
        let (bytes, media_type) = (&input(), "image/png");
        let at_last = told(&Act::Picture { bytes, media_type });
        // A job may say it when it gets its name.
        let at_first = || wire.draft().delivery.by_job().then(|| told(&Act::Accepted { job: "a" }));
        let said = at_last.or_else(|| at_first().flatten());
        let pricing = wire.provider.pricing();
        let listed = || pricing.most(&wire.model, &wire.params).map(|cost| cost.amount);
        let price = said.or_else(listed).unwrap_or(Usd::ZERO);
        assert_eq!(exchange.charged, price, "{}", wire.name());
    }
    for entry in server.log() {
        let taken = entry.status.is_some_and(|status| (200..300).contains(&status));
        assert!(taken && entry.fault.is_none(), "{entry:?}");
    }
    assert_eq!(server.log().len(), wires.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_goes_wrong_is_told_in_every_dialect() {
    let wait = Duration::from_secs(1);
    for (fault, act) in [
        ("refused", Act::Refused(Stage::Unknown)),
        ("refused_output", Act::Refused(Stage::Output)),
        ("empty", Act::Empty),
        ("server_error", Act::ServerFault),
        ("rate_limited", Act::RateLimited(wait)),
    ] {
        let server = server(json!({fault: "100%"}), json!({"models": {"*": {}}})).await;
        for (wire, exchange) in ask_all(&Wire::all(&server)).await {
            let name = wire.name();
            let stages = wire.server().stages();
            let act = match act {
                // What a dialect has no form for does not happen in it.
                Act::Refused(Stage::Output) if !stages.contains(&Stage::Output) => {
                    assert_eq!(class(&exchange.answer), "picture", "{name}: {exchange:?}");
                    continue;
                }
                Act::Refused(Stage::Unknown) => {
                    let told = stages.iter().find(|stage| **stage != Stage::Output);
                    let Some(stage) = told else {
                        assert_eq!(class(&exchange.answer), "picture", "{name}: {exchange:?}");
                        continue;
                    };
                    Act::Refused(*stage)
                }
                act => act,
            };
            assert_eq!(class(&exchange.answer), wire.meaning(&act), "{name}: {exchange:?}");
            let log = server.log();
            // Kinds that have no form for it may ask for a model of the same name.
            let mut told = log.iter().filter(|entry| entry.model == wire.draft().model);
            assert!(
                told.any(|entry| entry.fault.map(|fault| fault.word()) == Some(fault)),
                "{name}"
            );
            if matches!(fault, "refused" | "server_error" | "rate_limited") {
                // Gemini counts the tokens of a prompt that it refuses.
                let reply = wire.server().say(&wire.draft(), &act);
                let said = wire.dialect().cost(&wire.model, &reply).map(|cost| cost.amount);
                assert_eq!(exchange.charged, said.unwrap_or(Usd::ZERO), "{name}: {fault}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_damaged_answer_is_never_a_picture_in_any_dialect() {
    join_all(["truncated", "bad_header", "html", "json_error"].map(|fault| async move {
        let server = server(json!({fault: "100%"}), json!({"models": {"*": {}}})).await;
        let mut wires = Wire::all(&server);
        wires.extend(Wire::with_addresses(&server));
        for (wire, exchange) in ask_all(&wires).await {
            let got = class(&exchange.answer);
            assert!(["picture", "broken"].contains(&got), "{}: {fault}: {got}", wire.name());
            assert!(!decodes(&exchange.answer), "{}: {fault}", wire.name());
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_body_that_is_cut_or_trickles_is_no_answer_in_any_dialect() {
    join_all(["cut", "slow_body"].map(|fault| async move {
        let faults = json!({fault: "100%", "slow_body_for": "10m"});
        let server = server(faults, json!({"models": {"*": {}}})).await;
        let mut wires = Wire::all(&server);
        wires.extend(Wire::with_addresses(&server));
        for wire in &mut wires {
            // A job is looked at before the time is over.
            let job = wire.draft().delivery.by_job();
            let patience = if job { Duration::from_secs(13) } else { Duration::from_secs(3) };
            wire.provider.timeout = if fault == "cut" { PATIENCE } else { patience };
        }
        for (wire, exchange) in ask_all(&wires).await {
            let got = class(&exchange.answer);
            let paid = matches!(got, "timeout_unknown" | "server_fault");
            assert!(paid, "{}: {fault}: {exchange:?}", wire.name());
            assert_eq!(exchange.attempts.len(), 1, "{}: bought twice", wire.name());
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keys_models_credit_and_limits_are_refused_in_every_dialect() {
    let any = json!({"models": {"*": {}}});
    let with = |key: &str, value: &str| {
        let mut profile = any.clone();
        profile[key] = json!(value);
        profile
    };

    let locked = server(json!({}), with("key", KEY)).await;
    for wire in Wire::all(&locked).into_iter().filter(|wire| wire.task == Task::TextToImage) {
        let exchange = wire.ask("team:sk-wrong").await;
        assert_eq!(class(&exchange.answer), wire.meaning(&Act::BadKey), "{exchange:?}");
        assert!(!format!("{exchange:?}").contains("sk-wrong"), "{exchange:?}");
        assert!(locked.log().is_empty(), "{}", wire.name());
    }
    for (wire, exchange) in ask_all(&Wire::all(&locked)).await {
        assert_eq!(class(&exchange.answer), "picture", "{}: {exchange:?}", wire.name());
    }

    let profile = Profile::read("models: {atelier-2: {}}").unwrap();
    let small = Simulator::start(profile, ([127, 0, 0, 1], 0).into()).await.unwrap();
    for (wire, exchange) in ask_all(&Wire::all(&small)).await {
        assert_eq!(class(&exchange.answer), wire.meaning(&Act::NoModel), "{exchange:?}");
        assert_eq!(exchange.charged, Usd::ZERO, "{}", wire.name());
        // Found nowhere under its address, before there is anything that could have expired.
        if wire.model.starts_with("upscale-") {
            assert_eq!(class(&exchange.answer), FaultKind::ModelRetired.word(), "{exchange:?}");
        }
    }

    let mut poor = with("credit", "$0.01");
    poor["models"]["*"]["price"] = json!("$0.02");
    let poor = server(json!({}), poor).await;
    for (wire, exchange) in ask_all(&Wire::all(&poor)).await {
        assert_eq!(class(&exchange.answer), wire.meaning(&Act::OutOfCredit), "{exchange:?}");
        assert_eq!(exchange.charged, Usd::ZERO, "{}", wire.name());
    }

    let slow = server(json!({}), with("rate", "1/h")).await;
    let wires = Wire::all(&slow);
    // The first request takes the only place of the hour.
    assert_eq!(class(&wires[0].ask(KEY).await.answer), "picture");
    for (wire, exchange) in ask_all(&wires).await {
        let limited = Act::RateLimited(Duration::from_secs(3600));
        assert_eq!(class(&exchange.answer), wire.meaning(&limited), "{exchange:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_that_makes_no_sense_is_told_so_in_the_words_of_its_dialect() {
    let server = server(json!({}), json!({"models": {"*": {}}})).await;
    for wire in Wire::all(&server) {
        let call = wire.call();
        let (headers, body) = (headers(&call), Bytes::from_static(b"nothing of the kind"));
        let Some(Err(words)) = wire.server().hear(&heading(&call, &headers, &body)) else {
            continue;
        };
        let reply = wire.server().say(&Draft::default(), &Act::BadRequest(&words));
        let (status, got) = send(&Call { body, ..call }, &headers).await;
        // Gemini's questions come to the same place, so that the words there are those of a question.
        assert_eq!(status, reply.status, "{}", wire.name());
        if wire.provider.kind == "stability" {
            assert_eq!(got, reply.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_is_pending_then_ready_then_gone() {
    let pending = server(json!({}), json!({"models": {"*": {"latency": "1h"}}})).await;
    let gone = server(json!({}), json!({"models": {"*": {"expires": "0s"}}})).await;
    let mut jobs = 0;
    for wire in Wire::all(&pending) {
        if !wire.draft().delivery.by_job() {
            continue;
        }
        jobs += 1;
        let mut call = wire.call();
        for _ in 0..2 {
            let (status, body) = send(&call, &headers(&call)).await;
            let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            let reply = providers::Reply { status, headers, body };
            let step = wire.with_order(|order| wire.dialect().understand(order, &reply));
            match step {
                Step::Poll(next, _) => call = next,
                Step::Again(_) => {}
                step => panic!("{}: {step:?}", wire.name()),
            }
            // A key of a rehearsal goes to no other host, whatever an answer says.
            assert_eq!(call.url.port(), Some(pending.addr().port()), "{}", wire.name());
        }
        // No other dialect knows the order.
        call.url.set_host(Some("stranger.localhost")).unwrap();
        assert_eq!(send(&call, &[]).await.0, 404);
    }
    assert!(jobs > 0);
    assert_eq!(pending.log().len(), jobs, "a look at a job is no order");

    let wires: Vec<_> =
        Wire::all(&gone).into_iter().filter(|wire| wire.draft().delivery.by_job()).collect();
    for (wire, exchange) in ask_all(&wires).await {
        let kind = FaultKind::ResultExpired.word();
        assert_eq!(class(&exchange.answer), kind, "{}: {exchange:?}", wire.name());
    }
    for (wire, exchange) in ask_all(&Wire::with_addresses(&gone)).await {
        assert!(!decodes(&exchange.answer), "{}: {exchange:?}", wire.name());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_dialect_may_have_the_bare_address() {
    for kind in dialects() {
        let profile = Profile::read("models: {'*': {size: 64x64}}").unwrap();
        let options = Options { dialect: Some(kind.to_owned()), log: None };
        let addr = ([127, 0, 0, 1], 0).into();
        let server = Simulator::start_with(profile, addr, &options).await.unwrap();
        let mut wire = Wire::all(&server).into_iter().find(|it| it.provider.kind == kind).unwrap();
        if wire.draft().delivery.by_job() {
            continue;
        }
        wire.provider.url = Some(server.url().parse().unwrap());
        let exchange = wire.ask(KEY).await;
        assert!(decodes(&exchange.answer), "{}: {exchange:?}", wire.name());
    }
    let options = Options { dialect: Some("ftp".to_owned()), log: None };
    let profile = Profile::read("models: {m: {}}").unwrap();
    let refused = Simulator::start_with(profile, ([127, 0, 0, 1], 0).into(), &options).await;
    let words = refused.unwrap_err().to_string();
    assert!(words.contains("no dialect `ftp`") && words.contains("openai"), "{words}");
}
