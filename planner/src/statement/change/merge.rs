//! MERGE, as what it asks for.

use datafusion::logical_expr::sqlparser::ast::{
    Expr, Ident, Merge, MergeAction, MergeClause, MergeClauseKind, MergeInsertExpr,
    MergeInsertKind, MergeUpdateExpr, TableFactor,
};

use super::{Assignment, ColumnName, Rows, assignment, rows};
use crate::statement::ddl::refuse;
use crate::{PlannerError, Result};

/// In the place of a column: all of the table's, from those of the source (`UPDATE SET *`, `INSERT *`).
pub(crate) const ALL_COLUMNS: &str = "spark: all columns";

/// MERGE INTO.
#[derive(Debug, Clone)]
pub struct MergeInto {
    /// The table, without a condition.
    pub target: Rows,
    /// The rows that come to it.
    pub source: TableFactor,
    /// Which rows of both belong together.
    pub on: Expr,
    /// What becomes of rows that do, in the order in which it is asked whether they apply.
    pub matched: Vec<Clause>,
    /// What becomes of rows of the source that do not.
    pub by_target: Vec<NewRow>,
    /// What becomes of rows of the table that do not.
    pub by_source: Vec<Clause>,
}

/// What becomes of a row of the table.
#[derive(Debug, Clone)]
pub struct Clause {
    /// AND, after WHEN MATCHED.
    pub condition: Option<Expr>,
    /// The new values of columns; `None`: the row goes.
    pub set: Option<Vec<Assignment>>,
}

/// A row that comes to the table.
#[derive(Debug, Clone)]
pub struct NewRow {
    /// AND, after WHEN NOT MATCHED.
    pub condition: Option<Expr>,
    /// The columns that have a value; none: all.
    pub columns: Vec<ColumnName>,
    /// The values.
    pub values: Vec<Expr>,
}

/// # Errors
/// `Unsupported` for a part that there is no place for.
pub(super) fn of(merge: Merge) -> Result<MergeInto> {
    refuse("MERGE", [("OUTPUT", merge.output.is_some())])?;
    let target = datafusion::logical_expr::sqlparser::ast::TableWithJoins {
        relation: merge.table,
        joins: Vec::new(),
    };
    let mut parts = MergeInto {
        target: rows("MERGE", vec![target], None)?,
        source: merge.source,
        on: *merge.on,
        matched: Vec::new(),
        by_target: Vec::new(),
        by_source: Vec::new(),
    };
    for clause in merge.clauses {
        parts.add(clause)?;
    }
    Ok(parts)
}

fn is_all(columns: &[&ColumnName]) -> bool {
    matches!(columns, [one] if one.name.value == ALL_COLUMNS)
}

impl MergeInto {
    /// The same, with the columns of the table in the place of `*`.
    ///
    /// # Errors
    /// `Invalid` for a source without a name.
    pub(crate) fn with_columns(mut self, columns: &[String]) -> Result<Self> {
        let source = source_name(&self.source);
        let each = || {
            let Some(source) = &source else {
                return Err(PlannerError::Invalid(
                    "MERGE: the source needs a name, USING (…) AS s, for the columns of *".into(),
                ));
            };
            Ok(columns.iter().map(|column| {
                let name = Ident::with_quote('"', column);
                let value = Expr::CompoundIdentifier(vec![source.clone(), name.clone()]);
                (ColumnName { table: Vec::new(), name }, value)
            }))
        };
        for set in self.matched.iter_mut().filter_map(|clause| clause.set.as_mut()) {
            if is_all(&set.iter().map(|set| &set.column).collect::<Vec<_>>()) {
                *set = each()?.map(|(column, value)| Assignment { column, value }).collect();
            }
        }
        for row in &mut self.by_target {
            if is_all(&row.columns.iter().collect::<Vec<_>>()) {
                (row.columns, row.values) = each()?.unzip();
            }
        }
        Ok(self)
    }

