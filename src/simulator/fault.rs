//! What can go wrong with an answer, how often, and what a gate should make of it.

use std::time::Duration;

use presscheck_core::gate::Outcome;
use presscheck_core::policy::{FromNode, Node, Problems};
use presscheck_core::units::{Rate, TimeSpan};
use presscheck_core::{choice, record};
use serde_json::Value;

choice! {
    /// What goes wrong with one answer.
    pub enum Fault {
        /// The text that the prompt asks for is misspelt.
        GarbledText = "garbled_text",
        /// The text that the prompt asks for is not there.
        MissingText = "missing_text",
        /// The picture has another aspect ratio than was asked for.
        WrongAspect = "wrong_aspect",
        /// The picture has the right aspect ratio and is smaller than was asked for.
        WrongSize = "wrong_size",
        /// All hues are rotated.
        ColorShift = "color_shift",
        /// The picture is one plain colour.
        Blank = "blank",
        /// The file stops in the middle, the HTTP answer does not.
        Truncated = "truncated",
        /// The first bytes of the file are overwritten.
        BadHeader = "bad_header",
        /// An HTML page under status 200.
        Html = "html",
        /// A JSON error under status 200.
        JsonError = "json_error",
        /// The safety policy refuses the prompt, in the form of the dialect.
        Refused = "refused",
        /// The safety policy refuses the picture, which was drawn.
        RefusedOutput = "refused_output",
        /// A success that holds no picture.
        Empty = "empty",
        /// 502.
        ServerError = "server_error",
        /// 429 with `Retry-After`.
        RateLimited = "rate_limited",
        /// The connection is cut in the middle of the body.
        Cut = "cut",
        /// The body trickles.
        SlowBody = "slow_body",
    }
}

impl Fault {
    /// All faults, in the order of the profile.
    pub const ALL: [Self; 17] = [
        Self::GarbledText,
        Self::MissingText,
        Self::WrongAspect,
        Self::WrongSize,
        Self::ColorShift,
        Self::Blank,
        Self::Truncated,
        Self::BadHeader,
        Self::Html,
        Self::JsonError,
        Self::Refused,
        Self::RefusedOutput,
        Self::Empty,
        Self::ServerError,
        Self::RateLimited,
        Self::Cut,
        Self::SlowBody,
    ];

    /// Whether only a prompt that asks for text can have this fault.
    #[must_use]
    pub const fn needs_text(self) -> bool {
        matches!(self, Self::GarbledText | Self::MissingText)
    }

    /// Whether nothing was drawn, so that nothing is charged.
    #[must_use]
    pub const fn is_free(self) -> bool {
        matches!(self, Self::Refused | Self::ServerError | Self::RateLimited)
    }
}

/// The outcome in a gate that runs only the checks `decode` and `dimensions`, for a case that expects both
/// a size and an aspect ratio. `server_error` and `rate_limited` are taken to last for all attempts,
/// and `slow_body` for longer than the timeout. (Imagen says by an `empty` answer that it refused the picture.)
#[must_use]
pub const fn expected_outcome(fault: Option<Fault>) -> Outcome {
    match fault {
        None | Some(Fault::GarbledText | Fault::MissingText | Fault::ColorShift | Fault::Blank) => {
            Outcome::Passed
        }
        Some(Fault::WrongAspect | Fault::WrongSize) => Outcome::Failed,
        Some(
            Fault::Truncated | Fault::BadHeader | Fault::Html | Fault::JsonError | Fault::Empty,
        ) => Outcome::Broken,
        Some(Fault::Refused | Fault::RefusedOutput) => Outcome::Refused,
        Some(Fault::ServerError | Fault::RateLimited | Fault::Cut | Fault::SlowBody) => {
            Outcome::Unavailable
        }
    }
}

