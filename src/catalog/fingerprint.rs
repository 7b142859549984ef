//! Fingerprint: a hash of a catalog, or of a part of it, that is stable across runs and machines.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// SHA-256 of a canonical JSON rendering, as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// Hashes anything serialisable; field order is the type's, so equal values give equal hashes.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        let mut hasher = Sha256::new();
        if serde_json::to_writer(&mut hasher, value).is_err() {
            // Only maps with keys that are no strings fail to serialise; no hashed type has one.
            hasher.update(b"unserialisable");
        }
        Self(format!("{:x}", hasher.finalize()))
    }

    /// Returns the first twelve digits, enough for people.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
