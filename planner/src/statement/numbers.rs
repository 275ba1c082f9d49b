//! Integers beyond 64 bits are decimals.
//!
//! Problem: DataFusion 55 reads them as DOUBLE, and the next 2,000 integers equal them: `u = 18446744073709551616` finds
//! 18446744073709551615. Official way: `datafusion.sql_parser.parse_float_as_decimal`, which is about numbers with a
//! point too. Here: a cast of the digits is written.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, UnaryOperator, Value, VisitorMut,
};

use super::walk;

/// Digits of the largest decimal.
const MOST: usize = 76;

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Numbers);
}

struct Numbers;

impl VisitorMut for Numbers {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::UnaryOp { op: UnaryOperator::Minus, expr: number } => {
                write_decimal(number, 1 << 63);
            }
            number => write_decimal(number, u64::MAX),
        }
        ControlFlow::Continue(())
    }
}

/// A decimal in the place of a whole number that is more than `most`.
fn write_decimal(expr: &mut Expr, most: u64) {
    let Expr::Value(value) = &*expr else { return };
    let Value::Number(text, _) = &value.value else { return };
    let digits = text.trim_start_matches('0');
    let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_whole || digits.len() > MOST || digits.parse().is_ok_and(|number: u64| number <= most) {
        return;
    }
    let precision = ExactNumberInfo::PrecisionAndScale(digits.len() as u64, 0);
    *expr = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::value(Value::SingleQuotedString(digits.to_owned()))),
        data_type: DataType::Decimal(precision),
        array: false,
        format: None,
    };
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn integers_beyond_64_bits_are_decimals() {
        let text = written("SELECT 18446744073709551616, -99999999999999999999");
        assert!(text.contains("CAST('18446744073709551616' AS DECIMAL(20,0))"), "{text}");
        assert!(text.contains("-CAST('99999999999999999999' AS DECIMAL(20,0))"), "{text}");
        let text =
            written("SELECT -9223372036854775809, -9223372036854775808, 9223372036854775809");
        assert_eq!(text.matches("CAST").count(), 1, "{text}");
        assert!(text.contains("-CAST('9223372036854775809' AS DECIMAL(19,0))"), "{text}");
        let text = written("SELECT 18446744073709551615, 0, 1e30, 99999999999999999999.5, '7'");
        assert!(!text.contains("CAST"), "{text}");
    }
}
