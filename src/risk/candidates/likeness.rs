//! How much two names are alike.

use std::collections::BTreeSet;

use similar::TextDiff;

/// Points for names, at most.
pub(super) const MOST: u32 = 25;

/// Percent of likeness below which names tell nothing.
const NOTHING: u32 = 40;

/// Returns how much two names are alike, in percent: by their letters, or by the words that they are made of.
pub(super) fn percent(former: &str, new: &str) -> u32 {
    let (former, new) = (former.to_lowercase(), new.to_lowercase());
    let letters = share(f64::from(TextDiff::from_chars(&former, &new).ratio()));
    letters.max(words(&former, &new))
}

/// Returns the share of words that both names have, where they have some.
fn words(former: &str, new: &str) -> u32 {
    let split = |name: &str| -> BTreeSet<String> {
        name.split('_')
            .filter(|word| word.len() > 1)
            .map(str::to_owned)
            .collect()
    };
    let (former, new) = (split(former), split(new));
    let both = former.intersection(&new).count();
    let all = former.union(&new).count().max(1);
    // Whole words in common say more than as many letters.
    let contains = both > 0 && (former.is_subset(&new) || new.is_subset(&former));
    let percent = u32::try_from(both * 100 / all).unwrap_or_default();
    if contains { percent.max(70) } else { percent }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a ratio between 0 and 1 becomes a number between 0 and 100"
)]
fn share(ratio: f64) -> u32 {
    (ratio.clamp(0.0, 1.0) * 100.0) as u32
}

/// Returns the points for two names, and what there is to say.
pub(super) fn points(former: &str, new: &str, most: u32) -> (u32, Option<String>) {
    match percent(former, new) {
        100 => (most, Some("same name".to_owned())),
        alike if alike >= NOTHING => (alike * most / 100, Some("similar name".to_owned())),
        _ => (0, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_alike_or_not() {
        for (former, new, least, most) in [
            ("email", "mail", 80, 95),
            ("created", "created_at", 70, 90),
            ("name", "display_name", 70, 90),
            ("qty", "quantity", 50, 60),
            ("Note", "note", 100, 100),
            ("zip", "country", 0, 39),
            ("a", "b", 0, 0),
            ("", "", 100, 100),
        ] {
            let found = percent(former, new);
            assert!((least..=most).contains(&found), "{former} → {new}: {found}");
        }
    }
}
