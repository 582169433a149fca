//! Draws that follow from content.

use presscheck_core::units::Digest;

/// A small generator of uniform numbers (SplitMix64, Steele, Lea and Flood 2014), seeded by a digest of
/// what the draw is for. Not for secrets.
#[derive(Clone, Debug)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// The dice of one purpose (`fault`, `latency`, …) for one request.
    pub(crate) fn of(purpose: &str, model: &str, prompt: &str, seed: u64) -> Self {
        // Each part is preceded by its length, so that no two requests share a text.
        let mut text = Vec::with_capacity(prompt.len() + model.len() + 48);
        for part in [purpose, model, prompt] {
            text.extend_from_slice(&(part.len() as u64).to_be_bytes());
            text.extend_from_slice(part.as_bytes());
        }
        text.extend_from_slice(&seed.to_be_bytes());
        Self { state: Digest::of(&text).to_u64() }
    }

    /// 64 uniform bits.
    pub(crate) const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number from 0 to just under 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a float exactly")]
    pub(crate) const fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A number from `low` to just under `high`.
    #[expect(clippy::cast_possible_truncation, reason = "a place on a picture needs no more")]
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        (self.unit() as f32).mul_add(high - low, low)
    }

    /// A whole number from 0 to just under `end`; 0 where `end` is 0.
    pub(crate) const fn below(&mut self, end: u32) -> u32 {
        // Multiply and shift: the bias for an `end` under 2^32 is below 2^-32.
        (((self.bits() >> 32) * end as u64) >> 32) as u32
    }

    /// Whether something that happens with this chance does.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// One of some things, or the fallback where there are none.
    pub(crate) fn pick<T: Copy>(&mut self, things: &[T], fallback: T) -> T {
        let count = u32::try_from(things.len()).unwrap_or(u32::MAX);
        let index = usize::try_from(self.below(count)).unwrap_or(0);
        things.get(index).copied().unwrap_or(fallback)
    }

    /// A draw from the standard normal distribution (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_request_changes_the_draw() {
        let draw = |purpose, model, prompt, seed| Dice::of(purpose, model, prompt, seed).bits();
        let first = draw("fault", "a", "bc", 1);
        assert_eq!(first, draw("fault", "a", "bc", 1));
        for other in [
            draw("latency", "a", "bc", 1),
            draw("fault", "ab", "c", 1),
            draw("fault", "a", "bd", 1),
            draw("fault", "a", "bc", 2),
        ] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn draws_have_the_moments_of_their_distribution() {
        let mut dice = Dice::of("test", "", "", 0);
        let units: Vec<f64> = (0..20_000).map(|_| dice.unit()).collect();
        let mean = units.iter().sum::<f64>() / 20_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        let normals: Vec<f64> = (0..20_000).map(|_| dice.normal()).collect();
        let mean = normals.iter().sum::<f64>() / 20_000.0;
        let variance = normals.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
        let mut seen = [0_u32; 7];
        for _ in 0..7_000 {
            seen[dice.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|count| (850..1150).contains(count)), "{seen:?}");
        assert_eq!(dice.below(0), 0);
    }
}
