//! Functions that queries have beyond DataFusion's own.
//!
//! | function | gives |
//! |---|---|
//! | `num(x)` | the number that a value is or reads as, else NULL |
//! | `matches(text, 'search')` | whether a search finds the text; what `text MATCHES 'search'` becomes |
//! | the test of a `where` pipe | whether a search finds the row (not callable by name) |

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use timberline_proto::query::ast::{Filter, Query};
use timberline_proto::query::parse;

use super::ReadError;
use super::engine::carried;
use super::test::{TableRow, Tester};

/// The functions that queries can name.
pub(crate) fn all() -> [ScalarUDF; 2] {
    [ScalarUDF::from(Num::default()), ScalarUDF::from(Matches::default())]
}

/// `num(expr)`
pub(crate) fn num(expr: Expr) -> Expr {
    ScalarUDF::from(Num::default()).call(vec![expr])
}

/// The filter of a search's text; pipes are refused.
pub(crate) fn search_filter(text: &str) -> std::result::Result<Filter, ReadError> {
    match parse(text)? {
        Query::Search(search) if search.pipes.is_empty() => Ok(search.filter),
        _ => Err(ReadError::BadRequest(format!(
            "MATCHES takes a search without pipes, not {text:?}"
        ))),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Num {
    signature: Signature,
}

impl Default for Num {
    fn default() -> Self {
        Self {
            signature: Signature::any(1, Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Num {
    fn name(&self) -> &str {
        "num"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let array = args.args[0].to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(numbers(&array)?)))
    }
}

fn numbers(array: &ArrayRef) -> Result<Float64Array> {
    let is_text = matches!(
        array.data_type(),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    );
    if is_text {
        let array = cast(array, &DataType::Utf8)?;
        let parse = |text: &str| text.trim().parse().ok().filter(|n: &f64| n.is_finite());
        return Ok(array
            .as_string::<i32>()
            .iter()
            .map(|text| text.and_then(parse))
            .collect());
    }
    Ok(cast(array, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Matches {
    signature: Signature,
}

impl Default for Matches {
    fn default() -> Self {
        Self {
            signature: Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable),
        }
    }
}

impl ScalarUDFImpl for Matches {
    fn name(&self) -> &str {
        "matches"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ColumnarValue::Scalar(ScalarValue::Utf8(Some(text))) = &args.args[1] else {
            let error = "the second argument of matches is a search in quotes".to_owned();
            return Err(carried(ReadError::BadRequest(error)));
        };
        let tester = search_filter(text)
            .and_then(|filter| Tester::new(&filter))
            .map_err(carried)?;
        let lines = args.args[0].to_array(args.number_rows)?;
        let lines = lines.as_string::<i32>();
        let test = |line: &str| tester.matches_table(&TableRow::line(line));
        let found: BooleanArray = lines.iter().map(|line| line.map(test)).collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}

/// The test of a `where` pipe over the columns of a table.
#[derive(Debug)]
struct Where {
    signature: Signature,
    filter: Filter,
    tester: Tester,
    columns: Vec<String>,
}

/// The test of `filter` over columns, each given as text with its name.
pub(crate) fn where_test(filter: &Filter, columns: Vec<(String, Expr)>) -> std::result::Result<Expr, ReadError> {
    let (names, exprs): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let function = Where {
        signature: Signature::variadic_any(Volatility::Immutable),
        tester: Tester::new(filter)?,
        filter: filter.clone(),
        columns: names,
    };
    Ok(ScalarUDF::from(function).call(exprs))
}

impl PartialEq for Where {
    fn eq(&self, other: &Self) -> bool {
        self.filter == other.filter && self.columns == other.columns
    }
}

impl Eq for Where {}

impl std::hash::Hash for Where {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        format!("{:?}", self.filter).hash(state);
        self.columns.hash(state);
    }
}

impl ScalarUDFImpl for Where {
    fn name(&self) -> &str {
        "where"
    }
    fn signature(&self) -> &Signature {
        &self.signature
    }
    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut columns = Vec::with_capacity(args.args.len());
        for (name, value) in self.columns.iter().zip(&args.args) {
            let array = cast(&value.to_array(args.number_rows)?, &DataType::Utf8)?;
            columns.push((name.as_str(), array.as_string::<i32>().clone()));
        }
        let found: BooleanArray = (0..args.number_rows)
            .map(|row| {
                let values = columns.iter().filter(|(_, array)| array.is_valid(row));
                let values = values.map(|(name, array)| (*name, array.value(row))).collect();
                Some(self.tester.matches_table(&TableRow::columns(values)))
            })
            .collect();
        Ok(ColumnarValue::Array(Arc::new(found)))
    }
}
