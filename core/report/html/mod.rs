//! The verdict as one self-contained page: no request to anywhere, and no script but our own.

#[cfg(test)]
mod browser;
mod chart;
mod compare;
mod course;
#[cfg(test)]
pub(super) mod excerpt;
mod gallery;
mod history;
mod pairs;
mod pareto;
mod pictures;
mod rates;
mod spread;
mod tables;
mod view;

use std::fmt;

use askama::Template as _;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use sha2::{Digest as _, Sha256};

use super::{Compared, History, Run};

/// What a page may take, and where it lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HtmlOptions<'a> {
    /// The most bytes of thumbnails that are embedded, before base64 makes a third more of them. Pairs
    /// beyond it link to their originals.
    pub max_thumbnail_bytes: usize,
    /// The most pairs of a model that the page holds, the worst first; the rest is in `samples.jsonl`.
    pub max_pairs: usize,
    /// The folder of the page, as a command line names it.
    pub folder: &'a str,
}

impl Default for HtmlOptions<'_> {
    fn default() -> Self {
        Self { max_thumbnail_bytes: 12 * 1024 * 1024, max_pairs: 5_000, folder: "presscheck-out" }
    }
}

/// The page's own script: what makes a gallery of the pairs. Without it the page has the verdict, every table and chart,
/// and the first failing pairs.
const SCRIPT: &str = include_str!("../../templates/report.js");

/// What a content security policy calls the script by: `sha256-…` of exactly its bytes.
fn script_hash() -> String {
    format!("sha256-{}", BASE64_STANDARD.encode(Sha256::digest(SCRIPT)))
}

/// The content of `report.html`.
///
/// Thumbnails are embedded in the order of the page, failing pairs first, as far as the options allow;
/// originals are linked as `images/…` beside the page.
///
/// # Errors
/// Where the template can't be rendered, which no content of a run leads to.
pub fn html(run: &Run, options: HtmlOptions<'_>) -> Result<String, fmt::Error> {
    view::page(run, options).and_then(|page| page.render().map_err(|_| fmt::Error))
}

/// The content of `compare.html`. `max_pairs` is the most prompts that are shown with the models' pictures.
///
/// # Errors
/// Where the template can't be rendered, which no content of a comparison leads to.
pub fn compare_html(compared: &Compared, options: HtmlOptions<'_>) -> Result<String, fmt::Error> {
    compare::page(compared, options).render().map_err(|_| fmt::Error)
}

