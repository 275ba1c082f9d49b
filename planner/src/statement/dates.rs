//! Adding to dates and taking their differences as other databases and ODBC write it: `TIMESTAMPADD`, `DATEDIFF`, `last_day` ….
//!
//! Problem: DataFusion 55 has none of them. Here: what is added is an INTERVAL. Of differences, `datediff` and `date_diff`
//! with a unit count the bounds of that unit between two instants, as in DuckDB and SQL Server (weeks begin on Mondays; of
//! them DuckDB 2 counts whole ones); `timestampdiff` counts whole
//! units, as in MySQL and Spark; both are functions of the session (`session/between.rs`). Without a unit `datediff(a, b)` is
//! the days from b to a, as in MySQL and Spark.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Interval, TimezoneInfo, Value, VisitorMut,
};

use super::intervals::is_interval;
use super::walk::{self, binary, call, cast, nested, plain_args, text};

/// The function that counts bounds: of a unit, from, to.
pub(crate) const BOUNDARIES_BETWEEN: &str = "boundaries_between";

/// The function that counts whole units: of a unit, from, to.
pub(crate) const UNITS_BETWEEN: &str = "units_between";

/// Writes them in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Dates);
}

struct Dates;

impl VisitorMut for Dates {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr
            && let Some(args) = plain_args(function)
            && let Some(written) = written(&function.name.to_string().to_lowercase(), args)
        {
            *expr = written;
        }
        ControlFlow::Continue(())
    }
}

fn written(name: &str, args: Vec<Expr>) -> Option<Expr> {
    Some(match (name, args.as_slice()) {
        ("timestampadd" | "dateadd" | "date_add", [of, number, to]) => {
            let step = product(number, unit(of)?);
            nested(binary(instant(to), BinaryOperator::Plus, step))
        }
        ("date_add" | "dateadd" | "adddate", [to, step]) if is_interval(step) => {
            nested(binary(instant(to), BinaryOperator::Plus, nested(step.clone())))
        }
        ("date_sub" | "datesub" | "subdate", [from, step]) if is_interval(step) => {
            nested(binary(instant(from), BinaryOperator::Minus, nested(step.clone())))
        }
        ("date_add" | "adddate", [to, days]) => {
            nested(binary(date(to), BinaryOperator::Plus, product(days, "day")))
        }
        ("date_sub" | "subdate", [from, days]) => {
            nested(binary(date(from), BinaryOperator::Minus, product(days, "day")))
        }
        ("add_months", [to, months]) => {
            nested(binary(date(to), BinaryOperator::Plus, product(months, "month")))
        }
        ("timestampdiff", [of, from, to]) => between(UNITS_BETWEEN, unit(of)?, from, to),
        ("datediff" | "date_diff", [of, from, to]) => match (unit(of), unit(to)) {
            (Some(unit), _) => between(BOUNDARIES_BETWEEN, unit, from, to),
            // As BigQuery has it.
            (None, Some(unit)) => between(BOUNDARIES_BETWEEN, unit, from, of),
            (None, None) => return None,
        },
        ("datediff" | "date_diff", [to, from]) => {
            nested(binary(date(to), BinaryOperator::Minus, date(from)))
        }
        // SQL Server and Grafana write the unit without quotes; a column could not stand there.
        ("datepart" | "date_part", [of @ Expr::Identifier(_), from]) => {
            call("date_part", [text(unit(of)?), from.clone()])
        }
        ("datetrunc" | "date_trunc", [of @ Expr::Identifier(_), from]) => {
            call("date_trunc", [text(unit(of)?), from.clone()])
        }
        ("last_day", [of]) => {
            let first = call("date_trunc", [text("month"), date(of)]);
            let next = binary(first, BinaryOperator::Plus, interval("1 month"));
            cast(binary(next, BinaryOperator::Minus, interval("1 day")), DataType::Date)
        }
        _ => return None,
    })
}

