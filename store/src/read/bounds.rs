//! Functions of SQL whose result can be far longer than what they are given. No pool counts what a
//! function makes, so one statement could take all memory there is: some of them are left out, the
//! others are bounded by a part of the memory that queries share.
//!
//! What is bounded is all that a function makes of one batch of rows. Where that could be too much
//! it works on fewer rows at a time, so that what is really made decides.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::compute::concat;
use datafusion::arrow::compute::kernels::concat_elements::concat_elements_dyn;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::ReadError;
use super::engine::carried;
use super::memory::array_bytes;

/// Functions whose result is as long as a number in the query says.
pub(crate) const LEFT_OUT: [&str; 7] = [
    "repeat",
    "lpad",
    "rpad",
    "range",
    "generate_series",
    "array_repeat",
    "array_resize",
];
/// The same of functions that take functions: a long text for each element.
pub(crate) const LEFT_OUT_OF_LAMBDAS: [&str; 1] = ["array_transform"];

/// Of the memory of all queries, what one function may make of one batch: a part, but so much.
const SHARE: usize = 4;
const BYTES_MIN: usize = 4 << 20;

/// How long a result can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Growth {
    /// As all arguments together, so many times.
    Sum(usize),
    /// The same, and the first argument between all others.
    Separated,
    /// As the first argument with this one in the place of each of its bytes, and before them.
    Replaced(usize),
    /// As the elements of the first argument with the second, or the third, beside each.
    Joined,
}

fn growth(function: &str) -> Option<Growth> {
    Some(match function {
        "concat" | "overlay" | "make_array" | "array_concat" | "array_append" | "array_prepend" | "array_union"
        | "arrays_zip" | "struct" | "named_struct" | "map" => Growth::Sum(1),
        "encode" => Growth::Sum(2),
        // A letter of a form gives a name.
        "to_char" => Growth::Sum(16),
        "concat_ws" => Growth::Separated,
        "replace" | "regexp_replace" | "translate" | "array_replace" | "array_replace_n" | "array_replace_all" => {
            Growth::Replaced(2)
        }
        "array_to_string" => Growth::Joined,
        _ => return None,
    })
}

/// Puts a bound on the functions of a plan.
#[derive(Debug)]
pub(crate) struct Bounds {
    bytes_max: usize,
}

impl Bounds {
    pub(crate) fn new(memory_bytes_max: usize) -> Self {
        Self {
            bytes_max: (memory_bytes_max / SHARE).max(BYTES_MIN),
        }
    }

    fn bounded(&self, expr: Expr) -> Transformed<Expr> {
        let function = |function, args| {
            let udf = ScalarUDF::from(Bounded {
                function,
                bytes_max: self.bytes_max,
            });
            Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(udf), args)))
        };
        match expr {
            Expr::ScalarFunction(call) if !call.func.inner().is::<Bounded>() => match growth(call.func.name()) {
                Some(growth) => function(Function::Udf(call.func, growth), call.args),
                None => Transformed::no(Expr::ScalarFunction(call)),
            },
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: Operator::StringConcat,
                right,
            }) => {
                let signature = Signature::any(2, Volatility::Immutable);
                function(Function::Concat(signature), vec![*left, *right])
            }
            other => Transformed::no(other),
        }
    }
}

impl AnalyzerRule for Bounds {
    fn name(&self) -> &'static str {
        "bounds"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let bounded = plan.transform_up_with_subqueries(|plan| {
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let bounded = expr.transform_up(|expr| Ok(self.bounded(expr)))?;
                Ok(bounded.update_data(|expr| name.restore(expr)))
            })
        })?;
        Ok(bounded.data)
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Function {
    Udf(Arc<ScalarUDF>, Growth),
    /// `a || b` of texts.
    Concat(Signature),
}

