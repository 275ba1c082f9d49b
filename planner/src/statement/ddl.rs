//! Statements that change the catalog, as what they ask for.
//!
//! DataFusion's own plans for them leave out without a word what they have no place for (RESTRICT, AUTHORIZATION, …);
//! here each part is understood or refused by name.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::logical_expr::sqlparser::ast::{
    CreateView, Ident, ObjectName, ObjectType, SchemaName, Statement as SqlStatement,
};
use datafusion::sql::parser::{CreateExternalTable, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{
    CreateTableOptions, Expr, Query, Value, visit_expressions_mut,
};

use super::alter::Alter;
use crate::catalog::{Existing, FileOptions, option_name};
use crate::{PlannerError, Result};

/// What a statement does to the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ddl {
    /// CREATE SCHEMA.
    CreateSchema {
        /// Its name.
        name: ObjectName,
        /// IF NOT EXISTS.
        or_not: bool,
    },
    /// DROP SCHEMA.
    DropSchemas {
        /// Their names.
        names: Vec<ObjectName>,
        /// IF EXISTS.
        or_not: bool,
        /// CASCADE.
        cascade: bool,
    },
    /// CREATE EXTERNAL TABLE.
    CreateExternal {
        /// Its name.
        name: ObjectName,
        /// Where its files are.
        location: String,
        /// What they are.
        format: String,
        /// How they are read, by the names that the catalog keeps.
        options: BTreeMap<String, String>,
        /// What becomes of one that is there.
        existing: Existing,
    },
    /// CREATE VIEW.
    CreateView {
        /// Its name.
        name: ObjectName,
        /// The names of its columns, if they are given.
        columns: Vec<Ident>,
        /// Its query, as it was written.
        query: String,
        /// What becomes of one that is there.
        existing: Existing,
        /// What its maker says of it.
        comment: Option<String>,
    },
    /// DROP TABLE or DROP VIEW.
    Drop {
        /// `table` or `view`.
        noun: &'static str,
        /// Their names.
        names: Vec<ObjectName>,
        /// IF EXISTS.
        or_not: bool,
        /// CASCADE: of tables, with the foreign keys that refer to them.
        cascade: bool,
    },
    /// ALTER TABLE.
    Alter(Box<Alter>),
}

/// What a statement asks for, if it changes the catalog.
///
/// # Errors
/// `Unsupported` for a part of it that there is no place for.
pub(super) fn of(statement: &DfStatement) -> Result<Option<Ddl>> {
    match statement {
        DfStatement::CreateExternalTable(create) => external(create).map(Some),
        DfStatement::Statement(sql) => of_sql(sql),
        _ => Ok(None),
    }
}

