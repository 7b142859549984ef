//! What a statement declares and drops: objects by sort and name path.

use pg_query::protobuf::{
    AlterTableType, CreateStmt, FunctionParameter, FunctionParameterMode, ObjectType, RangeVar, TypeName, a_const,
};
use pg_query::{Node, NodeEnum};

/// Object that a statement declares, as written; a name without a schema has the one that the settings imply.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Declared {
    /// Sort of object in the words of SQL, lower case, for example `materialized view`.
    pub word: &'static str,
    /// Name path: schema first where the sort has one, then table where it has one. Routines end with their argument
    /// types in parentheses.
    pub path: Vec<String>,
    /// Byte offset in the file.
    pub offset: usize,
}

impl Declared {
    /// Tells whether two declarations cannot both stand in one database.
    pub fn clashes_with(&self, other: &Self) -> bool {
        space(self.word) == space(other.word) && self.path == other.path
    }

    /// Returns the name path with points between.
    pub fn name(&self) -> String {
        self.path.join(".")
    }
}

/// Returns the name space that a sort of object shares with others.
fn space(word: &'static str) -> &'static str {
    match word {
        "table" | "view" | "materialized view" | "index" | "sequence" | "foreign table" | "type" | "domain" => {
            "relation"
        }
        "function" | "procedure" | "aggregate" => "routine",
        other => other,
    }
}

/// Collects what one statement declares.
pub(super) struct Collector<'a> {
    /// Schema of names that are written without one.
    pub default_schema: Option<&'a str>,
    /// Offset of the statement.
    pub offset: usize,
    /// What was found.
    pub found: Vec<Declared>,
}

