//! Which system catalogs hold rows that are not PostgreSQL's own: most databases have no conversion, no operator and no
//! foreign server, and a query that can find nothing costs its planning all the same.

use std::collections::BTreeSet;

use postgres::Row;

use crate::error::Result;

/// System catalogs that say nothing of the sort of their rows: OID and name. What `initdb` makes has an OID below 16384
/// (`FirstNormalObjectId`).
const PLAIN: &[(u32, &str)] = &[
    (2601, "pg_am"),
    (2605, "pg_cast"),
    (3456, "pg_collation"),
    (2607, "pg_conversion"),
    (2604, "pg_attrdef"),
    (826, "pg_default_acl"),
    (3466, "pg_event_trigger"),
    (3079, "pg_extension"),
    (2328, "pg_foreign_data_wrapper"),
    (1417, "pg_foreign_server"),
    (2612, "pg_language"),
    (2615, "pg_namespace"),
    (2616, "pg_opclass"),
    (2617, "pg_operator"),
    (2753, "pg_opfamily"),
    (3256, "pg_policy"),
    (6104, "pg_publication"),
    (2618, "pg_rewrite"),
    (3381, "pg_statistic_ext"),
    (6100, "pg_subscription"),
    (3576, "pg_transform"),
    (2620, "pg_trigger"),
    (3602, "pg_ts_config"),
    (3600, "pg_ts_dict"),
    (3601, "pg_ts_parser"),
    (3764, "pg_ts_template"),
];

/// System catalogs whose rows are of many sorts: OID, name, and the letter of a row's sort.
const SORTED: &[(u32, &str, &str)] = &[
    (1259, "pg_class", "relkind"),
    // Array types are nobody's objects; neither are row types, which pg_class holds.
    (
        1247,
        "pg_type",
        "CASE WHEN typcategory = 'A' AND typelem <> 0 THEN 'A' WHEN NOT typisdefined THEN '-' ELSE typtype END",
    ),
    (1255, "pg_proc", "prokind"),
    (
        2606,
        "pg_constraint",
        "CASE WHEN contypid <> 0 THEN 'd' ELSE contype END",
    ),
];

/// System catalogs without an OID of their own in each row.
const BARE: &[(u32, &str)] = &[(2611, "pg_inherits"), (3596, "pg_seclabel")];

/// `pg_description`, with the OID of the system catalog of what is commented in place of a letter, and behind it a dot for a
/// column.
const COMMENTS: &str = "SELECT DISTINCT 2609::oid, classoid::text || CASE WHEN objsubid > 0 THEN '.' ELSE '' END
                        FROM pg_catalog.pg_description WHERE objoid >= 16384 OR classoid = 2615";

/// The system catalogs, with the letters of sorts, that hold rows of users or of extensions.
#[derive(Debug, Clone)]
pub struct Present {
    /// `None` for everything there is.
    found: Option<BTreeSet<(u32, String)>>,
}

impl Present {
    /// Takes it that every system catalog holds something.
    pub fn everything() -> Self {
        Self { found: None }
    }

    /// Returns the query whose rows [`Present::read`] takes.
    pub fn query() -> String {
        let plain = PLAIN.iter().map(|(class, name)| {
            format!("SELECT {class}::oid, ''::text WHERE EXISTS (SELECT FROM pg_catalog.{name} WHERE oid >= 16384)")
        });
        let bare = BARE
            .iter()
            .map(|(class, name)| format!("SELECT {class}::oid, ''::text WHERE EXISTS (SELECT FROM pg_catalog.{name})"));
        let sorted = SORTED.iter().map(|(class, name, letter)| {
            format!("SELECT DISTINCT {class}::oid, ({letter})::text FROM pg_catalog.{name} WHERE oid >= 16384")
        });
        plain
            .chain(bare)
            .chain(sorted)
            .chain([COMMENTS.to_owned()])
            .collect::<Vec<_>>()
            .join("\nUNION ALL\n")
    }

    /// Reads the answer.
    pub fn read(rows: &[Row]) -> Result<Self> {
        let mut found = BTreeSet::new();
        for row in rows {
            found.insert((row.try_get(0)?, row.try_get(1)?));
        }
        Ok(Self { found: Some(found) })
    }

    /// Tells whether objects of a system catalog, or columns of them, may have comments.
    pub fn has_comments(&self, class: u32, of_columns: bool) -> bool {
        let words = format!("{class}{}", if of_columns { "." } else { "" });
        self.found.as_ref().is_none_or(|found| found.contains(&(2609, words)))
    }

    /// Tells whether a system catalog (0: whichever) may hold rows with one of the letters (none: of any sort).
    pub fn has(&self, class: u32, letters: &str) -> bool {
        let Some(found) = &self.found else { return true };
        let known = |class: u32| class == 0 || PLAIN.iter().chain(BARE).any(|plain| plain.0 == class);
        let of_sort = |letter: &str| letters.is_empty() || letters.contains(letter);
        match (class, known(class)) {
            (0, _) => true,
            (_, true) => found.contains(&(class, String::new())),
            _ => {
                let sorted = SORTED.iter().any(|sorted| sorted.0 == class);
                !sorted || found.iter().any(|(of, letter)| *of == class && of_sort(letter))
            }
        }
    }
}
