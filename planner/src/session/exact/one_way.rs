//! Functions of windows, and those of DISTINCT values, run in the order that is asked for.
//!
//! Problem: beside a window of the opposite order DataFusion 55 turns a function round to need one sort. A plan that
//! goes to a worker forgets it, and `lag` gives the row behind there; the list of an `array_agg` comes out turned
//! everywhere, and an `array_agg(DISTINCT …)` beside one of the opposite order has its order. Official way: none. Here:
//! such calls are of a function that cannot be turned round, under the same name; a worker, which plans nothing, calls
//! its own.

use std::sync::Arc;

use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::function::{
    AccumulatorArgs, ExpressionArgs, PartitionEvaluatorArgs, WindowFunctionSimplification,
    WindowUDFFieldArgs,
};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, LimitEffect,
    PartitionEvaluator, ReversedUDAF, ReversedUDWF, Signature, WindowFunctionDefinition, WindowUDF,
    WindowUDFImpl,
};
use datafusion::physical_plan::PhysicalExpr;

use super::passed_on::passed_on;

/// The call of such a function; `None` where nothing could be turned round.
pub(super) fn one_way(expr: &Expr) -> Option<Expr> {
    match expr {
        Expr::AggregateFunction(call) if call.params.distinct => {
            let call = AggregateFunction { func: aggregate(&call.func)?, ..call.clone() };
            Some(Expr::AggregateFunction(call))
        }
        Expr::WindowFunction(call) => {
            let fun = match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) => {
                    WindowFunctionDefinition::AggregateUDF(aggregate(function)?)
                }
                WindowFunctionDefinition::WindowUDF(function) => {
                    WindowFunctionDefinition::WindowUDF(window(function)?)
                }
            };
            let call = WindowFunction { fun, ..call.as_ref().clone() };
            Some(Expr::WindowFunction(Box::new(call)))
        }
        _ => None,
    }
}

fn aggregate(function: &Arc<AggregateUDF>) -> Option<Arc<AggregateUDF>> {
    let turns = matches!(function.reverse_udf(), ReversedUDAF::Reversed(_));
    turns.then(|| Arc::new(AggregateUDF::new_from_impl(OneWay(function.as_ref().clone()))))
}

fn window(function: &Arc<WindowUDF>) -> Option<Arc<WindowUDF>> {
    let turns = matches!(function.reverse_expr(), ReversedUDWF::Reversed(_));
    turns.then(|| Arc::new(WindowUDF::new_from_impl(OneWay(function.as_ref().clone()))))
}

/// A function that cannot be turned round.
#[derive(Debug, PartialEq, Eq, Hash)]
struct OneWay<F>(F);

impl OneWay<AggregateUDF> {
    fn inner(&self) -> &dyn AggregateUDFImpl {
        self.0.inner().as_ref()
    }
}

impl AggregateUDFImpl for OneWay<AggregateUDF> {
    passed_on!(names);
    passed_on!(types);
    passed_on!(state);
    passed_on!(groups);
    passed_on!(writing);

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::NotSupported
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner().accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner().create_sliding_accumulator(args)
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let inner = Arc::clone(self.0.inner()).with_beneficial_ordering(beneficial)?;
        Ok(inner.map(|inner| Arc::new(Self(AggregateUDF::new_from_shared_impl(inner))) as _))
    }
}

impl WindowUDFImpl for OneWay<WindowUDF> {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn aliases(&self) -> &[String] {
        self.0.aliases()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn expressions(&self, args: ExpressionArgs) -> Vec<Arc<dyn PhysicalExpr>> {
        self.0.expressions(args)
    }

    fn partition_evaluator(
        &self,
        args: PartitionEvaluatorArgs,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        self.0.partition_evaluator_factory(args)
    }

    fn simplify(&self) -> Option<WindowFunctionSimplification> {
        self.0.simplify()
    }

    fn field(&self, args: WindowUDFFieldArgs) -> Result<FieldRef> {
        self.0.field(args)
    }

    fn sort_options(&self) -> Option<SortOptions> {
        self.0.sort_options()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.0.coerce_types(types)
    }

    fn reverse_expr(&self) -> ReversedUDWF {
        ReversedUDWF::NotSupported
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.documentation()
    }

    fn limit_effect(&self, args: &[Arc<dyn PhysicalExpr>]) -> LimitEffect {
        self.0.inner().limit_effect(args)
    }
}
