//! Text to tokens, on demand: what a character means depends on where the parser stands.
//!
//! | in a search | meaning |
//! |---|---|
//! | white space | separates |
//! | `"` `(` `)` `\|` `&&` | end a word wherever they stand, unless escaped by `\` |
//! | `\c` | the character `c` itself |
//! | `-x` `+x` `!x` | prefix, if at a word's beginning and something else than white space, `- + ! > = ) \|` follows |
//! | `name:` | a field, if `name` is `[A-Za-z_@][A-Za-z0-9_.@-]*` and neither `//` nor another `:` follows; `"any name":` too |
//! | `/…/` | a regex, if the first unescaped `/` after it ends the word and no white space follows the opening one |
//! | `AND` `OR` `NOT` `&&` `\|\|` | operators, in capitals |
//! | `*` | any run |
//! | anything else | part of a word |
//!
//! Within quotes only `\"` and `\\` are escapes. In pipes a text may stand in single quotes too, and
//! a name in backticks.

use super::ast::{CompareOp, Span};

/// What stands at a place of a search.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SearchToken {
    End,
    Pipe,
    Open,
    Close,
    And,
    Or,
    Not,
    Minus,
    Plus,
    /// A field's name; its colon is consumed but not in the span.
    Field(String),
    /// The pieces between unescaped stars; one piece if there is no star.
    Word(Vec<String>),
    Quoted {
        text: String,
        closed: bool,
    },
    Regex(String),
    /// `>` `>=` `<` `<=` `=`, and `None` for `!=`.
    Compare(Option<CompareOp>),
    RangeOpen {
        included: bool,
    },
}

/// What stands at a place of a pipe.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PipeToken<'a> {
    End,
    Pipe,
    Name(&'a str),
    Quoted {
        text: String,
        closed: bool,
    },
    /// A name in backticks.
    Ticked {
        text: String,
        closed: bool,
    },
    /// A text in single quotes.
    Text {
        text: String,
        closed: bool,
    },
    /// Begins with a digit: `10`, `0.5`, `5m`.
    Number(&'a str),
    Comma,
    Open,
    Close,
    Equals,
    Minus,
    Plus,
    Other(char),
}

/// Where in a search the next token stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Position {
    /// Where a test begins.
    Start,
    /// The same within `field:( … )`: comparisons are allowed, fields are not.
    Group,
    /// Right after `field:`.
    Value,
}

