//! What is asked for, and by whom.

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::prelude::SessionConfig;
use squadron_planner::options::{Dialect, SquadronOptions};
use squadron_planner::plan::Form;

use super::prepared::Values;

/// Who asks, and with which settings.
#[derive(Clone)]
pub struct Caller {
    /// The principal: results are read by the one who started the query only.
    pub principal: String,
    /// The name of its session, with which its results go.
    pub session: Option<String>,
    /// The session's settings with those of the request.
    pub settings: SessionConfig,
    /// A client known to read one endpoint and no more.
    pub reads_one: bool,
}

impl Caller {
    /// The same, of whose session statements are read in this dialect.
    pub(super) fn reading(&self, dialect: Option<Dialect>) -> Self {
        let mut caller = self.clone();
        let extensions = &mut caller.settings.options_mut().extensions;
        if let (Some(dialect), Some(options)) = (dialect, extensions.get_mut::<SquadronOptions>()) {
            options.dialect = dialect;
        }
        caller
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The statement.
    pub sql: String,
    /// The values of its parameters, the first of `$1`.
    pub values: Values,
    /// Rows of such values, for an INSERT that is carried out for each.
    pub rows: Option<RecordBatch>,
    /// What is asked for, where that is not the text.
    pub form: Form,
    /// How the text is read; `None`: as the caller's session says.
    pub dialect: Option<Dialect>,
}

impl Asked {
    /// A statement without parameters.
    pub fn new(sql: impl Into<String>) -> Self {
        let values = Values::default();
        Self { sql: sql.into(), values, rows: None, form: Form::Sql, dialect: None }
    }
    /// A Substrait plan, in protobuf.
    pub fn plan(plan: Bytes) -> Self {
        Self { form: Form::Substrait(plan), ..Self::new("-- Substrait plan") }
    }
}
