//! What queries over two types that meet answer.

use datafusion::arrow::util::display::array_value_to_string;
use datafusion::execution::SessionStateBuilder;
use datafusion::prelude::SessionContext;

use super::super::exact::exact;
use super::*;

/// The values of the first column, or what is told.
pub(super) async fn tried(sql: &str) -> Result<String> {
    tried_in(SessionContext::new(), sql).await
}

async fn tried_in(context: SessionContext, sql: &str) -> Result<String> {
    let plan = types_met(context.state().create_logical_plan(sql).await?)?;
    let batches = context.execute_logical_plan(plan).await?.collect().await?;
    let values = batches.iter().flat_map(|batch| {
        let rows = 0..batch.num_rows();
        rows.map(|row| array_value_to_string(batch.column(0), row).unwrap())
    });
    Ok(values.collect::<Vec<_>>().join(" "))
}

async fn answer(sql: &str) -> String {
    tried(sql).await.unwrap()
}

#[tokio::test]
async fn a_decimal_beside_a_floating_point_number_is_one() {
    let rows = "(SELECT i, x::DOUBLE AS x, arrow_cast(m, 'Decimal128(10, 2)') AS m FROM (VALUES (1, 1e-17, 0.00), (2, 1e20, 7.25), (3, 7.25, 7.25), (4, 'nan'::DOUBLE, 1.00)) AS t(i, x, m))";
    for (sql, expected) in [
        ("SELECT i FROM {} WHERE x > m ORDER BY i", "1 2 4"),
        ("SELECT i FROM {} WHERE x = m ORDER BY i", "3"),
        ("SELECT i FROM {} WHERE m BETWEEN x AND 8 ORDER BY i", "3"),
        ("SELECT i FROM {} WHERE x IN (m, 1e20) ORDER BY i", "2 3"),
        ("SELECT i FROM {} WHERE m < 1e-17 ORDER BY i", "1"),
        ("SELECT i FROM {} WHERE x IN (SELECT m FROM {}) ORDER BY i", "3"),
        ("SELECT i FROM {} WHERE x = ANY (SELECT m FROM {}) ORDER BY i", "3"),
        ("SELECT count(*) FROM {} AS a JOIN {} AS b ON a.x = b.m", "2"),
        ("SELECT coalesce(x, m) FROM {} ORDER BY i", "1e-17 1e20 7.25 NaN"),
        ("SELECT CASE WHEN i < 3 THEN x ELSE m END FROM {} ORDER BY i", "1e-17 1e20 7.25 1.0"),
        (
            "SELECT CASE x WHEN m THEN 'same' ELSE 'other' END FROM {} ORDER BY i",
            "other other same other",
        ),
        ("SELECT greatest(m, x) FROM {} WHERE i < 3 ORDER BY i", "1e-17 1e20"),
        (
            "SELECT v FROM (SELECT x AS v FROM {} UNION ALL SELECT m FROM {}) WHERE v > 0 AND v < 1",
            "1e-17",
        ),
        ("SELECT v FROM (SELECT m AS v FROM {} INTERSECT SELECT x FROM {})", "7.25"),
        (
            "SELECT v FROM (SELECT v FROM (VALUES (9007199254740992), (9007199254740993), (1)) AS t(v) INTERSECT SELECT 9007199254740992.0::DOUBLE)",
            "9007199254740992.0",
        ),
        ("SELECT v FROM (SELECT v FROM (VALUES (1), (2)) AS t(v) EXCEPT SELECT 2.0)", "1.0"),
        (
            "SELECT i FROM {} WHERE arrow_cast('18:00:01'::TIME, 'Time64(Microsecond)') BETWEEN '18:00:00'::TIME AND '18:00:02'::TIME AND i < 2",
            "1",
        ),
    ] {
        let sql = sql.replace("{}", rows);
        assert_eq!(answer(&sql).await, expected, "{sql}");
    }
}

