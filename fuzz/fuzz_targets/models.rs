//! A model file, which any pull request may write; the first byte picks the form.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use presscheck_core::policy::{
    ModelMap, ModelSource, Policy, Problems, Source, Vocabulary, admit, decode_text, is_reserved,
    read_models, read_policy, render_all,
};
use presscheck_core::{checks, providers};

const POLICY: &str = r#"
model: models.yaml
prompts: [a.txt]
providers:
  studio:
    kind: http
    url: https://images.example.com/generate
    price: {"v1": $0.042, "v*": $0.019}
models: {allow: [{provider: studio, model: "v*"}]}
"#;

static TRUSTED: LazyLock<Policy> = LazyLock::new(|| {
    let (checks, kinds) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary = Vocabulary { checks: &checks, providers: &kinds, terms: presscheck_core::providers::catalogue::terms };
    read_policy(Source { path: "presscheck.yaml", text: POLICY }, &vocabulary).value.unwrap()
});

fuzz_target!(|bytes: &[u8]| {
    let Some((first, rest)) = bytes.split_first() else { return };
    let path = ["models.yaml", "models.json", "models.toml"][usize::from(*first) % 3];
    let map = (*first >= 128).then(|| ModelMap {
        provider: "/gen/vendor".parse().unwrap(),
        model: "/gen/model".parse().unwrap(),
        params: Some("/gen/params".parse().unwrap()),
    });
    let model = ModelSource { file: path.parse().unwrap(), map };
    let Ok(text) = decode_text(rest) else { return };
    let source = Source { path, text };
    let reading = read_models(source, &model);
    let _ = render_all(&[(source, &reading.problems)], "no request was sent", false);
    let Some(models) = reading.value else {
        assert!(reading.problems.has_errors());
        return;
    };
    let (checks, kinds) = (checks::vocabulary(), providers::vocabulary());
    let vocabulary = Vocabulary { checks: &checks, providers: &kinds, terms: presscheck_core::providers::catalogue::terms };
    for config in &models.list {
        let mut problems = Problems::new();
        admit(config, &TRUSTED, &vocabulary, &mut problems);
        let _ = render_all(&[(source, &problems)], "no request was sent", false);
        assert_eq!(config.resolved(), config.clone().resolved());
        if problems.has_errors() {
            continue;
        }
        for step in &config.steps {
            assert_eq!(step.provider.value, "studio");
            assert!(step.model.value.starts_with('v'));
            assert!(!step.params.keys().any(|name| is_reserved(name)));
        }
    }
});
