//! What each part of a query's text is, for its colours. Any text has an answer, also one that
//! does not parse.

mod sql_token;

use sql_token::sql_token;

use super::ast::Span;
use super::lexer::{Lexer, PipeToken, Position, SearchToken, ends_word, regex_at};
use super::{fields, matcher, pipes, sql};

/// What a part of a query's text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenClass {
    /// White space.
    Space,
    /// A word to search for.
    Word,
    /// A field's or column's name.
    Field,
    /// A comparison's sign.
    Operator,
    /// A quoted text, or a field's value.
    String,
    /// A regex with its slashes.
    Regex,
    /// AND, OR, NOT and their signs, TO, `by`, `as`, a word of SQL.
    Keyword,
    /// A pipe's name.
    Pipe,
    /// A function's name.
    Function,
    /// A number, a duration.
    Number,
    /// What cannot stand there.
    Error,
    /// Parentheses, brackets, commas, colons, `|`.
    Punctuation,
}

/// The parts of `text` in order, without gaps: every byte is in one of them.
pub fn classify(text: &str) -> Vec<(Span, TokenClass)> {
    Painter::paint(text).parts
}

/// Walks over a text as the parser does, but goes on whatever comes.
pub(super) struct Painter<'a> {
    lexer: Lexer<'a>,
    pub(super) parts: Vec<(Span, TokenClass)>,
    /// Bytes painted.
    done: usize,
    /// Where the first pipe's `|` stands.
    pub(super) search_end: Option<usize>,
    pub(super) place: Place,
}

/// Where a text ends, for completion.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Place {
    #[default]
    Sql,
    /// Where a test can begin, or within a word.
    Test,
    /// In the value of a field; from its first byte on.
    Value { field: String, start: usize },
    /// In a quoted text or regex without a field.
    Literal,
    /// Where a pipe's name stands.
    PipeName,
    /// In the arguments of a pipe.
    Arguments {
        pipe: &'static str,
        in_call: bool,
        /// The last of the pipe's words, or `=` in the value of an assignment.
        keyword: Option<&'static str>,
    },
}

impl<'a> Painter<'a> {
    pub(super) fn paint(text: &'a str) -> Self {
        let mut painter = Painter {
            lexer: Lexer::new(text, 0),
            parts: Vec::new(),
            done: 0,
            search_end: None,
            place: Place::Sql,
        };
        if sql::is_sql(text) {
            painter.sql();
        } else {
            painter.explain(sql::explain_prefix(text).1);
            painter.search();
            painter.pipes();
        }
        painter.push(
            Span {
                start: text.len(),
                end: text.len(),
            },
            TokenClass::Space,
        );
        painter
    }

    /// Paints `span`, and white space before it.
    fn push(&mut self, span: Span, class: TokenClass) {
        for (start, end, class) in [
            (self.done, span.start, TokenClass::Space),
            (span.start, span.end, class),
        ] {
            if start < end {
                self.parts.push((Span { start, end }, class));
                self.done = end;
            }
        }
    }

    fn push_to_here(&mut self, start: usize, class: TokenClass) {
        self.push(
            Span {
                start,
                end: self.lexer.at,
            },
            class,
        );
    }

    /// `explain` and `analyze` in the first `bytes`.
    fn explain(&mut self, bytes: usize) {
        while self.lexer.at < bytes {
            self.lexer.skip_white_space();
            let start = self.lexer.at;
            let rest = &self.lexer.text[start..bytes.max(start)];
            self.lexer.at = start + rest.find(char::is_whitespace).unwrap_or(rest.len());
            if self.lexer.at == start {
                break;
            }
            self.push_to_here(start, TokenClass::Keyword);
        }
    }

    /// Up to a `|` or the end.
    fn search(&mut self) {
        // For each open parenthesis the field that its words are values of.
        let mut open: Vec<Option<String>> = Vec::new();
        loop {
            let group = open.last().cloned().flatten();
            let position = if group.is_some() {
                Position::Group
            } else {
                Position::Start
            };
            self.place = match &group {
                Some(field) => Place::Value {
                    field: field.clone(),
                    start: self.lexer.text.len(),
                },
                None => Place::Test,
            };
            let (token, span) = self.lexer.search(position);
            match token {
                SearchToken::End => return,
                SearchToken::Pipe => {
                    self.lexer.at = span.start;
                    self.search_end.get_or_insert(span.start);
                    return;
                }
                SearchToken::Open => {
                    open.push(group);
                    self.push(span, TokenClass::Punctuation);
                }
                SearchToken::Close => {
                    let class = if open.pop().is_some() {
                        TokenClass::Punctuation
                    } else {
                        TokenClass::Error
                    };
                    self.push(span, class);
                }
                SearchToken::Field(name) => {
                    self.push(span, TokenClass::Field);
                    self.push_to_here(span.end, TokenClass::Punctuation);
                    if self.value(&name) {
                        open.push(Some(name));
                    }
                }
                token => self.operand(&token, span, group.as_deref()),
            }
            if self.lexer.at == self.lexer.text.len() && self.ends_within() {
                return;
            }
        }
    }

