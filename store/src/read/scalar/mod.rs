//! Functions over columns that lowering makes: of expressions, bins and patterns.
//!
//! A function is its name, its parameters as text (two functions are the same if both are), the
//! type it gives, and what it does with whole columns. None of them is callable by name.

pub(crate) mod compare;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod text;
pub(crate) mod time;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, StringArray, TimestampNanosecondArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, TimeUnit, TimestampNanosecondType};
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The zone of every timestamp column.
pub(crate) const UTC: &str = "+00:00";

/// The type of every time.
pub(crate) fn time_type() -> DataType {
    DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into()))
}

/// The columns that a function is called with.
pub(crate) struct Args {
    arrays: Vec<ArrayRef>,
    pub(crate) rows: usize,
}

impl Args {
    pub(crate) fn len(&self) -> usize {
        self.arrays.len()
    }
    pub(crate) fn text(&self, at: usize) -> Result<StringArray> {
        Ok(cast(&self.arrays[at], &DataType::Utf8)?.as_string::<i32>().clone())
    }
    pub(crate) fn numbers(&self, at: usize) -> Result<Float64Array> {
        let numbers = cast(&self.arrays[at], &DataType::Float64)?;
        Ok(numbers.as_primitive::<Float64Type>().clone())
    }
    pub(crate) fn times(&self, at: usize) -> Result<TimestampNanosecondArray> {
        let times = cast(&self.arrays[at], &time_type())?;
        Ok(times.as_primitive::<TimestampNanosecondType>().clone())
    }
    pub(crate) fn array(&self, at: usize) -> &ArrayRef {
        &self.arrays[at]
    }
}

type Body = dyn Fn(&Args) -> Result<ArrayRef> + Send + Sync;

struct Scalar {
    name: &'static str,
    parameters: String,
    returns: DataType,
    signature: Signature,
    body: Arc<Body>,
}

/// A call of a function that is named `name` in plans.
pub(crate) fn call(
    name: &'static str,
    parameters: String,
    returns: DataType,
    arguments: Vec<Expr>,
    body: impl Fn(&Args) -> Result<ArrayRef> + Send + Sync + 'static,
) -> Expr {
    let function = Scalar {
        name,
        parameters,
        returns,
        signature: match arguments.len() {
            0 => Signature::nullary(Volatility::Immutable),
            _ => Signature::variadic_any(Volatility::Immutable),
        },
        body: Arc::new(body),
    };
    ScalarUDF::from(function).call(arguments)
}

/// Text from text, row by row.
pub(crate) fn text_of_text(
    name: &'static str,
    argument: Expr,
    of: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Expr {
    call(name, String::new(), DataType::Utf8, vec![argument], move |args| {
        let texts = args.text(0)?;
        Ok(Arc::new(
            texts.iter().map(|text| text.and_then(&of)).collect::<StringArray>(),
        ))
    })
}

/// Numbers from numbers, row by row; what is not finite is null.
pub(crate) fn number_of_numbers(
    name: &'static str,
    arguments: Vec<Expr>,
    of: impl Fn(&[f64]) -> f64 + Send + Sync + 'static,
) -> Expr {
    call(name, String::new(), DataType::Float64, arguments, move |args| {
        let columns = (0..args.len()).map(|at| args.numbers(at)).collect::<Result<Vec<_>>>()?;
        let mut row_values = Vec::with_capacity(columns.len());
        let results = (0..args.rows).map(|row| {
            row_values.clear();
            for column in &columns {
                row_values.push(column.iter_value(row)?);
            }
            Some(of(&row_values)).filter(|n| n.is_finite())
        });
        Ok(Arc::new(results.collect::<Float64Array>()))
    })
}

/// Truth from two texts, row by row.
pub(crate) fn truth_of_texts(
    name: &'static str,
    left: Expr,
    right: Expr,
    of: impl Fn(&str, &str) -> bool + Send + Sync + 'static,
) -> Expr {
    call(name, String::new(), DataType::Boolean, vec![left, right], move |args| {
        let (left, right) = (args.text(0)?, args.text(1)?);
        let pairs = left.iter().zip(right.iter());
        Ok(Arc::new(pairs.map(|(a, b)| Some(of(a?, b?))).collect::<BooleanArray>()))
    })
}

trait IterValue {
    fn iter_value(&self, row: usize) -> Option<f64>;
}

impl IterValue for Float64Array {
    fn iter_value(&self, row: usize) -> Option<f64> {
        use datafusion::arrow::array::Array;
        self.is_valid(row).then(|| self.value(row))
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scalar({} {})", self.name, self.parameters)
    }
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.parameters == other.parameters
    }
}

impl Eq for Scalar {}

impl Hash for Scalar {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.parameters.hash(state);
    }
}

impl ScalarUDFImpl for Scalar {
    fn name(&self) -> &str {
        self.name
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }
    /// The parameters belong to the name of the column.
    fn display_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<_> = args.iter().map(ToString::to_string).collect();
        Ok(format!("{}[{}]({})", self.name, self.parameters, args.join(", ")))
    }
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let args: Vec<_> = args.iter().map(|arg| arg.schema_name().to_string()).collect();
        Ok(format!("{}[{}]({})", self.name, self.parameters, args.join(", ")))
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let arrays = args
            .args
            .iter()
            .map(|value| value.to_array(rows))
            .collect::<Result<Vec<_>>>()?;
        let all_scalar =
            !args.args.is_empty() && args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let array = (self.body)(&Args { arrays, rows })?;
        // A call of constants is folded by the planner, which wants one value.
        if all_scalar && rows == 1 {
            return Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(
                &array, 0,
            )?));
        }
        Ok(ColumnarValue::Array(array))
    }
}
