//! Numbers as advice has them: rounded to what people would choose.

use crate::units::{Points, Usd};

/// Whole dollars, rounded up.
pub(super) fn dollars_up(amount: Usd) -> String {
    amount.as_decimal().ceil().to_string()
}

/// Numbers of pairs that people would choose.
pub(super) const FRIENDLY: [u64; 33] = [
    20, 30, 40, 50, 60, 80, 100, 120, 150, 200, 250, 300, 400, 500, 600, 800, 1_000, 1_200, 1_500,
    2_000, 2_500, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000, 12_000, 15_000, 20_000, 30_000,
    50_000, 100_000,
];

/// Rounded up to a number that people would choose.
pub(super) fn friendly(number: u64) -> u64 {
    let step = match number {
        0..100 => 10,
        100..1_000 => 50,
        1_000..10_000 => 500,
        _ => 5_000,
    };
    number.div_ceil(step).saturating_mul(step)
}

/// The smallest limit over `limit`, of those that people would choose, that will do.
pub(super) fn friendly_points(limit: f64, will_do: impl Fn(f64) -> bool) -> Option<Points> {
    const POINTS: [f64; 15] =
        [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0];
    let larger = POINTS.into_iter().map(|points| points / 100.0).filter(|it| *it > limit);
    larger.into_iter().find(|limit| will_do(*limit)).and_then(Points::new)
}

/// A share as a whole percentage, rounded up.
pub(super) fn friendly_rate(share: f64) -> String {
    format!("{:.0}%", (share * 100.0 - 1e-9).ceil().clamp(1.0, 100.0))
}

/// `2%`, `1.8%`.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:.1}", share * 100.0);
    format!("{}%", text.strip_suffix(".0").unwrap_or(&text))
}

/// `9%`, and `5.3%` where one digit would say too little.
pub(super) fn whole_percent(share: f64) -> String {
    if share < 0.1 { percent(share) } else { format!("{:.0}%", share * 100.0) }
}

/// `1 pair`, `1,200 pairs`.
pub(super) fn counted(number: u64, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{} {noun}{s}", thousands(number))
}

/// `1,200`.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
