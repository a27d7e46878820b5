//! Patterns of `parse`, in queries as in an agent's rules: regular expressions, and grok, which names
//! them.
//!
//! Grok writes `%{NAME}`, `%{NAME:column}` and `%{NAME:column:int}` (or `float`) for a pattern of
//! the library below; everything else is a regular expression. Patterns are expanded into one
//! regular expression of the crate `regex`, which takes time in proportion to the text whatever the
//! pattern; there is no looking around and no back reference.

use regex::Regex;

use crate::query::ast::{Parse, Span};
use crate::query::{QueryError, nearest};

/// Bytes of a compiled regex at most.
const REGEX_BYTES_MAX: usize = 4 << 20;

/// Columns that one pattern may make.
const CAPTURES_MAX: usize = 64;
/// Bytes of an expanded pattern.
const EXPANDED_BYTES_MAX: usize = 64 << 10;
/// Patterns within patterns; the library has fewer.
const DEPTH_MAX: usize = 16;

/// The library. A pattern may name those of any line.
const LIBRARY: &[(&str, &str)] = &[
    ("USERNAME", r"[A-Za-z0-9._-]+"),
    ("USER", "%{USERNAME}"),
    ("EMAILLOCALPART", r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"),
    ("EMAILADDRESS", "%{EMAILLOCALPART}@%{HOSTNAME}"),
    ("INT", r"[+-]?[0-9]+"),
    (
        "BASE10NUM",
        r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?",
    ),
    ("NUMBER", "%{BASE10NUM}"),
    ("BASE16NUM", r"[+-]?(?:0[xX])?[0-9A-Fa-f]+"),
    ("POSINT", r"\b[1-9][0-9]*\b"),
    ("NONNEGINT", r"\b[0-9]+\b"),
    ("WORD", r"\b\w+\b"),
    ("NOTSPACE", r"\S+"),
    ("SPACE", r"\s*"),
    ("DATA", ".*?"),
    ("GREEDYDATA", ".*"),
    (
        "QUOTEDSTRING",
        r#"(?:"(?:\\.|[^\\"])*"|'(?:\\.|[^\\'])*'|`(?:\\.|[^\\`])*`)"#,
    ),
    ("QS", "%{QUOTEDSTRING}"),
    ("UUID", r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    (
        "MAC",
        r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}",
    ),
    ("IPV4OCTET", r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"),
    ("IPV4", r"%{IPV4OCTET}(?:\.%{IPV4OCTET}){3}"),
    (
        "IPV6",
        r"(?:(?:[0-9A-Fa-f]{1,4}:){1,7}:?|::)(?:[0-9A-Fa-f]{1,4}:){0,6}(?:%{IPV4}|[0-9A-Fa-f]{0,4})(?:%[0-9A-Za-z]+)?",
    ),
    ("IP", "(?:%{IPV4}|%{IPV6})"),
    (
        "HOSTNAME",
        r"\b[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,62})(?:\.[0-9A-Za-z_][0-9A-Za-z_-]{0,62})*\.?",
    ),
    ("IPORHOST", "(?:%{IP}|%{HOSTNAME})"),
    ("HOSTPORT", "%{IPORHOST}:%{POSINT}"),
    ("UNIXPATH", r"(?:/[^\s/]*)+"),
    ("WINPATH", r"(?:[A-Za-z]:|\\)(?:\\[^\\?*\s]*)+"),
    ("PATH", "(?:%{UNIXPATH}|%{WINPATH})"),
    ("TTY", r"/dev/(?:pts|tty[pq]?)\w*(?:/[0-9]+)?"),
    ("URIPROTO", r"[A-Za-z][A-Za-z0-9+.-]*"),
    ("URIHOST", "%{IPORHOST}(?::%{POSINT})?"),
    ("URIPATH", r"(?:/[^\s?#]*)+"),
    ("URIQUERY", r"[^\s#]*"),
    ("URIPARAM", r"\?%{URIQUERY}"),
    ("URIPATHPARAM", "%{URIPATH}(?:%{URIPARAM})?"),
    (
        "URI",
        r"%{URIPROTO}://(?:%{USER}(?::[^@\s]*)?@)?%{URIHOST}?(?:%{URIPATHPARAM})?(?:#\S*)?",
    ),
    ("URN", r"urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:\S+"),
    (
        "MONTH",
        r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t|tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b",
    ),
    ("MONTHNUM", r"(?:0?[1-9]|1[0-2])"),
    ("MONTHNUM2", r"(?:0[1-9]|1[0-2])"),
    ("MONTHDAY", r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])"),
    (
        "DAY",
        r"(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)",
    ),
    ("YEAR", r"(?:[0-9]{4}|[0-9]{2})"),
    ("HOUR", r"(?:2[0-3]|[01]?[0-9])"),
    ("MINUTE", r"[0-5][0-9]"),
    ("SECOND", r"(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?"),
    ("TIME", r"%{HOUR}:%{MINUTE}(?::%{SECOND})"),
    ("DATE_US", "%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}"),
    ("DATE_EU", "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}"),
    ("DATE", "(?:%{DATE_US}|%{DATE_EU})"),
    ("ISO8601_TIMEZONE", r"(?:Z|[+-]%{HOUR}(?::?%{MINUTE})?)"),
    (
        "TIMESTAMP_ISO8601",
        r"%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?",
    ),
    ("TZ", r"[A-Z]{3,4}"),
    ("DATESTAMP", "%{DATE}[- ]%{TIME}"),
    ("DATESTAMP_RFC822", "%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}"),
    (
        "DATESTAMP_RFC2822",
        "%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}",
    ),
    ("DATESTAMP_OTHER", "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}"),
    ("SYSLOGTIMESTAMP", "%{MONTH} +%{MONTHDAY} %{TIME}"),
    ("PROG", r"[!-Z\\^-~]+"),
    ("SYSLOGPROG", r"%{PROG:program}(?:\[%{POSINT:pid}\])?"),
    ("SYSLOGHOST", "%{IPORHOST}"),
    ("SYSLOGFACILITY", r"<%{NONNEGINT:facility}\.%{NONNEGINT:priority}>"),
    ("SYSLOGPRI", r"<%{NONNEGINT:priority:int}>"),
    (
        "SYSLOGBASE",
        r"%{SYSLOGTIMESTAMP:timestamp_text} (?:%{SYSLOGFACILITY} )?%{SYSLOGHOST:logsource} %{SYSLOGPROG}:",
    ),
    ("SYSLOGLINE", "%{SYSLOGBASE} %{GREEDYDATA:message}"),
    ("HTTPDATE", "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}"),
    ("HTTPDUSER", "(?:%{EMAILADDRESS}|%{USER})"),
    (
        "COMMONAPACHELOG",
        r#"%{IPORHOST:clientip} %{HTTPDUSER:ident} %{HTTPDUSER:auth} \[%{HTTPDATE:time}\] "(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})" (?:-|%{NUMBER:response:int}) (?:-|%{NUMBER:bytes:int})"#,
    ),
    ("COMBINEDAPACHELOG", r#"%{COMMONAPACHELOG} %{QS:referrer} %{QS:agent}"#),
    (
        "LOGLEVEL",
        r"(?i:\b(?:trace|debug|info(?:rmation)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|alert|emerg(?:ency)?|panic)\b)",
    ),
    ("JAVACLASS", r"(?:[A-Za-z$_][A-Za-z$_0-9]*\.)*[A-Za-z$_][A-Za-z$_0-9]*"),
    ("JAVAMETHOD", r"(?:<(?:cl)?init>|[A-Za-z$_][A-Za-z$_0-9]*)"),
    ("JAVAFILE", r"[A-Za-z$_0-9. -]+"),
    (
        "JAVASTACKTRACEPART",
        r"\s*at %{JAVACLASS:class}\.%{JAVAMETHOD:method}\(%{JAVAFILE:file}(?::%{INT:line:int})?\)",
    ),
    ("JAVATHREAD", r"[A-Za-z]{2}-Processor[0-9]+"),
    ("CRON_ACTION", "[A-Z ]+"),
];

/// A pattern ready to be used.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What it expands to.
    pub regex: Regex,
    /// Those of one name stand next to each other.
    pub captures: Vec<Capture>,
}

/// A group that becomes a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Its number in the regex.
    pub group: usize,
    /// The column.
    pub name: String,
    /// Whether the column is a number.
    pub number: bool,
}

