//! Both directions in one file, as comments mark them: `-- migrate:up` and `-- migrate:down`, `-- +goose Up` and
//! `-- +goose Down`, or `--rollback …` below a changeset of Liquibase.

/// One file as two scripts of the same length: what is not of a direction is blank there, so that places stay right.
pub(super) struct Sections {
    /// Way forward.
    pub(super) forward: String,
    /// Way back, where the file has one.
    pub(super) back: Option<String>,
}

/// Markers of both directions, without the comment's dashes, in lower case.
const MARKERS: [(&str, &str); 3] = [
    ("migrate:up", "migrate:down"),
    ("+goose up", "+goose down"),
    ("+migrate up", "+migrate down"),
];

/// Splits a file; `None` where nothing marks directions.
pub(super) fn split(text: &str) -> Option<Sections> {
    marked(text).or_else(|| changesets(text))
}

fn comment(line: &str) -> Option<String> {
    let comment = line.trim().strip_prefix("--")?;
    Some(comment.trim().to_ascii_lowercase())
}

fn marked(text: &str) -> Option<Sections> {
    let is_marker = |line: &str, marker: &str| {
        comment(line).is_some_and(|comment| {
            let rest = comment.strip_prefix(marker);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
        })
    };
    let (up, down) = MARKERS
        .iter()
        .find(|(up, _)| text.lines().any(|line| is_marker(line, up)))?;
    let (mut forward, mut back) = (String::new(), String::new());
    let (mut is_back, mut has_back) = (false, false);
    for line in text.split_inclusive('\n') {
        if is_marker(line, down) {
            (is_back, has_back) = (true, true);
        } else if is_marker(line, up) {
            is_back = false;
        }
        let (own, other) = if is_back {
            (&mut back, &mut forward)
        } else {
            (&mut forward, &mut back)
        };
        own.push_str(line);
        other.push_str(&blank(line));
    }
    Some(Sections {
        forward,
        back: has_back.then_some(back),
    })
}

/// Reads what Liquibase calls formatted SQL: `--rollback` lines are the way back, last changeset first.
fn changesets(text: &str) -> Option<Sections> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    comment(first).filter(|comment| comment.starts_with("liquibase formatted sql"))?;
    let mut blocks: Vec<String> = vec![String::new()];
    for line in text.lines() {
        if comment(line).is_some_and(|comment| comment.starts_with("changeset ")) {
            blocks.push(String::new());
        }
        let undo = line.trim().strip_prefix("--").map(str::trim_start);
        let undo = undo.and_then(|rest| rest.strip_prefix("rollback "));
        if let (Some(undo), Some(block)) = (undo, blocks.last_mut()) {
            block.push_str(undo);
            block.push('\n');
        }
    }
    let back: String = blocks.into_iter().rev().collect();
    Some(Sections {
        forward: text.to_owned(),
        back: (!back.is_empty()).then_some(back),
    })
}

fn blank(line: &str) -> String {
    let bytes = line
        .bytes()
        .map(|byte| if matches!(byte, b'\n' | b'\r') { byte } else { b' ' });
    bytes.map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_keep_their_places() {
        let text = "-- migrate:up\nCREATE TABLE ä ();\n\n-- migrate:down\nDROP TABLE ä;\n";
        let sections = split(text).unwrap();
        let back = sections.back.unwrap();
        assert_eq!((sections.forward.len(), back.len()), (text.len(), text.len()));
        assert_eq!(sections.forward.trim_end(), "-- migrate:up\nCREATE TABLE ä ();");
        assert_eq!(back.find("DROP"), text.find("DROP"));
        assert!(!back.contains("CREATE"));
    }

    #[test]
    fn other_runners_mark_too() {
        let goose = split("-- +goose Up\nSELECT 1;\n-- +goose Down\nSELECT 2;\n").unwrap();
        assert_eq!(goose.back.unwrap().trim(), "-- +goose Down\nSELECT 2;");
        assert!(
            split("-- migrate:up transaction:false\nSELECT 1;\n")
                .unwrap()
                .back
                .is_none()
        );
        assert!(split("SELECT 1; -- migrate:upwards\n").is_none());
        let text = "--liquibase formatted sql\n--changeset ann:1\nCREATE TABLE a ();\n--rollback DROP TABLE a;\n\
                    --changeset ann:2\nCREATE TABLE b ();\n--rollback DROP TABLE b;\n";
        assert_eq!(split(text).unwrap().back.unwrap(), "DROP TABLE b;\nDROP TABLE a;\n");
    }
}
