//! A YAML document as a tree in which everything knows where it stands.
//!
//! The crate that reads the configuration gives positions in errors only, and turns `1.10` into a number; target files
//! need the place of every key, and the text as it was written.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::complaint::Complaint;

/// A value with its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// Byte offset in the file.
    pub offset: usize,
    /// Value.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// Text as written; `plain` when it stands without quotes, so that it may also be a number, a boolean or nothing.
    Scalar {
        /// Text.
        text: String,
        /// Whether it stands without quotes.
        plain: bool,
    },
    /// List.
    List(Vec<Node>),
    /// Mapping in its order.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Key.
    pub key: String,
    /// Byte offset of the key.
    pub offset: usize,
    /// Value.
    pub node: Node,
}

impl Node {
    /// Tells whether nothing is written there.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// Returns the text of a scalar that is not nothing.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Says what stands there, for messages.
    pub(super) fn describe(&self) -> &'static str {
        match &self.value {
            _ if self.is_null() => "nothing",
            Value::Scalar { .. } => "a plain value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }
}

/// Reads the documents of a file.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, Complaint> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        offsets: Offsets::of(text),
        anchors: BTreeMap::new(),
    };
    let mut out = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(out),
            (Event::DocumentStart(_), _) => {
                let first = reader.next()?;
                out.push(reader.node(first)?);
            }
            _ => {}
        }
    }
}

/// Character offsets to byte offsets.
struct Offsets(Option<Vec<usize>>);

impl Offsets {
    fn of(text: &str) -> Self {
        Self((!text.is_ascii()).then(|| text.char_indices().map(|(at, _)| at).collect()))
    }

    fn byte(&self, character: usize) -> usize {
        match &self.0 {
            None => character,
            Some(all) => all.get(character).or(all.last()).copied().unwrap_or_default(),
        }
    }
}

struct Reader<'a, I: saphyr_parser::Input> {
    events: Parser<'a, I>,
    offsets: Offsets,
    anchors: BTreeMap<usize, Value>,
}

impl<'a, I: saphyr_parser::Input> Reader<'a, I> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Complaint> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(Complaint {
                offset: self.offsets.byte(error.marker().index()),
                message: format!("no valid YAML: {}", error.info()),
                hint: "Correct the YAML; texts that hold `: `, ` #` or start with a special character need quotes."
                    .to_owned(),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, (event, span): (Event<'a>, Span)) -> Result<Node, Complaint> {
        let offset = self.offsets.byte(span.start.index());
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse(tag.as_deref(), offset)?;
                let plain = style == ScalarStyle::Plain;
                let text = text.into_owned();
                (Value::Scalar { text, plain }, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                refuse(tag.as_deref(), offset)?;
                (self.list()?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                refuse(tag.as_deref(), offset)?;
                (self.map()?, anchor)
            }
            Event::Alias(anchor) => (self.anchors.get(&anchor).cloned().unwrap_or(Value::List(Vec::new())), 0),
            _ => (
                Value::Scalar {
                    text: String::new(),
                    plain: true,
                },
                0,
            ),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, value.clone());
        }
        Ok(Node { offset, value })
    }

    fn list(&mut self) -> Result<Value, Complaint> {
        let mut out = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd | Event::StreamEnd, _) => return Ok(Value::List(out)),
                event => out.push(self.node(event)?),
            }
        }
    }

    fn map(&mut self) -> Result<Value, Complaint> {
        let mut out: Vec<Entry> = Vec::new();
        loop {
            let event = self.next()?;
            if matches!(event.0, Event::MappingEnd | Event::StreamEnd) {
                return Ok(Value::Map(out));
            }
            let key = self.node(event)?;
            let Value::Scalar { text, .. } = key.value else {
                return Err(Complaint::new(key.offset, "a key is no plain value").hint("Write a name as the key."));
            };
            let first = self.next()?;
            let node = self.node(first)?;
            if out.iter().any(|entry| entry.key == text) {
                return Err(Complaint::new(key.offset, format!("`{text}` stands twice"))
                    .hint("Keep one of the two; a YAML mapping holds each key once."));
            }
            out.push(Entry {
                key: text,
                offset: key.offset,
                node,
            });
        }
    }
}

fn refuse(tag: Option<&saphyr_parser::Tag>, offset: usize) -> Result<(), Complaint> {
    match tag {
        Some(tag) if !tag.is_yaml_core_schema() => Err(Complaint::new(
            offset,
            format!("unknown tag `{}{}`", tag.handle, tag.suffix),
        )
        .hint("Write the value without a tag.")),
        _ => Ok(()),
    }
}
