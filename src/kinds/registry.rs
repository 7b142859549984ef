//! The one ordered registry of kinds, and everything derived from it: the object enum, its dispatch, the query list.
//!
//! This macro is the one clever thing of the code base. A new kind is one file and one line here; the line's place is
//! the place in the order of creation.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Alter, Area, Context, Object, Present, Row, Statement};
use crate::catalog::{Address, Addresses, Catalog, ColumnFacts, Fingerprint, Identity, Name};
use crate::db::Server;
use crate::error::Result;

/// Reads the rows of one kind.
#[derive(Clone, Copy)]
pub struct Reader {
    /// Kind that is read.
    pub kind: Kind,
    /// System catalog of the rows' addresses.
    pub class: u32,
    /// See [`Object::AREA`].
    pub area: Option<Area>,
    /// Whether the objects are said of others: comment, owner, privilege.
    pub attached: bool,
    /// Whether the rows need the addresses of other kinds first.
    pub late: bool,
    /// System catalog, and letters of its rows' sorts, without which the query has no rows.
    pub among: (u32, &'static str),
    /// Makes the query.
    pub query: fn(&Server, &Present) -> String,
    /// See [`Object::shares`].
    pub shares: fn(&Server) -> Option<Kind>,
    /// See [`Object::note`].
    pub note: fn(&Row) -> Result<Option<ColumnFacts>>,
    /// See [`Object::stands_for`].
    pub stands_for: fn(&Row, &Addresses) -> Result<Option<Address>>,
    /// Reads a row.
    pub read: fn(&Row, &Addresses) -> Result<Option<AnyObject>>,
}

macro_rules! registry {
    ($( $kind:ident = $module:ident, $words:literal; )*) => {
        /// Sort of an object, in the order of creation.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind {
            $( #[doc = $words] $kind, )*
        }

        impl Kind {
            /// Every kind, in the order of creation.
            pub const ALL: &'static [Kind] = &[ $( Kind::$kind, )* ];

            /// Returns the kind in words, as people say it.
            pub fn words(self) -> &'static str {
                match self { $( Kind::$kind => $words, )* }
            }
        }

        $( pub use super::$module::$kind; )*

        /// An object of any kind. Copies share the object: a plan holds several states of one database.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum AnyObject {
            $( #[doc = $words] $kind(Arc<$kind>), )*
        }

        $( impl From<$kind> for AnyObject {
            fn from(object: $kind) -> Self {
                Self::$kind(Arc::new(object))
            }
        } )*

        /// An object as caches hold it: its kind stands before it, so that it is read without looking ahead.
        #[derive(Deserialize)]
        pub(crate) enum Packed {
            $( $kind(Arc<$kind>), )*
        }

        /// The same, to be written.
        #[derive(Serialize)]
        #[serde(rename = "Packed")]
        pub(crate) enum PackedRef<'a> {
            $( $kind(&'a $kind), )*
        }

        impl From<Packed> for AnyObject {
            fn from(packed: Packed) -> Self {
                match packed { $( Packed::$kind(object) => Self::$kind(object), )* }
            }
        }

        impl<'a> From<&'a AnyObject> for PackedRef<'a> {
            fn from(object: &'a AnyObject) -> Self {
                match object { $( AnyObject::$kind(object) => Self::$kind(object), )* }
            }
        }

        /// Returns the readers of all kinds, in the order of the registry.
        pub fn readers() -> Vec<Reader> {
            vec![ $( Reader {
                kind: Kind::$kind,
                class: <$kind as Object>::CLASS,
                area: <$kind as Object>::AREA,
                attached: <$kind as Object>::ATTACHED,
                late: <$kind as Object>::LATE,
                among: <$kind as Object>::AMONG,
                query: <$kind as Object>::query_among,
                shares: <$kind as Object>::shares,
                note: <$kind as Object>::note,
                stands_for: <$kind as Object>::stands_for,
                read: |row, addresses| Ok(<$kind as Object>::read(row, addresses)?.map(AnyObject::from)),
            }, )* ]
        }

        impl AnyObject {
            /// Returns the kind.
            pub fn kind(&self) -> Kind {
                match self { $( AnyObject::$kind(_) => Kind::$kind, )* }
            }

            /// See [`Object::identity`].
            pub fn identity(&self) -> Identity {
                match self { $( AnyObject::$kind(object) => object.identity(), )* }
            }

            /// See [`Object::significant`].
            #[must_use]
            pub fn significant(self) -> Self {
                match self { $( AnyObject::$kind(object) => Arc::unwrap_or_clone(object).significant().into(), )* }
            }

            /// See [`Object::is_identical`].
            pub fn is_identical(&self, other: &Self) -> bool {
                match (self, other) {
                    $( (AnyObject::$kind(one), AnyObject::$kind(other)) => {
                        Arc::ptr_eq(one, other) || one.is_identical(other)
                    } )*
                    _ => false,
                }
            }

            /// Tells whether two copies share one object.
            pub fn shares(&self, other: &Self) -> bool {
                match (self, other) {
                    $( (AnyObject::$kind(one), AnyObject::$kind(other)) => Arc::ptr_eq(one, other), )*
                    _ => false,
                }
            }

            /// Returns the fingerprint of what counts in the object.
            pub fn fingerprint(&self) -> Fingerprint {
                match self { $( AnyObject::$kind(object) => Fingerprint::of(&object.as_ref().clone().significant()), )* }
            }

            /// See [`Object::parent`].
            pub fn parent(&self) -> Option<Identity> {
                match self { $( AnyObject::$kind(object) => object.parent(), )* }
            }

            /// See [`Object::dependencies`].
            pub fn dependencies(&self) -> Vec<Identity> {
                match self { $( AnyObject::$kind(object) => object.dependencies(), )* }
            }

            /// See [`Object::made_with`].
            pub fn made_with(&self, catalog: &Catalog) -> Vec<Identity> {
                match self { $( AnyObject::$kind(object) => object.made_with(catalog), )* }
            }

            /// See [`Object::claims`].
            pub fn claims(&self) -> Vec<(&'static str, String)> {
                match self { $( AnyObject::$kind(object) => object.claims(), )* }
            }

            /// See [`Object::after`].
            pub fn after(&self, context: &Context) -> Vec<Identity> {
                match self { $( AnyObject::$kind(object) => object.after(context), )* }
            }

            /// See [`Object::drops_before`].
            pub fn drops_before(&self, context: &Context) -> Vec<Identity> {
                match self { $( AnyObject::$kind(object) => object.drops_before(context), )* }
            }

            /// See [`Object::carrier`].
            pub fn carrier(&self, context: &Context) -> Option<Identity> {
                match self { $( AnyObject::$kind(object) => object.carrier(context), )* }
            }

            /// See [`Object::refers_to`].
            pub fn refers_to(&self) -> Option<Identity> {
                match self { $( AnyObject::$kind(object) => object.refers_to(), )* }
            }

            /// See [`Object::position`].
            pub fn position(&self) -> i32 {
                match self { $( AnyObject::$kind(object) => object.position(), )* }
            }

            /// See [`Object::create`].
            pub fn create(&self, context: &Context) -> Vec<Statement> {
                match self { $( AnyObject::$kind(object) => object.create(context), )* }
            }

            /// See [`Object::drop`].
            pub fn drop(&self, context: &Context) -> Vec<Statement> {
                match self { $( AnyObject::$kind(object) => object.as_ref().drop(context), )* }
            }

            /// See [`Object::alter`]; objects of two kinds are replaced.
            pub fn alter(&self, desired: &Self, context: &Context) -> Alter {
                match (self, desired) {
                    $( (AnyObject::$kind(live), AnyObject::$kind(desired)) => live.alter(desired, context), )*
                    _ => Alter::Replace,
                }
            }

            /// See [`Object::follow`]; objects of two kinds are replaced.
            pub fn follow(&self, desired: &Self, replaced: &Identity, context: &Context) -> Alter {
                match (self, desired) {
                    $( (AnyObject::$kind(live), AnyObject::$kind(desired)) => live.follow(desired, replaced, context), )*
                    _ => Alter::Replace,
                }
            }

            /// See [`Object::set_aside`].
            pub fn set_aside(&self, context: &Context) -> Option<(Vec<Statement>, Vec<Statement>)> {
                match self { $( AnyObject::$kind(object) => object.set_aside(context), )* }
            }

            /// See [`Object::rename_part`].
            pub fn rename_part(&self, words: &str, from: &str, to: &str, desired: &Self) -> Option<Vec<Statement>> {
                match (self, desired) {
                    $( (AnyObject::$kind(live), AnyObject::$kind(desired)) => live.rename_part(words, from, to, desired), )*
                    _ => None,
                }
            }

            /// See [`Object::rename`].
            pub fn rename(&self, desired: &Self, context: &Context) -> Option<Vec<Statement>> {
                match (self, desired) {
                    $( (AnyObject::$kind(live), AnyObject::$kind(desired)) => live.rename(desired, context), )*
                    _ => None,
                }
            }
        }
    };
}

