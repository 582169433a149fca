//! Numbers of findings, alike for all checks.

/// Four decimals, so that evidence reads well and is the same on every machine.
pub(super) fn rounded(number: f64) -> f64 {
    (number * 10_000.0).round() / 10_000.0
}

/// A share for people: `0.4%`, `33%`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 9.95 { format!("{percent:.1}%") } else { format!("{percent:.0}%") }
}

/// One decimal, for what is measured in pixels, in decibels or in steps of CIELAB.
pub(super) fn tenth(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
