//! Statements that change rows, as what they ask for.
//!
//! DataFusion plans some of them, and passes over or refuses parts of others; here each part is understood or refused by
//! name, before it plans what rows they are about.

use datafusion::logical_expr::sqlparser::ast::{
    AssignmentTarget, BinaryOperator, CascadeOption, Delete, Expr, FromTable, Ident, Insert,
    ObjectName, Query, SetExpr, Statement as SqlStatement, TableFactor, TableObject,
    TableWithJoins, Truncate, Update, Values,
};
use datafusion::sql::parser::Statement as DfStatement;

use super::ddl::refuse;
use crate::{PlannerError, Result};

mod copy;
mod lengths;
mod merge;
mod table;
mod windows;

pub use copy::CopyTo;
pub(super) use copy::Target;
pub(crate) use lengths::lengths;
pub(crate) use merge::ALL_COLUMNS;
pub use merge::{Clause, MergeInto, NewRow};
pub use table::NewTable;
pub(crate) use table::known_property;
pub(super) use table::{SAID, own_options, property};

/// What a statement does to the rows of a table.
#[derive(Debug, Clone)]
pub enum Change {
    /// INSERT.
    Insert(InsertInto),
    /// DELETE.
    Delete(Rows),
    /// UPDATE.
    Update {
        /// Which rows.
        rows: Rows,
        /// What becomes of them.
        set: Vec<Assignment>,
    },
    /// TRUNCATE.
    Truncate {
        /// The table.
        table: ObjectName,
        /// IF EXISTS.
        or_not: bool,
    },
    /// CREATE TABLE, also AS a query.
    Create(NewTable),
    /// MERGE.
    Merge(Box<MergeInto>),
    /// COPY TO.
    Copy(CopyTo),
}

/// INSERT INTO or OVERWRITE.
#[derive(Debug, Clone)]
pub struct InsertInto {
    /// The table.
    pub table: ObjectName,
    /// The statement in a form that DataFusion plans.
    pub statement: DfStatement,
    /// Columns by which files are told apart, each with its value for all rows if the statement gives one.
    pub partition: Vec<(Ident, Option<Expr>)>,
    /// Whether the rows that are there go: all, or those of the values that are given.
    pub overwrite: bool,
    /// Whether it inserts one row of VALUES, and so any number of them with other values for its parameters.
    pub one_row: bool,
}

/// Some rows of a table.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The table.
    pub table: ObjectName,
    /// What the statement calls it by AS.
    pub alias: Option<Ident>,
    /// Which of its rows: all, where there is none.
    pub predicate: Option<Expr>,
}

/// `column = value`.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The column.
    pub column: ColumnName,
    /// Its new value, of the row as it was.
    pub value: Expr,
}

/// A column that gets a value.
#[derive(Debug, Clone)]
pub struct ColumnName {
    /// What stands before it: the table, or it is no column but a field of one.
    pub table: Vec<Ident>,
    /// Its own name.
    pub name: Ident,
}

impl ColumnName {
    /// # Errors
    /// `Invalid` for what is no name.
    fn of(what: &str, name: &ObjectName) -> Result<Self> {
        let parts = name.0.iter().map(|part| part.as_ident().cloned());
        let parts = parts.collect::<Option<Vec<_>>>().unwrap_or_default();
        match parts.split_last() {
            Some((own, table)) => Ok(Self { table: table.to_vec(), name: own.clone() }),
            None => {
                Err(PlannerError::Invalid(format!("{what} {name}: name a column of the table")))
            }
        }
    }
}

