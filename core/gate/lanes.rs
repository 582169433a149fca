//! Arithmetic over the parts of a mixture, all at once.

use super::betting::PARTS;

/// Parts are computed eight at a time, as processors do: the eighth has no stake and adds nothing.
const LANES: usize = 8;

/// One number for each part of a mixture.
pub(super) type Lanes = [f64; LANES];

/// The parts of a mixture, with a number for the eighth lane.
pub(super) const fn lanes(parts: [f64; PARTS], last: f64) -> Lanes {
    let [a, b, c, d, e, f, g] = parts;
    [a, b, c, d, e, f, g, last]
}

/// The largest part; written so that it needs no branch.
pub(super) fn largest(parts: &Lanes) -> f64 {
    let [a, b, c, d, e, f, g, h] = *parts;
    let larger = |x: f64, y: f64| if x > y { x } else { y };
    larger(larger(larger(a, e), larger(b, f)), larger(larger(c, g), larger(d, h)))
}

/// ln Σ exp(x), without overflow.
pub(super) fn ln_sum_exp(parts: &Lanes) -> f64 {
    let max = largest(parts);
    if !max.is_finite() {
        return max;
    }
    max + parts.iter().map(|part| (part - max).exp()).sum::<f64>().ln()
}

/// Whether Σ exp(x) reaches exp(`ln`), for parts of less than `ln`. Since `(1 - y/64)^64 <= e^-y <= (1 + y/64)^-64`,
/// a few products tell in all but the closest cases; those are computed.
pub(super) fn sum_reaches(parts: &Lanes, ln: f64) -> bool {
    /// A hair, so that rounding decides nothing.
    const HAIR: f64 = 1e-9;
    let to_the_64th = |base: f64| {
        let (mut power, mut left) = (base, 6);
        while left > 0 {
            power *= power;
            left -= 1;
        }
        power
    };
    let (mut least, mut most) = (0.0, 0.0);
    for part in parts {
        let share = (ln - part) * (1.0 / 64.0);
        least += to_the_64th(if share < 1.0 { 1.0 - share } else { 0.0 });
        most += 1.0 / to_the_64th(1.0 + share);
    }
    if least > 1.0 + HAIR {
        true
    } else if most < 1.0 - HAIR {
        false
    } else {
        ln_sum_exp(parts) >= ln
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// The quick answer is that of the sum itself, near the threshold as well as far from it.
        #[test]
        fn products_say_what_exponentials_say(
            parts in prop::array::uniform7(-200.0..0.0_f64), scale in 0.0..1.0_f64, ln in 0.1..30.0_f64,
            nudge in prop::sample::select(vec![0.0, 1e-12, -1e-12, 1e-6, -1e-6, 1e-3, -1e-3, 0.1, -0.1, 5.0]),
        ) {
            let parts = lanes(parts.map(|part| part * scale), f64::NEG_INFINITY);
            // Put where the sum is the threshold but for the nudge.
            let shift = ln - ln_sum_exp(&parts) + nudge;
            let parts = parts.map(|part| part + shift);
            let max = largest(&parts);
            prop_assert_eq!(max, parts.iter().copied().fold(f64::NEG_INFINITY, f64::max));
            if max < ln {
                prop_assert_eq!(sum_reaches(&parts, ln), ln_sum_exp(&parts) >= ln);
            }
        }
    }

    #[test]
    fn nothing_staked_reaches_nothing() {
        let none = [f64::NEG_INFINITY; LANES];
        assert!(!sum_reaches(&none, 1.0));
        assert_eq!(ln_sum_exp(&none), f64::NEG_INFINITY);
    }
}
