//! How values of a type that is replaced become values of its successor, wherever columns hold them: what is in a domain as its
//! types are converted, a composite attribute by attribute, by name, all else by its text.
//!
//! PostgreSQL takes no subquery where a column is converted, so that composites in arrays and inside of others are reached by
//! a cast: it is made for the conversion and dropped behind it.

use std::collections::BTreeSet;

use super::{Alter, AnyObject, Column, CompositeType, Context, Loss, Object, Statement, derived_name, type_change};
use crate::catalog::quote::{dollar, ident, qualified};
use crate::catalog::{Catalog, Identity};

/// What converts the values of a column.
pub(super) struct Exchange {
    /// Statements that come before it.
    pub(super) before: Vec<Statement>,
    /// Expression over the column, where the server's own conversion would do otherwise.
    pub(super) using: Option<String>,
    /// Statements that come behind it.
    pub(super) behind: Vec<Statement>,
    /// What it destroys.
    pub(super) loss: Option<Loss>,
    /// Whether the table is written anew.
    pub(super) rewrites: bool,
}

/// Returns the conversion of a column to the successor of its type, which has the same name.
pub(super) fn conversion(column: &Column, context: &Context) -> Exchange {
    let types = Types { context };
    let (name, data_type) = (ident(&column.name), column.data_type.as_str());
    let own = types.named(&column.identity(), data_type);
    let path = qualified([&column.schema, &column.table, &column.name]);
    let loss = types.loss(&column.identity(), data_type, &path);
    let Some(own) = own.filter(|own| types.is_reshaped(own)) else {
        let [from, to] = [context.from, context.to].map(|of| below_domains(&column.identity(), data_type, of));
        let is_same = from == to;
        return Exchange {
            before: Vec::new(),
            // Fails on a value that does not fit rather than losing it.
            using: if is_same {
                Some(format!("{name}::text::{data_type}"))
            } else {
                type_change::using(&name, &from, &to, context)
            },
            behind: Vec::new(),
            loss,
            rewrites: is_same || type_change::rewrites(&from, &to) || column.has_checked_domain(context),
        };
    };
    let whole = types.composite(own).filter(|(_, after)| after.sql_name() == data_type);
    let mut casts = Vec::new();
    types.casts(own, whole.is_none(), &mut casts);
    let using = match whole {
        Some(_) => types.converted(own, &name),
        None => format!("{name}::{data_type}"),
    };
    Exchange {
        before: casts.iter().flat_map(|of| types.make_cast(of)).collect(),
        using: Some(using),
        behind: casts.iter().rev().flat_map(|of| types.drop_cast(of)).collect(),
        loss,
        rewrites: true,
    }
}

/// Returns the type that the domains of a column, an attribute or another domain are over, in one state.
pub(crate) fn below_domains(owner: &Identity, data_type: &str, catalog: &Catalog) -> String {
    let mut domains = catalog.dependencies_of(owner).filter_map(|on| match catalog.get(on)? {
        AnyObject::Domain(domain) if qualified(&on.path) == data_type => Some((on, domain)),
        _ => None,
    });
    match domains.next() {
        Some((identity, domain)) => below_domains(identity, &domain.base_type, catalog),
        None => data_type.to_owned(),
    }
}

/// Returns the `USING` expression that turns a column into another type, if it needs one. A cast to a domain would cut what its
/// type refuses, so that the types below domains decide.
pub(crate) fn using(name: &str, before: &Column, after: &Column, context: &Context) -> Option<String> {
    let from = below_domains(&before.identity(), &before.data_type, context.from);
    let to = below_domains(&after.identity(), &after.data_type, context.to);
    type_change::using(name, &from, &to, context)
}

struct Types<'a> {
    context: &'a Context<'a>,
}

