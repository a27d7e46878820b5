//! Expressions: a tree of the language as one of DataFusion, with the type that it has.

use datafusion::arrow::datatypes::DataType;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::logical_expr::{Expr as Plan, cast, lit, when};
use jiff::tz::TimeZone;
use regex::Regex;
use timberline_proto::grok::bounded_regex;
use timberline_proto::query::QueryError;
use timberline_proto::query::ast::{Span, Zone};
use timberline_proto::query::duration::parse_width;
use timberline_proto::query::expr::{BinaryOp, Expr, ExprKind};

use super::{Table, column, planned};
use crate::read::ReadError;
use crate::read::bins::{Bins, zone};
use crate::read::functions::num;
use crate::read::scalar::{self, compare, json, number, text, time};
use crate::read::time::now_nanos;

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    Boolean,
    Time,
    Null,
}

/// A planned value.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) plan: Plan,
    pub(super) kind: Kind,
}

impl Value {
    fn new(plan: Plan, kind: Kind) -> Self {
        Self { plan, kind }
    }

    fn null(kind: Kind) -> Plan {
        let kind = match kind {
            Kind::Number => DataType::Float64,
            Kind::Text | Kind::Null => DataType::Utf8,
            Kind::Boolean => DataType::Boolean,
            Kind::Time => scalar::time_type(),
        };
        cast(lit(datafusion::common::ScalarValue::Null), kind)
    }

    pub(super) fn number(self) -> Plan {
        match self.kind {
            Kind::Number => self.plan,
            Kind::Text => num(self.plan),
            Kind::Boolean => cast(self.plan, DataType::Float64),
            Kind::Time => time::seconds(self.plan),
            Kind::Null => Self::null(Kind::Number),
        }
    }

    pub(super) fn text(self) -> Plan {
        match self.kind {
            Kind::Number => number::text(self.plan),
            Kind::Text => self.plan,
            Kind::Boolean => cast(self.plan, DataType::Utf8),
            Kind::Time => time::text(self.plan),
            Kind::Null => Self::null(Kind::Text),
        }
    }

    pub(super) fn truth(self) -> Plan {
        match self.kind {
            Kind::Number => number::truth(self.plan),
            Kind::Text => text::truth(self.plan),
            Kind::Boolean => self.plan,
            Kind::Time => self.plan.is_not_null(),
            Kind::Null => Self::null(Kind::Boolean),
        }
    }

    pub(super) fn time(self) -> Plan {
        match self.kind {
            Kind::Number => time::of_seconds(self.plan),
            Kind::Text => time::of_text(self.plan),
            Kind::Time => self.plan,
            Kind::Boolean | Kind::Null => Self::null(Kind::Time),
        }
    }

    /// As a value of `kind`.
    pub(super) fn of(self, kind: Kind) -> Plan {
        match kind {
            Kind::Number => self.number(),
            Kind::Text => self.text(),
            Kind::Boolean => self.truth(),
            Kind::Time => self.time(),
            Kind::Null => Self::null(Kind::Text),
        }
    }
}

/// The type of a column as expressions see it.
pub(super) fn kind_of(kind: &DataType) -> Kind {
    match kind {
        DataType::Timestamp(..) => Kind::Time,
        DataType::Boolean => Kind::Boolean,
        DataType::Null => Kind::Null,
        kind if kind.is_numeric() => Kind::Number,
        _ => Kind::Text,
    }
}

