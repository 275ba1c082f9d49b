//! Words that DataFusion would pass over.
//!
//! Its parser knows the words of many databases, and its planner leaves out some of them without a word:
//! `PREWHERE`, `TABLESAMPLE`, `PARTITION (…)`, `CONNECT BY`, `* ILIKE` and `GROUP BY … WITH ROLLUP` would give other rows
//! than were asked for. `INTERSECT ALL` and `EXCEPT ALL` count none of their duplicates (DataFusion 55 plans
//! both as semi joins), and `SIMILAR TO` takes its pattern for a regular expression. What stands behind the call of an
//! aggregate (`FILTER`, `OVER`, …) it does not look at where the function is none. All of them are refused, with what to
//! write in their place.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::LazyLock;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArguments, GroupByExpr, Join, JoinConstraint,
    JoinOperator, Query, Select, SelectItem, SetExpr, SetOperator, SetQuantifier, TableFactor,
    Value, Visitor, WindowType,
};

use super::walk::walk;
use crate::session::spark::SPARK;
use crate::{PlannerError, Result};

/// # Errors
/// `Unsupported` for a statement of which a part would be passed over.
pub(super) fn check(statement: &DfStatement) -> Result<()> {
    match walk(statement, &mut Unseen) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(Refused { what, instead }) => Err(PlannerError::Unsupported(format!(
            "{what} is not supported by this version: {instead}"
        ))),
    }
}

struct Unseen;

/// What is refused, and what to write in its place.
struct Refused {
    what: &'static str,
    instead: &'static str,
}

/// The first of these of which the condition holds.
fn first<const N: usize>(found: [(bool, &'static str, &'static str); N]) -> ControlFlow<Refused> {
    match found.into_iter().find(|(is, _, _)| *is) {
        Some((_, what, instead)) => ControlFlow::Break(Refused { what, instead }),
        None => ControlFlow::Continue(()),
    }
}

