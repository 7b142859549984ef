//! Object kinds: the trait that each kind implements, and the one ordered registry.
//!
//! A kind file holds the object's fields, its catalog query and its DDL. It holds no rollback code: rollback is the
//! inverse change through the same functions. The line order of the registry is the order of creation where no
//! dependency says otherwise; drops run in reverse.

mod area;
mod argument;
mod context;
mod derived_name;
mod fill;
mod firing;
mod large;
mod old_values;
mod online;
mod options;
mod registry;
mod repeated_key;
mod routine;
mod sequence_options;
pub(crate) mod setting;
mod settled;
mod sql;
mod statement;
pub(crate) mod type_change;
pub(crate) mod type_use;

mod access_method;
mod aggregate;
mod base_type;
mod cast;
mod check;
mod collation;
mod column;
mod column_default;
mod column_identity;
mod column_type;
mod comment;
mod composite_type;
mod connection_string;
mod constraint;
mod conversion;
mod database;
mod database_setting;
mod default_privilege;
mod domain;
mod domain_check;
mod enum_type;
mod event_trigger;
mod extension;
mod foreign_column;
mod foreign_data_wrapper;
mod foreign_key;
mod foreign_options;
mod foreign_server;
mod function;
mod grants;
mod index;
mod index_attachment;
mod index_keys;
mod index_settings;
mod inheritance;
mod key;
mod language;
mod materialized_view;
mod not_null;
mod not_null_heirs;
pub(crate) mod number_as_uuid;
mod operator;
mod operator_class;
mod operator_family;
mod operator_member;
mod owner;
mod parent_index;
mod partition;
pub(crate) mod partitioning;
mod policy;
mod present;
mod privilege;
mod procedure;
mod publication;
mod publication_schema;
mod publication_table;
mod range_type;
pub(crate) mod replaced_type;
mod replica_identity;
mod role;
mod role_membership;
mod role_setting;
mod row;
mod rule;
mod schema;
mod secret;
mod secrets;
mod sequence;
mod sequence_owner;
mod shell_type;
mod sources;
mod statistics;
mod subscription;
mod table;
mod target;
mod text_search_configuration;
mod text_search_dictionary;
mod text_search_parser;
mod text_search_template;
mod transform;
mod trigger;
mod user_mapping;
mod view;

pub use area::Area;
pub use argument::ArgumentMode;
pub use context::Context;
pub use database::name_database_as_in;
pub(crate) use derived_name::{
    LIMIT as NAME_LIMIT, chosen as chosen_name, clip, multirange as chosen_multirange, temporary as temporary_name,
};
pub(crate) use fill::statement as fill_in_batches;
pub use firing::Firing;
pub(crate) use grants::built_in;
pub(crate) use index_keys::QUERY as KEY_WORDS;
pub use index_keys::Words as KeyWords;
pub use key::KeyType;
pub use large::Large;
pub use not_null_heirs::complete_not_null_names;
pub use old_values::{OldColumn, OldValues};
pub use owner::complete_owners;
pub use present::Present;
pub use privilege::settle_default_privileges;
pub use registry::*;
pub use replica_identity::ReplicaIdentityChoice;
pub use role::{complete_roles, leave_out_roles};
pub use role_membership::forget_grantors;
pub(crate) use routine::Routine;
pub use row::{Kept, Row};
pub(crate) use schema::{public_schema, public_schema_as_on};
pub(crate) use secret::hide_literals;
pub use secrets::{Secrets, keep_secrets, needs_secrets, unknown as unknown_secrets};
pub use sequence_options::SequenceOptions;
pub(crate) use sources::sources;
pub use statement::{Element, Facts, Fold, Lock, Loss, Statement, Transaction};

use crate::catalog::{Address, Addresses, Catalog, ColumnFacts, Identity};
use crate::db::Server;
use crate::error::Result;

/// What turns a live object into the desired one.
#[derive(Debug, Clone, PartialEq)]
pub enum Alter {
    /// Nothing differs.
    Unchanged,
    /// Statements that change the object where it stands; dependents stay, but for those of the kinds in `disturbs`,
    /// which PostgreSQL would refuse to keep: they are dropped before and created after.
    InPlace {
        /// In order.
        statements: Vec<Statement>,
        /// Kinds of direct dependents that are rebuilt around the statements.
        disturbs: Vec<Kind>,
    },
    /// PostgreSQL has no statement for this change: the object is dropped and created, its dependents around it.
    Replace,
}

impl Alter {
    /// Makes an in-place alteration that leaves dependents alone, or `Unchanged` when there are no statements.
    pub fn in_place(statements: Vec<Statement>) -> Self {
        if statements.is_empty() {
            Self::Unchanged
        } else {
            Self::InPlace {
                statements,
                disturbs: Vec::new(),
            }
        }
    }
}

