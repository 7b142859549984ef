//! System catalogs whose rows are objects: a table of where each says kind, path, owner and privileges.
//!
//! The queries of what is attached to objects, and of what is not modelled, are unions over this table, so that their
//! number does not grow with the number of kinds.

use super::{Area, Present, sql};

/// OID of `pg_authid`.
const ROLE: u32 = 1260;

/// OID of `pg_database`.
const DATABASE: u32 = 1262;

/// Rows of one system catalog that something can be attached to.
pub(crate) struct Source {
    /// OID of the system catalog.
    pub(crate) class: u32,
    /// `FROM` items with their joins; the catalog's own alias is `o`, its namespace's `n` where it has one.
    pub(crate) from: &'static str,
    /// Condition on top of the joins.
    pub(crate) condition: &'static str,
    /// Sub-object number.
    pub(crate) sub: &'static str,
    /// Kind as [`super::Kind::words`] gives it; NULL for what is nothing of its own.
    pub(crate) words: &'static str,
    /// Names of the identity path, outermost first.
    pub(crate) path: &'static [&'static str],
    /// Whether the objects lie in a namespace.
    pub(crate) in_schema: bool,
    /// Whether the rows are parts of a relation or type.
    pub(crate) is_part: bool,
    /// Owner; `None` when the objects follow the owner of another.
    pub(crate) owner: Option<&'static str>,
    /// Name in SQL where the path does not end with it.
    pub(crate) sql_name: &'static str,
    /// Privileges and the letter that `acldefault()` knows the sort of object by.
    pub(crate) privileges: Option<(&'static str, &'static str)>,
}

const NONE: Source = Source {
    class: 0,
    from: "",
    condition: "true",
    sub: "0",
    words: "NULL",
    path: &[],
    in_schema: true,
    is_part: false,
    owner: None,
    sql_name: "NULL",
    privileges: None,
};

impl Source {
    /// Returns `ARRAY[…]::text[]` of the path.
    pub(crate) fn path_array(&self) -> String {
        let names: Vec<String> = self.path.iter().map(|name| format!("{name}::text")).collect();
        format!("ARRAY[{}]::text[]", names.join(", "))
    }

    /// Tells whether users or extensions may have such objects; `public` is everybody's.
    pub(crate) fn is_present(&self, present: &Present) -> bool {
        if let Some(area) = self.area() {
            return area.is_managed();
        }
        self.class == 2615 || present.has(self.class, "")
    }

    /// Tells whether privileges may be granted on such objects: PostgreSQL's own count where it has any.
    pub(super) fn may_have_privileges(&self, present: &Present) -> bool {
        matches!(self.class, 1247 | 1255 | 1259 | 2612) || self.is_present(present)
    }

    /// Returns the area of objects that are shared by all databases.
    pub(crate) fn area(&self) -> Option<Area> {
        match self.class {
            ROLE => Some(Area::Roles),
            DATABASE => Some(Area::Database),
            _ => None,
        }
    }

    /// Returns the condition that an object belongs to the user: no system schema, and no member of an extension.
    pub(crate) fn user_condition(&self) -> String {
        let schema = if self.in_schema {
            sql::USER_SCHEMA
        } else if self.class == DATABASE {
            "true"
        } else if self.class == 2615 {
            "o.nspname NOT IN ('pg_catalog', 'information_schema', 'trueup') AND o.nspname !~ '^(pg_(toast|temp_)|trueup_quarantine)'"
        } else {
            // What initdb makes outside of namespaces has an OID below 16384 (FirstNormalObjectId).
            "o.oid >= 16384"
        };
        format!("{schema} AND {}", sql::no_extension_member(self.class, "o.oid"))
    }
}

/// Returns every system catalog whose rows are objects.
pub(crate) fn sources() -> &'static [Source] {
    SOURCES
}

