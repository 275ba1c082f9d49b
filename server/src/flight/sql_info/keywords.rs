//! The words that mean something in SQL: tools colour them, complete them, and quote names that
//! are spelled like one.

use std::collections::BTreeSet;

use arrow_flight::sql::SqlInfo;
use datafusion::sql::sqlparser::keywords::{
    Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER, RESERVED_FOR_TABLE_ALIAS,
    RESERVED_FOR_TABLE_FACTOR,
};

use super::{Answer, Value};

/// Tells the keywords, in order.
///
/// Not all thousand that the parser has for some dialect, among them ID, NAME and DATE: tools
/// would quote half of all columns.
pub(super) fn tell(answer: &mut Answer) {
    if answer.wants(SqlInfo::SqlKeywords) {
        let words = words().map(|word| word.to_string()).collect::<BTreeSet<_>>();
        answer.tell(SqlInfo::SqlKeywords, Value::List(words.into_iter().collect()));
    }
}

fn words() -> impl Iterator<Item = &'static Keyword> {
    let reserved = [
        RESERVED_FOR_TABLE_ALIAS,
        RESERVED_FOR_COLUMN_ALIAS,
        RESERVED_FOR_TABLE_FACTOR,
        RESERVED_FOR_IDENTIFIER,
    ];
    reserved.into_iter().flatten().chain(EXPRESSIONS).chain(STATEMENTS)
}

/// Words of expressions and clauses that the parser's lists of reserved words do not have,
/// because it knows them by their place.
const EXPRESSIONS: &[Keyword] = &[
    Keyword::ALL,
    Keyword::AND,
    Keyword::ANY,
    Keyword::AS,
    Keyword::ASC,
    Keyword::BETWEEN,
    Keyword::BY,
    Keyword::CASE,
    Keyword::CAST,
    Keyword::CURRENT_DATE,
    Keyword::CURRENT_TIME,
    Keyword::CURRENT_TIMESTAMP,
    Keyword::DESC,
    Keyword::DISTINCT,
    Keyword::ELSE,
    Keyword::ESCAPE,
    Keyword::EXTRACT,
    Keyword::FALSE,
    Keyword::FILTER,
    Keyword::ILIKE,
    Keyword::IN,
    Keyword::IS,
    Keyword::LIKE,
    Keyword::NOT,
    Keyword::NULL,
    Keyword::OR,
    Keyword::OVER,
    Keyword::RECURSIVE,
    Keyword::SIMILAR,
    Keyword::SOME,
    Keyword::THEN,
    Keyword::TRUE,
    Keyword::TRY_CAST,
    Keyword::UNNEST,
    Keyword::WHEN,
];

/// Words that statements begin with.
const STATEMENTS: &[Keyword] = &[
    Keyword::ALTER,
    Keyword::COPY,
    Keyword::CREATE,
    Keyword::DEALLOCATE,
    Keyword::DELETE,
    Keyword::DESCRIBE,
    Keyword::DROP,
    Keyword::EXECUTE,
    Keyword::INSERT,
    Keyword::PREPARE,
    Keyword::RESET,
    Keyword::SHOW,
    Keyword::TABLE,
    Keyword::UPDATE,
];