record! {
    /// How often each fault happens, as a share of samples, and how long it lasts. A sample has at most one
    /// fault, so the rates add up to 100% at most.
    pub struct FaultTable {
        /// The text that the prompt asks for is misspelt (of the prompts that ask for text).
        garbled_text: Rate = "0%",
        /// The text that the prompt asks for is not there (of the prompts that ask for text).
        missing_text: Rate = "0%",
        /// The picture has another aspect ratio than was asked for.
        wrong_aspect: Rate = "0%",
        /// The picture has the right aspect ratio and is smaller than was asked for.
        wrong_size: Rate = "0%",
        /// All hues are rotated.
        color_shift: Rate = "0%",
        /// The picture is one plain colour.
        blank: Rate = "0%",
        /// The file stops in the middle, the HTTP answer does not.
        truncated: Rate = "0%",
        /// The first bytes of the file are overwritten.
        bad_header: Rate = "0%",
        /// An HTML page under status 200.
        html: Rate = "0%",
        /// A JSON error under status 200.
        json_error: Rate = "0%",
        /// The safety policy refuses the prompt, in the form of the dialect.
        refused: Rate = "0%",
        /// The safety policy refuses the picture, which was drawn.
        refused_output: Rate = "0%",
        /// A success that holds no picture.
        empty: Rate = "0%",
        /// 502.
        server_error: Rate = "0%",
        /// How many attempts at such a sample fail before one succeeds; all where it is absent.
        server_error_attempts: Option<u32>,
        /// 429 with `Retry-After`.
        rate_limited: Rate = "0%",
        /// How many attempts at such a sample fail before one succeeds; all where it is absent.
        rate_limited_attempts: Option<u32>,
        /// The wait that `rate_limited` asks for, where the dialect says one.
        retry_after: TimeSpan = "1s",
        /// The connection is cut in the middle of the body.
        cut: Rate = "0%",
        /// The body trickles.
        slow_body: Rate = "0%",
        /// How long such a body takes.
        slow_body_for: TimeSpan = "90s",
    }
}

/// The faults of one model, checked: the rates add up to 100% at most.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    table: FaultTable,
}

impl Faults {
    /// What the profile says.
    #[must_use]
    pub const fn table(&self) -> &FaultTable {
        &self.table
    }

    /// How often a fault is drawn.
    #[must_use]
    pub const fn rate(&self, fault: Fault) -> Rate {
        let table = &self.table;
        match fault {
            Fault::GarbledText => table.garbled_text,
            Fault::MissingText => table.missing_text,
            Fault::WrongAspect => table.wrong_aspect,
            Fault::WrongSize => table.wrong_size,
            Fault::ColorShift => table.color_shift,
            Fault::Blank => table.blank,
            Fault::Truncated => table.truncated,
            Fault::BadHeader => table.bad_header,
            Fault::Html => table.html,
            Fault::JsonError => table.json_error,
            Fault::Refused => table.refused,
            Fault::RefusedOutput => table.refused_output,
            Fault::Empty => table.empty,
            Fault::ServerError => table.server_error,
            Fault::RateLimited => table.rate_limited,
            Fault::Cut => table.cut,
            Fault::SlowBody => table.slow_body,
        }
    }

    /// The fault that a uniform draw between 0 and 1 stands for. A fault of the text needs a prompt that
    /// asks for text; on any other prompt its draw stands for a good picture.
    #[must_use]
    pub fn at(&self, draw: f64, asks_for_text: bool) -> Option<Fault> {
        let mut end = 0.0;
        let drawn = Fault::ALL.into_iter().find(|fault| {
            end += self.rate(*fault).share();
            draw < end
        });
        drawn.filter(|fault| asks_for_text || !fault.needs_text())
    }

    /// Whether a fault shows on this attempt (from 1).
    #[must_use]
    pub fn lasts(&self, fault: Fault, attempt: u32) -> bool {
        let attempts = match fault {
            Fault::ServerError => self.table.server_error_attempts,
            Fault::RateLimited => self.table.rate_limited_attempts,
            _ => None,
        };
        attempts.is_none_or(|attempts| attempt <= attempts)
    }

    /// The wait that a rate limit asks for.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        self.table.retry_after.0
    }
}

impl FromNode for Faults {
    fn from_node(node: &Node, problems: &mut Problems) -> Option<Self> {
        let faults = Self { table: FaultTable::from_node(node, problems)? };
        let sum: f64 = Fault::ALL.iter().map(|fault| faults.rate(*fault).share()).sum();
        let mut good = true;
        // Shares such as 0.1 are not exact in binary, so a sum of 100% may be off by a hair.
        if sum > 1.0 + 1e-9 {
            problems.error_with_help(
                node.span,
                format!("the rates of the faults add up to {:.1}%", sum * 100.0),
                "a sample has at most one fault, so they can't exceed 100%",
            );
            good = false;
        }
        for (key, attempts) in [
            ("server_error_attempts", faults.table.server_error_attempts),
            ("rate_limited_attempts", faults.table.rate_limited_attempts),
        ] {
            if attempts == Some(0) {
                let span = node.get(key).map_or(node.span, |value| value.span);
                problems.error_with_help(
                    span,
                    format!("`{key}` is 0, so the fault would never show"),
                    "say 1 or more, or leave it out for all attempts",
                );
                good = false;
            }
        }
        good.then_some(faults)
    }

    fn schema() -> Value {
        FaultTable::schema()
    }
}
