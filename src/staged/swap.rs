//! The swap: in one short transaction the new columns take the names of the old ones, and everything that speaks of them
//! changes over, and the old columns go: their values are in the new ones. Behind it checks are validated again.

use std::collections::BTreeSet;

use super::beside::{self, TRIGGER};
use super::chain::{Chain, Member};
use super::dependents::{Dependents, OF_COLUMNS, dependents, reached};
use super::{Script, built, family, kept};
use crate::catalog::quote::{ident, literal, qualified};
use crate::catalog::{Catalog, Identity};
use crate::kinds::{
    AnyObject, Check, ColumnIdentity, Context, Index, Kind, Lock, Loss, NotNull, Statement, Table, Transaction,
    chosen_name,
};
use crate::plan::{Change, Phase, Reversal, Sentence, Verb, route};
use crate::quarantine::COPIED;

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
    sentences.extend(said(&renames(chain, context)));
    sentences.extend(said(&hand_over(&dependents, &arrive)));
    // Before anything else takes their places: a name that PostgreSQL chooses must not be taken.
    sentences.extend(chain.members.iter().map(|member| drop(member, context)));
    sentences.extend(said(&into_place(chain, &dependents, context, &arrive)?));
    let mut back = way(&Context::new(&closing, &reached, context.version_num));
    let filled = left_empty(&mut back, &dependents, &arrive);
    sentences.extend(back);
    let changes = changes(chain, &dependents, context, &reached);
    push(chain, context, script, sentences, changes);
    for (view, refresh) in filled {
        script.step(
            Phase::Validation,
            "filled again behind the swap",
            vec![refresh],
            vec![rebuilt(&view)],
        );
    }
    for check in checks(&dependents, &arrive) {
        script.step(
            Phase::Validation,
            "validated again",
            vec![validate(check, context)],
            vec![rebuilt(&check_identity(check))],
        );
    }
    for (column, drop) in kept::clear(chain, context) {
        script.about(&column);
        script.step(
            Phase::Contract,
            "the copy in quarantine is needed no more",
            vec![drop],
            Vec::new(),
        );
    }
    Ok(reached)
}

/// Leaves materialized views without rows, as nobody reads the tables meanwhile; returns what fills them, in their order.
fn left_empty(sentences: &mut [Sentence], dependents: &Dependents, arrive: &Context) -> Vec<(Identity, Statement)> {
    let views = dependents.remade.iter();
    let views = views.filter(|identity| identity.kind == Kind::MaterializedView);
    let mut out: Vec<(usize, (Identity, Statement))> = Vec::new();
    for view in views {
        let create = arrive
            .after(view)
            .and_then(|view| view.create(arrive).into_iter().next());
        let Some(create) = create.map(|statement| statement.sql()) else {
            continue;
        };
        let found = sentences.iter_mut().enumerate();
        for (at, sentence) in found.filter(|(_, sentence)| sentence.sql == create) {
            sentence.sql.push_str(" WITH NO DATA");
            let refresh = Statement::new(format!("REFRESH MATERIALIZED VIEW {}", qualified(&view.path)))
                .locks(view.clone(), Lock::AccessExclusive)
                .rewrites(view.clone())
                .transaction(Transaction::Alone);
            out.push((at, (view.clone(), refresh)));
        }
    }
    out.sort_by_key(|(at, _)| *at);
    out.into_iter().map(|(_, fill)| fill).collect()
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
    let columns = chain.columns();
    let mut out: Vec<Change> = columns.iter().map(|column| altered(column, Verb::Alter)).collect();
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
    let leaving = dependents.leaving.iter();
    out.extend(leaving.map(|own| altered(own, Verb::Drop)));
    out.extend(dependents.remade.iter().map(rebuilt));
    out
}