impl Visitor for Unseen {
    type Break = Refused;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Refused> {
        first([
            (query.for_clause.is_some(), "FOR XML, JSON or BROWSE", "results are Arrow"),
            (query.settings.is_some(), "SETTINGS", "use SET"),
            (query.format_clause.is_some(), "FORMAT", "results are Arrow"),
        ])?;
        if let Some(fetch) = &query.fetch {
            first([
                (fetch.percent, "FETCH … PERCENT", COUNTED),
                (fetch.with_ties, "FETCH … WITH TIES", TIED),
                (true, "FETCH beside LIMIT", "write one of them"),
            ])?;
        }
        set_operations(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Refused> {
        let modifiers = match &select.group_by {
            GroupByExpr::All(modifiers) | GroupByExpr::Expressions(_, modifiers) => modifiers,
        };
        let joins = select.from.iter().flat_map(|table| &table.joins);
        let is_wildcard = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_));
        joins_by_name(joins, select.projection.iter().any(is_wildcard))?;
        if let Some(top) = &select.top {
            first([
                (top.percent, "TOP … PERCENT", COUNTED),
                (top.with_ties, "TOP … WITH TIES", TIED),
                (
                    true,
                    "TOP beside LIMIT, OFFSET or FETCH, or in a branch of UNION",
                    "write LIMIT; of a branch, in parentheses",
                ),
            ])?;
        }
        first([
            (
                select.projection.is_empty(),
                "SELECT without columns",
                "name the columns, or write SELECT *",
            ),
            (
                select.projection.iter().any(is_like),
                "* ILIKE",
                "name the columns, or write * EXCLUDE (…)",
            ),
            (select.prewhere.is_some(), "PREWHERE", "write WHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY", "write WITH RECURSIVE"),
            (select.value_table_mode.is_some(), "AS STRUCT and AS VALUE", "use named_struct"),
            (
                !modifiers.is_empty(),
                "GROUP BY … WITH ROLLUP, CUBE or TOTALS, or with GROUPING SETS after columns",
                "write GROUP BY ROLLUP (…), CUBE (…) or GROUPING SETS (…)",
            ),
        ])
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<Refused> {
        match table {
            TableFactor::NestedJoin { table_with_joins, .. } => {
                joins_by_name(table_with_joins.joins.iter(), true)
            }
            TableFactor::Table {
                version, with_ordinality, partitions, json_path, sample, ..
            } => first([
                (version.is_some(), "a version of a table", "leave it out"),
                (*with_ordinality, "WITH ORDINALITY", NUMBERED),
                (!partitions.is_empty(), "PARTITION", "write WHERE"),
                (json_path.is_some(), "a JSON path after a table", "select from the column"),
                (sample.is_some(), "TABLESAMPLE", SAMPLED),
            ]),
            TableFactor::Derived { sample, .. } => {
                first([(sample.is_some(), "TABLESAMPLE", SAMPLED)])
            }
            TableFactor::Pivot { .. } | TableFactor::Unpivot { .. } => first([(
                true,
                "PIVOT",
                "write a total with FILTER (WHERE …) for each column; for UNPIVOT, UNION ALL",
            )]),
            TableFactor::MatchRecognize { .. } => {
                first([(true, "MATCH_RECOGNIZE", "use window functions")])
            }
            TableFactor::Function { with_ordinality, .. } => {
                first([(*with_ordinality, "WITH ORDINALITY", NUMBERED)])
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<Refused> {
        match expression {
            Expr::Cube(sets) | Expr::Rollup(sets) | Expr::GroupingSets(sets) => first([(
                sets.iter().flatten().any(is_position),
                "a position (1, 2, …) in ROLLUP, CUBE or GROUPING SETS",
                "write the column or expression itself",
            )]),
            Expr::BinaryOp { op: BinaryOperator::BitwiseXor, .. } => first([(
                true,
                "^ beside |, &, || or shifts without parentheses",
                "write power(x, y); for XOR of bits (x | y) - (x & y)",
            )]),
            Expr::Convert { .. } => {
                first([(true, "CONVERT with a character set or a style", "use CAST or to_char")])
            }
            Expr::Collate { .. } => {
                first([(true, "COLLATE", "texts are compared by their bytes; leave it out")])
            }
            Expr::SimilarTo { .. } => {
                first([(true, "SIMILAR TO", "use LIKE, or ~ with a regular expression")])
            }
            Expr::Function(function) if is_scalar(function) => of_scalar(function),
            Expr::Function(function) => first([
                (
                    !matches!(function.parameters, FunctionArguments::None),
                    "a function with parameters before its arguments",
                    "give all of them as arguments",
                ),
                (
                    has_name(function.over.as_ref()),
                    "OVER (w …) of a window that is not named in WINDOW before, that has a frame, or whose PARTITION BY or ORDER BY is given again",
                    "write the window out",
                ),
            ]),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// What a function takes that is no aggregate: arguments, and nothing else.
fn of_scalar(function: &Function) -> ControlFlow<Refused> {
    const WITHIN: &str =
        "leave it out; of an aggregate within the call, write it behind that aggregate";
    let FunctionArguments::List(list) = &function.args else {
        return ControlFlow::Continue(());
    };
    first([
        (
            !matches!(function.parameters, FunctionArguments::None),
            "a function with parameters before its arguments",
            "give all of them as arguments",
        ),
        (function.filter.is_some(), "FILTER behind a function that is no aggregate", WITHIN),
        (function.over.is_some(), "OVER behind a function that is none of a window", WITHIN),
        (
            list.duplicate_treatment.is_some(),
            "DISTINCT or ALL in a function that is no aggregate",
            WITHIN,
        ),
        (
            !function.within_group.is_empty(),
            "WITHIN GROUP behind a function that is no aggregate",
            WITHIN,
        ),
        (
            function.null_treatment.is_some() || !list.clauses.is_empty(),
            "IGNORE NULLS, ORDER BY and their like of a function that is no aggregate",
            WITHIN,
        ),
    ])
}

/// Whether the engine, or Spark's dialect, has a function of each row under this name.
fn is_scalar(function: &Function) -> bool {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let all = datafusion::functions::all_default_functions().into_iter();
        let all = all.chain(datafusion::functions_nested::all_default_nested_functions());
        all.flat_map(|function| {
            let mut names = vec![function.name().to_owned()];
            names.extend(function.aliases().iter().cloned());
            names
        })
        .collect()
    });
    let [name] = function.name.0.as_slice() else { return false };
    let Some(name) = name.as_ident() else { return false };
    let name = match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    };
    name.starts_with(SPARK) || (NAMES.contains(&name) && !is_aggregate(&name))
}

/// Whether there is an aggregate of this name, which is in small letters.
pub(super) fn is_aggregate(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let all = datafusion::functions_aggregate::all_default_aggregate_functions().into_iter();
        let all = all.flat_map(|function| {
            let mut names = vec![function.name().to_owned()];
            names.extend(function.aliases().iter().cloned());
            names
        });
        all.chain(["skewness", "kurtosis", "try_sum"].map(str::to_owned)).collect()
    });
    NAMES.contains(name)
}

/// Whether `*` is of columns of some names alone.
fn is_like(item: &SelectItem) -> bool {
    match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => {
            options.opt_ilike.is_some()
        }
        _ => false,
    }
}

/// Whether a window is of another one, beyond what [`windows`](super::windows) writes out.
fn has_name(over: Option<&WindowType>) -> bool {
    matches!(over, Some(WindowType::WindowSpec(spec)) if spec.window_name.is_some())
}

/// The column that USING makes of two is that of the left table alone, also of rows that are not in it; and `*` shows
/// the one of the table whose name comes first.
fn joins_by_name<'j>(
    joins: impl Iterator<Item = &'j Join>,
    all_columns: bool,
) -> ControlFlow<Refused> {
    let by_name =
        |by: &JoinConstraint| matches!(by, JoinConstraint::Using(_) | JoinConstraint::Natural);
    for join in joins {
        let (by_either, by_left) = match &join.join_operator {
            JoinOperator::Right(by)
            | JoinOperator::RightOuter(by)
            | JoinOperator::FullOuter(by) => (by_name(by), false),
            JoinOperator::Left(by) | JoinOperator::LeftOuter(by) => (false, by_name(by)),
            _ => continue,
        };
        first([
            (
                by_either,
                "USING or NATURAL in a RIGHT or FULL JOIN",
                "write ON a.x = b.x, and coalesce(a.x, b.x) for the column",
            ),
            (
                by_left && all_columns,
                "* over a LEFT JOIN with USING or NATURAL",
                "name the columns, or write ON a.x = b.x",
            ),
        ])?;
    }
    ControlFlow::Continue(())
}

