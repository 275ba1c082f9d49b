//! Frames of windows at the ends of types, and between their units.

use super::*;

/// How many rows a frame has for each value, in the order of the values.
async fn counts(rows: &str, of: &str, frame: &str) -> Vec<String> {
    let over = format!("FROM (SELECT arrow_cast(x, '{of}') AS x FROM (VALUES {rows}) AS t(x))");
    values(&format!(
        "SELECT concat(count(*) OVER (ORDER BY x RANGE BETWEEN {frame})) {over} ORDER BY x"
    ))
    .await
}

#[tokio::test]
async fn nothing_is_before_the_least_of_an_unsigned_type() {
    for of in ["UInt8", "UInt16", "UInt32", "UInt64"] {
        let counted = counts("(0), (1), (3)", of, "UNBOUNDED PRECEDING AND 1 PRECEDING").await;
        assert_eq!(counted, ["0", "1", "2"], "{of}");
        let counted = counts("(0), (1), (3)", of, "3 PRECEDING AND 1 PRECEDING").await;
        assert_eq!(counted, ["0", "1", "2"], "{of}");
    }
}

#[tokio::test]
async fn a_distance_that_a_type_does_not_hold_is_that_far() {
    let counted = counts("(-128), (0), (127)", "Int8", "200 PRECEDING AND 200 FOLLOWING").await;
    assert_eq!(counted, ["2", "3", "2"]);
    let counted =
        counts("(-128), (0), (127)", "Int8", "UNBOUNDED PRECEDING AND 128 PRECEDING").await;
    assert_eq!(counted, ["0", "1", "1"]);
    let far = "99999999999999999999 PRECEDING AND CURRENT ROW";
    for of in ["Int32", "UInt64"] {
        assert_eq!(counts("(1), (2)", of, far).await, ["1", "2"], "{of}");
    }
    let rows = "(-9223372036854775807), (0), (9223372036854775807)";
    let far = "9223372036854775808 PRECEDING AND CURRENT ROW";
    assert_eq!(counts(rows, "Int64", far).await, ["1", "2", "2"]);
    let counted =
        counts("(1.00), (1.01), (1.02)", "Decimal128(3, 2)", "0.015 PRECEDING AND CURRENT ROW");
    assert_eq!(counted.await, ["1", "2", "2"]);
}

#[tokio::test]
async fn an_interval_within_a_unit_is_not_cut() {
    let days = "('2020-01-01'), ('2020-01-02'), ('2020-01-03')";
    let before = "INTERVAL '36 hours' PRECEDING AND INTERVAL '12 hours' PRECEDING";
    assert_eq!(counts(days, "Date32", before).await, ["0", "1", "1"]);
    assert_eq!(
        counts(days, "Date32", "INTERVAL '1' DAY PRECEDING AND CURRENT ROW").await,
        ["1", "2", "2"]
    );
    let seconds = "('2020-01-01T00:00:00'), ('2020-01-01T00:00:01'), ('2020-01-01T00:00:02')";
    let behind = "INTERVAL '500 milliseconds' FOLLOWING AND UNBOUNDED FOLLOWING";
    assert_eq!(counts(seconds, "Timestamp(Second, None)", behind).await, ["2", "1", "0"]);
}

#[tokio::test]
async fn frames_that_say_no_unit_or_go_backwards_are_refused() {
    let over = "FROM (SELECT arrow_cast('2020-01-01', 'Date32') AS d)";
    for (frame, says) in [
        ("1 PRECEDING AND CURRENT ROW", "no unit"),
        ("INTERVAL '-1 day' PRECEDING AND CURRENT ROW", "negative"),
    ] {
        let told =
            error(&format!("SELECT count(*) OVER (ORDER BY d RANGE BETWEEN {frame}) {over}")).await;
        assert!(told.contains(says), "{told}");
    }
}

#[tokio::test]
async fn more_rows_than_there_can_be_are_all_rows() {
    let all = "BETWEEN 18446744073709551615 PRECEDING AND 18446744073709551615 FOLLOWING";
    let sql = format!(
        "SELECT concat(count(*) OVER (ORDER BY x ROWS {all})) AS n FROM (VALUES (1), (2)) AS t(x) ORDER BY x"
    );
    assert_eq!(values(&sql).await, ["2", "2"]);
}

#[tokio::test]
async fn a_neighbour_that_would_be_another_value_is_refused() {
    let over = "OVER (ORDER BY x) FROM (VALUES (1), (2)) AS t(x)";
    assert!(error(&format!("SELECT lag(x, 1, 2.7) {over}")).await.contains("cannot give 2.7"));
    assert!(error(&format!("SELECT lead(x, NULL) {over}")).await.contains("NULL rows"));
    assert_eq!(values(&format!("SELECT lag(x, 1, 2.0) {over} ORDER BY 1")).await, ["1", "2"]);
}

