//! What GROUPING SETS group by has no order and no constants.
//!
//! Problem: where a query groups by `ROLLUP(k)`, DataFusion 55 plans what follows as if `k` were in the rows of a
//! group what it is in the rows that come in. Where it is the same in all of those, or they are sorted by it, the
//! second half of the aggregation takes its input for sorted and closes a group when `k` changes: rows of one
//! group come out as several, each with a part of the sum. Official way: none. Here: what is grouped by goes through
//! a function that gives what it is given, and of which the planner knows nothing.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result, ScalarValue, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, ColumnarValue, Expr, ExprSchemable, GroupingSet, LogicalPlan, LogicalPlanBuilder,
    ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;

use super::exact::one_number;

/// Has a session plan so.
pub(super) fn opaque_grouping_sets(state: &mut SessionState) -> Result<()> {
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(GroupKey::new())))?;
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(Unknown::new())))?;
    state.add_analyzer_rule(Arc::new(OpaqueGroupingSets));
    Ok(())
}

/// Gives the first of what it is given.
#[derive(Debug, PartialEq, Eq, Hash)]
struct GroupKey(Signature);

impl GroupKey {
    fn new() -> Self {
        Self(Signature::any(2, Volatility::Volatile))
    }
}

/// Gives NULL. The planner takes what is made of constants alone for a constant, volatile or not, and this for none.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Unknown(Signature);

impl Unknown {
    fn new() -> Self {
        Self(Signature::nullary(Volatility::Volatile))
    }
}

impl ScalarUDFImpl for Unknown {
    fn name(&self) -> &str {
        "group_key_of_row"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)))
    }
}

impl ScalarUDFImpl for GroupKey {
    fn name(&self) -> &str {
        "group_key"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [of, _] => Ok(of.clone()),
            _ => internal_err!("a group key of {} values", types.len()),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [of, _] => Ok(Arc::clone(of)),
            _ => internal_err!("a group key of {} values", args.arg_fields.len()),
        }
    }

    /// What it gives has the name of what it is given: queries refer to it by that.
    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().take(1).map(|arg| arg.schema_name().to_string()).collect())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            // A constant becomes a column: what looks at it later must not find one value.
            [of, _] => Ok(ColumnarValue::Array(of.to_array(args.number_rows)?)),
            _ => internal_err!("a group key of {} values", args.args.len()),
        }
    }
}

/// The same plan, in which GROUPING SETS are of columns: expressions are made columns of their own names before.
/// What the session writes otherwise in them afterwards is named by the projection, and queries refer to it by that.
pub(crate) fn keys_are_columns(plan: LogicalPlan) -> Result<LogicalPlan> {
    let named = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate) if has_sets(&aggregate) => {
            named(aggregate).map(Transformed::yes)
        }
        other => Ok(Transformed::no(other)),
    });
    named.map(|named| named.data)
}

fn named(aggregate: Aggregate) -> Result<LogicalPlan> {
    let Aggregate { input, group_expr, aggr_expr, .. } = aggregate;
    let name = |key: &Expr| key.schema_name().to_string();
    let mut expressions: Vec<Expr> = Vec::new();
    for key in group_expr.iter().flat_map(keys_of) {
        // The name of a CAST is that of its column.
        let named = name(key);
        let mut columns = input.schema().columns().into_iter();
        let is_taken = columns.any(|column| column.name == named || column.flat_name() == named);
        let is_column = matches!(key, Expr::Column(_));
        if !is_column && !is_taken && !expressions.contains(key) {
            expressions.push(key.clone());
        }
    }
    let columns = input.schema().columns().into_iter().map(Expr::Column);
    let columns = columns.chain(expressions.iter().map(|key| key.clone().alias(name(key))));
    let columns: Vec<_> = columns.collect();
    let input = LogicalPlanBuilder::from(Arc::unwrap_or_clone(input)).project(columns)?.build()?;
    let column = |key: Expr| match expressions.contains(&key) {
        true => Expr::Column(Column::new_unqualified(name(&key))),
        false => key,
    };
    let group_expr = group_expr.into_iter().map(|key| each_key(key, &column)).collect();
    let names = NamePreserver::new_for_projection();
    let totals = aggr_expr.into_iter().map(|total| {
        let name = names.save(&total);
        Ok(name.restore(total.transform_up(|total| Ok(of_keys(total, &column)))?.data))
    });
    let totals = totals.collect::<Result<Vec<_>>>()?;
    Ok(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), group_expr, totals)?))
}

/// `grouping(key)` of the column that the key is.
fn of_keys(total: Expr, column: &impl Fn(Expr) -> Expr) -> Transformed<Expr> {
    match total {
        Expr::AggregateFunction(mut call) if call.func.name() == "grouping" => {
            call.params.args = call.params.args.into_iter().map(column).collect();
            Transformed::yes(Expr::AggregateFunction(call))
        }
        other => Transformed::no(other),
    }
}

#[derive(Debug)]
struct OpaqueGroupingSets;

impl AnalyzerRule for OpaqueGroupingSets {
    fn name(&self) -> &str {
        "opaque_grouping_sets"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let opaque = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Aggregate(aggregate) if has_sets(&aggregate) => {
                opaque(aggregate).map(Transformed::yes)
            }
            other => Ok(Transformed::no(other)),
        });
        opaque.map(|opaque| opaque.data)
    }
}

fn has_sets(aggregate: &Aggregate) -> bool {
    aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_)))
}

