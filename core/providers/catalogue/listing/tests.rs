//! The list as people and machines read it.

use unicode_width::UnicodeWidthStr as _;

use super::*;

fn listed(wanted: &Wanted<'_>) -> Result<Listing, String> {
    list(wanted, "2026-11-26".parse().unwrap())
}

fn text(wanted: &Wanted<'_>) -> String {
    listed(wanted).unwrap().text(TerminalStyle::default())
}

fn named(model: &str) -> Wanted<'_> {
    Wanted { model: Some(model), ..Wanted::default() }
}

#[test]
fn the_table_reads_as_people_need_it_and_fits() {
    let all = text(&Wanted::default());
    for line in all.lines() {
        assert!(line.width() <= 80, "{line}");
    }
    // Each model stands under each of its kinds.
    for entry in catalogue() {
        let rows = all.lines().filter(|line| {
            line.strip_prefix("  ").and_then(|row| row.split(' ').next()) == Some(&entry.model)
        });
        assert!(rows.count() >= entry.kinds.len(), "{}", entry.model);
    }
    insta::assert_snapshot!(
        "table_google",
        text(&Wanted { kind: Some("google"), ..Wanted::default() })
    );
    insta::assert_snapshot!(
        "table_upscale",
        text(&Wanted { task: Some("upscale"), ..Wanted::default() })
    );
    insta::assert_snapshot!("table_flux", text(&named("flux*")));
    insta::assert_snapshot!(
        "table_replicate",
        text(&Wanted { kind: Some("replicate"), ..Wanted::default() })
    );
}

#[test]
fn one_model_is_shown_whole() {
    insta::assert_snapshot!(
        ["gpt-image-1.5-2025-12-16", "GEMINI-3-PRO-IMAGE-PREVIEW", "flux/dev", "ideogram-4"]
            .map(|model| text(&named(model)))
            .join("----\n")
    );
    // An id is that model, whatever others hold it.
    let ids = |model: &str| -> Vec<_> {
        let listing = listed(&named(model)).unwrap();
        listing.entries.iter().map(|entry| (entry.kinds.join(" "), entry.model.as_str())).collect()
    };
    assert_eq!(ids("core"), [("stability".to_owned(), "core")]);
    assert_eq!(ids("gpt-image-2").len(), 2);
    assert_eq!(ids("gpt-image-2*").len(), 6);
    assert_eq!(ids("Grok Imagine").len(), 4);
}

#[test]
fn what_is_not_there_is_said() {
    let kind = |kind| Wanted { kind: Some(kind), ..Wanted::default() };
    let task = |task| Wanted { task: Some(task), ..Wanted::default() };
    let error = |wanted: &Wanted<'_>| listed(wanted).unwrap_err();
    let errors = [
        error(&kind("gogle")),
        error(&kind("mid\u{1b}journey")),
        error(&task("edti")),
        error(&task("video")),
        error(&named("gpt-imgae-1")),
        error(&named("\u{202e}dog")),
        error(&Wanted { kind: Some("bfl"), ..named("gemini-3-pro-image") }),
    ];
    let empty = [
        text(&kind("comfyui")),
        text(&Wanted { kind: Some("bfl"), task: Some("upscale"), model: None }),
    ];
    insta::assert_snapshot!(format!("{}\n\n{}", errors.join("\n"), empty.join("\n")));
}

#[test]
fn machines_read_exact_amounts_under_names_that_stay() {
    let listing = listed(&named("gemini-3-pro-image")).unwrap();
    insta::assert_snapshot!(listing.json());
    let all: Value = serde_json::from_str(&listed(&Wanted::default()).unwrap().json()).unwrap();
    assert_eq!(all["models"].as_array().unwrap().len(), catalogue().len());
    let lifecycle = |id: &str| {
        let json: Value = serde_json::from_str(&listed(&named(id)).unwrap().json()).unwrap();
        json["models"][0]["lifecycle"].as_str().unwrap().to_owned()
    };
    assert_eq!(lifecycle("chatgpt-image-latest"), "leaving");
    assert_eq!(lifecycle("dall-e-3"), "retired");
    assert_eq!(lifecycle("core"), "live");
    let none = Wanted { kind: Some("http"), ..Wanted::default() };
    assert!(listed(&none).unwrap().json().contains("\"models\": []"));
}

#[test]
fn colour_changes_no_word() {
    for wanted in [Wanted::default(), named("gpt-image-1.5"), named("dall-e-3")] {
        let listing = listed(&wanted).unwrap();
        let mut plain = listing.text(TerminalStyle { colour: true, width: 80 });
        assert!(plain.contains("\u{1b}["));
        for code in ["1;32", "1;31", "1;33", "2", "0"] {
            plain = plain.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_eq!(plain, listing.text(TerminalStyle::default()));
    }
}