fn of_sql(statement: &SqlStatement) -> Result<Option<Ddl>> {
    match statement {
        SqlStatement::CreateSchema {
            schema_name,
            if_not_exists,
            with,
            options,
            default_collate_spec,
            clone,
        } => {
            let SchemaName::Simple(name) = schema_name else {
                return Err(no_place("CREATE SCHEMA", "AUTHORIZATION"));
            };
            refuse(
                "CREATE SCHEMA",
                [
                    ("WITH", with.is_some()),
                    ("OPTIONS", options.is_some()),
                    ("DEFAULT COLLATE", default_collate_spec.is_some()),
                    ("CLONE", clone.is_some()),
                ],
            )?;
            Ok(Some(Ddl::CreateSchema { name: name.clone(), or_not: *if_not_exists }))
        }
        SqlStatement::CreateDatabase { db_name, if_not_exists, .. } => {
            let plain = match if_not_exists {
                true => format!("CREATE DATABASE IF NOT EXISTS {db_name}"),
                false => format!("CREATE DATABASE {db_name}"),
            };
            match statement.to_string() == plain {
                true => {
                    Ok(Some(Ddl::CreateSchema { name: db_name.clone(), or_not: *if_not_exists }))
                }
                false => Err(no_place("CREATE DATABASE", "more than its name")),
            }
        }
        SqlStatement::CreateView(create) => view(create).map(Some),
        SqlStatement::Drop { object_type, .. } => match object_type {
            ObjectType::Schema | ObjectType::Database => drop_schemas(statement).map(Some),
            ObjectType::Table => drop_entries(statement, "table").map(Some),
            ObjectType::View => drop_entries(statement, "view").map(Some),
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

fn external(create: &CreateExternalTable) -> Result<Ddl> {
    const WHAT: &str = "CREATE EXTERNAL TABLE";
    if !create.columns.is_empty() || !create.table_partition_cols.is_empty() {
        return Err(PlannerError::Unsupported(format!(
            "{WHAT}: columns are those of the files, and partitions those of their folders: leave them out"
        )));
    }
    refuse(
        WHAT,
        [
            ("WITH ORDER", !create.order_exprs.is_empty()),
            ("TEMPORARY", create.temporary),
            ("UNBOUNDED", create.unbounded),
            ("keys (declare them with ALTER TABLE … ADD)", !create.constraints.is_empty()),
        ],
    )?;
    let [location] = create.locations.as_slice() else {
        return Err(PlannerError::Unsupported(format!(
            "{WHAT}: write one LOCATION, a folder or a file"
        )));
    };
    let format = create.file_type.to_lowercase();
    Ok(Ddl::CreateExternal {
        name: create.name.clone(),
        location: location.clone(),
        options: options(&format, &create.options)?,
        format,
        existing: existing(create.if_not_exists, create.or_replace)?,
    })
}

/// How files are to be read.
pub(super) fn options(format: &str, said: &[(String, Value)]) -> Result<BTreeMap<String, String>> {
    if !matches!(format, "csv" | "tsv") && !said.is_empty() {
        return Err(PlannerError::Unsupported(format!(
            "CREATE EXTERNAL TABLE … STORED AS {} with OPTIONS is not supported: leave it out",
            format.to_uppercase()
        )));
    }
    let mut options = BTreeMap::new();
    for (name, value) in said {
        let name = option_name(name).map_err(PlannerError::Unsupported)?;
        let value = match value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            other => other.to_string(),
        };
        if options.insert(name.to_owned(), value).is_some() {
            return Err(PlannerError::Invalid(format!("OPTIONS have '{name}' twice")));
        }
    }
    FileOptions::of(&options).map_err(PlannerError::Invalid)?;
    Ok(options)
}

fn view(create: &CreateView) -> Result<Ddl> {
    const WHAT: &str = "CREATE VIEW";
    let has_options = !matches!(create.options, CreateTableOptions::None);
    let has_types = |column: &datafusion::sql::sqlparser::ast::ViewColumnDef| {
        column.data_type.is_some() || column.options.is_some()
    };
    refuse(
        WHAT,
        [
            ("OR ALTER", create.or_alter),
            ("MATERIALIZED", create.materialized),
            ("SECURE", create.secure),
            ("WITH or OPTIONS", has_options),
            ("CLUSTER BY", !create.cluster_by.is_empty()),
            ("WITH NO SCHEMA BINDING", create.with_no_schema_binding),
            ("TEMPORARY", create.temporary),
            ("COPY GRANTS", create.copy_grants),
            ("TO", create.to.is_some()),
            ("ALGORITHM, DEFINER or SQL SECURITY", create.params.is_some()),
            ("types or options of columns", create.columns.iter().any(has_types)),
        ],
    )?;
    Ok(Ddl::CreateView {
        name: create.name.clone(),
        columns: create.columns.iter().map(|column| column.name.clone()).collect(),
        query: written(&create.query),
        existing: existing(create.if_not_exists, create.or_replace)?,
        comment: create.comment.clone(),
    })
}

/// A query as a text that is read again: `- -a` would be a comment without something between.
fn written(query: &Query) -> String {
    let mut query = query.clone();
    let _ = visit_expressions_mut(&mut query, |expr| {
        if let Expr::UnaryOp { expr: of, .. } = expr
            && matches!(of.as_ref(), Expr::UnaryOp { .. })
        {
            let inner = std::mem::replace(of.as_mut(), Expr::Value(Value::Null.with_empty_span()));
            **of = Expr::Nested(Box::new(inner));
        }
        ControlFlow::<()>::Continue(())
    });
    query.to_string()
}

pub(super) fn existing(if_not_exists: bool, or_replace: bool) -> Result<Existing> {
    match (if_not_exists, or_replace) {
        (false, false) => Ok(Existing::Refuse),
        (true, false) => Ok(Existing::Keep),
        (false, true) => Ok(Existing::Replace),
        (true, true) => {
            Err(PlannerError::Syntax("OR REPLACE and IF NOT EXISTS contradict each other".into()))
        }
    }
}

fn drop_schemas(statement: &SqlStatement) -> Result<Ddl> {
    let SqlStatement::Drop { if_exists, names, cascade, purge, .. } = statement else {
        return Err(PlannerError::Internal("no DROP".into()));
    };
    refuse("DROP SCHEMA", [("PURGE", *purge)])?;
    Ok(Ddl::DropSchemas { names: names.clone(), or_not: *if_exists, cascade: *cascade })
}

/// RESTRICT is what happens anyhow. Nothing depends on a view.
fn drop_entries(statement: &SqlStatement, noun: &'static str) -> Result<Ddl> {
    let SqlStatement::Drop { if_exists, names, cascade, purge, temporary, table, .. } = statement
    else {
        return Err(PlannerError::Internal("no DROP".into()));
    };
    refuse(
        "DROP",
        [
            ("CASCADE", *cascade && noun != "table"),
            ("PURGE", *purge),
            ("TEMPORARY", *temporary),
            ("ON", table.is_some()),
        ],
    )?;
    Ok(Ddl::Drop { noun, names: names.clone(), or_not: *if_exists, cascade: *cascade })
}

pub(super) fn refuse<const N: usize>(what: &str, parts: [(&str, bool); N]) -> Result<()> {
    match parts.iter().find(|(_, is_there)| *is_there) {
        Some((part, _)) => Err(no_place(what, part)),
        None => Ok(()),
    }
}

fn no_place(what: &str, part: &str) -> PlannerError {
    PlannerError::Unsupported(format!("{what} with {part} is not supported: leave it out"))
}

#[cfg(test)]
mod tests {
    use crate::PlannerError;
    use crate::catalog::Existing;
    use crate::statement::{Ddl, Statement, parse};

    fn ddl(sql: &str) -> Ddl {
        match parse(sql) {
            Ok(Statement::Ddl(ddl)) => ddl,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn schemas_are_made_and_dropped() {
        let Ddl::CreateSchema { name, or_not } = ddl("CREATE SCHEMA IF NOT EXISTS \"A b\"") else {
            panic!("it makes a schema")
        };
        assert_eq!((name.to_string().as_str(), or_not), ("\"A b\"", true));
        let Ddl::DropSchemas { names, or_not, cascade } = ddl("drop schema a, b cascade") else {
            panic!("it drops schemas")
        };
        assert_eq!((names.len(), or_not, cascade), (2, false, true));
    }

    #[test]
    fn a_view_keeps_its_query_as_it_was_written() {
        let sql =
            "CREATE OR REPLACE VIEW v (a) AS SELECT x FROM t WHERE x = 4.15 AND d < '9999-12-31'";
        let Ddl::CreateView { query, existing, columns, .. } = ddl(sql) else {
            panic!("it makes a view")
        };
        assert_eq!(query, "SELECT x FROM t WHERE x = 4.15 AND d < '9999-12-31'");
        assert_eq!((existing, columns.len()), (Existing::Replace, 1));
    }

    #[test]
    fn files_become_a_table() {
        let sql = "CREATE EXTERNAL TABLE IF NOT EXISTS s.t STORED AS Parquet LOCATION 's3://b/t/'";
        let Ddl::CreateExternal { location, format, existing, .. } = ddl(sql) else {
            panic!("it makes a table")
        };
        assert_eq!((location.as_str(), format.as_str()), ("s3://b/t/", "parquet"));
        assert_eq!(existing, Existing::Keep);
    }

    #[test]
    fn what_there_is_no_place_for_is_refused_by_name() {
        for (sql, part) in [
            ("CREATE SCHEMA AUTHORIZATION alice", "AUTHORIZATION"),
            ("CREATE MATERIALIZED VIEW v AS SELECT 1", "MATERIALIZED"),
            ("CREATE TEMPORARY VIEW v AS SELECT 1", "TEMPORARY"),
            ("CREATE DATABASE d LOCATION '/x'", "more than its name"),
            ("DROP VIEW v CASCADE", "CASCADE"),
            ("CREATE EXTERNAL TABLE t (a INT) STORED AS CSV LOCATION '/x'", "columns are those"),
            (
                "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/x' OPTIONS ('a' 'b')",
                "no option 'a'",
            ),
            (
                "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/x' OPTIONS ('sep' ';')",
                "OPTIONS",
            ),
        ] {
            let refused = parse(sql);
            let Err(PlannerError::Unsupported(why)) = refused else { panic!("{sql}: {refused:?}") };
            assert!(why.contains(part), "{why}");
        }
    }
}
