//! Pictures: a scene by the prompt's digest, the prompt's quoted text in real fonts on it, encoded.

mod canvas;
mod encode;
mod garble;
mod lettering;
mod objects;
mod palette;
mod scene;
mod size;
mod studio;

pub use size::Size;

/// What others draw with, too.
pub(crate) mod drawing {
    pub(crate) use super::canvas::{Bounds, Canvas};
    pub(crate) use super::lettering::own_fonts;
    pub(crate) use super::palette::{Ink, Palette, contrast, luminance, mix, palette};
    pub(crate) use super::scene::{gradient, noise, scene};
}

pub(crate) use encode::Encoding;
pub(crate) use studio::{Order, Studio, Treatment};
