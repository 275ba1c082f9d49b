//! Functions whose answers may be far larger than what they are given ask for memory before they answer.
//!
//! Problem: `repeat('x', 2000000000)` or `range(1, 100000000000)` takes what it takes, while constants are
//! folded or while a query runs, and asks no pool: one call can end the process. Official way: none yet.
//! Here: such functions are wrapped. The size of an answer is told by the arguments, so it is asked for
//! first, and what is too large is refused before any of it is made.
//!
//! A plan carries functions by name, and each node finds its own of that name: these. What names no
//! function (`[1, 2]`, `a || b` of lists) is planned with the engine's, which are put right before a plan
//! is looked at.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryPool, MemoryReservation, human_readable_size,
};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{AggregateUDF, Expr, ScalarUDF};

mod function;
mod gathered;
mod lengths;
mod sizes;
#[cfg(test)]
mod tests;

use function::Bounded;
use gathered::Gathered;

/// Answers of so many bytes are made without asking: no operator asks for a batch that goes by either,
/// and a query that gets no more memory still works on those.
const UNASKED: usize = 1 << 20;

/// As far as the offsets of texts and lists reach.
const REACH: usize = i32::MAX as usize;

/// What the answer of a function may take.
#[derive(Debug)]
pub(super) struct Bounds {
    /// Where it is taken from.
    pub(super) pool: Arc<dyn MemoryPool>,
    /// Most bytes of one answer.
    pub(super) most: usize,
}

/// Has the functions of a session ask.
pub(super) fn bound(state: &mut SessionState, bounds: &Arc<Bounds>) -> Result<()> {
    let functions: Vec<_> = state.scalar_functions().values().cloned().collect();
    for function in functions {
        if let Some(bounded) = Bounded::of(&function, bounds) {
            state.register_udf(Arc::new(ScalarUDF::new_from_impl(bounded)))?;
        }
    }
    let aggregates: Vec<_> = state.aggregate_functions().values().cloned().collect();
    for aggregate in aggregates {
        if let Some(gathered) = Gathered::of(&aggregate, bounds) {
            state.register_udaf(Arc::new(AggregateUDF::new_from_impl(gathered)))?;
        }
    }
    state.register_function_rewrite(Arc::new(BoundAll(Arc::clone(bounds))))
}

impl Bounds {
    /// Takes `bytes` for an answer of `function` until what is given is dropped. `None` where they need no
    /// asking.
    ///
    /// # Errors
    /// `ResourcesExhausted` where they are too many, or the pool has not got them.
    fn take(&self, function: &str, bytes: usize) -> Result<Option<MemoryReservation>> {
        if bytes > self.most.min(REACH) {
            return Err(too_large(function, bytes, self.most.min(REACH)));
        }
        if bytes <= UNASKED {
            return Ok(None);
        }
        let held = MemoryConsumer::new(function).register(&self.pool);
        held.try_grow(bytes).map_err(|error| not_free(function, bytes, &error))?;
        Ok(Some(held))
    }
}

fn too_large(function: &str, bytes: usize, most: usize) -> DataFusionError {
    let [bytes, most] = [bytes, most].map(human_readable_size);
    DataFusionError::ResourcesExhausted(format!(
        "an answer of {function}() may take {bytes}, and one function may make {most} at a time: ask for fewer or shorter values (generate_series in FROM gives rows one after the other), SET datafusion.execution.batch_size to fewer rows at a time, or raise --memory-limit or --query-memory-percent"
    ))
}

fn not_free(function: &str, bytes: usize, error: &DataFusionError) -> DataFusionError {
    let bytes = human_readable_size(bytes);
    DataFusionError::ResourcesExhausted(format!(
        "an answer of {function}() may take {bytes}, which this node has not free: try again, or raise --memory-limit ({})",
        error.strip_backtrace()
    ))
}

/// Puts wrapped functions in the place of others, in what is planned without looking for a name.
#[derive(Debug)]
struct BoundAll(Arc<Bounds>);

impl FunctionRewrite for BoundAll {
    fn name(&self) -> &str {
        "bounded_functions"
    }

    fn rewrite(&self, expr: Expr, _: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        Ok(rewritten(expr, &self.0))
    }
}

fn rewritten(expr: Expr, bounds: &Arc<Bounds>) -> Transformed<Expr> {
    match expr {
        Expr::ScalarFunction(call) => match Bounded::of(&call.func, bounds) {
            Some(bounded) => {
                let func = Arc::new(ScalarUDF::new_from_impl(bounded));
                Transformed::yes(Expr::ScalarFunction(ScalarFunction { func, ..call }))
            }
            None => Transformed::no(Expr::ScalarFunction(call)),
        },
        other => Transformed::no(other),
    }
}

/// The same in a whole expression.
fn rewritten_within(expr: Expr, bounds: &Arc<Bounds>) -> Result<Expr> {
    expr.transform_up(|expr| Ok(rewritten(expr, bounds))).map(|rewritten| rewritten.data)
}