impl Pattern {
    /// The pattern of a `parse`.
    ///
    /// # Errors
    /// What is wrong, at the pattern.
    pub fn new(parse: &Parse) -> Result<Self, QueryError> {
        let wrong = |message: String, suggestion| QueryError {
            message,
            span: parse.span,
            suggestion,
        };
        let mut expansion = Expansion::default();
        if parse.grok {
            expansion.expand(&parse.pattern, 0).map_err(|error| match error {
                Fault::Unknown(name) => unknown(&name, parse.span, &parse.pattern),
                Fault::Says(message) => wrong(message, None),
            })?;
        } else {
            expansion.out.clone_from(&parse.pattern);
        }
        let regex = bounded_regex(&expansion.out)
            .map_err(|error| wrong(format!("the regex does not compile: {error}"), None))?;
        let captures = expansion.captures(&regex);
        if captures.is_empty() {
            let hint = if parse.grok { "%{NUMBER:ms}" } else { "(?<ms>\\d+)" };
            let message = format!("the pattern names no column; name a part of it, such as {hint}");
            return Err(wrong(message, None));
        }
        if captures.len() > CAPTURES_MAX {
            let message = format!(
                "the pattern has {} named groups; at most {CAPTURES_MAX} become columns",
                captures.len()
            );
            return Err(wrong(message, None));
        }
        Ok(Self { regex, captures })
    }
}

