//! `a RLIKE p`: with a pattern that stands in the statement the engine's own operator, which looks for what begins a text or is
//! anywhere in it; else a function of ours, which names the pattern where it is none.

use datafusion::sql::sqlparser::ast::{Expr, UnaryOperator, Value};

use super::functions::call_of_spark;
use super::words;
use crate::session::spark::regex_of_java;
use crate::statement::walk::{nested, text};

/// Whether a text has what a pattern says.
pub(super) fn matches(negated: bool, of: &Expr, pattern: &Expr) -> Expr {
    let mut of = of.clone();
    words::wrap(&mut of);
    if let Expr::Value(known) = pattern
        && let Value::SingleQuotedString(known) = &known.value
        && let Ok(known) = regex_of_java(known)
    {
        return Expr::RLike {
            negated,
            expr: Box::new(of),
            pattern: Box::new(text(known.as_str())),
            regexp: false,
        };
    }
    let found = call_of_spark("spark:rlike", [of, pattern.clone()]);
    match negated {
        true => nested(Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(found) }),
        false => found,
    }
}
