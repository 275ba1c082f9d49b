//! A parameter that an interval is added to, or taken from, is an instant.
//!
//! Problem: DataFusion 55 gives a parameter of no known type that of what it is beside: `t > ? - INTERVAL '3 days'`, as
//! dashboards write it, has an interval there, and is refused. Official way: a cast. Here: it is written.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, TimezoneInfo, Value, VisitorMut,
};

use super::walk;

/// Writes it in a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Moments);
}

struct Moments;

impl VisitorMut for Moments {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::BinaryOp { left, op: BinaryOperator::Plus | BinaryOperator::Minus, right } = expr
        else {
            return ControlFlow::Continue(());
        };
        if is_parameter(left) && matches!(right.as_ref(), Expr::Interval(_)) {
            let parameter = std::mem::replace(left.as_mut(), Expr::value(Value::Null));
            **left = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(parameter),
                data_type: DataType::Timestamp(None, TimezoneInfo::None),
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
        let text = written("SELECT 1 FROM t WHERE a > b - INTERVAL '3 days' AND c = $1 + 1");
        assert!(!text.contains("CAST"), "{text}");
    }
}