/// A place in a text.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, at: usize) -> Self {
        Lexer { text, at }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub(super) fn peek_char(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn skip_white_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes `token` if it stands here.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// The next token of a search. White space before it is skipped, except in a value.
    pub(super) fn search(&mut self, position: Position) -> (SearchToken, Span) {
        if position != Position::Value {
            self.skip_white_space();
        }
        let start = self.at;
        let token = match self.search_punctuation() {
            Some(token) => token,
            None => self.operand(position),
        };
        let mut end = self.at;
        if let SearchToken::Field(_) = token {
            end -= 1;
        }
        (token, Span { start, end })
    }

    fn search_punctuation(&mut self) -> Option<SearchToken> {
        use SearchToken::{And, Close, End, Open, Or, Pipe};
        if self.at == self.text.len() {
            return Some(End);
        }
        [("||", Or), ("|", Pipe), ("&&", And), ("(", Open), (")", Close)]
            .into_iter()
            .find(|(text, _)| self.take(text))
            .map(|(_, token)| token)
    }

    fn operand(&mut self, position: Position) -> SearchToken {
        if self.rest().starts_with('"') {
            let (text, closed) = self.quoted();
            if position == Position::Start && closed && self.colon_of_field() {
                self.at += 1;
                return SearchToken::Field(text);
            }
            return SearchToken::Quoted { text, closed };
        }
        if position != Position::Value
            && let Some(token) = self.operator()
        {
            return token;
        }
        if position != Position::Start
            && let Some(token) = self.comparison()
        {
            return token;
        }
        if let Some((pattern, length)) = regex_at(self.rest()) {
            self.at += length;
            return SearchToken::Regex(pattern);
        }
        if position == Position::Start
            && let Some(length) = field_name_len(self.rest())
        {
            let name = self.rest()[..length].to_owned();
            self.at += length + 1;
            return SearchToken::Field(name);
        }
        SearchToken::Word(self.word(|_| false))
    }

    /// Whether a colon stands here that makes a field of what is before it.
    fn colon_of_field(&self) -> bool {
        let rest = self.rest();
        rest.starts_with(':') && !rest.starts_with("::") && !rest.starts_with("://")
    }

    fn operator(&mut self) -> Option<SearchToken> {
        use SearchToken::{And, Minus, Not, Or, Plus};
        for (word, token) in [("AND", And), ("OR", Or), ("NOT", Not)] {
            let Some(after) = self.rest().strip_prefix(word) else {
                continue;
            };
            if ends_word(after) {
                self.at += word.len();
                return Some(token);
            }
        }
        for (sign, token) in [('-', Minus), ('+', Plus), ('!', Not)] {
            let Some(after) = self.rest().strip_prefix(sign) else {
                continue;
            };
            let alone = |c: char| c.is_whitespace() || matches!(c, '-' | '+' | '!' | '>' | '=' | ')' | '|');
            if after.chars().next().is_some_and(|c| !alone(c)) {
                self.at += 1;
                return Some(token);
            }
        }
        None
    }

    fn comparison(&mut self) -> Option<SearchToken> {
        use CompareOp::{Eq, Ge, Gt, Le, Lt};
        for (sign, op) in [
            (">=", Some(Ge)),
            ("<=", Some(Le)),
            ("!=", None),
            (">", Some(Gt)),
            ("<", Some(Lt)),
            ("=", Some(Eq)),
        ] {
            if self.take(sign) {
                return Some(SearchToken::Compare(op));
            }
        }
        for (bracket, included) in [("[", true), ("{", false)] {
            if self.take(bracket) {
                return Some(SearchToken::RangeOpen { included });
            }
        }
        None
    }

    /// A quoted text from its opening quote on (`"`, `'` or a backtick), and whether it is closed.
    pub(super) fn quoted(&mut self) -> (String, bool) {
        let quote = self.peek_char().unwrap_or('"');
        self.at += quote.len_utf8();
        let mut text = String::new();
        let mut chars = self.rest().char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.at += at + 1;
                    return (text, true);
                }
                '\\' if chars.peek().is_some_and(|(_, next)| *next == quote || *next == '\\') => {
                    text.extend(chars.next().map(|(_, escaped)| escaped));
                }
                _ => text.push(c),
            }
        }
        self.at = self.text.len();
        (text, false)
    }

    /// The pieces of a word up to its end, or to a character for which `ends` holds.
    pub(super) fn word(&mut self, ends: impl Fn(char) -> bool) -> Vec<String> {
        let mut pieces = vec![String::new()];
        let rest = self.rest();
        let mut length = rest.len();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            let piece = pieces.last_mut().expect("there is always one");
            match c {
                '\\' => piece.push(chars.next().map_or('\\', |(_, escaped)| escaped)),
                '*' => pieces.push(String::new()),
                _ if ends_word(&rest[at..]) || ends(c) => {
                    length = at;
                    break;
                }
                _ => piece.push(c),
            }
        }
        self.at += length;
        pieces
    }

    /// The next token of a pipe.
    pub(super) fn pipe(&mut self) -> (PipeToken<'a>, Span) {
        self.skip_white_space();
        let start = self.at;
        let rest = self.rest();
        let token = match rest.chars().next() {
            None => PipeToken::End,
            Some('"') => {
                let (text, closed) = self.quoted();
                PipeToken::Quoted { text, closed }
            }
            Some('`') => {
                let (text, closed) = self.quoted();
                PipeToken::Ticked { text, closed }
            }
            Some('\'') => {
                let (text, closed) = self.quoted();
                PipeToken::Text { text, closed }
            }
            Some(c) if c.is_ascii_digit() => {
                let in_number = |c: char| c.is_alphanumeric() || c == '.';
                let length = rest.find(|c| !in_number(c)).unwrap_or(rest.len());
                self.at += length;
                PipeToken::Number(&rest[..length])
            }
            Some(c) => match identifier_len(rest) {
                0 => {
                    self.at += c.len_utf8();
                    punctuation(c)
                }
                length => {
                    self.at += length;
                    PipeToken::Name(&rest[..length])
                }
            },
        };
        let span = Span { start, end: self.at };
        (token, span)
    }
}

