//! `FROM generate_series(1, ?)`.
//!
//! Problem: DataFusion 55 calls a function of tables when it plans, and takes constants alone. Here: where there are
//! parameters, it is the list that the function of that name makes, unnested; they are bound as everywhere.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Statement as SqlStatement, TableAlias, TableFactor, TableFunctionArgs, Value,
    VisitorMut, visit_expressions,
};

use super::walk;
use crate::{PlannerError, Result};

const SERIES: [&str; 2] = ["generate_series", "range"];

/// Writes them in a statement.
///
/// # Errors
/// `Internal` should what is written not be read again.
pub(super) fn write_out(statement: &mut DfStatement) -> Result<()> {
    let mut series = Series { failed: None };
    walk::rewrite(statement, &mut series);
    series.failed.map_or(Ok(()), Err)
}

struct Series {
    failed: Option<PlannerError>,
}

impl VisitorMut for Series {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args: Some(args), alias, .. } = &*factor else {
            return ControlFlow::Continue(());
        };
        let called = name.to_string().to_lowercase();
        if SERIES.contains(&called.as_str()) && has_parameter(args) {
            let args: Vec<_> = args.args.iter().map(ToString::to_string).collect();
            match unnested(&called, &args.join(", "), alias.clone()) {
                Ok(written) => *factor = written,
                Err(error) => self.failed = Some(error),
            }
        }
        ControlFlow::Continue(())
    }
}

fn has_parameter(args: &TableFunctionArgs) -> bool {
    let found = visit_expressions(&args.args, |part| match part {
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => {
            ControlFlow::Break(())
        }
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}

fn unnested(function: &str, args: &str, alias: Option<TableAlias>) -> Result<TableFactor> {
    let lost = || PlannerError::Internal(format!("a {function} that is not read again"));
    let sql = format!("SELECT unnest({function}({args})) AS value");
    let Some(DfStatement::Statement(sql)) = DFParser::parse_sql(&sql)?.pop_front() else {
        return Err(lost());
    };
    let SqlStatement::Query(subquery) = *sql else { return Err(lost()) };
    let name = Ident::new(function);
    let own = TableAlias { explicit: true, name, columns: Vec::new(), at: None };
    Ok(TableFactor::Derived {
        lateral: false,
        subquery,
        alias: Some(alias.unwrap_or(own)),
        sample: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::written;

    #[test]
    fn a_series_with_a_parameter_is_a_list() {
        for (given, expected) in [
            (
                "SELECT * FROM generate_series(1, ?)",
                "SELECT * FROM (SELECT unnest(generate_series(1, $1)) AS value) AS generate_series",
            ),
            (
                "SELECT n FROM range($1) AS r (n)",
                "SELECT n FROM (SELECT unnest(range($1)) AS value) AS r (n)",
            ),
            ("SELECT * FROM range(3)", "SELECT * FROM range(3)"),
        ] {
            assert_eq!(written(given), expected);
        }
    }
}
