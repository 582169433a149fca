//! The ink of one letter.

/// How much of each pixel is covered, row by row, from 0 to 255.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) ink: Vec<u8>,
}

impl Mask {
    /// A mask of a rule, which is told the column and the row.
    pub(super) fn by(width: usize, height: usize, ink: impl Fn(usize, usize) -> u8) -> Self {
        let rows = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        Self { width, height, ink: rows.map(|(x, y)| ink(x, y)).collect() }
    }

    /// The coverage of a pixel; none outside.
    pub(super) fn at(&self, x: usize, y: usize) -> u8 {
        if x >= self.width { 0 } else { self.ink.get(y * self.width + x).copied().unwrap_or(0) }
    }

    /// The sum of the coverages.
    pub(super) fn total(&self) -> u64 {
        self.ink.iter().map(|ink| u64::from(*ink)).sum()
    }

    /// The coverage between pixels, in pixels from the upper left corner; a pixel's own is at its middle.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be inside before"
    )]
    pub(super) fn between(&self, x: f32, y: f32) -> f32 {
        let (x, y) = (x + 0.5, y + 0.5);
        if x < 0.0 || y < 0.0 {
            return 0.0;
        }
        // One row and column of nothing before the first.
        let (column, row) = (x as usize, y as usize);
        let at = |dx: usize, dy: usize| {
            let (column, row) = ((column + dx).checked_sub(1), (row + dy).checked_sub(1));
            column.zip(row).map_or(0.0, |(x, y)| f32::from(self.at(x, y)))
        };
        let (tx, ty) = (x.fract(), y.fract());
        let top = at(0, 0) * (1.0 - tx) + at(1, 0) * tx;
        let low = at(0, 1) * (1.0 - tx) + at(1, 1) * tx;
        top * (1.0 - ty) + low * ty
    }

    /// The same in another size.
    pub(super) fn resized(&self, width: usize, height: usize) -> Self {
        let (across, down) = (float(self.width) / float(width), float(self.height) / float(height));
        Self::by(width, height, |x, y| {
            to_byte(self.between((float(x) + 0.5) * across, (float(y) + 0.5) * down))
        })
    }

    /// The share of this letter's ink by which another differs, corner on corner: 0 where they are equal, 2 where they
    /// have as much ink elsewhere.
    pub(super) fn change(&self, other: &Self) -> f64 {
        let (width, height) = (self.width.max(other.width), self.height.max(other.height));
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let changed: u64 =
            places.map(|(x, y)| u64::from(self.at(x, y).abs_diff(other.at(x, y)))).sum();
        ratio(changed, self.total())
    }
}

/// One number as a share of another; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "sums over a letter's pixels")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "a place on a picture")]
pub(super) const fn float(place: usize) -> f32 {
    place as f32
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
pub(super) const fn to_byte(coverage: f32) -> u8 {
    coverage.round() as u8
}
