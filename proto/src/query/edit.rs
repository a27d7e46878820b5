//! Adding a test to a query's text, as a click on a value does.

use super::ast::{CompareOp, Field, Filter, Leaf, Literal, Query, Span, Test};
use super::highlight::Painter;
use super::parser::parse;
use super::sql;

/// `query` asking also that `field` has exactly `value`, or, negated, that it has not. Pipes stay
/// as they are; so does all of the text if it is SQL or asks so already. A test that says the
/// opposite is taken out.
pub fn and_filter(query: &str, field: &str, value: &str, negate: bool) -> String {
    let literal = Literal {
        text: value.to_owned(),
        span: Span::default(),
    };
    let field = Field {
        name: field.to_owned(),
        span: Span::default(),
    };
    add(query, Some(field), Test::Compare(CompareOp::Eq, literal), negate)
}

/// `query` asking also that `field` is one of `values`, or, negated, none of them. As [`and_filter`].
pub fn and_one_of(query: &str, field: &str, values: &[String], negate: bool) -> String {
    match values {
        [] => query.to_owned(),
        [value] => and_filter(query, field, value, negate),
        values => {
            let leaf = |value: &String| {
                Filter::Leaf(Leaf {
                    field: Some(Field {
                        name: field.to_owned(),
                        span: Span::default(),
                    }),
                    test: Test::Compare(
                        CompareOp::Eq,
                        Literal {
                            text: value.clone(),
                            span: Span::default(),
                        },
                    ),
                    span: Span::default(),
                })
            };
            add_filter(query, Filter::or(values.iter().map(leaf).collect()), negate)
        }
    }
}

/// `query` asking also that the phrase `text` stands anywhere in the record, or that it does not.
pub fn and_text(query: &str, text: &str, negate: bool) -> String {
    if text.is_empty() {
        return query.to_owned();
    }
    let test = Test::Text {
        text: text.to_owned(),
        quoted: true,
    };
    add(query, None, test, negate)
}

/// `query` asking also that `field` has a value, or that it has none.
pub fn and_exists(query: &str, field: &str, negate: bool) -> String {
    let field = Field {
        name: field.to_owned(),
        span: Span::default(),
    };
    add(query, Some(field), Test::Exists, negate)
}

fn add(query: &str, field: Option<Field>, test: Test, negate: bool) -> String {
    let leaf = Filter::Leaf(Leaf {
        field,
        test,
        span: Span::default(),
    });
    add_filter(query, leaf, negate)
}

fn add_filter(query: &str, leaf: Filter, negate: bool) -> String {
    if sql::is_sql(query) {
        return query.to_owned();
    }
    let opposite = Filter::Not(Box::new(leaf.clone()));
    let (wanted, unwanted) = if negate { (opposite, leaf) } else { (leaf, opposite) };
    let start = sql::explain_prefix(query).1;
    let end = Painter::paint(query).search_end.unwrap_or(query.len()).max(start);
    let search = match parse(&query[..end]) {
        Ok(Query::Search(parsed)) => match combine(parsed.filter, wanted, &unwanted.to_string()) {
            Some(combined) => combined.write(&query[..start], query[start..end].trim()),
            None => return query.to_owned(),
        },
        // What does not parse is left to the person.
        _ => format!("{} {wanted}", query[..end].trim_end()),
    };
    let pipes = query[end..].trim_start();
    let space = if pipes.is_empty() { "" } else { " " };
    format!("{search}{space}{pipes}")
}

/// A filter with a test added to it.
struct Combined {
    filter: Filter,
    /// What is added to the text, if the rest of it stays as it was written.
    added: Option<(String, bool)>,
}

/// `filter` with `wanted` and without `unwanted`; `None` if `wanted` is there.
fn combine(filter: Filter, wanted: Filter, unwanted: &str) -> Option<Combined> {
    let is_or = matches!(filter, Filter::Or(_));
    let is_all = matches!(filter, Filter::All);
    let all = match filter {
        Filter::And(all) => all,
        one => vec![one],
    };
    let text = wanted.to_string();
    let added = match wanted {
        Filter::Or(_) => format!("({text})"),
        _ => text.clone(),
    };
    if all.iter().any(|filter| filter.to_string() == text) {
        return None;
    }
    let count = all.len();
    let mut kept: Vec<Filter> = all
        .into_iter()
        .filter(|filter| filter.to_string() != unwanted)
        .collect();
    let added = (kept.len() == count && !is_all).then_some((added, is_or));
    kept.push(wanted);
    Some(Combined {
        filter: Filter::and(kept),
        added,
    })
}

