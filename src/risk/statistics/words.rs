//! Numbers as people read them.

use crate::words::grouped;

/// Says a rate with two significant digits: more would change from one plan to the next.
pub(super) fn rounded(rate: f64) -> String {
    let whole = whole(rate);
    let digits = u32::try_from(whole.to_string().len()).unwrap_or_default();
    let unit = 10_u64.pow(digits.saturating_sub(2));
    grouped(whole / unit * unit)
}

/// Says bytes in the largest unit that leaves a whole number.
pub(in crate::risk) fn readable_bytes(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    for (unit, shift) in units {
        // Below ten of a unit the next smaller one says more.
        if bytes >> shift >= 10 {
            return format!("{} {unit}", grouped(bytes >> shift));
        }
    }
    match bytes {
        0 => "0 bytes".to_owned(),
        _ if bytes >= 1024 => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    }
}

/// Cuts an estimate to a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate that is never negative here and far below 2^52"
)]
pub(super) fn whole(number: f64) -> u64 {
    number.max(0.0) as u64
}