/// A regex of text, bounded in size.
///
/// # Errors
/// What is wrong with the pattern, for a person.
pub fn bounded_regex(pattern: &str) -> Result<Regex, String> {
    let built = regex::RegexBuilder::new(pattern).size_limit(REGEX_BYTES_MAX).build();
    built.map_err(|error| regex_fault(&error))
}

/// What is wrong with a regular expression, in one line: what, and at which of its characters. The
/// library draws the pattern over several lines with a caret under it.
pub fn regex_fault(error: &regex::Error) -> String {
    drawn_fault(&error.to_string())
}

/// The same of what the library wrote.
pub fn drawn_fault(drawn: &str) -> String {
    let mut lines = drawn.lines().filter(|line| !line.trim().is_empty());
    let Some(what) = drawn.lines().rev().find_map(|line| line.strip_prefix("error: ")) else {
        return drawn.split_whitespace().collect::<Vec<_>>().join(" ");
    };
    let (_, pattern, marks) = (lines.next(), lines.next(), lines.next());
    let place = pattern.zip(marks).and_then(|(pattern, marks)| {
        let at = marks.find('^')?;
        let from = pattern.len() - pattern.trim_start().len();
        let sign = pattern.get(at..)?.chars().next()?;
        Some(format!(" (at its character {}, `{sign}`)", at.checked_sub(from)? + 1))
    });
    format!(
        "{what}{}; to look for the text as it stands, put it in double quotes",
        place.unwrap_or_default()
    )
}

fn unknown(name: &str, span: Span, pattern: &str) -> QueryError {
    let near = nearest(name, LIBRARY.iter().map(|(known, _)| *known));
    let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    // The suggestion stands in place of the whole pattern, in its quotes.
    let suggestion = near.map(|near| {
        format!(
            "{:?}",
            pattern.replacen(&format!("%{{{name}"), &format!("%{{{near}"), 1)
        )
    });
    QueryError {
        message: format!("grok has no pattern `{name}`{hint}"),
        span,
        suggestion,
    }
}

enum Fault {
    Unknown(String),
    Says(String),
}

#[derive(Default)]
struct Expansion {
    out: String,
    /// Names and whether they are numbers of the groups `g0_`, `g1_`, ….
    named: Vec<(String, bool)>,
}

