//! Functions of the engine's inside are called by no statement ([`INNER`]).

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Expr, Visitor};

use super::walk::walk;
use crate::session::INNER;
use crate::{PlannerError, Result};

/// # Errors
/// `Invalid` for a statement, as it was sent, that calls one of them.
pub(super) fn check(statement: &DfStatement) -> Result<()> {
    match walk(statement, &mut Inner) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(name) => Err(PlannerError::Invalid(format!(
            "there is no function '{name}': SHOW FUNCTIONS lists those that there are"
        ))),
    }
}

struct Inner;

impl Visitor for Inner {
    type Break = String;

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<String> {
        if let Expr::Function(call) = expr
            && let [name] = call.name.0.as_slice()
            && let Some(name) = name.as_ident()
        {
            let folded = match name.quote_style {
                Some(_) => name.value.clone(),
                None => name.value.to_lowercase(),
            };
            if INNER.contains(&folded.as_str()) {
                return ControlFlow::Break(folded);
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    #[test]
    fn what_is_inner_is_no_function() {
        for sql in ["SELECT kept(1)", "SELECT \"+\"(1, 2)", "SELECT a FROM t WHERE In_Order(a) = 1"]
        {
            let refused = parse(sql).unwrap_err().to_string();
            assert!(refused.contains("no function"), "{refused}");
        }
        assert!(
            parse("SELECT a * INTERVAL '1 day', datediff(day, a, b), CAST(a AS INT), a FROM t")
                .is_ok()
        );
    }
}