registry! {
    Role = role, "role";
    Database = database, "database";
    RoleMembership = role_membership, "role membership";
    RoleSetting = role_setting, "role setting";
    DatabaseSetting = database_setting, "database setting";
    Schema = schema, "schema";
    Extension = extension, "extension";
    Collation = collation, "collation";
    ShellType = shell_type, "shell type";
    EnumType = enum_type, "enum";
    RangeType = range_type, "range type";
    CompositeType = composite_type, "composite type";
    Domain = domain, "domain";
    DomainCheck = domain_check, "domain constraint";
    Sequence = sequence, "sequence";
    Function = function, "function";
    Procedure = procedure, "procedure";
    Aggregate = aggregate, "aggregate";
    BaseType = base_type, "base type";
    Table = table, "table";
    Column = column, "column";
    ColumnDefault = column_default, "column default";
    NotNull = not_null, "not-null constraint";
    ColumnIdentity = column_identity, "identity";
    SequenceOwner = sequence_owner, "sequence ownership";
    Check = check, "check constraint";
    Key = key, "key";
    Index = index, "index";
    Partition = partition, "partition";
    Inheritance = inheritance, "inheritance";
    IndexAttachment = index_attachment, "index attachment";
    ForeignKey = foreign_key, "foreign key";
    ReplicaIdentity = replica_identity, "replica identity";
    Statistics = statistics, "extended statistics";
    View = view, "view";
    MaterializedView = materialized_view, "materialized view";
    Rule = rule, "rule";
    Trigger = trigger, "trigger";
    Policy = policy, "policy";
    EventTrigger = event_trigger, "event trigger";
    AccessMethod = access_method, "access method";
    Language = language, "language";
    Transform = transform, "transform";
    Cast = cast, "cast";
    Operator = operator, "operator";
    OperatorFamily = operator_family, "operator family";
    OperatorClass = operator_class, "operator class";
    Conversion = conversion, "conversion";
    TextSearchParser = text_search_parser, "text search parser";
    TextSearchTemplate = text_search_template, "text search template";
    TextSearchDictionary = text_search_dictionary, "text search dictionary";
    TextSearchConfiguration = text_search_configuration, "text search configuration";
    ForeignDataWrapper = foreign_data_wrapper, "foreign-data wrapper";
    ForeignServer = foreign_server, "foreign server";
    UserMapping = user_mapping, "user mapping";
    ForeignColumn = foreign_column, "foreign column options";
    Publication = publication, "publication";
    PublicationTable = publication_table, "publication table";
    PublicationSchema = publication_schema, "publication schema";
    Subscription = subscription, "subscription";
    DefaultPrivilege = default_privilege, "default privilege";
    Owner = owner, "owner";
    Comment = comment, "comment";
    Privilege = privilege, "privilege";
}

