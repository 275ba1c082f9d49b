//! `localtimestamp`, `localtime`, and the clock with a number of digits: `current_timestamp(3)`.
//!
//! Problem: DataFusion 55 has `now()`, `current_time` and `current_date` alone, and takes no digits. Here: the local ones are
//! the clock in the zone of the session, and digits that were not asked for are cut.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArguments, Ident, Interval, Select, SelectItem, TimezoneInfo, Value,
    VisitorMut,
};

use super::walk::{self, call, cast, plain_args, text};

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Clock);
}

struct Clock;

impl VisitorMut for Clock {
    type Break = ();

    /// A column of its own keeps its name.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some((name, expr)) = told(expr)
            {
                *item = SelectItem::ExprWithAlias { expr, alias: Ident::with_quote('"', name) };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Some((_, told)) = told(expr) {
            *expr = told;
        }
        ControlFlow::Continue(())
    }
}

/// What a clock tells, and its name.
fn told(expr: &Expr) -> Option<(String, Expr)> {
    let Expr::Function(function) = expr else { return None };
    let [name] = function.name.0.as_slice() else { return None };
    let name = name.as_ident().filter(|name| name.quote_style.is_none())?.value.to_lowercase();
    let digits = match &function.args {
        FunctionArguments::None => None,
        _ => match plain_args(function)?.as_slice() {
            [] => None,
            [digits] => Some(few(digits)?),
            _ => return None,
        },
    };
    let told = match (name.as_str(), digits) {
        ("localtimestamp" | "getdate", digits) => cut(local(), digits),
        ("localtime", digits) => time(cut(local(), digits)),
        ("current_time" | "curtime", digits @ Some(_)) => time(cut(local(), digits)),
        ("current_timestamp" | "now", digits @ Some(_)) => cut(call("now", []), digits),
        _ => return None,
    };
    Some((name, told))
}

fn few(digits: &Expr) -> Option<u32> {
    let Expr::Value(value) = digits else { return None };
    let Value::Number(digits, _) = &value.value else { return None };
    digits.parse().ok().filter(|digits| *digits <= 9)
}

fn local() -> Expr {
    call("to_local_time", [call("now", [])])
}

fn time(of: Expr) -> Expr {
    cast(of, DataType::Time(None, TimezoneInfo::None))
}

fn cut(of: Expr, digits: Option<u32>) -> Expr {
    match digits {
        None | Some(9) => of,
        Some(0) => call("date_trunc", [text("second"), of]),
        Some(3) => call("date_trunc", [text("millisecond"), of]),
        Some(6) => call("date_trunc", [text("microsecond"), of]),
        Some(digits) => {
            let nanoseconds = 10_u32.pow(9 - digits);
            let step = Expr::Interval(Interval {
                value: Box::new(text(&format!("{nanoseconds} nanoseconds"))),
                leading_field: None,
                leading_precision: None,
                last_field: None,
                fractional_seconds_precision: None,
            });
            call("date_bin", [step, of])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn clocks_have_names_zones_and_digits() {
        for (given, expected) in [
            ("localtimestamp", "to_local_time(now()) AS \"localtimestamp\""),
            ("current_timestamp(3)", "date_trunc('millisecond', now()) AS \"current_timestamp\""),
            ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
            ("1 + localtime(0)", "1 + CAST(date_trunc('second', to_local_time(now())) AS TIME)"),
            ("\"localtimestamp\"", "\"localtimestamp\""),
            ("current_timestamp(a)", "current_timestamp(a)"),
        ] {
            assert_eq!(written(&format!("SELECT {given}")), format!("SELECT {expected}"));
        }
        assert!(written("SELECT now(1)").contains("INTERVAL '100000000 nanoseconds'"));
    }
}
