//! COPY TO, as what it asks for.

use datafusion::logical_expr::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::parser::{CopyToSource, DFParserBuilder, Statement as DfStatement};

use crate::statement::ddl::refuse;
use crate::{PlannerError, Result};

/// COPY TO.
#[derive(Debug, Clone)]
pub struct CopyTo {
    /// Whose rows.
    pub query: DfStatement,
    /// The file or the folder.
    pub target: String,
    /// The columns whose values are in the names of folders.
    pub partition_by: Vec<String>,
}

/// Where rows go.
pub(in crate::statement) struct Target {
    target: String,
    partition_by: Vec<String>,
}

impl Target {
    /// Takes a COPY apart: the statement becomes the query whose rows go there. `None` for any other statement.
    ///
    /// # Errors
    /// `Unsupported` for a format other than Parquet, and for options.
    pub(in crate::statement) fn taken(statement: &mut DfStatement) -> Result<Option<Self>> {
        let DfStatement::CopyTo(copy) = statement else { return Ok(None) };
        let format = copy.stored_as.clone().map(|format| format.to_lowercase());
        let suffix = copy.target.rsplit('/').next().and_then(|name| name.rsplit_once('.'));
        let of_another = suffix
            .is_some_and(|(_, suffix)| matches!(suffix, "csv" | "json" | "arrow" | "tsv" | "gz"));
        refuse(
            "COPY TO",
            [
                (
                    "a format other than PARQUET",
                    of_another || format.is_some_and(|it| it != "parquet"),
                ),
                ("OPTIONS", !copy.options.is_empty()),
            ],
        )?;
        let query = match &copy.source {
            CopyToSource::Query(query) => {
                DfStatement::Statement(Box::new(SqlStatement::Query(query.clone())))
            }
            CopyToSource::Relation(name) => all_of(&name.to_string())?,
        };
        let target =
            Self { target: copy.target.clone(), partition_by: copy.partitioned_by.clone() };
        *statement = query;
        Ok(Some(target))
    }

    pub(in crate::statement) fn of(self, query: DfStatement) -> CopyTo {
        CopyTo { query, target: self.target, partition_by: self.partition_by }
    }
}

fn all_of(name: &str) -> Result<DfStatement> {
    let text = format!("SELECT * FROM {name}");
    let statements = DFParserBuilder::new(text.as_str()).build()?.parse_statements()?;
    let one = statements.into_iter().next();
    one.ok_or_else(|| PlannerError::Internal("no query of a table".into()))
}
