//! `ORDER BY 1` of a query with groups is by the first expression that it selects.
//!
//! Problem: DataFusion 55 takes the number for the column that the result has there, and then looks for that column
//! among the groups: `SELECT upper(a), count(*) … GROUP BY a ORDER BY 1` is refused. By an alias, and by the expression
//! itself, it orders. Official way: none. Here: such a number is written as the expression that it stands for.
//!
//! Of `SELECT DISTINCT` it is the other way round: `SELECT DISTINCT a + 1 … ORDER BY a + 1` is refused, since `a` is not in the
//! list, and by the number it orders. There what is selected is written as its number.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Distinct, Expr, GroupByExpr, OrderByKind, Query, Select, SelectItem, SetExpr, Value,
    VisitorMut, visit_expressions,
};

use super::columns::marked;
use super::types::one_name_each;
use super::walk::{self, number};

/// Writes out such numbers of a statement.
pub(super) fn write_out(statement: &mut DfStatement) {
    walk::rewrite(statement, &mut Positions);
}

struct Positions;

impl VisitorMut for Positions {
    type Break = ();

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let (SetExpr::Select(select), Some(order)) = (query.body.as_mut(), &mut query.order_by)
        else {
            return ControlFlow::Continue(());
        };
        if let OrderByKind::Expressions(keys) = &mut order.kind {
            for key in keys {
                let written = match &select.distinct {
                    None => selected_at(&key.expr, select),
                    Some(Distinct::Distinct) => number_of(&key.expr, select),
                    _ => None,
                };
                if let Some(written) = written {
                    key.expr = written;
                }
                if select.distinct.is_some() {
                    name_by_number(&key.expr, select);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// The number of what is selected, where that is calculated.
fn number_of(key: &Expr, select: &Select) -> Option<Expr> {
    if matches!(key, Expr::Identifier(_) | Expr::Value(_)) {
        return None;
    }
    let text = |of: &Expr| {
        let mut of = of.clone();
        one_name_each(&mut of);
        of.to_string()
    };
    let key = text(key);
    let at = select.projection.iter().position(|item| match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => text(expr) == key,
        _ => false,
    })?;
    let before = &select.projection[..at];
    (!before.iter().any(is_wildcard)).then(|| number(at as u64 + 1))
}

/// Gives what is calculated of groups a name: the engine looks for what has none among the groups.
fn name_by_number(key: &Expr, select: &mut Select) {
    let Some(at) = number_in(key) else { return };
    let has_groups = has_groups(select);
    if let Some(item @ SelectItem::UnnamedExpr(_)) = select.projection.get_mut(at)
        && let SelectItem::UnnamedExpr(expr) = &*item
        && has_groups
        && !matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_))
    {
        let alias = marked(&expr.to_string(), at);
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

/// The place, from 0, that a number in ORDER BY stands for.
fn number_in(key: &Expr) -> Option<usize> {
    let Expr::Value(value) = key else { return None };
    let Value::Number(number, _) = &value.value else { return None };
    number.parse::<usize>().ok()?.checked_sub(1)
}

fn has_groups(select: &Select) -> bool {
    match &select.group_by {
        GroupByExpr::All(_) => true,
        GroupByExpr::Expressions(groups, _) => !groups.is_empty(),
    }
}

fn is_wildcard(item: &SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// The expression that a number stands for, where writing it out means the same.
fn selected_at(key: &Expr, select: &Select) -> Option<Expr> {
    let at = number_in(key)?;
    let before = select.projection.get(..=at)?;
    match before.last()? {
        SelectItem::UnnamedExpr(expr) if !before.iter().any(is_wildcard) => {
            (may_be_of_groups(expr, select) && is_same_in_order(expr, select)).then(|| expr.clone())
        }
        _ => None,
    }
}

/// A name is found as a column of the result, and a number would be another position. All rows are one group where
/// there are totals, which are functions.
fn may_be_of_groups(expr: &Expr, select: &Select) -> bool {
    match expr {
        Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_) => false,
        expr => has_groups(select) || has(expr, |part| matches!(part, Expr::Function(_))),
    }
}

fn has(expr: &Expr, is_it: impl Fn(&Expr) -> bool) -> bool {
    let looked = visit_expressions(expr, |part| match is_it(part) {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    });
    looked.is_break()
}

/// Whether its names mean the same where aliases of the result come first, and it is computed alike each time, and
/// by no other query.
fn is_same_in_order(expr: &Expr, select: &Select) -> bool {
    let aliases: Vec<_> = select
        .projection
        .iter()
        .filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.to_lowercase()),
            _ => None,
        })
        .collect();
    const VOLATILE: [&str; 4] = ["random", "rand", "uuid", "gen_random_uuid"];
    !has(expr, |part| match part {
        Expr::Identifier(name) => aliases.contains(&name.value.to_lowercase()),
        Expr::Function(call) => VOLATILE.contains(&call.name.to_string().to_lowercase().as_str()),
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => true,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{AGAIN_MARK, Statement, parse};

    fn order(sql: &str) -> String {
        let Ok(Statement::Query(query)) = parse(sql) else { panic!("{sql}") };
        let text = query.to_string();
        text.split(" ORDER BY ").nth(1).unwrap_or_default().to_owned()
    }

    #[test]
    fn a_number_is_the_expression_that_it_stands_for() {
        let sql = "SELECT upper(a), count(*) FROM t GROUP BY a ORDER BY 1 DESC, 2";
        assert_eq!(order(sql), "upper(a) DESC, count(*)");
        let sql = "SELECT * FROM (SELECT a, a + 1 FROM t GROUP BY a ORDER BY 2 LIMIT 1)";
        assert!(order(sql).starts_with("a + 1 LIMIT"));
    }

    #[test]
    fn what_is_selected_once_is_its_number() {
        for (sql, expected) in [
            ("SELECT DISTINCT a + 1 FROM t ORDER BY a + 1 DESC", "1 DESC"),
            ("SELECT DISTINCT b, upper(a) AS u FROM t ORDER BY upper(a), b", "2, b"),
            ("SELECT DISTINCT upper(a) FROM t ORDER BY 1", "1"),
            ("SELECT DISTINCT *, a + 1 FROM t ORDER BY a + 1", "a + 1"),
            ("SELECT DISTINCT a FROM t ORDER BY b + 1", "b + 1"),
            ("SELECT DISTINCT ON (a) a, b + 1 FROM t ORDER BY a, b + 1", "a, b + 1"),
        ] {
            assert_eq!(order(sql), expected, "{sql}");
        }
        let grouped = "SELECT DISTINCT upper(a), count(*) FROM t GROUP BY a ORDER BY 2, upper(a)";
        let Ok(Statement::Query(query)) = parse(grouped) else { panic!("{grouped}") };
        let text = query.to_string().replace(AGAIN_MARK, "#");
        assert_eq!(
            text,
            "SELECT DISTINCT upper(a) AS \"upper(a)#0\", count(*) AS \"count(*)#1\" FROM t GROUP BY a ORDER BY 2, 1"
        );
    }

    #[test]
    fn a_number_stays_where_it_is_understood_or_would_mean_another_thing() {
        for sql in [
            "SELECT a + 1, b FROM t ORDER BY 1",
            "SELECT (SELECT max(b) FROM u), count(*) FROM t ORDER BY 1",
            "SELECT a, upper(a) AS u FROM t GROUP BY a ORDER BY 1, 2",
            "SELECT upper(a), count(*) AS a FROM t GROUP BY a ORDER BY 1",
            "SELECT a + random(), count(*) FROM t GROUP BY a ORDER BY 1",
            "SELECT *, a + 1 FROM t GROUP BY a ORDER BY 2",
            "SELECT a + 1 FROM t GROUP BY a ORDER BY 2",
        ] {
            let (_, written) = sql.split_once(" ORDER BY ").unwrap();
            assert_eq!(order(sql), written, "{sql}");
        }
    }
}
