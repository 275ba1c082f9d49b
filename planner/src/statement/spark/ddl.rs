//! Statements of Spark's that the parser does not read, or reads without a part of them, written as what it reads.
//!
//! Tables are Delta tables, so `USING delta` says nothing more; the clauses of CREATE TABLE, which Spark takes in any order, stand
//! in the parser's. What there is no place for is refused by name: it would be a syntax error, which says nothing of what to
//! write.

use std::borrow::Cow;

use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{
    Ident, Insert, ObjectName, Query, SetExpr, Statement as SqlStatement, Use,
};
use datafusion::sql::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::Syntax;
use crate::statement::ALL_COLUMNS;
use crate::statement::edits::{Edit, edited, replace};
use crate::{PlannerError, Result};

mod tables;

/// In the place of the columns of an INSERT that has them from its query.
const BY_NAME: &str = "spark: by name";

/// See the module.
///
/// # Errors
/// `Unsupported` for what there is no place for.
pub(super) fn written(sql: Cow<'_, str>) -> Result<Cow<'_, str>> {
    const FIRST: [&str; 17] = [
        "create", "insert", "with", "merge", "show", "describe", "desc", "explain", "refresh",
        "cache", "uncache", "analyze", "msck", "optimize", "vacuum", "add", "from",
    ];
    let start = sql.trim_start();
    let first = start.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    let is_known = FIRST.iter().any(|word| first.eq_ignore_ascii_case(word));
    if !is_known && !start.starts_with(['-', '/']) {
        return Ok(sql);
    }
    let Ok(mut tokens) = Tokenizer::new(&Syntax::WRITTEN, &sql).tokenize_with_location() else {
        return Ok(sql);
    };
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    while tokens.last().is_some_and(|last| last.token == Token::SemiColon) {
        tokens.pop();
    }
    refuse(&tokens)?;
    if let Some(text) = tables::written(&sql, &tokens)? {
        return Ok(text.into());
    }
    let mut edits = database(&tokens)?;
    edits.extend(comment_of_view(&tokens));
    edits.extend(by_name(&tokens));
    edits.extend(all_columns(&tokens));
    edits.extend(told(&tokens)?);
    Ok(match edits.is_empty() {
        true => sql,
        false => edited(&sql, &edits).into(),
    })
}

/// CREATE TABLE of any dialect with its clauses in the order that the parser knows.
///
/// # Errors
/// As [`written`].
pub(super) fn in_order<'s>(sql: &'s str, syntax: &dyn Dialect) -> Result<Cow<'s, str>> {
    let first = sql.split_whitespace().next().unwrap_or_default();
    if !first.eq_ignore_ascii_case("create") {
        return Ok(sql.into());
    }
    let Ok(mut tokens) = Tokenizer::new(syntax, sql).tokenize_with_location() else {
        return Ok(sql.into());
    };
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    Ok(tables::written(sql, &tokens)?.map_or(sql.into(), Into::into))
}

