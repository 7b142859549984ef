//! Operators and functions of an operator class, or loose in an operator family.

use super::Row;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Result;

/// An operator or function of an operator class or family.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorMember {
    /// `OPERATOR` or `FUNCTION`.
    pub word: String,
    /// Strategy or support number.
    pub number: i16,
    /// Left input type, as formatted.
    pub left: String,
    /// Right input type, as formatted.
    pub right: String,
    /// Operator or function with its types, and the family that an operator orders by.
    pub name: String,
}

impl OperatorMember {
    /// Returns the member as `DROP` names it.
    pub(super) fn key(&self) -> String {
        format!("{} {} ({}, {})", self.word, self.number, self.left, self.right)
    }
}

impl fmt::Display for OperatorMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.word == "FUNCTION" {
            write!(f, "{} {}", self.key(), self.name)
        } else {
            write!(f, "{} {} {}", self.word, self.number, self.name)
        }
    }
}

/// Returns a subquery of the members that `pg_depend` ties to rows of a system catalog, one row per holder.
pub(super) fn members(class: u32) -> String {
    format!(
        "(SELECT m.holder, array_agg(m.word ORDER BY m.word, m.number, m.l, m.r) AS words,
                 array_agg(m.number ORDER BY m.word, m.number, m.l, m.r) AS numbers,
                 array_agg(m.l ORDER BY m.word, m.number, m.l, m.r) AS lefts,
                 array_agg(m.r ORDER BY m.word, m.number, m.l, m.r) AS rights,
                 array_agg(m.name ORDER BY m.word, m.number, m.l, m.r) AS names
          FROM (SELECT x.refobjid AS holder, 'OPERATOR' AS word, a.amopstrategy AS number,
                       pg_catalog.format_type(a.amoplefttype, NULL) AS l, pg_catalog.format_type(a.amoprighttype, NULL) AS r,
                       a.amopopr::pg_catalog.regoperator::text || coalesce(' FOR ORDER BY '
                           || pg_catalog.quote_ident(k.nspname) || '.' || pg_catalog.quote_ident(f.opfname), '') AS name
                FROM pg_catalog.pg_depend x
                JOIN pg_catalog.pg_amop a ON a.oid = x.objid
                LEFT JOIN pg_catalog.pg_opfamily f ON f.oid = a.amopsortfamily
                LEFT JOIN pg_catalog.pg_namespace k ON k.oid = f.opfnamespace
                WHERE x.classid = 2602 AND x.refclassid = {class} AND x.objid >= 16384
                UNION ALL
                SELECT x.refobjid, 'FUNCTION', p.amprocnum, pg_catalog.format_type(p.amproclefttype, NULL),
                       pg_catalog.format_type(p.amprocrighttype, NULL), p.amproc::pg_catalog.regprocedure::text
                FROM pg_catalog.pg_depend x
                JOIN pg_catalog.pg_amproc p ON p.oid = x.objid
                WHERE x.classid = 2603 AND x.refclassid = {class} AND x.objid >= 16384) m
          GROUP BY m.holder)"
    )
}

/// Reads the columns of [`members`].
pub(super) fn read(row: &Row) -> Result<Vec<OperatorMember>> {
    let words: Option<Vec<String>> = row.try_get("words")?;
    let numbers: Option<Vec<i16>> = row.try_get("numbers")?;
    let lefts: Option<Vec<String>> = row.try_get("lefts")?;
    let rights: Option<Vec<String>> = row.try_get("rights")?;
    let names: Option<Vec<String>> = row.try_get("names")?;
    let (Some(words), Some(numbers), Some(lefts), Some(rights), Some(names)) = (words, numbers, lefts, rights, names)
    else {
        return Ok(Vec::new());
    };
    let pairs = words
        .into_iter()
        .zip(numbers)
        .zip(lefts.into_iter().zip(rights))
        .zip(names);
    let mut out: Vec<OperatorMember> = pairs
        .map(|(((word, number), (left, right)), name)| OperatorMember {
            word,
            number,
            left,
            right,
            name,
        })
        .collect();
    out.sort();
    Ok(out)
}
