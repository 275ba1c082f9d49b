//! One SQL text, one statement, and what kind it is.

use datafusion::logical_expr::sqlparser::dialect::{Dialect as Syntax, GenericDialect};
use datafusion::sql::parser::{DFParserBuilder, ExplainStatement, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::{Set, Statement as SqlStatement};

use crate::options::Dialect;
use crate::{PlannerError, Result};

mod alter;
mod casts;
mod change;
mod clock;
mod columns;
mod converts;
mod cuts;
mod dates;
mod ddl;
mod depth;
mod edits;
mod escapes;
mod fields;
mod formats;
mod from_first;
mod functions;
mod groups;
mod here;
mod inner;
mod intervals;
mod keys;
mod lexical;
mod limits;
mod moments;
mod numbers;
mod offsets;
mod placeholders;
mod positions;
mod powers;
mod precedence;
mod recursion;
mod schemas;
mod series;
mod shown;
mod size;
mod spark;
pub mod taken;
pub(crate) mod types;
mod unnamed;
mod unnest;
mod unseen;
mod walk;
mod windows;

pub use alter::{AddedColumns, Alter, Alteration, DroppedKey};
pub(crate) use casts::CAST_BY_NAME;
pub(crate) use change::ALL_COLUMNS;
use change::SAID;
pub use change::{
    Assignment, Change, Clause, ColumnName, CopyTo, InsertInto, MergeInto, NewRow, NewTable, Rows,
};
pub(crate) use change::{known_property, lengths};
pub(crate) use columns::{AGAIN, AGAIN_MARK, beside_wildcards, calculated};
pub(crate) use dates::{BOUNDARIES_BETWEEN, UNITS_BETWEEN};
pub use ddl::Ddl;
pub use depth::{DEEPEST, STACK_BYTES};
pub(crate) use escapes::{BY_BACKSLASH, by_backslash};
pub(crate) use formats::of_java;
pub(crate) use here::Here;
pub use keys::{NewKey, NewKeyKind};
pub(crate) use schemas::tell_apart;
pub(crate) use spark::alias_written_out;

/// A parsed statement with its kind.
#[derive(Debug, Clone)]
pub enum Statement {
    /// Gives rows: SELECT, VALUES, WITH, SHOW, DESCRIBE, TABLE.
    Query(DfStatement),
    /// EXPLAIN of another statement.
    Explain(ExplainStatement),
    /// Changes the session: SET, RESET, USE.
    Session(DfStatement),
    /// Changes the catalog: CREATE, DROP, ALTER.
    Ddl(Ddl),
    /// Changes rows, or makes a table that has some: INSERT, DELETE, UPDATE, MERGE, TRUNCATE, CREATE TABLE.
    Change(Box<Change>),
}

/// Parses exactly one statement of our own dialect; a trailing `;` is allowed.
///
/// # Errors
/// As [`parse_in`].
pub fn parse(sql: &str) -> Result<Statement> {
    parse_in(sql, Dialect::Squadron)
}

/// The same in any dialect.
///
/// # Errors
/// `Syntax` for text that does not parse, is empty, or holds several statements; `Unsupported` for
/// a statement that this version does not run or would pass over a part of; `Invalid` for one that nests too deep, or whose CTEs or
/// grouping sets come to too much.
pub fn parse_in(sql: &str, dialect: Dialect) -> Result<Statement> {
    Ok(parse_sized(sql, dialect)?.0)
}

/// The same, with how many selects, tables and expressions the statement comes to.
///
/// # Errors
/// As [`parse_in`].
pub(crate) fn parse_sized(sql: &str, dialect: Dialect) -> Result<(Statement, usize)> {
    let (statement, size) = parse_one(sql, dialect)?;
    match statement {
        Parsed::Ddl(ddl) => Ok((Statement::Ddl(ddl), size)),
        Parsed::Copy(copy) => Ok((Statement::Change(Box::new(Change::Copy(copy))), size)),
        Parsed::Other(statement) => Ok((classify(statement)?, size)),
    }
}

/// A statement that was read.
enum Parsed {
    /// What changes the catalog, before anything in it was written otherwise: it is kept as its maker wrote it.
    Ddl(Ddl),
    Copy(CopyTo),
    Other(DfStatement),
}

fn parse_one(sql: &str, dialect: Dialect) -> Result<(Parsed, usize)> {
    // Settings have values of their own, which are nothing to calculate with.
    let setting = match is_setting(sql) && dialect == Dialect::Spark {
        true => spark::setting(sql)?,
        false => None,
    };
    let dialect = if is_setting(sql) { Dialect::Squadron } else { dialect };
    let sql = setting.as_deref().unwrap_or(sql);
    let (sql, syntax): (_, &dyn Syntax) = match dialect {
        Dialect::Squadron => (spark::in_order(sql, &GenericDialect {})?, &GenericDialect {}),
        Dialect::Spark => (spark::readable(sql)?, &spark::Syntax::WRITTEN),
    };
    depth::check_text(&sql, syntax)?;
    let sql = placeholders::numbered(&sql, syntax)?;
    let sql = lexical::written(&sql, syntax)?;
    if let Some(alter) = alter::parse(sql.as_ref())? {
        return Ok((Parsed::Ddl(Ddl::Alter(Box::new(alter))), 1));
    }
    let mut statements =
        DFParserBuilder::new(sql.as_ref()).with_dialect(syntax).build()?.parse_statements()?;
    match (statements.pop_front(), statements.len()) {
        (Some(mut statement), 0) => {
            depth::check(&statement)?;
            inner::check(&statement)?;
            let target = change::Target::taken(&mut statement)?;
            if dialect == Dialect::Spark {
                precedence::restore(&mut statement);
                spark::write_out(&mut statement)?;
            }
            let ddl = ddl::of(&statement)?;
            shown::write_out(&mut statement)?;
            precedence::restore(&mut statement);
            from_first::write_out(&mut statement);
            series::write_out(&mut statement)?;
            unnest::write_out(&mut statement);
            unnamed::write_out(&mut statement);
            fields::write_out(&mut statement);
            powers::write_out(&mut statement);
            limits::write_out(&mut statement);
            escapes::write_out(&mut statement)?;
            clock::write_out(&mut statement);
            converts::write_out(&mut statement)?;
            cuts::write_out(&mut statement);
            dates::write_out(&mut statement);
            functions::write_out(&mut statement);
            types::write_out(&mut statement);
            formats::write_out(&mut statement)?;
            positions::write_out(&mut statement);
            intervals::write_out(&mut statement);
            moments::write_out(&mut statement);
            offsets::write_out(&mut statement);
            numbers::write_out(&mut statement);
            windows::write_out(&mut statement);
            recursion::write_out(&mut statement);
            casts::write_out(&mut statement);
            columns::write_out(&mut statement);
            let size = size::size(&statement)?;
            groups::check(&statement)?;
            unseen::check(&statement)?;
            let parsed = match (ddl, target) {
                (Some(ddl), _) => Parsed::Ddl(ddl),
                (None, Some(target)) => Parsed::Copy(target.of(statement)),
                (None, None) => Parsed::Other(statement),
            };
            Ok((parsed, size))
        }
        (None, _) => Err(PlannerError::Syntax("the statement is empty".into())),
        (Some(_), more) => Err(PlannerError::Syntax(format!(
            "one statement at a time: the text holds {}; send them one by one",
            more + 1
        ))),
    }
}

fn is_setting(sql: &str) -> bool {
    sql.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("set"))
}

