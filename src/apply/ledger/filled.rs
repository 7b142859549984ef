//! How far a backfill came, in the ledger: one row per batch, written in the batch's own transaction.

use postgres::Client;
use postgres::types::{Json, Type};

use super::write::Ledger;
use crate::backfill::Place;
use crate::error::Result;

/// The last batch of a backfill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::apply) struct Filled {
    /// Batches so far.
    pub(in crate::apply) batches: i32,
    /// Passes before the present one.
    pub(in crate::apply) pass: i32,
    /// Where the last batch of the present pass ended.
    pub(in crate::apply) upto: Option<Place>,
    /// Rows so far.
    pub(in crate::apply) rows: i64,
}

impl Ledger {
    /// Returns how far the backfill of a statement came.
    pub(in crate::apply) fn filled(self, client: &mut Client, ordinal: i32) -> Result<Filled> {
        let row = client.query_typed_opt(
            "SELECT b.batch + 1, b.pass, b.upto,
                    (SELECT coalesce(sum(s.filled), 0)::bigint FROM trueup.backfill s WHERE s.execution = $1 AND s.ordinal = $2)
             FROM trueup.backfill b WHERE b.execution = $1 AND b.ordinal = $2 ORDER BY b.batch DESC LIMIT 1",
            &[(&self.execution, Type::INT8), (&ordinal, Type::INT4)],
        )?;
        let Some(row) = row else { return Ok(Filled::default()) };
        let Json(upto) = row.try_get(2)?;
        Ok(Filled {
            batches: row.try_get(0)?,
            pass: row.try_get(1)?,
            upto: Some(upto),
            rows: row.try_get(3)?,
        })
    }

    /// Says that a batch is done; in its transaction. `before` is what came before it.
    pub(in crate::apply) fn batch_done(
        self,
        client: &mut Client,
        ordinal: i32,
        before: &Filled,
        (upto, rows): (&Place, i64),
    ) -> std::result::Result<(), postgres::Error> {
        client
            .execute_typed(
                "INSERT INTO trueup.backfill (execution, ordinal, batch, pass, upto, filled) VALUES ($1, $2, $3, $4, $5, $6)",
                &[
                    (&self.execution, Type::INT8),
                    (&ordinal, Type::INT4),
                    (&before.batches, Type::INT4),
                    (&before.pass, Type::INT4),
                    (&Json(upto), Type::JSONB),
                    (&rows, Type::INT8),
                ],
            )
            .map(drop)
    }
}
