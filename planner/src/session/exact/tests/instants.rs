//! Instants, days and intervals, and casts of numbers, in comparisons.

use super::*;

#[tokio::test]
async fn casts_that_lose_something_are_compared_as_what_they_make() {
    let of_m = "(SELECT arrow_cast(m, 'Decimal128(5, 2)') AS m FROM (VALUES (1.03), (0.96), (1.00), (NULL)) AS t(m))";
    let of_b = "(VALUES (5000000000), (1), (NULL)) AS t(b)";
    for (condition, from, expected) in [
        ("cast(m AS DECIMAL(4, 1)) = 1.0", of_m, "3"),
        ("cast(m AS DECIMAL(4, 1)) <> cast(1.0 AS DECIMAL(4, 1))", of_m, "0"),
        ("cast(m AS DECIMAL(4, 1)) IN (1.0, 7.0)", of_m, "3"),
        ("cast(m AS DECIMAL(4, 1)) BETWEEN 1.0 AND 1.0", of_m, "3"),
        ("cast(m AS DECIMAL(3, 0)) = 1", of_m, "3"),
        ("cast(m AS INT) = 1", of_m, "2"),
        ("cast(m AS DECIMAL(9, 3)) = 1.03", of_m, "1"),
        ("try_cast(b AS INT) > 0", of_b, "1"),
        ("try_cast(b AS INT) <> 5", of_b, "1"),
        ("try_cast(b AS INT) IS NULL", of_b, "2"),
        ("cast(b AS DECIMAL(20, 0)) > 1", of_b, "1"),
        ("c = 1.0", "(SELECT cast(m AS DECIMAL(4, 1)) AS c FROM {m})", "3"),
    ] {
        let from = from.replace("{m}", of_m);
        let sql = format!("SELECT count(*) FROM {from} WHERE {condition}");
        assert_eq!(values(&sql).await, [expected], "{sql}");
    }
    let sql = format!("SELECT b FROM {of_b} WHERE cast(b AS INT) > 0");
    assert!(error(&sql).await.contains("5000000000"));
}

/// Instants of milliseconds before and after 1970, compared with finer ones by themselves and in a table.
#[tokio::test]
async fn coarse_instants_are_compared_with_fine_ones() {
    let fine = [
        "timestamp '2020-01-01 00:00:00.124'",
        "timestamp '2020-01-01 00:00:00.124455'",
        "timestamp '1969-12-31 23:59:59.999'",
        "timestamp '1969-12-31 23:59:59.998001'",
        "timestamp '2020-01-01 00:00:00'",
        "date '2020-01-01'",
        "timestamp '2020-01-01 00:00:00.123' + interval '1455 microseconds'",
    ];
    let coarse = [
        "2020-01-01 00:00:00.124",
        "2020-01-01 00:00:00.125",
        "1969-12-31 23:59:59.998",
        "1969-12-31 23:59:59.999",
        "2020-01-01 00:00:00",
    ];
    let rows = coarse.map(|at| format!("('{at}')")).join(", ");
    let as_ = |of: &str| {
        format!(
            "(SELECT arrow_cast(at, 'Timestamp({of}, None)') AS at FROM (VALUES {rows}) AS t(at))"
        )
    };
    let [ms, ns] = ["Millisecond", "Nanosecond"].map(as_);
    for fine in fine {
        for op in ["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"] {
            for condition in [
                format!("at {op} {fine}"),
                format!("{fine} {op} at"),
                format!("NOT (at {op} {fine})"),
            ] {
                let by = |from: &str| {
                    format!("SELECT at::text FROM {from} WHERE {condition} ORDER BY at")
                };
                assert_eq!(values(&by(&ms)).await, values(&by(&ns)).await, "{condition}");
            }
        }
        for condition in [
            format!("at IN ({fine}, date '2020-01-01')"),
            format!("at NOT BETWEEN {fine} AND now()"),
            format!("at BETWEEN date '1960-01-01' AND {fine}"),
        ] {
            let by =
                |from: &str| format!("SELECT at::text FROM {from} WHERE {condition} ORDER BY at");
            assert_eq!(values(&by(&ms)).await, values(&by(&ns)).await, "{condition}");
        }
    }
}

