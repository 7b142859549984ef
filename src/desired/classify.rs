//! What a statement of a target file is to trueup: a declaration to execute, a setting, something about rows or the
//! cluster to pass over with a note, or something that has no place in a schema.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterDatabaseStmt, AlterSubscriptionType, ObjectType, SelectStmt, TransactionStmtKind, VariableSetKind,
    VariableSetStmt, a_const,
};

use super::declare::string;
use super::lex;
use crate::kinds::Area;

/// Names what is done with a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Class {
    /// Executed: it leaves something behind in the catalogs.
    Define,
    /// Executed, and in force for the statements after it.
    Setting(Setting),
    /// Begins or ends a transaction, or a part of one.
    Transaction(TransactionStmtKind, String),
    /// Passed over with a note that says why.
    Skip(&'static str),
    /// Passed over without a word: it changes nothing that outlives the session.
    Silent,
    /// An error; the text says why it has no place in a schema.
    Refuse(&'static str),
}

/// Session parameter that a statement sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Setting {
    /// Lower-case name of the parameter; `None` stands for all of them.
    pub name: Option<String>,
    /// Values, empty where the parameter goes back to its default.
    pub values: Vec<String>,
    /// Whether it goes back to its default.
    pub reset: bool,
    /// Whether it holds for the transaction only.
    pub local: bool,
}

const ROWS: &str = "is about rows, not about the schema";
const CLUSTER: &str = "is about the cluster: roles, tablespaces and parameters do not belong to one database";
const ROLES: &str =
    "is about roles, which do not belong to one database; `manage: [roles]` in trueup.yaml looks after them";
const DATABASE: &str = "is about the database itself; trueup looks after what is in it";
const MANAGEABLE: &str = "is about the database itself; `manage: [database]` in trueup.yaml looks after it";
const UPKEEP: &str = "is upkeep that leaves nothing behind in a schema";

/// Parameters that only say how long or how loudly a script runs, or that trueup itself sets.
const IRRELEVANT: [&str; 8] = [
    "check_function_bodies",
    "client_min_messages",
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "lc_messages",
    "synchronous_commit",
];

/// Classifies a parsed statement.
pub(super) fn classify(node: &NodeEnum) -> Class {
    use NodeEnum as N;
    match node {
        N::VariableSetStmt(set) => setting(set),
        N::SelectStmt(select) => select_class(select),
        N::TransactionStmt(t) => Class::Transaction(t.kind(), t.savepoint_name.clone()),
        N::ViewStmt(_) | N::CreateStmt(_) | N::IndexStmt(_) => Class::Define,
        N::InsertStmt(_)
        | N::UpdateStmt(_)
        | N::DeleteStmt(_)
        | N::MergeStmt(_)
        | N::CopyStmt(_)
        | N::TruncateStmt(_)
        | N::RefreshMatViewStmt(_)
        | N::CallStmt(_)
        | N::ExplainStmt(_) => Class::Skip(ROWS),
        N::VariableShowStmt(_) | N::ConstraintsSetStmt(_) => Class::Silent,
        N::VacuumStmt(vacuum) if vacuum.is_vacuumcmd => {
            Class::Refuse("`VACUUM` cleans up rows; run it on the live database when needed.")
        }
        // It marks the index in the catalogs, as `ALTER TABLE … CLUSTER ON` does.
        N::ClusterStmt(cluster) if !cluster.indexname.is_empty() => Class::Define,
        N::VacuumStmt(_)
        | N::ClusterStmt(_)
        | N::ReindexStmt(_)
        | N::LockStmt(_)
        | N::DiscardStmt(_)
        | N::ListenStmt(_)
        | N::UnlistenStmt(_)
        | N::NotifyStmt(_) => Class::Skip(UPKEEP),
        N::SecLabelStmt(_) => Class::Skip("needs a label provider, which a scratch server does not have"),
        N::ImportForeignSchemaStmt(_) => Class::Skip("connects to another server; declare the foreign tables instead"),
        N::AlterSubscriptionStmt(alter) => match alter.kind() {
            AlterSubscriptionType::AlterSubscriptionEnabled | AlterSubscriptionType::AlterSubscriptionRefresh => {
                Class::Skip("would connect to another server")
            }
            _ => Class::Define,
        },
        _ => cluster_or_database(node).unwrap_or_else(|| refused(node)),
    }
}