/// The value of an expression over the columns of `table`.
pub(super) fn value(table: &Table, expr: &Expr) -> Result<Value, ReadError> {
    Ok(match &expr.kind {
        ExprKind::Null => Value::new(Value::null(Kind::Null), Kind::Null),
        ExprKind::Boolean(truth) => Value::new(lit(*truth), Kind::Boolean),
        ExprKind::Number(number) => Value::new(lit(*number), Kind::Number),
        ExprKind::Duration(nanos) => Value::new(lit(*nanos as f64 / 1e9), Kind::Number),
        ExprKind::Text(text) => Value::new(lit(text.clone()), Kind::Text),
        ExprKind::Field(field) => {
            let plan = column(table, field)?;
            let known = table
                .frame
                .schema()
                .field_with_unqualified_name(super::column_name(&field.name));
            let kind = known.map_or(Kind::Text, |known| kind_of(known.data_type()));
            match kind {
                Kind::Number => Value::new(cast(plan, DataType::Float64), kind),
                Kind::Text => Value::new(cast(plan, DataType::Utf8), kind),
                _ => Value::new(plan, kind),
            }
        }
        ExprKind::Negate(inner) => Value::new(-value(table, inner)?.number(), Kind::Number),
        ExprKind::Not(inner) => {
            // What is not known to hold does not hold.
            let truth = coalesce(vec![value(table, inner)?.truth(), lit(false)]);
            Value::new(!truth, Kind::Boolean)
        }
        ExprKind::Binary(op, left, right) => binary(*op, value(table, left)?, value(table, right)?),
        ExprKind::Call(name, arguments) => call(table, name, arguments, expr.span)?,
    })
}

/// Whether a condition holds; null counts as false.
pub(super) fn condition(table: &Table, expr: &Expr) -> Result<Plan, ReadError> {
    Ok(coalesce(vec![value(table, expr)?.truth(), lit(false)]))
}

fn binary(op: BinaryOp, left: Value, right: Value) -> Value {
    use BinaryOp::{Add, And, Divide, Eq, Ge, Gt, Le, Lt, Modulo, Multiply, Ne, Or, Subtract};
    match op {
        And => Value::new(left.truth().and(right.truth()), Kind::Boolean),
        Or => Value::new(left.truth().or(right.truth()), Kind::Boolean),
        Eq | Ne | Lt | Le | Gt | Ge => Value::new(comparison(op, left, right), Kind::Boolean),
        Add if left.kind == Kind::Time => Value::new(time::moved(left.plan, right.number()), Kind::Time),
        Add if right.kind == Kind::Time => Value::new(time::moved(right.plan, left.number()), Kind::Time),
        Subtract if left.kind == Kind::Time && right.kind == Kind::Time => {
            Value::new(time::between(left.plan, right.plan), Kind::Number)
        }
        Subtract if left.kind == Kind::Time => Value::new(time::moved(left.plan, -right.number()), Kind::Time),
        Add => Value::new(left.number() + right.number(), Kind::Number),
        Subtract => Value::new(left.number() - right.number(), Kind::Number),
        Multiply => Value::new(left.number() * right.number(), Kind::Number),
        Divide => Value::new(number::divide(left.number(), right.number()), Kind::Number),
        Modulo => Value::new(number::modulo(left.number(), right.number()), Kind::Number),
    }
}

fn comparison(op: BinaryOp, left: Value, right: Value) -> Plan {
    let (left, right) = match (left.kind, right.kind) {
        (Kind::Time, _) | (_, Kind::Time) => (left.time(), right.time()),
        (Kind::Number, Kind::Number) | (Kind::Boolean, Kind::Boolean) => (left.plan, right.plan),
        // Beside a number a text is equal or not, and neither larger nor smaller.
        (Kind::Number, _) | (_, Kind::Number) if !matches!(op, BinaryOp::Eq | BinaryOp::Ne) => {
            (compare::compared_as_numbers(left.text(), right.text()), lit(0_i8))
        }
        _ => (compare::compared(left.text(), right.text()), lit(0_i8)),
    };
    match op {
        BinaryOp::Eq => left.eq(right),
        BinaryOp::Ne => left.not_eq(right),
        BinaryOp::Lt => left.lt(right),
        BinaryOp::Le => left.lt_eq(right),
        BinaryOp::Gt => left.gt(right),
        _ => left.gt_eq(right),
    }
}