impl<'a> Types<'a> {
    /// Returns the type that a column, an attribute or a domain names, as one of those that its owner depends on.
    fn named(&self, owner: &Identity, data_type: &str) -> Option<&'a Identity> {
        let name = element(data_type);
        let is_multirange = |on: &Identity| {
            let range = self.context.after(on);
            matches!(range, Some(AnyObject::RangeType(range)) if range.multirange_sql_name() == name)
        };
        let mut types = self.context.to.dependencies_of(owner).filter(|on| on.kind.is_type());
        types.find(|on| qualified(&on.path) == name || is_multirange(on))
    }

    fn composite(&self, identity: &Identity) -> Option<(&'a CompositeType, &'a CompositeType)> {
        match (self.context.before(identity)?, self.context.after(identity)?) {
            (AnyObject::CompositeType(before), AnyObject::CompositeType(after)) => Some((before, after)),
            _ => None,
        }
    }

    /// Returns the types that a type is made of: those of its attributes, or the one that a domain is over.
    fn parts(&self, identity: &Identity) -> Vec<&'a Identity> {
        match self.context.after(identity) {
            Some(AnyObject::CompositeType(own)) => {
                let all = own.attributes.iter();
                all.filter_map(|attribute| self.named(identity, &attribute.data_type))
                    .collect()
            }
            Some(AnyObject::Domain(own)) => self.named(identity, &own.base_type).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Tells whether another type takes the name of a type that columns hold values of.
    fn is_replaced(&self, identity: &Identity) -> bool {
        let (Some(before), Some(after)) = (self.context.before(identity), self.context.after(identity)) else {
            return false;
        };
        before.alter(after, self.context) == Alter::Replace
            || self.parts(identity).into_iter().any(|part| self.is_replaced(part))
    }

    /// Tells whether the text of a value is not that of its successor: attributes came, went or moved.
    fn is_reshaped(&self, identity: &Identity) -> bool {
        let names = |of: &CompositeType| -> Vec<String> { of.attributes.iter().map(|a| a.name.clone()).collect() };
        let is_own = |(before, after): (&CompositeType, &CompositeType)| names(before) != names(after);
        self.is_replaced(identity)
            && (self.composite(identity).is_some_and(is_own)
                || self.parts(identity).into_iter().any(|part| self.is_reshaped(part)))
    }

    /// Collects the composite types that need a cast, inner ones first.
    fn casts(&self, identity: &'a Identity, is_inner: bool, out: &mut Vec<&'a Identity>) {
        if !self.is_reshaped(identity) || out.contains(&identity) {
            return;
        }
        for part in self.parts(identity) {
            self.casts(part, true, out);
        }
        if is_inner && self.composite(identity).is_some() {
            out.push(identity);
        }
    }

    /// Returns the expression for the successor of a value of a composite type.
    fn converted(&self, identity: &Identity, value: &str) -> String {
        let Some((before, after)) = self.composite(identity) else {
            return value.to_owned();
        };
        let attributes = after.attributes.iter().map(|attribute| {
            let Some(own) = before.attribute(&attribute.name) else {
                return "NULL".to_owned();
            };
            let own_value = format!("({value}).{}", ident(&attribute.name));
            let part = self.named(identity, &attribute.data_type);
            let is_same = element(&own.data_type) == element(&attribute.data_type);
            match part.filter(|part| is_same && self.is_reshaped(part)) {
                Some(_) => format!("{own_value}::{}", attribute.data_type),
                None => own_value,
            }
        });
        let attributes: Vec<String> = attributes.collect();
        // `IS NULL` would be true for a row of nulls as well. By way of the text, since it fails on a value that does not
        // fit, where a cast of the row would cut it.
        format!(
            "CASE WHEN {value} IS DISTINCT FROM NULL THEN ROW({})::text::{} END",
            attributes.join(", "),
            after.sql_name()
        )
    }

    fn make_cast(&self, identity: &Identity) -> Vec<Statement> {
        let Some(Bridge { of, to, function }) = self.cast(identity) else {
            return Vec::new();
        };
        let body = format!("SELECT {}", self.converted(identity, "$1"));
        vec![
            Statement::new(format!(
                "CREATE FUNCTION {function}({of}) RETURNS {to} LANGUAGE sql AS {}",
                dollar(&body)
            )),
            Statement::new(format!("CREATE CAST ({of} AS {to}) WITH FUNCTION {function}({of})")),
        ]
    }

    fn drop_cast(&self, identity: &Identity) -> Vec<Statement> {
        let Some(Bridge { of, to, function }) = self.cast(identity) else {
            return Vec::new();
        };
        vec![
            Statement::new(format!("DROP CAST ({of} AS {to})")),
            Statement::new(format!("DROP FUNCTION {function}({of})")),
        ]
    }

    fn cast(&self, identity: &Identity) -> Option<Bridge> {
        let (before, after) = self.composite(identity)?;
        let function = derived_name::temporary(&after.name, "values");
        Some(Bridge {
            of: qualified([&before.schema, &derived_name::aside(&before.schema, &before.name)]),
            to: after.sql_name(),
            function: qualified([&after.schema, &function]),
        })
    }

    /// Returns what the values that an owner holds under a type lose: attributes that go, or digits and characters of those
    /// that stay.
    fn loss(&self, owner: &Identity, data_type: &str, path: &str) -> Option<Loss> {
        let (mut gone, mut narrowed) = (BTreeSet::new(), BTreeSet::new());
        if let Some(identity) = self.named(owner, data_type) {
            self.losses(identity, &mut gone, &mut narrowed);
        }
        let list = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>().join(", ");
        if gone.is_empty() {
            return (!narrowed.is_empty()).then(|| Loss::Precision(format!("{path}: {}", list(narrowed))));
        }
        Some(Loss::Values(format!("the values of {} in {path}", list(gone))))
    }

    fn losses(&self, identity: &Identity, gone: &mut BTreeSet<String>, narrowed: &mut BTreeSet<String>) {
        // What changes where it stands says itself what it loses.
        if !self.is_replaced(identity) {
            return;
        }
        if let Some((before, after)) = self.composite(identity) {
            for own in &before.attributes {
                let name = format!("{}.{}", before.sql_name(), ident(&own.name));
                match after.attribute(&own.name) {
                    None => {
                        gone.insert(name);
                    }
                    Some(attribute) => narrowed.extend(
                        type_change::loses(&own.data_type, &attribute.data_type).map(|how| format!("{name}, {how}")),
                    ),
                }
            }
        }
        let of = match (self.context.before(identity), self.context.after(identity)) {
            (Some(AnyObject::Domain(before)), Some(AnyObject::Domain(after))) => {
                Some((&before.base_type, &after.base_type))
            }
            (Some(AnyObject::RangeType(before)), Some(AnyObject::RangeType(after))) => {
                Some((&before.subtype, &after.subtype))
            }
            _ => None,
        };
        let how = of.and_then(|(before, after)| (before != after).then(|| type_change::loses(before, after))?);
        narrowed.extend(how.map(|how| format!("{}, {how}", qualified(&identity.path))));
        for part in self.parts(identity) {
            self.losses(part, gone, narrowed);
        }
    }
}

/// A cast from a type that is set aside to its successor.
struct Bridge {
    of: String,
    to: String,
    function: String,
}

/// Returns the name of a type without its modifier, or that of its elements.
fn element(data_type: &str) -> String {
    type_change::base(data_type).trim_end_matches("[]").to_owned()
}
