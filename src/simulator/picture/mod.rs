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

pub(crate) use encode::Encoding;
pub(crate) use studio::{Order, Studio, Treatment};
