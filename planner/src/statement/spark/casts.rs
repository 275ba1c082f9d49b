//! Casts as Spark has them: texts as Spark writes values, instants as seconds. The engine has the unit of an instant.

use datafusion::sql::sqlparser::ast::{CastKind, DataType, Expr, TimezoneInfo, Value};

use super::functions::call_of_spark;
use crate::session::spark::{DAY, FRACTION, INSTANT, NUMBER, STRING};

/// A TIMESTAMP: Spark counts microseconds.
pub(super) const MICROS: DataType = DataType::Timestamp(Some(6), TimezoneInfo::None);

/// Has what is cast become what Spark would cast.
///
/// What is tried stays the engine's: NULL comes of what it does not read.
pub(super) fn written(kind: &CastKind, of: &mut Box<Expr>, to: &mut DataType) {
    let is_tried = !matches!(kind, CastKind::Cast | CastKind::DoubleColon);
    match to {
        DataType::String(_) | DataType::Text | DataType::Varchar(_) | DataType::Char(_) => {
            // A length is nothing that Spark would cut to.
            *to = DataType::Text;
            if !is_constant(of) {
                wrap(of, STRING);
            }
        }
        DataType::TinyInt(_)
        | DataType::SmallInt(_)
        | DataType::Int(_)
        | DataType::Integer(_)
        | DataType::BigInt(_)
            if !is_constant(of) =>
        {
            wrap(of, NUMBER);
        }
        DataType::Timestamp(_, TimezoneInfo::None) => {
            *to = MICROS;
            if !is_tried {
                wrap(of, INSTANT);
            }
        }
        DataType::Date if !is_tried => wrap(of, DAY),
        DataType::Float(_)
        | DataType::Real
        | DataType::Double(_)
        | DataType::DoublePrecision
        | DataType::Decimal(_)
        | DataType::Dec(_)
        | DataType::Numeric(_)
            if !is_constant(of) =>
        {
            wrap(of, FRACTION);
        }
        _ => {}
    }
}

/// Whether it is a text or a number as it stands there.
fn is_constant(of: &Expr) -> bool {
    match of {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => !digits.contains(['e', 'E']),
            value => matches!(value, Value::SingleQuotedString(_) | Value::Null),
        },
        _ => false,
    }
}

fn wrap(of: &mut Box<Expr>, function: &str) {
    let inner = std::mem::replace(of.as_mut(), Expr::Value(Value::Null.with_empty_span()));
    **of = call_of_spark(function, [inner]);
}
