//! How much blocks of 8 pixels stand out.

use image::GrayImage;

/// Steps above this are drawn edges, and count as this much.
const MOST: u8 = 24;

/// How many times stronger the steps between neighbours are at one place of eight than at any other, in
/// the direction where it is less; 1 where nothing stands out. Blocks may start anywhere, since pictures
/// are cropped after they were compressed.
pub(super) fn strength(luma: &GrayImage) -> f64 {
    let width = luma.width() as usize;
    let raw = luma.as_raw();
    let (mut across, mut down) = ([(0_u64, 0_u64); 8], [(0_u64, 0_u64); 8]);
    for row in raw.chunks_exact(width).step_by(2) {
        // A row of fewer than 2^20 steps at each place: 4 million pixels are looked at.
        let (mut sums, mut count) = ([0_u32; 8], 0_u64);
        let next = row.get(1..).unwrap_or_default().as_chunks::<8>().0;
        for (here, next) in row.as_chunks::<8>().0.iter().zip(next) {
            for ((sum, one), two) in sums.iter_mut().zip(here).zip(next) {
                *sum += u32::from(one.abs_diff(*two).min(MOST));
            }
            count += 1;
        }
        for ((sum, steps), of_row) in across.iter_mut().zip(sums) {
            *sum += u64::from(of_row);
            *steps += count;
        }
    }
    let rows: Vec<&[u8]> = raw.chunks_exact(width).collect();
    for (phase, pair) in (0..8).cycle().zip(rows.windows(2)) {
        if let ([one, two], Some((sum, count))) = (pair, down.get_mut(phase)) {
            let steps = one.iter().zip(*two).step_by(2).map(|(a, b)| a.abs_diff(*b).min(MOST));
            *sum += steps.map(u64::from).sum::<u64>();
            *count += width.div_ceil(2) as u64;
        }
    }
    standing_out(across).min(standing_out(down))
}

/// The strongest place over the second.
fn standing_out(phases: [(u64, u64); 8]) -> f64 {
    let mut means = phases.map(|(sum, count)| sum as f64 / count.max(1) as f64);
    means.sort_by(|one, two| two.total_cmp(one));
    let [first, second, ..] = means;
    // In pixel art nearly all steps are where blocks meet, and mean to be; and what is under a level of
    // 255 is not seen.
    if first - second < 0.5 || second < 0.15 { 1.0 } else { first / second }
}
