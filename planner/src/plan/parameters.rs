//! The parameters of a statement: which there are, and the values that they are given.
//!
//! Values are put into the logical plan, as literals of their types, and never into the text. What a parameter's
//! type is, DataFusion finds out by what stands beside it; where nothing does, it is what was bound.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, UnionArray, new_empty_array};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Cast, Expr, LogicalPlan};

use crate::{PlannerError, Result};

mod expected;

/// More parameters than a statement has.
const MOST: usize = 10_000;

/// The parameters of a statement, in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// `Null` where nothing says which.
    types: Vec<DataType>,
    /// Those that clients are told, in the engine's terms: the same, or what a cast or a function makes of it.
    told: Vec<DataType>,
}

impl Parameters {
    /// Those of a plan.
    ///
    /// # Errors
    /// `Invalid` for a parameter with a name in place of a number, or of two types.
    pub(super) fn of(plan: &LogicalPlan) -> Result<Self> {
        Self::of_all(std::slice::from_ref(plan))
    }

    /// Those of several plans, which a statement comes to.
    ///
    /// # Errors
    /// As [`Parameters::of`].
    pub(super) fn of_all(plans: &[LogicalPlan]) -> Result<Self> {
        let mut all = Self::none();
        for plan in plans {
            all.add(Self::of_one(plan)?);
        }
        Ok(all)
    }

    /// What is known of a parameter in one plan is known of it in all.
    fn add(&mut self, more: Self) {
        let most = self.types.len().max(more.types.len());
        for (own, more) in [(&mut self.types, more.types), (&mut self.told, more.told)] {
            own.resize(most, DataType::Null);
            for (own, more) in own.iter_mut().zip(more) {
                if own.is_null() {
                    *own = more;
                }
            }
        }
    }

    fn of_one(plan: &LogicalPlan) -> Result<Self> {
        let mut types = Vec::new();
        let limits = limits(plan)?;
        for (name, found) in plan.get_parameter_types()? {
            let number = number(&name)?;
            if types.len() < number {
                types.resize(number, DataType::Null);
            }
            let counts = limits.contains(&name).then_some(DataType::Int64);
            types[number - 1] = found.or(counts).unwrap_or(DataType::Null);
        }
        let mut told = types.clone();
        for (name, expected) in expected::expected(plan)? {
            let told = &mut told[number(&name)? - 1];
            if told.is_null() {
                *told = expected;
            }
        }
        Ok(Self { types, told })
    }

