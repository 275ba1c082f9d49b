//! Functions under the names that other databases have for them.
//!
//! Problem: tools write `year(x)`, `{fn UCASE(x)}`, `mod(a, b)` or `iif(…)`, which DataFusion 55 has under other names, or
//! as expressions. Official way: none. Here: they are written so, with what they mean in ODBC and JDBC where databases
//! differ (`dayofweek` is 1 on Sundays, as in Spark and MySQL).

use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::ast::helpers::attached_token::AttachedToken;
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CaseWhen, DataType, ExactNumberInfo, Expr, Ident, ObjectName, VisitorMut,
};

use super::walk::{self, binary, call, cast, nested, number, plain_args, text};

/// Writes them in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Functions);
}

struct Functions;

impl VisitorMut for Functions {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        match expr {
            Expr::Function(function) => {
                let name = function.name.to_string().to_lowercase();
                if let Some((_, other)) = NAMES.iter().find(|(known, _)| *known == name) {
                    function.name = ObjectName::from(vec![Ident::new(*other)]);
                } else if let Some(written) =
                    plain_args(function).and_then(|args| written(&name, args))
                {
                    *expr = written;
                }
            }
            Expr::RLike { negated, expr: of, pattern, .. } => {
                let op = match negated {
                    true => BinaryOperator::PGRegexNotMatch,
                    false => BinaryOperator::PGRegexMatch,
                };
                *expr = Expr::Nested(Box::new(binary(
                    of.as_ref().clone(),
                    op,
                    pattern.as_ref().clone(),
                )));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

/// Those that mean the same under another name, with whatever stands behind them.
const NAMES: [(&str, &str); 14] = [
    ("ceiling", "ceil"),
    ("truncate", "trunc"),
    ("sign", "signum"),
    ("ucase", "upper"),
    ("lcase", "lower"),
    ("char", "chr"),
    ("ifnull", "nvl"),
    ("variance", "var"),
    ("std", "stddev"),
    ("every", "bool_and"),
    ("listagg", "string_agg"),
    ("curdate", "current_date"),
    ("curtime", "current_time"),
    ("regexp_matches", "regexp_like"),
];

fn written(name: &str, args: Vec<Expr>) -> Option<Expr> {
    let mut args = args.into_iter();
    let all = (args.next(), args.next(), args.next(), args.next());
    Some(match (name, all) {
        (
            "year" | "month" | "day" | "quarter" | "week" | "hour" | "minute" | "second",
            (Some(of), None, ..),
        ) => part(name, of),
        ("dayofmonth", (Some(of), None, ..)) => part("day", of),
        ("dayofyear", (Some(of), None, ..)) => part("doy", of),
        ("dayofweek", (Some(of), None, ..)) => {
            nested(binary(part("dow", of), BinaryOperator::Plus, number(1)))
        }
        ("dayname", (Some(of), None, ..)) => call("to_char", [of, text("%A")]),
        ("monthname", (Some(of), None, ..)) => call("to_char", [of, text("%B")]),
        ("date", (Some(of), None, ..)) => cast(of, DataType::Date),
        ("mod", (Some(of), Some(by), None, _)) => {
            nested(binary(nested(of), BinaryOperator::Modulo, nested(by)))
        }
        ("square", (Some(of), None, ..)) => {
            call("power", [cast(of, DataType::Double(ExactNumberInfo::None)), number(2)])
        }
        ("space", (Some(of), None, ..)) => call("repeat", [text(" "), of]),
        ("locate", (Some(what), Some(within), None, _)) => call("strpos", [within, what]),
        ("isnull", (Some(of), None, ..)) => nested(Expr::IsNull(Box::new(nested(of)))),
        ("isnull", (Some(of), Some(other), None, _)) => call("coalesce", [of, other]),
        ("if" | "iif", (Some(condition), Some(then), other, None)) => case(condition, then, other),
        _ => return None,
    })
}

fn part(name: &str, of: Expr) -> Expr {
    call("date_part", [text(name), of])
}

fn case(condition: Expr, result: Expr, other: Option<Expr>) -> Expr {
    Expr::Case {
        case_token: AttachedToken::empty(),
        end_token: AttachedToken::empty(),
        operand: None,
        conditions: vec![CaseWhen { condition, result }],
        else_result: other.map(Box::new),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn functions_have_the_engines_names() {
        for (sql, expected) in [
            ("{fn UCASE(a)}", "{fn upper(a)}"),
            ("variance(a) OVER ()", "var(a) OVER ()"),
            ("year(a)", "date_part('year', a)"),
            ("dayofweek(a)", "(date_part('dow', a) + 1)"),
            ("mod(a + 1, 2)", "((a + 1) % (2))"),
            ("iif(a > 1, 'x', 'y')", "CASE WHEN a > 1 THEN 'x' ELSE 'y' END"),
            ("isnull(a, 0)", "coalesce(a, 0)"),
            ("locate('x', a)", "strpos(a, 'x')"),
            ("a RLIKE 'x' AND b", "(a ~ 'x') AND b"),
            ("date(a)", "CAST(a AS DATE)"),
        ] {
            assert_eq!(
                written(&format!("SELECT {sql} FROM t")),
                format!("SELECT {expected} FROM t")
            );
        }
    }

    #[test]
    fn others_stay() {
        for sql in ["decode(a, 'hex')", "date_part('year', a)", "t.year", "second(a, b)"] {
            assert_eq!(written(&format!("SELECT {sql} FROM t")), format!("SELECT {sql} FROM t"));
        }
    }
}