/// Every system catalog that something can be attached to.
pub(super) const SOURCES: &[Source] = &[
    Source {
        class: 2615,
        from: "pg_catalog.pg_namespace o",
        words: "'schema'",
        path: &["o.nspname"],
        in_schema: false,
        owner: Some("o.nspowner"),
        privileges: Some(("o.nspacl", "'n'")),
        ..NONE
    },
    Source {
        class: ROLE,
        from: "pg_catalog.pg_roles o",
        words: "'role'",
        path: &["o.rolname"],
        in_schema: false,
        ..NONE
    },
    Source {
        class: DATABASE,
        from: "pg_catalog.pg_database o",
        condition: "o.datname = pg_catalog.current_database()",
        words: "'database'",
        path: &["o.datname"],
        in_schema: false,
        owner: Some("o.datdba"),
        privileges: Some(("o.datacl", "'d'")),
        ..NONE
    },
    Source {
        class: 1259,
        from: "pg_catalog.pg_class o JOIN pg_catalog.pg_namespace n ON n.oid = o.relnamespace",
        condition: "o.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')",
        words: RELATION_WORDS,
        path: &["n.nspname", "o.relname"],
        owner: Some("o.relowner"),
        privileges: Some(("o.relacl", "CASE o.relkind WHEN 'S' THEN 's' ELSE 'r' END")),
        ..NONE
    },
    Source {
        class: 1259,
        from: "pg_catalog.pg_class o JOIN pg_catalog.pg_namespace n ON n.oid = o.relnamespace",
        condition: "o.relkind IN ('i', 'I')",
        words: "'index'",
        is_part: true,
        path: &["n.nspname", "o.relname"],
        ..NONE
    },
    Source {
        class: 1259,
        from: "pg_catalog.pg_class o JOIN pg_catalog.pg_namespace n ON n.oid = o.relnamespace
               JOIN pg_catalog.pg_attribute a ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped",
        condition: "o.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')",
        sub: "a.attnum::int4",
        words: "'column'",
        is_part: true,
        path: &["n.nspname", "o.relname", "a.attname"],
        privileges: Some(("a.attacl", "'c'")),
        ..NONE
    },
    Source {
        class: 1247,
        from: "pg_catalog.pg_type o JOIN pg_catalog.pg_namespace n ON n.oid = o.typnamespace
               LEFT JOIN pg_catalog.pg_class r ON r.oid = o.typrelid",
        condition: "coalesce(r.relkind, 'c') = 'c' AND NOT (o.typcategory = 'A' AND o.typelem <> 0) AND o.typtype <> 'm'",
        words: "CASE WHEN NOT o.typisdefined THEN 'shell type' ELSE CASE o.typtype WHEN 'e' THEN 'enum'
                WHEN 'r' THEN 'range type' WHEN 'c' THEN 'composite type' WHEN 'd' THEN 'domain' ELSE 'base type' END END",
        path: &["n.nspname", "o.typname"],
        owner: Some("o.typowner"),
        privileges: Some(("o.typacl", "'T'")),
        ..NONE
    },
    Source {
        class: 1255,
        from: "pg_catalog.pg_proc o JOIN pg_catalog.pg_namespace n ON n.oid = o.pronamespace",
        words: "CASE o.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' ELSE 'function' END",
        path: &[
            "n.nspname",
            "o.proname || '(' || pg_catalog.oidvectortypes(o.proargtypes) || ')'",
        ],
        owner: Some("o.proowner"),
        privileges: Some(("o.proacl", "'f'")),
        ..NONE
    },
    Source {
        class: 2606,
        from: "pg_catalog.pg_constraint o JOIN pg_catalog.pg_namespace n ON n.oid = o.connamespace
               JOIN pg_catalog.pg_class r ON r.oid = o.conrelid
               LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = o.conkey[1] AND o.contype = 'n'",
        words: "CASE o.contype WHEN 'c' THEN 'check constraint' WHEN 'f' THEN 'foreign key'
                WHEN 'n' THEN 'not-null constraint' WHEN 't' THEN NULL ELSE 'key' END",
        is_part: true,
        path: &["n.nspname", "r.relname", "coalesce(a.attname, o.conname)"],
        sql_name: "CASE o.contype WHEN 'n' THEN o.conname END",
        ..NONE
    },
    Source {
        class: 2606,
        from: "pg_catalog.pg_constraint o JOIN pg_catalog.pg_namespace n ON n.oid = o.connamespace
               JOIN pg_catalog.pg_type t ON t.oid = o.contypid",
        words: "'domain constraint'",
        is_part: true,
        path: &["n.nspname", "t.typname", "o.conname"],
        ..NONE
    },
    Source {
        class: 2620,
        from: "pg_catalog.pg_trigger o JOIN pg_catalog.pg_class r ON r.oid = o.tgrelid
               JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace",
        words: "'trigger'",
        is_part: true,
        path: &["n.nspname", "r.relname", "o.tgname"],
        ..NONE
    },
    Source {
        class: 3256,
        from: "pg_catalog.pg_policy o JOIN pg_catalog.pg_class r ON r.oid = o.polrelid
               JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace",
        words: "'policy'",
        is_part: true,
        path: &["n.nspname", "r.relname", "o.polname"],
        ..NONE
    },
    Source {
        class: 2618,
        from: "pg_catalog.pg_rewrite o JOIN pg_catalog.pg_class r ON r.oid = o.ev_class
               JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace",
        condition: "o.rulename <> '_RETURN'",
        words: "'rule'",
        is_part: true,
        path: &["n.nspname", "r.relname", "o.rulename"],
        ..NONE
    },
    Source {
        class: 3381,
        from: "pg_catalog.pg_statistic_ext o JOIN pg_catalog.pg_namespace n ON n.oid = o.stxnamespace",
        words: "'extended statistics'",
        path: &["n.nspname", "o.stxname"],
        owner: Some("o.stxowner"),
        ..NONE
    },
    Source {
        class: 3456,
        from: "pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace",
        words: "'collation'",
        path: &["n.nspname", "o.collname"],
        owner: Some("o.collowner"),
        ..NONE
    },
    Source {
        class: 3079,
        from: "pg_catalog.pg_extension o",
        words: "'extension'",
        path: &["o.extname"],
        in_schema: false,
        ..NONE
    },
    Source {
        class: 2607,
        from: "pg_catalog.pg_conversion o JOIN pg_catalog.pg_namespace n ON n.oid = o.connamespace",
        words: "'conversion'",
        path: &["n.nspname", "o.conname"],
        owner: Some("o.conowner"),
        ..NONE
    },
    Source {
        class: 2617,
        from: "pg_catalog.pg_operator o JOIN pg_catalog.pg_namespace n ON n.oid = o.oprnamespace",
        words: "'operator'",
        path: &["n.nspname", OPERATOR_SIGNATURE],
        owner: Some("o.oprowner"),
        ..NONE
    },
    Source {
        class: 2616,
        from: "pg_catalog.pg_opclass o JOIN pg_catalog.pg_namespace n ON n.oid = o.opcnamespace
               JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod",
        words: "'operator class'",
        path: &["n.nspname", "o.opcname", "m.amname"],
        owner: Some("o.opcowner"),
        ..NONE
    },
    Source {
        class: 2753,
        from: "pg_catalog.pg_opfamily o JOIN pg_catalog.pg_namespace n ON n.oid = o.opfnamespace
               JOIN pg_catalog.pg_am m ON m.oid = o.opfmethod",
        words: "'operator family'",
        path: &["n.nspname", "o.opfname", "m.amname"],
        owner: Some("o.opfowner"),
        ..NONE
    },
    Source {
        class: 3602,
        from: "pg_catalog.pg_ts_config o JOIN pg_catalog.pg_namespace n ON n.oid = o.cfgnamespace",
        words: "'text search configuration'",
        path: &["n.nspname", "o.cfgname"],
        owner: Some("o.cfgowner"),
        ..NONE
    },
    Source {
        class: 3600,
        from: "pg_catalog.pg_ts_dict o JOIN pg_catalog.pg_namespace n ON n.oid = o.dictnamespace",
        words: "'text search dictionary'",
        path: &["n.nspname", "o.dictname"],
        owner: Some("o.dictowner"),
        ..NONE
    },
    Source {
        class: 3601,
        from: "pg_catalog.pg_ts_parser o JOIN pg_catalog.pg_namespace n ON n.oid = o.prsnamespace",
        words: "'text search parser'",
        path: &["n.nspname", "o.prsname"],
        ..NONE
    },
    Source {
        class: 3764,
        from: "pg_catalog.pg_ts_template o JOIN pg_catalog.pg_namespace n ON n.oid = o.tmplnamespace",
        words: "'text search template'",
        path: &["n.nspname", "o.tmplname"],
        ..NONE
    },
    Source {
        class: 2605,
        from: "pg_catalog.pg_cast o",
        words: "'cast'",
        path: &[
            "pg_catalog.format_type(o.castsource, NULL)",
            "pg_catalog.format_type(o.casttarget, NULL)",
        ],
        in_schema: false,
        ..NONE
    },
    Source {
        class: 2612,
        from: "pg_catalog.pg_language o",
        words: "'language'",
        path: &["o.lanname"],
        in_schema: false,
        owner: Some("o.lanowner"),
        privileges: Some(("o.lanacl", "'l'")),
        ..NONE
    },
    Source {
        class: 3576,
        from: "pg_catalog.pg_transform o JOIN pg_catalog.pg_language l ON l.oid = o.trflang",
        words: "'transform'",
        path: &["pg_catalog.format_type(o.trftype, NULL)", "l.lanname"],
        in_schema: false,
        ..NONE
    },
    Source {
        class: 2601,
        from: "pg_catalog.pg_am o",
        words: "'access method'",
        path: &["o.amname"],
        in_schema: false,
        ..NONE
    },
    Source {
        class: 2328,
        from: "pg_catalog.pg_foreign_data_wrapper o",
        words: "'foreign-data wrapper'",
        path: &["o.fdwname"],
        in_schema: false,
        owner: Some("o.fdwowner"),
        privileges: Some(("o.fdwacl", "'F'")),
        ..NONE
    },
    Source {
        class: 1417,
        from: "pg_catalog.pg_foreign_server o",
        words: "'foreign server'",
        path: &["o.srvname"],
        in_schema: false,
        owner: Some("o.srvowner"),
        privileges: Some(("o.srvacl", "'S'")),
        ..NONE
    },
    Source {
        class: 3466,
        from: "pg_catalog.pg_event_trigger o",
        words: "'event trigger'",
        path: &["o.evtname"],
        in_schema: false,
        owner: Some("o.evtowner"),
        ..NONE
    },
    Source {
        class: 6104,
        from: "pg_catalog.pg_publication o",
        words: "'publication'",
        path: &["o.pubname"],
        in_schema: false,
        owner: Some("o.pubowner"),
        ..NONE
    },
    Source {
        class: 6100,
        from: "pg_catalog.pg_subscription o",
        condition: "o.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())",
        words: "'subscription'",
        path: &["o.subname"],
        in_schema: false,
        owner: Some("o.subowner"),
        ..NONE
    },
];

const RELATION_WORDS: &str =
    "CASE o.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
     ELSE 'table' END";

/// Operator as its identity path names it: `+(integer,integer)`, `NONE` for the operand that it does not have.
pub(super) const OPERATOR_SIGNATURE: &str = "o.oprname || '(' || CASE o.oprleft WHEN 0 THEN 'NONE'
     ELSE pg_catalog.format_type(o.oprleft, NULL) END || ', ' || CASE o.oprright WHEN 0 THEN 'NONE'
     ELSE pg_catalog.format_type(o.oprright, NULL) END || ')'";
