//! Branches of UNION, INTERSECT and EXCEPT have columns of the same types and names.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchemaRef, JoinType, NullEquality, Result};
use datafusion::logical_expr::type_coercion::binary::type_union_coercion;
use datafusion::logical_expr::{
    Distinct, Expr, Join, LogicalPlan, LogicalPlanBuilder, Union, build_join_schema, cast,
};

/// The type in which values of several types meet; `None` where they are of one, or meet in none.
pub(in crate::session) fn common<'t>(
    types: impl Iterator<Item = &'t DataType> + Clone,
) -> Option<DataType> {
    let is_floating = types.clone().any(DataType::is_floating);
    let met = |of: &DataType| match of.is_decimal() && is_floating {
        true => DataType::Float64,
        false => of.clone(),
    };
    let mut others = types.clone();
    let first = others.next()?;
    if others.clone().all(|of| of == first) {
        return None;
    }
    others.try_fold(met(first), |common, of| match common == met(of) {
        true => Some(common),
        false => type_union_coercion(&common, &met(of)),
    })
}

/// Some of the columns as other types, by their positions.
pub(super) fn casted(rows: LogicalPlan, to: &[Option<DataType>]) -> Result<LogicalPlan> {
    let schema = Arc::clone(rows.schema());
    let columns = schema.iter().enumerate().map(|(at, (relation, field))| {
        let column = Expr::Column(Column::new(relation.cloned(), field.name()));
        match to.get(at) {
            Some(Some(to)) if to != field.data_type() => {
                cast(column, to.clone()).alias_qualified(relation.cloned(), field.name())
            }
            _ => column,
        }
    });
    LogicalPlanBuilder::from(rows).project(columns)?.build()
}

/// Columns of a UNION, each of one type in all branches.
pub(super) fn branches(union: Union) -> Result<Transformed<LogicalPlan>> {
    let of = |at: usize| union.inputs.iter().map(move |input| input.schema().field(at).data_type());
    let to: Vec<_> = (0..union.schema.fields().len()).map(|at| common(of(at))).collect();
    let is_met = to.iter().any(Option::is_some);
    if !is_met && are_of(&union.schema, union.inputs[0].schema()) {
        return named(union);
    }
    let inputs = union.inputs.into_iter().map(|input| match is_met {
        true => casted(input.as_ref().clone(), &to).map(Arc::new),
        false => Ok(input),
    });
    let union = Union::try_new_with_loose_types(inputs.collect::<Result<_>>()?)?;
    named(union).map(|named| Transformed::yes(named.data))
}

/// Whether the columns of one are of the types of the other's.
fn are_of(one: &DFSchemaRef, other: &DFSchemaRef) -> bool {
    let mut columns = one.fields().iter().zip(other.fields());
    columns.all(|(one, other)| one.data_type() == other.data_type())
}

/// Columns of each branch by the names that those of the whole have.
fn named(union: Union) -> Result<Transformed<LogicalPlan>> {
    let names: Vec<_> = union.schema.columns();
    let inputs = union.inputs.iter().map(|input| {
        let columns = input.schema().columns();
        if columns == names {
            return Ok(Transformed::no(Arc::clone(input)));
        }
        let columns = columns.into_iter().zip(&names).map(|(column, name)| {
            Expr::Column(column).alias_qualified(name.relation.clone(), &name.name)
        });
        let named = LogicalPlanBuilder::from(input.as_ref().clone()).project(columns)?.build()?;
        Ok(Transformed::yes(Arc::new(named)))
    });
    let inputs = inputs.collect::<Result<Vec<_>>>()?;
    let is_named = inputs.iter().any(|input| input.transformed);
    let inputs = inputs.into_iter().map(|input| input.data).collect();
    let union = LogicalPlan::Union(Union { inputs, ..union });
    Ok(if is_named { Transformed::yes(union) } else { Transformed::no(union) })
}

/// Whether a join is what INTERSECT or EXCEPT is planned as: nothing else takes NULL for NULL yet.
pub(super) fn is_set_operation(join: &Join) -> bool {
    let is_of_rows = matches!(join.join_type, JoinType::LeftSemi | JoinType::LeftAnti);
    is_of_rows && join.null_equality == NullEquality::NullEqualsNull && join.filter.is_none()
}

/// Both sides with columns of the same types; the left one before it is without duplicates.
pub(super) fn sides(join: Join) -> Result<Transformed<LogicalPlan>> {
    let [left, right] = [&join.left, &join.right].map(|side| side.schema().fields());
    let both = left.iter().zip(right);
    let to: Vec<_> = both
        .map(|(left, right)| common([left.data_type(), right.data_type()].into_iter()))
        .collect();
    if to.iter().all(Option::is_none) {
        return Ok(Transformed::no(LogicalPlan::Join(join)));
    }
    let left = match join.left.as_ref() {
        LogicalPlan::Distinct(Distinct::All(rows)) => {
            let rows = casted(rows.as_ref().clone(), &to)?;
            LogicalPlan::Distinct(Distinct::All(Arc::new(rows)))
        }
        rows => casted(rows.clone(), &to)?,
    };
    let right = casted(join.right.as_ref().clone(), &to)?;
    let schema = build_join_schema(left.schema(), right.schema(), &join.join_type)?;
    let (left, right) = (Arc::new(left), Arc::new(right));
    Ok(Transformed::yes(LogicalPlan::Join(Join { left, right, schema: Arc::new(schema), ..join })))
}
