//! Regular expressions with a backslash.
//!
//! Problem: DataFusion 55 writes a pattern that is plain text as LIKE, in which a backslash takes the meaning of what is
//! behind it: `s ~ '\\'` becomes `s LIKE '%\%'`, which looks for a `%`. Official way: none. Here: a pattern with a
//! backslash ends in an empty group, which matches whatever it matched before, and is no plain text.

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr, LogicalPlan, Operator};
use datafusion::optimizer::AnalyzerRule;

use super::rewritten;

/// Writes them so.
#[derive(Debug)]
pub(super) struct WholePatterns;

impl AnalyzerRule for WholePatterns {
    fn name(&self) -> &str {
        "whole_patterns"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        rewritten(plan, written)
    }
}

fn written(expr: Expr) -> Transformed<Expr> {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    match expr {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: op @ (RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch),
            right,
        }) => {
            let pattern = whole(*right);
            pattern.update_data(|right| {
                Expr::BinaryExpr(BinaryExpr { left, op, right: Box::new(right) })
            })
        }
        Expr::ScalarFunction(mut call)
            if call.func.name() == "regexp_like" && call.args.len() > 1 =>
        {
            let pattern = whole(call.args.remove(1));
            pattern.update_data(|pattern| {
                call.args.insert(1, pattern);
                Expr::ScalarFunction(call)
            })
        }
        other => Transformed::no(other),
    }
}

/// A plan may be analyzed again.
fn whole(pattern: Expr) -> Transformed<Expr> {
    const EMPTY: &str = "()";
    let written = |text: &str| {
        (text.contains('\\') && !text.ends_with(EMPTY)).then(|| format!("{text}{EMPTY}"))
    };
    match pattern {
        Expr::Literal(value, meta) => {
            let text = match &value {
                ScalarValue::Utf8(Some(text)) => {
                    written(text).map(|it| ScalarValue::Utf8(Some(it)))
                }
                ScalarValue::LargeUtf8(Some(text)) => {
                    written(text).map(|it| ScalarValue::LargeUtf8(Some(it)))
                }
                ScalarValue::Utf8View(Some(text)) => {
                    written(text).map(|it| ScalarValue::Utf8View(Some(it)))
                }
                _ => None,
            };
            let is_written = text.is_some();
            Transformed::new_transformed(Expr::Literal(text.unwrap_or(value), meta), is_written)
        }
        Expr::Cast(Cast { expr, field }) => {
            let pattern = whole(*expr);
            pattern.update_data(|expr| Expr::Cast(Cast { expr: Box::new(expr), field }))
        }
        other => Transformed::no(other),
    }
}