/// What a statement asks for, if it changes rows; else the statement.
///
/// # Errors
/// `Unsupported` for a part of it that there is no place for.
pub(super) fn of(statement: DfStatement) -> Result<std::result::Result<Change, DfStatement>> {
    let DfStatement::Statement(sql) = statement else { return Ok(Err(statement)) };
    windows::refuse_windows(&sql)?;
    let change = match *sql {
        SqlStatement::Insert(insert) => inserted(insert)?,
        SqlStatement::Delete(delete) => deleted(delete)?,
        SqlStatement::Update(update) => updated(update)?,
        SqlStatement::Truncate(truncate) => truncated(truncate)?,
        SqlStatement::CreateTable(create) => Change::Create(table::of(create)?),
        SqlStatement::Query(query) if writes(&query.body) => with_queries(*query)?,
        SqlStatement::Merge(merge) => Change::Merge(Box::new(merge::of(merge)?)),
        other => return Ok(Err(DfStatement::Statement(Box::new(other)))),
    };
    Ok(Ok(change))
}

fn writes(body: &SetExpr) -> bool {
    matches!(body, SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_))
}

fn inserted(mut insert: Insert) -> Result<Change> {
    const WHAT: &str = "INSERT";
    refuse(
        WHAT,
        [
            ("OR", insert.or.is_some()),
            ("IGNORE", insert.ignore),
            ("REPLACE INTO", insert.replace_into),
            ("ON CONFLICT (write MERGE)", insert.on.is_some()),
            ("RETURNING", insert.returning.is_some()),
            (
                "an alias of the table",
                insert.table_alias.is_some() || insert.insert_alias.is_some(),
            ),
            (
                "columns before and after PARTITION",
                !insert.columns.is_empty() && !insert.after_columns.is_empty(),
            ),
            ("SET", !insert.assignments.is_empty()),
            ("DEFAULT VALUES", insert.source.is_none()),
            ("DEFAULT (leave its column out of the list of columns)", has_default(&insert)),
        ],
    )?;
    let TableObject::TableName(table) = &insert.table else {
        return Err(PlannerError::Unsupported("INSERT: name the table that rows go to".into()));
    };
    let (table, overwrite) = (table.clone(), insert.overwrite);
    let partition = insert.partitioned.take().unwrap_or_default();
    let partition = partition.into_iter().map(given).collect::<Result<Vec<_>>>()?;
    if insert.columns.is_empty() {
        insert.columns =
            std::mem::take(&mut insert.after_columns).into_iter().map(ObjectName::from).collect();
    }
    let one_row = insert.source.as_deref().is_some_and(is_one_row) && !overwrite;
    let statement = DfStatement::Statement(Box::new(SqlStatement::Insert(insert)));
    Ok(Change::Insert(InsertInto { table, statement, partition, overwrite, one_row }))
}

/// `column = value`, or a column whose values the query gives.
fn given(part: Expr) -> Result<(Ident, Option<Expr>)> {
    match part {
        Expr::Identifier(column) => Ok((column, None)),
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => match *left {
            Expr::Identifier(column) => Ok((column, Some(*right))),
            left => Err(PlannerError::Invalid(format!(
                "INSERT … PARTITION ({left} = …): name a column"
            ))),
        },
        other => Err(PlannerError::Invalid(format!(
            "INSERT … PARTITION ({other}): write column = value, or a column"
        ))),
    }
}

/// `WITH … INSERT` is an INSERT of a query with the same WITH.
fn with_queries(mut query: Query) -> Result<Change> {
    let nothing =
        SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows: Vec::new() });
    let SetExpr::Insert(SqlStatement::Insert(mut insert)) =
        std::mem::replace(query.body.as_mut(), nothing)
    else {
        return Err(PlannerError::Unsupported(
            "WITH before UPDATE, DELETE and MERGE is not supported: write its queries where they are used".into(),
        ));
    };
    match insert.source.take() {
        Some(mut source) if source.with.is_none() => {
            source.with = query.with;
            insert.source = Some(source);
        }
        Some(source) => {
            *query.body = SetExpr::Query(source);
            insert.source = Some(Box::new(query));
        }
        None => {}
    }
    inserted(insert)
}

/// Whether VALUES has the word DEFAULT.
fn has_default(insert: &Insert) -> bool {
    let Some(SetExpr::Values(values)) = insert.source.as_ref().map(|query| query.body.as_ref())
    else {
        return false;
    };
    let is_default = |value: &Expr| match value {
        Expr::Identifier(name) => {
            name.quote_style.is_none() && name.value.eq_ignore_ascii_case("default")
        }
        _ => false,
    };
    values.rows.iter().flat_map(|row| row.content.iter()).any(is_default)
}

