//! Texts that PostgreSQL deparses: which of them mean the same, and how to say one so that it comes back as it is.
//!
//! What the server deparses is not always what it deparses again from that very text: `AND` chains lose inner
//! parentheses, casts of arrays move into their elements, `(VALUES` gains a space. Texts are compared by their settled
//! form, the one of the second time; a restated text is one that the server turns into the given text.

/// A piece of SQL with the white space before it.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    space: String,
    piece: Piece,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Word(String),
    /// What stands between two brackets, and the white space before the closing one.
    Group(char, Vec<Node>, String),
}

impl Node {
    fn word(text: &str) -> Self {
        Self {
            space: String::new(),
            piece: Piece::Word(text.to_owned()),
        }
    }

    fn group(open: char, inner: Vec<Node>) -> Self {
        Self {
            space: String::new(),
            piece: Piece::Group(open, inner, String::new()),
        }
    }

    fn is(&self, text: &str) -> bool {
        matches!(&self.piece, Piece::Word(word) if word == text)
    }

    fn inner(&self, bracket: char) -> Option<&[Node]> {
        match &self.piece {
            Piece::Group(open, inner, _) if *open == bracket => Some(inner),
            _ => None,
        }
    }

    fn print(&self, out: &mut String) {
        out.push_str(&self.space);
        match &self.piece {
            Piece::Word(word) => out.push_str(word),
            Piece::Group(open, inner, space) => {
                out.push(*open);
                for node in inner {
                    node.print(out);
                }
                out.push_str(space);
                out.push(if *open == '(' { ')' } else { ']' });
            }
        }
    }
}

/// Returns the settled form of a deparsed text; a text that cannot be scanned stays as it is.
pub(super) fn settle(text: &str) -> String {
    transform(text, &Aim::Settled)
}

/// Returns the settled form of an optional text.
pub(super) fn settle_option(text: Option<&String>) -> Option<String> {
    text.map(|text| settle(text))
}

/// Tells whether two deparsed texts mean the same.
pub(super) fn same(one: &str, other: &str) -> bool {
    one == other || settle(one) == settle(other)
}

/// Tells whether two optional deparsed texts mean the same.
pub(super) fn same_option(one: Option<&String>, other: Option<&String>) -> bool {
    one == other || settle_option(one) == settle_option(other)
}

/// Returns a text that PostgreSQL deparses as the given one.
pub(super) fn restate(text: &str) -> String {
    transform(text, &Aim::Restated)
}

enum Aim {
    Settled,
    Restated,
}

fn transform(text: &str, aim: &Aim) -> String {
    let may_differ = text.contains("(ARRAY[") || text.contains("(VALUES") || text.contains("((");
    let nodes = if may_differ { parse(text) } else { None };
    let Some(nodes) = nodes else { return text.to_owned() };
    let mut out = String::with_capacity(text.len());
    for node in rewrite(nodes, aim) {
        node.print(&mut out);
    }
    out.push_str(&text[text.trim_end().len()..]);
    out
}

fn parse(text: &str) -> Option<Vec<Node>> {
    let tokens = pg_query::scan(text).ok()?.tokens;
    let mut open: Vec<(char, String, Vec<Node>)> = Vec::new();
    let mut nodes = Vec::new();
    let mut end = 0;
    for token in tokens {
        let (from, to) = (usize::try_from(token.start).ok()?, usize::try_from(token.end).ok()?);
        let space = text.get(end..from)?.to_owned();
        let word = text.get(from..to)?;
        end = to;
        match word {
            "(" | "[" => open.push((word.chars().next()?, space, std::mem::take(&mut nodes))),
            ")" | "]" => {
                let (bracket, before, outer) = open.pop()?;
                let inner = std::mem::replace(&mut nodes, outer);
                nodes.push(Node {
                    space: before,
                    piece: Piece::Group(bracket, inner, space),
                });
            }
            _ => nodes.push(Node {
                space,
                piece: Piece::Word(word.to_owned()),
            }),
        }
    }
    open.is_empty().then_some(nodes)
}

/// Rewrites from the inside out.
fn rewrite(nodes: Vec<Node>, aim: &Aim) -> Vec<Node> {
    let mut out: Vec<Node> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let piece = match node.piece {
            Piece::Group(open, inner, space) => {
                let mut inner = rewrite(inner, aim);
                let after_any = out.last().is_some_and(|last| last.is("ANY") || last.is("ALL"));
                match aim {
                    Aim::Settled => inner = if open == '(' { settle_group(inner) } else { inner },
                    Aim::Restated if after_any => inner = without_cast(inner),
                    Aim::Restated => restate_group(&mut inner),
                }
                Piece::Group(open, inner, space)
            }
            word @ Piece::Word(_) => word,
        };
        out.push(Node { piece, ..node });
    }
    match aim {
        Aim::Settled => push_casts(&out),
        Aim::Restated => out,
    }
}

