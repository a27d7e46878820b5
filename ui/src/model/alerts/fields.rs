//! Which fields each kind of condition has.

/// How a field is filled in, and what stands for it in the rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A search, with or without pipes.
    Query,
    /// A line of text.
    Text,
    /// A time: `5m`.
    Period,
    /// A comparison: `> 100`.
    Comparison,
    /// A number.
    Number,
    /// Several words, with commas between.
    Words,
    /// One of these: its word in the rule, and what people read.
    Choice(&'static [(&'static str, &'static str)]),
    /// Names with values, a line each: `team = web`.
    Named,
    /// `3 in 1h`.
    Flapping,
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its key in the rule; what is within the condition with `condition.` before it.
    pub key: &'static str,
    /// What people read.
    pub word: &'static str,
    /// What it means, in a few words.
    pub hint: &'static str,
    /// How it is filled in.
    pub shape: Shape,
    /// What a field that is left empty stands for.
    pub default: &'static str,
    /// Only a few need it.
    pub is_rare: bool,
}

const fn field(
    key: &'static str,
    word: &'static str,
    shape: Shape,
    default: &'static str,
    hint: &'static str,
) -> Field {
    Field {
        key,
        word,
        hint,
        shape,
        default,
        is_rare: false,
    }
}

const fn rare(field: Field) -> Field {
    Field { is_rare: true, ..field }
}

/// The kinds of conditions: the word in the rule, what people read, what it is for.
pub(crate) const KINDS: [(&str, &str, &str); 8] = [
    (
        "threshold",
        "A number crosses a limit",
        "How many lines fit, or what `| stats` computes of them, for each group by itself.",
    ),
    ("match", "A line comes", "Each new line that fits is told."),
    (
        "absence",
        "Lines stay away",
        "A window holds no line that fits, or too few.",
    ),
    (
        "change",
        "A number changes",
        "The number of a window is held against that of a window before it.",
    ),
    (
        "silence",
        "A host, agent or file falls silent",
        "Nothing came for a window; the message says whether the agent is down, the file idle, rotated away, or dropped by a rule.",
    ),
    (
        "pattern",
        "A pattern is new or gone",
        "A kind of line that was not there before, or that is not there any more.",
    ),
    (
        "deviation",
        "A number is not as usual",
        "The number of a window is far from that of the same hour in earlier weeks.",
    ),
    (
        "sequence",
        "One line, then not another",
        "A line that fits the first search, and none that fits the second within a time.",
    ),
];

const QUERY: Field = field(
    "condition.query",
    "Query",
    Shape::Query,
    "",
    "A search, or one that ends in `| stats … by …`: each group is an alert of its own.",
);
const LINES: Field = field("condition.query", "Query", Shape::Query, "", "A search without pipes.");
const BY: Field = field(
    "condition.by",
    "One alert for each",
    Shape::Words,
    "",
    "Fields, such as host, service.",
);
const VALUE: Field = rare(field(
    "condition.value",
    "Column",
    Shape::Text,
    "",
    "Which column of `stats` is compared, if there are several.",
));
const WHEN: Field = field("condition.when", "When", Shape::Comparison, "", "such as > 100");

