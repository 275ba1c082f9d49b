//! CREATE TABLE, as what it asks for.

use datafusion::logical_expr::sqlparser::ast::{
    ColumnDef, ColumnOption, ColumnOptionDef, CommentDef, CreateTable, CreateTableOptions, Expr,
    HiveDistributionStyle, Ident, ObjectName, Query, SqlOption, Statement as SqlStatement,
};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::Value;

use super::lengths::refuse_lengths;
use crate::catalog::Existing;
use crate::statement::ddl::existing;
use crate::statement::keys::{NewKey, of_column, of_table};
use crate::{PlannerError, Result};

/// CREATE TABLE, also AS a query.
#[derive(Debug, Clone)]
pub struct NewTable {
    /// Its name.
    pub name: ObjectName,
    /// Its columns, as a statement that DataFusion plans. `None`: those of the query.
    pub columns: Option<DfStatement>,
    /// The query whose rows it has.
    pub query: Option<Box<Query>>,
    /// The columns by which its files are told apart.
    pub partition_by: Vec<Ident>,
    /// What becomes of one that is there.
    pub existing: Existing,
    /// What its maker says of it.
    pub comment: Option<String>,
    /// What its maker says of its columns.
    pub comments: Vec<(Ident, String)>,
    /// TBLPROPERTIES, or WITH.
    pub properties: Vec<(String, String)>,
    /// Its keys.
    pub keys: Vec<NewKey>,
}

/// A property that is what the maker of a table says of it: the parser reads no COMMENT beside TBLPROPERTIES.
pub(in crate::statement) const SAID: &str = "spark: comment";

/// # Errors
/// `Unsupported` for a part that there is no place for.
pub(super) fn of(mut create: CreateTable) -> Result<NewTable> {
    let existing = existing(create.if_not_exists, create.or_replace)?;
    (create.if_not_exists, create.or_replace) = (false, false);
    let query = create.query.take();
    let partition_by = partition_by(&mut create)?;
    let options = std::mem::replace(&mut create.table_options, CreateTableOptions::None);
    let (said, options): (Vec<_>, Vec<_>) =
        listed(options).into_iter().partition(|option| matches!(option, SqlOption::Comment(_)));
    let said = said.into_iter().filter_map(|option| match option {
        SqlOption::Comment(comment) => Some(comment),
        _ => None,
    });
    let mut comment = said.chain(create.comment.take()).next().map(|comment| match comment {
        CommentDef::WithEq(text) | CommentDef::WithoutEq(text) => text,
    });
    let properties = options.into_iter().map(|option| property("CREATE TABLE", option));
    let mut properties = properties.collect::<Result<Vec<_>>>()?;
    if let Some(at) = properties.iter().position(|(key, _)| key == SAID) {
        comment = Some(properties.remove(at).1);
    }
    let (mut comments, mut keys) = (Vec::new(), Vec::new());
    for column in &mut create.columns {
        let own = own_options(column)?;
        comments.extend(own.comment.map(|text| (column.name.clone(), text)));
        keys.extend(own.keys);
    }
    let constraints = std::mem::take(&mut create.constraints);
    keys.extend(constraints.into_iter().map(of_table).collect::<Result<Vec<_>>>()?);
    refuse_the_rest(&create)?;
    let name = create.name.clone();
    let has_columns = !create.columns.is_empty();
    if !has_columns && query.is_none() {
        return Err(PlannerError::Invalid(
            "CREATE TABLE needs columns, (a INT, …), or a query, AS SELECT …".into(),
        ));
    }
    if has_columns && query.is_some() {
        return Err(PlannerError::Unsupported(
            "CREATE TABLE with columns and AS is not supported: name and CAST them in the query"
                .into(),
        ));
    }
    let columns =
        has_columns.then(|| DfStatement::Statement(Box::new(SqlStatement::CreateTable(create))));
    Ok(NewTable {
        name,
        columns,
        query,
        partition_by,
        existing,
        comment,
        comments,
        properties,
        keys,
    })
}