/// Adds the step of the swap.
fn push(chain: &Chain, context: &Context, script: &mut Script, sentences: Vec<Sentence>, mut changes: Vec<Change>) {
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
        step.reversal = Reversal::of(&sentences);
        step.statements = sentences;
        let places = kept::places(chain, context);
        if !places.is_empty() {
            step.reversal = Reversal::Exact;
            let form = step.form.take().unwrap_or_default();
            step.form = Some(format!("{COPIED}{}; {form}", places.join(", ")));
        }
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

/// Gives the new columns the sequences that go with the old ones otherwise.
fn hand_over(dependents: &Dependents, arrive: &Context) -> Vec<Statement> {
    let objects = dependents.own.iter().filter_map(|own| arrive.after(own));
    let owners = objects.filter_map(|object| match object {
        AnyObject::SequenceOwner(owner) => Some(Statement::new(format!(
            "ALTER SEQUENCE {} OWNED BY {}",
            qualified([&owner.schema, &owner.sequence]),
            qualified([&owner.schema, &owner.table, &owner.column])
        ))),
        _ => None,
    });
    owners.collect()
}

/// Drops an old column, in the same transaction: a row that is written by the places of columns must not land in it. What its
/// values lost on the way is lost now.
fn drop(member: &Member, context: &Context) -> Sentence {
    let drop = alter(member, &format!("DROP COLUMN {}", ident(&member.old)));
    let mut out = plain(Sentence::from(&with_partitions(drop, context)));
    out.facts.loss = (member.loses()).map(|how| Loss::Precision(format!("{}: {how}", member.identity().path_text())));
    out
}

/// Drops what the old columns have to give up, foreign keys first, then keys, then what belongs to the columns.
fn out_of_the_way(chain: &Chain, dependents: &Dependents, leave: &Context, reached: &Catalog) -> Vec<Statement> {
    let mut out = Vec::new();
    for table in chain.tables() {
        let on = qualified(&table.path);
        let (function, _) = beside::function(&table);
        let trigger = Statement::new(format!("DROP TRIGGER {TRIGGER} ON {on}")).locks(table, Lock::AccessExclusive);
        out.push(with_partitions(trigger, leave));
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
    ];
    for kind in order {
        let objects = dependents.own.iter().filter(|own| own.kind == kind);
        out.extend(
            objects
                .filter_map(|own| leave.before(own))
                .filter(|object| !goes_with_another(object, leave))
                .flat_map(|object| object.drop(leave))
                .map(|drop| match kind {
                    // Each partition has one of its own.
                    Kind::ColumnDefault => drop,
                    Kind::ColumnIdentity => identity_of_all(drop, leave),
                    _ => with_partitions(drop, leave),
                }),
        );
    }
    let owned = dependents.own.iter().filter(|own| own.kind == Kind::SequenceOwner);
    let left = owned
        .filter(|own| !reached.contains(own))
        .filter_map(|own| leave.before(own));
    out.extend(left.flat_map(|object| object.drop(leave)));
    out
}

/// Tells whether an object of a partition stands and falls with that of the partitioned table.
fn goes_with_another(object: &AnyObject, context: &Context) -> bool {
    match object {
        AnyObject::Key(key) => key.inherits.is_some(),
        AnyObject::Index(index) => index.inherits.is_some(),
        object => object.carrier(context).is_some(),
    }
}

/// Adds the partitions of the tables that a statement locks.
fn with_partitions(mut statement: Statement, context: &Context) -> Statement {
    let strong = statement.facts.locks.clone();
    for (table, lock) in strong
        .into_iter()
        .filter(|(table, _)| family::is_partitioned(table, context))
    {
        let partitions = family::nodes(&table, context).split_off(1);
        statement = family::for_each(partitions, statement, |own, node| own.locks(node, lock));
    }
    statement
}

/// Partitions have the identity of the whole since PostgreSQL 17.
fn identity_of_all(add: Statement, context: &Context) -> Statement {
    if context.version_num < 170_000 {
        return add;
    }
    with_partitions(add, context)
}

fn renames(chain: &Chain, context: &Context) -> Vec<Statement> {
    let both = chain.members.iter().flat_map(|member| {
        let rename = |from: &str, to: &str| {
            let rename = alter(member, &format!("RENAME COLUMN {} TO {}", ident(from), ident(to)));
            with_partitions(rename, context)
        };
        let name = &member.before.name;
        [rename(name, &member.old), rename(&member.new, name)]
    });
    both.collect()
}

fn index_into_place(index: &Index, arrive: &Context) -> Vec<Statement> {
    if index.partitioned {
        return AnyObject::from(index.clone()).create(arrive);
    }
    let from = qualified([&index.schema, &built::index_name(index)]);
    let mut out = vec![Statement::new(format!(
        "ALTER INDEX {from} RENAME TO {}",
        ident(&index.name)
    ))];
    if index.settings.clustered {
        let on = qualified([&index.schema, &index.table]);
        out.push(Statement::new(format!(
            "ALTER TABLE {on} CLUSTER ON {}",
            ident(&index.name)
        )));
    }
    out
}

fn into_place(
    chain: &Chain,
    dependents: &Dependents,
    context: &Context,
    arrive: &Context,
) -> Result<Vec<Statement>, String> {
    let mut out = Vec::new();
    for member in chain
        .members
        .iter()
        .filter(|member| beside::must_have_value(member, context))
    {
        let own = not_null(member, context).into_iter();
        out.extend(own.map(|statement| with_partitions(statement, context)));
    }
    for key in built::keys(chain, context) {
        if family::is_partitioned(&Table::named(&key.schema, &key.table), context) {
            out.extend(AnyObject::from(key.clone()).create(arrive));
        } else {
            out.extend(built::key_beside(chain, key, context)?.1);
        }
    }
    for index in &dependents.indexes {
        out.extend(index_into_place(index, arrive));
    }
    let attachments = dependents.own.iter().filter(|own| own.kind == Kind::IndexAttachment);
    let attachments = attachments.filter_map(|own| arrive.after(own));
    out.extend(attachments.flat_map(|attachment| attachment.create(arrive)));
    for key in built::kept_foreign_keys(chain, context) {
        for (beside, name) in built::foreign_keys_beside(chain, key, context)? {
            let AnyObject::ForeignKey(beside) = beside else {
                continue;
            };
            let sql = format!(
                "ALTER TABLE {} RENAME CONSTRAINT {} TO {}",
                qualified([&beside.schema, &beside.table]),
                ident(&beside.name),
                ident(&name)
            );
            let table = Table::named(&beside.schema, &beside.table);
            out.push(Statement::new(sql).locks(table, Lock::AccessExclusive));
        }
        if family::is_partitioned(&Table::named(&key.schema, &key.table), context) {
            // It takes those of the partitions for its own, and reads nothing.
            let create = AnyObject::from(key.clone()).create(arrive).into_iter();
            out.extend(create.map(|add| {
                let add = add.locks(key.referenced_identity(), Lock::AccessExclusive);
                with_partitions(add, context)
            }));
        }
    }
    for identity in &dependents.own {
        match arrive.after(identity) {
            Some(default @ AnyObject::ColumnDefault(_)) => out.extend(default.create(arrive)),
            Some(new @ AnyObject::ColumnIdentity(_)) if !context.from.contains(identity) => {
                let create = new.create(arrive).into_iter();
                out.extend(create.map(|add| identity_of_all(add, context)));
            }
            Some(check) if check.carrier(arrive).is_some() => {}
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
        out.extend(create.into_iter().take(1).map(|add| identity_of_all(add, context)));
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
    Ok(out)
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

fn checks<'a>(dependents: &Dependents, arrive: &Context<'a>) -> Vec<&'a Check> {
    let objects = dependents.own.iter().filter_map(|own| arrive.after(own));
    let objects = objects.filter(|object| object.carrier(arrive).is_none());
    objects
        .filter_map(|object| match object {
            AnyObject::Check(check) if check.valid && check.enforced => Some(check.as_ref()),
            _ => None,
        })
        .collect()
}

fn check_identity(check: &Check) -> Identity {
    Check::named(&check.schema, &check.table, &check.name)
}

fn validate(check: &Check, context: &Context) -> Statement {
    let table = Table::named(&check.schema, &check.table);
    let sql = format!(
        "ALTER TABLE {} VALIDATE CONSTRAINT {}",
        qualified([&check.schema, &check.table]),
        ident(&check.name)
    );
    let validate = Statement::new(sql).transaction(Transaction::Alone);
    let validate = family::for_each(family::nodes(&table, context), validate, |statement, node| {
        statement.locks(node, Lock::ShareUpdateExclusive)
    });
    family::for_each(family::leaves(&table, context), validate, Statement::scans)
}