/// What is known before the first row is read is what rows may be skipped by.
#[tokio::test]
async fn a_coarse_instant_is_compared_as_it_is() {
    let from = "(SELECT arrow_cast(value, 'Timestamp(Microsecond, None)') AS at FROM range(0, 9))";
    for condition in [
        "at >= timestamp '2020-01-01'",
        "at < timestamp '2020-01-01 00:00:00.0000001'",
        "at > now() - interval '1 day'",
        "at = date '2020-01-01'",
        "at BETWEEN '2020-01-01' AND now()",
    ] {
        let sql = format!("SELECT count(*) FROM {from} WHERE {condition}");
        let plan = exactly().sql(&sql).await.unwrap().into_optimized_plan().unwrap().to_string();
        let filter = plan.lines().find(|line| line.contains("Filter")).unwrap();
        assert!(!filter.contains("kept") && !filter.contains("instant"), "{plan}");
    }
}

/// Around midnight, before and after 1970; expected are the answers by the days as text.
#[tokio::test]
async fn instants_are_compared_by_their_day() {
    let rows = [
        "1969-12-31 00:00:00",
        "1969-12-31 23:59:59.999999",
        "1970-01-01 00:00:00",
        "2020-02-29 23:59:59.9",
        "2020-03-01 00:00:00",
    ];
    let rows = rows.map(|at| format!("('{at}')")).join(", ");
    let days = ["1969-12-31", "1970-01-01", "2020-02-29", "2020-03-01"];
    for unit in ["Millisecond", "Microsecond", "Nanosecond"] {
        let from = format!(
            "(SELECT arrow_cast(at, 'Timestamp({unit}, None)') AS at FROM (VALUES {rows}, (NULL)) AS t(at))"
        );
        for day in days {
            for op in [
                "=",
                "<>",
                "<",
                "<=",
                ">",
                ">=",
                "BETWEEN '1970-01-01' AND",
                "NOT BETWEEN '1970-01-01' AND",
            ] {
                let by = |day_of: &str, day: &str| {
                    format!("SELECT at FROM {from} WHERE {day_of} {op} {day} ORDER BY at")
                };
                let cast = by("cast(at AS DATE)", &format!("DATE '{day}'"));
                let text = by("substr(at::text, 1, 10)", &format!("'{day}'"));
                assert_eq!(values(&cast).await, values(&text).await, "{cast}");
            }
        }
    }
}

/// Days that stand for ever are beyond what nanoseconds hold.
#[tokio::test]
async fn days_without_end_are_compared_with_instants() {
    let from = "(SELECT d::DATE AS d, arrow_cast(d::DATE, 'Timestamp(Microsecond, None)') AS us FROM (VALUES ('0001-01-01'), ('2024-06-01'), ('9999-12-31'), (NULL)) AS t(d))";
    for (condition, expected) in [
        ("d > now()::timestamp", "1"),
        ("d > timestamp '2024-06-01 00:00:00'", "1"),
        ("d >= timestamp '2024-06-01 00:00:00'", "2"),
        ("d < timestamp '2024-06-01 00:00:00.000001'", "2"),
        ("d = timestamp '2024-06-01 00:00:00'", "1"),
        ("d IN (timestamp '2024-06-01 00:00:00')", "1"),
        ("d BETWEEN timestamp '2024-05-31 12:00:00' AND now()::timestamp", "1"),
        ("us BETWEEN date '0001-01-01' AND now()::timestamp", "2"),
        ("us > date '2024-06-01'", "1"),
        ("us = date '9999-12-31'", "1"),
    ] {
        let sql = format!("SELECT count(*) FROM {from} WHERE {condition}");
        assert_eq!(values(&sql).await, [expected], "{sql}");
    }
    let sql = format!("SELECT date_bin(interval '1 day', us) FROM {from}");
    assert!(error(&sql).await.contains("2262"));
    let sql = format!(
        "SELECT count(date_bin(interval '1 day', us)) FROM {from} WHERE d < '9000-01-01' AND d > '1900-01-01' OR d IS NULL"
    );
    assert_eq!(values(&sql).await, ["1"]);
}

