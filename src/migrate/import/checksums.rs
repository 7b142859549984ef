//! Checksums as other runners compute them, so that a file that was changed since is noticed.

use std::fs;

use sha2::{Digest, Sha256, Sha384};

use super::{Line, Tool};
use crate::error::{Error, Result};
use crate::migrate::checksum::hex;
use crate::migrate::directory::Migration;

/// Refuses files that differ from what was run, where the runner's checksum can be computed.
pub(super) fn check(tool: Tool, matched: &[(Line, Option<&Migration>)]) -> Result<()> {
    let mut changed = Vec::new();
    for (line, migration) in matched {
        if let Some(migration) = migration
            && differs(tool, line, migration)?
        {
            changed.push(migration.forward.path.clone());
        }
    }
    if changed.is_empty() {
        return Ok(());
    }
    let error = Error::usage(format!(
        "{} of the files are not what {tool} has applied",
        changed.len()
    ))
    .hint("Restore them; where the database is right as it is, --accept-changed takes the files as they are.");
    Err(changed.into_iter().fold(error, Error::detail))
}

/// Tells whether a file differs from what was run, as far as that can be known.
pub(super) fn differs(tool: Tool, line: &Line, migration: &Migration) -> Result<bool> {
    let Some(theirs) = &line.checksum else { return Ok(false) };
    let path = &migration.forward.path;
    let bytes = fs::read(path).map_err(|error| Error::io(format!("read {path}"), &error))?;
    let own = match tool {
        Tool::Flyway => crc32_of_lines(&bytes).to_string(),
        Tool::Prisma | Tool::Drizzle => hex(&Sha256::digest(&bytes)),
        Tool::Sqlx => hex(&Sha384::digest(&bytes)),
        _ => return Ok(false),
    };
    Ok(own != *theirs)
}

/// Returns CRC-32 (ISO 3309) over the lines without their ends and without a byte order mark, as Flyway computes it.
fn crc32_of_lines(bytes: &[u8]) -> i32 {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut crc = u32::MAX;
    for byte in bytes.iter().filter(|byte| !matches!(byte, b'\n' | b'\r')) {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ 0xEDB8_8320
            } else {
                crc >> 1
            };
        }
    }
    (!crc).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_is_the_usual_one() {
        // The check value of CRC-32 is 0xCBF43926.
        assert_eq!(crc32_of_lines(b"1234\r\n56789\n"), 0xCBF4_3926_u32.cast_signed());
        assert_eq!(crc32_of_lines(b"\xef\xbb\xbf123456789"), 0xCBF4_3926_u32.cast_signed());
    }
}
