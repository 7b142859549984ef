//! Checksums of migration files: of the bytes, and of the tokens, for which comments and white space do not count.

use sha2::{Digest, Sha256};

/// Both checksums of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    /// Of the SQL: comments, white space and the case of words outside of quotes do not count.
    pub normal: String,
    /// Of the bytes.
    pub raw: String,
}

impl Checksum {
    /// Computes both; text that the scanner cannot read counts byte by byte.
    pub fn of(text: &str) -> Self {
        let raw = hex(&Sha256::digest(text.as_bytes()));
        Self {
            normal: normal(text).unwrap_or_else(|| raw.clone()),
            raw,
        }
    }
}

fn normal(text: &str) -> Option<String> {
    let mut digest = Sha256::new();
    let scanned = pg_query::scan(text).ok()?;
    let mut pending: Option<&str> = None;
    for token in scanned.tokens {
        let piece = text.get(usize::try_from(token.start).ok()?..usize::try_from(token.end).ok()?)?;
        if piece.starts_with("--") || piece.starts_with("/*") {
            continue;
        }
        // The last semicolon, and a repeated one, change nothing.
        if piece == ";" {
            pending = pending.or(Some(piece));
            continue;
        }
        if pending.take().is_some() {
            digest.update(b";\0");
        }
        let is_word = piece.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_word {
            digest.update(piece.to_ascii_lowercase().as_bytes());
        } else {
            digest.update(piece.as_bytes());
        }
        digest.update(b"\0");
    }
    Some(hex(&digest.finalize()))
}

/// Returns bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sql_counts() {
        let one = Checksum::of("-- Author: a\nCREATE TABLE t (a int);\n");
        let two = Checksum::of("create  table t ( a int ) /* /* x */ */");
        assert_eq!(one.normal, two.normal);
        assert_ne!(one.raw, two.raw);
        for other in [
            "CREATE TABLE t (b int)",
            "CREATE TABLE \"T\" (a int)",
            "CREATE TABLE t (a int); SELECT 1",
            "SELECT 'create table t (a int)'",
        ] {
            assert_ne!(one.normal, Checksum::of(other).normal, "{other}");
        }
        assert_ne!(
            Checksum::of("SELECT 'a b'").normal,
            Checksum::of("SELECT 'a  b'").normal
        );
        assert_ne!(Checksum::of("SELECT ab").normal, Checksum::of("SELECT a b").normal);
    }

    #[test]
    fn what_cannot_be_scanned_counts_byte_by_byte() {
        let broken = Checksum::of("SELECT 'a");
        assert_eq!(broken.normal, broken.raw);
    }
}
