//! What the parser does not read, written otherwise before it parses.
//!
//! Problem: `DESCRIBE TABLE t`, `TABLE t`, `SET SCHEMA x`, `USE SCHEMA x`, `EXPLAIN PLAN FOR …`, `TRIM(TRAILING FROM x)`, Hive's
//! `DISABLE NOVALIDATE RELY` of keys, and the ODBC escapes `{oj …}` and `{escape 'c'}` are syntax errors of sqlparser 0.62. Here:
//! they are found among the tokens, so that nothing in a string, a quoted name or a comment is touched, and written as what
//! means the same.

use std::borrow::Cow;

use datafusion::logical_expr::sqlparser::dialect::Dialect;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};

use super::edits::{Edit, edited, replace};
use crate::{PlannerError, Result};

/// A text that the parser reads.
///
/// # Errors
/// `Unsupported` for the call of a procedure.
pub(super) fn written<'t>(sql: &'t str, dialect: &dyn Dialect) -> Result<Cow<'t, str>> {
    if !is_concerned(sql) {
        return Ok(sql.into());
    }
    // A text that is no SQL at all is refused by the parser, in its words.
    let Ok(mut tokens) = Tokenizer::new(dialect, sql).tokenize_with_location() else {
        return Ok(sql.into());
    };
    tokens.retain(|token| !matches!(token.token, Token::Whitespace(_)));
    refuse_calls(&tokens)?;
    let mut edits = beginning(&tokens);
    edits.extend(tables(&tokens));
    edits.extend(trims(&tokens));
    edits.extend(escapes(&tokens));
    edits.extend(unenforced(&tokens));
    edits.extend(partition_last(&tokens));
    edits.sort_by_key(|edit| (edit.from.line, edit.from.column));
    Ok(match edits.is_empty() {
        true => sql.into(),
        false => edited(sql, &edits).into(),
    })
}

/// `{call p(…)}` and `{? = call p(…)}`.
fn refuse_calls(tokens: &[TokenWithSpan]) -> Result<()> {
    let of = match tokens {
        [open, parameter, equals, rest @ ..]
            if open.token == Token::LBrace
                && matches!(parameter.token, Token::Placeholder(_))
                && equals.token == Token::Eq =>
        {
            rest
        }
        [open, rest @ ..] if open.token == Token::LBrace => rest,
        _ => &[],
    };
    match of.first().is_some_and(|word| is_word(word, "call")) {
        true => Err(PlannerError::Unsupported(
            "{call …} is not supported by this version: there are no procedures; call a function by SELECT f(…) or {fn f(…)}".into(),
        )),
        false => Ok(()),
    }
}

/// Most statements are large or many, and none of these.
fn is_concerned(sql: &str) -> bool {
    let start = sql.trim_start();
    let first = start.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    const FIRST: [&str; 8] =
        ["describe", "desc", "table", "set", "use", "explain", "create", "alter"];
    const INSERTS: [&str; 2] = ["insert", "with"];
    let small = sql.to_ascii_lowercase();
    let inserts = INSERTS.iter().any(|word| first.eq_ignore_ascii_case(word));
    if inserts && small.contains("partition") {
        return true;
    }
    FIRST.iter().any(|word| first.eq_ignore_ascii_case(word))
        || start.starts_with(['-', '/'])
        || sql.contains('{')
        || ["trim", "table"].iter().any(|word| small.contains(word))
}