/// The type of a value that is one of several.
fn common(kinds: impl Iterator<Item = Kind>) -> Kind {
    kinds
        .filter(|kind| *kind != Kind::Null)
        .reduce(|a, b| if a == b { a } else { Kind::Text })
        .unwrap_or(Kind::Text)
}

/// The values of a call, each taken once.
struct Arguments<'a> {
    exprs: &'a [Expr],
    values: std::vec::IntoIter<Value>,
}

impl Arguments<'_> {
    fn next(&mut self) -> Value {
        // The parser has counted them.
        self.values
            .next()
            .unwrap_or(Value::new(Value::null(Kind::Null), Kind::Null))
    }

    /// The text that argument `at` is as written; what is compiled once cannot come from a row.
    fn literal(&self, at: usize, what: &str) -> Result<(&str, Span), ReadError> {
        let expr = &self.exprs[at];
        match &expr.kind {
            ExprKind::Text(text) => Ok((text, expr.span)),
            _ => Err(wrong(expr.span, format!("{what} is expected here, in quotes"))),
        }
    }

    fn regex(&self, at: usize) -> Result<Regex, ReadError> {
        let (pattern, span) = self.literal(at, "a regular expression")?;
        bounded_regex(pattern).map_err(|error| wrong(span, format!("the regex does not compile: {error}")))
    }

    fn zone(&self, at: usize) -> Result<TimeZone, ReadError> {
        Ok(match self.named_zone(at)? {
            Some(named) => zone(&named)?,
            None => TimeZone::UTC,
        })
    }

    fn named_zone(&self, at: usize) -> Result<Option<Zone>, ReadError> {
        if at >= self.exprs.len() {
            return Ok(None);
        }
        let (name, span) = self.literal(at, "a zone such as \"Europe/Berlin\"")?;
        let name = name.to_owned();
        Ok(Some(Zone { name, span }))
    }
}

fn wrong(span: Span, message: String) -> ReadError {
    ReadError::Query(QueryError {
        message,
        span,
        suggestion: None,
    })
}

fn call(table: &Table, name: &'static str, exprs: &[Expr], span: Span) -> Result<Value, ReadError> {
    // A width is no value: `1d` may be longer than its seconds.
    if name == "bin" {
        return bin(table, exprs);
    }
    let values = exprs
        .iter()
        .map(|expr| value(table, expr))
        .collect::<Result<Vec<_>, _>>()?;
    let mut arguments = Arguments {
        exprs,
        values: values.into_iter(),
    };
    match name {
        "if" | "case" | "coalesce" | "nullif" | "exists" | "in" | "number" | "text" => choice(name, arguments),
        "match" | "extract" | "replace_regex" => by_regex(name, arguments),
        "now" | "time" | "epoch" | "format_time" | "year" | "month" | "day" | "hour" | "minute" | "weekday" => {
            of_time(name, arguments)
        }
        "least" | "greatest" => {
            let numbers = arguments.values.map(Value::number).collect();
            Ok(Value::new(number::extreme(name == "greatest", numbers), Kind::Number))
        }
        "json" => {
            let plan = json::member(arguments.next().text(), arguments.next().text());
            Ok(Value::new(plan, Kind::Text))
        }
        "pattern" => Ok(Value::new(
            crate::read::patterns::pattern_of(arguments.next().text()),
            Kind::Text,
        )),
        _ => of_text(name, arguments, span),
    }
}