fn is(token: Option<&TokenWithSpan>, word: &str) -> bool {
    matches!(token.map(|token| &token.token), Some(Token::Word(found)) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

fn begin(tokens: &[TokenWithSpan], words: &[&str]) -> bool {
    words.iter().enumerate().all(|(at, word)| is(tokens.get(at), word))
}

fn unsupported<T>(what: &str, instead: &str) -> Result<T> {
    Err(PlannerError::Unsupported(format!("{what} is not supported: {instead}")))
}

fn refuse(tokens: &[TokenWithSpan]) -> Result<()> {
    const NEWEST: &str = "each statement reads the newest version of a table: leave it out";
    const KNOWN: [(&[&str], &str, &str); 15] = [
        (&["refresh"], "REFRESH", NEWEST),
        (&["msck"], "MSCK REPAIR TABLE", NEWEST),
        (&["cache"], "CACHE TABLE", "nothing is kept by name: leave it out"),
        (&["uncache"], "UNCACHE TABLE", "nothing is kept by name: leave it out"),
        (&["analyze", "table"], "ANALYZE TABLE", "statistics are those of the files: leave it out"),
        (&["optimize"], "OPTIMIZE", "run it with another engine over the same table"),
        (&["vacuum"], "VACUUM", "run it with another engine over the same table"),
        (&["add", "jar"], "ADD JAR", "there are no functions to be added"),
        (&["explain", "extended"], "EXPLAIN EXTENDED", "write EXPLAIN, which shows both plans"),
        (&["explain", "cost"], "EXPLAIN COST", "write EXPLAIN"),
        (&["explain", "codegen"], "EXPLAIN CODEGEN", "write EXPLAIN"),
        (&["create", "function"], "CREATE FUNCTION", "write what it means in the statement"),
        (&["describe", "history"], "DESCRIBE HISTORY", "ask another engine over the same table"),
        (&["describe", "detail"], "DESCRIBE DETAIL", "write DESCRIBE EXTENDED"),
        (&["desc", "detail"], "DESCRIBE DETAIL", "write DESCRIBE EXTENDED"),
    ];
    if let Some((_, what, instead)) = KNOWN.iter().find(|(words, ..)| begin(tokens, words)) {
        return unsupported(what, instead);
    }
    if begin(tokens, &["create"])
        && let Some(view) = tokens.iter().take(6).position(|token| is(Some(token), "view"))
        && let Some(end) = behind_name(tokens, view + 1)
    {
        of_view(&tokens[end..])?;
    }
    // Only what stands before VIEW says so: a view may be called temp.
    let view = tokens.iter().take(6).position(|token| is(Some(token), "view"));
    let before = &tokens[..view.unwrap_or(0)];
    let is_short =
        before.iter().any(|token| is(Some(token), "temp") || is(Some(token), "temporary"));
    if begin(tokens, &["create"]) && is_short {
        return unsupported(
            "CREATE TEMPORARY VIEW",
            "a session has no views of its own: CREATE VIEW makes one that all see, WITH one of a statement",
        );
    }
    Ok(())
}

/// What stands between the name of a view and its query.
fn of_view(tokens: &[TokenWithSpan]) -> Result<()> {
    let before = tokens.iter().take_while(|token| !is(Some(token), "as"));
    let before: Vec<_> = before.collect();
    let columns = match before.first().map(|token| &token.token) {
        Some(Token::LParen) => behind(tokens, 0).unwrap_or(0).min(before.len()),
        _ => 0,
    };
    if before[..columns].iter().any(|token| is(Some(token), "comment")) {
        return unsupported(
            "COMMENT of a column of a view",
            "leave it out; COMMENT behind the columns is that of the view",
        );
    }
    match before[columns..].iter().any(|token| is(Some(token), "tblproperties")) {
        true => unsupported("CREATE VIEW with TBLPROPERTIES", "a view has none: leave it out"),
        false => Ok(()),
    }
}

/// CREATE DATABASE and CREATE NAMESPACE, which make a schema.
fn database(tokens: &[TokenWithSpan]) -> Result<Vec<Edit>> {
    let is_one = ["database", "namespace", "schema"].iter().any(|word| is(tokens.get(1), word));
    if !begin(tokens, &["create"]) || !is_one {
        return Ok(Vec::new());
    }
    for word in ["comment", "location", "with", "managed"] {
        if tokens.iter().skip(2).any(|token| is(Some(token), word)) {
            return unsupported(
                &format!("CREATE DATABASE with {}", word.to_uppercase()),
                "a schema is a name alone: leave it out",
            );
        }
    }
    Ok(replace(&tokens[1..2], "SCHEMA").into_iter().collect())
}

/// The place behind the parenthesis that closes the one at `from`.
fn behind(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    let mut open = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.token {
            Token::LParen => open += 1,
            Token::RParen => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// The place behind a name that begins at `from`.
fn behind_name(tokens: &[TokenWithSpan], from: usize) -> Option<usize> {
    let is_word = |at: usize| matches!(tokens.get(at).map(|it| &it.token), Some(Token::Word(_)));
    let mut at = from;
    while is_word(at) {
        at += 1;
        if tokens.get(at).map(|it| &it.token) != Some(&Token::Period) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// `CREATE VIEW v COMMENT 'text' AS`, as the parser knows it.
fn comment_of_view(tokens: &[TokenWithSpan]) -> Option<Edit> {
    let is_view =
        begin(tokens, &["create", "view"]) || begin(tokens, &["create", "or", "replace", "view"]);
    if !is_view {
        return None;
    }
    let mut open = 0_usize;
    for pair in tokens.windows(2) {
        match &pair[0].token {
            Token::LParen => open += 1,
            Token::RParen => open = open.saturating_sub(1),
            _ => {}
        }
        if open == 0 && is(Some(&pair[0]), "as") {
            return None;
        }
        if open == 0
            && is(Some(&pair[0]), "comment")
            && matches!(pair[1].token, Token::SingleQuotedString(_))
        {
            return replace(&pair[..1], "COMMENT =");
        }
    }
    None
}

/// `INSERT INTO t BY NAME SELECT …`.
fn by_name(tokens: &[TokenWithSpan]) -> Option<Edit> {
    let insert = tokens.iter().position(|token| is(Some(token), "insert"))?;
    let mut at = insert + 1;
    while ["into", "overwrite", "table"].iter().any(|word| is(tokens.get(at), word)) {
        at += 1;
    }
    at = behind_name(tokens, at)?;
    if is(tokens.get(at), "partition") {
        at = behind(tokens, at + 1)?;
    }
    begin(&tokens[at..], &["by", "name"])
        .then(|| replace(&tokens[at..at + 2], &format!("(`{BY_NAME}`)")))
        .flatten()
}

/// `UPDATE SET *` and `INSERT *` of MERGE.
fn all_columns(tokens: &[TokenWithSpan]) -> Vec<Edit> {
    if !begin(tokens, &["merge"]) {
        return Vec::new();
    }
    let is_star = |token: Option<&TokenWithSpan>| token.is_some_and(|it| it.token == Token::Mul);
    let mut edits = Vec::new();
    for at in 0..tokens.len() {
        let of = &tokens[at..];
        if begin(of, &["then", "update", "set"]) && is_star(of.get(3)) {
            edits.extend(replace(&of[3..4], &format!("`{ALL_COLUMNS}` = NULL")));
        } else if begin(of, &["then", "insert"]) && is_star(of.get(2)) {
            edits.extend(replace(&of[2..3], &format!("(`{ALL_COLUMNS}`) VALUES (NULL)")));
        }
    }
    edits
}

/// What is told of tables, as the parser reads settings (`plan/described/of_tables.rs`).
fn told(tokens: &[TokenWithSpan]) -> Result<Vec<Edit>> {
    let edit = |to: usize, text: &str| Ok(replace(&tokens[..to], text).into_iter().collect());
    if begin(tokens, &["show", "namespaces"]) {
        return edit(2, "SHOW SCHEMAS");
    }
    if begin(tokens, &["show", "current", "namespace"]) {
        return edit(3, "SELECT current_catalog() AS catalog, current_schema() AS namespace");
    }
    for (words, what) in [
        (&["show", "partitions"][..], "partitions"),
        (&["show", "tblproperties"], "properties"),
        (&["describe", "table", "extended"], "extended"),
        (&["describe", "extended"], "extended"),
        (&["describe", "formatted"], "extended"),
        (&["describe", "table", "formatted"], "extended"),
        (&["desc", "table", "extended"], "extended"),
        (&["desc", "extended"], "extended"),
        (&["desc", "formatted"], "extended"),
    ] {
        if begin(tokens, words) {
            return match behind_name(tokens, words.len()) == Some(tokens.len()) {
                true => edit(words.len(), &format!("SHOW `spark: {what}`")),
                false => unsupported(
                    &format!("{} of more than a table", words.join(" ").to_uppercase()),
                    "name a table, and nothing behind it",
                ),
            };
        }
    }
    Ok(Vec::new())
}

/// What is left for the statement: the columns of an INSERT by name, and `USE default`.
///
/// # Errors
/// `Unsupported` for a query whose columns have no names.
pub(super) fn write_out(statement: &mut DfStatement) -> Result<()> {
    let DfStatement::Statement(sql) = statement else { return Ok(()) };
    match sql.as_mut() {
        SqlStatement::Use(place) => {
            if let Use::Object(name) = &*place
                && name.to_string().eq_ignore_ascii_case("default")
            {
                *place = Use::Default;
            }
            Ok(())
        }
        SqlStatement::Insert(insert) => named(insert),
        SqlStatement::Query(query) => match query.body.as_mut() {
            SetExpr::Insert(SqlStatement::Insert(insert)) => named(insert),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn named(insert: &mut Insert) -> Result<()> {
    let is_mark = |columns: &[ObjectName]| matches!(columns, [one] if matches!(one.0.as_slice(), [part] if part.as_ident().is_some_and(|ident| ident.value == BY_NAME)));
    if !is_mark(&insert.columns) {
        return Ok(());
    }
    let names = insert.source.as_deref().and_then(names);
    let Some(names) = names else {
        return unsupported(
            "INSERT … BY NAME of such a query",
            "give each of its columns a name, without *, or write the names of the table's columns",
        );
    };
    insert.columns = names.into_iter().map(ObjectName::from).collect();
    Ok(())
}

fn names(query: &Query) -> Option<Vec<Ident>> {
    let mut body = query.body.as_ref();
    let select = loop {
        match body {
            SetExpr::Select(select) => break select,
            SetExpr::SetOperation { left, .. } => body = left,
            SetExpr::Query(inner) => return names(inner),
            _ => return None,
        }
    };
    select.projection.iter().map(super::tables::given_name).collect()
}

/// A setting of Spark's, as what it means here; `None` for others.
///
/// # Errors
/// `Unsupported` for one that there is no place for.
pub(super) fn setting(sql: &str) -> Result<Option<String>> {
    let Some(rest) = sql.trim().get(3..).map(|rest| rest.trim().trim_end_matches(';')) else {
        return Ok(None);
    };
    let (name, value) = rest.split_once('=').unwrap_or((rest, ""));
    let (name, value) = (name.trim(), value.trim().trim_matches(['\'', '"']));
    let lower = name.to_lowercase();
    if !["spark.", "hive.", "hiveconf:", "hivevar:"].iter().any(|of| lower.starts_with(of)) {
        return Ok(None);
    }
    match lower == "spark.sql.session.timezone" && !value.is_empty() {
        true => Ok(Some(format!("SET TIME ZONE '{}'", value.replace('\'', "''")))),
        false => unsupported(
            &format!("SET {name}"),
            "it is a setting of Spark's or Hive's that nothing here would follow: leave it out (spark.sql.session.timeZone is taken; \
             SHOW VARIABLES lists the settings that there are)",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &str) {
        assert_eq!(written(sql.into()).unwrap(), expected);
    }

    #[test]
    fn statements_of_spark_are_written_as_ours() {
        check("CREATE DATABASE IF NOT EXISTS a", "CREATE SCHEMA IF NOT EXISTS a");
        check(
            "CREATE VIEW v (a) COMMENT 'x' AS SELECT 1",
            "CREATE VIEW v (a) COMMENT = 'x' AS SELECT 1",
        );
        check(
            "INSERT INTO TABLE s.t BY NAME SELECT 1 AS a",
            "INSERT INTO TABLE s.t (`spark: by name`) SELECT 1 AS a",
        );
        check("CREATE VIEW temp AS SELECT 1", "CREATE VIEW temp AS SELECT 1");
        check("CREATE VIEW temp.v AS SELECT 1", "CREATE VIEW temp.v AS SELECT 1");
        check("SHOW PARTITIONS s.t", "SHOW `spark: partitions` s.t");
        check("DESCRIBE EXTENDED t", "SHOW `spark: extended` t");
        check("DESCRIBE t", "DESCRIBE t");
        check(
            "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *",
            "MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET `spark: all columns` = NULL \
             WHEN NOT MATCHED THEN INSERT (`spark: all columns`) VALUES (NULL)",
        );
    }

    #[test]
    fn what_there_is_no_place_for_says_so() {
        for (sql, part) in [
            ("CREATE TABLE t (a INT) USING parquet", "USING delta"),
            ("CREATE TABLE t (a INT) STORED AS ORC", "USING delta"),
            ("CREATE TABLE t (a INT) USING delta LOCATION '/x'", "CREATE EXTERNAL TABLE"),
            ("CREATE TABLE t (a INT) CLUSTERED BY (a) INTO 4 BUCKETS", "CLUSTERED"),
            ("CREATE OR REPLACE TEMP VIEW v AS SELECT 1", "WITH"),
            ("CREATE VIEW v (x COMMENT 'c', y) AS SELECT 1, 2", "column of a view"),
            ("CREATE VIEW s.v TBLPROPERTIES ('a' = 'b') AS SELECT 1", "TBLPROPERTIES"),
            ("CREATE DATABASE a LOCATION '/x'", "LOCATION"),
            ("REFRESH TABLE t", "newest"),
            ("SHOW PARTITIONS t PARTITION (a = 1)", "name a table"),
            ("SHOW TBLPROPERTIES t ('a')", "name a table"),
        ] {
            let refused = written(sql.into());
            let Err(PlannerError::Unsupported(why)) = refused else { panic!("{sql}: {refused:?}") };
            assert!(why.contains(part), "{why}");
        }
        assert!(setting("SET spark.sql.shuffle.partitions=10").is_err());
        assert_eq!(
            setting("SET spark.sql.session.timeZone = Europe/Berlin;").unwrap().as_deref(),
            Some("SET TIME ZONE 'Europe/Berlin'")
        );
        assert_eq!(setting("SET squadron.dialect = 'spark'").unwrap(), None);
    }
}
