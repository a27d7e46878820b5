//! Credentials: what their issuers make them look like, and what stands where one stands. Sources: the
//! issuers' pages on secret scanning; RFC 7519 (JWT), RFC 6750 (bearer), RFC 7617 (basic), RFC 7468
//! (PEM).

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{Place, stands_alone};

/// What stands in the place of a value that was masked before.
fn is_masked(value: &[u8]) -> bool {
    value.starts_with(b"***") || (value.starts_with(b"[") && value.contains(&b']'))
}

/// The first group of a pattern that takes part, or all of it.
fn each_group(text: &[u8], pattern: &Regex, each: &mut dyn FnMut(Place)) {
    for groups in pattern.captures_iter(text) {
        if let Some(found) = groups.iter().skip(1).flatten().next().or_else(|| groups.get(0))
            && !is_masked(found.as_bytes())
        {
            each(found.range());
        }
    }
}

fn each_alone(text: &[u8], pattern: &Regex, each: &mut dyn FnMut(Place)) {
    for found in pattern.find_iter(text) {
        if stands_alone(text, &found.range()) {
            each(found.range());
        }
    }
}

macro_rules! detector {
    ($(#[$doc:meta])* $name:ident, $how:ident, $pattern:expr) => {
        $(#[$doc])*
        pub(super) fn $name(text: &[u8], each: &mut dyn FnMut(Place)) {
            static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
                let built = regex::bytes::RegexBuilder::new($pattern).unicode(false).build();
                built.expect("a pattern of the program, which the tests compile")
            });
            $how(text, &PATTERN, each);
        }
    };
}

detector!(
    /// AWS: ids of access keys.
    aws_access_key, each_alone, r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}"
);
detector!(
    /// AWS: secret access keys, where they are called so, for they look like nothing.
    aws_secret_key, each_group,
    r#"(?i-u:aws.{0,20}?(?:secret|key).{0,20}?)[=:"'\s]{1,4}([0-9A-Za-z/+]{40})(?:[^0-9A-Za-z/+=]|$)"#
);
detector!(
    github,
    each_alone,
    r"(?:gh[pousr]_[0-9A-Za-z]{36,255}|github_pat_[0-9A-Za-z_]{22,255})"
);
detector!(gitlab, each_alone, r"gl(?:pat|dt|rt|ptt|soat|ft)-[0-9A-Za-z_-]{20,64}");
detector!(
    slack,
    each_alone,
    r"xox[abeoprs]-[0-9A-Za-z-]{10,250}|xapp-[0-9A-Za-z-]{10,250}"
);
detector!(stripe_key, each_alone, r"[rs]k_(?:live|test)_[0-9A-Za-z]{16,247}");
detector!(google_api_key, each_alone, r"AIza[0-9A-Za-z_-]{35}");
detector!(
    /// RFC 7519: base64url of a header and of claims, both JSON objects, and a signature.
    jwt, each_group, r"eyJ[0-9A-Za-z_-]{8,}\.eyJ[0-9A-Za-z_-]{4,}\.[0-9A-Za-z_-]*"
);
detector!(
    /// RFC 6750.
    bearer, each_group, r#"(?i:\bbearer)[\x20:=]{1,3}"?([0-9A-Za-z._~+/=-]{8,})"#
);
detector!(
    /// RFC 7617.
    basic, each_group, r"(?i:\bbasic)\x20{1,3}([0-9A-Za-z+/_-]{8,}={0,2})"
);
detector!(
    /// The password of a URL (RFC 3986, 3.2.1).
    url_password, each_group, r#"[A-Za-z][0-9A-Za-z+.-]*://[^\s/:@"']*:([^\s/@"']+)@"#
);
detector!(
    /// RFC 7468: from its first line to its last, or to the end where that is not there.
    private_key, each_group, r"(?s)-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)"
);
detector!(
    /// What follows a name for a secret and `=` or `:`.
    password, each_group,
    r#"(?i:passw(?:or)?d|passwd|pwd|passphrase|secret|api[_-]?key|apikey|access[_-]?token|auth[_-]?token|client[_-]?secret)["']?\x20?[=:]\x20?(?:"((?:\\.|[^"\\])+)"|'([^']+)'|([^\s"',;&}\]\[)]+))"#
);
