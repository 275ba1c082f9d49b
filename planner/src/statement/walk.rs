//! The SQL of a statement, looked through EXPLAIN: what the checks and rewrites of this folder walk over.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{Visit, VisitMut, Visitor, VisitorMut};

/// Walks over a statement, until the visitor breaks.
pub(super) fn walk<V: Visitor>(statement: &DfStatement, visitor: &mut V) -> ControlFlow<V::Break> {
    match statement {
        DfStatement::Statement(sql) => sql.visit(visitor),
        DfStatement::Explain(explain) => walk(&explain.statement, visitor),
        _ => ControlFlow::Continue(()),
    }
}

/// Walks over a statement and changes it; the visitor never breaks.
pub(super) fn rewrite(statement: &mut DfStatement, visitor: &mut impl VisitorMut) {
    match statement {
        DfStatement::Statement(sql) => {
            let _ = sql.visit(visitor);
        }
        DfStatement::Explain(explain) => rewrite(&mut explain.statement, visitor),
        _ => {}
    }
}