/// A function with a bound. It does not simplify itself: what it became would have none.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Bounded {
    function: Function,
    bytes_max: usize,
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        match &self.function {
            Function::Udf(udf, _) => udf.name(),
            Function::Concat(_) => "||",
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        match &self.function {
            Function::Udf(udf, _) => udf.schema_name(args),
            Function::Concat(_) => Ok(format!("{} || {}", args[0].schema_name(), args[1].schema_name())),
        }
    }

    fn signature(&self) -> &Signature {
        match &self.function {
            Function::Udf(udf, _) => udf.signature(),
            Function::Concat(signature) => signature,
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match &self.function {
            Function::Udf(udf, _) => udf.return_type(types),
            Function::Concat(_) => Ok(types[0].clone()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        match &self.function {
            Function::Udf(udf, _) => udf.return_field_from_args(args),
            Function::Concat(_) => {
                let nullable = args.arg_fields.iter().any(|field| field.is_nullable());
                Ok(Arc::new(Field::new(
                    "||",
                    args.arg_fields[0].data_type().clone(),
                    nullable,
                )))
            }
        }
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match &self.function {
            Function::Udf(udf, _) => udf.coerce_types(types),
            Function::Concat(_) => Ok(types.to_vec()),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_one = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if is_one { 1 } else { args.number_rows };
        if self.longest(&args, rows)? <= self.bytes_max {
            return self.call(args);
        }
        let mut made: Vec<ArrayRef> = Vec::new();
        let mut bytes = 0_usize;
        let mut waiting = Vec::from([Range { start: 0, end: rows }]);
        while let Some(range) = waiting.pop() {
            let portion = sliced(&args, &range);
            if self.longest(&portion, range.len())? <= self.bytes_max {
                let array = self.call(portion)?.to_array(range.len())?;
                bytes = bytes.saturating_add(array_bytes(&array));
                if bytes > self.bytes_max {
                    return Err(self.too_much());
                }
                made.push(array);
            } else if range.len() > 1 {
                let middle = range.start + range.len() / 2;
                waiting.push(middle..range.end);
                waiting.push(range.start..middle);
            } else {
                return Err(self.too_much());
            }
        }
        let made: Vec<&dyn Array> = made.iter().map(AsRef::as_ref).collect();
        Ok(ColumnarValue::Array(concat(&made)?))
    }
}

impl Bounded {
    fn call(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match &self.function {
            Function::Udf(udf, _) => udf.invoke_with_args(args),
            Function::Concat(_) => {
                let [left, right] = [0, 1].map(|at| args.args[at].to_array(args.number_rows));
                Ok(ColumnarValue::Array(concat_elements_dyn(&left?, &right?)?))
            }
        }
    }

    /// Bytes that the result of `rows` rows can have.
    fn longest(&self, args: &ScalarFunctionArgs, rows: usize) -> Result<usize> {
        let growth = match &self.function {
            Function::Udf(_, growth) => *growth,
            Function::Concat(_) => Growth::Sum(1),
        };
        let of = |at: usize| args.args.get(at).map_or(Ok(0), |arg| bytes(arg, rows));
        let mut all = 0_usize;
        for at in 0..args.args.len() {
            all = all.saturating_add(of(at)?);
        }
        Ok(match growth {
            Growth::Sum(times) => all.saturating_mul(times),
            Growth::Separated => of(0)?.saturating_mul(args.args.len()).saturating_add(all),
            Growth::Replaced(with) => {
                let with = args.args.get(with).map_or(Ok(0), longest_row)?;
                of(0)?.saturating_add(rows).saturating_mul(with + 1)
            }
            Growth::Joined => {
                let (elements, text_bytes) = match args.args.first() {
                    Some(list) => elements(list, rows)?,
                    None => (0, 0),
                };
                let beside = args.args[1..].iter().map(longest_row);
                let beside = beside.sum::<Result<usize>>()?;
                elements.saturating_mul(beside).saturating_add(text_bytes)
            }
        })
    }

    fn too_much(&self) -> datafusion::error::DataFusionError {
        carried(ReadError::Limit {
            what: format!(
                "{} makes more than {} bytes at once, a part of the memory of all queries",
                self.name(),
                self.bytes_max
            ),
            key: "query.memory_bytes_max",
        })
    }
}

/// The arguments of some rows.
fn sliced(args: &ScalarFunctionArgs, range: &Range<usize>) -> ScalarFunctionArgs {
    let slice = |arg: &ColumnarValue| match arg {
        ColumnarValue::Array(array) => ColumnarValue::Array(array.slice(range.start, range.len())),
        scalar => scalar.clone(),
    };
    ScalarFunctionArgs {
        args: args.args.iter().map(slice).collect(),
        arg_fields: args.arg_fields.clone(),
        number_rows: range.len(),
        return_field: Arc::clone(&args.return_field),
        config_options: Arc::clone(&args.config_options),
    }
}

/// Bytes of an argument, once for each row.
fn bytes(arg: &ColumnarValue, rows: usize) -> Result<usize> {
    Ok(match arg {
        ColumnarValue::Array(array) => array_bytes(array),
        ColumnarValue::Scalar(value) => array_bytes(&value.to_array()?).saturating_mul(rows),
    })
}

/// Bytes of the longest value of an argument, about; of what is no text, of all.
fn longest_row(arg: &ColumnarValue) -> Result<usize> {
    let array = arg.to_array(1)?;
    Ok(match array.data_type() {
        DataType::Utf8 => array
            .as_string::<i32>()
            .iter()
            .flatten()
            .map(str::len)
            .max()
            .unwrap_or(0),
        DataType::LargeUtf8 => array
            .as_string::<i64>()
            .iter()
            .flatten()
            .map(str::len)
            .max()
            .unwrap_or(0),
        DataType::Utf8View => array.as_string_view().iter().flatten().map(str::len).max().unwrap_or(0),
        _ => array_bytes(&array),
    })
}

/// Elements of lists, and the bytes of their texts.
fn elements(lists: &ColumnarValue, rows: usize) -> Result<(usize, usize)> {
    /// Bytes of any number as text, and of what else is no text.
    const WRITTEN_BYTES: usize = 32;
    let (array, times) = match lists {
        ColumnarValue::Array(array) => (Arc::clone(array), 1),
        ColumnarValue::Scalar(value) => (value.to_array()?, rows),
    };
    let bytes = array_bytes(&array);
    let elements: usize = match array.data_type() {
        DataType::List(of) if !of.data_type().is_nested() => {
            let lists = array.as_list::<i32>();
            (0..lists.len()).map(|row| lists.value_length(row) as usize).sum()
        }
        // Of a list of lists no more than it has bits.
        _ => bytes.saturating_mul(8),
    };
    let text_bytes = bytes.saturating_add(elements.saturating_mul(WRITTEN_BYTES));
    Ok((elements.saturating_mul(times), text_bytes.saturating_mul(times)))
}
