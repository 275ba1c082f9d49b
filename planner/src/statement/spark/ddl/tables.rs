//! CREATE TABLE with its clauses in the order that the parser knows.

use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan};

use super::{begin, behind, behind_name, is, unsupported};
use crate::statement::SAID;
use crate::{PlannerError, Result};

/// The statement written so; `None` for all else.
///
/// # Errors
/// `Unsupported` for a clause that there is no place for, `Syntax` for one that stands there twice.
pub(super) fn written(sql: &str, tokens: &[TokenWithSpan]) -> Result<Option<String>> {
    let at = match () {
        () if begin(tokens, &["create", "table"]) => 2,
        () if begin(tokens, &["create", "or", "replace", "table"]) => 4,
        () => return Ok(None),
    };
    let at = if begin(&tokens[at..], &["if", "not", "exists"]) { at + 3 } else { at };
    let Some(mut at) = behind_name(tokens, at) else { return Ok(None) };
    if tokens.get(at).is_some_and(|token| token.token == Token::LParen) {
        match behind(tokens, at) {
            Some(end) => at = end,
            None => return Ok(None),
        }
    }
    let head = part(sql, Location::new(1, 1), tokens.get(at).map(|token| token.span.start));
    let (mut clauses, mut rest) = ([None, None, None], String::new());
    while at < tokens.len() {
        let of = &tokens[at..];
        // Properties by another word, which the parser knows.
        if begin(of, &["with"]) && of.get(1).is_some_and(|next| next.token == Token::LParen) {
            return Ok(None);
        }
        let (place, end) = match () {
            () if begin(of, &["using"]) || begin(of, &["stored", "as"]) => {
                let format = if is(of.first(), "using") { at + 1 } else { at + 2 };
                of_delta(tokens.get(format))?;
                at = format + 1;
                continue;
            }
            () if begin(of, &["partitioned", "by"]) => (0, behind(tokens, at + 2)),
            () if begin(of, &["comment"]) => (1, Some(at + 2)),
            () if begin(of, &["tblproperties"]) => (2, behind(tokens, at + 1)),
            () if begins_query(of) => {
                let as_ = if begin(of, &["as"]) { "" } else { "AS " };
                rest = format!(" {as_}{}", part(sql, tokens[at].span.start, None));
                break;
            }
            () => return refused_clause(of),
        };
        let Some(end) = end.filter(|end| *end <= tokens.len()) else { return Ok(None) };
        if clauses[place].is_some() {
            return Err(PlannerError::Syntax("a clause of CREATE TABLE stands there twice".into()));
        }
        clauses[place] = Some(part(sql, of[0].span.start, Some(tokens[end - 1].span.end)));
        at = end;
    }
    // The parser reads one of both: properties with what is said of the table among them.
    if let [_, Some(comment), Some(properties)] = &clauses {
        let said = comment.get("COMMENT".len()..).unwrap_or_default().trim();
        let with = properties.replacen('(', &format!("('{SAID}' = {said}, "), 1);
        (clauses[1], clauses[2]) = (None, Some(with));
    }
    let clauses = clauses.into_iter().flatten().map(|clause| format!(" {clause}"));
    let clauses: Vec<_> = clauses.collect();
    Ok(Some(format!("{}{}{rest}", head.trim_end().trim_end_matches(';'), clauses.concat())))
}

fn begins_query(tokens: &[TokenWithSpan]) -> bool {
    ["as", "select", "with", "from", "values"].iter().any(|word| is(tokens.first(), word))
        || tokens[0].token == Token::LParen
}

fn of_delta(format: Option<&TokenWithSpan>) -> Result<()> {
    let name = format.map(|token| token.token.to_string()).unwrap_or_default();
    match is(format, "delta") {
        true => Ok(()),
        false => unsupported(
            &format!("CREATE TABLE of {name}"),
            "tables are Delta tables: write USING delta, or nothing; files that are there are named by CREATE EXTERNAL TABLE t STORED \
             AS PARQUET LOCATION '…', and written by COPY",
        ),
    }
}

fn refused_clause(tokens: &[TokenWithSpan]) -> Result<Option<String>> {
    let word = tokens[0].token.to_string().to_uppercase();
    match word.as_str() {
        "LOCATION" => unsupported(
            "CREATE TABLE with LOCATION",
            "a table has its place in the warehouse: leave it out; one that is there is named by CREATE EXTERNAL TABLE t STORED AS \
             DELTA LOCATION '…'",
        ),
        "OPTIONS" | "CLUSTER" | "CLUSTERED" | "SKEWED" | "ROW" | "LIKE" | "DEFAULT" => {
            unsupported(&format!("CREATE TABLE with {word}"), "leave it out")
        }
        // The parser says what it expects.
        _ => Ok(None),
    }
}

/// The part of a text from a place up to another.
fn part(sql: &str, from: Location, to: Option<Location>) -> String {
    let (mut line, mut column) = (1, 1);
    let mut text = String::new();
    for letter in sql.chars() {
        let here = (line, column);
        if to.is_some_and(|to| here >= (to.line, to.column)) {
            break;
        }
        if here >= (from.line, from.column) {
            text.push(letter);
        }
        match letter {
            '\n' => (line, column) = (line + 1, 1),
            _ => column += 1,
        }
    }
    text
}

#[cfg(test)]
mod tests {
    fn check(sql: &str, expected: &str) {
        assert_eq!(super::super::written(sql.into()).unwrap(), expected);
    }

    #[test]
    fn clauses_of_a_table_stand_in_the_parsers_order() {
        check(
            "CREATE TABLE a.t (a INT, b STRING COMMENT 'x') USING delta COMMENT 'all' PARTITIONED BY (b) TBLPROPERTIES ('k' = 'v');",
            "CREATE TABLE a.t (a INT, b STRING COMMENT 'x') PARTITIONED BY (b) TBLPROPERTIES ('spark: comment' = 'all', 'k' = 'v')",
        );
        check(
            "CREATE OR REPLACE TABLE t USING DELTA AS SELECT 1 AS a",
            "CREATE OR REPLACE TABLE t AS SELECT 1 AS a",
        );
        check("CREATE TABLE t USING delta SELECT 1 AS a", "CREATE TABLE t AS SELECT 1 AS a");
        check("CREATE TABLE IF NOT EXISTS t (a INT)", "CREATE TABLE IF NOT EXISTS t (a INT)");
    }
}
