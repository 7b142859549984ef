//! Event trigger: fires on DDL in the whole database.

use serde::{Deserialize, Serialize};

use super::firing::Firing;
use super::{Alter, Context, Kind, Object, Row, Statement, sql};
use crate::catalog::{
    Addresses, Identity,
    quote::{ident, literal},
};
use crate::db::Server;
use crate::error::Result;

/// An event trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTrigger {
    /// Name.
    pub name: String,
    /// Event (`ddl_command_end`).
    pub event: String,
    /// Command tags that it is restricted to; none means all, and their order nothing.
    pub tags: Vec<String>,
    /// Function, qualified and quoted.
    pub function: String,
    /// When it fires.
    pub firing: Firing,
}

impl EventTrigger {
    fn state(&self) -> Statement {
        let action = self.firing.action("");
        Statement::new(format!(
            "ALTER EVENT TRIGGER {} {}",
            ident(&self.name),
            action.trim_end()
        ))
    }
}

impl Object for EventTrigger {
    const CLASS: u32 = 3466;

    fn query(_server: &Server) -> String {
        format!(
            "SELECT e.oid, 0 AS sub, e.evtname AS name, e.evtevent AS event, e.evttags AS tags,
                    e.evtfoid::pg_catalog.regproc::text AS function, e.evtenabled::text AS firing
             FROM pg_catalog.pg_event_trigger e WHERE {}",
            sql::no_extension_member(Self::CLASS, "e.oid"),
        )
    }

    fn read(row: &Row, _addresses: &Addresses) -> Result<Option<Self>> {
        Ok(Some(Self {
            name: row.try_get("name")?,
            event: row.try_get("event")?,
            tags: row.try_get::<_, Option<_>>("tags")?.unwrap_or_default(),
            function: row.try_get("function")?,
            firing: Firing::of(row.try_get("firing")?),
        }))
    }

    fn identity(&self) -> Identity {
        Identity::new(Kind::EventTrigger, [&self.name])
    }

    fn significant(mut self) -> Self {
        self.tags.sort();
        self
    }

    fn after(&self, context: &Context) -> Vec<Identity> {
        // It may refuse what the plan has yet to do.
        if self.firing == Firing::Disabled {
            return Vec::new();
        }
        others(context)
    }

    fn drops_before(&self, context: &Context) -> Vec<Identity> {
        others(context)
    }

    fn create(&self, _context: &Context) -> Vec<Statement> {
        let tags: Vec<String> = self.tags.iter().map(|tag| literal(tag)).collect();
        let when = if tags.is_empty() {
            String::new()
        } else {
            format!(" WHEN TAG IN ({})", tags.join(", "))
        };
        let mut out = vec![Statement::new(format!(
            "CREATE EVENT TRIGGER {} ON {}{when} EXECUTE FUNCTION {}()",
            ident(&self.name),
            ident(&self.event),
            self.function
        ))];
        if self.firing != Firing::Origin {
            out.push(self.state());
        }
        out
    }

    fn drop(&self, _context: &Context) -> Vec<Statement> {
        vec![Statement::new(format!("DROP EVENT TRIGGER {}", ident(&self.name)))]
    }

    fn alter(&self, desired: &Self, _context: &Context) -> Alter {
        let Self {
            name: _,
            event,
            tags,
            function,
            firing,
        } = self;
        let sorted = |tags: &[String]| {
            let mut tags = tags.to_vec();
            tags.sort();
            tags
        };
        if *event != desired.event || sorted(tags) != sorted(&desired.tags) || *function != desired.function {
            return Alter::Replace;
        }
        if *firing == desired.firing {
            return Alter::Unchanged;
        }
        Alter::in_place(vec![desired.state()])
    }

    fn rename(&self, desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        let (from, to) = (ident(&self.name), ident(&desired.name));
        Some(vec![Statement::new(format!(
            "ALTER EVENT TRIGGER {from} RENAME TO {to}"
        ))])
    }
}

/// Returns everything but event triggers and what is attached to them: statements about those fire none.
fn others(context: &Context) -> Vec<Identity> {
    let is_event_trigger = |identity: &Identity| identity.kind == Kind::EventTrigger;
    let all = context.from.objects.iter().chain(&context.to.objects);
    let mut out: Vec<Identity> = all
        .filter(|(identity, object)| {
            !is_event_trigger(identity) && !object.parent().as_ref().is_some_and(is_event_trigger)
        })
        .map(|(identity, _)| identity.clone())
        .collect();
    out.sort();
    out.dedup();
    out
}