impl Expansion {
    fn expand(&mut self, pattern: &str, depth: usize) -> Result<(), Fault> {
        if depth > DEPTH_MAX {
            return Err(Fault::Says("patterns stand too deep within patterns".to_owned()));
        }
        let mut rest = pattern;
        while let Some(at) = rest.find("%{") {
            self.out.push_str(&rest[..at]);
            let Some(length) = rest[at..].find('}') else {
                return Err(Fault::Says("`}` is missing after `%{`".to_owned()));
            };
            self.one(&rest[at + 2..at + length], depth)?;
            rest = &rest[at + length + 1..];
            if self.out.len() > EXPANDED_BYTES_MAX {
                let message = format!("the pattern becomes a regex of more than {EXPANDED_BYTES_MAX} bytes");
                return Err(Fault::Says(message));
            }
        }
        self.out.push_str(rest);
        Ok(())
    }

    /// `NAME`, `NAME:column`, `NAME:column:int`.
    fn one(&mut self, text: &str, depth: usize) -> Result<(), Fault> {
        let mut parts = text.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let column = parts.next().filter(|column| !column.is_empty());
        let number = match parts.next() {
            None | Some("string" | "text") => false,
            Some("int" | "long" | "float" | "double" | "number") => true,
            Some(other) => {
                return Err(Fault::Says(format!(
                    "a column is `int`, `float` or `string`, not `{other}`"
                )));
            }
        };
        let Some((_, inner)) = LIBRARY.iter().find(|(known, _)| *known == name) else {
            return Err(Fault::Unknown(name.to_owned()));
        };
        match column {
            Some(column) => {
                self.out.push_str(&format!("(?<g{}_>", self.named.len()));
                self.named.push((column.to_owned(), number));
            }
            None => self.out.push_str("(?:"),
        }
        self.expand(inner, depth + 1)?;
        self.out.push(')');
        Ok(())
    }

    fn captures(&self, regex: &Regex) -> Vec<Capture> {
        let mut captures = Vec::new();
        for (group, name) in regex.capture_names().enumerate() {
            let Some(name) = name else { continue };
            let numbered = name.strip_prefix('g').and_then(|rest| rest.strip_suffix('_'));
            let own = numbered.and_then(|number| self.named.get(number.parse::<usize>().ok()?));
            captures.push(match own {
                Some((name, number)) => Capture {
                    group,
                    name: name.clone(),
                    number: *number,
                },
                None => Capture {
                    group,
                    name: name.to_owned(),
                    number: false,
                },
            });
        }
        // In the order of their first group, those of one name together.
        let first: Vec<String> = captures.iter().map(|capture: &Capture| capture.name.clone()).collect();
        captures.sort_by_key(|capture| first.iter().position(|name| *name == capture.name));
        captures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str, grok: bool) -> Result<Pattern, QueryError> {
        Pattern::new(&Parse {
            from: None,
            pattern: text.to_owned(),
            grok,
            span: Span::default(),
        })
    }

    /// Names and texts of the groups that take part.
    fn found(text: &str, grok: &str) -> Vec<(String, String)> {
        let pattern = pattern(grok, true).unwrap();
        let Some(found) = pattern.regex.captures(text) else {
            return Vec::new();
        };
        let taken = pattern.captures.iter().filter_map(|capture| {
            let text = found.get(capture.group)?.as_str().to_owned();
            Some((capture.name.clone(), text))
        });
        taken.collect()
    }

