//! Statements of Spark's, as they go on from here. What they answer is held against Spark (`dev/python/test_spark.py`).

use crate::options::Dialect;
use crate::statement::{Statement, parse_in};

fn written(sql: &str) -> String {
    match parse_in(sql, Dialect::Spark) {
        Ok(Statement::Query(query)) => query.to_string(),
        other => panic!("{sql}: {other:?}"),
    }
}

fn check(given: &str, expected: &str) {
    assert_eq!(written(&format!("SELECT {given} FROM t")), format!("SELECT {expected} FROM t"));
}

#[test]
fn operators_are_sparks() {
    check("a / b", r#""spark:/"(a, b)"#);
    check("a DIV b + c", r#""spark:+"("spark:div"(a, b), c)"#);
    check("a / 10", r#""spark:/"(a, CAST(10 AS INTEGER), 0, 2)"#);
    check("a + INTERVAL 1 DAY", "a + INTERVAL '1' DAY");
    check(
        "1 << 33 >>> b",
        r#""spark:shiftrightunsigned"("spark:shiftleft"(CAST(1 AS INTEGER), 33), b)"#,
    );
    check("a || 'x'", r#""spark:concat"(a, 'x')"#);
    check("a <=> b AND c", "((a) IS NOT DISTINCT FROM (b)) AND c");
    check("a[0].b", r#"get_field("spark:[]"(a, 0), 'b')"#);
    check("!a AND b", "NOT a AND b");
    check("a ^ b", "((a) # (b))");
    check(
        "1 || 2 * c",
        r#""spark:concat"(CAST(1 AS INTEGER), "spark:*"(CAST(2 AS INTEGER), c, 1, 0))"#,
    );
    check("a & b << 1", r#"a & "spark:shiftleft"(b, 1)"#);
    check("a >>> 1 & b", r#""spark:shiftrightunsigned"(a, 1) & b"#);
    check("a + b >> 1", r#""spark:shiftright"("spark:+"(a, b), 1)"#);
}

#[test]
fn functions_have_names_of_their_own() {
    check("substr(a, 0, 2)", r#""spark:substring"("spark:words"(a), 0, 2)"#);
    check("`Date_Add`(a, 1)", r#""spark:date_add"(a, 1)"#);
    check("lower(a)", r#"lower("spark:words"(a))"#);
    check("lower('A')", "lower('A')");
    check("count_if(a)", "count(nullif(a, false))");
    check("to_date(a, 'dd.MM.yyyy')", r#""spark:to_date"(a, 'dd.MM.yyyy')"#);
    check(
        "row_number() OVER () - 1",
        r#""spark:-"(CAST(row_number() OVER () AS INTEGER), CAST(1 AS INTEGER), 0, 1)"#,
    );
    check("ln(ln(a))", r#""spark:ln"("spark:ln"(a))"#);
    check("DATE '2024'", r#"cast_by_name(CAST("spark:day"('2024') AS DATE))"#);
    check("DATE '2024-01-02'", "DATE '2024-01-02'");
    check("a RLIKE '\\\\d'", r#"("spark:words"(a) ~ '[0-9]')"#);
    check("first(a, false)", "first_value(a)");
    check("last(a, true)", "last_value(a) IGNORE NULLS");
    check("to_date(a, 'yyyy-MM-DD')", r#""spark:to_date"(a, 'yyyy-MM-DD')"#);
    check("a RLIKE 'b++'", r#""spark:rlike"("spark:words"(a), 'b++')"#);
    check("regexp_count(a, 'b')", r#""spark:regexp_count"("spark:words"(a), 'b')"#);
    check("count(DISTINCT a, b)", r#"count(DISTINCT "spark:row"(a, b))"#);
    check("exists(a, x -> x = b)", "any_match(a, x -> x = b)");
    check("a LIKE ANY ('x%', 'y')", r#"("spark:words"(a) LIKE 'x%' OR "spark:words"(a) LIKE 'y')"#);
}

#[test]
fn choices_look_at_types_where_kinds_may_differ() {
    check("coalesce(a, 0)", r#""spark:coalesce"(a, CAST(0 AS INTEGER))"#);
    check("coalesce('a', 'b')", "coalesce('a', 'b')");
    check("if(a, 1, b)", r#""spark:case"(a, CAST(1 AS INTEGER), b)"#);
    check("CASE a WHEN b THEN 'x' ELSE c END", r#""spark:case"((a) = (b), 'x', c)"#);
    check("CASE WHEN a THEN 'x' END", "CASE WHEN a THEN 'x' END");
}

#[test]
fn names_of_select_are_written_out() {
    for (sql, which, expected) in [
        (
            "SELECT a AS x, x + b AS y FROM t",
            [true, true],
            r#"SELECT a AS x, "spark:+"((a), b) AS y FROM t"#,
        ),
        (
            "SELECT a AS x, transform(l, x -> x) AS y, x AS z FROM t",
            [true, true],
            "SELECT a AS x, array_transform(l, x -> x) AS y, (a) AS z FROM t",
        ),
        (
            "SELECT a AS x, (SELECT x FROM u) AS y, x AS z FROM t",
            [true, true],
            "SELECT a AS x, (SELECT x FROM u) AS y, (a) AS z FROM t",
        ),
        (
            "SELECT a AS x, x AS y FROM t UNION ALL SELECT b AS x, x AS y FROM t",
            [true, false],
            "SELECT a AS x, (a) AS y FROM t UNION ALL SELECT b AS x, x AS y FROM t",
        ),
    ] {
        let parsed = parse_in(sql, Dialect::Spark);
        let Ok(Statement::Query(query)) = parsed else { panic!("{parsed:?}") };
        let other = super::alias_written_out(&query, "x", |at| which[at]);
        assert_eq!(other.statement.to_string(), expected);
        assert_eq!(other.refused, None);
    }
}

#[test]
fn what_no_copy_is_the_same_as_is_refused() {
    for (sql, is_refused) in [
        ("SELECT rand() AS x, x + 1 AS y", true),
        ("SELECT a + `Uuid`() AS x, x AS y", true),
        ("SELECT shuffle(a) AS x, x AS y FROM t", true),
        ("SELECT 1 AS x, 2 AS x, x AS y", true),
        ("SELECT 1 AS x, x AS y, 2 AS x", false),
        ("SELECT rand() AS x, 1 AS y", false),
    ] {
        let parsed = parse_in(sql, Dialect::Spark);
        let Ok(Statement::Query(query)) = parsed else { panic!("{parsed:?}") };
        let other = super::alias_written_out(&query, "x", |_| true);
        assert_eq!(other.refused.is_some(), is_refused, "{sql}");
    }
}

#[test]
fn numbers_are_int_where_they_are_values() {
    check("1", "CAST(1 AS INTEGER)");
    check("a + 1", r#""spark:+"(a, CAST(1 AS INTEGER), 0, 1)"#);
    check("round(25, -1)", r#""spark:round"(CAST(25 AS INTEGER), -1)"#);
    check("3000000000", "3000000000");
    assert_eq!(
        written("SELECT a FROM t ORDER BY 1 LIMIT 2"),
        "SELECT a FROM t ORDER BY 1 NULLS FIRST LIMIT 2"
    );
}

#[test]
fn nulls_come_first_where_nothing_else_is_said() {
    for (given, expected) in
        [("a", "a NULLS FIRST"), ("a DESC", "a DESC NULLS LAST"), ("a NULLS LAST", "a NULLS LAST")]
    {
        assert_eq!(
            written(&format!("SELECT a FROM t ORDER BY {given}")),
            format!("SELECT a FROM t ORDER BY {expected}")
        );
        assert_eq!(
            written(&format!("SELECT lag(a) OVER (ORDER BY {given}) FROM t")),
            format!("SELECT lag(a) OVER (ORDER BY {expected}) FROM t")
        );
    }
}

#[test]
fn clauses_have_the_engines_names() {
    for (given, expected) in [
        ("SELECT a FROM t GROUP BY a, b WITH ROLLUP", "SELECT a FROM t GROUP BY ROLLUP (a, b)"),
        (
            "SELECT a FROM t ANTI JOIN u ON t.a = u.a",
            "SELECT a FROM t LEFT ANTI JOIN u ON t.a = u.a",
        ),
        ("SELECT a FROM t MINUS SELECT a FROM u", "SELECT a FROM t EXCEPT SELECT a FROM u"),
        ("SELECT id FROM range(5)", "SELECT id FROM range(5) AS range (id)"),
        (
            "SELECT t.a, u.c FROM t LATERAL VIEW explode(b) u AS c",
            "SELECT t.a, u.c FROM t, LATERAL (SELECT unnest(b) AS c) AS u",
        ),
        (
            "SELECT k, v FROM t LATERAL VIEW explode(m) u AS k, v",
            "SELECT k, v FROM t, LATERAL (SELECT unnest(map_keys(m)) AS k, unnest(map_values(m)) AS v) AS u",
        ),
        (
            "SELECT * FROM (SELECT k, c, v FROM t) PIVOT (sum(v) FOR c IN ('x' AS a))",
            "SELECT * FROM (SELECT k, CASE WHEN count(*) FILTER (WHERE (c) IS NOT DISTINCT FROM ('x')) > 0 \
             THEN sum(v) FILTER (WHERE (c) IS NOT DISTINCT FROM ('x')) END AS \"a\" \
             FROM (SELECT k, c, v FROM t) GROUP BY k) AS pivoted",
        ),
        (
            "SELECT * FROM (SELECT k, c, v FROM t) PIVOT (round(sum(v), 1) FOR c IN ('x'))",
            "SELECT * FROM (SELECT k, CASE WHEN count(*) FILTER (WHERE (c) IS NOT DISTINCT FROM ('x')) > 0 \
             THEN \"spark:round\"(sum(v) FILTER (WHERE (c) IS NOT DISTINCT FROM ('x')), 1) END AS \"x\" \
             FROM (SELECT k, c, v FROM t) GROUP BY k) AS pivoted",
        ),
        (
            "SELECT u.c FROM (SELECT u, c FROM t LATERAL VIEW explode(b) u AS c) z",
            "SELECT u.c AS c FROM (SELECT u, c FROM t, LATERAL (SELECT unnest(b) AS c) AS u) z",
        ),
        (
            "SELECT collect_list(a) FROM (SELECT a FROM t ORDER BY a DESC)",
            "SELECT \"spark:coalesce\"(array_agg(a ORDER BY a DESC NULLS LAST) FILTER (WHERE (a) IS NOT NULL), make_array()) \
             FROM (SELECT a FROM t ORDER BY a DESC NULLS LAST)",
        ),
        (
            "SELECT array_agg(b) FROM (SELECT a FROM t ORDER BY a) AS u(b)",
            "SELECT \"spark:coalesce\"(array_agg(b) FILTER (WHERE (b) IS NOT NULL), make_array()) \
             FROM (SELECT a FROM t ORDER BY a NULLS FIRST) AS u (b)",
        ),
        (
            "SELECT first(a), (SELECT first(b) FROM u) FROM (SELECT a FROM t ORDER BY a)",
            "SELECT first_value(a ORDER BY a NULLS FIRST), (SELECT first_value(b) FROM u) \
             FROM (SELECT a FROM t ORDER BY a NULLS FIRST)",
        ),
        (
            "SELECT grouping_id(), (SELECT grouping_id() FROM u GROUP BY CUBE (b)) FROM t GROUP BY CUBE (a)",
            "SELECT cast_by_name(CAST(grouping(a) AS BIGINT)), \
             (SELECT cast_by_name(CAST(grouping(b) AS BIGINT)) FROM u GROUP BY CUBE (b)) \
             FROM t GROUP BY CUBE (a)",
        ),
        ("SELECT a FROM t DISTRIBUTE BY b SORT BY a", "SELECT a FROM t ORDER BY a NULLS FIRST"),
    ] {
        assert_eq!(written(given), expected);
    }
}

#[test]
fn what_is_copied_is_sparks_too() {
    let copied =
        parse_in("COPY (SELECT 7 / 2 AS a) TO '/lake/out/' STORED AS PARQUET", Dialect::Spark);
    let Ok(Statement::Change(change)) = copied else { panic!("{copied:?}") };
    assert!(format!("{change:?}").contains("spark:/"), "{change:?}");
}

#[test]
fn what_is_written_out_is_bounded() {
    let nested = |levels| {
        format!("SELECT {}a{} FROM t", "decode(".repeat(levels), ", 1, 'x', 2, 'y')".repeat(levels))
    };
    assert!(parse_in(&nested(4), Dialect::Spark).is_ok());
    let refused = parse_in(&nested(12), Dialect::Spark).unwrap_err().to_string();
    assert!(refused.contains("in a subquery"), "{refused}");
}

#[test]
fn settings_are_no_values() {
    let set = parse_in("SET datafusion.x.y = -1.5", Dialect::Spark);
    let Ok(Statement::Session(set)) = set else { panic!("{set:?}") };
    assert_eq!(set.to_string(), "SET datafusion.x.y = -1.5");
}

#[test]
fn nobody_calls_what_is_inner() {
    assert!(parse_in("SELECT kept(1)", Dialect::Spark).is_err());
}
