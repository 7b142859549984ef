//! Routine: what functions and procedures share, fields, query and SQL. [`super::Function`] and [`super::Procedure`]
//! are the kinds.

use serde::{Deserialize, Serialize};

use super::argument::{self, Argument, ArgumentMode};
use super::settled::settle;
use super::{Alter, Kind, Row, Statement, setting, sql};
use crate::catalog::Identity;
use crate::catalog::quote::{dollar, ident, literal, qualified};
use crate::error::Result;

/// A function or procedure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Routine {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Arguments, columns of a result table included.
    pub arguments: Vec<Argument>,
    /// Result type as formatted, without `SETOF`; `None` for a procedure.
    pub returns: Option<String>,
    /// Whether it returns a set.
    pub returns_set: bool,
    /// Whether it is a window function.
    pub window: bool,
    /// Language.
    pub language: String,
    /// Types whose transforms apply, as formatted.
    pub transforms: Vec<String>,
    /// Volatility: `v`olatile, `s`table, `i`mmutable.
    pub volatility: String,
    /// Whether a null argument makes a null result without a call.
    pub strict: bool,
    /// Whether it is promised to leak nothing about its arguments.
    pub leakproof: bool,
    /// Whether it runs with its owner's rights.
    pub security_definer: bool,
    /// Parallel safety: `u`nsafe, `r`estricted, `s`afe.
    pub parallel: String,
    /// Estimated cost when it is not the language's default.
    pub cost: Option<String>,
    /// Estimated rows when they are not the default of a set.
    pub rows: Option<String>,
    /// Planner support function, qualified.
    pub support: Option<String>,
    /// Settings as `name=value`, in their order.
    pub settings: Vec<String>,
    /// Library of a C function.
    pub library: Option<String>,
    /// Whether the body is parsed SQL (`BEGIN ATOMIC` or `RETURN`) and not a string.
    pub parsed_body: bool,
    /// Body; the symbol of a C or internal function.
    pub body: String,
    /// Extensions that take it along when they are dropped.
    pub extensions: Vec<String>,
}

impl Routine {
    /// Returns the query for the kinds of `pg_proc` that the condition lets through.
    pub(super) fn query(condition: &str) -> String {
        format!(
            "SELECT p.oid, 0 AS sub, n.nspname AS schema, p.proname AS name, a.argument_modes, a.argument_names,
                    a.argument_types, a.argument_defaults,
                    CASE WHEN p.prokind <> 'p' THEN pg_catalog.format_type(p.prorettype, NULL) END AS returns,
                    p.proretset AS returns_set, p.prokind = 'w' AS is_window, l.lanname AS language,
                    (SELECT array_agg(pg_catalog.format_type(u.type, NULL) ORDER BY u.i)
                     FROM unnest(p.protrftypes) WITH ORDINALITY u(type, i)) AS transforms,
                    p.provolatile::text AS volatility, p.proisstrict, p.proleakproof, p.prosecdef,
                    p.proparallel::text AS parallel,
                    CASE WHEN p.procost <> CASE WHEN l.lanname IN ('internal', 'c') THEN 1 ELSE 100 END
                         THEN p.procost::text END AS cost,
                    CASE WHEN p.proretset AND p.prorows <> 1000 THEN p.prorows::text END AS result_rows,
                    CASE WHEN p.prosupport::oid <> 0 THEN p.prosupport::text END AS support, p.proconfig AS settings,
                    p.probin AS library, p.prosqlbody IS NOT NULL AS parsed_body,
                    CASE WHEN p.prosqlbody IS NULL THEN p.prosrc ELSE pg_catalog.pg_get_function_sqlbody(p.oid) END AS body,
                    x.extensions
             FROM pg_catalog.pg_proc p
             JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
             JOIN pg_catalog.pg_language l ON l.oid = p.prolang
             {}
             {} ON x.objid = p.oid
             WHERE {condition} AND {} AND {NO_MEMBER}",
            argument::LATERAL,
            sql::extensions_of(1255),
            sql::USER_SCHEMA,
        )
    }

    /// Reads a row.
    pub(super) fn read(row: &Row) -> Result<Self> {
        let list =
            |column: &str| Ok::<_, crate::error::Error>(row.try_get::<_, Option<_>>(column)?.unwrap_or_default());
        Ok(Self {
            schema: row.try_get("schema")?,
            name: row.try_get("name")?,
            arguments: argument::read(row)?,
            returns: row.try_get("returns")?,
            returns_set: row.try_get("returns_set")?,
            window: row.try_get("is_window")?,
            language: row.try_get("language")?,
            transforms: list("transforms")?,
            volatility: row.try_get("volatility")?,
            strict: row.try_get("proisstrict")?,
            leakproof: row.try_get("proleakproof")?,
            security_definer: row.try_get("prosecdef")?,
            parallel: row.try_get("parallel")?,
            cost: row.try_get("cost")?,
            rows: row.try_get("result_rows")?,
            support: row.try_get("support")?,
            settings: list("settings")?,
            library: row.try_get("library")?,
            parsed_body: row.try_get("parsed_body")?,
            body: row.try_get("body")?,
            extensions: list("extensions")?,
        })
    }

