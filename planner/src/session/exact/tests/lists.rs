//! Lists, patterns and bits.

use super::*;

/// Twice: a constant row, and a column whose values nobody knows.
async fn of_rows(expression: &str) -> String {
    let rows = "(VALUES (1, 5), (3, 8), (9, 1), (NULL, 2)) AS t(x, y)";
    values(&format!("SELECT {expression} FROM {rows}")).await.join(" ")
}

#[tokio::test]
async fn what_is_no_constant_of_a_list_is_compared_with() {
    for (expression, expected) in [
        ("x IN (12, 13, 14, 15, CASE WHEN y > 100 THEN -1 ELSE x END)", "true true true "),
        ("x NOT IN (12, 13, 14, 15, CASE WHEN y > 100 THEN -1 ELSE x END)", "false false false "),
        ("x IN (12, 13, 14, 15, CASE WHEN y < 100 THEN -1 ELSE x END)", "false false false "),
        ("x IN (y - 4, 12, 13, 14, 15)", "true false false "),
        ("x IN (1, 3, y)", "true true false "),
    ] {
        assert_eq!(of_rows(expression).await, expected, "{expression}");
    }
}

#[tokio::test]
async fn the_nulls_of_two_lists_count() {
    for (expression, expected) in [
        ("x IN (1, 2, 3, 4) AND x NOT IN (1, 2, NULL, 7)", "false  false "),
        ("x IN (1, 2, 3, NULL) AND x NOT IN (1, 2, NULL)", "false   "),
        ("x IN (1, 9) AND x IN (1, NULL)", "true false  "),
        ("x IN (1, 2) AND x IN (3, 4)", "false false false "),
        ("NOT (x IN (1, 2) AND x IN (3, 4))", "true true true "),
        ("x NOT IN (1, 2) OR x NOT IN (3, 4)", "true true true "),
        ("x IN (1, 2) AND y > 0 AND x NOT IN (1, 2)", "false false false "),
        ("(x = 1 OR x = 2) AND (x = 3 OR x = 4)", "false false false "),
        ("NOT ((x = 1 OR x = 2 OR x = 3) AND x IN (9, 10))", "true true true "),
        ("(x IN (1, 2) AND x IN (3, 4)) IS NULL", "false false false true"),
        ("x IN (1, 2) OR x IN (9)", "true false true "),
        ("x IN (NULL)", "   "),
        ("x NOT IN (1, NULL)", "false   "),
    ] {
        assert_eq!(of_rows(expression).await, expected, "{expression}");
    }
}

#[tokio::test]
async fn a_backslash_in_a_pattern_is_one() {
    let rows = r"(VALUES ('%'), ('\'), ('a\b'), ('50%'), ('ab')) AS t(s)";
    for (condition, expected) in [
        (r"s ~ '\\'", "false true true false false"),
        (r"s !~ '\\'", "true false false true true"),
        (r"s ~* 'A\\B'", "false false true false false"),
        (r"regexp_like(s, '\\')", "false true true false false"),
        (r"s ~ '^\\$'", "false true false false false"),
        (r"s ~ '^a\\'", "false false true false false"),
        (r"s ~ 'a\\|%'", "true false true true false"),
        (r"s ~ '[\\]'", "false true true false false"),
        (r"s ~ '\x5c'", "false true true false false"),
        (r"s ~ '\%'", "true false false true false"),
        (r"s ~ '^ab$'", "false false false false true"),
    ] {
        let sql = format!("SELECT {condition} FROM {rows}");
        assert_eq!(values(&sql).await.join(" "), expected, "{sql}");
    }
    for broken in [r"\\(", r"a\\)", r"\"] {
        error(&format!("SELECT s ~ '{broken}' FROM {rows}")).await;
    }
}

#[tokio::test]
async fn a_window_without_a_value_has_no_bits() {
    let rows = "(VALUES (1, 5), (2, NULL), (3, NULL), (4, 7)) AS t(i, x)";
    for (frame, expected) in [
        ("1 PRECEDING AND 1 PRECEDING", " 5  "),
        ("1 PRECEDING AND CURRENT ROW", "5 5  7"),
        ("4 FOLLOWING AND 4 FOLLOWING", "   "),
        ("UNBOUNDED PRECEDING AND CURRENT ROW", "5 5 5 2"),
    ] {
        let sql = format!(
            "SELECT bit_xor(x) OVER (ORDER BY i ROWS BETWEEN {frame}) FROM {rows} ORDER BY i"
        );
        assert_eq!(values(&sql).await.join(" "), expected, "{sql}");
    }
}

#[tokio::test]
async fn a_number_made_boolean_is_in_no_order() {
    let rows = "(VALUES (-1), (0), (1), (NULL)) AS t(i)";
    for (condition, expected) in [
        ("CAST(i AS BOOLEAN) < true", "0"),
        ("CAST(i AS BOOLEAN) = true", "-1 1"),
        ("CAST(i AS BOOLEAN) IS DISTINCT FROM true", "0 "),
    ] {
        let sql = format!("SELECT i FROM {rows} WHERE {condition} ORDER BY i NULLS LAST");
        assert_eq!(values(&sql).await.join(" "), expected, "{sql}");
    }
}
