//! Instants in a coarse unit that are compared with finer ones, compared in the coarse unit.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, TimeUnit};
use datafusion::common::{DFSchema, Result, ScalarValue, exec_datafusion_err, internal_err};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, ColumnarValue, Expr, ExprSchemable, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TryCast, Volatility, lit,
};

use super::{a_second, kept};

/// The comparison written so; `None` for everything else, and where there is no such comparison.
pub(super) fn coarser(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            if let Some(coarse) = Coarse::of(left, schema) {
                return coarse.compared(*op, right);
            }
            Coarse::of(right, schema)?.compared(op.swap()?, left)
        }
        Expr::InList(list) => {
            let coarse = Coarse::of(&list.expr, schema)?;
            let items = list.list.iter().map(|item| coarse.exactly(&constant(item)?));
            let items = items.collect::<Option<Vec<_>>>()?;
            Some(Expr::InList(InList {
                expr: Box::new(coarse.instant.clone()),
                list: items,
                negated: list.negated,
            }))
        }
        Expr::Between(Between { expr, negated, low, high }) => {
            let coarse = Coarse::of(expr, schema)?;
            let from = coarse.compared(Operator::GtEq, low)?;
            let within = from.and(coarse.compared(Operator::LtEq, high)?);
            Some(if *negated { !within } else { within })
        }
        _ => None,
    }
}

/// An instant, or a day, that is made a finer one to be compared.
struct Coarse<'e> {
    instant: &'e Expr,
    /// `None` for a day.
    unit: Option<TimeUnit>,
    zone: Option<Arc<str>>,
    /// How many of the finer unit one of its own has.
    units: i64,
}

pub(super) const SECONDS_OF_A_DAY: i64 = 86_400;

impl<'e> Coarse<'e> {
    fn of(expr: &'e Expr, schema: &DFSchema) -> Option<Self> {
        let Cast { expr, field } = match expr {
            Expr::Cast(cast) => cast,
            other => kept(other)?,
        };
        let DataType::Timestamp(finer, other) = field.data_type() else { return None };
        let (unit, zone, units) = match expr.get_type(schema).ok()? {
            DataType::Timestamp(unit, zone) => {
                (Some(unit), zone, a_second(*finer) / a_second(unit))
            }
            // Nanoseconds end in 2262, and days that stand for ever do not.
            DataType::Date32 if expr.any_column_refs() => {
                (None, None, a_second(*finer) * SECONDS_OF_A_DAY)
            }
            _ => return None,
        };
        (units > 1 && zone == *other).then_some(Self { instant: expr, unit, zone, units })
    }

    /// `None` for a day that there is not.
    fn literal(&self, value: Option<i64>) -> Option<Expr> {
        Some(lit(match self.unit {
            Some(unit) => instant(value, unit, self.zone.clone()),
            None => ScalarValue::Date32(value.map(i32::try_from).transpose().ok()?),
        }))
    }

    /// The same instant in the coarse unit, if it has it.
    fn exactly(&self, constant: &ScalarValue) -> Option<Expr> {
        match value(constant)? {
            None => self.literal(None),
            Some(value) if value % self.units == 0 => self.literal(Some(value / self.units)),
            Some(_) => None,
        }
    }

    /// The first instant of a day that is known, in the coarse unit: a finer one may not have it.
    fn midnight(&self, with: &Expr) -> Option<Expr> {
        let (Expr::Cast(Cast { expr, .. }), Some(unit), None) = (with, self.unit, &self.zone)
        else {
            return None;
        };
        let Some(ScalarValue::Date32(Some(day))) = constant(expr) else { return None };
        let seconds = i64::from(day) * SECONDS_OF_A_DAY;
        self.literal(Some(seconds.checked_mul(a_second(unit))?))
    }

    fn compared(&self, op: Operator, with: &Expr) -> Option<Expr> {
        use Operator::{Eq, Gt, GtEq, IsDistinctFrom, IsNotDistinctFrom, Lt, LtEq, NotEq};
        let compared = |op, right| {
            let left = Box::new(self.instant.clone());
            Some(Expr::BinaryExpr(BinaryExpr::new(left, op, Box::new(right))))
        };
        if !matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq | IsDistinctFrom | IsNotDistinctFrom) {
            return None;
        }
        if let Some(midnight) = self.midnight(with) {
            return compared(op, midnight);
        }
        if let Some(constant) = constant(with) {
            if let Some(exactly) = self.exactly(&constant) {
                return compared(op, exactly);
            }
            // Between two of the coarse unit: what is before it is at most the one before it.
            let before = self.literal(Some(value(&constant)??.div_euclid(self.units)))?;
            return match op {
                Lt | LtEq => compared(LtEq, before),
                Gt | GtEq => compared(Gt, before),
                _ => None,
            };
        }
        if !is_known_later(with) {
            return None;
        }
        match op {
            Lt | GtEq => compared(op, self.rounded(Instant::from(), with)),
            Gt | LtEq => compared(op, self.rounded(Instant::until(), with)),
            _ => None,
        }
    }

    fn rounded(&self, by: Instant, instant: &Expr) -> Expr {
        let unit = lit(self.unit.map_or(DAY, symbol));
        ScalarUDF::new_from_impl(by).call(vec![instant.clone(), unit])
    }
}