    /// Returns the identity under a kind.
    pub(super) fn identity(&self, kind: Kind) -> Identity {
        let signature = format!("{}({})", self.name, argument::signature(&self.arguments));
        Identity::new(kind, [&self.schema, &signature])
    }

    pub(super) fn dependencies(&self) -> Vec<Identity> {
        vec![Identity::new(Kind::Schema, [&self.schema])]
    }

    pub(super) fn claims(&self) -> Vec<(&'static str, String)> {
        vec![claim(&self.schema, &self.name, &argument::signature(&self.arguments))]
    }

    fn word(&self) -> &'static str {
        if self.returns.is_some() {
            "FUNCTION"
        } else {
            "PROCEDURE"
        }
    }

    /// Returns the argument list that names the routine without doubt.
    fn reference(&self) -> String {
        match self.returns {
            Some(_) => argument::signature(&self.arguments),
            None => argument::procedure_reference(&self.arguments),
        }
    }

    fn sql_name(&self) -> String {
        format!("{}({})", qualified([&self.schema, &self.name]), self.reference())
    }

    pub(super) fn create(&self) -> Vec<Statement> {
        let mut out = vec![self.declaration("CREATE")];
        out.extend(sql::extension_changes(&self.alter_head(), &[], &self.extensions));
        out
    }

    pub(super) fn drop(&self) -> Vec<Statement> {
        vec![Statement::new(format!("DROP {} {}", self.word(), self.sql_name()))]
    }

    /// Returns the routine with its parsed parts in the settled form.
    pub(super) fn significant(self) -> Self {
        Self {
            arguments: self.arguments.into_iter().map(Argument::settled).collect(),
            body: if self.parsed_body {
                settle(&self.body)
            } else {
                self.body
            },
            ..self
        }
    }

    /// Redefines in place wherever `CREATE OR REPLACE` allows it, which keeps owner, privileges and dependents.
    pub(super) fn alter(&self, desired: &Self) -> Alter {
        let Self {
            schema: _,
            name: _,
            arguments,
            returns,
            returns_set,
            window,
            language,
            transforms,
            volatility,
            strict,
            leakproof,
            security_definer,
            parallel,
            cost,
            rows,
            support,
            settings,
            library,
            parsed_body,
            body,
            extensions,
        } = self;
        if self.clone().significant() == desired.clone().significant() {
            return Alter::Unchanged;
        }
        let mut out = Vec::new();
        if *arguments != desired.arguments
            || *returns != desired.returns
            || *returns_set != desired.returns_set
            || *window != desired.window
        {
            if !self.keeps_interface(desired) {
                return Alter::Replace;
            }
            out.push(desired.declaration("CREATE OR REPLACE"));
        } else if *language != desired.language
            || *transforms != desired.transforms
            || *volatility != desired.volatility
            || *strict != desired.strict
            || *leakproof != desired.leakproof
            || *security_definer != desired.security_definer
            || *parallel != desired.parallel
            || *cost != desired.cost
            || *rows != desired.rows
            || *support != desired.support
            || *settings != desired.settings
            || *library != desired.library
            || *parsed_body != desired.parsed_body
            || *body != desired.body
        {
            out.push(desired.declaration("CREATE OR REPLACE"));
        }
        out.extend(sql::extension_changes(
            &self.alter_head(),
            extensions,
            &desired.extensions,
        ));
        Alter::in_place(out)
    }

    pub(super) fn rename(&self, desired: &Self) -> Option<Vec<Statement>> {
        let same = self.reference() == desired.reference();
        let from = (self.schema.as_str(), self.name.as_str());
        same.then(|| rename(self.word(), &self.reference(), from, (&desired.schema, &desired.name)))
    }

    fn alter_head(&self) -> String {
        format!("ALTER {} {}", self.word(), self.sql_name())
    }

    /// Tells whether `CREATE OR REPLACE` is allowed, by the checks of PostgreSQL's `ProcedureCreate()`.
    fn keeps_interface(&self, desired: &Self) -> bool {
        let going_in =
            |routine: &Self| -> Vec<Argument> { routine.arguments.iter().filter(|a| a.goes_in()).cloned().collect() };
        let keeps_argument = |(live, new): (&Argument, &Argument)| {
            let keeps_name = live.name.is_none() || live.name == new.name;
            let keeps_default = match (&live.default, &new.default) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(before), Some(after)) => before == after || !live.is_polymorphic(),
            };
            keeps_name && keeps_default
        };
        self.returns == desired.returns
            && self.returns_set == desired.returns_set
            && self.window == desired.window
            && self.row() == desired.row()
            && going_in(self).iter().zip(&going_in(desired)).all(keeps_argument)
    }

    /// Returns names and types of the result row, where the result is one.
    fn row(&self) -> Vec<(Option<&str>, &str)> {
        if !matches!(self.returns.as_deref(), None | Some("record")) {
            return Vec::new();
        }
        let columns = self.arguments.iter().filter(|argument| argument.comes_out());
        columns
            .map(|argument| (argument.name.as_deref(), argument.data_type.as_str()))
            .collect()
    }

    fn declaration(&self, create: &str) -> Statement {
        let is_table = |argument: &&Argument| argument.mode == ArgumentMode::Table;
        let list = |table: bool| {
            let parts = self.arguments.iter().filter(|argument| is_table(argument) == table);
            parts.map(Argument::declaration).collect::<Vec<_>>().join(", ")
        };
        let returns = match &self.returns {
            None => String::new(),
            Some(_) if self.arguments.iter().any(|argument| is_table(&argument)) => {
                format!(" RETURNS TABLE({})", list(true))
            }
            Some(returns) if self.returns_set => format!(" RETURNS SETOF {returns}"),
            Some(returns) => format!(" RETURNS {returns}"),
        };
        let lines = [self.attributes()]
            .into_iter()
            .chain(self.settings.iter().map(|stored| setting::clause(stored)))
            .chain([self.body_clause()]);
        Statement::new(format!(
            "{create} {} {}({}){returns}\n    {}",
            self.word(),
            qualified([&self.schema, &self.name]),
            list(false),
            lines.collect::<Vec<_>>().join("\n    ")
        ))
    }

    fn attributes(&self) -> String {
        let mut out = format!("LANGUAGE {}", ident(&self.language));
        let mut add = |condition: bool, words: &str| {
            if condition {
                out.push(' ');
                out.push_str(words);
            }
        };
        let transforms: Vec<String> = self.transforms.iter().map(|name| format!("FOR TYPE {name}")).collect();
        add(!transforms.is_empty(), &format!("TRANSFORM {}", transforms.join(", ")));
        add(self.window, "WINDOW");
        add(self.volatility == "i", "IMMUTABLE");
        add(self.volatility == "s", "STABLE");
        add(self.strict, "STRICT");
        add(self.security_definer, "SECURITY DEFINER");
        add(self.leakproof, "LEAKPROOF");
        let with = |word: &str, value: &Option<String>| format!("{word} {}", value.as_deref().unwrap_or_default());
        add(self.cost.is_some(), &with("COST", &self.cost));
        add(self.rows.is_some(), &with("ROWS", &self.rows));
        add(self.support.is_some(), &with("SUPPORT", &self.support));
        add(self.parallel == "s", "PARALLEL SAFE");
        add(self.parallel == "r", "PARALLEL RESTRICTED");
        out
    }

    /// A routine takes the transforms of its types that are there when it is made, and holds them from then on.
    pub(super) fn after(context: &super::Context) -> Vec<Identity> {
        context.leaving(Kind::Transform)
    }

    fn body_clause(&self) -> String {
        match &self.library {
            Some(library) => format!("AS {}, {}", literal(library), literal(&self.body)),
            None if self.parsed_body => self.body.clone(),
            None => format!("AS {}", dollar(&self.body)),
        }
    }
}

/// Condition that a `pg_proc` row `p` is no member of an extension and no part of a type (a range's constructor).
pub(super) const NO_MEMBER: &str = "NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend m \
     WHERE m.classid = 1255 AND m.objid = p.oid AND m.deptype IN ('e', 'i'))";

/// Returns the name that functions, procedures and aggregates compete for.
pub(super) fn claim(schema: &str, name: &str, signature: &str) -> (&'static str, String) {
    ("routine", format!("{}({signature})", qualified([schema, name])))
}

/// Returns the statements that move and rename a routine, whose argument list stays.
pub(super) fn rename(word: &str, reference: &str, from: (&str, &str), to: (&str, &str)) -> Vec<Statement> {
    let mut out = Vec::new();
    if from.0 != to.0 {
        let name = qualified([from.0, from.1]);
        out.push(Statement::new(format!(
            "ALTER {word} {name}({reference}) SET SCHEMA {}",
            ident(to.0)
        )));
    }
    if from.1 != to.1 {
        let name = qualified([to.0, from.1]);
        out.push(Statement::new(format!(
            "ALTER {word} {name}({reference}) RENAME TO {}",
            ident(to.1)
        )));
    }
    out
}
