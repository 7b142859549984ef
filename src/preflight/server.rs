//! What a plan needs that no database holds: roles, tablespaces, the files of extensions. A scratch server has its own, so
//! that a proof says nothing about them.

use std::collections::BTreeSet;

use pg_query::protobuf::{AlterTableType, ObjectType};
use pg_query::{Node, NodeEnum};
use postgres::Client;

use crate::desired::roles::Roles;
use crate::desired::statement::parse;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Step;

/// Words of which a statement that needs something has at least one.
const TELLING: [&str; 10] = [
    "AUTHORIZATION",
    "EXTENSION",
    "GRANT",
    "OWNER",
    "POLICY",
    "PRIVILEGES",
    "REVOKE",
    "ROLE",
    "TABLESPACE",
    "USER",
];

/// Names that statements take for granted.
#[derive(Debug, Default)]
struct Needs {
    roles: Roles,
    /// Roles that get their name on the way.
    renamed: BTreeSet<String>,
    tablespaces: BTreeSet<String>,
    /// Extensions, with the version where one is asked for.
    extensions: BTreeSet<(String, Option<String>)>,
}

/// Returns in words what the statements of a plan need and the server has not.
///
/// # Errors
///
/// Those of asking the server.
pub fn missing(client: &mut Client, steps: &[Step]) -> Result<Vec<String>> {
    let needs = Needs::of(steps);
    let own = needs.roles.declared.union(&needs.renamed).cloned().collect();
    let roles: Vec<&String> = needs.roles.named.difference(&own).collect();
    let tablespaces: Vec<&String> = needs.tablespaces.iter().collect();
    let (extensions, versions): (Vec<&String>, Vec<&Option<String>>) =
        needs.extensions.iter().map(|(name, version)| (name, version)).unzip();
    if roles.is_empty() && tablespaces.is_empty() && extensions.is_empty() {
        return Ok(Vec::new());
    }
    let rows = client.query(MISSING, &[&roles, &tablespaces, &extensions, &versions])?;
    rows.iter()
        .map(|row| {
            let (sort, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let version: Option<String> = row.try_get(2)?;
            let version = version
                .map(|version| format!(" in version {version}"))
                .unwrap_or_default();
            Ok(format!("{sort} `{name}`{version}"))
        })
        .collect()
}

/// Roles, tablespaces and extensions of `$1` to `$3` (versions in `$4`) that the server has not.
const MISSING: &str = "
SELECT 'role', n, NULL FROM pg_catalog.unnest($1::text[]) AS n
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = n)
UNION ALL
SELECT 'tablespace', n, NULL FROM pg_catalog.unnest($2::text[]) AS n
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_tablespace t WHERE t.spcname = n)
UNION ALL
SELECT 'extension', n, v FROM ROWS FROM (pg_catalog.unnest($3::text[]), pg_catalog.unnest($4::text[])) AS x (n, v)
WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_available_extension_versions e
                  WHERE e.name = x.n AND e.version = coalesce(x.v, e.version))
ORDER BY 1, 2, 3";

/// Refuses a plan whose statements need what the server has not.
///
/// # Errors
///
/// [`ErrorKind::Blocked`] with what is missing; those of asking the server.
pub fn must_have(client: &mut Client, steps: &[Step]) -> Result<()> {
    let missing = missing(client, steps)?;
    if missing.is_empty() {
        return Ok(());
    }
    let error = Error::new(
        ErrorKind::Blocked,
        "the server lacks what the plan needs; nothing was changed",
    );
    let error = missing.into_iter().fold(error, Error::detail);
    Err(error.hint(
        "Create it on the server, or take it out of the target files and plan again. Roles that the files declare are \
         created by a plan made with --manage roles.",
    ))
}

impl Needs {
    fn of(steps: &[Step]) -> Self {
        let mut out = Self::default();
        for statement in steps.iter().flat_map(|step| &step.statements) {
            if TELLING.iter().any(|word| statement.sql.contains(word))
                && let Some(node) = parse(&statement.sql)
            {
                out.collect(&node);
            }
        }
        out
    }

    fn collect(&mut self, node: &NodeEnum) {
        use NodeEnum as N;
        self.roles.collect(node);
        match node {
            N::RenameStmt(rename) if rename.rename_type() == ObjectType::ObjectRole => {
                self.renamed.insert(rename.newname.clone());
            }
            N::CreateStmt(create) => self.tablespace(&create.tablespacename),
            N::IndexStmt(create) => self.tablespace(&create.table_space),
            N::CreateTableAsStmt(create) => {
                if let Some(into) = &create.into {
                    self.tablespace(&into.table_space_name);
                }
            }
            N::AlterTableStmt(alter) => {
                for command in &alter.cmds {
                    if let Some(N::AlterTableCmd(command)) = &command.node
                        && command.subtype() == AlterTableType::AtSetTableSpace
                    {
                        self.tablespace(&command.name);
                    }
                }
            }
            N::CreateExtensionStmt(create) => self.extension(&create.extname, &create.options),
            N::AlterExtensionStmt(alter) => self.extension(&alter.extname, &alter.options),
            _ => {}
        }
    }

    fn tablespace(&mut self, name: &str) {
        if !name.is_empty() {
            self.tablespaces.insert(name.to_owned());
        }
    }

    fn extension(&mut self, name: &str, options: &[Node]) {
        let version = options.iter().find_map(|option| match &option.node {
            Some(NodeEnum::DefElem(option)) if option.defname == "new_version" => match &option.arg.as_ref()?.node {
                Some(NodeEnum::String(text)) => Some(text.sval.clone()),
                _ => None,
            },
            _ => None,
        });
        self.extensions.insert((name.to_owned(), version));
    }
}