    /// None at all.
    pub fn none() -> Self {
        Self { types: Vec::new(), told: Vec::new() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.types.len()
    }

    /// What clients are told of them: fields named `1`, `2` … of types that all drivers can bind.
    pub fn schema(&self) -> SchemaRef {
        let fields = self.told.iter().enumerate();
        let fields = fields.map(|(i, of)| Field::new((i + 1).to_string(), bindable(of), true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// Nulls of their types, for what depends on no value: the schema of what the statement gives.
    pub(super) fn nulls(&self) -> Result<Vec<ScalarValue>> {
        let text = |of: &DataType| if of.is_null() { DataType::Utf8 } else { of.clone() };
        let nulls = self.told.iter().map(|of| ScalarValue::try_from(text(of)));
        Ok(nulls.collect::<Result<_, _>>()?)
    }

    /// The same without a type where nothing says which: for what text cannot stand in, like `? + ?`.
    pub(super) fn untyped_nulls(&self) -> Result<Vec<ScalarValue>> {
        let nulls = self.types.iter().map(ScalarValue::try_from);
        Ok(nulls.collect::<Result<_, _>>()?)
    }

    /// The values of each row that a client has bound, whatever it calls its columns.
    ///
    /// # Errors
    /// As [`Parameters::batch`].
    pub fn rows(&self, batch: &RecordBatch) -> Result<Vec<Vec<ScalarValue>>> {
        let columns = self.columns(batch)?;
        let value = |column: &ArrayRef, row| ScalarValue::try_from_array(column, row);
        let row = |row| columns.iter().map(|column| Ok(value(column, row)?)).collect();
        (0..batch.num_rows()).map(row).collect()
    }

    /// The same as rows of the types of the parameters, which the columns are called by: `$1`, `$2`, ….
    ///
    /// # Errors
    /// `Invalid` for another number of columns than there are parameters, and for values that are not of
    /// their types.
    pub fn batch(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let columns = self.columns(batch)?;
        let fields = columns.iter().enumerate().map(|(index, column)| {
            Field::new(format!("${}", index + 1), column.data_type().clone(), true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Ok(RecordBatch::try_new(schema, columns)?)
    }

    fn columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let (bound, wanted) = (batch.num_columns(), self.count());
        if bound != wanted {
            return Err(PlannerError::Invalid(format!(
                "the statement has {wanted} parameters, and {bound} columns were bound"
            )));
        }
        let columns = batch.columns().iter().zip(&self.types).enumerate();
        let columns = columns.map(|(index, (column, of))| {
            value_of(column, of).map_err(|error| {
                PlannerError::Invalid(format!("the value of parameter {}: {error}", index + 1))
            })
        });
        columns.collect()
    }
}

/// The parameters of LIMIT and OFFSET, of which DataFusion does not say that they are numbers.
fn limits(plan: &LogicalPlan) -> Result<HashSet<String>> {
    let mut limits = HashSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::Limit(limit) = node {
            for count in limit.skip.iter().chain(&limit.fetch) {
                count.apply(|expression| {
                    if let Expr::Placeholder(parameter) = expression {
                        limits.insert(parameter.id.clone());
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(limits)
}

/// `$7` is 7.
fn number(name: &str) -> Result<usize> {
    let number = name.strip_prefix('$').and_then(|digits| digits.parse().ok());
    number.filter(|number| (1..=MOST).contains(number)).ok_or_else(|| {
        PlannerError::Invalid(format!("parameters are ? or $1 to ${MOST}, not {name}"))
    })
}

/// What clients are told of a parameter of this type. JDBC writes times in milliseconds, whatever unit it was
/// told, cuts a number to the integer that it was told (of 64 bits it takes any), and reads past the end of bytes that
/// are shorter than it was told; no driver binds views or nulls.
fn bindable(of: &DataType) -> DataType {
    match of {
        DataType::Null | DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::FixedSizeBinary(_) => DataType::Binary,
        // Not of the unsigned of 64 bits, which are bound as they are.
        DataType::Int8 | DataType::Int16 | DataType::Int32 => DataType::Int64,
        DataType::UInt8 | DataType::UInt16 | DataType::UInt32 => DataType::Int64,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Millisecond, zone.clone()),
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time32(TimeUnit::Millisecond),
        DataType::Date64 => DataType::Date32,
        DataType::Dictionary(_, value) => bindable(value),
        other => other.clone(),
    }
}

/// A column as its parameter is to be: of its type, of which a client may have been told a coarser one; text is
/// read as that. Values that are not the same in it (1.5 for an integer, 300 for a byte) stay what they are, as
/// if they stood in the statement.
fn value_of(column: &ArrayRef, of: &DataType) -> Result<ArrayRef> {
    let column = match column.as_any().downcast_ref::<UnionArray>() {
        Some(union) => flat(union)?,
        None => Arc::clone(column),
    };
    let column = match column.data_type() {
        DataType::Dictionary(_, value) => cast(&column, value)?,
        _ => column,
    };
    let has_zone = |of: &DataType| matches!(of, DataType::Timestamp(_, Some(_)));
    match of {
        DataType::Null => Ok(column),
        // The zone of one of them is the session's, as where the value stands in the statement (`session/zones.rs`).
        of if has_zone(of) && !has_zone(column.data_type()) => Ok(column),
        DataType::Timestamp(_, None) if has_zone(column.data_type()) => Ok(column),
        of if column.data_type().is_string() => Ok(cast(&column, of)?),
        of => Ok(same(&column, of).unwrap_or(column)),
    }
}

/// The same values in another type, if they are the same.
fn same(column: &ArrayRef, of: &DataType) -> Option<ArrayRef> {
    let other = cast(column, of).ok()?;
    let back = cast(&other, column.data_type()).ok()?;
    (back.as_ref() == column.as_ref()).then_some(other)
}

fn cast(column: &ArrayRef, of: &DataType) -> Result<ArrayRef, ArrowError> {
    cast_with_options(column, of, &CastOptions { safe: false, ..Default::default() })
}

/// A union as flightsql-dbapi sends it, whose rows are of the one type that they have.
fn flat(union: &UnionArray) -> Result<ArrayRef> {
    let value = |row| ScalarValue::try_from_array(&union.value(row), 0);
    let rows: Vec<ScalarValue> = (0..union.len()).map(value).collect::<Result<_, _>>()?;
    let of = rows.iter().map(ScalarValue::data_type).find(|of| *of != DataType::Null);
    let of = of.unwrap_or(DataType::Null);
    if rows.is_empty() {
        return Ok(new_empty_array(&of));
    }
    let rows = rows.iter().map(|row| row.cast_to(&of));
    Ok(ScalarValue::iter_to_array(rows.collect::<Result<Vec<_>, _>>()?)?)
}

/// A plan with these values for its parameters, the first for `$1`.
///
/// # Errors
/// `Invalid` when it has parameters without a value.
pub(super) fn bind(plan: LogicalPlan, values: &[ScalarValue]) -> Result<LogicalPlan> {
    let mut wanted = 0;
    for name in plan.get_parameter_names()? {
        wanted = number(&name)?.max(wanted);
    }
    match wanted {
        0 => Ok(plan),
        _ if wanted > values.len() => Err(PlannerError::Invalid(format!(
            "the statement has {wanted} parameters and {} values: prepare it, and bind a value to each",
            values.len()
        ))),
        _ => {
            fits_its_column(&plan, values)?;
            let plan = plan.with_param_values(values.iter().map(one_nan).collect::<Vec<_>>())?;
            // Columns have the types of what was bound, and not of what nothing was known of.
            let typed = plan.transform_up_with_subqueries(|node| {
                Ok(Transformed::yes(node.recompute_schema()?))
            });
            Ok(typed?.data)
        }
    }
}

/// VALUES casts a parameter to the type of the rows beside it, which may cut what is bound.
fn fits_its_column(plan: &LogicalPlan, values: &[ScalarValue]) -> Result<()> {
    let mut cut = None;
    plan.apply_with_subqueries(|node| {
        let LogicalPlan::Values(rows) = node else { return Ok(TreeNodeRecursion::Continue) };
        for expression in rows.values.iter().flatten() {
            let Expr::Cast(Cast { expr, field }) = expression else { continue };
            let Expr::Placeholder(parameter) = expr.as_ref() else { continue };
            let bound = number(&parameter.id).ok().and_then(|number| values.get(number - 1));
            if bound.is_some_and(|bound| !stays(bound, field.data_type())) {
                cut = Some((parameter.id.clone(), field.data_type().clone()));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match cut {
        None => Ok(()),
        Some((parameter, of)) => Err(PlannerError::Invalid(format!(
            "the value of parameter {parameter} is none of {of}, which the rows beside it in VALUES are of: CAST one of those to a type that holds both, or bind another value"
        ))),
    }
}

/// Whether a value is the same in another type; text is read as that.
fn stays(value: &ScalarValue, of: &DataType) -> bool {
    let is = value.data_type();
    is.is_string()
        || value.cast_to(of).and_then(|cast| cast.cast_to(&is)).is_ok_and(|back| back == *value)
}

/// A NaN of any bits as the one that there is.
fn one_nan(value: &ScalarValue) -> ScalarValue {
    match value {
        ScalarValue::Float32(Some(x)) if x.is_nan() => ScalarValue::Float32(Some(f32::NAN)),
        ScalarValue::Float64(Some(x)) if x.is_nan() => ScalarValue::Float64(Some(f64::NAN)),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{
        DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
    };
    use datafusion::arrow::buffer::ScalarBuffer;
    use datafusion::arrow::datatypes::{Int8Type, UnionFields};

    use super::*;

    fn parameters(types: &[DataType]) -> Parameters {
        Parameters { types: types.to_vec(), told: types.to_vec() }
    }

    fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
        let columns = columns.into_iter().enumerate();
        RecordBatch::try_from_iter(columns.map(|(i, column)| (format!("p{i}"), column))).unwrap()
    }

    #[test]
    fn a_nan_with_its_sign_is_the_same_as_one_without() {
        let [bound] = [ScalarValue::Float64(Some(-f64::NAN))].map(|value| one_nan(&value));
        assert_eq!(bound, ScalarValue::Float64(Some(f64::NAN)));
    }

    #[test]
    fn drivers_are_told_types_that_they_can_bind() {
        let nanos = DataType::Timestamp(TimeUnit::Nanosecond, None);
        let told =
            parameters(&[DataType::Null, DataType::Utf8View, nanos, DataType::Int8]).schema();
        let told: Vec<_> = told.fields().iter().map(|field| field.data_type().clone()).collect();
        let millis = DataType::Timestamp(TimeUnit::Millisecond, None);
        assert_eq!(told, [DataType::Utf8, DataType::Utf8, millis, DataType::Int64]);
    }

    #[test]
    fn values_become_what_their_parameters_are() {
        let bound = batch(vec![
            Arc::new(Int64Array::from(vec![Some(7), None])),
            Arc::new(StringArray::from(vec!["8", "9"])),
        ]);
        let rows = parameters(&[DataType::Int32, DataType::Int64]).rows(&bound).unwrap();
        let int = |value| ScalarValue::Int64(Some(value));
        assert_eq!(rows[0], [ScalarValue::Int32(Some(7)), int(8)]);
        assert_eq!(rows[1], [ScalarValue::Int32(None), int(9)]);
    }

    #[test]
    fn values_of_no_known_type_stay_what_they_are() {
        let dictionary: DictionaryArray<Int8Type> = vec!["a"].into_iter().collect();
        let bound = batch(vec![Arc::new(Int64Array::from(vec![7])), Arc::new(dictionary)]);
        let rows = parameters(&[DataType::Null, DataType::Null]).rows(&bound).unwrap();
        assert_eq!(rows[0], [ScalarValue::Int64(Some(7)), ScalarValue::from("a")]);
    }

    #[test]
    fn a_union_is_bound_by_what_its_rows_are() {
        let fields = [
            (0, Arc::new(Field::new("int", DataType::Int32, true))),
            (1, Arc::new(Field::new("text", DataType::Utf8, true))),
        ];
        let children: Vec<ArrayRef> =
            vec![Arc::new(Int32Array::from(vec![7, 8])), Arc::new(StringArray::from(vec![""]))];
        let (kinds, offsets) = (ScalarBuffer::from(vec![0_i8, 0]), ScalarBuffer::from(vec![0, 1]));
        let fields = UnionFields::from_iter(fields);
        let union = UnionArray::try_new(fields, kinds, Some(offsets), children).unwrap();
        let rows = parameters(&[DataType::Int64]).rows(&batch(vec![Arc::new(union)])).unwrap();
        let int = |value| vec![ScalarValue::Int64(Some(value))];
        assert_eq!(rows, [int(7), int(8)]);
    }

    /// Or 1.5 would be 1, and `n > 1.5` another question.
    #[test]
    fn a_value_that_is_another_in_the_type_of_its_parameter_stays_what_it_is() {
        let bound = batch(vec![
            Arc::new(Float64Array::from(vec![1.5])),
            Arc::new(Float64Array::from(vec![2.0])),
            Arc::new(Int64Array::from(vec![300])),
        ]);
        let types = [DataType::Int64, DataType::Int64, DataType::Int8];
        let rows = parameters(&types).rows(&bound).unwrap();
        let (float, int) = (ScalarValue::from(1.5), |value| ScalarValue::Int64(Some(value)));
        assert_eq!(rows[0], [float, int(2), int(300)]);
    }

    #[test]
    fn what_does_not_fit_is_refused_by_number() {
        let bound = batch(vec![Arc::new(StringArray::from(vec!["x"]))]);
        let refused = parameters(&[DataType::Int32]).rows(&bound).unwrap_err();
        assert!(matches!(&refused, PlannerError::Invalid(_)), "{refused:?}");
        assert!(refused.to_string().contains("parameter 1"), "{refused}");
        let refused = parameters(&[DataType::Utf8, DataType::Utf8]).rows(&bound).unwrap_err();
        assert!(refused.to_string().contains("2 parameters"), "{refused}");
    }
}