    #[track_caller]
    fn check(text: &str, grok: &str, expected: &[(&str, &str)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        assert_eq!(found(text, grok), expected, "{grok}");
    }

    #[test]
    fn every_pattern_of_the_library_compiles() {
        for (name, _) in LIBRARY {
            pattern(&format!("^%{{{name}:whole}}$"), true).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn every_pattern_of_the_library_matches_what_it_is_for() {
        for (name, text) in [
            ("IP", "10.251.39.242"),
            ("IP", "2001:db8::8a2e:370:7334"),
            ("IP", "::1"),
            ("IPV6", "fe80::1%eth0"),
            ("HOSTNAME", "web-1.example.com"),
            ("EMAILADDRESS", "a.b+c@example.com"),
            ("UUID", "123e4567-e89b-12d3-a456-426614174000"),
            ("MAC", "00:1a:2B:3c:4d:5e"),
            ("NUMBER", "-1.5e3"),
            ("BASE16NUM", "0xFF"),
            ("PATH", "/var/log/x.log"),
            ("PATH", r"C:\logs\x.log"),
            ("URI", "https://user:pw@example.com:8080/a/b?c=d#e"),
            ("TIMESTAMP_ISO8601", "2026-11-24T14:00:00.123+01:00"),
            ("SYSLOGTIMESTAMP", "Nov  4 14:00:00"),
            ("HTTPDATE", "24/Nov/2026:14:00:00 +0100"),
            ("DATESTAMP_RFC2822", "Tue, 24 Nov 2026 14:00:00 +0100"),
            ("LOGLEVEL", "Warning"),
            ("QS", r#""a \" b""#),
            ("HOSTPORT", "db.local:5432"),
            ("JAVACLASS", "org.example.Main"),
        ] {
            check(text, &format!("^%{{{name}:x}}$"), &[("x", text)]);
        }
        for (name, text) in [
            ("IP", "300.1.1.1"),
            ("UUID", "123e4567"),
            ("INT", "x"),
            ("MONTH", "Foo"),
        ] {
            check(text, &format!("^%{{{name}:x}}$"), &[]);
        }
    }

    #[test]
    fn lines_of_web_servers_and_syslog_are_taken_apart() {
        check(
            r#"1.2.3.4 - bob [24/Nov/2026:14:00:00 +0100] "GET /a?b HTTP/1.1" 200 12 "-" "curl/8""#,
            "%{COMBINEDAPACHELOG}",
            &[
                ("clientip", "1.2.3.4"),
                ("ident", "-"),
                ("auth", "bob"),
                ("time", "24/Nov/2026:14:00:00 +0100"),
                ("verb", "GET"),
                ("request", "/a?b"),
                ("httpversion", "1.1"),
                ("response", "200"),
                ("bytes", "12"),
                ("referrer", "\"-\""),
                ("agent", "\"curl/8\""),
            ],
        );
        check(
            "Nov 24 14:00:00 web-1 sshd[42]: Failed password",
            "%{SYSLOGLINE}",
            &[
                ("timestamp_text", "Nov 24 14:00:00"),
                ("logsource", "web-1"),
                ("program", "sshd"),
                ("pid", "42"),
                ("message", "Failed password"),
            ],
        );
        check(
            "took 5 ms",
            "took %{NUMBER:t.ms:float} (?<unit>ms)",
            &[("t.ms", "5"), ("unit", "ms")],
        );
        check("a=1", "a=%{INT:x}|b=%{INT:x}", &[("x", "1")]);
        check("b=2", "a=%{INT:x}|b=%{INT:x}", &[("x", "2")]);
    }

    #[test]
    fn what_is_wrong_with_a_regex_is_said_in_one_line_with_its_place() {
        let fault = |pattern: &str| bounded_regex(pattern).expect_err(pattern);
        assert!(
            fault("ab(c").starts_with("unclosed group (at its character 3, `(`);"),
            "{}",
            fault("ab(c")
        );
        for pattern in ["[", "a{2,1}", "\\p{Nope}", "(?=x)", "a\nb(", "\\w{1000}{1000}"] {
            assert!(!fault(pattern).contains('\n'), "{}", fault(pattern));
        }
    }

    #[test]
    fn what_is_wrong_in_a_pattern_is_said() {
        let message = |text: &str, grok| pattern(text, grok).unwrap_err().to_string();
        assert!(message("%{NUMBR:x}", true).contains("did you mean `NUMBER`?"));
        assert!(message("%{NUMBER:x", true).contains("is missing"));
        assert!(message("%{NUMBER:x:date}", true).contains("not `date`"));
        assert!(message("abc", true).contains("names no column"));
        assert!(message("(?<a>", false).contains("does not compile"));
        assert!(message("(?=a)", false).contains("does not compile"));
        assert!(message(&"(?<a>.)".repeat(2), false).contains("does not compile"));
        let many: String = (0..65).map(|at| format!("(?<a{at}>.)")).collect();
        assert!(message(&many, false).contains("at most 64"));
        assert!(message("(?<a>(\\w{1000}){1000})", false).contains("does not compile"));
    }
}
