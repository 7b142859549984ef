//! What is built beside the old columns while everybody works: columns, triggers, values, indexes, foreign keys.

use super::chain::{Chain, Member, all};
use super::{Script, once};
use crate::backfill::Batches;
use crate::catalog::quote::{dollar, ident, list, literal, qualified};
use crate::catalog::{Identity, Name};
use crate::kinds::{
    AnyObject, Check, Column, Context, ForeignKey, Index, Key, KeyType, Kind, Lock, NotNull, Statement, Table,
    Transaction, fill_in_batches, temporary_name,
};
use crate::plan::Phase;

/// Name of the trigger: triggers fire in the order of their names, and this one must see what others have changed.
pub(super) const TRIGGER: &str = "zzz_trueup_sync";

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
        for key in keys(chain, context)
            .into_iter()
            .filter(|key| Table::named(&key.schema, &key.table) == table)
        {
            let build = key_index(chain, key)?;
            script.step(Phase::Validation, "index built beside", vec![build], Vec::new());
        }
        for index in indexes(chain, context)
            .into_iter()
            .filter(|index| Table::named(&index.schema, &index.table) == table)
        {
            let beside = index_beside(chain, index)?;
            let temporary = beside.identity();
            let build = beside
                .create(context)
                .into_iter()
                .map(|statement| statement.temporary(temporary.clone()));
            script.step(Phase::Validation, "index built beside", build.collect(), Vec::new());
        }
    }
    for key in foreign_keys(chain, context) {
        let own = Column::named(&key.schema, &key.table, &key.columns[0]);
        if chain.member(&own).is_some() {
            script.about(&own);
        }
        let beside = foreign_key_beside(chain, key)?;
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
            member.value("NEW.")
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
        "SET search_path = '' "
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
        .map(|member| format!("{} = {}", ident(&member.new), member.value("")));
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

/// Returns the keys that hold a column of the chain.
pub(super) fn keys<'a>(chain: &Chain, context: &Context<'a>) -> Vec<&'a Key> {
    let columns = chain.columns();
    let holds = |key: &&Key| {
        key.columns
            .iter()
            .any(|name| columns.contains(&Column::named(&key.schema, &key.table, name)))
    };
    all::<Key>(context).into_iter().filter(holds).collect()
}

/// Returns the name of the index that a key takes over.
pub(super) fn key_index_name(key: &Key) -> String {
    temporary_name(&key.name, "new")
}

fn key_index(chain: &Chain, key: &Key) -> Result<Statement, String> {
    let words = match key.constraint {
        KeyType::Primary => "PRIMARY KEY",
        KeyType::Unique => "UNIQUE",
        KeyType::Exclusion => return Err(format!("{} excludes", key.name)),
    };
    let is_plain = key.definition == format!("{words} ({})", list(&key.columns));
    let settings = &key.settings;
    let is_bare = settings.options.is_empty() && settings.tablespace.is_none() && !settings.clustered;
    if !is_plain || !is_bare || key.deferrable || key.inherits.is_some() || !key.valid {
        return Err(format!("key {} has more to it than columns", key.name));
    }
    let columns = key.columns.iter().map(|name| chain.name(&key.schema, &key.table, name));
    let columns: Vec<String> = columns.collect();
    let (name, table) = (key_index_name(key), Table::named(&key.schema, &key.table));
    let sql = format!(
        "CREATE UNIQUE INDEX CONCURRENTLY {} ON {} USING btree ({})",
        ident(&name),
        qualified([&key.schema, &key.table]),
        list(&columns)
    );
    Ok(Statement::new(sql)
        .locks(table.clone(), Lock::ShareUpdateExclusive)
        .scans(table)
        .transaction(Transaction::Outside)
        .temporary(Index::named(&key.schema, &name)))
}

/// Returns the indexes that hold a column of the chain.
pub(super) fn indexes<'a>(chain: &Chain, context: &Context<'a>) -> Vec<&'a Index> {
    let columns = chain.columns();
    let holds = |index: &Index| {
        let own = index.columns.iter().flatten().chain(&index.include);
        let mut own = own.map(|name| Column::named(&index.schema, &index.table, name));
        own.any(|column| columns.contains(&column))
    };
    let objects: Vec<&'a AnyObject> = context.from.objects.values().collect();
    let indexes = objects.into_iter().filter_map(|object| match object {
        AnyObject::Index(index) => Some(index.as_ref()),
        _ => None,
    });
    indexes.filter(|index| holds(index)).collect()
}

