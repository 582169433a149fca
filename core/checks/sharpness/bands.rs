//! How much of a picture is stairs: even plateaus with even steps, all up or all down.

use image::RgbImage;

/// The least and the greatest height of a step, of 255. Smaller ones are not seen, and larger ones are
/// drawn.
const STEPS: std::ops::RangeInclusive<i16> = 3..=28;
/// How wide a plateau must be.
const PLATEAU: usize = 3;
/// How many steps make stairs.
const LEAST: usize = 4;

/// The share of the picture that is stairs across or down, whichever is more. By the green channel, which
/// has most of the brightness, and on every fourth line.
pub(super) fn share(rgb: &RgbImage) -> f64 {
    let (width, height) = (rgb.width() as usize, rgb.height() as usize);
    let raw = rgb.as_raw();
    let mut line = Vec::with_capacity(width.max(height));
    let mut across = 0;
    for row in raw.chunks_exact(width * 3).step_by(4) {
        line.clear();
        line.extend(row.as_chunks::<3>().0.iter().map(|[_, green, _]| *green));
        across += stairs(&line);
    }
    // Columns are gathered row by row, so that memory is read in its order.
    let mut columns = vec![Vec::with_capacity(height); width.div_ceil(4)];
    for row in raw.chunks_exact(width * 3) {
        let greens = row.as_chunks::<3>().0.iter().step_by(4);
        for (column, [_, green, _]) in columns.iter_mut().zip(greens) {
            column.push(*green);
        }
    }
    let down: usize = columns.iter().map(|column| stairs(column)).sum();
    let of =
        |banded: usize, lines: usize, length: usize| banded as f64 / (lines * length).max(1) as f64;
    of(across, height.div_ceil(4), width).max(of(down, columns.len(), height))
}

/// How many pixels of a line are stairs.
fn stairs(line: &[u8]) -> usize {
    let (mut banded, mut steps, mut long) = (0, 0, 0);
    // The step before the plateau, and how wide the plateau before that was.
    let (mut last_step, mut last_length) = (0_i16, 0_usize);
    // A plateau that is wider is no part of a gradient.
    let widest = line.len() / 6;
    let mut plateau: Option<(i16, usize)> = None;
    let mut end = |steps: &mut usize, long: &mut usize| {
        if *steps >= LEAST {
            banded += *long;
        }
        (*steps, *long) = (0, 0);
    };
    let mut previous = None;
    for value in line.iter().map(|value| i16::from(*value)) {
        let (start, length) = plateau.unwrap_or((value, 0));
        let jump = value - previous.unwrap_or(value);
        previous = Some(value);
        if (value - start).abs() <= 1 && jump.abs() <= 1 {
            plateau = Some((start, length + 1));
            continue;
        }
        let alike = last_step == 0
            || (jump.signum() == last_step.signum()
                && jump.abs() <= 2 * last_step.abs() + 1
                && last_step.abs() <= 2 * jump.abs() + 1
                // The first plateau may be cut by what lies over it.
                && length <= 3 * last_length
                && (steps == 1 || last_length <= 3 * length));
        let even = STEPS.contains(&jump.abs()) && (PLATEAU..=widest).contains(&length);
        if !(even && alike) {
            end(&mut steps, &mut long);
        }
        if even {
            steps += 1;
            long += length;
            (last_step, last_length) = (jump, length);
        } else {
            (last_step, last_length) = (0, 0);
        }
        plateau = Some((value, 1));
    }
    end(&mut steps, &mut long);
    banded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_steps_are_stairs_and_a_slope_is_none() {
        let by = |step: usize, width: usize| -> Vec<u8> {
            (0..200).map(|x| (20 + x / width * step).min(255) as u8).collect()
        };
        assert!(stairs(&by(8, 10)) >= 180);
        assert_eq!(stairs(&by(1, 2)), 0);
        assert_eq!(stairs(&by(40, 40)), 0);
        // Up and down again, as a pattern is drawn.
        let pattern: Vec<u8> = (0..200).map(|x| if x / 10 % 2 == 0 { 90 } else { 100 }).collect();
        assert_eq!(stairs(&pattern), 0);
        assert_eq!(stairs(&[]), 0);
    }
}
