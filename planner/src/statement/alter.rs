//! ALTER TABLE, as what it asks for.
//!
//! Problem: sqlparser 0.62 reads ALTER TABLE of many databases, and not that of Spark and Databricks (`ADD COLUMNS (…)`,
//! `DROP PRIMARY KEY IF EXISTS`, `ALTER COLUMN c COMMENT …`). Here: it is read by itself, with that parser's own parts, and what
//! is not known is refused by its words.

use datafusion::error::DataFusionError;
use datafusion::logical_expr::sqlparser::ast::helpers::stmt_create_table::CreateTableBuilder;
use datafusion::logical_expr::sqlparser::ast::{
    ColumnDef, ColumnOption, Ident, ObjectName, Statement as SqlStatement,
};
use datafusion::logical_expr::sqlparser::dialect::GenericDialect;
use datafusion::sql::parser::{DFParserBuilder, Statement as DfStatement};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::change::{known_property, own_options, property};
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
    /// ADD COLUMNS.
    AddColumns(AddedColumns),
    /// ALTER COLUMN … DROP NOT NULL.
    MayBeNull(Ident),
    /// ALTER COLUMN … COMMENT.
    Comment {
        /// The column.
        column: Ident,
        /// What is said of it.
        text: String,
    },
    /// SET TBLPROPERTIES.
    Set(Vec<(String, String)>),
    /// UNSET TBLPROPERTIES.
    Unset {
        /// Their names.
        names: Vec<String>,
        /// IF EXISTS.
        or_not: bool,
    },
    /// RENAME TO.
    Rename(ObjectName),
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

/// Columns that come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedColumns {
    /// As those of a statement that DataFusion plans.
    pub columns: DfStatement,
    /// What is said of them.
    pub comments: Vec<(Ident, String)>,
    /// IF NOT EXISTS.
    pub or_not: bool,
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
    match parser.parse_one_of_keywords(&KNOWN) {
        Some(Keyword::ADD) => added(parser),
        Some(Keyword::DROP) => dropped(parser, refused),
        Some(Keyword::RENAME) if parser.parse_keyword(Keyword::TO) => {
            Ok(Alteration::Rename(parser.parse_object_name(false).map_err(syntax)?))
        }
        Some(Keyword::SET) => match parser.parse_options(Keyword::TBLPROPERTIES).map_err(syntax)? {
            options if options.is_empty() => Err(refused),
            options => {
                let set = options.into_iter().map(|option| property("ALTER TABLE", option));
                Ok(Alteration::Set(set.collect::<Result<_>>()?))
            }
        },
        Some(Keyword::UNSET) if parser.parse_keyword(Keyword::TBLPROPERTIES) => unset(parser),
        Some(Keyword::ALTER) => column(parser),
        _ => Err(refused),
    }
}

const KNOWN: [Keyword; 6] =
    [Keyword::ADD, Keyword::DROP, Keyword::RENAME, Keyword::SET, Keyword::UNSET, Keyword::ALTER];

fn added(parser: &mut Parser<'_>) -> Result<Alteration> {
    if let Some(constraint) = parser.parse_optional_table_constraint().map_err(syntax)? {
        return Ok(Alteration::AddKey(of_table(constraint)?));
    }
    let (mut columns, mut or_not) = (Vec::new(), None);
    loop {
        let _ = parser.parse_one_of_keywords(&[Keyword::COLUMN, Keyword::COLUMNS]);
        let own = parser.parse_keywords(&[Keyword::IF, Keyword::NOT, Keyword::EXISTS]);
        if or_not.is_some_and(|or_not| or_not != own) {
            return Err(PlannerError::Unsupported(
                "ALTER TABLE … ADD: write IF NOT EXISTS of all columns, or of none".into(),
            ));
        }
        or_not = Some(own);
        match parser.consume_token(&Token::LParen) {
            true => {
                columns.extend(parser.parse_comma_separated(new_column).map_err(syntax)?);
                parser.expect_token(&Token::RParen).map_err(syntax)?;
            }
            false => columns.push(new_column(parser).map_err(syntax)?),
        }
        let more = parser.peek_tokens::<2>();
        let [Token::Comma, Token::Word(word)] = &more else { break };
        if word.keyword != Keyword::ADD {
            break;
        }
        parser.next_token();
        parser.next_token();
    }
    let mut comments = Vec::new();
    for column in &mut columns {
        comments.extend(plain(column)?.map(|text| (column.name.clone(), text)));
    }
    let create = CreateTableBuilder::new(Ident::new("t").into()).columns(columns).build();
    let columns = DfStatement::Statement(Box::new(SqlStatement::CreateTable(create)));
    let or_not = or_not.unwrap_or_default();
    Ok(Alteration::AddColumns(AddedColumns { columns, comments, or_not }))
}

fn new_column(parser: &mut Parser<'_>) -> std::result::Result<ColumnDef, ParserError> {
    let column = parser.parse_column_def()?;
    match parser.peek_token().token {
        Token::Word(word) if matches!(word.keyword, Keyword::FIRST | Keyword::AFTER) => {
            let text = "columns come behind those that are there: leave FIRST and AFTER out";
            Err(ParserError::ParserError(text.into()))
        }
        _ => Ok(column),
    }
}

/// What is said of a column that rows may do without.
fn plain(column: &mut ColumnDef) -> Result<Option<String>> {
    let own = own_options(column)?;
    let refused = |what: &str| {
        Err(PlannerError::Unsupported(format!("ALTER TABLE … ADD COLUMN {}: {what}", column.name)))
    };
    let not_null = column.options.iter().any(|option| option.option == ColumnOption::NotNull);
    match (not_null, own.keys.is_empty()) {
        (true, _) => refused("rows that are there have no value in it: leave NOT NULL out"),
        (_, false) => refused(
            "declare its key by a statement of its own, ALTER TABLE … ADD UNIQUE (…) NOT ENFORCED",
        ),
        _ => Ok(own.comment),
    }
}

