//! What is built beside the old columns while everybody works: columns, triggers, values, indexes, foreign keys.

use super::chain::{Chain, Member, all};
use super::{Script, built, once};
use crate::backfill::Batches;
use crate::catalog::quote::{dollar, ident, literal, qualified};
use crate::catalog::{Identity, Name};
use crate::kinds::{
    AnyObject, Check, Column, Context, Key, KeyType, Kind, Lock, NotNull, Statement, Table, Transaction,
    fill_in_batches, temporary_name,
};
use crate::plan::Phase;

/// Name of the trigger: triggers fire in the order of their names, and this one must see what others have changed.
pub(super) const TRIGGER: &str = "zzz_trueup_sync";

/// What makes the function do the same for everybody: the plan's settings, and not those of whoever writes.
const ALIKE: &str = "SET search_path = '' SET timezone FROM CURRENT SET datestyle FROM CURRENT SET intervalstyle FROM CURRENT \
                     SET extra_float_digits FROM CURRENT SET bytea_output FROM CURRENT SET xmloption FROM CURRENT ";

/// Types of keys by whose ranges rows are filled.
const KEYS: [&str; 4] = ["smallint", "integer", "bigint", "uuid"];

/// Writes everything up to the swap.
pub(super) fn write(chain: &Chain, context: &Context, script: &mut Script) -> Result<(), String> {
    for table in chain.tables() {
        check_table(&table, context)?;
        about(chain, &table, script);
        script.step(
            Phase::Structure,
            "new columns, kept in step",
            columns(chain, &table, context),
            Vec::new(),
        );
    }
    for table in chain.tables() {
        about(chain, &table, script);
        let batches = batches(chain, &table, context);
        let what = format!("filled in batches {}", batches.ranges());
        script.step(Phase::Data, &what, vec![fill_in_batches(batches)], Vec::new());
    }
    for member in chain.members.iter().filter(|member| member.is_partial()) {
        script.about(&member.identity());
        script.step(
            Phase::Validation,
            "all values carried over",
            vec![guard(member)],
            Vec::new(),
        );
    }
    for table in chain.tables() {
        about(chain, &table, script);
        for member in chain.of_table(&table).filter(|member| must_have_value(member, context)) {
            for statement in proof(member) {
                script.step(Phase::Validation, "proven to have values", vec![statement], Vec::new());
            }
        }
        for key in built::keys(chain, context)
            .into_iter()
            .filter(|key| Table::named(&key.schema, &key.table) == table)
        {
            let (build, _) = built::key_beside(chain, key, context)?;
            script.step(Phase::Validation, "index built beside", vec![build], Vec::new());
        }
        for index in built::indexes(chain, context)
            .into_iter()
            .filter(|index| Table::named(&index.schema, &index.table) == table)
        {
            let Some(form) = built::index_form(chain, index, context) else {
                continue;
            };
            let beside = built::index_beside(chain, &form, context)?;
            let temporary = beside.identity();
            let build = beside
                .create(context)
                .into_iter()
                .map(|statement| statement.temporary(temporary.clone()));
            script.step(Phase::Validation, "index built beside", build.collect(), Vec::new());
        }
    }
    let foreign_keys = built::foreign_keys(chain, context);
    for key in foreign_keys.into_iter().filter(|key| built::is_kept(chain, key, context)) {
        let own = Column::named(&key.schema, &key.table, &key.columns[0]);
        if chain.member(&own).is_some() {
            script.about(&own);
        }
        let beside = built::foreign_key_beside(chain, key)?;
        let temporary = beside.identity();
        for statement in beside.create(context) {
            let statement = statement.temporary(temporary.clone());
            script.step(
                Phase::Validation,
                "foreign key added beside and validated",
                vec![statement],
                Vec::new(),
            );
        }
    }
    Ok(())
}

fn about(chain: &Chain, table: &Identity, script: &mut Script) {
    if let Some(member) = chain.of_table(table).next() {
        script.about(&member.identity());
    }
}

/// Refuses tables whose columns belong to others too.
fn check_table(table: &Identity, context: &Context) -> Result<(), String> {
    let name = table.path_text();
    let Some(AnyObject::Table(found)) = context.before(table) else {
        return Err(format!("{name} is not there"));
    };
    let is = |schema: &str, other: &str| table.path[..] == [schema, other];
    let has_family = context.from.objects.values().any(|object| match object {
        AnyObject::Partition(part) => is(&part.schema, &part.table) || is(&part.parent_schema, &part.parent_table),
        AnyObject::Inheritance(link) => is(&link.schema, &link.table) || is(&link.parent_schema, &link.parent_table),
        _ => false,
    });
    let is_published = context.from.objects.values().any(|object| match object {
        AnyObject::Publication(publication) => publication.all_tables,
        AnyObject::PublicationSchema(published) => published.schema == table.path[0],
        AnyObject::PublicationTable(published) => is(&published.schema, &published.table),
        _ => false,
    });
    if is_published {
        return Err(format!(
            "{name} is published, and subscribers do not have the new column"
        ));
    }
    if found.partition_key.is_some() || found.foreign.is_some() || found.of_type.is_some() || has_family {
        return Err(format!("{name} is partitioned, inherits, is foreign or of a type"));
    }
    Ok(())
}

/// Returns the identity of the function that keeps a table's columns in step.
pub(super) fn function(table: &Identity) -> (String, Identity) {
    let name = temporary_name(table.name(), "sync");
    let identity = Identity::new(Kind::Function, [table.path[0].as_str(), &format!("{name}()")]);
    (qualified([table.path[0].as_str(), &name]), identity)
}

