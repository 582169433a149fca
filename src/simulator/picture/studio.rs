//! From an order to a picture's file, off the async threads.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use image::{DynamicImage, RgbImage};
use presscheck_core::prompts::quoted_text;
use tokio::sync::Semaphore;

use super::canvas::Canvas;
use super::encode::Encoding;
use super::garble::garble;
use super::lettering::Lettering;
use super::palette::palette;
use super::scene::scene;
use super::size::Size;
use crate::simulator::dice::Dice;
use crate::simulator::fault::Fault;

/// What a fault does to the picture itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Nothing.
    Good,
    /// The text is misspelt.
    Garbled,
    /// The text is not there.
    Wordless,
    /// Another aspect ratio.
    OtherAspect,
    /// Smaller, in the same aspect ratio.
    Smaller,
    /// All hues rotated.
    Shifted,
    /// One plain colour.
    Blank,
}

impl Treatment {
    /// The treatment of a fault; faults of the file and of its way leave the picture good.
    pub(crate) const fn of(fault: Option<Fault>) -> Self {
        match fault {
            Some(Fault::GarbledText) => Self::Garbled,
            Some(Fault::MissingText) => Self::Wordless,
            Some(Fault::WrongAspect) => Self::OtherAspect,
            Some(Fault::WrongSize) => Self::Smaller,
            Some(Fault::ColorShift) => Self::Shifted,
            Some(Fault::Blank) => Self::Blank,
            _ => Self::Good,
        }
    }
}

/// A picture to be made.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) size: Size,
    pub(crate) treatment: Treatment,
    pub(crate) prompt: String,
    pub(crate) model: String,
    pub(crate) seed: u64,
    pub(crate) encoding: Encoding,
}

/// Makes pictures, as many at a time as there are processors.
#[derive(Debug)]
pub(crate) struct Studio {
    desks: Semaphore,
    lettering: Arc<Mutex<Vec<Lettering>>>,
}

impl Studio {
    /// A studio with no fonts loaded yet.
    pub(crate) fn new() -> Self {
        let desks = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { desks: Semaphore::new(desks), lettering: Arc::default() }
    }

    /// The file of a picture; nothing where it could not be made.
    pub(crate) async fn make(&self, order: Order) -> Option<Bytes> {
        let _desk = self.desks.acquire().await.ok()?;
        let pool = Arc::clone(&self.lettering);
        let work = move || {
            let lettering = pool.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut lettering = lettering.unwrap_or_else(Lettering::new);
            let file = make(&order, &mut lettering);
            pool.lock().unwrap_or_else(PoisonError::into_inner).push(lettering);
            file
        };
        tokio::task::spawn_blocking(work).await.ok().flatten()
    }
}

/// Draws and encodes a picture: the same bytes for the same order.
fn make(order: &Order, lettering: &mut Lettering) -> Option<Bytes> {
    let dice = |purpose| Dice::of(purpose, &order.model, &order.prompt, order.seed);
    let size = match order.treatment {
        Treatment::OtherAspect => order.size.other_aspect(),
        Treatment::Smaller => order.size.smaller(),
        _ => order.size,
    };
    let mut look = dice("look");
    let palette = palette(&mut look);
    if order.treatment == Treatment::Blank {
        let [.., light] = palette;
        let (size, pixels) = Canvas::plain(size, light).into_pixels();
        return order.encoding.encode(size, &pixels).ok();
    }
    let mut canvas = scene(size, palette, &mut look);
    let texts = match order.treatment {
        Treatment::Wordless => Vec::new(),
        Treatment::Garbled => {
            let mut slips = dice("garble");
            quoted_text(&order.prompt).iter().map(|text| garble(text, &mut slips)).collect()
        }
        _ => quoted_text(&order.prompt),
    };
    if !texts.is_empty() {
        lettering.write(&mut canvas, &texts, palette, &mut dice("lettering"));
    }
    let (size, mut pixels) = canvas.into_pixels();
    if order.treatment == Treatment::Shifted {
        let degrees = 90 + i32::try_from(dice("shift").below(180)).unwrap_or(0);
        let picture = RgbImage::from_raw(size.width(), size.height(), pixels)?;
        pixels = DynamicImage::ImageRgb8(picture).huerotate(degrees).into_rgb8().into_raw();
    }
    order.encoding.encode(size, &pixels).ok()
}
