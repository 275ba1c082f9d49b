//! What is told apart by a name of its own.
//!
//! Problem, in DataFusion 55: casts are left out of names, so that `sum(CAST(x AS DOUBLE))` beside `sum(x)` is refused
//! as the same total twice, whatever aliases they have; and a query may not select two columns of one name, which SQL
//! lets it. Both are found while a statement becomes a plan, where no rule of the session can reach. Official way: an
//! alias, which totals within expressions and groups cannot have. Here: `statement/{casts,columns}.rs` put such
//! expressions into functions that give what they are given and have another name, and the finished plan has them taken
//! out, with their names left as aliases. Results are given the names that were asked for
//! ([`wire_schema`](crate::wire_schema)).

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, internal_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use crate::statement::{AGAIN, AGAIN_MARK, CAST_BY_NAME};

/// Has a session know both functions.
pub(super) fn twins(state: &mut SessionState) -> Result<()> {
    for function in [Named::cast(), Named::again()] {
        state.register_udf(Arc::new(ScalarUDF::new_from_impl(function)))?;
    }
    Ok(())
}

/// The same plan without these functions.
pub(crate) fn apart(plan: LogicalPlan) -> Result<LogicalPlan> {
    let apart = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let bare = expr.transform_up(|expr| Ok(bare(expr)))?;
            Ok(bare.update_data(|expr| name.restore(expr)))
        })
    });
    apart.map(|apart| apart.data)
}

fn bare(expr: Expr) -> Transformed<Expr> {
    match expr {
        Expr::ScalarFunction(mut call)
            if [CAST_BY_NAME, AGAIN].contains(&call.func.name()) && !call.args.is_empty() =>
        {
            Transformed::yes(call.args.swap_remove(0))
        }
        other => Transformed::no(other),
    }
}

/// Gives the first of what it is given.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Named {
    name: &'static str,
    signature: Signature,
}

impl Named {
    /// Of a cast: its name has the cast.
    fn cast() -> Self {
        Self { name: CAST_BY_NAME, signature: Signature::any(1, Volatility::Immutable) }
    }