impl Combined {
    /// With the person's own text `search` if that reads as it should, else written anew.
    fn write(&self, explain: &str, search: &str) -> String {
        let canonical = self.filter.to_string();
        if let Some((added, in_parentheses)) = &self.added {
            let text = match in_parentheses {
                true => format!("{explain}({search}) {added}"),
                false => format!("{explain}{search} {added}"),
            };
            if matches!(parse(&text), Ok(Query::Search(read)) if read.filter.to_string() == canonical) {
                return text;
            }
        }
        let text = format!("{explain}{canonical}");
        match parse(&text) {
            Ok(Query::Search(read)) if read.filter.to_string() == canonical => text,
            // Its first word would be taken for SQL.
            _ => format!("{explain}({canonical})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_filter_is_added_before_the_pipes() {
        let host = |query: &str| and_filter(query, "host", "web-1", false);
        assert_eq!(host(""), "host:=web-1");
        assert_eq!(host("*"), "host:=web-1");
        assert_eq!(host("error"), "error host:=web-1");
        assert_eq!(host("error | head 5"), "error host:=web-1 | head 5");
        assert_eq!(host("| head 5"), "host:=web-1 | head 5");
        assert_eq!(host("a OR b"), "(a OR b) host:=web-1");
        assert_eq!(host("\"a | b\" | head"), "\"a | b\" host:=web-1 | head");
        assert_eq!(host("explain a"), "explain a host:=web-1");
        assert_eq!(host("SELECT 1"), "SELECT 1");
    }

    #[test]
    fn one_of_several_is_asked_for_or_none_of_them() {
        let ids = ["a".to_owned(), "b".to_owned()];
        let kept = |query: &str, negate: bool| and_one_of(query, "template", &ids, negate);
        assert_eq!(kept("x  y", false), "x  y (template:=a OR template:=b)");
        assert_eq!(kept("x | head 5", true), "x NOT (template:=a OR template:=b) | head 5");
        assert_eq!(kept("", false), "template:=a OR template:=b");
        assert_eq!(
            kept("template:=a OR template:=b", true),
            "NOT (template:=a OR template:=b)"
        );
        assert_eq!(
            kept("x (template:=a OR template:=b)", true),
            "x NOT (template:=a OR template:=b)"
        );
        assert_eq!(and_one_of("x", "template", &ids[..1], false), "x template:=a");
    }

    #[test]
    fn a_slash_within_brackets_opens_no_regex() {
        let asked = and_filter("&||/", "f", "/", false);
        assert!(
            parse(&asked).is_ok_and(|query| matches!(query, Query::Search(_))),
            "{asked}"
        );
        assert_eq!(and_filter(&asked, "f", "/", false), asked);
    }

    #[test]
    fn values_and_names_are_quoted() {
        assert_eq!(
            and_filter("", "odd name", "a \"b\"", true),
            "NOT \"odd name\":=\"a \\\"b\\\"\""
        );
        assert_eq!(and_filter("", "a", "", false), "a:=\"\"");
        assert_eq!(and_text("a", "x y", false), "a \"x y\"");
        assert_eq!(and_text("a", "", false), "a");
    }

    #[test]
    fn asking_twice_changes_nothing_and_the_opposite_replaces() {
        assert_eq!(and_filter("a host:=x", "host", "x", false), "a host:=x");
        assert_eq!(and_filter("a -host:=x b", "host", "x", false), "a b host:=x");
        assert_eq!(and_filter("host:=x", "host", "x", true), "NOT host:=x");
    }

    proptest! {
        #[test]
        fn what_parses_still_parses_and_asks_for_it(
            query in crate::query::parser::tests::parts(),
            value in ".{0,8}",
            negate in any::<bool>(),
        ) {
            let Ok(Query::Search(before)) = parse(&query) else { return Ok(()) };
            let after = and_filter(&query, "f", &value, negate);
            let Ok(Query::Search(search)) = parse(&after) else {
                return Err(TestCaseError::fail(format!("{query} became {after}")));
            };
            prop_assert_eq!(search.pipes.len(), before.pipes.len(), "{} became {}", query, after);
            let mut found = false;
            search.filter.for_each_leaf(&mut |leaf, negated| {
                let is_value = matches!(&leaf.test, Test::Compare(CompareOp::Eq, literal) if literal.text == value);
                found |= is_value && negated == negate;
            });
            prop_assert!(found, "{} became {}", query, after);
        }
    }
}