impl Collector<'_> {
    fn add(&mut self, word: &'static str, path: Vec<String>) {
        self.found.push(Declared {
            word,
            path,
            offset: self.offset,
        });
    }

    fn add_at(&mut self, location: i32, word: &'static str, path: Vec<String>) {
        let offset = self.offset + usize::try_from(location).unwrap_or_default();
        self.found.push(Declared { word, path, offset });
    }

    fn relation(&self, name: &RangeVar) -> Vec<String> {
        let schema = if name.schemaname.is_empty() {
            self.default_schema
        } else {
            Some(name.schemaname.as_str())
        };
        schema
            .into_iter()
            .chain([name.relname.as_str()])
            .map(str::to_owned)
            .collect()
    }

    fn names(&self, names: &[Node]) -> Vec<String> {
        let mut path: Vec<String> = names.iter().filter_map(string).map(str::to_owned).collect();
        if path.len() == 1 {
            path.splice(0..0, self.default_schema.map(str::to_owned));
        }
        path
    }

    fn below(&self, relation: Option<&RangeVar>, name: &str) -> Vec<String> {
        let mut path = relation.map(|relation| self.relation(relation)).unwrap_or_default();
        path.push(name.to_owned());
        path
    }

    /// Collects the declarations of a statement; what declares nothing adds nothing.
    pub(super) fn collect(&mut self, node: &NodeEnum) {
        use NodeEnum as N;
        match node {
            N::CreateStmt(create) => self.table("table", create),
            N::CreateForeignTableStmt(create) => {
                create
                    .base_stmt
                    .iter()
                    .for_each(|base| self.table("foreign table", base));
            }
            N::AlterTableStmt(alter) => alter
                .cmds
                .iter()
                .for_each(|cmd| self.alter(alter.relation.as_ref(), cmd)),
            N::ViewStmt(view) => self.relation_of("view", view.view.as_ref()),
            N::CreateTableAsStmt(create) => {
                let word = if create.objtype() == ObjectType::ObjectMatview {
                    "materialized view"
                } else {
                    "table"
                };
                self.relation_of(word, create.into.as_ref().and_then(|into| into.rel.as_ref()));
            }
            N::CreateSeqStmt(create) => self.relation_of("sequence", create.sequence.as_ref()),
            N::CompositeTypeStmt(create) => {
                self.relation_of("type", create.typevar.as_ref());
                create
                    .coldeflist
                    .iter()
                    .for_each(|column| self.attribute(create.typevar.as_ref(), column));
            }
            N::IndexStmt(index) if !index.idxname.is_empty() => {
                let mut path = index
                    .relation
                    .as_ref()
                    .map(|table| self.relation(table))
                    .unwrap_or_default();
                path.pop();
                path.push(index.idxname.clone());
                self.add("index", path);
            }
            N::CreateEnumStmt(create) => self.add("type", self.names(&create.type_name)),
            N::CreateRangeStmt(create) => self.add("type", self.names(&create.type_name)),
            N::CreateDomainStmt(create) => self.add("domain", self.names(&create.domainname)),
            _ => self.collect_rest(node),
        }
    }

    fn collect_rest(&mut self, node: &NodeEnum) {
        use NodeEnum as N;
        match node {
            N::CreateSchemaStmt(create) if create.schemaname.is_empty() => {
                let owner = create.authrole.as_ref().map(|role| role.rolename.clone());
                self.add("schema", owner.into_iter().collect());
            }
            N::CreateSchemaStmt(create) => self.add("schema", vec![create.schemaname.clone()]),
            N::CreateRoleStmt(create) => self.add("role", vec![create.role.clone()]),
            N::CreateExtensionStmt(create) => self.add("extension", vec![create.extname.clone()]),
            N::CreateFunctionStmt(create) => {
                let word = if create.is_procedure { "procedure" } else { "function" };
                let mut path = self.names(&create.funcname);
                if let Some(name) = path.last_mut() {
                    name.push_str(&arguments(&create.parameters));
                }
                self.add(word, path);
            }
            N::CreateTrigStmt(create) => self.add("trigger", self.below(create.relation.as_ref(), &create.trigname)),
            N::CreatePolicyStmt(create) => self.add("policy", self.below(create.table.as_ref(), &create.policy_name)),
            N::RuleStmt(create) => self.add("rule", self.below(create.relation.as_ref(), &create.rulename)),
            N::CreateStatsStmt(create) if !create.defnames.is_empty() => {
                self.add("statistics", self.names(&create.defnames));
            }
            N::CreatePublicationStmt(create) => self.add("publication", vec![create.pubname.clone()]),
            N::CreateSubscriptionStmt(create) => self.add("subscription", vec![create.subname.clone()]),
            N::CreateEventTrigStmt(create) => self.add("event trigger", vec![create.trigname.clone()]),
            N::CreateFdwStmt(create) => self.add("foreign data wrapper", vec![create.fdwname.clone()]),
            N::CreateForeignServerStmt(create) => self.add("server", vec![create.servername.clone()]),
            N::DefineStmt(define) => {
                let word = match define.kind() {
                    ObjectType::ObjectAggregate => "aggregate",
                    ObjectType::ObjectType => "type",
                    ObjectType::ObjectCollation => "collation",
                    // Operators and text search objects: their identity needs more than a name.
                    _ => return,
                };
                let mut path = self.names(&define.defnames);
                if let (Some(name), "aggregate") = (path.last_mut(), word) {
                    let list = define.args.first().and_then(|args| match &args.node {
                        Some(N::List(list)) => Some(list.items.as_slice()),
                        _ => None,
                    });
                    name.push_str(&arguments(list.unwrap_or_default()));
                }
                self.add(word, path);
            }
            _ => {}
        }
    }

    fn relation_of(&mut self, word: &'static str, relation: Option<&RangeVar>) {
        if let Some(relation) = relation {
            self.add(word, self.relation(relation));
        }
    }

    fn table(&mut self, word: &'static str, create: &CreateStmt) {
        self.relation_of(word, create.relation.as_ref());
        create
            .table_elts
            .iter()
            .for_each(|element| self.element(create.relation.as_ref(), element));
    }

    fn element(&mut self, table: Option<&RangeVar>, element: &Node) {
        match &element.node {
            Some(NodeEnum::ColumnDef(column)) => {
                self.add_at(column.location, "column", self.below(table, &column.colname));
                column
                    .constraints
                    .iter()
                    .for_each(|constraint| self.element(table, constraint));
            }
            Some(NodeEnum::Constraint(constraint)) if !constraint.conname.is_empty() => {
                self.add_at(
                    constraint.location,
                    "constraint",
                    self.below(table, &constraint.conname),
                );
            }
            _ => {}
        }
    }

    fn attribute(&mut self, of: Option<&RangeVar>, attribute: &Node) {
        if let Some(NodeEnum::ColumnDef(column)) = &attribute.node {
            self.add_at(column.location, "attribute", self.below(of, &column.colname));
        }
    }

    fn alter(&mut self, table: Option<&RangeVar>, command: &Node) {
        let Some(NodeEnum::AlterTableCmd(command)) = &command.node else {
            return;
        };
        if matches!(
            command.subtype(),
            AlterTableType::AtAddColumn | AlterTableType::AtAddConstraint
        ) {
            command.def.iter().for_each(|element| self.element(table, element));
        }
    }
}

