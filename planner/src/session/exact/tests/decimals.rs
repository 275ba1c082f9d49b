//! Decimals at the ends of their types, and numbers of a statement that become decimals.

use super::*;

const NINES: &str = "99999999999999999999999999999999999999";

#[tokio::test]
async fn an_answer_of_too_many_digits_is_an_error() {
    let full = format!("CAST('{NINES}' AS DECIMAL(38, 0))");
    let wide = format!("arrow_cast('{NINES}{NINES}', 'Decimal256(76, 0)')");
    for sql in [
        format!("SELECT {full} + 1"),
        format!("SELECT x + y FROM (VALUES ({full}, 1), (NULL, 1)) AS t(x, y)"),
        format!("SELECT -x - x FROM (VALUES ({full})) AS t(x)"),
        format!("SELECT {full} * 2"),
        format!("SELECT x / 0.001 FROM (VALUES ({full})) AS t(x)")
            .replace("0.001", "CAST('0.001' AS DECIMAL(3,3))"),
        format!("SELECT {wide} + 1"),
        format!("SELECT sum(x) FROM (VALUES ({full}), (1)) AS t(x)"),
    ] {
        let error = error(&sql).await;
        assert!(error.contains("is beyond") && error.contains("DOUBLE"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn the_greatest_of_a_type_is_an_answer() {
    let sql = format!(
        "SELECT concat(x + y) FROM (VALUES (CAST('{NINES}' AS DECIMAL(38, 0)), 0), (NULL, 1), (-7, -1)) AS t(x, y)"
    );
    assert_eq!(values(&sql).await, [NINES, "", "-8"]);
}

#[tokio::test]
async fn a_number_that_becomes_a_decimal_is_the_one_that_is_written() {
    for (sql, expected) in [
        ("SELECT concat(CAST(1.005 AS DECIMAL(10, 2)))", "1.01"),
        ("SELECT concat(CAST(-1.005 AS DECIMAL(10, 2)))", "-1.01"),
        ("SELECT concat(TRY_CAST(0.285 AS DECIMAL(10, 2)))", "0.29"),
        ("SELECT concat(CAST(x AS DECIMAL(10, 2))) FROM (SELECT 2.675 AS x) AS t", "2.68"),
        ("SELECT concat(CAST(1e10 AS DECIMAL(20, 1)))", "10000000000.0"),
        ("SELECT concat(TRY_CAST(1e300 AS DECIMAL(20, 1)))", ""),
        ("SELECT concat(CAST(1.005 AS DOUBLE))", "1.005"),
    ] {
        assert_eq!(values(sql).await, [expected], "{sql}");
    }
}