fn cluster_or_database(node: &NodeEnum) -> Option<Class> {
    use NodeEnum as N;
    match node {
        // Absence is declared: nothing is executed.
        N::DropRoleStmt(_) if Area::Roles.is_managed() => Some(Class::Silent),
        _ if is_about_roles(node) && Area::Roles.is_managed() => Some(Class::Define),
        N::AlterDatabaseStmt(alter) if Area::Database.is_managed() && limits_only(alter) => Some(Class::Define),
        N::AlterDatabaseSetStmt(_) if Area::Database.is_managed() => Some(Class::Define),
        N::DropRoleStmt(_) => Some(Class::Skip(ROLES)),
        _ if is_about_roles(node) => Some(Class::Skip(ROLES)),
        N::CreateTableSpaceStmt(_)
        | N::DropTableSpaceStmt(_)
        | N::AlterTableSpaceOptionsStmt(_)
        | N::AlterTableMoveAllStmt(_) => Some(Class::Skip(CLUSTER)),
        N::AlterDatabaseSetStmt(_) => Some(Class::Skip(MANAGEABLE)),
        N::AlterDatabaseStmt(alter) if limits_only(alter) => Some(Class::Skip(MANAGEABLE)),
        N::CreatedbStmt(_) | N::AlterDatabaseStmt(_) | N::AlterDatabaseRefreshCollStmt(_) => {
            Some(Class::Skip(DATABASE))
        }
        N::GrantStmt(grant) => of_object_type(grant.objtype()),
        N::CommentStmt(comment) => of_object_type(comment.objtype()),
        N::AlterOwnerStmt(alter) => of_object_type(alter.object_type()),
        N::RenameStmt(rename) => match rename.rename_type() {
            ObjectType::ObjectDatabase => Some(Class::Refuse(
                "The name of the live database is not part of a schema; rename it by hand.",
            )),
            other => of_object_type(other),
        },
        _ => None,
    }
}

/// Tells whether a statement is about roles, beside dropping them.
pub(super) fn is_about_roles(node: &NodeEnum) -> bool {
    use NodeEnum as N;
    match node {
        N::CreateRoleStmt(_) | N::AlterRoleStmt(_) | N::AlterRoleSetStmt(_) | N::GrantRoleStmt(_) => true,
        N::CommentStmt(comment) => comment.objtype() == ObjectType::ObjectRole,
        _ => false,
    }
}

/// Tells whether a statement changes how many may connect, and nothing else: what else there is locks people out.
fn limits_only(alter: &AlterDatabaseStmt) -> bool {
    alter
        .options
        .iter()
        .all(|option| matches!(&option.node, Some(NodeEnum::DefElem(option)) if option.defname == "connection_limit"))
}

fn of_object_type(object: ObjectType) -> Option<Class> {
    match object {
        ObjectType::ObjectDatabase if Area::Database.is_managed() => None,
        ObjectType::ObjectDatabase => Some(Class::Skip(MANAGEABLE)),
        ObjectType::ObjectRole | ObjectType::ObjectTablespace | ObjectType::ObjectParameterAcl => {
            Some(Class::Skip(CLUSTER))
        }
        ObjectType::ObjectLargeobject => Some(Class::Skip(ROWS)),
        _ => None,
    }
}

fn refused(node: &NodeEnum) -> Class {
    use NodeEnum as N;
    match node {
        N::DropdbStmt(_) => Class::Refuse("A target describes what a database holds; it never drops one."),
        N::AlterSystemStmt(_) => Class::Refuse(
            "`ALTER SYSTEM` configures the server, not a schema; keep it with the server's configuration.",
        ),
        N::CheckPointStmt(_) => Class::Refuse("`CHECKPOINT` is a command to the server and declares nothing."),
        N::LoadStmt(_) => {
            Class::Refuse("`LOAD` holds for one session only; configure `session_preload_libraries` on the server.")
        }
        N::PrepareStmt(_) | N::ExecuteStmt(_) | N::DeallocateStmt(_) => {
            Class::Refuse("Prepared statements end with the session; write the statement itself.")
        }
        N::DeclareCursorStmt(_) | N::FetchStmt(_) | N::ClosePortalStmt(_) => {
            Class::Refuse("Cursors end with the transaction and declare nothing.")
        }
        _ => Class::Define,
    }
}

