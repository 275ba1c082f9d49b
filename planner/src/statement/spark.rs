//! Statements of Spark's dialect (`SET squadron.dialect = 'spark'`), for people who come from Spark.
//!
//! They are written in ours before anything else looks at them, names of functions and all: what comes after, plans and
//! views among them, knows of one dialect.
//!
//! ```text
//! text ─ literals ─► text ─ parser (syntax) ─► statement ─ operators, functions, order ─► statement of ours
//! ```

use std::borrow::Cow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::dialect::Dialect;

use crate::Result;

mod aggregates;
mod aliases;
mod casts;
mod choices;
mod dates;
mod ddl;
mod derived;
mod functions;
mod generators;
mod integers;
mod lateral;
mod literals;
mod operators;
mod order;
mod patterns;
mod pivots;
mod simple;
mod syntax;
mod tables;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use aliases::written_out as alias_written_out;
pub(super) use syntax::Syntax;

/// A text whose literals the parser reads as Spark would.
///
/// # Errors
/// `Syntax` for a text that is none of Spark's, `Unsupported` for what there is no place for.
pub(super) fn readable(sql: &str) -> Result<Cow<'_, str>> {
    ddl::written(literals::written(sql)?)
}

/// CREATE TABLE of our own dialect with its clauses in the order that the parser knows, as in Spark's.
///
/// # Errors
/// `Unsupported` for a clause that there is no place for.
pub(super) fn in_order<'s>(sql: &'s str, syntax: &dyn Dialect) -> Result<Cow<'s, str>> {
    ddl::in_order(sql, syntax)
}

/// A setting of Spark's, as what it means here; `None` for others.
///
/// # Errors
/// `Unsupported` for one that there is no place for.
pub(super) fn setting(sql: &str) -> Result<Option<String>> {
    ddl::setting(sql)
}

/// Writes a statement of Spark's as one of ours.
///
/// # Errors
/// `Unsupported` for what there is no place for.
pub(super) fn write_out(statement: &mut DfStatement) -> Result<()> {
    ddl::write_out(statement)?;
    integers::write_out(statement);
    operators::write_out(statement);
    aggregates::write_out(statement);
    functions::write_out(statement)?;
    lateral::write_out(statement);
    tables::write_out(statement);
    order::write_out(statement);
    Ok(())
}
