//! Trigger of a table or view. The copies that partitions carry belong to their parent's trigger; only a copy that
//! fires otherwise than its parent is an object, and that state is all there is to it.

use serde::{Deserialize, Serialize};

use super::firing::Firing;
use super::settled::{same, settle};
use super::{Alter, AnyObject, Context, Fold, Kind, Lock, Object, Partition, Row, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, qualified},
};
use crate::db::Server;
use crate::error::Result;

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trigger {
    /// Schema of the relation.
    pub schema: String,
    /// Relation.
    pub table: String,
    /// Name.
    pub name: String,
    /// Table or view that it stands on.
    pub on: Identity,
    /// Whether it is a constraint trigger.
    pub constraint: bool,
    /// Definition as PostgreSQL deparses it, without `CREATE`; empty for a partition's copy.
    pub definition: String,
    /// When it fires.
    pub firing: Firing,
    /// Trigger of the partitioned table that this is a copy of.
    pub clone_of: Option<Identity>,
    /// Extensions that take it along when they are dropped.
    pub extensions: Vec<String>,
}

impl Trigger {
    fn relation(&self) -> String {
        qualified([&self.schema, &self.table])
    }

    fn declaration(&self, create: &str) -> Statement {
        Statement::new(format!("{create} {}", self.definition)).locks(self.on.clone(), Lock::ShareRowExclusive)
    }

    /// Returns the statement that makes it fire as said; reaches the copies of partitions too.
    fn state(&self, firing: Firing) -> Statement {
        let action = firing.action("TRIGGER");
        Statement::new(format!(
            "ALTER TABLE {} {action} {}",
            self.relation(),
            ident(&self.name)
        ))
        .locks(self.on.clone(), Lock::ShareRowExclusive)
    }

    fn alter_head(&self) -> String {
        format!("ALTER TRIGGER {} ON {}", ident(&self.name), self.relation())
    }

    /// Returns what sets again the state of the copies that differ from this and stay.
    fn copies(&self, context: &Context) -> Vec<Statement> {
        let identity = Some(self.identity());
        let copies = context.to.objects.values().filter_map(|object| match object {
            AnyObject::Trigger(copy) if copy.clone_of == identity && context.stays(&copy.identity()) => Some(copy),
            _ => None,
        });
        copies.map(|copy| copy.state(copy.firing)).collect()
    }

    /// Returns the state of the trigger that this is a copy of, unless that goes too.
    fn inherited_state(&self, context: &Context) -> Option<Firing> {
        match context.after(self.clone_of.as_ref()?)? {
            AnyObject::Trigger(original) => Some(original.firing),
            _ => None,
        }
    }
}

