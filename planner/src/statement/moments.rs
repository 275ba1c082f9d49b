//! Parameters of which nothing is known but what stands beside them.
//!
//! Problem: DataFusion 55 gives a parameter of no known type that of what it is beside: `t > ? - INTERVAL '3 days'`, as
//! dashboards write it, has an interval there, and is refused. For two parameters (`? || ?`) it finds no type at all.
//! Official way: a cast. Here: it is written, to an instant beside an interval, to a text beside another, as PostgreSQL
//! reads it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, TimezoneInfo, Value, VisitorMut,
};

use super::intervals::is_interval;
use super::walk;

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Moments);
}

struct Moments;

impl VisitorMut for Moments {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::BinaryOp { left, op, right } = expr else {
            return ControlFlow::Continue(());
        };
        let data_type = match op {
            BinaryOperator::Plus | BinaryOperator::Minus if is_interval(right) => {
                DataType::Timestamp(None, TimezoneInfo::None)
            }
            BinaryOperator::StringConcat if is_parameter(right) => DataType::Varchar(None),
            _ => return ControlFlow::Continue(()),
        };
        if is_parameter(left) {
            let parameter = std::mem::replace(left.as_mut(), Expr::value(Value::Null));
            **left = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(parameter),
                data_type,
                array: false,
                format: None,
            };
        }
        ControlFlow::Continue(())
    }
}

fn is_parameter(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(value) if matches!(value.value, Value::Placeholder(_)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn a_parameter_beside_an_interval_is_an_instant() {
        let text = written("SELECT 1 FROM t WHERE a > ? - INTERVAL '3 days'");
        assert!(text.contains("CAST($1 AS TIMESTAMP) - INTERVAL '3 days'"), "{text}");
        let text = written("SELECT 1 FROM t WHERE a > ? + b * INTERVAL '1 day'");
        assert!(text.contains("CAST($1 AS TIMESTAMP) + b"), "{text}");
        let text = written("SELECT 1 FROM t WHERE a > b - INTERVAL '3 days' AND c = $1 + 1");
        assert!(!text.contains("CAST"), "{text}");
    }

    #[test]
    fn two_parameters_that_are_joined_are_texts() {
        assert!(written("SELECT ? || ?").contains("CAST($1 AS VARCHAR) || $2"));
        assert!(written("SELECT ? || ? || ?").contains("CAST($1 AS VARCHAR) || $2 || $3"));
        assert!(!written("SELECT a || ?, ? || a FROM t").contains("CAST"));
    }
}
