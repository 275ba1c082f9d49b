//! Statements that give no rows: they change the session or the catalog, and are done when they are answered.

use std::sync::Arc;

use datafusion::sql::parser::Statement as DfStatement;
use squadron_planner::statement::{self, Ddl, Statement};
use squadron_planner::{PlannerError, Result};

use super::start::panicked;
use super::{Caller, Queries};

/// A statement that gives no rows.
pub enum Update {
    /// It changes the session's settings.
    Session(Box<DfStatement>),
    /// It changes the catalog.
    Ddl(Box<Ddl>),
}

impl Queries {
    /// What a statement changes.
    ///
    /// # Errors
    /// Those of parsing; `Invalid` for a statement that gives rows.
    pub async fn update(&self, sql: &str) -> Result<Update> {
        self.must_coordinate()?;
        let sql = sql.to_owned();
        let parsing = async move { update(&sql) };
        self.cpu.spawn(parsing).await.map_err(panicked)?
    }

    /// Changes the catalog for `caller`. Should nobody wait for it any more, it is done or it is not: what a statement
    /// changes is one object of the store.
    ///
    /// # Errors
    /// Those of [`squadron_planner::plan::Planner::execute`].
    pub async fn change_catalog(self: &Arc<Self>, ddl: Ddl, caller: &Caller) -> Result<()> {
        self.must_coordinate()?;
        let (queries, caller) = (Arc::clone(self), caller.clone());
        let work =
            async move { queries.planner.execute(&ddl, &caller.settings, &caller.principal).await };
        self.cpu.spawn(work).await.map_err(panicked)?
    }
}

fn update(sql: &str) -> Result<Update> {
    match statement::parse(sql)? {
        Statement::Session(statement) => Ok(Update::Session(Box::new(statement))),
        Statement::Ddl(ddl) => Ok(Update::Ddl(Box::new(ddl))),
        Statement::Query(_) | Statement::Explain(_) => Err(PlannerError::Invalid(
            "the statement gives rows: run it as a query (GetFlightInfo), not as an update".into(),
        )),
    }
}
