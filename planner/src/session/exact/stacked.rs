//! Windows in one order each.
//!
//! Problem: what makes a plan of windows puts those of one order into one node, and sorts for the first of them. A
//! frame whose distances its column's type does not hold is over the same values of another type
//! ([`frames`](super::frames)), which is another order; the node would be of two, which DataFusion 55 takes for a
//! defect of the plan. Here: a node of several orders is as many nodes, one over the other.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::expr::{Sort, WindowFunctionParams};
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Window};
use datafusion::optimizer::AnalyzerRule;

/// The rule that has each window in a node of its own order.
#[derive(Debug)]
pub(super) struct OneOrderEach;

impl AnalyzerRule for OneOrderEach {
    fn name(&self) -> &str {
        "one_order_each"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let written = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::Window(window) => stacked(window),
            other => Ok(Transformed::no(other)),
        });
        written.map(|written| written.data)
    }
}

/// How rows come to a window: their partitions and their order.
type Order<'e> = (&'e [Expr], &'e [Sort]);

fn stacked(window: Window) -> Result<Transformed<LogicalPlan>> {
    let mut orders: Vec<(Option<Order<'_>>, Vec<Expr>)> = Vec::new();
    for expr in &window.window_expr {
        let order = order(expr);
        match orders.iter_mut().find(|(other, _)| *other == order) {
            Some((_, of_order)) => of_order.push(expr.clone()),
            None => orders.push((order, vec![expr.clone()])),
        }
    }
    if orders.len() < 2 {
        drop(orders);
        return Ok(Transformed::no(LogicalPlan::Window(window)));
    }
    let mut input = window.input.clone();
    for (_, of_order) in orders {
        input = Arc::new(LogicalPlan::Window(Window::try_new(of_order, input)?));
    }
    let columns = window.schema.columns().into_iter().map(Expr::Column).collect();
    Ok(Transformed::yes(LogicalPlan::Projection(Projection::try_new(columns, input)?)))
}

fn order(expr: &Expr) -> Option<Order<'_>> {
    let mut expr = expr;
    while let Expr::Alias(alias) = expr {
        expr = &alias.expr;
    }
    let Expr::WindowFunction(call) = expr else { return None };
    let WindowFunctionParams { partition_by, order_by, .. } = &call.params;
    Some((partition_by, order_by))
}