/// In a GROUP BY by itself it is the column of that number, and in these it would be the number.
fn is_position(expression: &Expr) -> bool {
    let Expr::Value(value) = expression else { return false };
    matches!(value.value, Value::Number(..))
}

const COUNTED: &str = "count the rows first, and write LIMIT";
const TIED: &str = "write QUALIFY rank() OVER (ORDER BY …) <= n";
const NUMBERED: &str = "use row_number()";
const SAMPLED: &str = "write WHERE random() < 0.01";

/// Those of one query. Not by recursion: a chain of them is as deep as it is long.
fn set_operations(body: &SetExpr) -> ControlFlow<Refused> {
    let mut bodies = vec![body];
    while let Some(body) = bodies.pop() {
        let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { continue };
        let all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
        let counted = match op {
            SetOperator::Union => false,
            SetOperator::Intersect | SetOperator::Except | SetOperator::Minus => all,
        };
        first([(
            counted,
            "INTERSECT ALL and EXCEPT ALL",
            "leave out ALL, or number the duplicates with row_number()",
        )])?;
        bodies.extend([&**left, &**right]);
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn what_would_be_passed_over_is_refused_by_name() {
        let refused = [
            ("SELECT a FROM t GROUP BY a WITH ROLLUP", "ROLLUP"),
            ("SELECT a FROM t GROUP BY ALL WITH CUBE", "CUBE"),
            ("SELECT a FROM t GROUP BY a GROUPING SETS ((a), ())", "GROUPING SETS"),
            ("SELECT a FROM t GROUP BY ROLLUP (1)", "position"),
            ("SELECT a FROM t RIGHT JOIN u USING (a)", "USING"),
            ("SELECT a FROM t NATURAL FULL JOIN u", "NATURAL"),
            ("SELECT * FROM t LEFT JOIN u USING (a)", "name the columns"),
            ("SELECT a FROM (t FULL JOIN u USING (a))", "USING"),
            ("SELECT a FROM t GROUP BY GROUPING SETS ((a, 2), ())", "position"),
            ("SELECT a FROM t PREWHERE a > 1", "PREWHERE"),
            ("SELECT a FROM t FETCH FIRST 5 PERCENT ROWS ONLY", "PERCENT"),
            ("SELECT a FROM t FETCH FIRST 5 ROWS WITH TIES", "WITH TIES"),
            ("SELECT a FROM t LIMIT 1 FETCH FIRST 5 ROWS ONLY", "FETCH"),
            ("SELECT TOP 5 PERCENT a FROM t", "PERCENT"),
            ("SELECT TOP 5 WITH TIES a FROM t", "WITH TIES"),
            ("SELECT TOP 5 a FROM t UNION SELECT 1", "UNION"),
            ("SELECT FROM t", "SELECT *"),
            ("SELECT * FROM t PIVOT (sum(a) FOR b IN ('x'))", "FILTER"),
            ("SELECT a FROM t ORDER BY a COLLATE \"C\"", "COLLATE"),
            ("SELECT a FROM t START WITH a = 1 CONNECT BY PRIOR a = b", "CONNECT BY"),
            ("SELECT a FROM t TABLESAMPLE BERNOULLI (1)", "TABLESAMPLE"),
            ("SELECT a FROM t SAMPLE 0.1", "TABLESAMPLE"),
            ("SELECT a FROM (SELECT 1 a) TABLESAMPLE (1 PERCENT)", "TABLESAMPLE"),
            ("SELECT a FROM t PARTITION (p0)", "PARTITION"),
            ("SELECT * FROM t WITH ORDINALITY", "ORDINALITY"),
            ("SELECT * FROM generate_series(1, 3) WITH ORDINALITY", "ORDINALITY"),
            ("SELECT a FROM t FOR JSON AUTO", "JSON"),
            ("SELECT a FROM t SETTINGS max_rows = 1", "SETTINGS"),
            ("SELECT a FROM t FORMAT JSON", "FORMAT"),
            ("SELECT 1 INTERSECT ALL SELECT 1", "INTERSECT ALL"),
            ("SELECT 1 UNION (SELECT 1 EXCEPT ALL SELECT 1)", "EXCEPT ALL"),
            ("SELECT a FROM t WHERE a SIMILAR TO 'x%'", "SIMILAR TO"),
            ("SELECT avg(0.5)(a) FROM t", "parameters"),
            ("SELECT round(sum(a), 1) FILTER (WHERE a > 5) FROM t", "FILTER"),
            ("SELECT upper(DISTINCT a) FROM t", "DISTINCT"),
            ("SELECT upper(a) OVER () FROM t", "OVER"),
            ("SELECT length(a) IGNORE NULLS FROM t", "IGNORE NULLS"),
            ("SELECT upper(a) WITHIN GROUP (ORDER BY a) FROM t", "WITHIN GROUP"),
            ("SELECT upper(a ORDER BY a) FROM t", "ORDER BY"),
            ("SELECT * ILIKE 'a%' FROM t", "ILIKE"),
            ("SELECT * FROM (SELECT a FROM t PREWHERE a > 1)", "PREWHERE"),
            ("EXPLAIN SELECT a FROM t PREWHERE a > 1", "PREWHERE"),
        ];
        for (sql, name) in refused {
            match parse(sql) {
                Err(PlannerError::Unsupported(text)) if text.contains(name) => {}
                other => panic!("{sql}: {other:?}"),
            }
        }
    }

    #[test]
    fn what_changes_nothing_is_taken() {
        let taken = [
            "SELECT a FROM t FOR UPDATE",
            "SELECT * EXCLUDE (a), t.* REPLACE (b + 1 AS b) FROM t",
            "SELECT a FROM t LEFT JOIN u USING (a) NATURAL JOIN v RIGHT JOIN w ON t.a = w.a",
            "SELECT a FROM t WITH (NOLOCK)",
            "SELECT a FROM t GROUP BY ROLLUP (a), CUBE (b)",
            "SELECT 1 UNION ALL SELECT 1 INTERSECT SELECT 1 EXCEPT SELECT 2",
            "SELECT count(*) FILTER (WHERE a > 1) FROM t",
            "SELECT array_agg(DISTINCT a ORDER BY a), lag(a) IGNORE NULLS OVER (ORDER BY a) FROM t",
        ];
        for sql in taken {
            assert!(parse(sql).is_ok(), "{sql}: {:?}", parse(sql));
        }
    }
}