/// In the plan and where it runs.
#[tokio::test]
async fn a_rounded_decimal_has_one_type() {
    let decimals = "SELECT CAST(x AS DECIMAL(9, 2)) AS x FROM (VALUES (1.25), (1.3)) AS t(x)";
    for (sql, right) in [
        (
            format!(
                "SELECT concat(count(*)) FROM ({decimals}) AS a JOIN ({decimals}) AS b ON round(a.x, 1) = b.x"
            ),
            "2",
        ),
        (
            format!(
                "SELECT concat(count(*)) FROM ({decimals}) AS a WHERE round(x, 1) IN (SELECT x FROM ({decimals}))"
            ),
            "2",
        ),
        (format!("SELECT concat(max(greatest(x, round(x, 1)))) FROM ({decimals})"), "1.30"),
        (format!("SELECT concat(count(DISTINCT greatest(x, round(x, 1)))) FROM ({decimals})"), "1"),
    ] {
        assert_eq!(values(&sql).await, [right], "{sql}");
    }
}

/// The frame of a NULL is all NULLs, of which more come with the next batch.
#[tokio::test]
async fn a_frame_that_ends_before_a_null_has_all_nulls() {
    for (of, distance) in [
        ("Int8", "1"),
        ("UInt32", "1"),
        ("Int64", "1"),
        ("Decimal128(9, 2)", "1"),
        ("Date32", "INTERVAL '1' DAY"),
        ("Timestamp(Nanosecond, None)", "INTERVAL '1 month 2 hours'"),
        ("Timestamp(Second, Some(\"UTC\"))", "INTERVAL '10' SECOND"),
    ] {
        for order in ["ASC NULLS FIRST", "DESC NULLS LAST"] {
            for start in ["UNBOUNDED", distance] {
                let sql = format!(
                    "SELECT concat(c, ':', count(*)) FROM (SELECT count(*) OVER (ORDER BY x {order} RANGE BETWEEN {start} PRECEDING AND {distance} PRECEDING) AS c FROM (SELECT arrow_cast(NULL, '{of}') AS x FROM generate_series(1, 20000)) AS t) GROUP BY c"
                );
                assert_eq!(values(&sql).await, ["20000:20000"], "{sql}");
            }
        }
    }
    let infinite = "SELECT concat(c, ':', count(*)) FROM (SELECT count(*) OVER (ORDER BY x RANGE BETWEEN 2 PRECEDING AND 1 PRECEDING) AS c FROM (SELECT '-inf'::DOUBLE AS x FROM generate_series(1, 20000)) AS t) GROUP BY c";
    assert_eq!(values(infinite).await, ["20000:20000"]);
}

#[tokio::test]
async fn a_frame_that_ends_before_the_least_value_has_none() {
    let least = "(-9223372036854775808), (-9223372036854775807), (5)";
    let counted = counts(least, "Int64", "UNBOUNDED PRECEDING AND 1 PRECEDING").await;
    assert_eq!(counted, ["0", "1", "2"]);
    let least = "('1677-09-21T00:12:44'), ('1677-09-25'), ('2020-01-01')";
    let frame = "UNBOUNDED PRECEDING AND INTERVAL '1' DAY PRECEDING";
    let counted = counts(least, "Timestamp(Nanosecond, None)", frame).await;
    assert_eq!(counted, ["0", "1", "2"]);
    let rows = format!(
        "SELECT arrow_cast(x, 'Timestamp(Nanosecond, None)') AS x FROM (VALUES {least}, (NULL)) AS t(x)"
    );
    let sql = format!("SELECT count(*) OVER (ORDER BY x RANGE BETWEEN {frame}) FROM ({rows})");
    let told = error(&sql).await;
    assert!(told.contains("out of range"), "{told}");
}

/// The frame is over the same values of another type, which is another order.
#[tokio::test]
async fn a_frame_of_a_narrow_type_stands_beside_other_windows() {
    let sql = "SELECT concat(rank() OVER (ORDER BY x), ' ', count(*) OVER (ORDER BY x RANGE 1 PRECEDING), ' ',
                   sum(x) OVER (ORDER BY x), ' ', count(*) OVER (ORDER BY x RANGE BETWEEN 2 PRECEDING AND 1 PRECEDING))
               FROM (SELECT arrow_cast(x, 'Int32') AS x FROM (VALUES (1), (2), (2), (4)) AS t(x)) ORDER BY x";
    assert_eq!(values(sql).await, ["1 1 1 0", "2 3 5 1", "2 3 5 1", "4 1 9 2"]);
}
