//! ALTER TABLE, as what it asks for.
//!
//! Problem: sqlparser 0.62 reads ALTER TABLE of many databases, and not that of Spark and Databricks (`ADD COLUMNS (…)`,
//! `DROP PRIMARY KEY IF EXISTS`, `ALTER COLUMN c COMMENT …`). Here: it is read by itself, with that parser's own parts, and what
//! is not known is refused by its words.

use datafusion::error::DataFusionError;
use datafusion::logical_expr::sqlparser::ast::{Ident, ObjectName};
use datafusion::logical_expr::sqlparser::dialect::GenericDialect;
use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::keys::{NewKey, of_table};
use crate::{PlannerError, Result};

/// ALTER TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alter {
    /// The table.
    pub name: ObjectName,
    /// IF EXISTS.
    pub or_not: bool,
    /// What becomes of it.
    pub what: Alteration,
}

/// What becomes of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alteration {
    /// ADD PRIMARY KEY, UNIQUE or FOREIGN KEY.
    AddKey(NewKey),
    /// DROP CONSTRAINT or PRIMARY KEY.
    DropKey {
        /// Which.
        key: DroppedKey,
        /// IF EXISTS.
        or_not: bool,
        /// CASCADE: with the foreign keys that refer to it.
        cascade: bool,
    },
}

/// A key that goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DroppedKey {
    /// The one of this name.
    Named(Ident),
    /// The primary key.
    Primary,
}

/// What a statement asks for, if it is an ALTER TABLE.
///
/// # Errors
/// `Syntax` for text that does not parse; `Unsupported` for what there is no place for.
pub(super) fn parse(sql: &str) -> Result<Option<Alter>> {
    let start = sql.trim_start();
    let may_be = start.starts_with(['-', '/'])
        || start.get(..5).is_some_and(|word| word.eq_ignore_ascii_case("alter"));
    if !may_be {
        return Ok(None);
    }
    let mut parser = DFParserBuilder::new(sql).with_dialect(&GenericDialect {}).build()?.parser;
    match parser.parse_keywords(&[Keyword::ALTER, Keyword::TABLE]) {
        true => alter(&mut parser).map(Some),
        false => Ok(None),
    }
}

fn alter(parser: &mut Parser<'_>) -> Result<Alter> {
    let or_not = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    let name = parser.parse_object_name(false).map_err(syntax)?;
    let what = alteration(parser)?;
    while parser.consume_token(&Token::SemiColon) {}
    match parser.peek_token().token {
        Token::EOF => Ok(Alter { name, or_not, what }),
        Token::Comma => Err(PlannerError::Unsupported(
            "ALTER TABLE: one change at a time; write a statement for each".into(),
        )),
        _ => Err(refused(parser)),
    }
}

fn alteration(parser: &mut Parser<'_>) -> Result<Alteration> {
    let refused = refused(parser);
    if parser.parse_keyword(Keyword::ADD) {
        return match parser.parse_optional_table_constraint().map_err(syntax)? {
            Some(constraint) => Ok(Alteration::AddKey(of_table(constraint)?)),
            None => Err(refused),
        };
    }
    if parser.parse_keyword(Keyword::DROP) {
        let named = parser.parse_keyword(Keyword::CONSTRAINT);
        if !named && !parser.parse_keywords(&[Keyword::PRIMARY, Keyword::KEY]) {
            return Err(refused);
        }
        let or_not = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
        let key = match named {
            true => DroppedKey::Named(parser.parse_identifier().map_err(syntax)?),
            false => DroppedKey::Primary,
        };
        let cascade = parser.parse_keyword(Keyword::CASCADE);
        if !cascade {
            let _what_happens_anyhow = parser.parse_keyword(Keyword::RESTRICT);
        }
        return Ok(Alteration::DropKey { key, or_not, cascade });
    }
    Err(refused)
}

/// By the words that come next.
fn refused(parser: &Parser<'_>) -> PlannerError {
    let words: Vec<_> = parser
        .peek_tokens::<2>()
        .into_iter()
        .filter_map(|token| match token {
            Token::Word(word) => Some(word.value.to_uppercase()),
            _ => None,
        })
        .collect();
    PlannerError::Unsupported(format!(
        "ALTER TABLE … {} … is not supported by this version: it knows ADD and DROP of keys",
        words.join(" ")
    ))
}

fn syntax(error: ParserError) -> PlannerError {
    DataFusionError::from(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Ddl, NewKeyKind, Statement, parse};

    fn alter(sql: &str) -> Alter {
        match parse(sql) {
            Ok(Statement::Ddl(Ddl::Alter(alter))) => *alter,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn keys_are_added() {
        let alter = alter(
            "-- why\nALTER TABLE IF EXISTS s.t ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES u (x) NOT ENFORCED RELY;",
        );
        assert_eq!((alter.name.to_string().as_str(), alter.or_not), ("s.t", true));
        let Alteration::AddKey(key) = alter.what else { panic!("{alter:?}") };
        assert_eq!(key.name.unwrap().value, "k");
        assert!(matches!(key.kind, NewKeyKind::Foreign { .. }));
    }

    #[test]
    fn keys_are_dropped() {
        for (sql, key, expected) in [
            ("ALTER TABLE t DROP CONSTRAINT k", DroppedKey::Named("k".into()), (false, false)),
            ("alter table t drop primary key restrict", DroppedKey::Primary, (false, false)),
            ("ALTER TABLE t DROP PRIMARY KEY IF EXISTS CASCADE", DroppedKey::Primary, (true, true)),
        ] {
            let (or_not, cascade) = expected;
            assert_eq!(alter(sql).what, Alteration::DropKey { key, or_not, cascade }, "{sql}");
        }
    }

    #[test]
    fn the_rest_is_refused_by_its_words() {
        for (sql, part) in [
            ("ALTER TABLE t ADD PRIMARY KEY (a)", "NOT ENFORCED"),
            ("ALTER TABLE t DROP COLUMN a", "DROP COLUMN"),
            ("ALTER TABLE t RENAME COLUMN a TO b", "RENAME COLUMN"),
            ("ALTER TABLE t OWNER TO alice", "OWNER TO"),
            ("ALTER TABLE t SET LOCATION '/x'", "SET LOCATION"),
            ("ALTER TABLE t DROP CONSTRAINT a, DROP CONSTRAINT b", "one change"),
            ("ALTER TABLE t ADD UNIQUE (a) NOT ENFORCED NOT VALID", "NOT VALID"),
        ] {
            let refused = parse(sql);
            let Err(PlannerError::Unsupported(why)) = refused else { panic!("{sql}: {refused:?}") };
            assert!(why.contains(part), "{sql}: {why}");
        }
        for sql in ["ALTER TABLE", "ALTER TABLE t DROP CONSTRAINT"] {
            assert!(matches!(parse(sql), Err(PlannerError::Syntax(_))), "{sql}");
        }
    }
}