/// Returns the name of the index that takes an index's place.
pub(super) fn index_name(index: &Index) -> String {
    temporary_name(&index.name, "new")
}

fn index_beside(chain: &Chain, index: &Index) -> Result<AnyObject, String> {
    let more = || format!("index {} has more to it than columns", index.name);
    let settings = &index.settings;
    let is_bare = settings.options.is_empty()
        && settings.tablespace.is_none()
        && !settings.clustered
        && settings.statistics.is_empty();
    if !is_bare || index.inherits.is_some() || !index.valid {
        return Err(more());
    }
    let parts: Vec<&str> = index.keys.split(", ").collect();
    if parts.len() != index.columns.len() {
        return Err(more());
    }
    let mut keys = Vec::new();
    for (part, column) in parts.iter().zip(&index.columns) {
        let column = column.as_ref().ok_or_else(more)?;
        let rest = part.strip_prefix(&ident(column)).ok_or_else(more)?;
        keys.push(format!(
            "{}{rest}",
            ident(&chain.name(&index.schema, &index.table, column))
        ));
    }
    let table = Table::named(&index.schema, &index.table);
    let names_member = |text: &String| chain.of_table(&table).any(|member| text.contains(&member.before.name));
    if index.predicate.as_ref().is_some_and(names_member) {
        return Err(more());
    }
    let include = index
        .include
        .iter()
        .map(|name| chain.name(&index.schema, &index.table, name));
    Ok(AnyObject::from(Index {
        name: index_name(index),
        keys: keys.join(", "),
        include: include.collect(),
        columns: index.columns.clone(),
        ..index.clone()
    }))
}

/// Returns the foreign keys from or to a column of the chain.
pub(super) fn foreign_keys<'a>(chain: &Chain, context: &Context<'a>) -> Vec<&'a ForeignKey> {
    let columns = chain.columns();
    let holds = |key: &&ForeignKey| {
        let own = key
            .columns
            .iter()
            .map(|name| Column::named(&key.schema, &key.table, name));
        let to = key.referenced_columns.iter();
        let to = to.map(|name| Column::named(&key.referenced_schema, &key.referenced_table, name));
        own.chain(to).any(|column| columns.contains(&column))
    };
    all::<ForeignKey>(context).into_iter().filter(holds).collect()
}

/// Returns the name of the foreign key that takes a foreign key's place.
pub(super) fn foreign_key_name(key: &ForeignKey) -> String {
    temporary_name(&key.name, "new")
}

fn foreign_key_beside(chain: &Chain, key: &ForeignKey) -> Result<AnyObject, String> {
    let (columns, referenced) = (list(&key.columns), list(&key.referenced_columns));
    let to = qualified([&key.referenced_schema, &key.referenced_table]);
    let head = format!("FOREIGN KEY ({columns}) REFERENCES {to}({referenced})");
    let is_plain = key.definition.strip_prefix(&head).filter(|rest| !rest.contains('('));
    let rest = is_plain.filter(|_| key.inherited.is_none() && key.valid && key.enforced && key.own_name == key.name);
    let rest = rest.ok_or_else(|| format!("foreign key {} has more to it than columns", key.name))?;
    let own: Vec<String> = key
        .columns
        .iter()
        .map(|name| chain.name(&key.schema, &key.table, name))
        .collect();
    let others = key.referenced_columns.iter();
    let others: Vec<String> = others
        .map(|name| chain.name(&key.referenced_schema, &key.referenced_table, name))
        .collect();
    let name = foreign_key_name(key);
    Ok(AnyObject::from(ForeignKey {
        definition: format!("FOREIGN KEY ({}) REFERENCES {to}({}){rest}", list(&own), list(&others)),
        columns: own,
        referenced_columns: others,
        own_name: name.clone(),
        name,
        ..key.clone()
    }))
}

/// Returns the tables that the swap changes: those of the chain, and those that only refer to them.
pub(super) fn tables(chain: &Chain, context: &Context) -> Vec<Identity> {
    let mut out = chain.tables();
    let others = foreign_keys(chain, context)
        .into_iter()
        .flat_map(|key| [Table::named(&key.schema, &key.table), key.referenced_identity()]);
    for other in once(others) {
        if !out.contains(&other) {
            out.push(other);
        }
    }
    out
}
