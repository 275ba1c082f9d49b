//! The SQL of a statement, looked through EXPLAIN: what the checks and rewrites of this folder walk over.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, Value, Visit, VisitMut, Visitor,
    VisitorMut,
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

/// The arguments of a call that has nothing else.
pub(super) fn plain_args(function: &Function) -> Option<Vec<Expr>> {
    if function.over.is_some() || function.filter.is_some() {
        return None;
    }
    let FunctionArguments::List(list) = &function.args else { return None };
    if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
        return None;
    }
    let arg = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    list.args.iter().map(arg).collect()
}

/// `left op right`.
pub(super) fn binary(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    Expr::BinaryOp { left: Box::new(left), op, right: Box::new(right) }
}

/// In parentheses.
pub(super) fn nested(expr: Expr) -> Expr {
    Expr::Nested(Box::new(expr))
}

/// A text as a constant.
pub(super) fn text(of: &str) -> Expr {
    Expr::Value(Value::SingleQuotedString(of.to_owned()).with_empty_span())
}

/// A number as a constant.
pub(super) fn number(of: u64) -> Expr {
    Expr::Value(Value::Number(of.to_string(), false).with_empty_span())
}

/// A cast.
pub(super) fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(expr), data_type, array: false, format: None }
}