fn setting(set: &VariableSetStmt) -> Class {
    let name = set.name.to_ascii_lowercase();
    let reset = matches!(
        set.kind(),
        VariableSetKind::VarReset | VariableSetKind::VarResetAll | VariableSetKind::VarSetDefault
    );
    match set.kind() {
        // `SET TRANSACTION …` and `SET SESSION CHARACTERISTICS …`.
        VariableSetKind::VarSetMulti | VariableSetKind::VarSetCurrent => Class::Silent,
        VariableSetKind::VarResetAll => Class::Setting(Setting {
            name: None,
            values: Vec::new(),
            reset,
            local: false,
        }),
        _ if IRRELEVANT.contains(&name.as_str()) => Class::Silent,
        _ => Class::Setting(Setting {
            name: Some(name),
            values: set
                .args
                .iter()
                .filter_map(|arg| string(arg))
                .map(str::to_owned)
                .collect(),
            reset,
            local: set.is_local,
        }),
    }
}

fn select_class(select: &SelectStmt) -> Class {
    if select.into_clause.is_some() {
        return Class::Define;
    }
    set_config(select).map_or(Class::Skip(ROWS), |(name, value, local)| {
        if IRRELEVANT.contains(&name.as_str()) {
            return Class::Silent;
        }
        let values = value.split(',').map(|part| part.trim().trim_matches('"').to_owned());
        let values = values.filter(|part| !part.is_empty()).collect();
        Class::Setting(Setting {
            name: Some(name),
            values,
            reset: false,
            local,
        })
    })
}

/// Returns name, value and locality of a `SELECT set_config('name', 'value', false)`.
fn set_config(select: &SelectStmt) -> Option<(String, String, bool)> {
    let [target] = select.target_list.as_slice() else {
        return None;
    };
    let Some(NodeEnum::ResTarget(target)) = &target.node else {
        return None;
    };
    let Some(NodeEnum::FuncCall(call)) = &target.val.as_ref()?.node else {
        return None;
    };
    let is_set_config = select.from_clause.is_empty() && call.funcname.last().and_then(string) == Some("set_config");
    let [name, value, local] = call.args.as_slice() else {
        return None;
    };
    let Some(NodeEnum::AConst(local)) = &local.node else {
        return None;
    };
    let Some(a_const::Val::Boolval(local)) = &local.val else {
        return None;
    };
    is_set_config.then_some(())?;
    Some((
        string(name)?.to_ascii_lowercase(),
        string(value)?.to_owned(),
        local.boolval,
    ))
}

/// Classifies a statement whose tree is not at hand by its first word.
pub(super) fn class_of_text(text: &str) -> Class {
    const READS: [&str; 11] = [
        "INSERT", "UPDATE", "DELETE", "MERGE", "COPY", "SELECT", "WITH", "VALUES", "TRUNCATE", "EXPLAIN", "CALL",
    ];
    let words = leading_words(text);
    if READS.iter().any(|word| words.starts_with(word)) {
        Class::Skip(ROWS)
    } else {
        Class::Define
    }
}

/// Returns the first one or two words of a statement in capitals.
pub(super) fn leading_words(text: &str) -> String {
    const SECOND: [&str; 6] = ["CREATE", "ALTER", "DROP", "SECURITY", "IMPORT", "REFRESH"];
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(start) = Some(lex::skip_blank(text.as_bytes(), at)).filter(|start| *start < text.len()) {
        let (piece, end) = lex::next(text.as_bytes(), start);
        if piece != lex::Piece::Word || words.len() == 2 {
            break;
        }
        words.push(text[start..end].to_ascii_uppercase());
        at = end;
    }
    if words.first().is_some_and(|first| !SECOND.contains(&first.as_str())) {
        words.truncate(1);
    }
    words.join(" ")
}