impl Kind {
    /// Tells whether rows are kept under the kind's name, and other tables can refer to them.
    pub fn is_table(self) -> bool {
        self == Self::Table
    }

    /// Tells whether objects of the kind are no part of a database: roles, and the database.
    pub fn is_shared(self) -> bool {
        matches!(self, Self::Role | Self::Database)
    }

    /// Tells whether SQL calls the kind a type.
    pub fn is_type(self) -> bool {
        super::sql::IS_TYPE.contains(&self)
    }

    /// Returns the kind of what `pg_class.relkind` says; nothing where it holds no rows that a query can name.
    pub fn of_relation(relkind: &str) -> Option<Self> {
        match relkind {
            "r" | "p" | "f" => Some(Self::Table),
            "v" => Some(Self::View),
            "m" => Some(Self::MaterializedView),
            _ => None,
        }
    }

    /// Returns the identity of a table's column.
    pub fn column_of(table: &Identity, name: &str) -> Identity {
        let path = table.path.iter().map(Name::as_str);
        Identity::new(Self::Column, path.chain([name]))
    }

    /// Tells whether objects of the kind share a name and are told apart by the types that they take.
    pub fn has_overloads(self) -> bool {
        super::sql::HAS_OVERLOADS.contains(&self)
    }

    /// Tells whether SQL calls the kind a constraint.
    pub fn is_constraint(self) -> bool {
        self.words().ends_with("constraint") || matches!(self.words(), "key" | "foreign key")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}
