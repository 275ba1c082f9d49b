//! Comparing answers: rows as a bag, or in order where the statement orders them at its root.
//!
//! Everything is compared exactly, after both sides have the types of the wire. Floats alone may
//! differ, by 1e-9 of their size: addition of floats is not associative, and how many partial sums
//! there are depends on how many nodes there are. DuckDB gives the mean of decimals as a float,
//! DataFusion as a decimal that ends somewhere: there one unit of its last digit is allowed.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::arrow::util::pretty::pretty_format_batches;

use crate::Result;
use crate::answer::Answer;

/// Rows that are right.
#[derive(Debug)]
pub struct Rows {
    /// As their source names and types them.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Whether their order matters.
    pub ordered: bool,
    /// Who says so.
    pub source: Source,
}

/// Who says what is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// DataFusion in this process: names and types must agree too.
    DataFusion,
    /// DuckDB, which has types and names for expressions of its own.
    DuckDb,
}

impl Source {
    /// How far floats may be apart, in relation to their size.
    fn tolerance(self) -> f64 {
        match self {
            Self::DataFusion => 1e-9,
            Self::DuckDb => 1e-6,
        }
    }
}

/// What is different about an answer; `None` when it is right.
pub fn difference(right: &Rows, answer: &Answer) -> Option<String> {
    let names = |schema: &SchemaRef| -> Vec<String> {
        schema.fields().iter().map(|field| field.name().clone()).collect()
    };
    let named = right.source == Source::DataFusion;
    if named && names(&right.schema) != names(&answer.schema) {
        return Some(format!(
            "columns: {:?}, not {:?}",
            names(&answer.schema),
            names(&right.schema)
        ));
    }
    match rows_differ(right, answer) {
        Ok(difference) => difference,
        Err(error) => Some(format!("cannot be compared: {error}")),
    }
}

fn rows_differ(right: &Rows, answer: &Answer) -> Result<Option<String>> {
    let right_rows = concat_batches(&right.schema, &right.batches)?;
    let answered = answer.batch();
    let (mut expected, mut actual) = comparable(&right_rows, &answered)?;
    if expected.num_rows() != actual.num_rows() {
        return Ok(Some(format!("{} rows, not {}", actual.num_rows(), expected.num_rows())));
    }
    if !right.ordered {
        (expected, actual) = (sorted(&expected)?, sorted(&actual)?);
    }
    let columns = expected.columns().iter().zip(actual.columns()).zip(answered.columns());
    let wrong = columns
        .map(|((expected, actual), answered)| {
            let slack = Slack { of_size: right.source.tolerance(), beside: last_digit(answered) };
            wrong_row(expected, actual, slack)
        })
        .collect::<Vec<_>>();
    let first = wrong.into_iter().enumerate().find_map(|(column, row)| Some((column, row?)));
    first.map(|(column, row)| told(column, row, &expected, &actual)).transpose()
}

/// Both with the types that clients are promised, or as floats where the right rows have floats and
/// the answer has none; so are averages of decimals, which DataFusion cuts behind their last digit and the answer has rounded.
fn comparable(right: &RecordBatch, answer: &RecordBatch) -> Result<(RecordBatch, RecordBatch)> {
    if right.num_columns() != answer.num_columns() {
        return Err(format!("{} columns, not {}", answer.num_columns(), right.num_columns()).into());
    }
    let names = right.schema_ref().fields().iter().map(|field| field.name());
    let pairs = names.zip(right.columns()).zip(answer.columns());
    let types = pairs.map(|((name, right), answer)| common_type(name, right, answer));
    let types: Vec<DataType> = types.collect();
    Ok((with_types(right, &types)?, with_types(answer, &types)?))
}

fn common_type(name: &str, right: &ArrayRef, answer: &ArrayRef) -> DataType {
    let is_average = name.contains("avg") && right.data_type().is_decimal();
    match (is_average || right.data_type().is_floating()) && !answer.data_type().is_floating() {
        true => DataType::Float64,
        false => answer.data_type().clone(),
    }
}

