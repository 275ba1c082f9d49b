//! The truth: the same statement over the same files on single-node DataFusion, in this process.

mod compare;
mod duckdb;

use std::fs;
use std::path::Path;

use datafusion::arrow::array::RecordBatch;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;

use crate::Result;
use crate::answer::Answer;
pub use compare::{Rows, Source, difference};
pub use duckdb::duckdb;

/// DataFusion over a folder of tables.
pub struct Oracle {
    context: SessionContext,
}

impl Oracle {
    /// Registers every sub-folder as a table of Parquet files.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub async fn over(folder: &Path) -> Result<Self> {
        let context = SessionContext::new_with_config(
            SessionConfig::new().with_information_schema(true).with_target_partitions(2),
        );
        for table in fs::read_dir(folder)? {
            let path = table?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let path = path.to_string_lossy().into_owned();
            context.register_parquet(name, path, ParquetReadOptions::default()).await?;
        }
        Ok(Self { context })
    }

    /// DataFusion without tables.
    pub fn empty() -> Self {
        Self { context: SessionContext::new() }
    }

    /// The right rows of a statement.
    ///
    /// # Errors
    /// DataFusion's.
    pub async fn rows(&self, sql: &str) -> Result<Rows> {
        let frame = self.context.sql(sql).await?;
        let schema = frame.schema().inner().clone();
        let batches: Vec<RecordBatch> = frame.collect().await?;
        Ok(Rows { schema, batches, ordered: is_ordered(sql)?, source: Source::DataFusion })
    }

    /// Holds an answer against the right rows.
    ///
    /// # Panics
    /// When they differ, saying where.
    pub async fn check(&self, sql: &str, answer: &Answer) {
        let right = self.rows(sql).await.unwrap_or_else(|error| panic!("{sql}\n{error}"));
        if let Some(difference) = difference(&right, answer) {
            panic!("{sql}\n{difference}");
        }
    }
}

/// Whether the statement's own root orders its rows: then their order is part of the answer.
fn is_ordered(sql: &str) -> Result<bool> {
    let statement = DFParser::parse_sql(sql)?.pop_front().ok_or("no statement")?;
    let Statement::Statement(statement) = statement else { return Ok(false) };
    let SqlStatement::Query(query) = *statement else { return Ok(false) };
    Ok(query.order_by.is_some())
}
