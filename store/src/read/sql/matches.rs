//! `text MATCHES 'search'`, which no parser of SQL knows, as a call of `matches`.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

/// `x MATCHES 's'` as `matches(x, 's')`, `x NOT MATCHES 's'` as `NOT matches(x, 's')`. Text that
/// cannot be cut into tokens is left to the parser's complaint.
pub(super) fn rewrite_matches(text: &str) -> String {
    let dialect = GenericDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, text).with_unescape(false).tokenize() else {
        return text.to_owned();
    };
    let is_word = |token: &Token, word: &str| match token {
        Token::Word(w) => w.quote_style.is_none() && w.value.eq_ignore_ascii_case(word),
        _ => false,
    };
    if !tokens.iter().any(|token| is_word(token, "matches")) {
        return text.to_owned();
    }
    let mut out: Vec<String> = Vec::new();
    let mut kept: Vec<&Token> = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let next = tokens[at + 1..]
            .iter()
            .position(|t| !matches!(t, Token::Whitespace(_)))
            .map(|n| at + 1 + n);
        let search = next.filter(|&next| matches!(tokens[next], Token::SingleQuotedString(_)));
        if let (true, Some(search)) = (is_word(&tokens[at], "matches"), search) {
            let operand = |kept: &[&Token]| kept.iter().rposition(|t| !matches!(t, Token::Whitespace(_)));
            let mut end = operand(&kept);
            let negated = end.is_some_and(|end| is_word(kept[end], "not"));
            if let (true, Some(not)) = (negated, end) {
                end = operand(&kept[..not]);
            }
            if let Some(end) = end {
                let mut start = end;
                while start >= 2 && *kept[start - 1] == Token::Period {
                    start -= 2;
                }
                let name: String = out[start..=end].concat();
                out.truncate(start);
                kept.truncate(start);
                let not = if negated { "NOT " } else { "" };
                out.push(format!("{not}matches({name}, {})", tokens[search]));
                kept.push(&tokens[search]);
                at = search + 1;
                continue;
            }
        }
        out.push(tokens[at].to_string());
        kept.push(&tokens[at]);
        at += 1;
    }
    out.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn fuzz_any_statement_is_rewritten_without_a_panic(text in "(\\PC|MATCHES |'|\"|--|/\\*|\\(| logs ){0,20}") {
            rewrite_matches(&text);
            drop(crate::read::sql::refuse_writes(&text));
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(rewrite_matches(text), expected);
    }
    #[test]
    fn matches_becomes_a_function() {
        check("SELECT 1", "SELECT 1");
        check(
            "SELECT * FROM logs WHERE body MATCHES 'it''s'",
            "SELECT * FROM logs WHERE matches(body, 'it''s')",
        );
        check(
            "x WHERE l.body not matches 'a' AND 1",
            "x WHERE NOT matches(l.body, 'a') AND 1",
        );
        check(
            "SELECT 'a MATCHES b', matches FROM t",
            "SELECT 'a MATCHES b', matches FROM t",
        );
        check("MATCHES 'a'", "MATCHES 'a'");
    }
}