/// The same aggregation: columns that it groups by are named by a projection below it, under their own names, and
/// all else where it stands.
fn opaque(aggregate: Aggregate) -> Result<LogicalPlan> {
    let Aggregate { input, group_expr, aggr_expr, .. } = aggregate;
    let keys: Vec<Expr> = group_expr.iter().flat_map(keys_of).cloned().collect();
    let columns = input.schema().columns().into_iter().map(|column| {
        let name = (column.relation.clone(), column.name.clone());
        let column = Expr::Column(column);
        match keys.contains(&column) {
            true => {
                let of_type = column.get_type(input.schema());
                let column = of_type.ok().and_then(|of| one_number(&column, &of)).unwrap_or(column);
                key(column).alias_qualified(name.0, name.1)
            }
            false => column,
        }
    });
    let columns: Vec<_> = columns.collect();
    let input = LogicalPlanBuilder::from(Arc::unwrap_or_clone(input)).project(columns)?.build()?;
    let group_expr = group_expr.into_iter().map(|key| each_key(key, &in_place)).collect();
    Ok(LogicalPlan::Aggregate(Aggregate::try_new(Arc::new(input), group_expr, aggr_expr)?))
}

fn keys_of(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::GroupingSet(set) => set.distinct_expr(),
        other => vec![other],
    }
}

fn key(of: Expr) -> Expr {
    let unknown = ScalarUDF::new_from_impl(Unknown::new()).call(Vec::new());
    ScalarUDF::new_from_impl(GroupKey::new()).call(vec![of, unknown])
}

fn in_place(expr: Expr) -> Expr {
    match expr {
        column @ Expr::Column(_) => column,
        other => key(other),
    }
}

/// The key, or that of each key in GROUPING SETS.
fn each_key(expr: Expr, of: &impl Fn(Expr) -> Expr) -> Expr {
    let each = |keys: Vec<Expr>| keys.into_iter().map(of).collect::<Vec<_>>();
    match expr {
        Expr::GroupingSet(GroupingSet::Rollup(keys)) => {
            Expr::GroupingSet(GroupingSet::Rollup(each(keys)))
        }
        Expr::GroupingSet(GroupingSet::Cube(keys)) => {
            Expr::GroupingSet(GroupingSet::Cube(each(keys)))
        }
        Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => {
            Expr::GroupingSet(GroupingSet::GroupingSets(sets.into_iter().map(each).collect()))
        }
        key => of(key),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::RecordBatch;
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::physical_plan::displayable;
    use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};

    use super::*;

    async fn rows(sql: &str) -> Vec<String> {
        planned(sql).await.collect().await.unwrap().iter().flat_map(lines).collect()
    }

    async fn planned(sql: &str) -> DataFrame {
        let config = SessionConfig::new().with_target_partitions(3).with_batch_size(10);
        let mut state = SessionContext::new_with_config(config).state();
        opaque_grouping_sets(&mut state).unwrap();
        let context = SessionContext::new_with_state(state);
        let numbers = "SELECT value AS n, value % 2 AS k, 'a' AS c FROM range(0, 1000)";
        context.sql(&format!("WITH t AS ({numbers}) {sql}")).await.unwrap()
    }

    fn lines(batch: &RecordBatch) -> Vec<String> {
        let row = |row| {
            let cells = batch.columns().iter().map(|cells| array_value_to_string(cells, row));
            cells.collect::<Result<Vec<_>, _>>().unwrap().join(" ")
        };
        (0..batch.num_rows()).map(row).collect()
    }

    #[tokio::test]
    async fn groups_by_a_constant_are_whole() {
        for key in ["1 + 0", "k", "length(c)", "CAST(k AS VARCHAR)"] {
            for set in [format!("ROLLUP({key})"), format!("GROUPING SETS (({key}), ())")] {
                let sql =
                    format!("SELECT {key}, count(*) FROM t WHERE k = 1 GROUP BY {set} ORDER BY 1");
                assert_eq!(rows(&sql).await, ["1 500", " 500"], "{sql}");
            }
        }
    }

    #[tokio::test]
    async fn no_key_is_taken_for_a_constant() {
        for set in ["ROLLUP(k)", "ROLLUP('a', n)", "CUBE(1 + 0, k)", "GROUPING SETS ((c), ())"] {
            let sql = format!("SELECT count(*) FROM t WHERE k = 1 GROUP BY {set}");
            let plan = planned(&sql).await.create_physical_plan().await.unwrap();
            let plan = displayable(plan.as_ref()).indent(false).to_string();
            assert!(!plan.contains("ordering_mode"), "{plan}");
        }
    }

    #[tokio::test]
    async fn groups_by_what_is_sorted_are_whole_and_sorted() {
        let sql =
            "SELECT n, count(*) FROM (SELECT n FROM t ORDER BY n) GROUP BY ROLLUP(n) ORDER BY n";
        let expected: Vec<_> =
            (0..1000).map(|n| format!("{n} 1")).chain([" 1000".into()]).collect();
        assert_eq!(rows(sql).await, expected);
    }

    #[tokio::test]
    async fn keys_that_are_columns_and_expressions_keep_their_names() {
        let sql = "SELECT t.k, n % 3 + 1, sum(k), sum(n % 3 + 1), grouping(k) FROM t GROUP BY CUBE(k, n % 3 + 1) HAVING sum(n) > 0 ORDER BY k, 2";
        let rows = rows(sql).await;
        assert_eq!(rows.len(), 12, "{rows:?}");
        assert_eq!(rows.last().unwrap(), "  500 1999 1");
    }
}
