//! Numbers of more digits than their type has are decimals.
//!
//! Problem: DataFusion 55 reads integers beyond 64 bits as DOUBLE, and the next 2,000 integers equal them:
//! `u = 18446744073709551616` finds 18446744073709551615; so it reads numbers with a point, and of 12345678901234567890.12
//! sixteen digits stay. Official way: `datafusion.sql_parser.parse_float_as_decimal`, which makes decimals of `1.5` too.
//! Here: a cast of the digits is written, unless a DOUBLE has them all, as those have that programs print (0.1234567890123456).
//! What is divided stays a DOUBLE: of a decimal's quotient DataFusion keeps few digits, and who divides by π wants more.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, ExactNumberInfo, Expr, UnaryOperator, Value, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::walk;

/// Digits of the largest decimal.
const MOST: usize = 76;

/// So many a DOUBLE keeps, whatever they are.
const OF_DOUBLE: usize = 15;

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
            Expr::BinaryOp { left, op: BinaryOperator::Divide, right } => {
                undo(left);
                undo(right);
            }
            number => write_decimal(number, u64::MAX),
        }
        ControlFlow::Continue(())
    }
}

/// A decimal in the place of a whole number that is more than `most`, or of one with more digits than a DOUBLE has.
fn write_decimal(expr: &mut Expr, most: u64) {
    let Expr::Value(value) = &*expr else { return };
    let Value::Number(text, _) = &value.value else { return };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = whole.trim_start_matches('0');
    let count = whole.len() + fraction.len();
    let significant = match whole {
        "" => fraction.trim_start_matches('0').len(),
        _ => count,
    };
    let fits = match fraction {
        "" if !text.contains('.') => whole.parse().is_ok_and(|number: u64| number <= most),
        _ => significant <= OF_DOUBLE || is_a_double(whole, fraction),
    };
    let is_number = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number || fits || significant == 0 || count > MOST {
        return;
    }
    let precision = ExactNumberInfo::PrecisionAndScale(count as u64, fraction.len() as i64);
    *expr = Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(Expr::value(Value::SingleQuotedString(text.clone()))),
        data_type: DataType::Decimal(precision),
        array: false,
        format: None,
    };
}

/// Whether the digits are those that a DOUBLE is printed with.
fn is_a_double(whole: &str, fraction: &str) -> bool {
    let Ok(number) = format!("0{whole}.{fraction}").parse::<f64>() else { return false };
    let printed = number.to_string();
    let (own, behind) = printed.split_once('.').unwrap_or((&printed, ""));
    let fraction = fraction.trim_end_matches('0');
    own.trim_start_matches('0') == whole && behind == fraction
}

/// A number with a point, which is divided, as it was written.
fn undo(expr: &mut Expr) {
    match expr {
        Expr::Nested(of) | Expr::UnaryOp { expr: of, .. } => undo(of),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Multiply | BinaryOperator::Plus | BinaryOperator::Minus,
            right,
        } => {
            undo(left);
            undo(right);
        }
        Expr::Cast { kind: CastKind::Cast, expr: of, data_type: DataType::Decimal(_), .. } => {
            if let Expr::Value(value) = of.as_ref()
                && let Value::SingleQuotedString(text) = &value.value
                && value.span == Span::empty()
                && text.contains('.')
            {
                *expr = Expr::value(Value::Number(text.clone(), false));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn numbers_of_more_digits_than_their_type_has_are_decimals() {
        let text = written("SELECT 18446744073709551616, -99999999999999999999");
        assert!(text.contains("CAST('18446744073709551616' AS DECIMAL(20,0))"), "{text}");
        assert!(text.contains("-CAST('99999999999999999999' AS DECIMAL(20,0))"), "{text}");
        let text =
            written("SELECT -9223372036854775809, -9223372036854775808, 9223372036854775809");
        assert_eq!(text.matches("CAST").count(), 1, "{text}");
        assert!(text.contains("-CAST('9223372036854775809' AS DECIMAL(19,0))"), "{text}");
        let text =
            written("SELECT 18446744073709551615, 0, 0., 1., 1e30, 1.5e30, 1.23456789012345, '7'");
        assert!(!text.contains("CAST"), "{text}");
        for (number, decimal) in [
            ("99999999999999999999.5", "DECIMAL(21,1)"),
            ("1234567890123456.77", "DECIMAL(18,2)"),
            ("25.000000000000001", "DECIMAL(17,15)"),
            ("1.2345678901234567890", "DECIMAL(20,19)"),
            (".12345678901234567890", "DECIMAL(20,20)"),
            ("0.0000000000123456789012345678", "DECIMAL(28,28)"),
            ("12345678901234567890.", "DECIMAL(20,0)"),
        ] {
            let text = written(&format!("SELECT {number}"));
            assert_eq!(text, format!("SELECT CAST('{number}' AS {decimal})"));
        }
    }

    #[test]
    fn what_a_double_is_printed_with_stays_one() {
        for number in [
            "0.059115343500130396",
            "939167.0189485865",
            "3.141592653589793",
            "1.2345678901234567",
            ".1234567890123456",
            "0.30000000000000004",
            "9007199254740993.0 - 9007199254740993.0",
            "1 / 3.14159265358979323846",
            "a / (2 * 3.14159265358979323846)",
        ] {
            let text = written(&format!("SELECT {number}"));
            assert_eq!(
                text.contains("CAST"),
                number.starts_with('9') && number.contains('-'),
                "{text}"
            );
        }
        let cast = "SELECT CAST('1.2345678901234567890' AS DECIMAL(20,19)) / 2";
        assert_eq!(written(cast), cast);
    }
}
