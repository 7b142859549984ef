//! How long statements took, against what was expected of them.

use postgres::Client;
use postgres::types::Type;

use crate::error::Result;
use crate::risk::{Pace, Paces};

/// How many of the newest statements of a sort count: hardware changes.
const NEWEST: i64 = 50;

/// Reads what earlier statements say about later ones. Only where [`Server::keeps_paces`](crate::db::Server) says so.
pub(crate) fn paces(client: &mut Client) -> Result<Paces> {
    let rows = client.query_typed(
        "SELECT r.work, pg_catalog.percentile_cont(0.5) WITHIN GROUP (ORDER BY r.ratio), count(*)
         FROM (
             SELECT s.work,
                    (pg_catalog.date_part('epoch', s.finished_at - s.started_at) / s.expected_seconds)::float8 AS ratio,
                    pg_catalog.row_number() OVER (PARTITION BY s.work ORDER BY s.execution DESC, s.ordinal DESC) AS newest
             FROM trueup.statement s
             WHERE s.work IS NOT NULL AND s.status = 'done' AND s.expected_seconds > 0 AND s.finished_at > s.started_at
         ) r
         WHERE r.newest <= $1 GROUP BY r.work",
        &[(&NEWEST, Type::INT8)],
    )?;
    let mut paces = Paces::default();
    for row in rows {
        let word: String = row.try_get(0)?;
        if let Some(work) = Pace::ALL.into_iter().find(|work| work.words() == word) {
            paces.learn(work, row.try_get(1)?, row.try_get(2)?);
        }
    }
    Ok(paces)
}