fn is_one_row(query: &Query) -> bool {
    let plain = query.with.is_none() && query.order_by.is_none() && query.limit_clause.is_none();
    matches!(query.body.as_ref(), SetExpr::Values(values) if plain && values.rows.len() == 1)
}

fn deleted(delete: Delete) -> Result<Change> {
    refuse(
        "DELETE",
        [
            ("several tables", !delete.tables.is_empty()),
            ("USING (write MERGE, or WHERE EXISTS)", delete.using.is_some()),
            ("RETURNING", delete.returning.is_some()),
            ("OUTPUT", delete.output.is_some()),
            ("ORDER BY", !delete.order_by.is_empty()),
            ("LIMIT", delete.limit.is_some()),
        ],
    )?;
    let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) = delete.from;
    Ok(Change::Delete(rows("DELETE", from, delete.selection)?))
}

fn updated(update: Update) -> Result<Change> {
    refuse(
        "UPDATE",
        [
            ("FROM (write MERGE, or a subquery)", update.from.is_some()),
            ("RETURNING", update.returning.is_some()),
            ("OUTPUT", update.output.is_some()),
            ("OR", update.or.is_some()),
            ("ORDER BY", !update.order_by.is_empty()),
            ("LIMIT", update.limit.is_some()),
        ],
    )?;
    let rows = rows("UPDATE", vec![update.table], update.selection)?;
    let set = update.assignments.into_iter().map(assignment).collect::<Result<Vec<_>>>()?;
    Ok(Change::Update { rows, set })
}

fn assignment(
    assignment: datafusion::logical_expr::sqlparser::ast::Assignment,
) -> Result<Assignment> {
    let AssignmentTarget::ColumnName(name) = assignment.target else {
        return Err(PlannerError::Unsupported(
            "SET of several columns at once is not supported: write one assignment for each".into(),
        ));
    };
    Ok(Assignment { column: ColumnName::of("SET", &name)?, value: assignment.value })
}

fn truncated(truncate: Truncate) -> Result<Change> {
    refuse(
        "TRUNCATE",
        [
            ("PARTITION (write DELETE)", truncate.partitions.is_some()),
            ("RESTART IDENTITY", truncate.identity.is_some()),
            ("ON CLUSTER", truncate.on_cluster.is_some()),
            ("CASCADE", matches!(truncate.cascade, Some(CascadeOption::Cascade))),
        ],
    )?;
    let [table] = truncate.table_names.as_slice() else {
        return Err(PlannerError::Unsupported("TRUNCATE one table at a time".into()));
    };
    Ok(Change::Truncate { table: table.name.clone(), or_not: truncate.if_exists })
}

fn rows(what: &str, mut from: Vec<TableWithJoins>, predicate: Option<Expr>) -> Result<Rows> {
    let plain = |message: &str| PlannerError::Unsupported(format!("{what}: {message}"));
    let (Some(table), true) = (from.pop(), from.is_empty()) else {
        return Err(plain("name one table"));
    };
    if !table.joins.is_empty() {
        return Err(plain("a join is not supported: write MERGE, or WHERE EXISTS"));
    }
    let text = table.relation.to_string();
    let TableFactor::Table { name, alias, .. } = table.relation else {
        return Err(plain("name a table"));
    };
    let bare = match &alias {
        Some(alias) => format!("{name} {alias}"),
        None => name.to_string(),
    };
    // Whatever else is said of it would be passed over.
    if text != bare && text != bare.replacen(" AS ", " ", 1) {
        return Err(plain(&format!("{text} is more than the name of a table")));
    }
    let alias = match alias {
        Some(alias) if !alias.columns.is_empty() => {
            return Err(plain("names for columns are not supported: leave them out"));
        }
        Some(alias) => Some(alias.name),
        None => None,
    };
    Ok(Rows { table: name, alias, predicate })
}
