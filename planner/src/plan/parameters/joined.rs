//! `? || ?` joins texts.
//!
//! Problem: DataFusion 55 finds no type for two parameters of no known type, and refuses the statement before anything
//! is bound. Official way: a cast. Here: it is written around the first, as PostgreSQL reads it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Value, VisitMut, VisitorMut,
};

/// Writes it in a statement.
pub(in crate::plan) fn texts_joined(mut statement: DfStatement) -> DfStatement {
    if let DfStatement::Statement(sql) = &mut statement {
        let _ = sql.visit(&mut Joined);
    }
    statement
}

struct Joined;

impl VisitorMut for Joined {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } = expr
            && is_parameter(left)
            && is_parameter(right)
        {
            let parameter = std::mem::replace(left.as_mut(), Expr::value(Value::Null));
            **left = Expr::Cast {
                kind: CastKind::Cast,
                expr: Box::new(parameter),
                data_type: DataType::Varchar(None),
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
    use crate::statement::{Statement, parse};

    use super::*;

    fn written(sql: &str) -> String {
        match parse(sql).unwrap() {
            Statement::Query(query) => texts_joined(query).to_string(),
            _ => panic!("a query"),
        }
    }

    #[test]
    fn two_parameters_are_texts() {
        assert!(written("SELECT ? || ?").contains("CAST($1 AS VARCHAR) || $2"));
        assert!(written("SELECT ? || ? || ?").contains("CAST($1 AS VARCHAR) || $2 || $3"));
    }

    #[test]
    fn beside_anything_else_they_are_what_that_is() {
        assert!(!written("SELECT a || ?, ? || a FROM t").contains("CAST"));
    }
}
