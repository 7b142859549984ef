//! The form in which caches and the ledger hold a catalog: small and read fast; edges are numbers, and kinds stand before
//! their objects.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead, Write};

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Catalog, Identity, Pool};
use crate::kinds::{AnyObject, Packed, PackedRef};

/// A catalog; generic over how objects and other identities are held.
#[derive(Serialize, Deserialize)]
struct Form<Object, Names> {
    version_num: i32,
    role: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    database: String,
    objects: Vec<Object>,
    /// Identities that objects depend on and that are no objects.
    elsewhere: Vec<Names>,
    /// For each object, the numbers of what it depends on: of objects, then of those elsewhere.
    edges: Vec<Vec<usize>>,
    casts: Vec<(String, String, char)>,
    unmodelled: BTreeSet<(String, String)>,
}

/// The edges of a catalog as numbers.
struct Numbered<'a> {
    elsewhere: Vec<&'a Identity>,
    edges: Vec<Vec<usize>>,
}

fn number(catalog: &Catalog) -> Numbered<'_> {
    let mut numbers: HashMap<&Identity, usize> = catalog.objects.keys().zip(0..).collect();
    let mut elsewhere = Vec::new();
    let mut edges = Vec::with_capacity(catalog.objects.len());
    for identity in catalog.objects.keys() {
        let mut own = Vec::new();
        for on in catalog.dependencies_of(identity) {
            let next = catalog.objects.len() + elsewhere.len();
            own.push(*numbers.entry(on).or_insert_with(|| {
                elsewhere.push(on);
                next
            }));
        }
        edges.push(own);
    }
    Numbered { elsewhere, edges }
}

/// What stands beside the objects.
fn head<Object, Names>(catalog: &Catalog) -> Form<Object, Names> {
    let casts = catalog.casts.iter();
    Form {
        version_num: catalog.version_num,
        role: catalog.role.clone(),
        database: catalog.database.clone(),
        objects: Vec::new(),
        elsewhere: Vec::new(),
        edges: Vec::new(),
        casts: casts
            .map(|((from, to), context)| (from.clone(), to.clone(), *context))
            .collect(),
        unmodelled: catalog.unmodelled.clone(),
    }
}

/// Writes a catalog as one value.
pub(crate) fn serialize<S: Serializer>(catalog: &Catalog, serializer: S) -> Result<S::Ok, S::Error> {
    let Numbered { elsewhere, edges } = number(catalog);
    Form {
        objects: catalog.objects.values().map(PackedRef::from).collect(),
        elsewhere,
        edges,
        ..head(catalog)
    }
    .serialize(serializer)
}

/// Reads a catalog from one value.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Catalog, D::Error> {
    let mut form: Form<Packed, Identity> = Form::deserialize(deserializer)?;
    let objects = std::mem::take(&mut form.objects).into_iter().map(AnyObject::from);
    let objects: Vec<AnyObject> = objects.collect();
    let (edges, elsewhere) = (std::mem::take(&mut form.edges), std::mem::take(&mut form.elsewhere));
    let known = objects.iter().map(AnyObject::identity).chain(elsewhere).collect();
    put_together(form, objects, known, edges.into_iter().map(Ok)).map_err(D::Error::custom)
}

/// Makes a catalog of objects, of their identities with those elsewhere behind them, and of their edges.
fn put_together(
    head: Form<Packed, Identity>,
    objects: Vec<AnyObject>,
    known: Vec<Identity>,
    edges: impl Iterator<Item = io::Result<Vec<usize>>>,
) -> io::Result<Catalog> {
    let mut dependencies = Vec::with_capacity(objects.len());
    for (edges, object) in edges.zip(&known) {
        let on = edges?.into_iter().filter_map(|number| known.get(number).cloned());
        dependencies.push((object.clone(), on.collect()));
    }
    Ok(Catalog {
        version_num: head.version_num,
        role: head.role,
        database: head.database,
        dependencies: dependencies.into_iter().collect(),
        objects: known.into_iter().zip(objects).collect(),
        casts: head
            .casts
            .into_iter()
            .map(|(from, to, context)| ((from, to), context))
            .collect(),
        unmodelled: head.unmodelled,
    })
}