/// `PARTITIONED BY (a, b)` of Spark and Hive, `PARTITION BY a` of others.
fn partition_by(create: &mut CreateTable) -> Result<Vec<Ident>> {
    let hive = std::mem::replace(&mut create.hive_distribution, HiveDistributionStyle::NONE);
    let by = create.partition_by.take();
    match (hive, by) {
        (HiveDistributionStyle::NONE, None) => Ok(Vec::new()),
        (HiveDistributionStyle::PARTITIONED { columns }, None) => {
            // Hive has them beside the others, with their types.
            let columns = columns.into_iter().map(|column| {
                let name = column.name.clone();
                if column.data_type != datafusion::sql::sqlparser::ast::DataType::Unspecified {
                    create.columns.push(column);
                }
                name
            });
            Ok(columns.collect())
        }
        (HiveDistributionStyle::NONE, Some(by)) => names(*by),
        _ => Err(PlannerError::Unsupported(
            "CREATE TABLE: write PARTITIONED BY (columns) once, and nothing like SKEWED BY".into(),
        )),
    }
}

fn names(by: Expr) -> Result<Vec<Ident>> {
    match by {
        Expr::Identifier(name) => Ok(vec![name]),
        Expr::Nested(inner) => names(*inner),
        Expr::Tuple(columns) => {
            columns.into_iter().map(names).collect::<Result<Vec<_>>>().map(|names| names.concat())
        }
        other => Err(PlannerError::Unsupported(format!(
            "PARTITIONED BY {other} is not supported: name columns of the table"
        ))),
    }
}

fn listed(options: CreateTableOptions) -> Vec<SqlOption> {
    match options {
        CreateTableOptions::None => Vec::new(),
        CreateTableOptions::With(options)
        | CreateTableOptions::Options(options)
        | CreateTableOptions::TableProperties(options)
        | CreateTableOptions::Plain(options) => options,
    }
}

/// A property that a table is to have.
///
/// # Errors
/// `Unsupported` for those that ask for what is not done here, `Invalid` for values that they have not.
pub(in crate::statement) fn property(what: &str, option: SqlOption) -> Result<(String, String)> {
    let SqlOption::KeyValue { key, value } = option else {
        return Err(no_property(what, &option.to_string()));
    };
    known_property(what, &key.value)?;
    if matches!(&value, Expr::Value(value) if matches!(value.value, Value::Placeholder(_))) {
        return Err(PlannerError::Unsupported(format!(
            "{what}: a property is no parameter, write its value"
        )));
    }
    let text = match &value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    let is_boolean = ["true", "false"].iter().any(|known| text.eq_ignore_ascii_case(known));
    match key.value == APPEND_ONLY && !is_boolean {
        true => {
            Err(PlannerError::Unsupported(format!("{APPEND_ONLY} is true or false, not {text}")))
        }
        false => Ok((key.value, text)),
    }
}

const APPEND_ONLY: &str = "delta.appendOnly";

/// # Errors
/// `Unsupported` for one of Delta's own that is not known: it asks for what is not done here.
pub(crate) fn known_property(what: &str, name: &str) -> Result<()> {
    match name == APPEND_ONLY || !name.starts_with("delta.") {
        true => Ok(()),
        false => Err(no_property(what, name)),
    }
}

fn no_property(what: &str, property: &str) -> PlannerError {
    PlannerError::Unsupported(format!("{what} with {property} is not supported"))
}

/// What is said of a column beside its type and NOT NULL.
pub(in crate::statement) struct Own {
    pub(in crate::statement) comment: Option<String>,
    pub(in crate::statement) keys: Vec<NewKey>,
}

/// Takes it out of the column: its type and NOT NULL stay for the planner.
pub(in crate::statement) fn own_options(column: &mut ColumnDef) -> Result<Own> {
    refuse_lengths(&column.name.value, &column.data_type)?;
    let mut own = Own { comment: None, keys: Vec::new() };
    let options = std::mem::take(&mut column.options);
    for option in options {
        if let Some(key) = of_column(&column.name, option.name.as_ref(), &option.option)? {
            own.keys.push(key);
            continue;
        }
        match option.option {
            plain @ (ColumnOption::NotNull | ColumnOption::Null) => {
                column.options.push(ColumnOptionDef { name: None, option: plain });
            }
            ColumnOption::Comment(text) => own.comment = Some(text),
            other => {
                return Err(PlannerError::Unsupported(format!(
                    "column '{}' {other} is not supported by this version: leave it out",
                    column.name.value
                )));
            }
        }
    }
    Ok(own)
}

