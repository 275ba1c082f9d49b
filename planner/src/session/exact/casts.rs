//! A cast that loses something is not left out of a comparison.
//!
//! Problem: DataFusion 55 compares `CAST(x AS t) = c` by `x = c` in the type of `x`, to prune by it, and looks whether `c`
//! has a value there, not whether others than that become `c`: `CAST(1.03 AS DECIMAL(4, 1)) = 1.0` is false. Of instants
//! it does not look at `c` either: a column of milliseconds is compared with what is left of a literal of nanoseconds.
//! A cast of numbers to BOOLEAN it takes for one that keeps their order, and skips row groups by it.
//! Official way: none. Here: casts that lose something go through a function that gives what it is given; comparisons of
//! coarse instants with finer ones are written as comparisons in the coarse unit that mean the same, so that they prune.
//!
//! ```text
//!   CAST(x AS t) = c          x has values that t has not     ──►  kept(CAST(x AS t)) = c
//!   CAST(ms AS ns) < 1.5 ms   (a literal)                     ──►  ms <= 1 ms
//!   CAST(ms AS ns) < now()    (known when the query runs)     ──►  ms < instant_from(now(), 'ms')
//!   CAST(ms AS ns) = 1.5 ms                                   ──►  kept(CAST(ms AS ns)) = 1.5 ms
//!   CAST(t AS DATE) = d                                       ──►  t >= d AND t < d + 1
//! ```

use datafusion::arrow::datatypes::{
    DataType, Int8Type, Int16Type, Int32Type, Int64Type, TimeUnit, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{Cast, Expr, ExprSchemable, LogicalPlan, TryCast};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten_by_types;
use super::same::Same;

mod days;
mod instants;

pub(super) use instants::Instant;

/// Writes them so.
#[derive(Debug)]
pub(super) struct KeptCasts;

impl AnalyzerRule for KeptCasts {
    fn name(&self) -> &str {
        "kept_casts"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten_by_types(plan, |expr, schema| Ok(written(expr, schema)))
    }
}

fn written(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match &expr {
        Expr::Cast(Cast { expr: of, field }) | Expr::TryCast(TryCast { expr: of, field })
            if loses(of, field.data_type(), schema) =>
        {
            Transformed::yes(Same::Kept.call(expr))
        }
        _ => {
            let written = kept_twice(&expr).or_else(|| instants::coarser(&expr, schema));
            match written.or_else(|| days::of_days(&expr, schema)) {
                Some(written) => Transformed::yes(written),
                None => Transformed::no(expr),
            }
        }
    }
}

/// A plan may be analyzed again.
fn kept_twice(expr: &Expr) -> Option<Expr> {
    let inner = Same::Kept.called(expr)?;
    Same::Kept.called(inner).is_some().then(|| inner.clone())
}

/// The cast that is kept, if the expression is one.
fn kept(expr: &Expr) -> Option<&Cast> {
    match Same::Kept.called(expr)? {
        Expr::Cast(cast) => Some(cast),
        _ => None,
    }
}

/// Whether a cast of numbers or instants may make one value of two, or none of one, or would be compared wrongly.
fn loses(of: &Expr, to: &DataType, schema: &DFSchema) -> bool {
    let Ok(from) = of.get_type(schema) else { return false };
    if !of.any_column_refs() {
        return false;
    }
    match to {
        // 0 is the only one that is false, and numbers are on both sides of it: the engine takes it for a cast that
        // keeps their order.
        DataType::Boolean => from.is_numeric(),
        to => is_number(&from) && is_number(to) && !keeps_all(&from, to),
    }
}

/// What DataFusion takes for numbers that may change their type in a comparison.
fn is_number(of: &DataType) -> bool {
    use DataType::{Date32, Date64, Decimal32, Decimal64, Decimal128, Timestamp};
    of.is_integer()
        || matches!(of, Date32 | Date64 | Decimal32(..) | Decimal64(..) | Decimal128(..))
        || matches!(of, Timestamp(..))
}

fn keeps_all(from: &DataType, to: &DataType) -> bool {
    use DataType::{Date32, Date64, Timestamp};
    match (from, to) {
        _ if from == to => true,
        // DataFusion leaves these where they are.
        (Date32 | Date64, Timestamp(..) | Date32 | Date64) | (Timestamp(..), Date32 | Date64) => {
            true
        }
        (Timestamp(from, of), Timestamp(to, zone)) => {
            of == zone && a_second(*from) >= a_second(*to)
        }
        _ => match (bounds(from), bounds(to)) {
            (Some(from), Some(to)) => {
                from.least >= to.least && from.greatest <= to.greatest && from.scale <= to.scale
            }
            _ => false,
        },
    }
}

/// How many of a unit a second has.
fn a_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// The whole numbers that a type has, and the digits behind the point.
struct Bounds {
    least: i128,
    greatest: i128,
    scale: i8,
}

fn bounds(of: &DataType) -> Option<Bounds> {
    macro_rules! whole {
        ($type:ty) => {{
            type Native = <$type as datafusion::arrow::array::ArrowPrimitiveType>::Native;
            (i128::from(Native::MIN), i128::from(Native::MAX), 0)
        }};
    }
    let (least, greatest, scale) = match of {
        DataType::Int8 => whole!(Int8Type),
        DataType::Int16 => whole!(Int16Type),
        DataType::Int32 => whole!(Int32Type),
        DataType::Int64 => whole!(Int64Type),
        DataType::UInt8 => whole!(UInt8Type),
        DataType::UInt16 => whole!(UInt16Type),
        DataType::UInt32 => whole!(UInt32Type),
        DataType::UInt64 => whole!(UInt64Type),
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => {
            let digits = u32::try_from(i32::from(*precision) - i32::from(*scale)).ok()?;
            let greatest = 10_i128.checked_pow(digits)? - 1;
            (-greatest, greatest, *scale)
        }
        _ => return None,
    };
    Some(Bounds { least, greatest, scale })
}
