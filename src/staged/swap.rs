//! The swap: in one short transaction the new columns take the names of the old ones, and everything that speaks of them
//! changes over, and the old columns go: their values are in the new ones. Behind it checks are validated again.

use std::collections::BTreeSet;

use super::beside::{self, TRIGGER};
use super::chain::{Chain, Member};
use super::{Script, once};
use crate::catalog::quote::{ident, literal, qualified};
use crate::catalog::{Catalog, Identity};
use crate::kinds::{
    AnyObject, Check, ColumnIdentity, Context, ForeignKey, Index, Key, KeyType, Kind, Lock, NotNull, Statement, Table,
    Transaction, chosen_name,
};
use crate::plan::{Change, Phase, Sentence, Verb, route};

/// Kinds that are dropped before the swap and created again behind it, in its transaction.
const REMADE: [Kind; 5] = [Kind::View, Kind::Rule, Kind::Trigger, Kind::Policy, Kind::Statistics];

/// Kinds that are a part of a column, or only hold while it is what it is.
const OF_COLUMNS: [Kind; 4] = [
    Kind::ColumnDefault,
    Kind::ColumnIdentity,
    Kind::SequenceOwner,
    Kind::Check,
];

/// Kinds that say something about another object.
const ATTACHED: [Kind; 3] = [Kind::Comment, Kind::Privilege, Kind::Owner];

/// What depends on the columns of a chain.
struct Dependents {
    /// What the swap gives a new form itself.
    own: BTreeSet<Identity>,
    /// What is said about those.
    said: Vec<Identity>,
    /// What is dropped and created again.
    remade: BTreeSet<Identity>,
}

/// Writes the swap and what comes behind it; returns the state that is reached.
pub(super) fn write(chain: &Chain, context: &Context, script: &mut Script) -> Result<Catalog, String> {
    let dependents = dependents(chain, context)?;
    let reached = reached(chain, &dependents, context);
    let without = |catalog: &Catalog, more: &BTreeSet<Identity>| {
        let mut out = catalog.clone();
        for identity in dependents.remade.iter().chain(more) {
            out.remove(identity);
        }
        out
    };
    let none = BTreeSet::new();
    let (open, closing) = (without(context.from, &none), without(&reached, &none));
    let bare = without(context.from, &dependents.own);
    let leave = Context::new(context.from, &bare, context.version_num);
    let arrive = Context::new(&bare, &reached, context.version_num);
    let mut sentences = said(&lock(chain, context));
    sentences.extend(way(&Context::new(context.from, &open, context.version_num)));
    sentences.extend(said(&out_of_the_way(chain, &dependents, &leave, &reached)));
    sentences.extend(said(&renames(chain)));
    sentences.extend(said(&into_place(chain, &dependents, context, &arrive)));
    sentences.extend(way(&Context::new(&closing, &reached, context.version_num)));
    // In the same transaction: a row that is written by the places of columns must not land in an old one.
    let drop = |member: &Member| alter(member, &format!("DROP COLUMN {}", ident(&member.old)));
    sentences.extend(said(&chain.members.iter().map(drop).collect::<Vec<_>>()));
    push(chain, script, sentences, changes(chain, &dependents, context, &reached));
    for check in checks(&dependents, &reached) {
        script.step(
            Phase::Validation,
            "validated again",
            vec![validate(check)],
            vec![rebuilt(&check_identity(check))],
        );
    }
    Ok(reached)
}

fn rebuilt(object: &Identity) -> Change {
    Change {
        object: object.clone(),
        verb: Verb::Rebuild,
    }
}