/// So many units after 1970.
pub(super) fn instant(value: Option<i64>, unit: TimeUnit, zone: Option<Arc<str>>) -> ScalarValue {
    match unit {
        TimeUnit::Second => ScalarValue::TimestampSecond(value, zone),
        TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(value, zone),
        TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(value, zone),
        TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(value, zone),
    }
}

/// A value that is known: `None` for one that is not.
pub(super) fn constant(expr: &Expr) -> Option<ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) => {
            constant(expr)?.cast_to(field.data_type()).ok()
        }
        _ => None,
    }
}

/// In its own unit; `None` for what is no instant.
fn value(constant: &ScalarValue) -> Option<Option<i64>> {
    match constant {
        ScalarValue::TimestampSecond(value, _)
        | ScalarValue::TimestampMillisecond(value, _)
        | ScalarValue::TimestampMicrosecond(value, _)
        | ScalarValue::TimestampNanosecond(value, _) => Some(*value),
        _ => None,
    }
}

/// Whether it becomes a constant before the first row is read: `now() - interval '1 day'`.
fn is_known_later(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    let depends = expr.exists(|expr| {
        Ok(matches!(
            expr,
            Expr::Column(_)
                | Expr::OuterReferenceColumn(..)
                | Expr::ScalarSubquery(_)
                | Expr::InSubquery(_)
                | Expr::Exists(_)
                | Expr::SetComparison(_)
                | Expr::Placeholder(_)
                | Expr::AggregateFunction(_)
                | Expr::WindowFunction(_)
        ))
    });
    !expr.is_volatile() && depends.is_ok_and(|depends| !depends)
}

/// What stands for a day beside the symbols of units.
const DAY: &str = "d";

fn symbol(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

fn unit(symbol: &str) -> Result<TimeUnit> {
    let units =
        [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
    let found = units.into_iter().find(|unit| self::symbol(*unit) == symbol);
    found.ok_or_else(|| exec_datafusion_err!("'{symbol}' is no unit of time: s, ms, us or ns"))
}

/// The first instant of a coarser unit that is not before one (`instant_from`), or the last that is not after it
/// (`instant_until`).
#[derive(Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Instant {
    is_from: bool,
    signature: Signature,
}

impl Instant {
    pub(in super::super) fn from() -> Self {
        Self { is_from: true, signature: Signature::any(2, Volatility::Immutable) }
    }

    pub(in super::super) fn until() -> Self {
        Self { is_from: false, signature: Signature::any(2, Volatility::Immutable) }
    }

    fn rounded(&self, instants: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
        let DataType::Timestamp(finer, _) = instants.data_type() else {
            return internal_err!("{} of {}", self.name(), instants.data_type());
        };
        let units = match to {
            DataType::Timestamp(unit, _) => (a_second(*finer) / a_second(*unit)).max(1),
            _ => a_second(*finer) * SECONDS_OF_A_DAY,
        };
        let finer = cast(instants, &DataType::Int64)?;
        let rounded: Int64Array = finer.as_primitive::<Int64Type>().unary(|value| {
            let until = value.div_euclid(units);
            if self.is_from && value.rem_euclid(units) > 0 { until + 1 } else { until }
        });
        match to {
            DataType::Timestamp(..) => Ok(cast(&rounded, to)?),
            _ => Ok(cast(&cast(&rounded, &DataType::Int32)?, to)?),
        }
    }
}

impl ScalarUDFImpl for Instant {
    fn name(&self) -> &str {
        if self.is_from { "instant_from" } else { "instant_until" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        internal_err!("{} has the type that its unit says", self.name())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let Some(Some(symbol)) = args.scalar_arguments.get(1) else {
            return internal_err!("{} without a unit", self.name());
        };
        let symbol = symbol.try_as_str().flatten().unwrap_or_default();
        let DataType::Timestamp(_, zone) = args.arg_fields[0].data_type() else {
            return internal_err!("{} of {}", self.name(), args.arg_fields[0].data_type());
        };
        let of = match symbol {
            DAY => DataType::Date32,
            symbol => DataType::Timestamp(unit(symbol)?, zone.clone()),
        };
        Ok(Arc::new(Field::new(self.name(), of, args.arg_fields[0].is_nullable())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.first() {
            Some(ColumnarValue::Array(instants)) => {
                Ok(ColumnarValue::Array(self.rounded(instants, args.return_type())?))
            }
            Some(ColumnarValue::Scalar(instant)) => {
                let rounded = self.rounded(&instant.to_array()?, args.return_type())?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&rounded, 0)?))
            }
            None => internal_err!("{} of nothing", self.name()),
        }
    }
}