fn choice(name: &str, mut arguments: Arguments<'_>) -> Result<Value, ReadError> {
    Ok(match name {
        "exists" => Value::new(arguments.next().plan.is_not_null(), Kind::Boolean),
        "number" => Value::new(arguments.next().number(), Kind::Number),
        "text" => Value::new(arguments.next().text(), Kind::Text),
        "nullif" => {
            let (value, other) = (arguments.next(), arguments.next());
            let kind = value.kind;
            let equal = coalesce(vec![comparison(BinaryOp::Eq, value.clone(), other), lit(false)]);
            let plan = when(equal, Value::null(kind)).otherwise(value.plan).map_err(planned)?;
            Value::new(plan, kind)
        }
        "in" => {
            let value = arguments.next();
            let tests = arguments
                .values
                .map(|other| comparison(BinaryOp::Eq, value.clone(), other));
            let any = tests.reduce(Plan::or).unwrap_or_else(|| lit(false));
            Value::new(any, Kind::Boolean)
        }
        "coalesce" => {
            let values: Vec<_> = arguments.values.collect();
            let kind = common(values.iter().map(|value| value.kind));
            Value::new(coalesce(values.into_iter().map(|value| value.of(kind)).collect()), kind)
        }
        _ => conditions(arguments.values.collect())?,
    })
}

/// `condition, value, …` and what else, which is null if it is left out.
fn conditions(mut values: Vec<Value>) -> Result<Value, ReadError> {
    let otherwise = if values.len() % 2 == 1 { values.pop() } else { None };
    let otherwise = otherwise.unwrap_or(Value::new(Value::null(Kind::Null), Kind::Null));
    let results = values.iter().skip(1).step_by(2).map(|value| value.kind);
    let kind = common(results.chain([otherwise.kind]));
    let mut values = values.into_iter();
    let mut plan = otherwise.of(kind);
    let mut pairs = Vec::new();
    while let (Some(condition), Some(value)) = (values.next(), values.next()) {
        pairs.push((Box::new(condition.truth()), Box::new(value.of(kind))));
    }
    if !pairs.is_empty() {
        let case = datafusion::logical_expr::Case::new(None, pairs, Some(Box::new(plan)));
        plan = Plan::Case(case);
    }
    Ok(Value::new(plan, kind))
}

fn by_regex(name: &str, mut arguments: Arguments<'_>) -> Result<Value, ReadError> {
    let regex = arguments.regex(1)?;
    let subject = arguments.next().text();
    Ok(match name {
        "match" => Value::new(text::is_match(subject, regex), Kind::Boolean),
        "extract" => {
            let group = group(&arguments, &regex)?;
            Value::new(text::extract(subject, regex, group), Kind::Text)
        }
        _ => {
            let (with, _) = arguments.literal(2, "a text")?;
            let with = with.to_owned();
            Value::new(text::replace_regex(subject, regex, with), Kind::Text)
        }
    })
}

/// The group by number or name; the first if there is one, else the whole.
fn group(arguments: &Arguments<'_>, regex: &Regex) -> Result<usize, ReadError> {
    let Some(expr) = arguments.exprs.get(2) else {
        return Ok(usize::from(regex.captures_len() > 1));
    };
    let found = match &expr.kind {
        ExprKind::Number(number) if number.fract() == 0.0 => Some(*number as usize),
        ExprKind::Text(name) => regex.capture_names().position(|known| known == Some(name)),
        _ => None,
    };
    found.filter(|group| *group < regex.captures_len()).ok_or_else(|| {
        let names: Vec<_> = regex.capture_names().flatten().collect();
        let known = match names.is_empty() {
            true => format!("0 to {}", regex.captures_len() - 1),
            false => names.join(", "),
        };
        wrong(expr.span, format!("the regex has no such group; it has {known}"))
    })
}

fn of_time(name: &'static str, mut arguments: Arguments<'_>) -> Result<Value, ReadError> {
    Ok(match name {
        "now" => {
            let now = datafusion::common::ScalarValue::TimestampNanosecond(Some(now_nanos()), Some(scalar::UTC.into()));
            Value::new(Plan::Literal(now, None), Kind::Time)
        }
        "time" => Value::new(arguments.next().time(), Kind::Time),
        "epoch" => Value::new(time::seconds(arguments.next().time()), Kind::Number),
        "format_time" => {
            let (format, span) = arguments.literal(1, "a format such as \"%Y-%m-%d\"")?;
            let format = format.to_owned();
            let example = jiff::Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
            if let Err(error) = jiff::fmt::strtime::format(&format, &example) {
                return Err(wrong(span, format!("the format is not understood: {error}")));
            }
            let zone = arguments.zone(2)?;
            Value::new(time::format(arguments.next().time(), format, zone), Kind::Text)
        }
        _ => {
            let zone = arguments.zone(1)?;
            let plan = time::part(name, arguments.next().time(), zone);
            let plan = plan.ok_or_else(|| ReadError::Internal(format!("{name} is no part of a time")))?;
            Value::new(plan, Kind::Number)
        }
    })
}

