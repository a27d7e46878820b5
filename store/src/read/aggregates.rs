//! Aggregates that DataFusion does not have: the extremes of values of mixed types, and histograms.
//!
//! | function | gives |
//! |---|---|
//! | `mixed_min`, `mixed_max` | the smallest or largest number, as it was written; if there is none the first or last text |
//! | `histogram` | `[{"from":0,"to":100,"count":5},…]`, the buckets that are not empty in their order |

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, Expr, Signature, Volatility};

use super::ReadError;
use super::columns::{KIND, MAP, MIXED};
use super::engine::carried;
use super::scalar::compare::{is_number, mixed};

/// Buckets of one histogram at most.
const BUCKETS_MAX: usize = 10_000;

/// The smallest of texts that may read as numbers.
pub(crate) fn mixed_min(text: Expr) -> Expr {
    AggregateUDF::from(Extreme::new(false)).call(vec![text])
}

/// The largest of texts that may read as numbers.
pub(crate) fn mixed_max(text: Expr) -> Expr {
    AggregateUDF::from(Extreme::new(true)).call(vec![text])
}

/// Numbers per bucket: of one width, or of widths that grow as 1, 2, 5, 10.
pub(crate) fn histogram(number: Expr, width: Option<f64>) -> Expr {
    let function = Histogram {
        width_bits: width.map(f64::to_bits),
        signature: Signature::exact(vec![DataType::Float64], Volatility::Immutable),
    };
    AggregateUDF::from(function).call(vec![number])
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    largest: bool,
    signature: Signature,
}

impl Extreme {
    fn new(largest: bool) -> Self {
        Self {
            largest,
            signature: Signature::exact(vec![DataType::Utf8], Volatility::Immutable),
        }
    }
}

/// A field whose text really is something else.
fn with_kind(name: &str, kind: &str) -> FieldRef {
    let metadata = HashMap::from([(KIND.to_owned(), kind.to_owned())]);
    Arc::new(Field::new(name, DataType::Utf8, true).with_metadata(metadata))
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        if self.largest { "mixed_max" } else { "mixed_min" }
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn return_field(&self, _: &[FieldRef]) -> Result<FieldRef> {
        Ok(with_kind(self.name(), MIXED))
    }
    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(ExtremeOf {
            largest: self.largest,
            found: None,
        }))
    }
}

#[derive(Debug)]
struct ExtremeOf {
    largest: bool,
    found: Option<String>,
}

impl ExtremeOf {
    /// A number is better than any text, whichever end is sought.
    fn is_better(&self, text: &str) -> bool {
        let Some(found) = &self.found else { return true };
        match (is_number(text), is_number(found)) {
            (true, false) => true,
            (false, true) => false,
            _ if self.largest => mixed(text, found).is_gt(),
            _ => mixed(text, found).is_lt(),
        }
    }
}

impl Accumulator for ExtremeOf {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let texts = cast(&values[0], &DataType::Utf8)?;
        for text in texts.as_string::<i32>().iter().flatten() {
            if self.is_better(text) {
                self.found = Some(text.to_owned());
            }
        }
        Ok(())
    }
    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Utf8(self.found.clone()))
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.found.as_ref().map_or(0, String::capacity)
    }
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Histogram {
    width_bits: Option<u64>,
    signature: Signature,
}

impl AggregateUDFImpl for Histogram {
    fn name(&self) -> &str {
        "histogram"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }
    fn return_field(&self, _: &[FieldRef]) -> Result<FieldRef> {
        Ok(with_kind(self.name(), MAP))
    }
    fn accumulator(&self, _: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(Buckets {
            width: self.width_bits.map(f64::from_bits),
            counts: BTreeMap::new(),
        }))
    }
}

/// Counts by bucket. With a width a bucket is its number of widths from 0 on; without, a bucket is
/// a step of 1, 2, 5, 10, … and its sign.
#[derive(Debug)]
struct Buckets {
    width: Option<f64>,
    counts: BTreeMap<i64, u64>,
}

impl Buckets {
    fn add(&mut self, bucket: i64, count: u64) -> Result<()> {
        if self.counts.len() >= BUCKETS_MAX && !self.counts.contains_key(&bucket) {
            return Err(carried(ReadError::BadRequest(format!(
                "a histogram has more than {BUCKETS_MAX} buckets: give it a larger width"
            ))));
        }
        *self.counts.entry(bucket).or_default() += count;
        Ok(())
    }

