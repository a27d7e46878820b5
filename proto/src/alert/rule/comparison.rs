//! What a number is held against: `> 100`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// How a number is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `=`
    Equal,
    /// `!=`
    Unequal,
}

/// A comparison with a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// How.
    pub operator: Operator,
    /// With what.
    pub number: f64,
}

const OPERATORS: [(&str, Operator); 7] = [
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("!=", Operator::Unequal),
    ("==", Operator::Equal),
    (">", Operator::Above),
    ("<", Operator::Below),
    ("=", Operator::Equal),
];

impl Comparison {
    /// Whether it holds of `value`.
    pub fn holds(&self, value: f64) -> bool {
        match self.operator {
            Operator::Above => value > self.number,
            Operator::AtLeast => value >= self.number,
            Operator::Below => value < self.number,
            Operator::AtMost => value <= self.number,
            Operator::Equal => value == self.number,
            Operator::Unequal => value != self.number,
        }
    }

    /// Whether what holds of a value holds of every larger one.
    pub fn is_upward(&self) -> bool {
        matches!(self.operator, Operator::Above | Operator::AtLeast)
    }

    /// Whether what holds of a value holds of every smaller one.
    pub fn is_downward(&self) -> bool {
        matches!(self.operator, Operator::Below | Operator::AtMost)
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = OPERATORS.iter().rev().find(|(_, operator)| *operator == self.operator);
        write!(f, "{} {}", word.map_or("=", |(word, _)| word), self.number)
    }
}

impl FromStr for Comparison {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let found = OPERATORS
            .iter()
            .find_map(|(word, operator)| Some((*operator, trimmed.strip_prefix(word)?.trim())));
        let number = |text: &str| {
            text.replace('_', "")
                .parse::<f64>()
                .ok()
                .filter(|number| number.is_finite())
        };
        match found.and_then(|(operator, rest)| Some((operator, number(rest)?))) {
            Some((operator, number)) => Ok(Self { operator, number }),
            None => Err(format!(
                "{text:?} is no comparison: write >, >=, <, <=, = or != and a number, such as \"> 100\""
            )),
        }
    }
}

impl Serialize for Comparison {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Comparison {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}