fn punctuation<'a>(c: char) -> PipeToken<'a> {
    match c {
        '|' => PipeToken::Pipe,
        ',' => PipeToken::Comma,
        '(' => PipeToken::Open,
        ')' => PipeToken::Close,
        '=' => PipeToken::Equals,
        '-' => PipeToken::Minus,
        '+' => PipeToken::Plus,
        other => PipeToken::Other(other),
    }
}

/// Whether a word before `rest` ends here.
pub(super) fn ends_word(rest: &str) -> bool {
    match rest.chars().next() {
        None => true,
        Some(c) => c.is_whitespace() || matches!(c, '"' | '(' | ')' | '|') || rest.starts_with("&&"),
    }
}

/// Bytes of the identifier at the beginning of `text`; 0 if there is none.
pub(super) fn identifier_len(text: &str) -> usize {
    let bytes = text.as_bytes();
    let begins = |b: u8| b.is_ascii_alphabetic() || matches!(b, b'_' | b'@');
    if !bytes.first().is_some_and(|b| begins(*b)) {
        return 0;
    }
    let continues = |b: &&u8| begins(**b) || b.is_ascii_digit() || matches!(**b, b'.' | b'-');
    bytes.iter().take_while(continues).count()
}

/// Whether `name` needs no quotes where a field stands.
pub fn is_identifier(name: &str) -> bool {
    !name.is_empty() && identifier_len(name) == name.len()
}

/// Bytes of the field's name at the beginning of `text`, if one stands there before its colon.
pub(super) fn field_name_len(text: &str) -> Option<usize> {
    let length = identifier_len(text);
    let after = text[length..].strip_prefix(':')?;
    (length > 0 && !after.starts_with("//") && !after.starts_with(':')).then_some(length)
}

/// `n>10` of a word as bytes of name and sign, and a lone sign as no name and the sign: what
/// people write in `where` for a comparison.
pub(super) fn loose_comparison(word: &str) -> Option<(usize, usize)> {
    let name = identifier_len(word);
    let rest = &word[name..];
    let sign = rest
        .bytes()
        .take_while(|b| matches!(b, b'<' | b'>' | b'=' | b'!'))
        .count();
    let is_sign = matches!(&rest[..sign], ">" | ">=" | "<" | "<=" | "=" | "==" | "!=");
    // A lone sign, or a sign between name and value.
    (is_sign && (name == 0) == (sign == rest.len())).then_some((name, sign))
}

/// The regex at the beginning of `text`, with `\/` unescaped, and its bytes with both slashes.
pub(super) fn regex_at(text: &str) -> Option<(String, usize)> {
    let body = text.strip_prefix('/')?;
    if body.starts_with(|c: char| c.is_whitespace() || c == '/') {
        return None;
    }
    let mut pattern = String::new();
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '/' => return ends_word(&body[at + 1..]).then_some((pattern, at + 2)),
            '\\' => match chars.next()? {
                (_, '/') => pattern.push('/'),
                (_, escaped) => pattern.extend(['\\', escaped]),
            },
            _ => pattern.push(c),
        }
    }
    None
}
