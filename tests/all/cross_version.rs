//! A desired state that is elaborated on another major than the live one gives no false difference, whatever the pair.

use std::path::Path;

use crate::support::{Database, Folder, servers, trueup_with};

/// Target files that load on every supported major.
const FILES: [&str; 2] = [include_str!("yaml_everything.sql"), include_str!("cross_version.sql")];

#[test]
fn another_major_gives_no_false_difference() {
    let sql = FILES.concat();
    let folder = Folder::new(&[("schema.sql", &sql)]);
    let mut found = Vec::new();
    for (live_major, live) in servers() {
        let database = Database::with(&live, &sql);
        for (scratch_major, scratch) in servers().into_iter().filter(|(major, _)| *major != live_major) {
            let output = trueup_with(
                Path::new(env!("CARGO_TARGET_TMPDIR")),
                &[],
                [
                    "plan",
                    "--database",
                    &database.url(),
                    "--schema",
                    folder.path().to_str().unwrap(),
                    "--scratch",
                    &scratch,
                    "--no-prove",
                    "--exit-code",
                    "--format",
                    "sql",
                ],
            );
            if output.code != 0 {
                let said = format!("{}{}", output.out, output.err);
                found.push(format!("live {live_major}, scratch {scratch_major}:\n{said}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}