    /// Whether the last part is one that more text would go on with.
    fn ends_within(&self) -> bool {
        self.parts.last().is_some_and(|(_, class)| {
            !matches!(class, TokenClass::Punctuation | TokenClass::Keyword | TokenClass::Space)
        }) || matches!(self.place, Place::Value { start, .. } if start == self.done)
    }

    /// What follows a field's colon; whether it opens a group.
    fn value(&mut self, name: &str) -> bool {
        self.place = Place::Value {
            field: name.to_owned(),
            start: self.lexer.at,
        };
        let before = self.lexer.at;
        let (token, span) = self.lexer.search(Position::Value);
        match token {
            SearchToken::Open => {
                self.push(span, TokenClass::Punctuation);
                return true;
            }
            SearchToken::End | SearchToken::Pipe | SearchToken::Close | SearchToken::And | SearchToken::Or => {
                self.lexer.at = before;
            }
            token => self.operand(&token, span, Some(name)),
        }
        false
    }

    fn operand(&mut self, token: &SearchToken, span: Span, field: Option<&str>) {
        let class = match token {
            SearchToken::And | SearchToken::Or | SearchToken::Not | SearchToken::Minus | SearchToken::Plus => {
                self.push(span, TokenClass::Keyword);
                return;
            }
            SearchToken::Compare(_) => {
                self.push(span, TokenClass::Operator);
                let start = self.lexer.at;
                let class = self.literal(|_| false);
                self.set_value(field, start);
                self.push_to_here(start, class);
                return;
            }
            SearchToken::RangeOpen { .. } => {
                self.push(span, TokenClass::Punctuation);
                self.range(field);
                return;
            }
            SearchToken::Quoted { closed: false, .. } => TokenClass::Error,
            SearchToken::Quoted { .. } => TokenClass::String,
            SearchToken::Regex(_) => TokenClass::Regex,
            _ => word_class(&self.lexer.text[span.start..span.end], field.is_some()),
        };
        match (field, class) {
            (Some(_), _) => self.set_value(field, span.start),
            (None, TokenClass::Word | TokenClass::Number) => self.place = Place::Test,
            (None, _) => self.place = Place::Literal,
        }
        self.push(span, class);
    }

    fn set_value(&mut self, field: Option<&str>, start: usize) {
        if let Some(field) = field {
            self.place = Place::Value {
                field: field.to_owned(),
                start,
            };
        }
    }

    /// A quoted text or word from here on.
    fn literal(&mut self, ends: impl Fn(char) -> bool) -> TokenClass {
        if self.lexer.peek_char() == Some('"') {
            let (_, closed) = self.lexer.quoted();
            return if closed { TokenClass::String } else { TokenClass::Error };
        }
        let start = self.lexer.at;
        self.lexer.word(ends);
        word_class(&self.lexer.text[start..self.lexer.at], true)
    }

    fn range(&mut self, field: Option<&str>) {
        loop {
            self.lexer.skip_white_space();
            let start = self.lexer.at;
            self.set_value(field, start);
            if self.lexer.take("]") || self.lexer.take("}") {
                self.push_to_here(start, TokenClass::Punctuation);
                return;
            }
            let rest = self.lexer.rest();
            if ends_word(rest) && !rest.starts_with('"') {
                return;
            }
            let class = self.literal(|c| matches!(c, ']' | '}'));
            let class = if &self.lexer.text[start..self.lexer.at] == "TO" {
                TokenClass::Keyword
            } else {
                class
            };
            self.push_to_here(start, class);
        }
    }

    fn pipes(&mut self) {
        while self.lexer.at < self.lexer.text.len() {
            let start = self.lexer.at;
            self.lexer.pipe();
            self.push_to_here(start, TokenClass::Punctuation);
            self.place = Place::PipeName;
            let (token, span) = self.lexer.pipe();
            let info = match token {
                PipeToken::End => return,
                PipeToken::Pipe => {
                    self.lexer.at = span.start;
                    continue;
                }
                PipeToken::Name(name) => pipes::find(name),
                _ => None,
            };
            self.push(
                span,
                if info.is_some() {
                    TokenClass::Pipe
                } else {
                    TokenClass::Error
                },
            );
            if self.lexer.at == self.lexer.text.len() {
                return;
            }
            let pipe = info.map_or("", |info| info.name);
            if pipe == "where" {
                self.search();
            } else {
                self.arguments(pipe);
            }
        }
    }

