//! Statements that give no rows: they change the session or the catalog, and are done when they are answered.

use std::sync::Arc;

use datafusion::sql::parser::Statement as DfStatement;
use squadron_planner::options::{Dialect, dialect};
use squadron_planner::statement::{self, Change, Ddl, InsertInto, Statement};
use squadron_planner::{PlannerError, Result};
use uuid::Uuid;

use super::record::QueryState;
use super::start::panicked;
use super::wanted::Wanted;
use super::{Asked, Caller, Queries};
use crate::results::ResultError;

/// A statement that gives no rows.
pub enum Update {
    /// It changes the session's settings.
    Session(Box<DfStatement>),
    /// It changes the catalog.
    Ddl(Box<Ddl>),
    /// It changes rows: it runs as a query does, and its one row says how many.
    Rows {
        /// Whether it is carried out once for any number of rows of values.
        for_each: bool,
    },
}

/// Those that sessions may have.
const DIALECTS: [Dialect; 2] = [Dialect::Squadron, Dialect::Spark];

impl Queries {
    /// What a statement of a caller changes.
    ///
    /// # Errors
    /// Those of parsing; `Invalid` for a statement that gives rows.
    pub async fn update(&self, asked: &Asked, caller: &Caller) -> Result<Update> {
        self.must_coordinate()?;
        let of_session = || dialect(caller.settings.options());
        let (sql, dialect) = (asked.sql.clone(), asked.dialect.unwrap_or_else(of_session));
        let parsing = async move { update(&sql, dialect) };
        self.cpu.spawn(parsing).await.map_err(panicked)?
    }

    /// Whether a statement would change rows or the catalog, if it is one at all: in any dialect, since that of a session is
    /// known to the node that has it.
    pub async fn changes(&self, sql: &str) -> bool {
        let sql = sql.to_owned();
        let parsing = async move {
            let mut parsed = DIALECTS.iter().map(|dialect| statement::parse_in(&sql, *dialect));
            parsed.any(|it| matches!(it, Ok(Statement::Change(_) | Statement::Ddl(_))))
        };
        self.cpu.spawn(parsing).await.unwrap_or(false)
    }

    /// Waits until a query that changes something has; gives how many rows. Should nobody wait for it any more, it is
    /// cancelled, if it can be.
    ///
    /// # Errors
    /// That of the query. Then nothing is changed, or its text says so.
    pub async fn settled(self: &Arc<Self>, query: Uuid) -> Result<u64, ResultError> {
        let record = self.record(query).ok_or_else(|| ResultError::gone(query))?;
        let wanted = Wanted::new(self, query);
        record.progress.ended().await;
        wanted.answered();
        // However it ended: a commit goes on.
        match record.state() {
            QueryState::Failed(error) => Err(record.failure(error).await),
            _ => Ok(record.decided().await?.unwrap_or_default()),
        }
    }

    /// The same for a caller who is told the number of rows, and reads no result.
    ///
    /// # Errors
    /// As [`Queries::settled`], but that of an answer that was lost.
    pub async fn settled_unread(self: &Arc<Self>, query: Uuid) -> Result<u64, ResultError> {
        let settled = self.settled(query).await;
        let record = self.record(query);
        let outcome = record.and_then(|record| record.outcome.clone());
        // Its row is not asked for any more.
        self.nobody_wants(query);
        match outcome.and_then(|outcome| outcome.committed()) {
            Some(rows) => Ok(rows),
            None => settled,
        }
    }

    /// Changes the catalog for `caller`. Should nobody wait for it any more, it is done or it is not: what a statement
    /// changes is one object of the store.
    ///
    /// # Errors
    /// Those of [`squadron_planner::plan::Planner::execute`]; `Unsupported` where nodes keep several catalogs.
    pub async fn change_catalog(self: &Arc<Self>, ddl: Ddl, caller: &Caller) -> Result<()> {
        self.must_coordinate()?;
        let (queries, caller) = (Arc::clone(self), caller.clone());
        let work = async move {
            queries.must_share_catalog().await?;
            queries.planner.execute(&ddl, &caller.settings, &caller.principal).await
        };
        self.cpu.spawn(work).await.map_err(panicked)?
    }
}

fn update(sql: &str, dialect: Dialect) -> Result<Update> {
    match statement::parse_in(sql, dialect)? {
        Statement::Session(statement) => Ok(Update::Session(Box::new(statement))),
        Statement::Ddl(ddl) => Ok(Update::Ddl(Box::new(ddl))),
        Statement::Change(change) => {
            let for_each = matches!(*change, Change::Insert(InsertInto { one_row: true, .. }));
            Ok(Update::Rows { for_each })
        }
        Statement::Query(_) | Statement::Explain(_) => Err(PlannerError::Invalid(
            "the statement gives rows: run it as a query (GetFlightInfo), not as an update".into(),
        )),
    }
}