/// The page of past verdicts.
///
/// # Errors
/// Where the template can't be rendered, which no content of a history leads to.
pub fn history_html(history: &History) -> Result<String, fmt::Error> {
    history::page(history).render().map_err(|_| fmt::Error)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use proptest::prelude::*;

    fn page(run: &Run) -> String {
        html(run, HtmlOptions::default()).unwrap()
    }

    #[test]
    fn pages_read_well() {
        for (name, run) in
            [("new_model", fixtures::new_model()), ("always_fail", fixtures::always_fail())]
        {
            insta::assert_snapshot!(format!("html_{name}"), excerpt::excerpt(&run));
        }
    }

    #[test]
    fn the_gallerys_data_reads_well() {
        let page = page(&fixtures::fail());
        let (_, data) = page.split_once("id=\"data\">").unwrap();
        let (data, _) = data.split_once("</script>").unwrap();
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        let gallery = &data["galleries"][0];
        let pairs = gallery["pairs"].as_array().unwrap();
        let of = |kind: &str| pairs.iter().find(|pair| pair["kind"] == kind);
        let some = [of("newly-failing"), of("unanswered"), of("passing")];
        let shown = serde_json::json!({ "models": gallery["models"], "pairs": some });
        insta::assert_snapshot!("gallery_fail", serde_json::to_string_pretty(&shown).unwrap());
    }

    #[test]
    fn charts_read_well() {
        for (name, run) in [
            ("early_fail", fixtures::early_fail()),
            ("early_pass", fixtures::early_pass()),
            ("model_undecided", fixtures::model_undecided()),
        ] {
            let page = page(&run);
            let (_, chart) = page.split_once("<h3>Evidence on").unwrap();
            let (chart, _) = chart.split_once("</figure>").unwrap();
            insta::assert_snapshot!(format!("chart_{name}"), chart);
        }
        assert!(!page(&fixtures::fail()).contains("<h3>Evidence on"));
    }

    #[test]
    fn what_is_not_proven_is_marked_on_the_page() {
        let page = page(&fixtures::lean());
        assert!(page.contains("<p class=\"badge warn\">Leans to fail</p>"));
        assert!(page.contains("it is not proven"));
    }

    /// Whether every tag of the page is one of ours, and no attribute came from outside.
    fn assert_inert(page: &str) {
        // Our own script has signs of less in it; it stands there once, and nothing else runs.
        let page = &page.replacen(SCRIPT, "", 1);
        const TAGS: [&str; 56] = [
            "!doctype",
            "html",
            "head",
            "meta",
            "title",
            "style",
            "script",
            "body",
            "header",
            "main",
            "footer",
            "section",
            "article",
            "nav",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "p",
            "a",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "ul",
            "ol",
            "li",
            "dl",
            "dt",
            "dd",
            "div",
            "span",
            "code",
            "pre",
            "figure",
            "figcaption",
            "img",
            "details",
            "summary",
            "strong",
            "em",
            "bdi",
            "small",
            "br",
            "svg",
            "desc",
            "g",
            "rect",
            "line",
            "circle",
            "polyline",
            "text",
        ];
        for part in page.split('<').skip(1) {
            let name = part.trim_start_matches('/');
            let name = name.split(|c: char| c.is_whitespace() || c == '>').next().unwrap();
            assert!(TAGS.contains(&name), "<{name}");
            let tag = part.split('>').next().unwrap().to_lowercase();
            for attribute in tag.split('"').step_by(2) {
                assert!(!attribute.contains(" on"), "<{tag}>");
            }
            for address in ["src=\"", "href=\""] {
                for value in tag.split(address).skip(1) {
                    let good = value.starts_with("data:image/")
                        || value.starts_with('#')
                        || value.starts_with("images/")
                        || (address == "href=\""
                            && (value.starts_with("https://github.com/octo/")
                                || value.starts_with(env!("CARGO_PKG_REPOSITORY"))));
                    assert!(good, "<{tag}>");
                }
            }
        }
        assert!(!page.contains(['\u{202e}', '\u{1b}', '\0']));
    }

    #[test]
    fn nothing_is_loaded_and_nothing_runs() {
        for (name, run) in fixtures::all() {
            let page = page(&run);
            assert!(page.contains("default-src 'none'"), "{name}");
            assert_inert(&page);
        }
        for (name, compared) in crate::report::compare::fixtures::all() {
            let page = compare_html(&compared, HtmlOptions::default()).unwrap();
            assert!(page.contains("default-src 'none'"), "{name}");
            assert_inert(&page);
        }
        for (name, history) in crate::report::history::fixtures::all() {
            let page = history_html(&history).unwrap();
            assert!(page.contains("default-src 'none'"), "{name}");
            assert_inert(&page);
        }
        let hostile = page(&fixtures::hostile());
        assert_eq!(hostile.matches("<script").count(), 2, "the data and our own");
        assert!(hostile.contains(&format!("script-src '{}'", script_hash())));
        assert!(hostile.contains(&format!("<script>{SCRIPT}</script>")));
        assert!(hostile.contains("&#60;script&#62;"), "shown as text");
        assert!(!hostile.contains("href=\"javascript"));
    }

    #[test]
    fn thumbnails_keep_to_their_budget() {
        let run = fixtures::fail();
        let with = |bytes| {
            let options = HtmlOptions { max_thumbnail_bytes: bytes, ..HtmlOptions::default() };
            html(&run, options).unwrap().matches("data:image/png").count()
        };
        assert_eq!(with(0), 0);
        let all = run.subjects[0].thumbnails.len();
        let size =
            run.subjects[0].thumbnails.values().map(|picture| picture.bytes.len()).max().unwrap();
        assert_eq!(with(usize::MAX), all);
        assert!((1..=4).contains(&with(size * 3)), "{}", with(size * 3));
        let page = html(
            &run,
            HtmlOptions { max_thumbnail_bytes: 0, max_pairs: 3, ..HtmlOptions::default() },
        )
        .unwrap();
        assert!(page.contains("href=\"images/"), "originals are still linked");
        assert!(page.contains("samples.jsonl"), "what is left out is told");
    }

    #[test]
    fn thousands_of_failures_make_a_page() {
        let page = page(&fixtures::thousands());
        assert_eq!(
            page.matches("<article").count(),
            24,
            "without a script the first ones are shown"
        );
        assert!(page.contains("1,976 more"));
        assert_eq!(page.matches("\"id\":\"pair-").count(), 2_400, "the gallery has all of them");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn any_text_is_only_text(text in any::<String>()) {
            let mut run = fixtures::hostile();
            text.clone_into(&mut run.verdict.subjects[0].name);
            text.clone_into(&mut run.policy_at);
            run.job_url = Some(text.clone());
            for sample in &mut run.subjects[0].samples {
                text.clone_into(&mut sample.prompt);
                sample.error = Some(text.clone());
                sample.image = Some(text.clone());
                for finding in &mut sample.findings {
                    text.clone_into(&mut finding.message);
                }
            }
            assert_inert(&page(&run));
        }
    }
}