fn is_word(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

fn begin(tokens: &[TokenWithSpan], words: &[&str]) -> bool {
    tokens.len() > words.len() && tokens.iter().zip(words).all(|(token, word)| is_word(token, word))
}

fn beginning(tokens: &[TokenWithSpan]) -> Vec<Edit> {
    const SAME: [(&[&str], &str); 7] = [
        (&["describe", "table"], "DESCRIBE"),
        (&["desc", "table"], "DESCRIBE"),
        (&["table"], "SELECT * FROM"),
        (&["use", "schema"], "USE"),
        (&["use", "database"], "USE"),
        (&["explain", "plan", "for"], "EXPLAIN"),
        (&["explain", "formatted"], "EXPLAIN"),
    ];
    for (words, text) in SAME {
        if begin(tokens, words) {
            return replace(&tokens[..words.len()], text).into_iter().collect();
        }
    }
    for (words, setting) in [
        (["set", "schema"], "datafusion.catalog.default_schema"),
        (["set", "catalog"], "datafusion.catalog.default_catalog"),
    ] {
        // `SET schema = x` is another statement.
        if begin(tokens, &words)
            && matches!(tokens[2].token, Token::Word(_) | Token::SingleQuotedString(_))
        {
            return replace(&tokens[..2], &format!("SET {setting} =")).into_iter().collect();
        }
    }
    Vec::new()
}

/// `TABLE t` where a query may stand: in brackets, behind AS and UNION, and as what is inserted.
fn tables(tokens: &[TokenWithSpan]) -> Vec<Edit> {
    const BEFORE: [&str; 7] = ["as", "union", "except", "intersect", "minus", "all", "distinct"];
    // A column, or an alias, of that name.
    const BEHIND: [&str; 10] =
        ["from", "where", "group", "having", "order", "limit", "union", "join", "on", "using"];
    let place = |words: &[&str]| {
        tokens.iter().position(|token| words.iter().any(|word| is_word(token, word)))
    };
    let inserts = tokens.first().is_some_and(|word| is_word(word, "insert"));
    let into = place(&["into", "overwrite"]).filter(|_| inserts).unwrap_or(tokens.len());
    let rows = place(&["select", "values", "from"]).unwrap_or(tokens.len());
    let found = tokens.windows(3).enumerate().filter(|(at, found)| {
        let (before, name) = (&found[0], &found[2]);
        is_word(&found[1], "table")
            && matches!(name.token, Token::Word(_))
            && !BEHIND.iter().any(|word| is_word(name, word))
            && (before.token == Token::LParen
                || BEFORE.iter().any(|word| is_word(before, word))
                || (into < *at && *at < rows))
    });
    found.filter_map(|(_, found)| replace(&found[1..2], "SELECT * FROM")).collect()
}

/// Spaces are what is trimmed where nothing is named.
fn trims(tokens: &[TokenWithSpan]) -> Vec<Edit> {
    let side = |token: &TokenWithSpan| {
        ["leading", "trailing", "both"].iter().any(|word| is_word(token, word))
    };
    let found = tokens.windows(4).filter(|found| {
        is_word(&found[0], "trim")
            && found[1].token == Token::LParen
            && side(&found[2])
            && is_word(&found[3], "from")
    });
    found
        .map(|found| Edit {
            from: found[3].span.start,
            to: found[3].span.start,
            text: "' ' ".into(),
        })
        .collect()
}

/// Of a key: Hive's words for NOT ENFORCED. Whether a planner may rely on it (RELY) makes no difference: none does here.
fn unenforced(tokens: &[TokenWithSpan]) -> Vec<Edit> {
    let defines =
        tokens.first().is_some_and(|word| is_word(word, "create") || is_word(word, "alter"));
    if !defines {
        return Vec::new();
    }
    let ends_a_key = |token: &TokenWithSpan| {
        token.token == Token::RParen || is_word(token, "key") || is_word(token, "unique")
    };
    let rely = |at: usize| {
        let word = tokens.get(at);
        word.is_some_and(|word| is_word(word, "rely") || is_word(word, "norely"))
    };
    let mut edits = Vec::new();
    for (at, found) in tokens.windows(3).enumerate() {
        let of_hive = is_word(&found[1], "disable") && is_word(&found[2], "novalidate");
        if of_hive && ends_a_key(&found[0]) {
            let end = if rely(at + 3) { at + 4 } else { at + 3 };
            edits.extend(replace(&tokens[at + 1..end], "NOT ENFORCED"));
        }
        if is_word(&found[0], "not") && is_word(&found[1], "enforced") && rely(at + 2) {
            edits.extend(replace(&tokens[at + 2..at + 3], ""));
        }
    }
    edits
}

/// Spark's `INSERT INTO t PARTITION (…) (columns)` with the columns first, as the parser knows it.
fn partition_last(tokens: &[TokenWithSpan]) -> Vec<Edit> {
    let close = |from: usize| {
        let mut open = 0_usize;
        (from..tokens.len()).find(|at| {
            match tokens[*at].token {
                Token::LParen => open += 1,
                Token::RParen => open = open.saturating_sub(1),
                _ => {}
            }
            open == 0
        })
    };
    let is_open = |at: usize| tokens.get(at).is_some_and(|token| token.token == Token::LParen);
    let Some(insert) = tokens.iter().position(|token| is_word(token, "insert")) else {
        return Vec::new();
    };
    let words = tokens.iter().enumerate().skip(insert);
    let mut words = words.take_while(|(_, token)| !is_word(token, "select"));
    let Some((begin, _)) = words.find(|(_, token)| is_word(token, "partition")) else {
        return Vec::new();
    };
    let Some(end) = Some(begin + 1).filter(|at| is_open(*at)).and_then(close) else {
        return Vec::new();
    };
    let Some(last) = Some(end + 1).filter(|at| is_open(*at)).and_then(close) else {
        return Vec::new();
    };
    let names = &tokens[end + 2..last];
    let is_name = |(at, token): (usize, &TokenWithSpan)| match &token.token {
        Token::Word(_) => at % 2 == 0,
        Token::Comma => at % 2 == 1,
        _ => false,
    };
    if names.is_empty() || !names.iter().enumerate().all(is_name) {
        return Vec::new();
    }
    let text = |tokens: &[TokenWithSpan]| {
        tokens.iter().map(|token| token.token.to_string()).collect::<Vec<_>>().join(" ")
    };
    let swapped = format!("{} {}", text(&tokens[end + 1..=last]), text(&tokens[begin..=end]));
    replace(&tokens[begin..=last], &swapped).into_iter().collect()
}

/// `{oj …}` and `{escape …}` without their braces.
fn escapes(tokens: &[TokenWithSpan]) -> Vec<Edit> {
    let (mut edits, mut open) = (Vec::new(), Vec::new());
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::LBrace => {
                let word = tokens.get(at + 1);
                let is_join = word.is_some_and(|word| is_word(word, "oj"));
                let is_escape = word.is_some_and(|word| is_word(word, "escape"));
                let braces = if is_join { 2 } else { 1 };
                if is_join || is_escape {
                    edits.extend(replace(&tokens[at..at + braces], ""));
                }
                open.push(is_join || is_escape);
            }
            Token::RBrace if open.pop() == Some(true) => {
                edits.extend(replace(&tokens[at..=at], ""));
            }
            _ => {}
        }
    }
    edits
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::sqlparser::dialect::GenericDialect;

    use super::*;

    fn check(sql: &str, expected: &str) {
        assert_eq!(written(sql, &GenericDialect {}).unwrap(), expected);
    }

    #[test]
    fn statements_begin_as_the_parser_knows_them() {
        check("DESCRIBE TABLE t", "DESCRIBE t");
        check("-- why\ndesc table a.b", "-- why\nDESCRIBE a.b");
        check("TABLE nation", "SELECT * FROM nation");
        check("INSERT INTO t TABLE u", "INSERT INTO t SELECT * FROM u");
        check("INSERT INTO t (a) TABLE b.u", "INSERT INTO t (a) SELECT * FROM b.u");
        check("CREATE TABLE t AS TABLE u", "CREATE TABLE t AS SELECT * FROM u");
        check("TABLE t UNION ALL TABLE u", "SELECT * FROM t UNION ALL SELECT * FROM u");
        check("SELECT 1 FROM (TABLE t) x", "SELECT 1 FROM (SELECT * FROM t) x");
        check("use schema x", "USE x");
        check("SET SCHEMA 'x'", "SET datafusion.catalog.default_schema = 'x'");
        check("EXPLAIN PLAN FOR SELECT 1", "EXPLAIN SELECT 1");
    }

    #[test]
    fn escapes_and_trims_are_written_out() {
        check("SELECT TRIM(TRAILING FROM a), '{oj'", "SELECT TRIM(TRAILING ' ' FROM a), '{oj'");
        check(
            "SELECT 1 FROM {oj a LEFT JOIN b ON {fn f(x)} = 1}",
            "SELECT 1 FROM  a LEFT JOIN b ON {fn f(x)} = 1",
        );
        check("SELECT a LIKE 'x!%' {escape '!'}", "SELECT a LIKE 'x!%' escape '!'");
    }

    #[test]
    fn keys_are_said_not_to_be_enforced() {
        check(
            "CREATE TABLE t (a INT PRIMARY KEY DISABLE NOVALIDATE RELY, UNIQUE (b) disable novalidate)",
            "CREATE TABLE t (a INT PRIMARY KEY NOT ENFORCED, UNIQUE (b) NOT ENFORCED)",
        );
        check(
            "ALTER TABLE t ADD UNIQUE (a) NOT ENFORCED NORELY",
            "ALTER TABLE t ADD UNIQUE (a) NOT ENFORCED ",
        );
        check(
            "CREATE VIEW v AS SELECT disable novalidate",
            "CREATE VIEW v AS SELECT disable novalidate",
        );
    }

    #[test]
    fn columns_come_before_partition() {
        check(
            "INSERT INTO t PARTITION (d = 'x') (a, b) SELECT 1, 2",
            "INSERT INTO t ( a , b ) PARTITION ( d = 'x' ) SELECT 1, 2",
        );
        for sql in [
            "INSERT INTO t PARTITION (d = 'x') (SELECT a FROM u)",
            "INSERT INTO t SELECT count(*) OVER (PARTITION BY (a)) FROM u",
            "INSERT INTO t (a) PARTITION (d) VALUES (1, 2)",
        ] {
            check(sql, sql);
        }
    }

    #[test]
    fn procedures_are_refused_by_name() {
        for sql in ["{call p(1)}", "{$1 = call p($2)}", "  { CALL p }"] {
            let refused = written(sql, &GenericDialect {}).unwrap_err().to_string();
            assert!(refused.contains("procedures"), "{refused}");
        }
        check("SELECT {fn f(call)}", "SELECT {fn f(call)}");
    }

    #[test]
    fn others_stay() {
        for sql in [
            "DESCRIBE table",
            "SET schema = 'x'",
            "SELECT trim(both 'x' from a)",
            "SELECT '{escape'",
            "SELECT DISTINCT table FROM t",
            "SELECT a AS table FROM t",
            "INSERT INTO TABLE t SELECT table x FROM u",
            "use x",
        ] {
            check(sql, sql);
        }
    }
}
