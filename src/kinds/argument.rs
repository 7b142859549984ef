//! Argument of a function or procedure, and how argument lists are said in declarations and references.

use super::Row;
use serde::{Deserialize, Serialize};

use super::settled::settle_option;
use crate::catalog::quote::ident;
use crate::error::Result;

/// Direction of an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArgumentMode {
    /// Goes in.
    In,
    /// Comes out.
    Out,
    /// Goes in and comes out.
    InOut,
    /// Takes the rest of a call's arguments, as an array.
    Variadic,
    /// Column of the result (`RETURNS TABLE`).
    Table,
}

impl ArgumentMode {
    fn of(code: &str) -> Self {
        match code {
            "o" => Self::Out,
            "b" => Self::InOut,
            "v" => Self::Variadic,
            "t" => Self::Table,
            _ => Self::In,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::In | Self::Table => "",
            Self::Out => "OUT ",
            Self::InOut => "INOUT ",
            Self::Variadic => "VARIADIC ",
        }
    }
}

/// An argument.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Argument {
    /// Direction.
    pub mode: ArgumentMode,
    /// Name, if it has one.
    pub name: Option<String>,
    /// Type as `format_type()` gives it.
    pub data_type: String,
    /// Default as PostgreSQL deparses it.
    pub default: Option<String>,
}

impl Argument {
    /// Tells whether a caller passes it, so that it is part of the signature.
    pub fn goes_in(&self) -> bool {
        !matches!(self.mode, ArgumentMode::Out | ArgumentMode::Table)
    }

    /// Tells whether it is a column of the result.
    pub fn comes_out(&self) -> bool {
        !matches!(self.mode, ArgumentMode::In | ArgumentMode::Variadic)
    }

    /// Tells whether the type is decided by each call, so that a default has a type of its own.
    pub fn is_polymorphic(&self) -> bool {
        self.data_type.starts_with("any")
    }

    /// Returns the argument with its default in the settled form.
    pub fn settled(self) -> Self {
        Self {
            default: settle_option(self.default.as_ref()),
            ..self
        }
    }

    /// Returns the argument as a declaration says it.
    pub fn declaration(&self) -> String {
        let name = self.name.as_ref().map(|name| format!("{} ", ident(name)));
        let default = self.default.as_ref();
        let default = default.map(|default| format!(" DEFAULT {default}"));
        format!(
            "{}{}{}{}",
            self.mode.word(),
            name.unwrap_or_default(),
            self.data_type,
            default.unwrap_or_default()
        )
    }
}

/// Reads the four parallel arrays of [`LATERAL`].
pub(super) fn read(row: &Row) -> Result<Vec<Argument>> {
    let modes: Vec<String> = row.try_get::<_, Option<_>>("argument_modes")?.unwrap_or_default();
    let names: Vec<Option<String>> = row.try_get::<_, Option<_>>("argument_names")?.unwrap_or_default();
    let types: Vec<String> = row.try_get::<_, Option<_>>("argument_types")?.unwrap_or_default();
    let defaults: Vec<Option<String>> = row.try_get::<_, Option<_>>("argument_defaults")?.unwrap_or_default();
    let pairs = modes.into_iter().zip(names).zip(types.into_iter().zip(defaults));
    Ok(pairs
        .map(|((mode, name), (data_type, default))| Argument {
            mode: ArgumentMode::of(&mode),
            name,
            data_type,
            default,
        })
        .collect())
}

/// Join that gives the arguments of `pg_proc` row `p` as four parallel arrays; only the row's own arrays are read.
pub(super) const LATERAL: &str = "CROSS JOIN LATERAL (
     SELECT array_agg(coalesce(p.proargmodes[u.i], 'i')::text ORDER BY u.i) AS argument_modes,
            array_agg(nullif(p.proargnames[u.i], '') ORDER BY u.i) AS argument_names,
            array_agg(pg_catalog.format_type(u.type, NULL) ORDER BY u.i) AS argument_types,
            array_agg(CASE WHEN p.pronargdefaults > 0
                           THEN pg_catalog.pg_get_function_arg_default(p.oid, u.i::int4) END ORDER BY u.i) AS argument_defaults
     FROM unnest(coalesce(p.proallargtypes, p.proargtypes::oid[])) WITH ORDINALITY u(type, i)) a";

/// Returns the types that make a signature, joined by commas.
pub(super) fn signature(arguments: &[Argument]) -> String {
    let types: Vec<&str> = arguments
        .iter()
        .filter(|argument| argument.goes_in())
        .map(|argument| argument.data_type.as_str())
        .collect();
    types.join(", ")
}

/// Returns the argument list that names a procedure without doubt: with its OUT arguments, where it has some.
pub(super) fn procedure_reference(arguments: &[Argument]) -> String {
    if arguments.iter().all(Argument::goes_in) {
        return signature(arguments);
    }
    let parts: Vec<String> = arguments
        .iter()
        .map(|argument| match argument.mode {
            ArgumentMode::In => format!("IN {}", argument.data_type),
            mode => format!("{}{}", mode.word(), argument.data_type),
        })
        .collect();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(mode: ArgumentMode, name: Option<&str>, data_type: &str, default: Option<&str>) -> Argument {
        Argument {
            mode,
            name: name.map(str::to_owned),
            data_type: data_type.to_owned(),
            default: default.map(str::to_owned),
        }
    }

    #[test]
    fn declares_as_postgres_reads() {
        for (given, expected) in [
            (argument(ArgumentMode::In, None, "integer", None), "integer"),
            (
                argument(ArgumentMode::In, Some("Order"), "integer", Some("1")),
                "\"Order\" integer DEFAULT 1",
            ),
            (
                argument(ArgumentMode::Out, Some("total"), "text", None),
                "OUT total text",
            ),
            (
                argument(ArgumentMode::Variadic, None, "text[]", None),
                "VARIADIC text[]",
            ),
        ] {
            assert_eq!(given.declaration(), expected);
        }
    }

    #[test]
    fn signatures_leave_out_what_comes_out() {
        let list = [
            argument(ArgumentMode::In, Some("a"), "integer", None),
            argument(ArgumentMode::Out, Some("b"), "text", None),
            argument(ArgumentMode::InOut, Some("c"), "date", None),
        ];
        assert_eq!(signature(&list), "integer, date");
        assert_eq!(procedure_reference(&list), "IN integer, OUT text, INOUT date");
        assert_eq!(procedure_reference(&list[..1]), "integer");
    }
}