/// Takes the cast from `(ARRAY[…])::x[]`, the whole operand of `ANY` or `ALL`: the operator casts the array itself,
/// where a written cast would go to the elements.
fn without_cast(inner: Vec<Node>) -> Vec<Node> {
    if let Some((_, _, length)) = array_cast(&inner)
        && length == inner.len()
    {
        return inner[0].inner('(').map(<[Node]>::to_vec).unwrap_or(inner);
    }
    // With few parentheses, as extended statistics are deparsed.
    match inner.as_slice() {
        [array, list, cast, .., end] if array.is("ARRAY") && cast.is("::") && end.inner('[').is_some() => {
            let is_filled = list.inner('[').is_some_and(|elements| !elements.is_empty());
            if is_filled { inner[..2].to_vec() } else { inner }
        }
        _ => inner,
    }
}

/// Says the first operand of a chain as `BETWEEN` where it was one; the parser would not keep it apart otherwise.
fn restate_group(inner: &mut [Node]) {
    let Some(between) = left_chain(inner).and_then(|chain| between(&chain)) else {
        return;
    };
    if let Some(Piece::Group(_, operand, _)) = inner.first_mut().map(|node| &mut node.piece) {
        *operand = between;
    }
}

/// Turns `(a >= b) AND (a <= c)` into `a BETWEEN b AND c`, and `(a < b) OR (a > c)` into `a NOT BETWEEN b AND c`.
fn between(chain: &[Node]) -> Option<Vec<Node>> {
    let [low, operator, high] = chain else { return None };
    let (words, lower, upper) = if operator.is("AND") {
        (["", "BETWEEN"], ">=", "<=")
    } else {
        (["NOT", "BETWEEN"], "<", ">")
    };
    let (subject, from) = comparison(low.inner('(')?, lower)?;
    let (again, to) = comparison(high.inner('(')?, upper)?;
    let spaced = |word: &&str| Node {
        space: " ".to_owned(),
        ..Node::word(word)
    };
    let words = words.iter().filter(|word| !word.is_empty());
    (subject == again).then(|| {
        let head = subject.iter().cloned().chain(words.map(spaced));
        let limits = from.iter().cloned().chain([spaced(&"AND")]).chain(to.iter().cloned());
        head.chain(limits).collect()
    })
}

fn comparison<'a>(nodes: &'a [Node], operator: &str) -> Option<(&'a [Node], &'a [Node])> {
    let at = nodes.iter().position(|node| node.is(operator))?;
    Some((&nodes[..at], &nodes[at + 1..]))
}

fn settle_group(mut inner: Vec<Node>) -> Vec<Node> {
    if let Some(first) = inner.first_mut()
        && first.is("VALUES")
        && first.space.is_empty()
    {
        " ".clone_into(&mut first.space);
    }
    while let Some(chain) = left_chain(&inner) {
        inner.splice(..1, chain);
    }
    inner
}

/// Returns the parts of a group's first operand, when it is a chain of the operator that the group is a chain of: the
/// parser makes one chain of `(a AND b) AND c`.
fn left_chain(inner: &[Node]) -> Option<Vec<Node>> {
    let operator = inner.get(1).filter(|node| node.is("AND") || node.is("OR"))?;
    let first = inner.first()?.inner('(')?;
    let is_query = ["SELECT", "WITH", "VALUES"]
        .iter()
        .any(|word| first.first().is_some_and(|node| node.is(word)));
    let same = first.iter().any(|node| node.piece == operator.piece);
    (same && !is_query).then(|| first.to_vec())
}

/// Moves the cast of `(ARRAY[a, b])::x[]` to the elements, as the parser does.
fn push_casts(nodes: &[Node]) -> Vec<Node> {
    let mut out = Vec::with_capacity(nodes.len());
    let mut at = 0;
    while let Some(node) = nodes.get(at) {
        if let Some((elements, element_type, length)) = array_cast(&nodes[at..]) {
            let array = Node {
                space: node.space.clone(),
                ..Node::word("ARRAY")
            };
            out.extend([array, Node::group('[', cast_elements(elements, &element_type))]);
            at += length;
        } else {
            out.push(node.clone());
            at += 1;
        }
    }
    out
}