/// One sort of object.
///
/// `create`, `drop` and `alter` are pure: what they may look at beyond the object is in the [`Context`].
pub trait Object: Sized + PartialEq {
    /// OID of the system catalog that holds the kind (`pg_class` is 1259), 0 when its rows are no objects of `pg_depend`.
    const CLASS: u32;
    /// Whether rows name their object by address, so that they are read after all others (comment, owner, grant).
    const ATTACHED: bool = false;
    /// Whether rows name other objects by address, so that they are read after those that do not.
    const LATE: bool = Self::ATTACHED;
    /// System catalog, and the letters of the sorts of its rows, without which the kind has no object, so that the query
    /// need not be asked; 0 for a kind that always is.
    const AMONG: (u32, &'static str) = (Self::CLASS, "");

    /// Area that the kind belongs to, whose objects are read only when it is looked after.
    const AREA: Option<Area> = None;

    /// Returns the catalog query for a server version. Its first two columns are `oid oid` and `sub int4`: the
    /// object's address within [`Object::CLASS`]. Rows of system schemas, of extensions' members and of the ledger are
    /// left out. Runs with an empty `search_path`, so that deparsed names are qualified.
    fn query(server: &Server) -> String;

    /// Returns the kind from whose rows this one is read on a server, so that it needs no query of its own.
    fn shares(_server: &Server) -> Option<Kind> {
        None
    }

    /// Returns the same query without what cannot have rows.
    fn query_among(server: &Server, _present: &Present) -> String {
        Self::query(server)
    }

    /// Reads one row of the query; `None` when the row turns out to be nothing that is modelled.
    fn read(row: &Row, addresses: &Addresses) -> Result<Option<Self>>;

    /// Returns the address of what a row stands for that is no object itself.
    fn stands_for(_row: &Row, _addresses: &Addresses) -> Result<Option<Address>> {
        Ok(None)
    }

    /// Notes what objects that are read later need to know of a column.
    fn note(_row: &Row) -> Result<Option<ColumnFacts>> {
        Ok(None)
    }

    /// Returns kind and path.
    fn identity(&self) -> Identity;

    /// Returns the object without what does not count as a difference (a column's place), for fingerprints. Whatever
    /// `alter` passes over must be taken out here.
    #[must_use]
    fn significant(self) -> Self {
        self
    }

    /// Tells whether nothing at all differs, what does not count included: one can then stand for both.
    fn is_identical(&self, other: &Self) -> bool {
        self == other
    }

    /// Returns the object that this one is dropped with, and created again with.
    fn parent(&self) -> Option<Identity> {
        None
    }

    /// Returns what this object depends on beyond its parent and `pg_depend`.
    fn dependencies(&self) -> Vec<Identity> {
        Vec::new()
    }

    /// Returns the parts of the object in a catalog without which it is not what those need who name it: the columns that its
    /// own definition names, the checks of a domain, which decide whether a table is written anew.
    fn made_with(&self, _catalog: &Catalog) -> Vec<Identity> {
        Vec::new()
    }

    /// Returns the names that no other object may hold at the same time: a namespace word and the qualified name.
    fn claims(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Returns objects whose drop, creation or change, if the plan has one, comes before this object's creation or
    /// change, though it does not depend on them (a partition's own columns and indexes stand before it is attached).
    fn after(&self, _context: &Context) -> Vec<Identity> {
        Vec::new()
    }

    /// Returns objects whose drop, creation or change, if the plan has one, comes after this object's drop, though they
    /// do not depend on it (a partition is detached before its own columns change).
    fn drops_before(&self, _context: &Context) -> Vec<Identity> {
        Vec::new()
    }

    /// Returns the object whose own change carries this one's (an inherited column follows its parent's column), as
    /// long as the change of both is of the same sort.
    fn carrier(&self, _context: &Context) -> Option<Identity> {
        None
    }

    /// Returns the table that rows of the object's own table refer to; a diagram draws a line there.
    fn refers_to(&self) -> Option<Identity> {
        None
    }

    /// Returns a key that orders siblings; columns stand in table order, everything else by name.
    fn position(&self) -> i32 {
        0
    }

    /// Returns the statements that create the object; the parent exists.
    fn create(&self, context: &Context) -> Vec<Statement>;

    /// Returns the statements that drop the object; nothing depends on it any more.
    fn drop(&self, context: &Context) -> Vec<Statement>;

    /// Returns what turns `self` into `desired`, which has the same identity.
    fn alter(&self, desired: &Self, context: &Context) -> Alter;

    /// Returns what happens to this object (as it will be: `desired`) when something it depends on is replaced.
    /// Most objects are rebuilt; a column is converted to the new type instead, so that its rows stay.
    fn follow(&self, _desired: &Self, _replaced: &Identity, _context: &Context) -> Alter {
        Alter::Replace
    }

    /// Returns statements that move the object out of the way under another name, and those that drop it from there,
    /// for kinds whose dependents keep rows while they change over to the new one (types).
    fn set_aside(&self, _context: &Context) -> Option<(Vec<Statement>, Vec<Statement>)> {
        None
    }

    /// Returns the statements that give a part which is no object of its own another name, on an object that has
    /// `desired`'s name already; `words` are the sort of the part in the words of SQL (`enum value`). Nothing where the
    /// object has no such part, or both names are used.
    fn rename_part(&self, _words: &str, _from: &str, _to: &str, _desired: &Self) -> Option<Vec<Statement>> {
        None
    }

    /// Returns the statements that rename `self` to `desired`'s name, and move it to its schema.
    fn rename(&self, _desired: &Self, _context: &Context) -> Option<Vec<Statement>> {
        None
    }
}
