//! What is built beside the old columns while everybody works: columns, triggers, values, indexes, foreign keys.

use std::collections::BTreeSet;

use super::chain::{Chain, Member, all};
use super::{Script, built, family, kept, once, published};
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
        check_table(&table, chain, context)?;
        about(chain, &table, script);
        let mut statements = kept::make(chain, &table, context);
        let (published, changes) = published::keep_as_it_is(&table, context);
        statements.extend(published);
        statements.extend(columns(chain, &table, context));
        script.step(Phase::Structure, "new columns, kept in step", statements, changes);
    }
    for table in chain.tables() {
        about(chain, &table, script);
        for leaf in family::leaves(&table, context) {
            let batches = batches(chain, &leaf, context);
            let what = format!("filled in batches {}", batches.ranges());
            script.step(Phase::Data, &what, vec![fill_in_batches(batches)], Vec::new());
        }
    }
    for member in chain.members.iter().filter(|member| member.is_partial()) {
        script.about(&member.identity());
        script.step(
            Phase::Validation,
            "all values carried over",
            vec![guard(member, context)],
            Vec::new(),
        );
    }
    let (keys, forms) = (built::keys(chain, context), built::index_forms(chain, context));
    for table in chain.tables() {
        let leaves: BTreeSet<Identity> = family::leaves(&table, context).into_iter().collect();
        about(chain, &table, script);
        for member in chain.of_table(&table).filter(|member| must_have_value(member, context)) {
            for statement in proof(member, context) {
                script.step(Phase::Validation, "proven to have values", vec![statement], Vec::new());
            }
        }
        for key in keys
            .iter()
            .filter(|key| leaves.contains(&Table::named(&key.schema, &key.table)))
        {
            let (build, _) = built::key_beside(chain, key, context)?;
            script.step(Phase::Validation, "index built beside", vec![build], Vec::new());
        }
        let forms = forms.iter().filter_map(|(_, form)| form.as_ref());
        for form in forms.filter(|form| leaves.contains(&Table::named(&form.schema, &form.table))) {
            let beside = built::index_beside(chain, form, context)?;
            let temporary = beside.identity();
            let build = beside
                .create(context)
                .into_iter()
                .map(|statement| statement.temporary(temporary.clone()));
            script.step(Phase::Validation, "index built beside", build.collect(), Vec::new());
        }
    }
    for key in built::kept_foreign_keys(chain, context) {
        let own = Column::named(&key.schema, &key.table, &key.columns[0]);
        if let Some(member) = chain.member(&own) {
            script.about(&member.identity());
        }
        for (beside, _) in built::foreign_keys_beside(chain, key, context)? {
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
    }
    Ok(())
}

fn about(chain: &Chain, table: &Identity, script: &mut Script) {
    if let Some(member) = chain.of_table(table).next() {
        script.about(&member.identity());
    }
}

/// Refuses tables whose columns belong to others too, or whose new columns would be seen elsewhere.
fn check_table(table: &Identity, chain: &Chain, context: &Context) -> Result<(), String> {
    for member in chain.of_table(table) {
        if member.before.generated.is_some() || member.after.generated.is_some() {
            return Err(format!("{} is generated", member.identity().path_text()));
        }
        if member.after.has_checked_domain(context) {
            let (column, domain) = (member.identity().path_text(), &member.after.data_type);
            return Err(format!(
                "{column} becomes {domain}, which has checks, and PostgreSQL writes a table anew to add a column of it"
            ));
        }
    }
    let family = family::nodes(table, context);
    for node in &family {
        check_node(node, context)?;
    }
    let is_partitioned = family::is_partitioned(table, context);
    let mut foreign_keys = built::foreign_keys(chain, context).into_iter();
    let to_it = foreign_keys.find(|key| is_partitioned && family.contains(&key.referenced_identity()));
    match to_it {
        Some(key) => Err(format!(
            "foreign key {} refers to {}, which is partitioned",
            key.name,
            table.path_text()
        )),
        None => Ok(()),
    }
}