/// Returns what the swap changes.
fn changes(chain: &Chain, dependents: &Dependents, context: &Context, reached: &Catalog) -> Vec<Change> {
    let altered = |object: &Identity, verb| Change {
        object: object.clone(),
        verb,
    };
    let mut out: Vec<Change> = chain
        .members
        .iter()
        .map(|member| altered(&member.identity(), Verb::Alter))
        .collect();
    let of_columns = dependents.own.iter().filter(|own| OF_COLUMNS.contains(&own.kind));
    out.extend(
        of_columns.filter_map(|own| match (context.before(own), reached.get(own)) {
            (Some(_), None) => Some(altered(own, Verb::Drop)),
            (None, Some(_)) => Some(altered(own, Verb::Create)),
            (Some(_), Some(_)) if own.kind == Kind::Check => Some(rebuilt(own)),
            (Some(_), Some(_)) if own.kind == Kind::ColumnIdentity => Some(altered(own, Verb::Alter)),
            (Some(before), Some(after)) if before != after => Some(altered(own, Verb::Alter)),
            _ => None,
        }),
    );
    out.extend(dependents.remade.iter().map(rebuilt));
    out
}

/// Adds the step of the swap.
fn push(chain: &Chain, script: &mut Script, sentences: Vec<Sentence>, mut changes: Vec<Change>) {
    script.about(&chain.members[0].identity());
    changes.retain(|change| change.object != script.of.object);
    // The statement only makes the step; what it says is the whole transaction.
    script.step(
        Phase::Contract,
        "swapped in one transaction",
        vec![Statement::new("")],
        changes,
    );
    if let Some(step) = script.steps.last_mut() {
        step.statements = sentences;
    }
}

fn said(statements: &[Statement]) -> Vec<Sentence> {
    statements
        .iter()
        .map(|statement| plain(Sentence::from(statement)))
        .collect()
}

/// What the swap drops it makes again: nothing is lost. Nothing is read either: what would be is proven.
fn plain(mut sentence: Sentence) -> Sentence {
    sentence.facts.loss = None;
    sentence.facts.scans.clear();
    sentence.facts.rewrites.clear();
    sentence.facts.transaction = Transaction::Inside;
    sentence
}

/// Returns what leads from one state to the other.
fn way(context: &Context) -> Vec<Sentence> {
    let steps = route(context).steps;
    steps.into_iter().flat_map(|step| step.statements).map(plain).collect()
}

fn dependents(chain: &Chain, context: &Context) -> Result<Dependents, String> {
    let mut own: BTreeSet<Identity> = BTreeSet::new();
    own.extend(
        beside::keys(chain, context)
            .iter()
            .map(|key| Key::named(&key.schema, &key.table, &key.name)),
    );
    own.extend(
        beside::indexes(chain, context)
            .iter()
            .map(|index| Index::named(&index.schema, &index.name)),
    );
    own.extend(
        beside::foreign_keys(chain, context)
            .iter()
            .map(|key| ForeignKey::named(&key.schema, &key.table, &key.name)),
    );
    let all = context.from.dependents();
    let columns = chain.columns();
    let mut direct: BTreeSet<Identity> = BTreeSet::new();
    for object in columns.iter().chain(&own) {
        direct.extend(
            all.get(object)
                .into_iter()
                .flatten()
                .map(|dependent| (*dependent).clone()),
        );
    }
    for (identity, object) in &context.from.objects {
        if object
            .parent()
            .is_some_and(|parent| columns.contains(&parent) || own.contains(&parent))
        {
            direct.insert(identity.clone());
        }
    }
    let (mut said, mut open) = (Vec::new(), Vec::new());
    for identity in direct {
        match identity.kind {
            Kind::NotNull | Kind::ColumnDefault | Kind::ColumnIdentity | Kind::SequenceOwner | Kind::Check => {
                own.insert(identity);
            }
            Kind::Key | Kind::Index | Kind::ForeignKey if own.contains(&identity) => {}
            kind if ATTACHED.contains(&kind) => said.push(identity),
            _ => open.push(identity),
        }
    }
    for (identity, object) in &context.from.objects {
        let is_of_own = object.parent().is_some_and(|parent| own.contains(&parent));
        if is_of_own && ATTACHED.contains(&identity.kind) {
            said.push(identity.clone());
        }
    }
    let mut remade = BTreeSet::new();
    while let Some(identity) = open.pop() {
        if columns.contains(&identity) || own.contains(&identity) || !remade.insert(identity.clone()) {
            continue;
        }
        if !REMADE.contains(&identity.kind) && !ATTACHED.contains(&identity.kind) {
            return Err(format!("{identity} depends on it"));
        }
        open.extend(
            all.get(&identity)
                .into_iter()
                .flatten()
                .map(|dependent| (*dependent).clone()),
        );
        let parts = context
            .from
            .objects
            .iter()
            .filter(|(_, object)| object.parent().as_ref() == Some(&identity));
        open.extend(parts.map(|(part, _)| part.clone()));
    }
    if !chain.keeps_what_is_said() {
        own.extend(arriving(&columns, context));
    }
    // Said about what is remade: comes back with it.
    let mut said = once(said);
    said.retain(|identity| !remade.contains(identity));
    let is_odd = |identity: &&Identity| match context.before(identity) {
        Some(AnyObject::NotNull(not_null)) => not_null.no_inherit || !not_null.valid,
        Some(AnyObject::Check(check)) => !check.valid || !check.enforced,
        _ => false,
    };
    if let Some(odd) = own.iter().find(is_odd) {
        return Err(format!("{odd} has more to it than its condition"));
    }
    Ok(Dependents { own, said, remade })
}

