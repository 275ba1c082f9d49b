//! COPY TO, as what it asks for.

use datafusion::logical_expr::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::parser::{
    CopyToSource, CopyToStatement, DFParserBuilder, Statement as DfStatement,
};

use crate::catalog::FileOptions;
use crate::statement::ddl::{options, refuse};
use crate::write::{Csv, Encoding};
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
    /// What the files are written in.
    pub encoding: Encoding,
}

/// Where rows go.
pub(in crate::statement) struct Target {
    target: String,
    partition_by: Vec<String>,
    encoding: Encoding,
}

impl Target {
    /// Takes a COPY apart: the statement becomes the query whose rows go there. `None` for any other statement.
    ///
    /// # Errors
    /// `Unsupported` for a format that nothing is written in, and for options; `Invalid` for one that the name of the file
    /// speaks against.
    pub(in crate::statement) fn taken(statement: &mut DfStatement) -> Result<Option<Self>> {
        let DfStatement::CopyTo(copy) = statement else { return Ok(None) };
        let encoding = with_options(encoding(copy)?, copy)?;
        let query = match &copy.source {
            CopyToSource::Query(query) => {
                DfStatement::Statement(Box::new(SqlStatement::Query(query.clone())))
            }
            CopyToSource::Relation(name) => all_of(&name.to_string())?,
        };
        let (target, partition_by) = (copy.target.clone(), copy.partitioned_by.clone());
        let target = Self { target, partition_by, encoding };
        *statement = query;
        Ok(Some(target))
    }

    pub(in crate::statement) fn of(self, query: DfStatement) -> CopyTo {
        let Self { target, partition_by, encoding } = self;
        CopyTo { query, target, partition_by, encoding }
    }
}

/// As OPTIONS say, which CSV alone has.
fn with_options(encoding: Encoding, copy: &CopyToStatement) -> Result<Encoding> {
    let Encoding::Csv(csv) = encoding else {
        refuse("COPY TO", [("OPTIONS", !copy.options.is_empty())])?;
        return Ok(encoding);
    };
    let said = FileOptions::of(&options("csv", &copy.options)?).map_err(PlannerError::Invalid)?;
    refuse(
        "COPY TO",
        [
            ("format.quote", said.quote.is_some()),
            ("format.escape", said.escape.is_some()),
            ("format.newlines_in_values", said.newlines_in_values.is_some()),
        ],
    )?;
    Ok(Encoding::Csv(Csv {
        delimiter: said.delimiter.unwrap_or(csv.delimiter),
        has_header: said.has_header.unwrap_or(csv.has_header),
    }))
}

/// By STORED AS, by the name of the file, or Parquet.
fn encoding(copy: &CopyToStatement) -> Result<Encoding> {
    let known = |name: &str| match name {
        "parquet" => Some(Encoding::Parquet),
        "csv" => Some(Encoding::Csv(Csv::default())),
        "json" => Some(Encoding::Json),
        _ => None,
    };
    let unknown = |name: &str| {
        PlannerError::Unsupported(format!(
            "COPY TO a file of {name}: write STORED AS PARQUET, CSV or JSON, and a name that ends alike"
        ))
    };
    let file = copy.target.rsplit('/').next().and_then(|name| name.rsplit_once('.'));
    let by_name = match file.map(|(_, suffix)| suffix.to_lowercase()) {
        Some(suffix) if known(&suffix).is_some() => known(&suffix),
        Some(suffix)
            if ["arrow", "tsv", "gz", "zst", "ndjson", "txt", "avro", "orc"]
                .contains(&&*suffix) =>
        {
            return Err(unknown(&suffix));
        }
        _ => None,
    };
    let said = copy.stored_as.as_ref().map(|format| format.to_lowercase());
    let said = said.map(|said| known(&said).ok_or_else(|| unknown(&said))).transpose()?;
    match (said, by_name) {
        (Some(said), Some(by_name)) if said != by_name => Err(PlannerError::Invalid(format!(
            "COPY TO: {} ends in another format than it is STORED AS",
            copy.target
        ))),
        (said, by_name) => Ok(said.or(by_name).unwrap_or_default()),
    }
}

fn all_of(name: &str) -> Result<DfStatement> {
    let text = format!("SELECT * FROM {name}");
    let statements = DFParserBuilder::new(text.as_str()).build()?.parse_statements()?;
    let one = statements.into_iter().next();
    one.ok_or_else(|| PlannerError::Internal("no query of a table".into()))
}