    /// Of what is selected and of a number: its name has a mark and that number behind it.
    fn again() -> Self {
        Self { name: AGAIN, signature: Signature::any(2, Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for Named {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [of, ..] => Ok(of.clone()),
            [] => internal_err!("{} of nothing", self.name),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        match args.arg_fields {
            [of, ..] => Ok(Arc::clone(of)),
            [] => internal_err!("{} of nothing", self.name),
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(match args {
            [Expr::Cast(cast)] => {
                format!("CAST({} AS {})", cast.expr.schema_name(), cast.field.data_type())
            }
            [Expr::TryCast(cast)] => {
                format!("TRY_CAST({} AS {})", cast.expr.schema_name(), cast.field.data_type())
            }
            [Expr::Column(column), at] => {
                format!("{}{AGAIN_MARK}{}", column.name, at.schema_name())
            }
            [of, at] => format!("{}{AGAIN_MARK}{}", of.schema_name(), at.schema_name()),
            [of] => of.schema_name().to_string(),
            _ => return internal_err!("{} of {} values", self.name, args.len()),
        })
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(args.args.swap_remove(0))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::session::keys_are_columns;
    use crate::statement::{Statement, parse};
    use crate::wire_schema::wire_schema;

    fn planned(plan: LogicalPlan) -> LogicalPlan {
        apart(keys_are_columns(plan).unwrap()).unwrap()
    }

    /// The names of a result, and its rows.
    async fn answer(sql: &str) -> (Vec<String>, Vec<String>) {
        let mut state = SessionContext::new().state();
        twins(&mut state).unwrap();
        let numbers = "SELECT value AS n, CAST(value AS DOUBLE) / 2 AS x FROM range(0, 4)";
        let Statement::Query(query) = parse(&format!("WITH t AS ({numbers}) {sql}")).unwrap()
        else {
            panic!("{sql}")
        };
        let plan =
            state.statement_to_plan(query).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        let context = SessionContext::new_with_state(state);
        let rows = context.execute_logical_plan(planned(plan)).await.unwrap();
        let names = wire_schema(rows.schema().as_arrow());
        let names = names.fields().iter().map(|field| field.name().clone()).collect();
        let batches = rows.collect().await.unwrap();
        let rows = batches.iter().flat_map(|batch| {
            (0..batch.num_rows()).map(|row| {
                let cells = batch.columns().iter().map(|cells| array_value_to_string(cells, row));
                cells.collect::<Result<Vec<_>, _>>().unwrap().join(" ")
            })
        });
        (names, rows.collect())
    }

    #[tokio::test]
    async fn what_differs_by_a_cast_is_two() {
        for (sql, expected) in [
            ("SELECT sum(CAST(x AS BIGINT)) AS a, sum(x) AS b FROM t", vec!["2 3.0"]),
            (
                "SELECT count(DISTINCT CAST(x AS INT)) a, count(DISTINCT CAST(x AS BIGINT)) b, count(DISTINCT x) c FROM t",
                vec!["2 2 4"],
            ),
            (
                "SELECT n % 2 AS k FROM t GROUP BY 1 HAVING sum(x) > 1.2 AND sum(CAST(x AS INT)) < 2 ORDER BY sum(x::INT)",
                vec!["1"],
            ),
            (
                "SELECT n, sum(x) OVER (ORDER BY n) a, sum(CAST(x AS INT)) OVER (ORDER BY n) b FROM t ORDER BY n DESC LIMIT 1",
                vec!["3 3.0 2"],
            ),
            (
                "SELECT CAST(x AS INT) a, x b, count(*) FROM t WHERE n < 2 GROUP BY 1, 2 ORDER BY 2",
                vec!["0 0.0 1", "0 0.5 1"],
            ),
            (
                "SELECT CAST(x AS INT) AS a, CAST(x AS DOUBLE) b FROM t WHERE n = 3 GROUP BY ROLLUP (CAST(x AS INT), CAST(x AS DOUBLE)) HAVING count(*) > 0 ORDER BY a NULLS LAST, b NULLS LAST",
                vec!["1 1.5", "1 ", " "],
            ),
            ("SELECT CAST(x AS INT), x, CAST(x AS INT) + x FROM t WHERE n = 3", vec!["1 1.5 2.5"]),
        ] {
            assert_eq!(answer(sql).await.1, expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn a_result_may_have_a_name_twice() {
        for (sql, names, row) in [
            ("SELECT n, n FROM t WHERE n = 3", vec!["n", "n"], "3 3"),
            ("SELECT n, t.n, x AS n FROM t WHERE n = 3", vec!["n"; 3], "3 3 1.5"),
            ("SELECT 1 AS a, 2 AS a", vec!["a", "a"], "1 2"),
            ("SELECT 1, 1", vec!["Int64(1)", "Int64(1)"], "1 1"),
            ("SELECT count(*), count(*) FROM t", vec!["count(*)", "count(*)"], "4 4"),
            (
                "SELECT n, n, count(*) FROM t GROUP BY 1, 2 ORDER BY n LIMIT 1",
                vec!["n", "n", "count(*)"],
                "0 0 1",
            ),
            (
                "SELECT count(*) AS c FROM (SELECT n, n, upper('a'), upper('a') FROM t) x",
                vec!["c"],
                "4",
            ),
            ("SELECT * FROM (SELECT x, n AS x FROM t WHERE n = 3) y", vec!["x", "x"], "1.5 3"),
            (
                "SELECT n, n FROM t WHERE n > 2 UNION ALL SELECT n, n FROM t WHERE n > 9",
                vec!["n", "n"],
                "3 3",
            ),
        ] {
            let (told, rows) = answer(sql).await;
            assert_eq!(
                (told, rows),
                (names.into_iter().map(str::to_owned).collect(), vec![row.to_owned()]),
                "{sql}"
            );
        }
    }
}