/// Reads `(ARRAY[…])::type[]` at the start; gives the array's content, the element type and the number of nodes.
fn array_cast(nodes: &[Node]) -> Option<(&[Node], Vec<Node>, usize)> {
    let [array, list] = nodes.first()?.inner('(')? else {
        return None;
    };
    let elements = list.inner('[').filter(|_| array.is("ARRAY"))?;
    nodes.get(1).filter(|node| node.is("::"))?;
    let end = nodes.iter().skip(2).position(|node| node.inner('[').is_some())? + 2;
    let is_type = |node: &Node| match &node.piece {
        Piece::Word(word) => word == "." || word.starts_with(|c: char| c == '"' || c == '_' || c.is_alphabetic()),
        Piece::Group(open, ..) => *open == '(',
    };
    let is_array = nodes[end].inner('[').is_some_and(<[Node]>::is_empty);
    let element_type = &nodes[2..end];
    (is_array && !elements.is_empty() && element_type.iter().all(is_type))
        .then(|| (elements, element_type.to_vec(), end + 1))
}

fn cast_elements(elements: &[Node], element_type: &[Node]) -> Vec<Node> {
    let mut out = Vec::new();
    for (at, element) in elements.split(|node| node.is(",")).enumerate() {
        if at > 0 {
            out.push(Node::word(","));
        }
        let space = element.first().map(|node| node.space.clone()).unwrap_or_default();
        let mut element = element.to_vec();
        if let Some(first) = element.first_mut() {
            first.space.clear();
        }
        let inner = match element.as_slice() {
            [array, list] if array.is("ARRAY") => list.inner('['),
            _ => None,
        };
        let mut cast = match inner {
            Some(inner) => vec![
                Node::word("ARRAY"),
                Node::group('[', cast_elements(inner, element_type)),
            ],
            None => [Node::group('(', element), Node::word("::")]
                .into_iter()
                .chain(element_type.iter().cloned())
                .collect(),
        };
        cast[0].space = space;
        out.extend(cast);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settles_what_the_server_changes_the_second_time() {
        for (first, second) in [
            (
                "((c)::text = ANY ((ARRAY['a'::character varying, 'b,]'::character varying])::text[]))",
                "((c)::text = ANY (ARRAY[('a'::character varying)::text, ('b,]'::character varying)::text]))",
            ),
            (
                "f((ARRAY[ARRAY[1, 2], ARRAY[3, 4]])::bigint[])",
                "f(ARRAY[ARRAY[(1)::bigint, (2)::bigint], ARRAY[(3)::bigint, (4)::bigint]])",
            ),
            (
                "(((a >= 1) AND (a <= 2)) AND (b > 0))",
                "((a >= 1) AND (a <= 2) AND (b > 0))",
            ),
            (
                "((((a OR b) OR c) OR d) AND (e AND f))",
                "((a OR b OR c OR d) AND (e AND f))",
            ),
            (
                " SELECT 1\n   FROM (VALUES (1,2)) v;",
                " SELECT 1\n   FROM ( VALUES (1,2)) v;",
            ),
        ] {
            assert_eq!(settle(first), second);
            assert_eq!(settle(second), second);
        }
    }

    #[test]
    fn restates_what_was_said() {
        for (deparsed, said) in [
            (
                "((c)::text = ANY ((ARRAY['a'::character varying, 'b'::character varying])::text[]))",
                "((c)::text = ANY (ARRAY['a'::character varying, 'b'::character varying]))",
            ),
            (
                "(c::text = ANY (ARRAY['a'::character varying, 'b'::character varying]::text[]))",
                "(c::text = ANY (ARRAY['a'::character varying, 'b'::character varying]))",
            ),
            (
                "(((a >= 1) AND (a <= f(2, 3))) AND (b > 0))",
                "((a BETWEEN 1 AND f(2, 3)) AND (b > 0))",
            ),
            (
                "(((a < 1) OR (a > 2)) OR (b > 0))",
                "((a NOT BETWEEN 1 AND 2) OR (b > 0))",
            ),
            (
                "((b > 0) AND ((a >= 1) AND (a <= 2)))",
                "((b > 0) AND ((a >= 1) AND (a <= 2)))",
            ),
        ] {
            assert_eq!(restate(deparsed), said);
            assert_eq!(restate(said), said);
        }
    }

    #[test]
    fn leaves_everything_else_alone() {
        for text in [
            "((a AND b) OR c)",
            "((a = '(ARRAY[1])::text[] ((a AND b) AND c)'::text))",
            "(ARRAY[1, 2])[1]",
            "((x.y)::text = (ARRAY[]::text[])[1])",
            "(( SELECT 1 AND 2) AND c)",
            "(( unbalanced",
        ] {
            assert_eq!(settle(text), text);
            assert_eq!(restate(text), text);
        }
    }
}