fn check_node(table: &Identity, context: &Context) -> Result<(), String> {
    let name = table.path_text();
    let Some(AnyObject::Table(found)) = context.before(table) else {
        return Err(format!("{name} is not there"));
    };
    let is = |schema: &str, other: &str| table.path[..] == [schema, other];
    let inherits = context.from.objects.values().any(|object| match object {
        AnyObject::Inheritance(link) => is(&link.schema, &link.table) || is(&link.parent_schema, &link.parent_table),
        _ => false,
    });
    published::check(table, context)?;
    if found.foreign.is_some() || found.of_type.is_some() || inherits {
        return Err(format!("{name} inherits or is inherited from, is foreign or of a type"));
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
        let create = AnyObject::from(column).create(&context.plain());
        out.extend(create.into_iter().map(|statement| {
            let family = family::nodes(table, context);
            family::for_each(family, statement, |statement, node| {
                let named = |name: &str| Column::named(&node.path[0], &node.path[1], name);
                let statement = statement.temporary(named(&member.new)).temporary(named(&member.old));
                statement.locks(node, Lock::AccessExclusive)
            })
        }));
        sets.push_str(&format!(
            "    NEW.{} := {};\n",
            ident(&member.new),
            member.value("NEW.", context)
        ));
        sets.push_str(&kept::write_down(member, context));
    }
    let (function, identity) = function(table);
    let body = format!("\nBEGIN\n{sets}    RETURN NEW;\nEND\n");
    let on = qualified(&table.path);
    let own = |sql: String| Statement::new(sql).temporary(identity.clone());
    // Who writes has no right to quarantine, and gets none: nobody else can make a trigger of the function.
    let concerns_quarantine = kept::concerns(chain, table, context);
    let settings = match (chain.keeps_what_is_said(), concerns_quarantine) {
        (true, false) => String::new(),
        (true, true) => "SECURITY DEFINER SET search_path = '' ".to_owned(),
        (false, false) => ALIKE.to_owned(),
        (false, true) => format!("SECURITY DEFINER {ALIKE}"),
    };
    out.push(own(format!(
        "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql {settings}AS {}",
        dollar(&body)
    )));
    if concerns_quarantine {
        out.push(own(format!("REVOKE EXECUTE ON FUNCTION {function}() FROM PUBLIC")));
    }
    // Always: also for sessions that replay changes of another server, whose rows count as much.
    let both = [
        format!("CREATE TRIGGER {TRIGGER} BEFORE INSERT OR UPDATE ON {on} FOR EACH ROW EXECUTE FUNCTION {function}()"),
        format!("ALTER TABLE {on} ENABLE ALWAYS TRIGGER {TRIGGER}"),
    ];
    out.extend(both.map(|sql| {
        let family = family::nodes(table, context);
        family::for_each(family, own(sql), |statement, node| {
            let trigger = Identity::new(Kind::Trigger, node.path.iter().map(Name::as_str).chain([TRIGGER]));
            statement.temporary(trigger).locks(node, Lock::ShareRowExclusive)
        })
    }));
    out
}

fn batches(chain: &Chain, table: &Identity, context: &Context) -> Batches {
    let members: Vec<&Member> = chain.of_table(table).collect();
    let row = |member: &Member| {
        if kept::reads(member, context) {
            format!("{}.", ident(table.name()))
        } else {
            String::new()
        }
    };
    let sets = members
        .iter()
        .map(|member| format!("{} = {}", ident(&member.new), member.value(&row(member), context)));
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
            .map(|member| Column::named(&table.path[0], &table.path[1], &member.new))
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
fn guard(member: &Member, context: &Context) -> Statement {
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
    let guard = Statement::new(format!("DO {}", dollar(&body))).transaction(Transaction::Alone);
    family::for_each(family::leaves(&member.table(), context), guard, Statement::scans)
}

fn proof(member: &Member, context: &Context) -> [Statement; 2] {
    let table = member.table();
    let name = proof_name(member);
    let on = qualified(&table.path);
    let family = || family::nodes(&table, context);
    let add = Statement::new(format!(
        "ALTER TABLE {on} ADD CONSTRAINT {} CHECK ({} IS NOT NULL) NOT VALID",
        ident(&name),
        ident(&member.new)
    ));
    let validate = Statement::new(format!("ALTER TABLE {on} VALIDATE CONSTRAINT {}", ident(&name)));
    let locked = |statement: Statement, lock: Lock| {
        family::for_each(family(), statement, |statement, node| statement.locks(node, lock))
    };
    let validate = locked(validate, Lock::ShareUpdateExclusive);
    [
        locked(add, Lock::AccessExclusive),
        family::for_each(family::leaves(&table, context), validate, Statement::scans),
    ]
    .map(|statement| {
        family::for_each(
            family(),
            statement.transaction(Transaction::Alone),
            |statement, node| statement.temporary(Check::named(&node.path[0], &node.path[1], &name)),
        )
    })
}

/// Returns the tables that the swap changes: those of the chain, and those that only refer to them.
pub(super) fn tables(chain: &Chain, context: &Context) -> Vec<Identity> {
    let mut out: Vec<Identity> = Vec::new();
    for table in chain.tables() {
        out.extend(family::nodes(&table, context));
    }
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
