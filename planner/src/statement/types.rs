//! Types under the names that other databases have for them.
//!
//! Problem: `CAST(x AS DATETIME)` or `VARBINARY`, which SQLAlchemy and ODBC write, are no types of DataFusion 55. Here: they
//! are written as those that are the same.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, TimezoneInfo, TypedString, Value, VisitorMut,
    visit_expressions_mut,
};

use super::walk;

/// Writes them in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Types);
}

/// Binary digits of a REAL. What is to have more is a DOUBLE.
const REAL_BITS: u64 = 24;

struct Types;

impl VisitorMut for Types {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Cast { data_type, .. } = expr
            && let Some(same) = same(data_type)
        {
            *data_type = same;
        }
        if let Some((DataType::Timestamp(digits @ None, _), text)) = of_text(expr)
            && is_fine(text)
        {
            *digits = Some(NANOSECONDS);
        }
        if let Expr::Cast { data_type, .. } | Expr::TypedString(TypedString { data_type, .. }) =
            expr
            && let DataType::Timestamp(digits @ None, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) =
                data_type
        {
            *digits = Some(MICROSECONDS);
        }
        ControlFlow::Continue(())
    }
}

/// Digits of a second that a TIMESTAMP has by itself, as `session/types.rs` says, and those of the finest.
const MICROSECONDS: u64 = 6;
const NANOSECONDS: u64 = 9;

/// `TIMESTAMP '…'`, `CAST('…' AS TIMESTAMP)`: its type, and the text.
fn of_text(expr: &mut Expr) -> Option<(&mut DataType, &str)> {
    let (data_type, text) = match expr {
        Expr::TypedString(TypedString { data_type, value, .. }) => (data_type, &*value),
        Expr::Cast { data_type, expr: of, .. } => match &**of {
            Expr::Value(value) => (data_type, value),
            _ => return None,
        },
        _ => return None,
    };
    match &text.value {
        Value::SingleQuotedString(text) => Some((data_type, text)),
        _ => None,
    }
}

/// Whether a text of an instant says more of a second than a TIMESTAMP has.
fn is_fine(text: &str) -> bool {
    let Some((_, behind)) = text.split_once('.') else { return false };
    let digits = behind.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
    digits.trim_end_matches('0').len() as u64 > MICROSECONDS
}

/// Writes a cast as one in whichever words it is written, where those mean the same.
pub(super) fn one_name_each(expr: &mut Expr) {
    let _ = visit_expressions_mut(expr, |part| {
        if let Expr::Cast { kind, data_type, .. } = part {
            if *kind == CastKind::DoubleColon {
                *kind = CastKind::Cast;
            }
            if let Some(name) = usual(data_type) {
                *data_type = name;
            }
        }
        ControlFlow::<()>::Continue(())
    });
}

fn usual(data_type: &DataType) -> Option<DataType> {
    use DataType::{
        BigInt, Bool, Boolean, Char, Decimal, Double, DoublePrecision, Float, Float4, Float8, Int,
        Int2, Int4, Int8, Integer, Numeric, Real, SmallInt, String, Text, Varchar,
    };
    Some(match data_type {
        Varchar(None) | Char(None) | String(None) => Text,
        Int(None) | Int4(None) => Integer(None),
        Int8(None) => BigInt(None),
        Int2(None) => SmallInt(None),
        Float(_) | Float4 => Real,
        DoublePrecision | Float8 => Double(ExactNumberInfo::None),
        Numeric(info) => Decimal(*info),
        Bool => Boolean,
        _ => return None,
    })
}

/// The type that is the same, by the engine's own name.
pub(crate) fn same(data_type: &DataType) -> Option<DataType> {
    Some(match data_type {
        DataType::Float(ExactNumberInfo::Precision(bits)) if *bits > REAL_BITS => {
            DataType::Double(ExactNumberInfo::None)
        }
        DataType::Datetime(precision) => DataType::Timestamp(*precision, TimezoneInfo::None),
        DataType::Binary(_) | DataType::Varbinary(_) | DataType::Blob(_) | DataType::Bytes(_) => {
            DataType::Bytea
        }
        DataType::Nvarchar(_)
        | DataType::CharacterVarying(_)
        | DataType::CharVarying(_)
        | DataType::CharacterLargeObject(_)
        | DataType::CharLargeObject(_)
        | DataType::Clob(_)
        | DataType::TinyText
        | DataType::MediumText
        | DataType::LongText => DataType::Text,
        DataType::Dec(info) => DataType::Decimal(*info),
        DataType::Signed | DataType::SignedInteger => DataType::BigInt(None),
        DataType::Unsigned | DataType::UnsignedInteger => DataType::BigIntUnsigned(None),
        DataType::Custom(name, modifiers) if modifiers.is_empty() => {
            of_odbc(&name.to_string().to_uppercase())?
        }
        _ => return None,
    })
}

/// Those of ODBC, but for decimals, which have no precision there.
pub(super) fn of_odbc(name: &str) -> Option<DataType> {
    Some(match name {
        "SQL_CHAR" | "SQL_VARCHAR" | "SQL_LONGVARCHAR" | "SQL_WCHAR" | "SQL_WVARCHAR"
        | "SQL_WLONGVARCHAR" => DataType::Text,
        "SQL_BIT" => DataType::Boolean,
        "SQL_TINYINT" => DataType::TinyInt(None),
        "SQL_SMALLINT" => DataType::SmallInt(None),
        "SQL_INTEGER" => DataType::Integer(None),
        "SQL_BIGINT" => DataType::BigInt(None),
        "SQL_REAL" => DataType::Real,
        "SQL_FLOAT" | "SQL_DOUBLE" => DataType::Double(ExactNumberInfo::None),
        "SQL_DATE" | "SQL_TYPE_DATE" => DataType::Date,
        "SQL_TIME" | "SQL_TYPE_TIME" => DataType::Time(None, TimezoneInfo::None),
        "SQL_TIMESTAMP" | "SQL_TYPE_TIMESTAMP" => DataType::Timestamp(None, TimezoneInfo::None),
        "SQL_BINARY" | "SQL_VARBINARY" | "SQL_LONGVARBINARY" => DataType::Bytea,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn a_text_of_nanoseconds_keeps_them() {
        for (given, same) in [
            ("TIMESTAMP '2020-01-01 00:00:00.123456789'", "TIMESTAMP(9)"),
            ("CAST('2020-01-01 00:00:00.1234567Z' AS TIMESTAMP)", "TIMESTAMP(9)"),
            ("TIMESTAMP '2020-01-01 00:00:00.123456'", "TIMESTAMP "),
            ("TIMESTAMP '2020-01-01 00:00:00.123000000'", "TIMESTAMP "),
        ] {
            let text = written(&format!("SELECT {given}"));
            assert!(text.contains(same), "{given}: {text}");
        }
    }

    #[test]
    fn types_have_the_engines_names() {
        for (given, same) in [
            ("DATETIME", "TIMESTAMP"),
            ("VARBINARY", "BYTEA"),
            ("BINARY(16)", "BYTEA"),
            ("NVARCHAR", "TEXT"),
            ("CLOB", "TEXT"),
            ("SIGNED", "BIGINT"),
            ("UNSIGNED", "BIGINT UNSIGNED"),
            ("SQL_DOUBLE", "DOUBLE"),
            ("FLOAT(53)", "DOUBLE"),
            ("FLOAT(24)", "FLOAT(24)"),
            ("VARCHAR", "VARCHAR"),
        ] {
            assert_eq!(
                written(&format!("SELECT CAST(a AS {given})")),
                format!("SELECT CAST(a AS {same})")
            );
        }
    }
}