/// As a floating-point number each is a little more or less than 15 digits make of it.
#[tokio::test]
async fn a_decimal_is_equal_to_the_constant_of_its_digits() {
    for digits in ["4.15", "4.07", "8.13", "8.20", "8.55", "8.62", "8.97", "-4.15"] {
        let row = format!("(SELECT arrow_cast('{digits}', 'Decimal128(9, 2)') AS m)");
        for (sql, expected) in [
            ("m = {}", "true"),
            ("m <> {}", "false"),
            ("m IN (1.5, {})", "true"),
            ("m BETWEEN {} AND {}", "true"),
            ("m < {}", "false"),
            ("m >= {}", "true"),
            ("m = CAST({} AS DOUBLE)", "true"),
            ("nullif(m, {}) IS NULL", "true"),
            ("CASE m WHEN {} THEN true END", "true"),
        ] {
            let condition = sql.replace("{}", digits);
            let sql = format!("SELECT {condition} FROM {row} AS t");
            assert_eq!(answer(&sql).await, expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn a_filter_over_branches_finds_their_columns() {
    let a = "(SELECT * FROM (VALUES (1, 1.5, 1), (2, 2.5, 2)) AS t(d, x, n))";
    let b = "(SELECT * FROM (VALUES (1, 9.5, 1), (2, 1.5, 2), (3, 1.5, 3)) AS t(d, x, n))";
    for (join, expected) in [("JOIN", "1 1 1"), ("FULL JOIN", "1 1 1"), ("RIGHT JOIN", "1 1 1")] {
        let joined =
            format!("SELECT q.d, q.x, q.n::SMALLINT AS n FROM {b} p {join} {a} q ON p.d = q.d");
        let sql = format!(
            "SELECT d FROM (SELECT d, x, n::TINYINT AS n FROM {a} UNION ALL {joined} UNION ALL SELECT d, x, n FROM {a}) z WHERE x = 1.5"
        );
        assert_eq!(answer(&sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_decimal_beside_a_constant_that_it_can_be_stays_one() {
    for condition in ["m < 0.07", "m BETWEEN 0.05 AND 0.07", "m IN (1.5, -2.25)", "m = 7"] {
        let sql = format!(
            "SELECT m FROM (VALUES (arrow_cast(1, 'Decimal128(10, 2)'))) AS t(m) WHERE {condition}"
        );
        let context = SessionContext::new();
        let plan = context.state().create_logical_plan(&sql).await.unwrap();
        let plan = types_met(plan).unwrap().to_string();
        assert!(!plan.contains("CAST(m AS"), "{plan}");
    }
}

/// CASE and UNION have the type of all their branches, also for what is above them.
#[tokio::test]
async fn what_is_above_mixed_branches_has_the_type_of_all() {
    let case = "(SELECT i, CASE i WHEN 1 THEN 1 ELSE 2.5 END AS a FROM (VALUES (1), (2)) AS t(i))";
    let union = "(SELECT 1 AS i, 1 AS a UNION ALL SELECT 2, 2.5)";
    let nothing = "(SELECT 0 AS i, NULL AS a UNION ALL SELECT 1, 1 UNION ALL SELECT 2, 2.5)";
    for rows in [case, union, nothing] {
        for (sql, expected) in [
            ("SELECT a FROM {} WHERE i > 0 EXCEPT SELECT 7", "1.0 2.5"),
            ("SELECT a FROM {} INTERSECT SELECT 2", ""),
            ("SELECT 2 INTERSECT SELECT a FROM {}", ""),
            ("SELECT a FROM {} WHERE i > 0 EXCEPT SELECT 1::SMALLINT", "2.5"),
            (
                "SELECT a FROM (SELECT a FROM {} WHERE i > 0 ORDER BY a LIMIT 5) EXCEPT SELECT 7",
                "1.0 2.5",
            ),
            ("WITH w AS (SELECT max(a) AS a FROM {}) SELECT a FROM w EXCEPT SELECT 2", "2.5"),
            ("SELECT (SELECT max(a) FROM {}) AS a EXCEPT SELECT 2", "2.5"),
            (
                "SELECT first_value(a) OVER (ORDER BY i DESC) FROM {} WHERE i > 0 EXCEPT SELECT 2",
                "2.5",
            ),
            ("SELECT unnest(array_agg(a)) FROM {} WHERE i > 0 EXCEPT SELECT 2", "1.0 2.5"),
        ] {
            let sql = format!("SELECT * FROM ({}) ORDER BY 1", sql.replace("{}", rows));
            assert_eq!(answer(&sql).await, expected, "{sql}");
        }
    }
}

/// What is written otherwise in `exact/` looks at types before the engine has matched them.
#[tokio::test]
async fn what_is_counted_over_mixed_branches_is_of_the_type_of_all() {
    for (sql, expected) in [
        (
            "SELECT concat(a, ':', count(*) OVER (ORDER BY a RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)) FROM (SELECT 1::INT AS a UNION SELECT 2.4 UNION SELECT 1.9) ORDER BY 1",
            "1.0:2 1.9:3 2.4:2",
        ),
        (
            "SELECT concat(count(*) OVER (ORDER BY CASE WHEN x < 2 THEN x::INT ELSE 2.4 END RANGE BETWEEN 1 PRECEDING AND 0.5 PRECEDING)) FROM (VALUES (1), (2)) AS t(x) ORDER BY 1",
            "0 0",
        ),
        (
            "SELECT round(CASE WHEN x = 1 THEN 1.5::DECIMAL(5, 1) ELSE 1.25::DECIMAL(6, 2) END, 2) FROM (VALUES (1), (2)) AS t(x) ORDER BY 1",
            "1.25 1.50",
        ),
        (
            "SELECT concat(count(*)) FROM (VALUES (1), (2)) AS t(x) WHERE round(CASE WHEN x = 1 THEN 1.5::DECIMAL(5, 1) ELSE 1.25::DECIMAL(6, 2) END, 2) = 1.25",
            "1",
        ),
        (
            "SELECT a + INTERVAL '1 minute' FROM (SELECT NULL AS a UNION ALL SELECT DATE '2020-01-01') ORDER BY 1 NULLS LAST LIMIT 1",
            "2020-01-01T00:01:00",
        ),
        (
            "SELECT lag(CASE x WHEN 1 THEN x ELSE 2.5 END, 1, 0.5) OVER (ORDER BY x) FROM (VALUES (1), (2)) AS t(x) ORDER BY 1",
            "0.5 1.0",
        ),
    ] {
        let mut state = SessionStateBuilder::new().with_default_features().build();
        exact(&mut state).unwrap();
        let context = SessionContext::new_with_state(state);
        assert_eq!(tried_in(context, sql).await.unwrap(), expected, "{sql}");
    }
}

/// A reference to a column outside has carried the type of the first branch.
#[tokio::test]
async fn what_subqueries_refer_to_has_the_type_of_all_branches() {
    let rows = "(SELECT 1 AS a UNION ALL SELECT 2.5)";
    let inner = "(SELECT x FROM (VALUES (1), (2)) AS u(x))";
    for (sql, expected) in [
        ("SELECT a FROM {} q WHERE EXISTS (SELECT 1 FROM {u} v WHERE v.x = q.a)", "1.0"),
        ("SELECT a FROM {} q WHERE NOT EXISTS (SELECT 1 FROM {u} v WHERE v.x = q.a)", "2.5"),
        ("SELECT a FROM {} q WHERE a IN (SELECT x FROM {u} v WHERE v.x = q.a)", "1.0"),
        ("SELECT (SELECT count(*) FROM {u} v WHERE v.x = q.a) FROM {} q ORDER BY 1", "0 1"),
        ("SELECT b FROM {} q, LATERAL (SELECT v.x AS b FROM {u} v WHERE v.x = q.a) z", "1"),
    ] {
        let sql = sql.replace("{}", rows).replace("{u}", inner);
        assert_eq!(answer(&sql).await, expected, "{sql}");
    }
}