const THRESHOLD: &[Field] = &[QUERY, WHEN, VALUE];
const MATCH: &[Field] = &[LINES, BY];
const ABSENCE: &[Field] = &[
    LINES,
    BY,
    field(
        "condition.least",
        "Lines at least",
        Shape::Number,
        "1",
        "A window with so many is none.",
    ),
    rare(field(
        "condition.remember",
        "A group is remembered for",
        Shape::Period,
        "1d",
        "",
    )),
];
const CHANGE: &[Field] = &[
    QUERY,
    field(
        "condition.measure",
        "What is compared",
        Shape::Choice(&[
            ("percent", "change in percent"),
            ("ratio", "now divided by before"),
            ("difference", "now less before"),
        ]),
        "percent",
        "",
    ),
    field(
        "condition.when",
        "When",
        Shape::Comparison,
        "",
        "> 50 is half as much again, in percent",
    ),
    field(
        "condition.against",
        "Held against the window",
        Shape::Period,
        "the one before",
        "so much earlier, such as 1d",
    ),
    field(
        "condition.least",
        "Unless both are below",
        Shape::Number,
        "",
        "3 lines are 50 % more than 2",
    ),
    VALUE,
];
const SILENCE: &[Field] = &[
    field(
        "condition.of",
        "What must not be silent",
        Shape::Choice(&[("host", "a host"), ("agent", "an agent"), ("file", "a file")]),
        "host",
        "",
    ),
    field("condition.hosts", "Hosts", Shape::Words, "all", "such as web-*, db-1"),
    field(
        "condition.paths",
        "Files",
        Shape::Words,
        "all",
        "only of files: /var/log/*.log",
    ),
    field(
        "condition.expect",
        "Hosts that must be there",
        Shape::Words,
        "",
        "also if they were never seen",
    ),
    rare(field(
        "condition.causes",
        "Causes that are told",
        Shape::Words,
        "all",
        "agent_down, never_seen, file_idle, file_gone, dropped_by_rule, unreadable, not_arrived",
    )),
];
const PATTERN: &[Field] = &[
    LINES,
    field(
        "condition.change",
        "Which",
        Shape::Choice(&[("new", "new: none before"), ("vanished", "gone: none any more")]),
        "new",
        "",
    ),
    field("condition.lookback", "Looked back", Shape::Period, "1d", ""),
    field(
        "condition.least",
        "Lines at least",
        Shape::Number,
        "",
        "of a new one in the window; of one that went, in the time looked back",
    ),
];
const DEVIATION: &[Field] = &[
    QUERY,
    field(
        "condition.direction",
        "Direction",
        Shape::Choice(&[
            ("both", "either"),
            ("above", "more than usual"),
            ("below", "less than usual"),
        ]),
        "both",
        "",
    ),
    field("condition.weeks", "Weeks looked back", Shape::Number, "4", ""),
    field(
        "condition.deviations",
        "Deviations away",
        Shape::Number,
        "4",
        "in units of how far those weeks differ",
    ),
    field(
        "condition.least",
        "And away by",
        Shape::Number,
        "",
        "of 1 line, 3 are no event",
    ),
    VALUE,
];
const SEQUENCE: &[Field] = &[
    field("condition.first", "First", Shape::Query, "", "A search without pipes."),
    field(
        "condition.then",
        "And then not",
        Shape::Query,
        "",
        "A search without pipes.",
    ),
    field("condition.within", "Within", Shape::Period, "", "such as 5m"),
    field(
        "condition.by",
        "Together by",
        Shape::Words,
        "",
        "fields, such as order_id",
    ),
];

/// What all rules have, below their condition.
pub(crate) const COMMON: &[Field] = &[
    field(
        "window",
        "Window",
        Shape::Period,
        "5m",
        "how much time one verdict looks at",
    ),
    field("every", "Every", Shape::Period, "1m", "how far apart windows end"),
    field(
        "for",
        "For",
        Shape::Period,
        "at once",
        "it must hold for so long before people are told",
    ),
    field(
        "severity",
        "Severity",
        Shape::Choice(&[("info", "info"), ("warning", "warning"), ("critical", "critical")]),
        "warning",
        "",
    ),
    field(
        "labels",
        "Labels",
        Shape::Named,
        "",
        "what routes and silences match: team = web",
    ),
    field(
        "annotations",
        "Words for the message",
        Shape::Named,
        "",
        "summary = …, runbook = https://…",
    ),
    rare(field(
        "keep_firing_for",
        "Keeps firing for",
        Shape::Period,
        "0",
        "after it held last",
    )),
    rare(field(
        "allowed_lateness",
        "Lateness allowed",
        Shape::Period,
        "10s",
        "lines read so late still count in their window",
    )),
    rare(field(
        "verdict_delay_max",
        "Waits for sources at most",
        Shape::Period,
        "2m",
        "then it is decided without them, and they are named",
    )),
    rare(field(
        "flapping",
        "Kept firing if it comes and goes",
        Shape::Flapping,
        "",
        "3 in 1h",
    )),
    rare(field(
        "no_data",
        "With nothing to measure",
        Shape::Choice(&[
            ("state", "it is “no data”"),
            ("inactive", "it does not hold"),
            ("firing", "it holds"),
            ("keep", "it stays as it was"),
        ]),
        "state",
        "",
    )),
    rare(field("owner", "Owner", Shape::Text, "", "")),
];

/// The fields of a kind's condition.
pub(crate) fn fields_of(kind: &str) -> &'static [Field] {
    match kind {
        "match" => MATCH,
        "absence" => ABSENCE,
        "change" => CHANGE,
        "silence" => SILENCE,
        "pattern" => PATTERN,
        "deviation" => DEVIATION,
        "sequence" => SEQUENCE,
        _ => THRESHOLD,
    }
}
