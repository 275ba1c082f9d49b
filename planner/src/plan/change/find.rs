//! Which files of a table have rows that a statement changes, and how many.

use std::collections::BTreeMap;

use datafusion::execution::SessionState;
use datafusion::sql::sqlparser::ast::{Expr, Ident};

use super::build::{Part, count, counts, named, own_table, refuse_chance};
use super::names::Own;
use super::running::Running;
use super::target::Target;
use crate::Result;
use crate::catalog::delta::FILE_COLUMN;
use crate::plan::bound;

/// The table of all files of the one that is changed.
pub(super) const ALL: &str = "all";

/// The table of those files that are written anew.
pub(super) const TOUCHED: &str = "touched";

/// Files with rows that a statement changes.
pub(super) struct Found {
    /// How many such rows a file has.
    pub(super) files: BTreeMap<String, u64>,
    /// Whether the condition reads the table once more.
    pub(super) is_read: bool,
}

impl Running {
    /// The files that have rows for which the condition is true.
    pub(super) async fn find(
        &self,
        state: &SessionState,
        target: &Target,
        own: &Own,
        condition: Option<Expr>,
    ) -> Result<Found> {
        self.register(state, ALL, target, None)?;
        let plan = self.part(state, by_file(own, condition)?, own).await?;
        let plan = bound(plan, &self.request().parameters)?;
        refuse_chance(&plan)?;
        let files = counts(&self.rows(state, &plan).await?)?;
        Ok(Found { files, is_read: target.is_read(&plan)? })
    }
}

/// How many rows of each file a condition is true for.
pub(super) fn by_file(own: &Own, condition: Option<Expr>) -> Result<Part> {
    let file = Expr::Identifier(Ident::with_quote('"', FILE_COLUMN));
    Ok(Part {
        columns: vec![named(file, FILE_COLUMN), count()?],
        from: own_table(ALL, own)?,
        joined: None,
        condition,
        group: true,
    })
}