    fn add(&mut self, clause: MergeClause) -> Result<()> {
        let MergeClause { clause_kind, predicate: condition, action, .. } = clause;
        let is_new = matches!(
            clause_kind,
            MergeClauseKind::NotMatched | MergeClauseKind::NotMatchedByTarget
        );
        match action {
            MergeAction::Insert(insert) if is_new => {
                let (columns, values) = inserted(insert)?;
                self.by_target.push(NewRow { condition, columns, values });
            }
            MergeAction::Update(update) if !is_new => {
                let clause = Clause { condition, set: Some(updated(update)?) };
                self.existing(clause_kind).push(clause);
            }
            MergeAction::Delete { .. } if !is_new => {
                self.existing(clause_kind).push(Clause { condition, set: None });
            }
            other => {
                return Err(PlannerError::Invalid(format!(
                    "MERGE: WHEN {clause_kind} THEN {other} has no row to do it with"
                )));
            }
        }
        Ok(())
    }

    fn existing(&mut self, kind: MergeClauseKind) -> &mut Vec<Clause> {
        match kind {
            MergeClauseKind::NotMatchedBySource => &mut self.by_source,
            _ => &mut self.matched,
        }
    }
}

/// What the columns of the source are of.
fn source_name(source: &TableFactor) -> Option<Ident> {
    match source {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. } => Some(alias.name.clone()),
        TableFactor::Table { name, alias: None, .. } => {
            name.0.last().and_then(|part| part.as_ident()).cloned()
        }
        _ => None,
    }
}

fn inserted(insert: MergeInsertExpr) -> Result<(Vec<ColumnName>, Vec<Expr>)> {
    refuse("MERGE … INSERT", [("WHERE", insert.insert_predicate.is_some())])?;
    let MergeInsertKind::Values(mut values) = insert.kind else {
        return Err(PlannerError::Unsupported(
            "MERGE … INSERT ROW is not supported: write (columns) VALUES (values)".into(),
        ));
    };
    let (Some(values), true) = (values.rows.pop(), values.rows.is_empty()) else {
        return Err(PlannerError::Invalid("MERGE … INSERT has one row of VALUES".into()));
    };
    let columns = insert.columns.iter().map(|name| ColumnName::of("MERGE … INSERT", name));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    if !columns.is_empty() && columns.len() != values.len() {
        return Err(PlannerError::Invalid(format!(
            "MERGE … INSERT names {} columns and has {} values",
            columns.len(),
            values.len()
        )));
    }
    Ok((columns, values.content))
}

fn updated(update: MergeUpdateExpr) -> Result<Vec<Assignment>> {
    refuse(
        "MERGE … UPDATE",
        [
            ("WHERE", update.update_predicate.is_some()),
            ("DELETE", update.delete_predicate.is_some()),
        ],
    )?;
    update.assignments.into_iter().map(assignment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Change, Statement, parse};

    fn merge(sql: &str) -> Result<MergeInto> {
        match parse(sql)? {
            Statement::Change(change) => match *change {
                Change::Merge(merge) => Ok(*merge),
                other => panic!("{sql}: {other:?}"),
            },
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn clauses_stay_in_their_order() {
        let merge = merge(
            "MERGE INTO s.t AS x USING (SELECT 1 AS a) y ON x.a = y.a WHEN MATCHED AND x.b > 1 THEN DELETE \
             WHEN MATCHED THEN UPDATE SET b = y.a WHEN NOT MATCHED THEN INSERT (a) VALUES (y.a) \
             WHEN NOT MATCHED BY SOURCE THEN DELETE",
        )
        .unwrap();
        assert_eq!(merge.target.alias.unwrap().value, "x");
        assert!(merge.matched[0].set.is_none() && merge.matched[1].set.is_some());
        assert_eq!((merge.by_target.len(), merge.by_source.len()), (1, 1));
    }

    #[test]
    fn a_clause_without_a_row_is_refused() {
        for sql in [
            "MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN DELETE",
            "MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN INSERT (a) VALUES (1)",
            "MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT (a) VALUES (1, 2)",
        ] {
            assert!(merge(sql).is_err(), "{sql}");
        }
    }
}