/// Expected are the answers of PostgreSQL.
#[tokio::test]
async fn intervals_are_compared_by_how_long_they_are() {
    let from = "(SELECT k::TIMESTAMP AS k FROM (VALUES ('2019-12-01 05:00:00'), ('2019-12-02 00:00:00'), ('2020-02-01 00:00:00'), (NULL)) AS t(k))";
    for (condition, expected) in [
        ("k - timestamp '2019-12-01' > interval '1 day'", "1"),
        ("k - timestamp '2019-12-01' >= interval '24 hours'", "2"),
        ("k - timestamp '2019-12-01' BETWEEN interval '4 hours' AND interval '1 month'", "2"),
        ("k - timestamp '2019-12-01' IN (interval '1 day', interval '1 month')", "1"),
        ("interval '25 hours' > interval '1 day'", "4"),
        ("interval '24 hours' = interval '1 day'", "4"),
        ("interval '1 month' < k - timestamp '2019-12-01'", "1"),
    ] {
        let sql = format!("SELECT count(*) FROM {from} WHERE {condition}");
        assert_eq!(values(&sql).await, [expected], "{sql}");
    }
    let sql = format!("SELECT max(k) - min(k) > interval '61 days' FROM {from}");
    assert_eq!(values(&sql).await, ["true"]);
    for sql in [
        "SELECT i FROM (VALUES (interval '1 day')) AS t(i) ORDER BY i",
        "SELECT max(i) FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT DISTINCT i FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT count(*) FROM (VALUES (interval '1 day')) AS t(i) GROUP BY i",
        "SELECT count(*) OVER (PARTITION BY i) FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT rank() OVER (ORDER BY i) FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT array_agg(1 ORDER BY i) FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT count(DISTINCT [i]) FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT DISTINCT ON (i) i FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT DISTINCT ON (k) k FROM (VALUES (1, interval '1 day')) AS t(k, i) ORDER BY k, i",
        "SELECT * FROM (VALUES (interval '1 day')) AS t(i) JOIN (VALUES (interval '1 day')) AS u(i) USING (i)",
        "SELECT * FROM (VALUES (interval '1 day')) AS t(i) WHERE i IN (SELECT interval '24 hours')",
        "SELECT * FROM (VALUES (interval '1 day')) AS t(i) INTERSECT SELECT interval '24 hours'",
        "SELECT i FROM (VALUES (interval '1 day')) AS t(i) UNION SELECT interval '24 hours'",
        "SELECT nullif(i, interval '24 hours') FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT CASE i WHEN interval '24 hours' THEN 1 END FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT [i] = [interval '24 hours'] FROM (VALUES (interval '1 day')) AS t(i)",
        "SELECT array_has([i], interval '24 hours') FROM (VALUES (interval '1 day')) AS t(i)",
    ] {
        assert!(error(sql).await.contains("epoch"), "{sql}");
    }
    for (sql, expected) in [
        (
            "SELECT count(*) FROM (VALUES (interval '1 day')) AS t(i) JOIN (VALUES (interval '24 hours')) AS u(i) ON t.i = u.i",
            "1",
        ),
        (
            "SELECT CASE WHEN i = interval '24 hours' THEN 1 END FROM (VALUES (interval '1 day')) AS t(i)",
            "1",
        ),
        (
            "SELECT sum(1) OVER (ORDER BY d RANGE BETWEEN interval '1 day' PRECEDING AND CURRENT ROW) FROM (VALUES (date '2024-01-01')) AS t(d)",
            "1",
        ),
    ] {
        assert_eq!(values(sql).await, [expected], "{sql}");
    }
}

#[tokio::test]
async fn a_date_with_hours_is_an_instant() {
    for (sql, expected) in [
        ("SELECT date '2024-01-01' + interval '12 hours'", "2024-01-01T12:00:00"),
        ("SELECT interval '36 hours' + date '2024-01-01'", "2024-01-02T12:00:00"),
        (
            "SELECT d - interval '1 hour' FROM (VALUES (date '2024-01-01')) AS t(d)",
            "2023-12-31T23:00:00",
        ),
        ("SELECT d + interval '1 day' FROM (VALUES (date '2024-01-01')) AS t(d)", "2024-01-02"),
        ("SELECT d - interval '1 month' FROM (VALUES (date '2024-03-31')) AS t(d)", "2024-02-29"),
        (
            "SELECT d + interval '2 hours' > timestamp '2024-01-01 01:00:00' FROM (VALUES (date '2024-01-01')) AS t(d)",
            "true",
        ),
    ] {
        assert_eq!(values(sql).await, [expected], "{sql}");
    }
}
