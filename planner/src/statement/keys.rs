//! Keys of a table, as a statement declares them.
//!
//! Nothing here looks whether rows keep them, so a key without NOT ENFORCED is refused: whoever writes one elsewhere
//! expects that.

use datafusion::logical_expr::sqlparser::ast::{
    ColumnOption, ConstraintCharacteristics, Expr, ForeignKeyConstraint, Ident, IndexColumn,
    KeyOrIndexDisplay, NullsDistinctOption, ObjectName, PrimaryKeyConstraint, ReferentialAction,
    TableConstraint, UniqueConstraint,
};

use super::ddl::refuse;
use crate::{PlannerError, Result};

/// A key that a table is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// Its name, if it is given one.
    pub name: Option<Ident>,
    /// The columns that it is of.
    pub columns: Vec<Ident>,
    /// What it says of them.
    pub kind: NewKeyKind,
}

/// What a key says of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewKeyKind {
    /// PRIMARY KEY.
    Primary,
    /// UNIQUE.
    Unique,
    /// FOREIGN KEY, REFERENCES.
    Foreign {
        /// The table whose rows they name.
        table: ObjectName,
        /// The columns of a key of it; none: those of its primary key.
        columns: Vec<Ident>,
    },
}

/// The key that a constraint of a table declares.
///
/// # Errors
/// `Unsupported` for a constraint that is no key, one that would be enforced, and parts that there is no place for.
pub(super) fn of_table(constraint: TableConstraint) -> Result<NewKey> {
    match constraint {
        TableConstraint::PrimaryKey(key) => primary(key, Vec::new(), None),
        TableConstraint::Unique(key) => unique(key, Vec::new(), None),
        TableConstraint::ForeignKey(key) => foreign(key, Vec::new(), None),
        other => Err(PlannerError::Unsupported(format!(
            "{other} is not supported by this version: leave it out"
        ))),
    }
}

/// The key that an option of a column declares, if it is one.
///
/// # Errors
/// As [`of_table`].
pub(super) fn of_column(
    column: &Ident,
    name: Option<&Ident>,
    option: &ColumnOption,
) -> Result<Option<NewKey>> {
    let (columns, name) = (vec![column.clone()], name.cloned());
    match option {
        ColumnOption::PrimaryKey(key) => primary(key.clone(), columns, name).map(Some),
        ColumnOption::Unique(key) => unique(key.clone(), columns, name).map(Some),
        ColumnOption::ForeignKey(key) => foreign(key.clone(), columns, name).map(Some),
        _ => Ok(None),
    }
}

fn primary(key: PrimaryKeyConstraint, own: Vec<Ident>, name: Option<Ident>) -> Result<NewKey> {
    const WHAT: &str = "PRIMARY KEY";
    not_enforced(WHAT, key.characteristics)?;
    refuse(
        WHAT,
        [
            ("a name of an index", key.index_name.is_some()),
            ("USING", key.index_type.is_some()),
            ("options of an index", !key.index_options.is_empty()),
        ],
    )?;
    let columns = if own.is_empty() { columns(WHAT, key.columns)? } else { own };
    Ok(NewKey { name: key.name.or(name), columns, kind: NewKeyKind::Primary })
}

fn unique(key: UniqueConstraint, own: Vec<Ident>, name: Option<Ident>) -> Result<NewKey> {
    const WHAT: &str = "UNIQUE";
    not_enforced(WHAT, key.characteristics)?;
    refuse(
        WHAT,
        [
            ("a name of an index", key.index_name.is_some()),
            ("KEY or INDEX", key.index_type_display != KeyOrIndexDisplay::None),
            ("USING", key.index_type.is_some()),
            ("options of an index", !key.index_options.is_empty()),
            ("NULLS DISTINCT", key.nulls_distinct != NullsDistinctOption::None),
        ],
    )?;
    let columns = if own.is_empty() { columns(WHAT, key.columns)? } else { own };
    Ok(NewKey { name: key.name.or(name), columns, kind: NewKeyKind::Unique })
}

fn foreign(key: ForeignKeyConstraint, own: Vec<Ident>, name: Option<Ident>) -> Result<NewKey> {
    const WHAT: &str = "FOREIGN KEY";
    not_enforced(WHAT, key.characteristics)?;
    let acts = |action: Option<ReferentialAction>| {
        action.is_some_and(|action| action != ReferentialAction::NoAction)
    };
    refuse(
        WHAT,
        [
            ("a name of an index", key.index_name.is_some()),
            ("MATCH", key.match_kind.is_some()),
            ("ON DELETE, but for NO ACTION,", acts(key.on_delete)),
            ("ON UPDATE, but for NO ACTION,", acts(key.on_update)),
        ],
    )?;
    let columns = if own.is_empty() { key.columns } else { own };
    let kind = NewKeyKind::Foreign { table: key.foreign_table, columns: key.referred_columns };
    Ok(NewKey { name: key.name.or(name), columns, kind })
}

fn not_enforced(what: &str, said: Option<ConstraintCharacteristics>) -> Result<()> {
    let said = said.unwrap_or_default();
    if said.enforced != Some(false) {
        return Err(PlannerError::Unsupported(format!(
            "{what}: nothing looks whether rows keep it: write NOT ENFORCED behind it, and it is told to clients as it is declared"
        )));
    }
    refuse(
        what,
        [
            ("DEFERRABLE", said.deferrable == Some(true)),
            ("INITIALLY, which is for keys that are enforced,", said.initially.is_some()),
        ],
    )
}

