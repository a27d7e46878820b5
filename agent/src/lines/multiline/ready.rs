//! Ready-made rules for the stack traces of languages, but for Python, which has its own file.
//!
//! A line that stands in a trace only (`always`) continues whatever was before. A line that begins
//! a trace (`head`) continues the line before it if that speaks of an error, as the message of a
//! logger that then prints the exception; else it begins an event. Other lines (`within`) continue
//! amid a trace only.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// The rules that there are.
pub(super) const READY_NAMES: [&str; 7] = ["java", "python", "go", "node", "dotnet", "ruby", "php"];

/// One language's rule.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    head: Regex,
    always: Regex,
    within: Regex,
}

/// Name, head, always, within.
const RULES: [[&str; 4]; 6] = [
    [
        "java",
        r#"^(?:Exception in thread "|(?:[A-Za-z_$][\w$]*\.)+[\w$]*(?:Exception|Error|Throwable)\b)"#,
        r"^\s+at [\w$.<>/@-]+\(|^\s+\.\.\. \d+ (?:more|common frames)|^\s*Caused by: |^\s*Suppressed: |^\s*Wrapped by: ",
        r"^\s+\S",
    ],
    [
        "go",
        r"^(?:panic: |fatal error: |.*\bhttp: panic serving )",
        r"^goroutine \d+ \[[^\]]+\]:$|^created by \S+|^\t\S+\.(?:go|s):\d+",
        r"^\s*$|^\s|^\[signal |^\[recovered|^\S+\(.*\)$|^panic: |^exit status \d|^\.\.\.(?:additional|\d+ frames)",
    ],
    [
        "node",
        r"^(?:Uncaught )?(?:[A-Za-z_$][\w$]*)?(?:Error|Exception)(?: \[\w+\])?(?::|$)|^\S+\.[cm]?[jt]s:\d+$",
        r"^\s+at \S",
        r"^\s*$|^\s|^\}|^(?:Uncaught )?(?:[A-Za-z_$][\w$]*)?Error\b|^Node\.js v\d",
    ],
    [
        "dotnet",
        r"^(?:Unhandled [Ee]xception[.:]|(?:[A-Za-z_]\w*\.)+\w*Exception\b)",
        r"^\s+at \S|^\s+---> |^\s*--- End of (?:inner exception )?stack trace",
        r"^\s+\S",
    ],
    [
        "ruby",
        r"^\S+:\d+:in [`'].+'?: .*\([A-Z][\w:]*\)$",
        r"^\s+(?:\d+: )?from \S+:\d+(?::in |$)",
        r"^\s+\S|^\S+:\d+:in [`'][^']*'$",
    ],
    [
        "php",
        r"^(?:PHP )?(?:Fatal|Parse|Recoverable fatal) error: |^(?:PHP )?Warning: +Uncaught ",
        r"^Stack trace:$|^PHP Stack trace:$|^PHP +\d+\. |^\[stacktrace\]$|^#\d+ (?:\S+\(\d+\)|\{main\}|\[internal function\])|^\s+thrown in |^Next \S+(?:Exception|Error)",
        r#"^\s*$|^\s|^"\}"#,
    ],
];

impl Ready {
    pub(super) fn named(name: &str) -> Option<Self> {
        static COMPILED: LazyLock<Vec<Ready>> = LazyLock::new(|| {
            let compile = |pattern: &str| Regex::new(pattern).expect("a pattern of our own, which tests compile");
            RULES
                .iter()
                .map(|[_, head, always, within]| Ready {
                    head: compile(head),
                    always: compile(always),
                    within: compile(within),
                })
                .collect()
        });
        let at = RULES.iter().position(|[known, ..]| *known == name)?;
        COMPILED.get(at).cloned()
    }

    /// Whether a line begins a trace, or is amid one already.
    pub(super) fn begins(&self, line: &[u8]) -> bool {
        self.head.is_match(line) || self.always.is_match(line)
    }

    /// Whether a line continues an event. `may_follow`: that is a line that a trace may follow.
    pub(super) fn continues(&self, in_trace: &mut bool, may_follow: bool, line: &[u8]) -> bool {
        if self.always.is_match(line) {
            *in_trace = true;
            return true;
        }
        if *in_trace {
            return self.within.is_match(line);
        }
        *in_trace = may_follow && self.head.is_match(line);
        *in_trace
    }
}

/// Whether a line speaks of an error.
pub(super) fn complains(line: &[u8]) -> bool {
    static COMPLAINT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)error|warn|fatal|severe|critical|exception|fail|panic|emerg|alert")
            .expect("a pattern of our own")
    });
    COMPLAINT.is_match(line)
}