fn with_types(rows: &RecordBatch, types: &[DataType]) -> Result<RecordBatch> {
    if types.is_empty() {
        return Ok(rows.clone());
    }
    let columns = rows.columns().iter().zip(types).map(|(column, to)| cast(column, to));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let fields = rows
        .schema()
        .fields()
        .iter()
        .zip(types)
        .map(|(field, to)| Field::new(field.name(), to.clone(), true))
        .collect::<Vec<_>>();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// By all columns that have an order, floats last: what decides is then exact on both sides.
fn sorted(rows: &RecordBatch) -> Result<RecordBatch> {
    let sortable = |column: &&ArrayRef| {
        RowConverter::supports_fields(&[SortField::new(column.data_type().clone())])
    };
    let mut columns: Vec<ArrayRef> = rows.columns().iter().filter(sortable).cloned().collect();
    columns.sort_by_key(|column| column.data_type().is_floating());
    if columns.is_empty() {
        return Ok(rows.clone());
    }
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let keys = RowConverter::new(fields)?.convert_columns(&columns)?;
    let mut order: Vec<u64> = (0..rows.num_rows() as u64).collect();
    order.sort_by_key(|row| keys.row(*row as usize));
    let order = datafusion::arrow::array::UInt64Array::from(order);
    Ok(take_record_batch(rows, &order)?)
}

/// How far floats may be apart.
#[derive(Clone, Copy)]
struct Slack {
    /// In relation to their size.
    of_size: f64,
    /// Whatever their size.
    beside: f64,
}

/// One unit of a decimal's last digit; nothing for other types.
fn last_digit(column: &ArrayRef) -> f64 {
    match column.data_type() {
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => {
            10_f64.powi(-i32::from(*scale))
        }
        _ => 0.0,
    }
}

/// The first row in which two columns of one type differ.
fn wrong_row(expected: &ArrayRef, actual: &ArrayRef, slack: Slack) -> Option<usize> {
    if expected == actual {
        return None;
    }
    let rows = 0..expected.len();
    match expected.data_type().is_floating() {
        true => rows.into_iter().find(|row| !same_float(expected, actual, *row, slack)),
        false => rows.into_iter().find(|row| expected.slice(*row, 1) != actual.slice(*row, 1)),
    }
}

fn same_float(expected: &ArrayRef, actual: &ArrayRef, row: usize, slack: Slack) -> bool {
    let value = |column: &ArrayRef| {
        let wide = cast(&column.slice(row, 1), &DataType::Float64).ok()?;
        let wide = wide.as_primitive::<Float64Type>();
        wide.is_valid(0).then(|| wide.value(0))
    };
    match (value(expected), value(actual)) {
        (Some(a), Some(b)) if a.is_nan() || b.is_nan() => a.is_nan() && b.is_nan(),
        (Some(a), Some(b)) => {
            a == b || (a - b).abs() <= slack.of_size * a.abs().max(b.abs()) + slack.beside
        }
        (a, b) => a == b,
    }
}

fn told(column: usize, row: usize, expected: &RecordBatch, actual: &RecordBatch) -> Result<String> {
    let name = expected.schema().field(column).name().clone();
    let show = |rows: &RecordBatch| pretty_format_batches(&[rows.slice(row, 1)]);
    Ok(format!(
        "row {row}, column {name}:\nright\n{}\nanswered\n{}",
        show(expected)?,
        show(actual)?
    ))
}

#[cfg(test)]
mod tests {
    use arrow_flight::FlightInfo;
    use datafusion::arrow::array::{Float64Array, Int64Array, StringArray, StringViewArray};

    use super::*;

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn verdict(right: RecordBatch, answered: RecordBatch, ordered: bool) -> Option<String> {
        let right = Rows {
            schema: right.schema(),
            batches: vec![right],
            ordered,
            source: Source::DataFusion,
        };
        let schema = answered.schema();
        let info = FlightInfo::new();
        difference(&right, &Answer { info, schema, batches: vec![answered], endpoints: Vec::new() })
    }

    fn numbers(values: &[i64]) -> RecordBatch {
        batch(vec![("n", Arc::new(Int64Array::from(values.to_vec())))])
    }

    #[test]
    fn a_decimal_may_end_where_a_float_goes_on_and_nowhere_else() {
        use datafusion::arrow::array::Decimal128Array;
        let right = || batch(vec![("avg", Arc::new(Float64Array::from(vec![0.049_985_295_8])))]);
        let answer = |millionths: i128| {
            let decimal = Decimal128Array::from(vec![millionths]);
            let decimal = decimal.with_precision_and_scale(19, 6).unwrap();
            batch(vec![("avg", Arc::new(decimal))])
        };
        assert_eq!(verdict(right(), answer(49_985), false), None);
        assert!(verdict(right(), answer(49_983), false).is_some());
    }

    #[test]
    fn an_average_of_decimals_may_be_rounded_where_datafusion_cuts_it() {
        use datafusion::arrow::datatypes::Decimal128Type;
        let of = |name, value| {
            let values =
                datafusion::arrow::array::PrimitiveArray::<Decimal128Type>::from(vec![value]);
            batch(vec![(name, Arc::new(values.with_precision_and_scale(10, 4).unwrap()) as _)])
        };
        assert_eq!(verdict(of("avg(a)", 16_666), of("avg(a)", 16_667), true), None);
        assert!(verdict(of("avg(a)", 16_666), of("avg(a)", 16_669), true).is_some());
        assert!(verdict(of("sum(a)", 16_666), of("sum(a)", 16_667), true).is_some());
    }

    #[test]
    fn order_counts_only_where_the_statement_says_so() {
        assert_eq!(verdict(numbers(&[1, 2]), numbers(&[2, 1]), false), None);
        assert!(verdict(numbers(&[1, 2]), numbers(&[2, 1]), true).unwrap().contains("row 0"));
    }

    #[test]
    fn missing_doubled_and_wrong_rows_are_told() {
        let wrong = |rows: &[i64]| verdict(numbers(&[1, 2]), numbers(rows), false).unwrap();
        assert_eq!(wrong(&[1]), "1 rows, not 2");
        assert_eq!(wrong(&[1, 2, 2]), "3 rows, not 2");
        assert!(wrong(&[1, 3]).contains("row 1, column n"));
    }

    #[test]
    fn columns_must_have_the_same_names() {
        let renamed = batch(vec![("m", Arc::new(Int64Array::from(vec![1])))]);
        assert!(verdict(numbers(&[1]), renamed, false).unwrap().starts_with("columns"));
    }

    #[test]
    fn floats_may_differ_in_their_last_digits_only() {
        let float = |x: f64| batch(vec![("x", Arc::new(Float64Array::from(vec![x])))]);
        assert_eq!(verdict(float(1.0), float(1.0 + 1e-12), false), None);
        assert!(verdict(float(1.0), float(1.0 + 1e-6), false).is_some());
        assert_eq!(verdict(float(f64::NAN), float(f64::NAN), false), None);
    }

    #[test]
    fn a_view_and_a_plain_text_are_the_same_on_the_wire() {
        let view = batch(vec![("t", Arc::new(StringViewArray::from(vec!["a"])))]);
        let plain = batch(vec![("t", Arc::new(StringArray::from(vec!["a"])))]);
        assert_eq!(verdict(view, plain, false), None);
    }
}
