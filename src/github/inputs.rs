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
    /// When to comment on the pull request.
    pub comment: CommentWhen,
    /// What to compare with, where the event does not say: a branch, a tag or a commit.
    pub base: Option<String>,
    /// What to judge, where the event does not say.
    pub head: Option<String>,
    /// The label that accepts a blocking verdict.
    pub override_label: Option<String>,
    /// Whose runs need a review first.
    pub require_approval: RequireApproval,
}

/// Whose runs need a review that approves the very commit, before they may cost anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum RequireApproval {
    /// Nobody's.
    #[default]
    No,
    /// Those of pull requests from other repositories.
    Forks,
    /// Everybody's.
    Everybody,
}

/// When a pull request gets a comment. One that is there is brought up to date in any case but the last: it never says what no
/// longer holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommentWhen {
    /// After every run, also one that had nothing to judge.
    Always,
    /// Where a model was judged.
    #[default]
    OnChange,
    /// Where merging is blocked.
    OnFailure,
    /// Never.
    Never,
}

impl CommentWhen {
    /// As the input has it; `true` and `false` too, in the spellings of YAML 1.2 that GitHub's own actions take.
    fn read(value: &str) -> Option<Self> {
        Some(match value {
            "always" => Self::Always,
            "on-change" | "true" | "True" | "TRUE" => Self::OnChange,
            "on-failure" => Self::OnFailure,
            "never" | "false" | "False" | "FALSE" => Self::Never,
            _ => return None,
        })
    }
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
    pub const NAMES: [&'static str; 12] = [
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
        "override-label",
        "require-approval",
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
            None => CommentWhen::default(),
            Some(value) => CommentWhen::read(&value).ok_or_else(|| {
                wrong("comment", &value, "expected `on-change`, `on-failure`, `always` or `never`")
            })?,
        };
        let require_approval = match text("require-approval").as_deref() {
            None | Some("false" | "False" | "FALSE") => RequireApproval::No,
            Some("true" | "True" | "TRUE") => RequireApproval::Everybody,
            Some("forks") => RequireApproval::Forks,
            Some(value) => {
                let expected = "expected `true`, `false` or `forks`";
                return Err(wrong("require-approval", value, expected));
            }
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
            override_label: text("override-label"),
            require_approval,
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
        assert_eq!(
            (inputs.max_images, inputs.comment, inputs.store),
            (Some(200), CommentWhen::Never, None)
        );
        assert_eq!(inputs.budget.unwrap().to_string(), "$12.50");
        let comment = |value| Inputs::read(of(&[("INPUT_COMMENT", value)])).unwrap().comment;
        assert_eq!(comment(""), CommentWhen::OnChange);
        assert_eq!(comment("true"), CommentWhen::OnChange);
        assert_eq!(comment("always"), CommentWhen::Always);
        assert_eq!(comment("on-failure"), CommentWhen::OnFailure);
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
                error("INPUT_REQUIRE-APPROVAL", "yes"),
            ]
            .join("\n"),
            @r"
        the action's input `comment` is `yes`: expected `on-change`, `on-failure`, `always` or `never`; nothing was sent
        the action's input `max-images` is `0`: expected a whole number of images, at least 1; nothing was sent
        the action's input `budget` is `lots`: expected dollars such as `$25` or `$0.042`; nothing was sent
        the action's input `name` is `a b`: expected at most 100 characters on one line; nothing was sent
        the action's input `head` is `mallory:main`: expected a branch, a tag or a commit of this repository; nothing was sent
        the action's input `base` is `main...other`: expected a branch, a tag or a commit of this repository; nothing was sent
        the action's input `require-approval` is `yes`: expected `true`, `false` or `forks`; nothing was sent
        "
        );
    }
}
