//! The functions of expressions.

/// A function of expressions as the page offers it.
#[derive(Clone, Copy, Debug)]
pub struct ScalarInfo {
    /// Its name.
    pub name: &'static str,
    /// How it is called.
    pub syntax: &'static str,
    /// What it gives.
    pub summary: &'static str,
    /// Arguments at least.
    pub arguments_min: usize,
    /// Arguments at most.
    pub arguments_max: usize,
}

/// Arguments of a call at most, where a function takes any number.
const ANY: usize = 64;

macro_rules! scalars {
    ($($name:literal $min:literal $max:tt $syntax:literal, $summary:literal;)*) => {
        &[$(ScalarInfo {
            name: $name,
            syntax: $syntax,
            summary: $summary,
            arguments_min: $min,
            arguments_max: $max,
        }),*]
    };
}

/// The functions, by what they are about.
pub static SCALARS: &[ScalarInfo] = scalars! {
    "if" 2 3 "if(condition, then, else)", "one of two values; null without the third";
    "case" 2 ANY "case(condition, value, …, otherwise)", "the value after the first condition that holds";
    "coalesce" 1 ANY "coalesce(a, b, …)", "the first value that is not null";
    "nullif" 2 2 "nullif(a, b)", "null if both are equal, else the first";
    "exists" 1 1 "exists(x)", "whether it has a value";
    "in" 2 ANY "x in (a, b, …)", "whether it equals one of them";
    "abs" 1 1 "abs(x)", "without its sign";
    "ceil" 1 1 "ceil(x)", "rounded up";
    "floor" 1 1 "floor(x)", "rounded down";
    "round" 1 2 "round(x, digits)", "rounded, half away from zero";
    "sqrt" 1 1 "sqrt(x)", "square root";
    "exp" 1 1 "exp(x)", "e to the power of x";
    "ln" 1 1 "ln(x)", "natural logarithm";
    "log10" 1 1 "log10(x)", "logarithm to base 10";
    "pow" 2 2 "pow(x, y)", "x to the power of y";
    "least" 1 ANY "least(a, b, …)", "the smallest number";
    "greatest" 1 ANY "greatest(a, b, …)", "the largest number";
    "number" 1 1 "number(x)", "the number that it is or reads as, else null";
    "text" 1 1 "text(x)", "as text";
    "lower" 1 1 "lower(x)", "in small letters";
    "upper" 1 1 "upper(x)", "in capitals";
    "trim" 1 1 "trim(x)", "without white space around it";
    "length" 1 1 "length(x)", "characters";
    "substr" 2 3 "substr(x, start, length)", "characters from start on, counted from 1";
    "concat" 1 ANY "concat(a, b, …)", "one after the other; null counts as nothing";
    "replace" 3 3 "replace(x, \"from\", \"to\")", "every from by to";
    "split" 3 3 "split(x, \",\", n)", "the n-th part, counted from 1";
    "contains" 2 2 "contains(x, \"part\")", "whether the text is in it, without regard to case";
    "starts_with" 2 2 "starts_with(x, \"start\")", "whether it begins so, without regard to case";
    "ends_with" 2 2 "ends_with(x, \"end\")", "whether it ends so, without regard to case";
    "match" 2 2 "match(x, \"regex\")", "whether a regular expression is found in it";
    "extract" 2 3 "extract(x, \"regex\", group)", "what a regular expression finds, or one of its groups";
    "replace_regex" 3 3 "replace_regex(x, \"regex\", \"with $1\")", "every find by a text";
    "json" 2 2 "json(x, \"a.b\")", "a value out of a JSON text, as text";
    "pattern" 1 1 "pattern(body)", "a line with its variables shown as <*>";
    "now" 0 0 "now()", "the time of the query";
    "time" 1 1 "time(x)", "a time from a text, or from seconds since 1970";
    "epoch" 1 1 "epoch(time)", "seconds since 1970";
    "format_time" 2 3 "format_time(time, \"%Y-%m-%d %H:%M\", \"Europe/Berlin\")", "a time as text, in a zone";
    "year" 1 2 "year(time, zone)", "year of the calendar";
    "month" 1 2 "month(time, zone)", "month, 1 to 12";
    "day" 1 2 "day(time, zone)", "day of the month";
    "hour" 1 2 "hour(time, zone)", "hour of the day";
    "minute" 1 2 "minute(time, zone)", "minute of the hour";
    "weekday" 1 2 "weekday(time, zone)", "1 for Monday to 7 for Sunday";
    "bin" 2 3 "bin(time, 1d, \"Europe/Berlin\")", "rounded down to a width";
};

/// What other query languages call them.
pub(super) const ELSEWHERE: [(&str, &str); 16] = [
    ("len", "length"),
    ("strlen", "length"),
    ("tonumber", "number"),
    ("num", "number"),
    ("todouble", "number"),
    ("toint", "number"),
    ("tostring", "text"),
    ("iff", "if"),
    ("isnotnull", "exists"),
    ("substring", "substr"),
    ("strcat", "concat"),
    ("ceiling", "ceil"),
    ("power", "pow"),
    ("strftime", "format_time"),
    ("strptime", "time"),
    ("to_timestamp", "time"),
];
