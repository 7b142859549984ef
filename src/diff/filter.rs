//! Include and exclude patterns: which objects trueup looks at on both sides.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

use crate::catalog::{Catalog, Identity, Name};
use crate::error::{Error, Result};
use crate::kinds::Kind;

/// Patterns; an object is looked at when it fits an include pattern (or there is none) and no exclude pattern.
///
/// A pattern is `[KIND:]NAME`, for example `shop.*`, `table:public.tmp_*`, `extension:*`. `*` and `?` are wildcards. A
/// name with fewer parts than the object's path speaks of everything below it, so `shop` is the whole schema.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// What is looked at.
    #[serde(default)]
    pub include: Vec<String>,
    /// What is not.
    #[serde(default)]
    pub exclude: Vec<String>,
}

/// One pattern of a filter.
#[derive(Debug, Clone)]
pub struct Pattern {
    kind: Option<Kind>,
    parts: Vec<WildMatch>,
}

impl Filter {
    /// Tells whether the filter lets everything through.
    pub fn is_empty(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    /// Tells whether an object that is in the catalog is looked at.
    pub fn admits(&self, identity: &Identity, catalog: &Catalog) -> Result<bool> {
        let any = |patterns: &[String]| -> Result<bool> {
            let patterns = patterns.iter().map(|text| Pattern::parse(text));
            let patterns = patterns.collect::<Result<Vec<_>>>()?;
            Ok(patterns.iter().any(|pattern| pattern.fits(identity, catalog)))
        };
        Ok((self.include.is_empty() || any(&self.include)?) && !any(&self.exclude)?)
    }

    /// Removes what the filter does not let through from a catalog; parts go with the whole.
    pub fn apply(&self, catalog: &mut Catalog) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let include = self
            .include
            .iter()
            .map(|text| Pattern::parse(text))
            .collect::<Result<Vec<_>>>()?;
        let exclude = self
            .exclude
            .iter()
            .map(|text| Pattern::parse(text))
            .collect::<Result<Vec<_>>>()?;
        let wanted = |identity: &Identity| {
            (include.is_empty() || include.iter().any(|pattern| pattern.fits(identity, catalog)))
                && !exclude.iter().any(|pattern| pattern.fits(identity, catalog))
        };
        let gone: BTreeSet<Identity> = catalog
            .objects
            .keys()
            .filter(|identity| !wanted(identity))
            .cloned()
            .collect();
        for identity in gone {
            catalog.remove(&identity);
        }
        Ok(())
    }
}

impl Pattern {
    /// Reads `[KIND:]NAME`.
    pub fn parse(text: &str) -> Result<Self> {
        let (kind, name) = match text.split_once(':') {
            Some((words, name)) => (Some(kind(words, text)?), name),
            None => (None, text),
        };
        Ok(Self {
            kind,
            parts: name.split('.').map(WildMatch::new).collect(),
        })
    }

    /// Tells whether the pattern speaks of the object, or of one that it is a part of.
    pub fn fits(&self, identity: &Identity, catalog: &Catalog) -> bool {
        let own = self.kind.is_none_or(|kind| kind == identity.kind) && self.fits_path(&identity.path);
        let parent = || catalog.get(identity).and_then(crate::kinds::AnyObject::parent);
        own || parent().is_some_and(|parent| self.fits(&parent, catalog))
    }

    fn fits_path(&self, path: &[Name]) -> bool {
        self.parts.len() <= path.len() && self.parts.iter().zip(path).all(|(part, name)| part.matches(name))
    }
}

fn kind(words: &str, pattern: &str) -> Result<Kind> {
    let normal = words.replace(['_', '-'], " ");
    Kind::ALL
        .iter()
        .copied()
        .find(|kind| kind.words().replace('-', " ") == normal)
        .ok_or_else(|| {
            let known: Vec<&str> = Kind::ALL.iter().map(|kind| kind.words()).collect();
            Error::usage(format!("`{words}` in the pattern `{pattern}` is no kind of object"))
                .hint(format!("Kinds are: {}.", known.join(", ")))
        })
}