fn classify(statement: DfStatement) -> Result<Statement> {
    let statement = match change::of(statement)? {
        Ok(change) => return Ok(Statement::Change(Box::new(change))),
        Err(statement) => statement,
    };
    match statement {
        DfStatement::Explain(explain) => Ok(Statement::Explain(explain)),
        DfStatement::Reset(_) => Ok(Statement::Session(statement)),
        DfStatement::Statement(ref sql) => match sql.as_ref() {
            SqlStatement::Query(_) => Ok(Statement::Query(statement)),
            SqlStatement::ShowVariable { .. }
            | SqlStatement::ShowTables { .. }
            | SqlStatement::ShowColumns { .. }
            | SqlStatement::ShowFunctions { .. }
            | SqlStatement::ShowCreate { .. }
            | SqlStatement::ExplainTable { .. } => Ok(Statement::Query(statement)),
            SqlStatement::Set(Set::SingleAssignment { .. } | Set::SetTimeZone { .. })
            | SqlStatement::Use(_) => Ok(Statement::Session(statement)),
            other => Err(unsupported(&other.to_string())),
        },
        other => Err(unsupported(&other.to_string())),
    }
}

fn unsupported(statement: &str) -> PlannerError {
    let verb: Vec<&str> = statement.split_whitespace().take(2).collect();
    PlannerError::Unsupported(format!(
        "{} is not supported by this version: it takes queries (SELECT, SHOW, DESCRIBE, EXPLAIN), CREATE, ALTER, DROP, INSERT, \
         UPDATE, DELETE, MERGE, TRUNCATE, COPY TO, SET and USE",
        verb.join(" ").to_uppercase()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(sql: &str) -> &'static str {
        match parse(sql) {
            Ok(Statement::Query(_)) => "query",
            Ok(Statement::Explain(_)) => "explain",
            Ok(Statement::Session(_)) => "session",
            Ok(Statement::Ddl(_)) => "ddl",
            Ok(Statement::Change(_)) => "change",
            Err(PlannerError::Syntax(_)) => "syntax",
            Err(PlannerError::Unsupported(_)) => "unsupported",
            Err(other) => panic!("{other}"),
        }
    }

    /// A query as it goes on from here, as text.
    pub(super) fn written(sql: &str) -> String {
        let Ok(Statement::Query(query)) = parse(sql) else { panic!("{sql}") };
        query.to_string()
    }

    /// As in a thread that plans.
    fn on_a_large_stack(work: fn()) {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
        thread.spawn(work).unwrap().join().unwrap();
    }

    #[test]
    fn statements_that_are_too_deep_are_refused() {
        on_a_large_stack(|| {
            for levels in [DEEPEST + 1, 3 * DEEPEST, 2_000_000] {
                for (first, more) in [("SELECT 1", "+1"), ("SELECT 1", " UNION ALL SELECT 1")] {
                    let sql = format!("{first}{}", more.repeat(levels));
                    for sql in [sql.clone(), format!("EXPLAIN {sql}")] {
                        assert!(matches!(parse(&sql), Err(PlannerError::Invalid(_))), "{levels}");
                    }
                }
            }
        });
    }

    #[test]
    fn long_lists_are_not_deep() {
        let sql = format!("SELECT 1 IN (1{})", ", -1".repeat(50_000));
        assert_eq!(kind(&sql), "query");
    }

    #[test]
    fn statements_are_told_apart() {
        for (sql, expected) in [
            ("select 1", "query"),
            ("SELECT 1;", "query"),
            ("with a as (select 1) select * from a", "query"),
            ("values (1), (2)", "query"),
            ("show tables", "query"),
            ("show all", "query"),
            ("describe t", "query"),
            ("explain select 1", "explain"),
            ("explain analyze verbose select 1", "explain"),
            ("set squadron.execution_mode = 'local'", "session"),
            ("use public", "session"),
            ("set time zone 'UTC'", "session"),
            ("table t", "query"),
            ("show schemas", "query"),
            ("reset squadron.execution_mode", "session"),
            ("", "syntax"),
            (";", "syntax"),
            ("-- nothing", "syntax"),
            ("select 1; select 2", "syntax"),
            ("selec 1", "syntax"),
            ("create table t (a int)", "change"),
            ("drop table t", "ddl"),
            ("create view v as select 1", "ddl"),
            ("insert into t values (1)", "change"),
            ("insert into t select 1 returning a", "unsupported"),
            ("delete from t where a = 1", "change"),
            ("delete from t using u where t.a = u.a", "unsupported"),
            ("update t set a = 1", "change"),
            ("update t set a = u.a from u", "unsupported"),
            ("truncate table t", "change"),
            ("copy t to 'x.parquet'", "change"),
            ("copy t to 'x.tsv'", "unsupported"),
            ("insert into t values (1, default)", "unsupported"),
        ] {
            assert_eq!(kind(sql), expected, "{sql}");
        }
    }
}