fn of_text(name: &'static str, mut arguments: Arguments<'_>, span: Span) -> Result<Value, ReadError> {
    Ok(match name {
        "concat" => Value::new(text::concat(arguments.values.map(Value::text).collect()), Kind::Text),
        "substr" => {
            let subject = arguments.next().text();
            Value::new(
                text::substr(subject, arguments.values.map(Value::number).collect()),
                Kind::Text,
            )
        }
        "split" => {
            let (subject, separator) = (arguments.next().text(), arguments.next().text());
            Value::new(text::split(subject, separator, arguments.next().number()), Kind::Text)
        }
        "replace" => {
            let (subject, from) = (arguments.next().text(), arguments.next().text());
            Value::new(text::replace(subject, from, arguments.next().text()), Kind::Text)
        }
        "contains" | "starts_with" | "ends_with" => {
            let test = text::test(name, arguments.next().text(), arguments.next().text());
            Value::new(test.ok_or_else(|| unknown(name, span))?, Kind::Boolean)
        }
        "lower" | "upper" | "trim" | "length" => {
            let kind = if name == "length" { Kind::Number } else { Kind::Text };
            let plan = text::unary(name, arguments.next().text());
            Value::new(plan.ok_or_else(|| unknown(name, span))?, kind)
        }
        _ => {
            let plan = number::function(name, arguments.values.map(Value::number).collect());
            Value::new(plan.ok_or_else(|| unknown(name, span))?, Kind::Number)
        }
    })
}

fn unknown(name: &str, span: Span) -> ReadError {
    wrong(span, format!("there is no function `{name}`"))
}

/// `bin(time, 1d, "Europe/Berlin")`, `bin(number, 100)`.
fn bin(table: &Table, exprs: &[Expr]) -> Result<Value, ReadError> {
    let of = value(table, &exprs[0])?;
    let width = &exprs[1];
    let zone = Arguments {
        exprs,
        values: Vec::new().into_iter(),
    }
    .named_zone(2)?;
    match (&width.kind, of.kind) {
        (ExprKind::Duration(nanos), Kind::Time | Kind::Text) if *nanos > 0 => {
            let width = timberline_proto::query::ast::BinWidth::Nanos(*nanos);
            Ok(Value::new(Bins::new(width, zone.as_ref())?.expr(of.time()), Kind::Time))
        }
        // `1mon` is no duration, so it stands in quotes.
        (ExprKind::Text(text), Kind::Time | Kind::Text) => match parse_width(text) {
            Some(width) => Ok(Value::new(Bins::new(width, zone.as_ref())?.expr(of.time()), Kind::Time)),
            None => Err(wrong(
                width.span,
                "a width such as 1d or \"1mon\" is expected here".to_owned(),
            )),
        },
        (ExprKind::Number(size), Kind::Number | Kind::Text) if *size > 0.0 => {
            let floor = number::function("floor", vec![of.number() / lit(*size)]);
            let floor = floor.ok_or_else(|| unknown("floor", width.span))?;
            Ok(Value::new(floor * lit(*size), Kind::Number))
        }
        (_, Kind::Time) => Err(wrong(width.span, "a bin of a time has a width like 5m".to_owned())),
        _ => Err(wrong(width.span, "a bin of a number has a width like 100".to_owned())),
    }
}