/// Returns what a `DROP` names; only sorts whose name alone identifies them.
pub(super) fn dropped(node: &NodeEnum, default_schema: Option<&str>) -> Vec<Declared> {
    let NodeEnum::DropStmt(drop) = node else {
        return Vec::new();
    };
    let (word, depth) = match drop.remove_type() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectSequence
        | ObjectType::ObjectIndex
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectType
        | ObjectType::ObjectDomain => ("table", 2),
        ObjectType::ObjectSchema => ("schema", 1),
        ObjectType::ObjectExtension => ("extension", 1),
        ObjectType::ObjectTrigger => ("trigger", 3),
        ObjectType::ObjectPolicy => ("policy", 3),
        ObjectType::ObjectRule => ("rule", 3),
        _ => return Vec::new(),
    };
    let names = drop.objects.iter().map(|object| match &object.node {
        Some(NodeEnum::List(list)) => list.items.as_slice(),
        Some(NodeEnum::TypeName(name)) => name.names.as_slice(),
        _ => std::slice::from_ref(object),
    });
    let names = names.map(|parts| parts.iter().filter_map(string).map(str::to_owned).collect::<Vec<_>>());
    let qualified = names.map(|mut path| {
        if path.len() + 1 == depth {
            path.splice(0..0, default_schema.map(str::to_owned));
        }
        Declared { word, path, offset: 0 }
    });
    qualified.collect()
}

/// Returns the input argument types of a routine in parentheses.
fn arguments(parameters: &[Node]) -> String {
    let types: Vec<String> = parameters.iter().filter_map(input_type).collect();
    format!("({})", types.join(", "))
}

fn input_type(parameter: &Node) -> Option<String> {
    let Some(NodeEnum::FunctionParameter(parameter)) = &parameter.node else {
        return None;
    };
    let FunctionParameter { arg_type, .. } = parameter.as_ref();
    let is_output = matches!(
        parameter.mode(),
        FunctionParameterMode::FuncParamOut | FunctionParameterMode::FuncParamTable
    );
    if is_output {
        None
    } else {
        arg_type.as_ref().map(type_name)
    }
}

fn type_name(name: &TypeName) -> String {
    let parts: Vec<&str> = name
        .names
        .iter()
        .filter_map(string)
        .filter(|part| *part != "pg_catalog")
        .collect();
    format!("{}{}", parts.join("."), "[]".repeat(name.array_bounds.len()))
}

/// Returns the text of a string or string constant node.
pub(super) fn string(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::String(text)) => Some(&text.sval),
        Some(NodeEnum::AConst(constant)) => match &constant.val {
            Some(a_const::Val::Sval(text)) => Some(&text.sval),
            _ => None,
        },
        _ => None,
    }
}
