//! The action's inputs.
//!
//! An omitted input is present and empty, which counts as absent. Hyphens in the names are kept
//! (`INPUT_MAX-IMAGES`).

use presscheck_core::inert::one_line;
use presscheck_core::units::Usd;
use thiserror::Error;

use super::compare::is_plain_name;

/// The action's inputs; an empty one is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// The policy's path in the repository.
    pub policy: Option<String>,
    /// Where results are kept: a folder or an address.
    pub store: Option<String>,
    /// The folder for the reports.
    pub out: Option<String>,
    /// The name of the check run and of the comment.
    pub name: Option<String>,
    /// A budget that lowers the policy's.
    pub budget: Option<Usd>,
    /// A maximum of images that lowers the policy's.
    pub max_images: Option<u64>,
    /// Whether to keep the comment on the pull request.
    pub comment: bool,
    /// What to compare with, where the event does not say: a branch, a tag or a commit.
    pub base: Option<String>,
    /// What to judge, where the event does not say.
    pub head: Option<String>,
}

/// An input that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the action's input `{input}` is `{value}`: {expected}; nothing was sent")]
pub struct InputError {
    /// Its name, as in the workflow.
    pub input: &'static str,
    /// What it says.
    pub value: String,
    /// What it should say.
    pub expected: String,
}

impl Inputs {
    /// The names of all inputs that are read here or by [`super::Environment::read`], as `action.yml` has them.
    pub const NAMES: [&'static str; 10] = [
        "policy",
        "github-token",
        "store",
        "out",
        "name",
        "budget",
        "max-images",
        "comment",
        "base",
        "head",
    ];

    /// Reads the inputs.
    ///
    /// # Errors
    /// Where one of them is no amount, no number, no `true` or `false`, a name with control characters or of over
    /// 100 characters, or no name of a commit, branch or tag.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, InputError> {
        let text = |name: &str| {
            let value = lookup(&format!("INPUT_{}", name.to_ascii_uppercase()))?;
            let value = value.trim();
            (!value.is_empty()).then(|| value.to_owned())
        };
        let wrong = |input, value: &str, expected: &str| InputError {
            input,
            value: one_line(value, 80),
            expected: expected.to_owned(),
        };
        let budget = match text("budget") {
            None => None,
            Some(value) => Some(
                value
                    .parse::<Usd>()
                    .map_err(|error| wrong("budget", &value, &error.to_string()))?,
            ),
        };
        let max_images = match text("max-images") {
            None => None,
            Some(value) => match value.parse::<u64>() {
                Ok(count) if count > 0 => Some(count),
                _ => {
                    let expected = "expected a whole number of images, at least 1";
                    return Err(wrong("max-images", &value, expected));
                }
            },
        };
        let comment = match text("comment") {
            None => true,
            // The words of YAML 1.2, as GitHub's own actions read them.
            Some(value) => match value.as_str() {
                "true" | "True" | "TRUE" => true,
                "false" | "False" | "FALSE" => false,
                _ => return Err(wrong("comment", &value, "expected `true` or `false`")),
            },
        };
        let name = text("name");
        if let Some(name) = &name
            && (name.chars().count() > 100 || name.chars().any(char::is_control))
        {
            let expected = "expected at most 100 characters on one line";
            return Err(wrong("name", name, expected));
        }
        let side = |input: &'static str| match text(input) {
            Some(value) if !is_plain_name(&value) => {
                Err(wrong(input, &value, "expected a branch, a tag or a commit of this repository"))
            }
            value => Ok(value),
        };
        Ok(Self {
            base: side("base")?,
            head: side("head")?,
            policy: text("policy"),
            store: text("store"),
            out: text("out"),
            name,
            budget,
            max_images,
            comment,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'a>(pairs: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn inputs_keep_their_hyphens_and_the_empty_ones_are_absent() {
        let inputs = Inputs::read(of(&[
            ("INPUT_POLICY", " ci/presscheck.yaml "),
            ("INPUT_MAX-IMAGES", "200"),
            ("INPUT_BUDGET", "$12.50"),
            ("INPUT_COMMENT", "false"),
            ("INPUT_STORE", ""),
        ]))
        .unwrap();
        assert_eq!(inputs.policy.as_deref(), Some("ci/presscheck.yaml"));
        assert_eq!((inputs.max_images, inputs.comment, inputs.store), (Some(200), false, None));
        assert_eq!(inputs.budget.unwrap().to_string(), "$12.50");
        assert!(Inputs::read(|_| None).unwrap().comment);
    }

    #[test]
    fn a_wrong_input_says_what_it_should_be() {
        let error = |name, value| Inputs::read(of(&[(name, value)])).unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                error("INPUT_COMMENT", "yes"),
                error("INPUT_MAX-IMAGES", "0"),
                error("INPUT_BUDGET", "lots"),
                error("INPUT_NAME", "a\nb"),
                error("INPUT_HEAD", "mallory:main"),
                error("INPUT_BASE", "main...other"),
            ]
            .join("\n"),
            @r"
        the action's input `comment` is `yes`: expected `true` or `false`; nothing was sent
        the action's input `max-images` is `0`: expected a whole number of images, at least 1; nothing was sent
        the action's input `budget` is `lots`: expected dollars such as `$25` or `$0.042`; nothing was sent
        the action's input `name` is `a b`: expected at most 100 characters on one line; nothing was sent
        the action's input `head` is `mallory:main`: expected a branch, a tag or a commit of this repository; nothing was sent
        the action's input `base` is `main...other`: expected a branch, a tag or a commit of this repository; nothing was sent
        "
        );
    }
}
