//! Casts as Spark has them: texts as Spark writes values, instants as seconds. The engine has the unit of an instant.

use datafusion::sql::sqlparser::ast::{
    ArrayElemTypeDef, CastKind, DataType, ExactNumberInfo, Expr, TimezoneInfo, Value,
};

use super::functions::call_of_spark;
use crate::session::spark::{DAY, FRACTION, INSTANT, NUMBER, STRING, TRY_DAY, TRY_INSTANT};

/// A TIMESTAMP: Spark counts microseconds.
pub(super) const MICROS: DataType = DataType::Timestamp(Some(6), TimezoneInfo::None);

/// Has what is cast become what Spark would cast.
pub(super) fn written(kind: &CastKind, of: &mut Box<Expr>, to: &mut DataType) {
    let is_tried = !matches!(kind, CastKind::Cast | CastKind::DoubleColon);
    if let Some(ours) = named(to) {
        *to = ours;
    }
    if let DataType::Array(ArrayElemTypeDef::AngleBracket(items)) = to
        && matches!(**items, DataType::String(_) | DataType::Text)
    {
        **items = DataType::Text;
        wrap(of, "spark:strings");
    }
    if let DataType::Decimal(digits) | DataType::Dec(digits) | DataType::Numeric(digits) = to {
        match digits {
            ExactNumberInfo::None => *digits = ExactNumberInfo::PrecisionAndScale(10, 0),
            ExactNumberInfo::Precision(all) => {
                *digits = ExactNumberInfo::PrecisionAndScale(*all, 0);
            }
            ExactNumberInfo::PrecisionAndScale(..) => {}
        }
    }
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
            wrap(of, if is_tried { TRY_INSTANT } else { INSTANT });
        }
        DataType::Date => wrap(of, if is_tried { TRY_DAY } else { DAY }),
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

/// Types by names that the parser does not know.
fn named(to: &DataType) -> Option<DataType> {
    let DataType::Custom(name, given) = to else { return None };
    match name.to_string().to_lowercase().as_str() {
        "byte" if given.is_empty() => Some(DataType::TinyInt(None)),
        "short" if given.is_empty() => Some(DataType::SmallInt(None)),
        "long" if given.is_empty() => Some(DataType::BigInt(None)),
        _ => None,
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
