//! The SQL of a statement, looked through EXPLAIN: what the checks and rewrites of this folder walk over.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Visit, VisitMut, Visitor, VisitorMut,
};

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

/// A call of a function.
pub(super) fn call(name: &str, args: impl IntoIterator<Item = Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)));
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