/// Returns where the values of the new columns will come from, which the old columns have nothing of.
fn arriving(columns: &BTreeSet<Identity>, context: &Context) -> Vec<Identity> {
    let of_column = |identity: &&Identity, object: &AnyObject| {
        [Kind::ColumnDefault, Kind::ColumnIdentity].contains(&identity.kind)
            && object.parent().is_some_and(|parent| columns.contains(&parent))
            && context.before(identity).is_none()
    };
    let all = context.to.objects.iter();
    all.filter(|(identity, object)| of_column(identity, object))
        .map(|(identity, _)| identity.clone())
        .collect()
}

/// Returns the state behind the stages: the columns as they will be, everything else as it is.
fn reached(chain: &Chain, dependents: &Dependents, context: &Context) -> Catalog {
    let mut out = context.from.clone();
    for member in &chain.members {
        out.insert(member.after.clone().into());
    }
    for identity in &dependents.remade {
        bring(&mut out, identity, context);
    }
    if !chain.keeps_what_is_said() {
        for identity in dependents.own.iter().filter(|own| OF_COLUMNS.contains(&own.kind)) {
            out.remove(identity);
            bring(&mut out, identity, context);
        }
        return out;
    }
    for identity in dependents.own.iter().filter(|own| own.kind == Kind::ColumnIdentity) {
        let (Some(AnyObject::ColumnIdentity(before)), after) = (context.before(identity), context.after(identity))
        else {
            continue;
        };
        let after = match after {
            Some(AnyObject::ColumnIdentity(after)) => after.clone(),
            _ => before.clone(),
        };
        out.insert(AnyObject::ColumnIdentity(after));
    }
    out
}

/// Gives an object the form that it will have, as far as what it needs is there.
fn bring(catalog: &mut Catalog, identity: &Identity, context: &Context) {
    let Some(after) = context.after(identity) else { return };
    if context.to.dependencies_of(identity).all(|on| catalog.contains(on)) {
        catalog.insert(after.clone());
    }
}

fn lock(chain: &Chain, context: &Context) -> Vec<Statement> {
    let tables = beside::tables(chain, context);
    let names: Vec<String> = tables.iter().map(|table| qualified(&table.path)).collect();
    let lock = Statement::new(format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names.join(", ")));
    vec![
        tables
            .into_iter()
            .fold(lock, |lock, table| lock.locks(table, Lock::AccessExclusive)),
    ]
}

