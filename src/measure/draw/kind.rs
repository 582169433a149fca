//! What may be wrong with a drawn string.

use clap::ValueEnum;

/// The kind of a string on a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Kind {
    /// Nothing is wrong.
    Good,
    /// Nothing is wrong, in a script that the reader does not know.
    Outside,
    /// Two neighbouring letters change places.
    Swap,
    /// A letter is replaced by another.
    Sub,
    /// A letter is missing.
    Drop,
    /// A letter stands twice.
    Dup,
    /// A letter that does not belong there.
    Stray,
    /// A letter in the other case; not wrong where the check ignores case, and drawn only where asked for.
    Case,
    /// A letter without its accent, with one that it should not have, or with another; drawn only where asked for.
    Accent,
    /// A letter is an empty box.
    Tofu,
    /// The upper half of a letter over the lower half of another.
    Hybrid,
    /// A part of a letter is erased.
    Break,
    /// A letter is mirrored in its place.
    Mirror,
}

impl Kind {
    /// What is drawn where nothing else is asked for.
    pub const USUAL: [Self; 11] = [
        Self::Good,
        Self::Outside,
        Self::Swap,
        Self::Sub,
        Self::Drop,
        Self::Dup,
        Self::Stray,
        Self::Tofu,
        Self::Hybrid,
        Self::Break,
        Self::Mirror,
    ];

    /// Its name in the truth.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Outside => "outside",
            Self::Swap => "swap",
            Self::Sub => "sub",
            Self::Drop => "drop",
            Self::Dup => "dup",
            Self::Stray => "stray",
            Self::Case => "case",
            Self::Accent => "accent",
            Self::Tofu => "tofu",
            Self::Hybrid => "hybrid",
            Self::Break => "break",
            Self::Mirror => "mirror",
        }
    }

    /// Whether the string is as it was asked for.
    #[must_use]
    pub const fn is_correct(self) -> bool {
        matches!(self, Self::Good | Self::Outside)
    }

    /// Whether other letters are written than were asked for.
    pub(super) const fn is_misspelt(self) -> bool {
        matches!(
            self,
            Self::Swap
                | Self::Sub
                | Self::Drop
                | Self::Dup
                | Self::Stray
                | Self::Case
                | Self::Accent
        )
    }
}
