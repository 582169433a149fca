//! A line of pixels on another grid.

/// The pixels under one pixel of another grid, and how much of it each covers.
pub(in crate::checks) struct Span {
    /// The first of them.
    pub(in crate::checks) first: usize,
    /// Their shares of it, which are one together.
    pub(in crate::checks) weights: Vec<f32>,
}

/// The spans of a grid of `count` pixels over the `length` pixels from `start` on, of which there are `available`. A
/// pixel of the grid is never narrower than `least`: at 0 each is the mean of what it covers, at 1 a grid that is finer
/// than the pixels interpolates between them. Beyond the border it goes on as it ends.
pub(in crate::checks) fn spans(
    start: f32,
    length: f32,
    count: usize,
    available: usize,
    least: f32,
) -> Vec<Span> {
    let step = length / count.max(1) as f32;
    let half = step.max(least) / 2.0;
    let last = available.saturating_sub(1);
    (0..count)
        .map(|at| {
            let middle = start + step * (at as f32 + 0.5);
            let (from, to) = (middle - half, middle + half);
            let first = (from.max(0.0) as usize).min(last);
            let end = (to.ceil().max(0.0) as usize).clamp(first + 1, available.max(first + 1));
            let covers =
                |pixel: usize| (to.min((pixel + 1) as f32) - from.max(pixel as f32)).max(0.0);
            let mut weights: Vec<f32> = (first..end).map(covers).collect();
            let total: f32 = weights.iter().sum();
            if total > 0.0 {
                weights.iter_mut().for_each(|weight| *weight /= total);
            } else if let Some(weight) = weights.first_mut() {
                *weight = 1.0;
            }
            Span { first, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sampled(values: &[f32], spans: &[Span]) -> Vec<f32> {
        let mean = |span: &Span| {
            span.weights
                .iter()
                .zip(&values[span.first..])
                .map(|(weight, value)| weight * value)
                .sum()
        };
        spans.iter().map(mean).collect()
    }

    #[test]
    fn a_coarser_grid_has_means_and_a_finer_one_copies_or_goes_between() {
        let values = [0.0, 2.0, 4.0, 6.0];
        assert_eq!(sampled(&values, &spans(0.0, 4.0, 2, 4, 0.0)), [1.0, 5.0]);
        assert_eq!(sampled(&values, &spans(0.0, 4.0, 8, 4, 0.0)), [0., 0., 2., 2., 4., 4., 6., 6.]);
        let between = [0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.0];
        assert_eq!(sampled(&values, &spans(0.0, 4.0, 8, 4, 1.0)), between);
        assert_eq!(sampled(&values, &spans(-4.0, 12.0, 3, 4, 1.0)), [0.0, 3.0, 6.0]);
    }

    proptest! {
        #[test]
        fn spans_lie_on_the_pixels_and_weigh_one(
            start in -50.0_f32..50.0, length in 0.0_f32..100.0, count in 1_usize..20,
            available in 1_usize..40, least in 0.0_f32..2.0,
        ) {
            let spans = spans(start, length, count, available, least);
            prop_assert_eq!(spans.len(), count);
            for span in spans {
                prop_assert!(span.first + span.weights.len() <= available);
                prop_assert!((span.weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
            }
        }
    }
}