/// Writes a catalog in lines, so that whoever reads it needs no memory for the whole text.
pub(crate) fn write(catalog: &Catalog, out: &mut impl Write) -> io::Result<()> {
    let Numbered { elsewhere, edges } = number(catalog);
    line(&head::<(), ()>(catalog), out)?;
    line(&(catalog.objects.len(), elsewhere.len()), out)?;
    let mut objects = catalog.objects.values().map(PackedRef::from);
    objects.try_for_each(|object| line(&object, out))?;
    elsewhere.iter().try_for_each(|identity| line(identity, out))?;
    edges.iter().try_for_each(|edges| line(edges, out))
}

/// Objects that are read before they share what is in a pool.
const PIECE: usize = 4000;

/// Reads what [`write`] wrote; what is in the pool is shared.
pub(crate) fn read(input: &mut impl BufRead, pool: Option<&Pool>) -> io::Result<Catalog> {
    let mut lines = Lines {
        input,
        text: String::new(),
    };
    let head: Form<Packed, Identity> = lines.next()?;
    let (objects, others): (usize, usize) = lines.next()?;
    let (mut known, mut read) = (Vec::with_capacity(objects + others), Vec::with_capacity(objects));
    while read.len() < objects {
        let start = read.len();
        for _ in start..objects.min(start + PIECE) {
            read.push(AnyObject::from(lines.next::<Packed>()?));
        }
        known.extend(read[start..].iter().map(AnyObject::identity));
        if let Some(pool) = pool {
            let pairs = known[start..].iter_mut().zip(&mut read[start..]);
            pool.share(pairs.map(|(identity, object)| (identity, object, None)));
        }
    }
    for _ in 0..others {
        known.push(lines.next()?);
    }
    put_together(head, read, known, (0..objects).map(|_| lines.next()))
}

/// Writes a value and ends the line.
fn line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")
}

/// Values that stand in a line each.
struct Lines<'a, Input> {
    input: &'a mut Input,
    text: String,
}

impl<Input: BufRead> Lines<'_, Input> {
    fn next<T: DeserializeOwned>(&mut self) -> io::Result<T> {
        self.text.clear();
        self.input.read_line(&mut self.text)?;
        Ok(serde_json::from_str(&self.text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_written() {
        #[derive(Serialize, Deserialize)]
        struct Holder {
            #[serde(with = "super")]
            catalog: Catalog,
        }
        let mut catalog = Catalog {
            version_num: 170_000,
            role: "me".to_owned(),
            database: "shop".to_owned(),
            ..Catalog::default()
        };
        let [a, b, elsewhere] = ["a", "b", "elsewhere"].map(|name| {
            let object = serde_json::json!({"kind": "schema", "name": name});
            serde_json::from_value::<AnyObject>(object).unwrap()
        });
        let on = [a.identity(), b.identity(), elsewhere.identity()];
        catalog.insert(a);
        catalog.insert(b);
        for at in 0..2 {
            catalog
                .dependencies
                .entry(on[at].clone())
                .or_default()
                .insert(on[at + 1].clone());
        }
        catalog.casts.insert(("x".to_owned(), "y".to_owned()), 'i');
        catalog.unmodelled.insert(("thing".to_owned(), "z".to_owned()));
        let text = serde_json::to_string(&Holder {
            catalog: catalog.clone(),
        })
        .unwrap();
        assert_eq!(serde_json::from_str::<Holder>(&text).unwrap().catalog, catalog);

        let mut lines = Vec::new();
        write(&catalog, &mut lines).unwrap();
        assert_eq!(read(&mut lines.as_slice(), None).unwrap(), catalog);
        for length in 0..lines.len() {
            assert!(
                read(&mut &lines[..length], None).is_err() || length == lines.len() - 1,
                "{length}"
            );
        }
    }
}