    fn bucket(&self, number: f64) -> i64 {
        match self.width {
            // Beyond 64 bits it is the last bucket there is.
            Some(width) => (number / width).floor() as i64,
            None if number == 0.0 => 0,
            None => (step(number.abs()) + STEPS_BELOW_ONE) * if number < 0.0 { -1 } else { 1 },
        }
    }

    fn bounds(&self, bucket: i64) -> (f64, f64) {
        match self.width {
            Some(width) => (bucket as f64 * width, (bucket + 1) as f64 * width),
            None if bucket == 0 => (0.0, 0.0),
            None => {
                let step = bucket.abs() - STEPS_BELOW_ONE;
                let (low, high) = (edge(step), edge(step + 1));
                if bucket < 0 { (-high, -low) } else { (low, high) }
            }
        }
    }
}

/// More than there are steps from the smallest number to 1, so that a bucket is above 0.
const STEPS_BELOW_ONE: i64 = 1200;

/// The step 1, 2, 5 of a power of ten that a number above 0 lies in: 0 for 1 up to 2.
fn step(number: f64) -> i64 {
    let mut step = (number.log10().floor() as i64) * 3;
    // The logarithm may be off by one power.
    while edge(step) > number {
        step -= 1;
    }
    while edge(step + 1) <= number {
        step += 1;
    }
    step
}

fn edge(step: i64) -> f64 {
    let base = [1.0, 2.0, 5.0][usize::try_from(step.rem_euclid(3)).unwrap_or(0)];
    let power = i32::try_from(step.div_euclid(3)).unwrap_or(i32::MAX);
    // Written, not computed: 0.001 is exactly what people write.
    format!("{base}e{power}").parse().unwrap_or(f64::INFINITY)
}

impl Accumulator for Buckets {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for number in values[0].as_primitive::<Float64Type>().iter().flatten() {
            self.add(self.bucket(number), 1)?;
        }
        Ok(())
    }
    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.counts.is_empty() {
            return Ok(ScalarValue::Utf8(None));
        }
        let mut ordered: Vec<_> = self
            .counts
            .iter()
            .map(|(bucket, count)| (self.bounds(*bucket), count))
            .collect();
        ordered.sort_by(|a, b| a.0.0.total_cmp(&b.0.0));
        let buckets = ordered
            .into_iter()
            .map(|((from, to), count)| serde_json::json!({"from": from, "to": to, "count": count}));
        let text = serde_json::Value::from(buckets.collect::<Vec<_>>()).to_string();
        Ok(ScalarValue::Utf8(Some(text)))
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.counts.len() * 2 * size_of::<(i64, u64)>()
    }
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let pairs: Vec<(i64, u64)> = self.counts.iter().map(|(bucket, count)| (*bucket, *count)).collect();
        let text = serde_json::to_string(&pairs).unwrap_or_default();
        Ok(vec![ScalarValue::Utf8(Some(text))])
    }
    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for state in states[0].as_string::<i32>().iter().flatten() {
            let pairs: Vec<(i64, u64)> = serde_json::from_str(state)
                .map_err(|error| carried(ReadError::Internal(format!("a histogram's state: {error}"))))?;
            for (bucket, count) in pairs {
                self.add(bucket, count)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(number: f64, width: Option<f64>, expected: (f64, f64)) {
        let buckets = Buckets {
            width,
            counts: BTreeMap::new(),
        };
        assert_eq!(buckets.bounds(buckets.bucket(number)), expected, "{number}");
    }

    #[test]
    fn a_number_lies_in_its_bucket() {
        check(250.0, Some(100.0), (200.0, 300.0));
        check(-1.0, Some(100.0), (-100.0, 0.0));
        check(1.0, None, (1.0, 2.0));
        check(0.001, None, (0.001, 0.002));
        check(999.0, None, (500.0, 1000.0));
        check(-3.0, None, (-5.0, -2.0));
        check(0.0, None, (0.0, 0.0));
        check(1e300, None, (1e300, 2e300));
    }
}