fn alter(member: &Member, action: &str) -> Statement {
    let table = qualified([&member.before.schema, &member.before.table]);
    Statement::new(format!("ALTER TABLE {table} {action}")).locks(member.table(), Lock::AccessExclusive)
}

/// Drops what the old columns have to give up, foreign keys first, then keys, then what belongs to the columns.
fn out_of_the_way(chain: &Chain, dependents: &Dependents, leave: &Context, reached: &Catalog) -> Vec<Statement> {
    let mut out = Vec::new();
    for table in chain.tables() {
        let on = qualified(&table.path);
        let (function, _) = beside::function(&table);
        out.push(Statement::new(format!("DROP TRIGGER {TRIGGER} ON {on}")).locks(table, Lock::AccessExclusive));
        out.push(Statement::new(format!("DROP FUNCTION {function}()")));
    }
    for (number, sequence) in carried(dependents, leave.from, reached).into_iter().enumerate() {
        let name = qualified([&sequence.schema, &sequence.sequence]);
        out.push(Statement::new(format!(
            "SELECT pg_catalog.set_config('trueup.identity_{number}', last_value::text || ' ' || is_called::text, false) FROM {name}"
        )));
    }
    let order = [
        Kind::ForeignKey,
        Kind::Check,
        Kind::Key,
        Kind::Index,
        Kind::ColumnDefault,
        Kind::ColumnIdentity,
        Kind::NotNull,
    ];
    for kind in order {
        let objects = dependents.own.iter().filter(|own| own.kind == kind);
        out.extend(
            objects
                .filter_map(|own| leave.before(own))
                .flat_map(|object| object.drop(leave)),
        );
    }
    let owned = dependents.own.iter().filter(|own| own.kind == Kind::SequenceOwner);
    let left = owned
        .filter(|own| !reached.contains(own))
        .filter_map(|own| leave.before(own));
    out.extend(left.flat_map(|object| object.drop(leave)));
    out
}

fn renames(chain: &Chain) -> Vec<Statement> {
    let both = chain.members.iter().flat_map(|member| {
        let rename = |from: &str, to: &str| alter(member, &format!("RENAME COLUMN {} TO {}", ident(from), ident(to)));
        let name = &member.before.name;
        [rename(name, &member.old), rename(&member.new, name)]
    });
    both.collect()
}