fn columns(chain: &Chain, table: &Identity, context: &Context) -> Vec<Statement> {
    let mut out = Vec::new();
    let mut sets = String::new();
    for member in chain.of_table(table) {
        let column = Column {
            name: member.new.clone(),
            ..member.after.clone()
        };
        let new = Column::named(&column.schema, &column.table, &member.new);
        let old = Column::named(&column.schema, &column.table, &member.old);
        let create = AnyObject::from(column).create(&context.plain());
        out.extend(
            create
                .into_iter()
                .map(|statement| statement.temporary(new.clone()).temporary(old.clone())),
        );
        sets.push_str(&format!(
            "    NEW.{} := {};\n",
            ident(&member.new),
            member.value("NEW.", context)
        ));
    }
    let (function, identity) = function(table);
    let body = format!("\nBEGIN\n{sets}    RETURN NEW;\nEND\n");
    let on = qualified(&table.path);
    let trigger = Identity::new(Kind::Trigger, table.path.iter().map(Name::as_str).chain([TRIGGER]));
    let own = |sql: String| {
        Statement::new(sql)
            .temporary(identity.clone())
            .temporary(trigger.clone())
    };
    let settings = if chain.keeps_what_is_said() {
        ""
    } else {
        ALIKE
    };
    out.push(own(format!(
        "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql {settings}AS {}",
        dollar(&body)
    )));
    out.push(
        own(format!(
            "CREATE TRIGGER {TRIGGER} BEFORE INSERT OR UPDATE ON {on} FOR EACH ROW EXECUTE FUNCTION {function}()"
        ))
        .locks(table.clone(), Lock::ShareRowExclusive),
    );
    // Also for sessions that replay changes of another server: their rows count as much.
    out.push(
        own(format!("ALTER TABLE {on} ENABLE ALWAYS TRIGGER {TRIGGER}")).locks(table.clone(), Lock::ShareRowExclusive),
    );
    out
}

fn batches(chain: &Chain, table: &Identity, context: &Context) -> Batches {
    let members: Vec<&Member> = chain.of_table(table).collect();
    let sets = members
        .iter()
        .map(|member| format!("{} = {}", ident(&member.new), member.value("", context)));
    let open = members.iter().map(|member| {
        format!(
            "({} IS NULL AND {} IS NOT NULL)",
            ident(&member.new),
            ident(&member.before.name)
        )
    });
    let open: Vec<String> = open.collect();
    Batches {
        table: table.clone(),
        key: primary_key(table, context),
        fills: members
            .iter()
            .map(|member| Column::named(&member.before.schema, &member.before.table, &member.new))
            .collect(),
        stays: false,
        set: sets.collect::<Vec<_>>().join(", "),
        open: format!("({})", open.join(" OR ")),
    }
}

/// Returns the columns of the primary key as it stands until the swap, where its values may be kept.
fn primary_key(table: &Identity, context: &Context) -> Vec<String> {
    let of_table = |key: &&Key| key.constraint == KeyType::Primary && Table::named(&key.schema, &key.table) == *table;
    let Some(key) = all::<Key>(context).into_iter().find(of_table) else {
        return Vec::new();
    };
    let is_shown = |name: &String| match context.before(&Column::named(&key.schema, &key.table, name)) {
        Some(AnyObject::Column(column)) => KEYS.contains(&column.data_type.as_str()),
        _ => false,
    };
    if key.columns.iter().all(is_shown) {
        key.columns.clone()
    } else {
        Vec::new()
    }
}

/// Tells whether a column has to have values.
pub(super) fn must_have_value(member: &Member, context: &Context) -> bool {
    let column = &member.before;
    context
        .before(&NotNull::named(&column.schema, &column.table, &column.name))
        .is_some()
}

/// Returns the name of the check that proves that a new column has values.
pub(super) fn proof_name(member: &Member) -> String {
    temporary_name(&format!("{}_{}", member.before.table, member.before.name), "proof")
}

/// Fails where a value could not be carried over, before anything is asked of those that come in.
fn guard(member: &Member) -> Statement {
    let on = qualified(&member.table().path);
    let (old, new) = (ident(&member.before.name), ident(&member.new));
    let what = format!(
        "{} has values of type {} that no {} became",
        member.identity().path_text(),
        member.before.data_type,
        member.after.data_type
    );
    let body = format!(
        "\nBEGIN\n    IF EXISTS (SELECT FROM {on} WHERE {new} IS NULL AND {old} IS NOT NULL) THEN\n        \
         RAISE data_exception USING MESSAGE = {};\n    END IF;\nEND\n",
        literal(&what)
    );
    Statement::new(format!("DO {}", dollar(&body)))
        .scans(member.table())
        .transaction(Transaction::Alone)
}

fn proof(member: &Member) -> [Statement; 2] {
    let (schema, table) = (&member.before.schema, &member.before.table);
    let name = proof_name(member);
    let on = qualified([schema, table]);
    let check = Check::named(schema, table, &name);
    [
        Statement::new(format!(
            "ALTER TABLE {on} ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID",
            ident(&name),
            ident(&member.new)
        ))
        .locks(member.table(), Lock::AccessExclusive),
        Statement::new(format!("ALTER TABLE {on} VALIDATE CONSTRAINT {}", ident(&name)))
            .locks(member.table(), Lock::ShareUpdateExclusive)
            .scans(member.table()),
    ]
    .map(|statement| statement.transaction(Transaction::Alone).temporary(check.clone()))
}

/// Returns the tables that the swap changes: those of the chain, and those that only refer to them.
pub(super) fn tables(chain: &Chain, context: &Context) -> Vec<Identity> {
    let mut out = chain.tables();
    let others = built::foreign_keys(chain, context)
        .into_iter()
        .flat_map(|key| [Table::named(&key.schema, &key.table), key.referenced_identity()]);
    for other in once(others) {
        if !out.contains(&other) {
            out.push(other);
        }
    }
    out
}
