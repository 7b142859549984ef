//! Questions about rows that come under the bound of a partition: those of the table that is attached, and those of the default
//! partition beside it.

use super::rows::row_wise;
use super::trial::{Asking, Trial};
use crate::catalog::Identity;
use crate::desired::expression::columns;
use crate::kinds::{Kind, Partition};
use crate::risk::Finding;

impl Asking<'_> {
    /// Asks for rows that PostgreSQL will not attach.
    pub(super) fn bounds(&self, finding: &Finding, partition: &Partition) -> Vec<Trial> {
        let Some(condition) = partition.stated() else {
            return Vec::new();
        };
        let read = columns(condition);
        let stands = |(schema, table): (&str, &str)| {
            let names = read
                .iter()
                .map(|name| Identity::new(Kind::Column, [schema, table, name]));
            self.stands(&names.collect::<Vec<_>>())
        };
        let asked = |(schema, table): (&str, &str), condition: String, wrong: &str| {
            stands((schema, table)).then(|| self.counting(finding, row_wise(schema, table, condition, wrong)))
        };
        let own = (partition.schema.as_str(), partition.table.as_str());
        let own = asked(own, format!("({condition}) IS FALSE"), "is out of its bound");
        let default = partition
            .default_sibling(self.to)
            .filter(|_| partition.bound != "DEFAULT");
        let default = default.and_then(|default| {
            let table = (default.schema.as_str(), default.table.as_str());
            let wrong = format!("belongs to `{}`", finding.object.path_text());
            asked(table, format!("({condition})"), &wrong)
        });
        own.into_iter().chain(default).collect()
    }
}
