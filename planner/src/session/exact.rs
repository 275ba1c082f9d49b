//! Arithmetic that leaves its type is an error and no other number.
//!
//! Problem: DataFusion adds, subtracts and multiplies integers modulo the size of their type, as it does with what
//! `sum` and `avg` collect: `9223372036854775807 + 1` is -9223372036854775808, the sum of a column of BIGINT may
//! be any number, and that of an hour a row wraps after three million rows (a duration is 64 bits of
//! nanoseconds). Official way: none (DataFusion 55 has an operator that looks, which no setting reaches and plans
//! do not carry). Here: expressions over integers become calls of functions of the same names (`+`, `-`, `*`), and
//! the session's `sum` and `avg` collect in wider numbers, or look, where a total could wrap.
//!
//! A plan carries functions by name, and each node finds its own of that name: these. Constants are folded by the
//! same functions; where that fails it is left to the query, which fails only if it comes to that expression.
//!
//! ```text
//!   a + b ── FunctionRewrite ──► "+"(a, b)          numbers only: dates and intervals are looked at
//!   sum(a) ── by its name ─────► widened ─► sum ─► narrowed, or an error
//! ```

use std::sync::Arc;

use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::functions_aggregate::average::Avg;
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, ScalarUDF};

mod arithmetic;
mod casts;
mod checked;
mod decimals;
mod digits;
mod distinct;
mod extreme;
mod found;
mod frames;
mod intervals;
mod lists;
mod moments;
mod nan;
mod nested;
mod one_way;
mod order;
mod order_keys;
mod passed_on;
mod patterns;
mod percentile;
mod present;
mod reals;
mod rounded;
mod same;
mod sliding;
mod spans;
mod stacked;
#[cfg(test)]
mod tests;
mod total;
mod widened;
mod zeros;

pub(super) use nested::one_number;
pub(super) use order::is_nested;
pub(super) use passed_on::passed_on;

use arithmetic::{Arithmetic, WriteOut};
use casts::{Instant, KeptCasts};
use digits::AsWritten;
use extreme::Extreme;
use found::Found;
use intervals::NoIntervalsAsKeys;
use lists::WholeLists;
use moments::Moment;
use nan::OneNanInScans;
use nested::OneNumberInKeys;
use order::Order;
use order_keys::OrderKey;
use patterns::WholePatterns;
use percentile::Percentile;
use present::Present;
use reals::FittingReals;
use same::Same;
use spans::Span;
use stacked::OneOrderEach;
use total::Total;
use zeros::OneZeroInOrder;

/// Has a session count exactly.
pub(super) fn exact(state: &mut SessionState) -> Result<()> {
    for arithmetic in Arithmetic::all() {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(arithmetic)))?;
    }
    state.register_udaf(Arc::new(AggregateUDF::new_from_impl(Total::sum(Sum::new()))))?;
    state.register_udaf(Arc::new(AggregateUDF::new_from_impl(Total::average(Avg::new()))))?;
    state.register_udaf(Arc::new(AggregateUDF::new_from_impl(Extreme::min())))?;
    state.register_udaf(Arc::new(AggregateUDF::new_from_impl(Extreme::max())))?;
    for moment in Moment::all(|name| state.aggregate_functions().get(name)) {
        state.register_udaf(Arc::new(moment))?;
    }
    let percentile = state.aggregate_functions().get("percentile_cont");
    if let Some(percentile) = percentile.and_then(Percentile::over) {
        state.register_udaf(Arc::new(AggregateUDF::new_from_impl(percentile)))?;
    }
    let bits = state.aggregate_functions().get("bit_xor");
    if let Some(bits) = bits.and_then(Present::over) {
        state.register_udaf(Arc::new(AggregateUDF::new_from_impl(bits)))?;
    }
    for same in Same::ALL {
        state.register_udf(Arc::new(same.function()))?;
    }
    for function in [Instant::from(), Instant::until()] {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(function)))?;
    }
    state.register_udf(Arc::new(reals::function()))?;
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(Found::new())))?;
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(Order::new())))?;
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(OrderKey::new())))?;
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(Span::new())))?;
    state.add_analyzer_rule(Arc::new(NoIntervalsAsKeys));
    // Before casts are looked at: what it writes compares.
    state.add_analyzer_rule(Arc::new(WholeLists));
    state.add_analyzer_rule(Arc::new(WholePatterns));
    // Before casts are kept as they are.
    state.add_analyzer_rule(Arc::new(AsWritten));
    state.add_analyzer_rule(Arc::new(FittingReals));
    state.add_analyzer_rule(Arc::new(KeptCasts));
    state.add_analyzer_rule(Arc::new(OneNanInScans));
    state.add_analyzer_rule(Arc::new(OneNumberInKeys));
    state.add_analyzer_rule(Arc::new(OneZeroInOrder));
    // After all that may write an order otherwise.
    state.add_analyzer_rule(Arc::new(OneOrderEach));
    state.register_function_rewrite(Arc::new(WriteOut))
}

/// A plan whose expressions are written otherwise, the innermost first, under the names that they had.
fn rewritten(
    plan: LogicalPlan,
    written: impl Fn(Expr) -> Transformed<Expr>,
) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| Ok(written(expr)))?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })
    });
    rewritten.map(|rewritten| rewritten.data)
}

/// The same, where what is written depends on the types of the columns below.
pub(super) fn rewritten_by_types(
    plan: LogicalPlan,
    written: impl Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<LogicalPlan> {
    let rewritten = plan.transform_up_with_subqueries(|node| {
        let schema = match &node {
            LogicalPlan::TableScan(scan) => scan.projected_schema.as_ref().clone(),
            node => merge_schema(&node.inputs()),
        };
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let rewritten = expr.transform_up(|expr| written(expr, &schema))?;
            Ok(rewritten.update_data(|expr| name.restore(expr)))
        })
    });
    rewritten.map(|rewritten| rewritten.data)
}

/// What a query is told whose number does not fit.
fn beyond(what: &str, of: &str, instead: &str) -> DataFusionError {
    DataFusionError::Execution(format!("{what} is beyond {of}: {instead}"))
}