    /// Up to a `|` or the end.
    fn arguments(&mut self, pipe: &'static str) {
        let mut depth = 0_usize;
        let mut keyword = None;
        loop {
            let in_call = depth > 0;
            self.place = Place::Arguments { pipe, in_call, keyword };
            if pipe == "parse" && self.regex() {
                continue;
            }
            let in_value = pipe == "extend" || in_call;
            let (token, span) = self.lexer.pipe();
            let class = match token {
                PipeToken::End => return,
                PipeToken::Pipe => {
                    self.lexer.at = span.start;
                    return;
                }
                PipeToken::Name(name) => self.name_class(pipe, name, in_value, &mut keyword),
                PipeToken::Ticked { closed: true, .. } => TokenClass::Field,
                PipeToken::Text { closed: true, .. } => TokenClass::String,
                PipeToken::Quoted { closed: true, .. } if pipe == "parse" || keyword == Some("=") => TokenClass::String,
                PipeToken::Quoted { closed: true, .. } => TokenClass::Field,
                PipeToken::Number(_) => TokenClass::Number,
                PipeToken::Open => {
                    depth += 1;
                    TokenClass::Punctuation
                }
                PipeToken::Close => {
                    depth = depth.saturating_sub(1);
                    keyword = keyword.filter(|keyword| depth > 0 || *keyword != "if");
                    TokenClass::Punctuation
                }
                PipeToken::Comma => {
                    let stays = |keyword: &&str| depth > 0 || *keyword == "by";
                    keyword = keyword.filter(stays);
                    TokenClass::Punctuation
                }
                PipeToken::Equals => {
                    if pipe == "extend" {
                        keyword = Some("=");
                    }
                    TokenClass::Operator
                }
                PipeToken::Minus | PipeToken::Plus => TokenClass::Operator,
                PipeToken::Other('*' | '/' | '%' | '<' | '>' | '!' | '&') if in_value => TokenClass::Operator,
                PipeToken::Quoted { .. } | PipeToken::Text { .. } | PipeToken::Ticked { .. } | PipeToken::Other(_) => {
                    TokenClass::Error
                }
            };
            self.push(span, class);
            if token_is_equals(&self.lexer, span) && keyword == Some("tz") {
                self.zone();
                if self.lexer.at == self.lexer.text.len() {
                    return;
                }
                keyword = None;
            }
            // A keyword asks for what comes after the white space after it.
            let within = !matches!(class, TokenClass::Punctuation | TokenClass::Operator);
            if within && self.lexer.at == self.lexer.text.len() {
                return;
            }
        }
    }

    /// A regex between slashes, if one stands here.
    fn regex(&mut self) -> bool {
        let mut after = self.lexer.clone();
        after.skip_white_space();
        let Some((_, length)) = regex_at(after.rest()) else {
            return false;
        };
        let start = after.at;
        self.lexer.at = start + length;
        self.push_to_here(start, TokenClass::Regex);
        true
    }

    /// A zone's name.
    fn zone(&mut self) {
        self.lexer.skip_white_space();
        let start = self.lexer.at;
        let rest = self.lexer.rest();
        self.lexer.at += rest.find(|c| !pipes::in_zone(c)).unwrap_or(rest.len());
        self.push_to_here(start, TokenClass::String);
    }

    fn name_class(&self, pipe: &str, name: &str, in_value: bool, keyword: &mut Option<&'static str>) -> TokenClass {
        /// Words that stand by themselves, words of one pipe, words before `=`, words of expressions.
        const ANYWHERE: [&str; 4] = ["by", "as", "asc", "desc"];
        const OF_PIPE: [(&str, &str); 3] = [("json", "from"), ("lookup", "on"), ("parse", "grok")];
        const OPTIONS: [&str; 5] = ["span", "tz", "limit", "keep", "compare"];
        const IN_VALUES: [&str; 7] = ["and", "or", "not", "in", "true", "false", "null"];
        let mut after = self.lexer.clone();
        let next = after.pipe().0;
        let same = |word: &&&str| word.eq_ignore_ascii_case(name);
        if in_value && IN_VALUES.iter().any(|word| same(&word)) {
            return TokenClass::Keyword;
        }
        if next == PipeToken::Open {
            return TokenClass::Function;
        }
        let of_pipe = OF_PIPE.iter().filter(|(of, _)| *of == pipe).map(|(_, word)| word);
        let options = OPTIONS.iter().filter(|_| next == PipeToken::Equals && pipe != "extend");
        let condition = ["if"].iter().filter(|_| in_value && pipe != "extend");
        match ANYWHERE
            .iter()
            .chain(of_pipe)
            .chain(options)
            .chain(condition)
            .find(same)
        {
            Some(known) => {
                *keyword = Some(known);
                TokenClass::Keyword
            }
            None => TokenClass::Field,
        }
    }

    fn sql(&mut self) {
        while self.lexer.at < self.lexer.text.len() {
            self.lexer.skip_white_space();
            let start = self.lexer.at;
            let rest = self.lexer.rest();
            let Some(first) = rest.chars().next() else { return };
            let (length, class) = sql_token(rest, first);
            self.lexer.at += length;
            self.push_to_here(start, class);
        }
    }
}

/// Whether the token at `span` is `=`.
fn token_is_equals(lexer: &Lexer<'_>, span: Span) -> bool {
    &lexer.text[span.start..span.end] == "="
}

fn word_class(word: &str, is_value: bool) -> TokenClass {
    let is_number = matcher::number(word.as_bytes()).is_some();
    match (is_number, is_value) {
        (true, _) => TokenClass::Number,
        (false, true) => TokenClass::String,
        (false, false) => TokenClass::Word,
    }
}

/// Whether a completion of the field's values makes sense: times are written, not chosen.
pub(super) fn has_values(field: &str) -> bool {
    !fields::is_time_field(field)
}

#[cfg(test)]
mod tests;