fn into_place(chain: &Chain, dependents: &Dependents, context: &Context, arrive: &Context) -> Vec<Statement> {
    let mut out = Vec::new();
    for member in chain
        .members
        .iter()
        .filter(|member| beside::must_have_value(member, context))
    {
        out.extend(not_null(member, context));
    }
    for key in beside::keys(chain, context) {
        let words = if key.constraint == KeyType::Primary {
            "PRIMARY KEY"
        } else {
            "UNIQUE"
        };
        let sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {} {words} USING INDEX {}",
            qualified([&key.schema, &key.table]),
            ident(&key.name),
            ident(&beside::key_index_name(key))
        );
        out.push(Statement::new(sql).locks(Table::named(&key.schema, &key.table), Lock::AccessExclusive));
    }
    for index in beside::indexes(chain, context) {
        let from = qualified([&index.schema, &beside::index_name(index)]);
        out.push(Statement::new(format!(
            "ALTER INDEX {from} RENAME TO {}",
            ident(&index.name)
        )));
    }
    for key in beside::foreign_keys(chain, context) {
        let sql = format!(
            "ALTER TABLE {} RENAME CONSTRAINT {} TO {}",
            qualified([&key.schema, &key.table]),
            ident(&beside::foreign_key_name(key)),
            ident(&key.name)
        );
        out.push(Statement::new(sql).locks(Table::named(&key.schema, &key.table), Lock::AccessExclusive));
    }
    for identity in &dependents.own {
        match arrive.after(identity) {
            Some(AnyObject::SequenceOwner(owner)) => out.push(Statement::new(format!(
                "ALTER SEQUENCE {} OWNED BY {}",
                qualified([&owner.schema, &owner.sequence]),
                qualified([&owner.schema, &owner.table, &owner.column])
            ))),
            Some(default @ AnyObject::ColumnDefault(_)) => out.extend(default.create(arrive)),
            Some(new @ AnyObject::ColumnIdentity(_)) if !context.from.contains(identity) => {
                out.extend(new.create(arrive));
            }
            Some(AnyObject::Check(check)) => {
                let check = Check {
                    valid: false,
                    ..Check::clone(check)
                };
                out.extend(AnyObject::from(check).create(arrive));
            }
            _ => {}
        }
    }
    for (number, sequence) in carried(dependents, arrive.to, context.from).into_iter().enumerate() {
        // What follows the first statement guesses the next value, which is known here.
        let create = AnyObject::from(sequence.clone()).create(arrive);
        out.extend(create.into_iter().take(1));
        let name = literal(&qualified([&sequence.schema, &sequence.sequence]));
        let part =
            |at| format!("pg_catalog.split_part(pg_catalog.current_setting('trueup.identity_{number}'), ' ', {at})");
        out.push(Statement::new(format!(
            "SELECT pg_catalog.setval({name}, {}::bigint, {}::boolean)",
            part(1),
            part(2)
        )));
    }
    let said = dependents.said.iter().filter_map(|identity| arrive.after(identity));
    out.extend(said.flat_map(|object| object.create(arrive)));
    out
}

/// Returns the identities that stand in both states, as they are in the first.
fn carried<'a>(dependents: &Dependents, catalog: &'a Catalog, other: &Catalog) -> Vec<&'a ColumnIdentity> {
    let both = dependents.own.iter().filter(|own| other.contains(own));
    let objects = both.filter_map(|own| catalog.get(own));
    objects
        .filter_map(|object| match object {
            AnyObject::ColumnIdentity(identity) => Some(identity.as_ref()),
            _ => None,
        })
        .collect()
}

/// Makes the new column `NOT NULL`, which the check proves, and drops the check.
fn not_null(member: &Member, context: &Context) -> Vec<Statement> {
    let column = &member.before;
    let mut out = vec![alter(
        member,
        &format!("ALTER COLUMN {} SET NOT NULL", ident(&column.name)),
    )];
    let own = context.before(&NotNull::named(&column.schema, &column.table, &column.name));
    let name = match own {
        Some(AnyObject::NotNull(own)) => own.name.as_ref(),
        _ => None,
    };
    if let Some(name) = name {
        let chosen = chosen_name(&column.table, Some(&column.name), "not_null");
        out.push(alter(
            member,
            &format!("RENAME CONSTRAINT {} TO {}", ident(&chosen), ident(name)),
        ));
    }
    out.push(alter(
        member,
        &format!("DROP CONSTRAINT {}", ident(&beside::proof_name(member))),
    ));
    out
}

fn checks<'a>(dependents: &Dependents, reached: &'a Catalog) -> Vec<&'a Check> {
    let objects = dependents.own.iter().filter_map(|own| reached.get(own));
    objects
        .filter_map(|object| match object {
            AnyObject::Check(check) => Some(check.as_ref()),
            _ => None,
        })
        .collect()
}

fn check_identity(check: &Check) -> Identity {
    Check::named(&check.schema, &check.table, &check.name)
}

fn validate(check: &Check) -> Statement {
    let table = Table::named(&check.schema, &check.table);
    let sql = format!(
        "ALTER TABLE {} VALIDATE CONSTRAINT {}",
        qualified([&check.schema, &check.table]),
        ident(&check.name)
    );
    Statement::new(sql)
        .locks(table.clone(), Lock::ShareUpdateExclusive)
        .scans(table)
        .transaction(Transaction::Alone)
}
