//! What a database holds that no kind models: it is named in every plan, never passed over.

use crate::catalog::quote::literal;
use crate::kinds::{Kind, Present, sources};

/// `pg_seclabel`; labels of shared objects are none of the database's.
const SECURITY_LABELS: u32 = 3596;

/// Returns the query for kind in words and name of everything that no kind models; what belongs to the system or to an
/// extension is left out.
pub(super) fn query(present: &Present) -> String {
    let modelled: Vec<String> = Kind::ALL.iter().map(|kind| literal(kind.words())).collect();
    let modelled = modelled.join(", ");
    // Parts of relations and of types stand and fall with them.
    let mut parts: Vec<String> = sources()
        .iter()
        .filter(|source| source.sub == "0" && !source.is_part && source.is_present(present))
        .map(|source| {
            format!(
                "SELECT {words} AS words, pg_catalog.array_to_string({path}, '.') AS name FROM {from}
                 WHERE {condition} AND {user} AND {words} NOT IN ({modelled})",
                words = source.words,
                path = source.path_array(),
                from = source.from,
                condition = source.condition,
                user = source.user_condition(),
            )
        })
        .collect();
    if present.has(SECURITY_LABELS, "") {
        parts.push(
            "SELECT 'security label', l.provider || ' on ' || l.objtype || ' ' || l.objname
         FROM pg_catalog.pg_seclabels l WHERE l.objtype NOT IN ('database', 'role', 'tablespace', 'large object')"
                .to_owned(),
        );
    }
    parts.join("\nUNION ALL\n")
}
