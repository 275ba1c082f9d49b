//! NULLs come first in Spark where the order ascends, and last where it descends.
//!
//! The engine has it the other way round, and so has what people write in its dialect: each ORDER BY that does not say it is
//! given the words.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArgumentClause, FunctionArguments, OrderByExpr, OrderByKind, Query, Select,
    VisitorMut, WindowSpec, WindowType,
};

use crate::statement::walk;

pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Order);
}

struct Order;

impl VisitorMut for Order {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(order) = &mut query.order_by {
            match &mut order.kind {
                OrderByKind::Expressions(keys) => say(keys),
                OrderByKind::All(options) => {
                    let descends = options.asc == Some(false);
                    options.nulls_first.get_or_insert(!descends);
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        say(&mut select.sort_by);
        for window in &mut select.named_window {
            if let datafusion::sql::sqlparser::ast::NamedWindowExpr::WindowSpec(spec) =
                &mut window.1
            {
                in_window(spec);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::Function(call) = expr else { return ControlFlow::Continue(()) };
        if let Some(WindowType::WindowSpec(spec)) = &mut call.over {
            in_window(spec);
        }
        say(&mut call.within_group);
        if let FunctionArguments::List(list) = &mut call.args {
            for clause in &mut list.clauses {
                if let FunctionArgumentClause::OrderBy(keys) = clause {
                    say(keys);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

fn in_window(spec: &mut WindowSpec) {
    say(&mut spec.order_by);
}

fn say(keys: &mut [OrderByExpr]) {
    for key in keys {
        let descends = key.options.asc == Some(false);
        key.options.nulls_first.get_or_insert(!descends);
    }
}