/// Whatever else a statement says is refused: what is left of it is its name and its columns.
fn refuse_the_rest(create: &CreateTable) -> Result<()> {
    let columns: Vec<_> = create.columns.iter().map(ToString::to_string).collect();
    let plain = match columns.is_empty() {
        true => format!("CREATE TABLE {}", create.name),
        false => format!("CREATE TABLE {} ({})", create.name, columns.join(", ")),
    };
    let text = create.to_string();
    match text.trim().trim_end_matches(" ()") == plain {
        true => Ok(()),
        false => Err(PlannerError::Unsupported(format!(
            "a part of {text} is not supported: write its columns with their types, NOT NULL and COMMENT, then PARTITIONED BY, \
             COMMENT, TBLPROPERTIES and AS"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Change, Statement, parse};

    fn table(sql: &str) -> NewTable {
        match parse(sql) {
            Ok(Statement::Change(change)) => match *change {
                Change::Create(table) => table,
                other => panic!("{sql}: {other:?}"),
            },
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn partitions(sql: &str) -> Vec<String> {
        table(sql).partition_by.into_iter().map(|ident| ident.value).collect()
    }

    #[test]
    fn columns_by_which_files_are_told_apart_are_named_in_three_ways() {
        for sql in [
            "CREATE TABLE t (a INT, d DATE) PARTITIONED BY (d)",
            "CREATE TABLE t (a INT) PARTITIONED BY (d DATE)",
            "CREATE TABLE t (a INT, d DATE) PARTITION BY d",
        ] {
            assert_eq!(partitions(sql), ["d"], "{sql}");
            let columns = table(sql).columns.unwrap().to_string();
            assert!(columns.contains("a INT, d DATE"), "{columns}");
        }
    }

    #[test]
    fn what_its_maker_says_is_kept() {
        let table =
            table("CREATE TABLE IF NOT EXISTS s.t (a INT NOT NULL COMMENT 'one') COMMENT 'all'");
        assert_eq!(table.comment.as_deref(), Some("all"));
        assert_eq!(table.comments.len(), 1);
        assert_eq!(table.existing, Existing::Keep);
        assert!(table.columns.unwrap().to_string().contains("NOT NULL"));
    }

    #[test]
    fn properties_are_named_in_two_ways() {
        for with in ["WITH", "TBLPROPERTIES"] {
            let table = table(&format!("CREATE TABLE t (a INT) {with} ('owner' = 'x')"));
            assert_eq!(table.properties, [("owner".to_owned(), "x".to_owned())]);
        }
    }

    #[test]
    fn what_is_not_kept_is_refused() {
        for sql in [
            "CREATE TEMPORARY TABLE t (a INT)",
            "CREATE TABLE t (a INT DEFAULT 1)",
            "CREATE TABLE t (a INT GENERATED ALWAYS AS (1))",
            "CREATE TABLE t (a INT) WITH ('delta.enableChangeDataFeed' = 'true')",
            "CREATE TABLE t LIKE u",
            "CREATE TABLE t (a VARCHAR(3)[])",
            "CREATE TABLE t (a INT[3])",
            "CREATE TABLE t (a INT) TBLPROPERTIES ('owner' = ?)",
            "CREATE TABLE t (a CHAR(2), b INT)",
            "CREATE TABLE t (a STRUCT<b VARCHAR(3)>)",
            "CREATE TABLE t (a TIMESTAMP(0))",
            "TRUNCATE TABLE t CASCADE",
        ] {
            let refused = parse(sql);
            assert!(matches!(refused, Err(PlannerError::Unsupported(_))), "{sql}: {refused:?}");
        }
    }
}
