//! Conditions on labels, ready to be asked.

use std::collections::BTreeMap;

use regex::Regex;
use timberline_proto::alert::notify::{MatchOp, Matcher};

/// Bytes that a compiled expression may take.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Labels of an incident.
pub type Labels = BTreeMap<String, String>;

/// Matchers that must all fit.
#[derive(Clone, Debug, Default)]
pub struct Matchers(Vec<Compiled>);

#[derive(Clone, Debug)]
struct Compiled {
    matcher: Matcher,
    regex: Option<Regex>,
}

impl Matchers {
    /// # Errors
    /// A sentence about the regular expression that is none.
    pub fn new(matchers: &[Matcher]) -> Result<Self, String> {
        matchers.iter().map(compile).collect::<Result<_, _>>().map(Self)
    }

    /// Whether all fit. A label that is not there counts as empty.
    pub fn fit(&self, labels: &Labels) -> bool {
        self.0.iter().all(|compiled| compiled.fits(labels))
    }
}

fn compile(matcher: &Matcher) -> Result<Compiled, String> {
    let regex = match matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => None,
        MatchOp::Regex | MatchOp::NotRegex => {
            let whole = format!("^(?s:{})$", matcher.value);
            let built = regex::RegexBuilder::new(&whole).size_limit(REGEX_BYTES_MAX).build();
            // What closes our own group and opens another would be no expression by itself.
            let by_itself = regex::RegexBuilder::new(&matcher.value)
                .size_limit(REGEX_BYTES_MAX)
                .build();
            match (built, by_itself) {
                (Ok(built), Ok(_)) => Some(built),
                (Err(error), _) | (_, Err(error)) => {
                    return Err(format!("{matcher} has no regular expression: {error}"));
                }
            }
        }
    };
    Ok(Compiled {
        matcher: matcher.clone(),
        regex,
    })
}

impl Compiled {
    fn fits(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.matcher.label).map_or("", String::as_str);
        let regex = || self.regex.as_ref().is_some_and(|regex| regex.is_match(value));
        match self.matcher.op {
            MatchOp::Equal => value == self.matcher.value,
            MatchOp::NotEqual => value != self.matcher.value,
            MatchOp::Regex => regex(),
            MatchOp::NotRegex => !regex(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(text: &str) -> bool {
        let labels = [("host", "db-1"), ("severity", "critical")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        Matchers::new(&[text.parse().unwrap()]).unwrap().fit(&labels.into())
    }

    #[test]
    fn expressions_fit_whole_values_and_absent_labels_are_empty() {
        assert!(
            fit("host=db-1") && fit("host=~\"db-.*\"") && fit("host=~\"web|db-1\"") && fit("gone=") && fit("gone!=x")
        );
        assert!(!fit("host=~db") && !fit("host=~\"web|db\"") && !fit("host!=db-1") && !fit("severity!~crit.*"));
    }

    #[test]
    fn an_expression_that_only_fits_into_ours_is_refused() {
        for text in ["a=~\"(\"", "a=~\"x)|(y\""] {
            assert!(Matchers::new(&[text.parse().unwrap()]).is_err(), "{text}");
        }
    }
}
