//! `generate_series` and `range` in FROM, over instants of any unit.
//!
//! Problem: DataFusion's take nanoseconds alone, and a day and an instant together not at all. Here: both are instants of
//! nanoseconds for them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::Expr;

/// Has a session's functions of these names take them.
pub(super) fn of_any_unit(state: &mut SessionState) {
    for name in ["generate_series", "range"] {
        let engines = state.table_functions().get(name).map(|of| Arc::clone(of.function()));
        if let Some(engines) = engines.filter(|of| !is_ours(of.as_ref())) {
            state.register_udtf(name, Arc::new(Series(engines)));
        }
    }
}

fn is_ours(function: &dyn TableFunctionImpl) -> bool {
    (function as &dyn std::any::Any).is::<Series>()
}

/// A function over DataFusion's own.
#[derive(Debug)]
struct Series(Arc<dyn TableFunctionImpl>);

impl TableFunctionImpl for Series {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let exprs = in_nanoseconds(args.exprs())?;
        self.0.call_with_args(TableFunctionArgs::new(&exprs, args.session()))
    }
}

/// The same arguments, where one of them is an instant.
fn in_nanoseconds(args: &[Expr]) -> Result<Vec<Expr>> {
    let zone = args.iter().find_map(|arg| match arg {
        Expr::Literal(value, _) => match value.data_type() {
            DataType::Timestamp(_, zone) => Some(zone),
            _ => None,
        },
        _ => None,
    });
    let Some(zone) = zone else { return Ok(args.to_vec()) };
    let of = DataType::Timestamp(TimeUnit::Nanosecond, zone);
    let each = args.iter().map(|arg| match arg {
        Expr::Literal(value, metadata) if is_moment(value) => {
            Ok(Expr::Literal(value.cast_to(&of)?, metadata.clone()))
        }
        other => Ok(other.clone()),
    });
    each.collect()
}

fn is_moment(value: &ScalarValue) -> bool {
    matches!(value.data_type(), DataType::Timestamp(..) | DataType::Date32)
}
