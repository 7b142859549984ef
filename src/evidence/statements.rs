//! Statements that the server has seen, as extension `pg_stat_statements` keeps them. They are read to be understood, never
//! to be shown.

use postgres::types::Type;
use postgres::{Error, Transaction};

use super::mention::Mentions;
use super::subject::{Sort, Subject};
use super::{Evidence, Found, Source};
use crate::catalog::quote::qualified;
use crate::words::grouped;

/// Most statements that are read, those with the most calls first.
const MOST: i64 = 2000;
/// Most identifiers that are shown.
const SHOWN: usize = 5;

/// Returns how many statements name each subject.
pub(super) fn known(transaction: &mut Transaction, subjects: &[Subject]) -> Result<Found, Error> {
    let words: Vec<String> = subjects
        .iter()
        .filter(|subject| subject.sort != Sort::Index)
        .map(Subject::word)
        .collect();
    let home = transaction.query_typed_opt(
        "SELECT n.nspname::text FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
         WHERE e.extname = 'pg_stat_statements'",
        &[],
    )?;
    let Some(home) = home.filter(|_| !words.is_empty()) else {
        return Ok(Found::new());
    };
    // What trueup itself has asked of the rows tells nothing.
    let sql = format!(
        "SELECT s.queryid, sum(s.calls)::int8, min(s.query) FROM {} s
         WHERE s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
           AND s.query !~ '/\\* trueup \\*/'
           AND EXISTS (SELECT FROM unnest($1::text[]) w WHERE pg_catalog.strpos(pg_catalog.lower(s.query), w) > 0)
         GROUP BY s.queryid ORDER BY 2 DESC, 1 LIMIT {MOST}",
        qualified([home.try_get::<_, &str>(0)?, "pg_stat_statements"])
    );
    let rows = transaction.query_typed(&sql, &[(&words, Type::TEXT_ARRAY)])?;
    let mut seen: Vec<(i64, i64, Mentions)> = Vec::new();
    for row in &rows {
        let query: Option<&str> = row.try_get(2)?;
        if let (Some(id), Some(mentions)) = (row.try_get::<_, Option<i64>>(0)?, query.and_then(Mentions::of_data)) {
            seen.push((id, row.try_get(1)?, mentions));
        }
    }
    let all = subjects
        .iter()
        .enumerate()
        .filter(|(_, subject)| subject.sort != Sort::Index);
    let own = all.filter_map(|(place, subject)| {
        let naming: Vec<&(i64, i64, Mentions)> = seen
            .iter()
            .filter(|(.., mentions)| mentions.name(subject, false))
            .collect();
        Some((place, evidence(&naming)?))
    });
    Ok(own.collect())
}

fn evidence(naming: &[&(i64, i64, Mentions)]) -> Option<Evidence> {
    let calls: i64 = naming.iter().map(|(_, calls, _)| calls).sum();
    let ids: Vec<String> = naming.iter().take(SHOWN).map(|(id, ..)| id.to_string()).collect();
    let more = if naming.len() > SHOWN { ", …" } else { "" };
    let (statements, mention) = match naming.len() {
        0 => return None,
        1 => ("1 statement".to_owned(), "mentions"),
        number => (format!("{number} statements"), "mention"),
    };
    let times = if calls == 1 {
        "once".to_owned()
    } else {
        format!("{} times", grouped(calls))
    };
    Some(Evidence {
        source: Source::Statements,
        text: format!(
            "{statements} in `pg_stat_statements` {mention} it, called {times} (queryid {}{more})",
            ids.join(", ")
        ),
    })
}