/// A unit as ODBC, SQL Server and others call it. `m` is a month there and a minute elsewhere.
fn unit(expr: &Expr) -> Option<&'static str> {
    let name = match expr {
        Expr::Identifier(name) => &name.value,
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(name) => name,
            _ => return None,
        },
        _ => return None,
    };
    let name = name.to_lowercase();
    let name = name.strip_prefix("sql_tsi_").unwrap_or(&name);
    Some(match name {
        "year" | "years" | "yyyy" | "yy" | "y" => "year",
        "quarter" | "quarters" | "qq" | "q" => "quarter",
        "month" | "months" | "mm" | "mon" => "month",
        "week" | "weeks" | "wk" | "ww" | "w" => "week",
        "day" | "days" | "dd" | "d" => "day",
        "hour" | "hours" | "hh" | "h" => "hour",
        "minute" | "minutes" | "mi" | "min" => "minute",
        "second" | "seconds" | "ss" | "s" | "sec" => "second",
        "millisecond" | "milliseconds" | "ms" => "millisecond",
        "microsecond" | "microseconds" | "mcs" | "us" => "microsecond",
        "nanosecond" | "nanoseconds" | "ns" | "frac_second" => "nanosecond",
        _ => return None,
    })
}

fn interval(of: &str) -> Expr {
    Expr::Interval(Interval {
        value: Box::new(text(of)),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    })
}

fn product(number: &Expr, unit: &str) -> Expr {
    let unit = interval(&format!("1 {unit}"));
    nested(binary(nested(number.clone()), BinaryOperator::Multiply, unit))
}

fn date(of: &Expr) -> Expr {
    cast(of.clone(), DataType::Date)
}

/// A text is one of an instant.
fn instant(of: &Expr) -> Expr {
    match of {
        Expr::Value(value)
            if matches!(value.value, Value::SingleQuotedString(_) | Value::Placeholder(_)) =>
        {
            cast(of.clone(), DataType::Timestamp(None, TimezoneInfo::None))
        }
        _ => nested(of.clone()),
    }
}

fn between(function: &str, unit: &str, from: &Expr, to: &Expr) -> Expr {
    call(function, [text(unit), from.clone(), to.clone()])
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    fn check(given: &str, expected: &str) {
        assert_eq!(written(&format!("SELECT {given} FROM t")), format!("SELECT {expected} FROM t"));
    }

    #[test]
    fn what_is_added_is_an_interval() {
        check("{fn TIMESTAMPADD(SQL_TSI_DAY, n, a)}", "((a) + ((n) * INTERVAL '1 day'))");
        check("dateadd(month, -1, a)", "((a) + ((-1) * INTERVAL '1 month'))");
        check("date_add('qq', 2, a)", "((a) + ((2) * INTERVAL '3 months'))");
        check("date_add(a, INTERVAL 1 DAY)", "((a) + (INTERVAL '1' DAY))");
        check("date_add(a, 3)", "(CAST(a AS DATE) + ((3) * INTERVAL '1 day'))");
        check("datepart(month, a)", "date_part('month', a)");
        check("date_trunc(dd, a)", "date_trunc('day', a)");
        check("add_months(a, 3)", "(CAST(a AS DATE) + ((3) * INTERVAL '1 month'))");
    }

    #[test]
    fn differences_have_a_unit_or_are_days() {
        check("datediff(day, a, b)", "boundaries_between('day', a, b)");
        check("date_diff(a, b, WEEK)", "boundaries_between('week', b, a)");
        check("{fn TIMESTAMPDIFF(SQL_TSI_MONTH, a, b)}", "units_between('month', a, b)");
        check("datediff(a, b)", "(CAST(a AS DATE) - CAST(b AS DATE))");
    }

    #[test]
    fn others_stay() {
        check("datediff(m, a, b)", "datediff(m, a, b)");
        check("dateadd(a, b)", "dateadd(a, b)");
    }
}