fn dropped(parser: &mut Parser<'_>, refused: PlannerError) -> Result<Alteration> {
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
    Ok(Alteration::DropKey { key, or_not, cascade })
}

fn unset(parser: &mut Parser<'_>) -> Result<Alteration> {
    let or_not = parser.parse_keywords(&[Keyword::IF, Keyword::EXISTS]);
    parser.expect_token(&Token::LParen).map_err(syntax)?;
    let name = |parser: &mut Parser<'_>| match &parser.peek_token_ref().token {
        Token::SingleQuotedString(_) => parser.parse_literal_string(),
        _ => Ok(parser.parse_object_name(false)?.to_string()),
    };
    let names = parser.parse_comma_separated(name).map_err(syntax)?;
    parser.expect_token(&Token::RParen).map_err(syntax)?;
    names.iter().try_for_each(|name| known_property("ALTER TABLE", name))?;
    Ok(Alteration::Unset { names, or_not })
}

fn column(parser: &mut Parser<'_>) -> Result<Alteration> {
    let _ = parser.parse_keyword(Keyword::COLUMN);
    let column = parser.parse_identifier().map_err(syntax)?;
    let refused = refused(parser);
    if parser.parse_keywords(&[Keyword::DROP, Keyword::NOT, Keyword::NULL]) {
        return Ok(Alteration::MayBeNull(column));
    }
    match parser.parse_keyword(Keyword::COMMENT) {
        true => {
            let text = parser.parse_literal_string().map_err(syntax)?;
            Ok(Alteration::Comment { column, text })
        }
        false => Err(refused),
    }
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
        "ALTER TABLE … {} … is not supported by this version: it adds columns and keys, drops keys, renames tables, sets \
         properties, and has a column commented or its NOT NULL dropped",
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
    fn columns_are_added() {
        for (sql, expected) in [
            ("ALTER TABLE t ADD COLUMN a INT", "a INT"),
            ("ALTER TABLE t ADD a INT NULL", "a INT NULL"),
            (
                "ALTER TABLE t ADD COLUMNS (a INT COMMENT 'x', b DECIMAL(4, 1))",
                "a INT, b DECIMAL(4,1)",
            ),
            ("ALTER TABLE t ADD COLUMN a INT, ADD COLUMN b DATE", "a INT, b DATE"),
        ] {
            let Alteration::AddColumns(added) = alter(sql).what else { panic!("{sql}") };
            assert_eq!(added.columns.to_string(), format!("CREATE TABLE t ({expected})"), "{sql}");
            assert!(!added.or_not);
        }
        let Alteration::AddColumns(added) =
            alter("ALTER TABLE t ADD COLUMN IF NOT EXISTS a INT COMMENT 'one'").what
        else {
            panic!("it adds a column")
        };
        assert!(added.or_not);
        assert_eq!(added.comments, [("a".into(), "one".to_owned())]);
    }

    #[test]
    fn a_table_and_its_columns_are_changed() {
        for (sql, expected) in [
            ("ALTER TABLE s.t RENAME TO u", Alteration::Rename(Ident::new("u").into())),
            ("ALTER TABLE t ALTER COLUMN a DROP NOT NULL", Alteration::MayBeNull("a".into())),
            (
                "ALTER TABLE t ALTER a COMMENT 'x'",
                Alteration::Comment { column: "a".into(), text: "x".into() },
            ),
            (
                "ALTER TABLE t SET TBLPROPERTIES ('delta.appendOnly' = 'true', owner = 'x')",
                Alteration::Set(vec![
                    ("delta.appendOnly".into(), "true".into()),
                    ("owner".into(), "x".into()),
                ]),
            ),
            (
                "ALTER TABLE t UNSET TBLPROPERTIES IF EXISTS ('owner')",
                Alteration::Unset { names: vec!["owner".into()], or_not: true },
            ),
        ] {
            assert_eq!(alter(sql).what, expected, "{sql}");
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
            ("ALTER TABLE t ADD COLUMN a INT NOT NULL", "NOT NULL"),
            ("ALTER TABLE t ADD COLUMN a INT DEFAULT 1", "DEFAULT"),
            ("ALTER TABLE t ADD COLUMN a INT UNIQUE NOT ENFORCED", "its key"),
            ("ALTER TABLE t ALTER COLUMN a TYPE BIGINT", "TYPE"),
            ("ALTER TABLE t ALTER COLUMN a SET NOT NULL", "SET NOT"),
            ("ALTER TABLE t SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')", "delta."),
            ("ALTER TABLE t SET TBLPROPERTIES ('delta.appendOnly' = 'yes')", "true"),
            ("ALTER TABLE t UNSET TBLPROPERTIES ('delta.checkpointInterval')", "delta."),
            ("ALTER TABLE t ADD UNIQUE (a) NOT ENFORCED NOT VALID", "NOT VALID"),
        ] {
            let refused = parse(sql);
            let Err(PlannerError::Unsupported(why)) = refused else { panic!("{sql}: {refused:?}") };
            assert!(why.contains(part), "{sql}: {why}");
        }
        for sql in
            ["ALTER TABLE", "ALTER TABLE t DROP CONSTRAINT", "ALTER TABLE t ADD COLUMN a INT FIRST"]
        {
            assert!(matches!(parse(sql), Err(PlannerError::Syntax(_))), "{sql}");
        }
    }
}
