//! The twelve questions, in Timberline's language and in LogsQL.

use serde::Deserialize;

use crate::corpus::{FRAGMENT, NEEDLE};

/// What the questions ask for. `BENCH_WORDS` names a JSON file with other words for another corpus;
/// a key that is absent keeps the word of the made corpus.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Words {
    /// A token of one line.
    needle: String,
    /// A frequent word.
    word: String,
    /// Two words or more, as they stand in a line of `phrase_service`.
    phrase: String,
    phrase_service: String,
    /// A regular expression over tokens that vary.
    regex: String,
    /// A service with lines of `level`.
    service: String,
    level: String,
    /// Characters from inside a token.
    fragment: String,
    /// A field that holds numbers, and one of them.
    number_field: String,
    number: String,
    /// A service of JSON lines with a field of text and one of numbers.
    json_service: String,
    json_group: String,
    json_number: String,
    /// A phrase to count.
    counted_phrase: String,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            needle: NEEDLE.to_owned(),
            word: "error".to_owned(),
            phrase: "connection reset".to_owned(),
            phrase_service: "cart".to_owned(),
            regex: "u4[0-9]*7".to_owned(),
            service: "api".to_owned(),
            level: "error".to_owned(),
            fragment: FRAGMENT.to_owned(),
            number_field: "status".to_owned(),
            number: "500".to_owned(),
            json_service: "shop".to_owned(),
            json_group: "msg".to_owned(),
            json_number: "amount".to_owned(),
            counted_phrase: "failed password for".to_owned(),
        }
    }
}

impl Words {
    /// From the file that `BENCH_WORDS` names.
    pub(crate) fn from_env() -> Self {
        let Ok(path) = std::env::var("BENCH_WORDS") else {
            return Self::default();
        };
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    }
}

/// One question.
pub(crate) struct Question {
    pub(crate) name: &'static str,
    pub(crate) query: String,
    pub(crate) limit: u64,
    pub(crate) logsql: String,
}

/// All twelve.
pub(crate) fn questions(words: &Words) -> Vec<Question> {
    let mut all = searches(words);
    all.extend(statistics(words));
    all
}

fn question(name: &'static str, limit: u64, query: String, logsql: String) -> Question {
    Question {
        name,
        query,
        limit,
        logsql,
    }
}

fn searches(words: &Words) -> Vec<Question> {
    let Words {
        needle,
        phrase,
        phrase_service,
        service,
        level,
        ..
    } = words;
    vec![
        question("needle, whole range", 1000, needle.clone(), needle.clone()),
        question(
            "phrase and service, newest 100",
            100,
            format!("\"{phrase}\" service:={phrase_service}"),
            format!("{{service=\"{phrase_service}\"}} \"{phrase}\" | sort by (_time desc) limit 100"),
        ),
        question(
            "newest 100 of service and level",
            100,
            format!("service:={service} level:{level}"),
            format!("{{service=\"{service}\"}} level:{level} | sort by (_time desc) limit 100"),
        ),
    ]
}

fn statistics(words: &Words) -> Vec<Question> {
    let Words {
        word,
        regex,
        fragment,
        number_field,
        number,
        json_service,
        json_group,
        json_number,
        counted_phrase,
        ..
    } = words;
    let rows = 10_000;
    vec![
        question(
            "count of a frequent word",
            rows,
            format!("{word} | stats count() as n"),
            format!("{word} | stats count() n"),
        ),
        question(
            "histogram by hour and level",
            rows,
            "* | stats count() as n by bin(timestamp, 1h), level".to_owned(),
            "* | stats by (_time:1h, level) count() n".to_owned(),
        ),
        question(
            "top 10 services of a word",
            rows,
            format!("{word} | stats count() as n by service | sort -n | head 10"),
            format!("{word} | stats by (service) count() n | sort by (n desc) limit 10"),
        ),
        question(
            "count of a regex over variable tokens",
            rows,
            format!("/{regex}/ | stats count() as n"),
            format!("_msg:~\"{regex}\" | stats count() n"),
        ),
        question(
            "count of a fragment inside tokens",
            rows,
            format!("*{fragment}* | stats count() as n"),
            format!("_msg:~\"{fragment}\" | stats count() n"),
        ),
        question(
            "count of a field's comparison",
            rows,
            format!("{number_field}:>={number} | stats count() as n"),
            format!("{number_field}:>={number} | stats count() n"),
        ),
        question(
            "statistics of a JSON field",
            rows,
            format!("service:={json_service} | stats avg({json_number}) as a, p99({json_number}) as p by {json_group}"),
            format!(
                "{{service=\"{json_service}\"}} | stats by (_msg) avg({json_number}) a, quantile(0.99, {json_number}) p"
            ),
        ),
        question(
            "count of a phrase",
            rows,
            format!("\"{counted_phrase}\" | stats count() as n"),
            format!("i(\"{counted_phrase}\") | stats count() n"),
        ),
        question(
            "SQL, group by two columns",
            rows,
            "SELECT service, severity, count(*) AS n FROM logs GROUP BY service, severity ORDER BY n DESC".to_owned(),
            "* | stats by (service, level) count() n | sort by (n desc)".to_owned(),
        ),
    ]
}