fn columns(what: &str, columns: Vec<IndexColumn>) -> Result<Vec<Ident>> {
    let columns = columns.into_iter().map(|column| {
        let text = column.to_string();
        match (column.column.expr, column.operator_class) {
            (Expr::Identifier(name), None) if name.to_string() == text => Ok(name),
            _ => Err(PlannerError::Unsupported(format!(
                "{what} ({text}) is not supported: name columns, and nothing else"
            ))),
        }
    });
    columns.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Change, Statement, parse};

    fn keys(sql: &str) -> Vec<NewKey> {
        match parse(sql) {
            Ok(Statement::Change(change)) => match *change {
                Change::Create(table) => table.keys,
                other => panic!("{sql}: {other:?}"),
            },
            other => panic!("{sql}: {other:?}"),
        }
    }

    fn shown(sql: &str) -> Vec<String> {
        let names =
            |names: &[Ident]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let show = |key: &NewKey| {
            let name = key.name.as_ref().map(ToString::to_string).unwrap_or_default();
            let kind = match &key.kind {
                NewKeyKind::Primary => "primary".to_owned(),
                NewKeyKind::Unique => "unique".to_owned(),
                NewKeyKind::Foreign { table, columns } => format!("{table} {}", names(columns)),
            };
            format!("{name}:{}:{kind}", names(&key.columns))
        };
        keys(sql).iter().map(show).collect()
    }

    #[test]
    fn keys_stand_behind_a_column_or_by_themselves() {
        for (sql, expected) in [
            ("CREATE TABLE t (a INT PRIMARY KEY NOT ENFORCED, b INT)", vec![":a:primary"]),
            ("CREATE TABLE t (a INT CONSTRAINT k UNIQUE NOT ENFORCED)", vec!["k:a:unique"]),
            ("CREATE TABLE t (a INT REFERENCES u NOT ENFORCED)", vec![":a:u "]),
            ("CREATE TABLE t (a INT REFERENCES s.u (x) NOT ENFORCED)", vec![":a:s.u x"]),
            (
                "CREATE TABLE t (a INT, b INT, CONSTRAINT p PRIMARY KEY (a, b) NOT ENFORCED, \
                 FOREIGN KEY (b) REFERENCES u ON DELETE NO ACTION NOT ENFORCED)",
                vec!["p:a b:primary", ":b:u "],
            ),
            ("CREATE TABLE t (PRIMARY KEY (a) NOT ENFORCED) AS SELECT 1 AS a", vec![":a:primary"]),
            ("CREATE TABLE t (a INT PRIMARY KEY NOT ENFORCED RELY)", vec![":a:primary"]),
            ("CREATE TABLE t (a INT, UNIQUE (a) DISABLE NOVALIDATE NORELY)", vec![":a:unique"]),
            ("CREATE TABLE t (a INT PRIMARY KEY DISABLE NOVALIDATE)", vec![":a:primary"]),
        ] {
            assert_eq!(shown(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_key_is_no_part_of_the_columns() {
        let sql =
            "CREATE TABLE t (a INT NOT NULL PRIMARY KEY NOT ENFORCED, UNIQUE (a) NOT ENFORCED)";
        let Ok(Statement::Change(change)) = parse(sql) else { panic!("{sql}") };
        let Change::Create(table) = *change else { panic!("{sql}") };
        assert_eq!(table.columns.unwrap().to_string(), "CREATE TABLE t (a INT NOT NULL)");
    }

    #[test]
    fn what_would_be_enforced_or_passed_over_is_refused_by_name() {
        for (sql, part) in [
            ("CREATE TABLE t (a INT PRIMARY KEY)", "NOT ENFORCED"),
            ("CREATE TABLE t (a INT UNIQUE ENFORCED)", "NOT ENFORCED"),
            ("CREATE TABLE t (a INT, FOREIGN KEY (a) REFERENCES u (x))", "NOT ENFORCED"),
            ("CREATE TABLE t (a INT REFERENCES u (x) ON DELETE CASCADE NOT ENFORCED)", "ON DELETE"),
            ("CREATE TABLE t (a INT REFERENCES u MATCH FULL NOT ENFORCED)", "MATCH"),
            ("CREATE TABLE t (a INT PRIMARY KEY DEFERRABLE NOT ENFORCED)", "DEFERRABLE"),
            ("CREATE TABLE t (a INT UNIQUE INITIALLY DEFERRED NOT ENFORCED)", "INITIALLY"),
            ("CREATE TABLE t (a INT, PRIMARY KEY (a DESC) NOT ENFORCED)", "a DESC"),
            ("CREATE TABLE t (a INT, UNIQUE NULLS DISTINCT (a) NOT ENFORCED)", "NULLS DISTINCT"),
            ("CREATE TABLE t (a INT, CHECK (a > 1))", "CHECK"),
            ("CREATE TABLE t (a INT CHECK (a > 1))", "CHECK"),
            ("CREATE TABLE t (a INT, INDEX (a))", "INDEX"),
        ] {
            let refused = parse(sql);
            let Err(PlannerError::Unsupported(why)) = refused else { panic!("{sql}: {refused:?}") };
            assert!(why.contains(part), "{sql}: {why}");
        }
    }
}