impl Object for Trigger {
    const CLASS: u32 = 2620;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT t.oid, 0 AS sub, n.nspname AS schema, c.relname AS table, c.relkind::text AS relkind, t.tgname AS name,
                    t.tgconstraint <> 0 AS is_constraint,
                    CASE WHEN t.tgparentid = 0 THEN pg_catalog.pg_get_triggerdef(t.oid) END AS definition,
                    t.tgenabled::text AS firing, un.nspname::text AS parent_schema, uc.relname::text AS parent_table,
                    u.tgname::text AS parent_name, x.extensions
             FROM pg_catalog.pg_trigger t
             JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_trigger u ON u.oid = t.tgparentid
             LEFT JOIN pg_catalog.pg_class uc ON uc.oid = u.tgrelid
             LEFT JOIN pg_catalog.pg_namespace un ON un.oid = uc.relnamespace
             LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint
             {} ON x.objid = t.oid
             WHERE c.relkind IN ('r', 'p', 'v', 'f') AND (k.oid IS NULL OR k.contype = 't')
               AND (t.tgparentid = 0 AND NOT t.tgisinternal OR t.tgenabled <> u.tgenabled) AND {} AND {}",
            sql::extensions_of(Self::CLASS),
            sql::USER_SCHEMA,
            sql::no_extension_member(1259, "c.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        let schema: String = row.try_get("schema")?;
        let table: String = row.try_get("table")?;
        let definition: Option<String> = row.try_get("definition")?;
        let definition = definition.unwrap_or_default();
        let parent: [Option<String>; 3] = [
            row.try_get("parent_schema")?,
            row.try_get("parent_table")?,
            row.try_get("parent_name")?,
        ];
        let path: Vec<String> = parent.into_iter().flatten().collect();
        Ok(Some(Self {
            on: sql::relation(row.try_get("relkind")?, &schema, &table),
            schema,
            table,
            name: row.try_get("name")?,
            constraint: row.try_get("is_constraint")?,
            definition: definition.strip_prefix("CREATE ").unwrap_or(&definition).to_owned(),
            firing: Firing::of(row.try_get("firing")?),
            clone_of: (!path.is_empty()).then(|| Identity::new(Kind::Trigger, path)),
            extensions: row.try_get::<_, Option<_>>("extensions")?.unwrap_or_default(),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::Trigger, [&self.schema, &self.table, &self.name])
    }

    fn significant(self) -> Self {
        Self {
            definition: settle(&self.definition),
            ..self
        }
    }

    fn parent(&self) -> Option<Identity> {
        Some(self.on.clone())
    }

    fn dependencies(&self) -> Vec<Identity> {
        self.clone_of.iter().cloned().collect()
    }

    fn after(&self, _context: &Context) -> Vec<Identity> {
        // A partition that leaves loses its copies, which may have had the name; one that comes gets them.
        vec![Partition::named(&self.schema, &self.table)]
    }

    fn drops_before(&self, context: &Context) -> Vec<Identity> {
        // A partition that comes gets copies, which may have the name.
        if self.clone_of.is_some() || !context.to.contains(&self.on) {
            return Vec::new();
        }
        vec![Partition::named(&self.schema, &self.table)]
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        if self.clone_of.is_some() {
            return vec![self.state(self.firing)];
        }
        let mut out = vec![self.declaration("CREATE")];
        if self.firing != Firing::Origin {
            out.push(self.state(self.firing));
        }
        out.extend(sql::extension_changes(&self.alter_head(), &[], &self.extensions));
        out
    }

    fn drop(&self, context: &Context) -> Vec<Statement> {
        let statement = if self.clone_of.is_some() {
            let Some(firing) = self.inherited_state(context) else {
                return Vec::new();
            };
            self.state(firing)
        } else {
            let drop = format!("DROP TRIGGER {} ON {}", ident(&self.name), self.relation());
            Statement::new(drop).locks(self.on.clone(), Lock::AccessExclusive)
        };
        vec![statement.fold(Fold::Implied { host: self.on.clone() })]
    }

    fn alter(&self, desired: &Self, context: &Context) -> Alter {
        let Self {
            schema: _,
            table: _,
            name: _,
            on,
            constraint,
            definition,
            firing,
            clone_of,
            extensions,
        } = self;
        let redefined = !same(definition, &desired.definition);
        // CREATE OR REPLACE knows no constraint triggers.
        let refused = redefined && (*constraint || desired.constraint);
        if *on != desired.on || *clone_of != desired.clone_of || refused {
            return Alter::Replace;
        }
        let mut out = Vec::new();
        if redefined {
            out.push(desired.declaration("CREATE OR REPLACE"));
        }
        // A replaced trigger, its copies included, fires as a new one does.
        let stands = if redefined { Firing::Origin } else { *firing };
        if stands != desired.firing {
            out.push(desired.state(desired.firing));
        }
        if !out.is_empty() && clone_of.is_none() {
            out.extend(desired.copies(context));
        }
        out.extend(sql::extension_changes(
            &self.alter_head(),
            extensions,
            &desired.extensions,
        ));
        Alter::in_place(out)
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        let (from, to) = (ident(&self.name), ident(&desired.name));
        Some(vec![
            Statement::new(format!("ALTER TRIGGER {from} ON {} RENAME TO {to}", desired.relation()))
                .locks(desired.on.clone(), Lock::AccessExclusive),
        ])
    }
}
