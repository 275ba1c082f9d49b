//! Intervals as other databases write them: `INTERVAL n DAY` of a column or a sum, and quarters and millennia.
//!
//! Problem: DataFusion 55 takes constants alone, and knows neither unit. Here: the first is a product of the number and one
//! unit (`session/times.rs`), quarters are three months, millennia a thousand years.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DateTimeField, Expr, Interval, UnaryOperator, Value, VisitorMut,
};

use super::walk;

mod several;

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Intervals);
}

/// Whether it is an interval, as far as its words say.
pub(super) fn is_interval(expr: &Expr) -> bool {
    match expr {
        Expr::Interval(_) => true,
        Expr::Nested(of) => is_interval(of),
        Expr::BinaryOp { left, op: BinaryOperator::Multiply, right } => {
            is_interval(left) || is_interval(right)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Divide, .. } => is_interval(left),
        _ => false,
    }
}

struct Intervals;

impl VisitorMut for Intervals {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Interval(interval) = expr else { return ControlFlow::Continue(()) };
        if let Some(field) = &interval.leading_field
            && interval.last_field.is_none()
            && !is_constant(&interval.value)
        {
            let unit = Interval { value: Box::new(text("1")), ..interval.clone() };
            let number = Expr::Nested(interval.value.clone());
            *expr = Expr::Nested(Box::new(Expr::BinaryOp {
                left: Box::new(number),
                op: BinaryOperator::Multiply,
                right: Box::new(Expr::Interval(known(unit, &field.clone()))),
            }));
        } else if let Some(fields) = between_fields(interval) {
            *interval = fields;
        } else {
            let field = interval.leading_field.clone();
            *interval = match field {
                Some(field) => known(interval.clone(), &field),
                None => in_known_units(interval.clone()),
            };
        }
        ControlFlow::Continue(())
    }
}

fn text(of: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(of.to_owned()).with_empty_span())
}

fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => !matches!(value.value, Value::Placeholder(_)),
        Expr::UnaryOp { op: UnaryOperator::Minus | UnaryOperator::Plus, expr } => is_constant(expr),
        _ => false,
    }
}

/// `INTERVAL '2' QUARTER`, of whole numbers.
fn known(mut interval: Interval, field: &DateTimeField) -> Interval {
    let (unit, times) = match field {
        DateTimeField::Quarter => (DateTimeField::Month, 3),
        DateTimeField::Millenium | DateTimeField::Millennium => (DateTimeField::Year, 1000),
        _ => return in_words(interval),
    };
    if let Some(number) = number(&interval.value).and_then(|number| number.checked_mul(times)) {
        interval.value = Box::new(text(&number.to_string()));
        interval.leading_field = Some(unit);
    }
    interval
}

/// `INTERVAL 2 DAY`: the frame of a window takes a text alone.
fn in_words(mut interval: Interval) -> Interval {
    if let Some(number) = number(&interval.value) {
        interval.value = Box::new(text(&number.to_string()));
    }
    interval
}

fn number(expr: &Expr) -> Option<i64> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) | Value::SingleQuotedString(number) => {
                number.trim().parse().ok()
            }
            _ => None,
        },
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr)?.checked_neg(),
        _ => None,
    }
}

/// `INTERVAL '1-2' YEAR TO MONTH`.
fn between_fields(interval: &Interval) -> Option<Interval> {
    let (Some(first), Some(last)) = (&interval.leading_field, &interval.last_field) else {
        return None;
    };
    let (number, is_negative) = match interval.value.as_ref() {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => (expr.as_ref(), true),
        other => (other, false),
    };
    let Expr::Value(value) = number else { return None };
    let Value::SingleQuotedString(fields) = &value.value else { return None };
    let fields = match is_negative {
        true => several::between(&format!("-{fields}"), first, last)?,
        false => several::between(fields, first, last)?,
    };
    Some(Interval {
        value: Box::new(text(&fields)),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })
}

/// `INTERVAL '1 quarter 2 days'`, `INTERVAL '3 days 4:05:06'`.
fn in_known_units(mut interval: Interval) -> Interval {
    if let Expr::Value(value) = interval.value.as_mut()
        && let Value::SingleQuotedString(parts) = &mut value.value
    {
        let mut words: Vec<String> = parts.split_whitespace().map(str::to_owned).collect();
        if let Some(clock) = words.last().and_then(|word| several::clock(word)) {
            words.pop();
            // A number beside a clock is one of days.
            if words.last().is_some_and(|word| word.parse::<i64>().is_ok()) {
                words.push("days".to_owned());
            }
            words.extend(clock.split(' ').map(str::to_owned));
            *parts = words.join(" ");
        }
        for at in 1..words.len() {
            let (unit, times) = match words[at].to_lowercase().as_str() {
                "quarter" | "quarters" => ("months", 3),
                "millennium" | "millennia" | "millenniums" => ("years", 1000),
                _ => continue,
            };
            let number = words[at - 1].parse::<i64>().ok();
            if let Some(number) = number.and_then(|number| number.checked_mul(times)) {
                words[at - 1] = number.to_string();
                words[at] = unit.to_owned();
                *parts = words.join(" ");
            }
        }
    }
    interval
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn numbers_that_are_no_constants_are_products() {
        for (given, expected) in [
            ("INTERVAL n DAY", "((n) * INTERVAL '1' DAY)"),
            ("INTERVAL (n + 1) QUARTER", "(((n + 1)) * INTERVAL '3' MONTH)"),
            ("INTERVAL '2' QUARTER", "INTERVAL '6' MONTH"),
            ("INTERVAL '1 quarter 2 days'", "INTERVAL '3 months 2 days'"),
            ("INTERVAL 2 DAY", "INTERVAL '2' DAY"),
            ("INTERVAL '1' DAY * n", "INTERVAL '1' DAY * n"),
            ("INTERVAL '1 day'", "INTERVAL '1 day'"),
            ("INTERVAL '1-2' YEAR TO MONTH", "INTERVAL '1 years 2 months'"),
            ("INTERVAL '-1-2' YEAR TO MONTH", "INTERVAL '-1 years -2 months'"),
            ("INTERVAL '1 10:00' DAY TO MINUTE", "INTERVAL '1 days 10 hours 00 minutes'"),
            (
                "INTERVAL -'1 02:03:04.5' DAY TO SECOND",
                "INTERVAL '-1 days -02 hours -03 minutes -04.5 seconds'",
            ),
            ("INTERVAL '5:06' MINUTE TO SECOND", "INTERVAL '5 minutes 06 seconds'"),
            ("INTERVAL '5' DAY TO HOUR", "INTERVAL '5' DAY TO HOUR"),
            ("INTERVAL '3 days 4:05:06'", "INTERVAL '3 days 4 hours 05 minutes 06 seconds'"),
            ("INTERVAL '3 4:05'", "INTERVAL '3 days 4 hours 05 minutes'"),
            ("INTERVAL '-04:05'", "INTERVAL '-04 hours -05 minutes'"),
        ] {
            assert_eq!(
                written(&format!("SELECT {given} FROM t")),
                format!("SELECT {expected} FROM t")
            );
        }
    }
}
