//! Values that a column may take: by its type, and as its table's constraints mention them.

use pg_query::protobuf::Token;

/// What is known about a column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Name.
    pub(super) name: String,
    /// Type as SQL writes it, with its modifiers.
    pub(super) type_name: String,
    /// The type below domains and without modifiers, as SQL writes it.
    pub(super) base: String,
    /// `pg_type.typcategory` of the type below domains.
    pub(super) category: String,
    /// Labels of an enum.
    pub(super) labels: Vec<String>,
    /// Attributes of a composite type.
    pub(super) attributes: Vec<Self>,
    /// What an array is of.
    pub(super) element: Option<Box<Self>>,
}

/// Constants that constraints mention.
#[derive(Debug, Clone, Default)]
pub(super) struct Constants {
    strings: Vec<String>,
    numbers: Vec<String>,
}

impl Constants {
    /// Adds the constants of an expression, and the numbers beside each number.
    pub(super) fn read(&mut self, expression: &str) {
        let Ok(scanned) = pg_query::scan(expression) else {
            return;
        };
        for token in scanned.tokens {
            let range = usize::try_from(token.start).unwrap_or(0)..usize::try_from(token.end).unwrap_or(0);
            let Some(text) = expression.get(range) else { continue };
            match token.token() {
                Token::Sconst => {
                    let inner = text.trim_start_matches('E').trim_matches('\'');
                    self.strings.push(inner.replace("''", "'"));
                }
                Token::Iconst | Token::Fconst => {
                    self.numbers.push(text.to_owned());
                    if let Ok(number) = text.parse::<i64>() {
                        self.numbers.push((number.saturating_sub(1)).to_string());
                        self.numbers.push((number.saturating_add(1)).to_string());
                    }
                }
                _ => {}
            }
        }
    }
}

impl Column {
    /// Returns texts that may convert to the column's type, the most ordinary first; `row` tells rows apart.
    pub(super) fn candidates(&self, row: usize, constants: &Constants) -> Vec<String> {
        let mut out = if self.labels.is_empty() {
            self.ordinary(row)
        } else {
            let mut labels = self.labels.clone();
            let start = row % labels.len();
            labels.rotate_left(start);
            labels
        };
        if self.category != "N" {
            out.extend(constants.strings.iter().cloned());
        }
        if self.category == "N" || self.category == "S" {
            out.extend(constants.numbers.iter().cloned());
        }
        let mut seen = std::collections::BTreeSet::new();
        out.retain(|text| seen.insert(text.clone()));
        out
    }

    /// Tells whether every candidate is certain to convert, so that nobody needs to try.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.type_name.as_str(), "text" | "boolean" | "jsonb" | "json" | "uuid")
    }

    fn ordinary(&self, row: usize) -> Vec<String> {
        let number = row + 1;
        let letter = char::from(b'a' + u8::try_from(row % 26).unwrap_or(0));
        if let Some(element) = &self.element {
            let of = element.candidates(row, &Constants::default());
            let filled = of.first().map(|text| format!("{{{}}}", in_quotes(text)));
            return filled.into_iter().chain(["{}".to_owned()]).collect();
        }
        if !self.attributes.is_empty() {
            return self.composed(row);
        }
        let texts: &[String] = match (self.base.as_str(), self.category.as_str()) {
            ("uuid", _) => &[format!("00000000-0000-4000-8000-{number:012}")],
            ("json" | "jsonb", _) => &["{}".into(), "[]".into(), format!("{{\"a\": {number}}}"), "\"a\"".into()],
            ("bytea", _) => &[format!("\\x{number:02x}")],
            ("inet", _) => &[format!("10.0.0.{number}")],
            ("cidr", _) => &[format!("10.0.{number}.0/24")],
            ("macaddr", _) => &[format!("08:00:2b:01:02:{number:02x}")],
            ("macaddr8", _) => &[format!("08:00:2b:01:02:03:04:{number:02x}")],
            ("time without time zone" | "time with time zone", _) => &[format!("10:00:{number:02}")],
            ("point", _) => &[format!("({number},1)")],
            ("line", _) => &["{1,2,3}".into()],
            ("lseg" | "path", _) => &["[(0,0),(1,1)]".into()],
            ("box", _) => &["(1,1),(0,0)".into()],
            ("polygon", _) => &["((0,0),(1,1),(1,0))".into()],
            ("circle", _) => &[format!("<(0,0),{number}>")],
            ("xml", _) => &["<a/>".into()],
            ("pg_lsn", _) => &[format!("0/{number}")],
            ("tsvector" | "tsquery", _) => &[letter.to_string()],
            ("regclass", _) => &["pg_catalog.pg_class".into()],
            ("regtype", _) => &["integer".into()],
            (_, "B") => &[
                if row.is_multiple_of(2) { "true" } else { "false" }.into(),
                "true".into(),
                "false".into(),
            ],
            (_, "N") => &[
                number.to_string(),
                "10".into(),
                "0".into(),
                "100".into(),
                "-1".into(),
                "0.5".into(),
            ],
            (_, "D") => &[format!("2020-01-{number:02}"), format!("2030-06-{number:02}")],
            (_, "T") => &[format!("{number} days")],
            (_, "V") => &["0".into(), "1".into(), "00000000".into()],
            (_, "R") => &[
                format!("[{number},{})", number + 1),
                format!("[2020-01-{number:02},2020-01-{:02})", number + 1),
                format!("{{[{number},{})}}", number + 1),
                "empty".into(),
                "{}".into(),
            ],
            (_, "A") => &["{}".into()],
            (_, "S") => &[
                letter.to_string(),
                format!("{letter}{number}"),
                number.to_string(),
                format!("{letter}{letter}{letter}{letter}{letter}{letter}{letter}{letter}"),
                format!("{letter}@example.org"),
                format!("https://example.org/{letter}"),
                "00000".into(),
            ],
            _ => &[number.to_string(), letter.to_string(), String::new()],
        };
        texts.to_vec()
    }

    /// Returns a value of a composite type with a value in each attribute, and one of nulls alone.
    fn composed(&self, row: usize) -> Vec<String> {
        let all = self.attributes.iter().map(|attribute| {
            let of = attribute.candidates(row, &Constants::default());
            of.first().map(|text| in_quotes(text)).unwrap_or_default()
        });
        let filled = all.collect::<Vec<_>>().join(",");
        vec![
            format!("({filled})"),
            format!("({})", ",".repeat(self.attributes.len() - 1)),
        ]
    }
}

/// Quotes a text as an element of an array or an attribute of a composite.
fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_inside_of_others_are_quoted() {
        let plain = |category: &str| Column {
            name: "a".to_owned(),
            type_name: String::new(),
            base: String::new(),
            category: category.to_owned(),
            labels: Vec::new(),
            attributes: Vec::new(),
            element: None,
        };
        let composite = Column {
            attributes: vec![plain("N"), plain("S")],
            ..plain("C")
        };
        assert_eq!(composite.candidates(0, &Constants::default())[0], "(\"1\",\"a\")");
        let array = Column {
            element: Some(Box::new(composite)),
            ..plain("A")
        };
        let expected = r#"{"(\"1\",\"a\")"}"#;
        assert_eq!(array.candidates(0, &Constants::default())[0], expected);
    }

    #[test]
    fn constants_of_a_check() {
        let mut constants = Constants::default();
        constants.read("(state = ANY (ARRAY['new'::text, 'it''s'::text])) AND (total >= (5)::numeric)");
        assert_eq!(constants.strings, ["new", "it's"]);
        assert_eq!(constants.numbers, ["5", "4", "6"]);
    }
}
