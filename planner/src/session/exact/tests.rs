//! Numbers at the ends of their types.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;

fn exactly() -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(3);
    let mut state = SessionContext::new_with_config(config).state();
    exact(&mut state).unwrap();
    SessionContext::new_with_state(state)
}

async fn batches(sql: &str) -> Result<Vec<RecordBatch>> {
    exactly().sql(sql).await?.collect().await
}

/// The values of a query of one column, in their order.
async fn values(sql: &str) -> Vec<String> {
    let batches = batches(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let values = batches.iter().flat_map(|batch| {
        (0..batch.num_rows()).map(|row| array_value_to_string(batch.column(0), row).unwrap())
    });
    values.collect()
}

async fn error(sql: &str) -> String {
    match batches(sql).await {
        Ok(batches) => panic!("{sql}: {batches:?}"),
        Err(error) => error.strip_backtrace(),
    }
}

const MAX: &str = "9223372036854775807";

/// Constants, and columns of several batches with NULLs among them.
#[tokio::test]
async fn integers_that_leave_their_type_are_an_error() {
    for (sql, says) in [
        (format!("SELECT {MAX} + 1"), "9223372036854775807 + 1 is beyond its integer type"),
        (format!("SELECT -{MAX} - 2"), "-9223372036854775807 - 2"),
        (format!("SELECT {MAX} * 2"), "9223372036854775807 * 2"),
        (format!("SELECT x + 1 FROM (VALUES ({MAX}), (NULL)) AS t(x)"), "+ 1"),
        (
            format!("SELECT 2 - x FROM (VALUES (NULL), (-{MAX})) AS t(x)"),
            "2 - -9223372036854775807",
        ),
        (format!("SELECT x * x FROM (VALUES ({MAX}), (1)) AS t(x)"), " * "),
        (
            format!("SELECT -x FROM (SELECT -{MAX} - y AS x FROM (VALUES (1)) AS t(y))"),
            "-9223372036854775808",
        ),
        ("SELECT 120::TINYINT + 120::TINYINT".into(), "120 + 120"),
        ("SELECT arrow_cast(1, 'UInt64') - arrow_cast(2, 'UInt64')".into(), "1 - 2"),
        (
            "SELECT arrow_cast(x, 'UInt8') * arrow_cast(2, 'UInt8') FROM (VALUES (200)) AS t(x)"
                .into(),
            "200 * 2",
        ),
        (format!("SELECT x FROM (VALUES ({MAX})) AS t(x) WHERE x + 1 > 0"), "+ 1"),
        (format!("SELECT x FROM (VALUES ({MAX})) AS t(x) ORDER BY x + 1"), "+ 1"),
        (format!("SELECT count(*) FROM (VALUES ({MAX})) AS t(x) GROUP BY x + 1"), "+ 1"),
        (format!("SELECT (SELECT max(x) + 1 FROM (VALUES ({MAX})) AS t(x))"), "+ 1"),
    ] {
        let error = error(&sql).await;
        assert!(error.contains(says) && error.contains("DECIMAL"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn what_stays_in_its_type_is_as_ever() {
    for (sql, expected) in [
        ("SELECT 9223372036854775806 + 1", "9223372036854775807"),
        ("SELECT -9223372036854775807 - 1", "-9223372036854775808"),
        ("SELECT 2147483647::INT + 1", "2147483648"),
        ("SELECT -x FROM (VALUES (5)) AS t(x)", "-5"),
        ("SELECT 3 + NULL", ""),
        ("SELECT count(*) - 10 FROM (VALUES (5)) AS t(x)", "-9"),
        ("SELECT 1.5 + 1", "2.5"),
        ("SELECT date '2024-01-31' + interval '1 day'", "2024-02-01"),
        ("SELECT CASE WHEN x < 9 THEN x ELSE x + 1 END FROM (VALUES (5)) AS t(x)", "5"),
        (
            "SELECT CASE WHEN x < 9 THEN x ELSE 9223372036854775807 + 1 END FROM (VALUES (5)) AS t(x)",
            "5",
        ),
    ] {
        assert_eq!(values(sql).await, [expected], "{sql}");
    }
}

#[tokio::test]
async fn columns_are_named_as_ever() {
    let sql = "SELECT x + 1, (x - 2) * 3, -x, sum(x + 1), avg(x * 2) OVER (), count(-(x + 1)) \
               FROM (VALUES (5)) AS t(x) GROUP BY x";
    let ours = exactly().sql(sql).await.unwrap();
    let theirs = SessionContext::new().sql(sql).await.unwrap();
    assert_eq!(ours.schema(), theirs.schema());
    let [ours, theirs] = [ours.collect().await.unwrap(), theirs.collect().await.unwrap()];
    assert_eq!(ours, theirs);
}

#[tokio::test]
async fn an_order_that_arithmetic_keeps_needs_no_sort() {
    let sql = "SELECT value + 1 AS y FROM range(0, 9) ORDER BY y";
    let plan = exactly().sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let plan = datafusion::physical_plan::displayable(plan.as_ref()).indent(false).to_string();
    assert_eq!(plan.matches("SortExec").count(), 0, "{plan}");
}

/// The rows of a table `t(g, x)`, in several partitions.
fn table(rows: &str, cast: &str) -> String {
    format!(
        "(SELECT g, {cast} AS x FROM (VALUES {rows}) AS t(g, x) UNION ALL SELECT 9 AS g, {cast} AS x FROM (VALUES (NULL)) AS t(x))"
    )
}

/// What sums, sums by group, sums of groups' sums and sums in windows are.
async fn sums(rows: &str, cast: &str) -> [Vec<String>; 3] {
    let table = table(rows, cast);
    [
        values(&format!("SELECT sum(x) FROM {table}")).await,
        values(&format!("SELECT sum(x) FROM {table} GROUP BY g ORDER BY g")).await,
        values(&format!(
            "SELECT sum(x) OVER (ORDER BY g, x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM {table} ORDER BY g, x"
        ))
        .await,
    ]
}

#[tokio::test]
async fn a_sum_on_whose_way_a_total_leaves_the_type_is_right() {
    let rows = format!("(1, {MAX}), (1, 5), (2, -{MAX}), (2, 7)");
    let table = table(&rows, "x");
    assert_eq!(values(&format!("SELECT sum(x) FROM {table}")).await, ["12"]);
    assert_eq!(values(&format!("SELECT sum(DISTINCT x) FROM {table}")).await, ["12"]);
    assert_eq!(values(&format!("SELECT avg(x) FROM {table}")).await, ["3.0"]);
}

#[tokio::test]
async fn sums_of_every_type_are_as_ever() {
    for cast in [
        "x",
        "CAST(x AS INT)",
        "arrow_cast(x, 'UInt64')",
        "arrow_cast(x, 'Decimal32(5, 2)')",
        "arrow_cast(x, 'Decimal64(12, 2)')",
        "CAST(x AS DECIMAL(15, 2))",
        "CAST(x AS DECIMAL(30, 2))",
        "CAST(x AS DECIMAL(60, 2))",
        "CAST(x AS DECIMAL(76, 0))",
        "CAST(x AS DOUBLE)",
    ] {
        let [whole, groups, windows] = sums("(1, 3), (1, 4), (2, 8), (2, 0)", cast).await;
        let number = |text: &String| text.parse::<f64>().ok();
        let numbers = |texts: Vec<String>| texts.iter().map(number).collect::<Vec<_>>();
        assert_eq!(numbers(whole), [Some(15.0)], "{cast}");
        assert_eq!(numbers(groups), [Some(7.0), Some(8.0), None], "{cast}");
        let expected = [Some(3.0), Some(7.0), Some(4.0), Some(8.0), Some(8.0)];
        assert_eq!(numbers(windows), expected, "{cast}");
    }
}

#[tokio::test]
async fn a_sum_that_leaves_its_type_is_an_error() {
    let nines = "9".repeat(38);
    let (bigints, decimals) =
        (format!("(1, {MAX}), (1, 1)"), format!("(1, '{nines}'), (1, '{nines}')"));
    let nines = "9".repeat(76);
    let longest = format!("(1, '{nines}'), (1, '{nines}')");
    let wide = "arrow_cast(x, 'Decimal256(76, 0)')";
    let durations = "(1, 9223372036854775807), (1, 1)";
    let spans = "(1, '9000000000000000000'), (1, '9000000000000000000')";
    for (rows, cast) in [
        (bigints.as_str(), "x"),
        ("(1, 18446744073709551615), (1, 1)", "arrow_cast(x, 'UInt64')"),
        (&decimals, "CAST(x AS DECIMAL(38, 0))"),
        (&longest, wide),
        (durations, "arrow_cast(x, 'Duration(ns)')"),
        (spans, "CAST(x || ' nanoseconds' AS INTERVAL)"),
    ] {
        let table = table(rows, cast);
        for sql in [
            format!("SELECT sum(x) FROM {table}"),
            format!("SELECT sum(x) FROM {table} GROUP BY g"),
            format!(
                "SELECT sum(x) OVER (ORDER BY g ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM {table}"
            ),
            format!("SELECT sum(x) OVER (PARTITION BY g) FROM {table}"),
        ] {
            let error = error(&sql).await;
            assert!(error.contains("sum() is beyond"), "{sql}: {error}");
        }
    }
}

#[tokio::test]
async fn a_distinct_sum_that_leaves_its_type_is_an_error() {
    let table = table(&format!("(1, {MAX}), (1, 1)"), "x");
    for sql in [
        format!("SELECT sum(DISTINCT x) FROM {table}"),
        format!("SELECT sum(DISTINCT x), count(DISTINCT g) FROM {table}"),
        format!(
            "SELECT sum(DISTINCT x) OVER (ORDER BY g ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM {table}"
        ),
    ] {
        let error = error(&sql).await;
        assert!(error.contains("sum() is beyond"), "{sql}: {error}");
    }
}

#[tokio::test]
async fn distinct_sums_in_windows_are_right() {
    let sql = "SELECT sum(DISTINCT x) OVER (ORDER BY n ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) \
               FROM (VALUES (1, 5), (2, 5), (3, 7), (4, NULL), (5, NULL), (6, NULL)) AS t(n, x) ORDER BY n";
    assert_eq!(values(sql).await, ["5", "5", "12", "12", "7", ""]);
}

/// Of the same three centuries each, which are more together than 64 bits of nanoseconds.
#[tokio::test]
async fn the_average_of_durations_is_right_however_many() {
    let spans = "SELECT value % 2 AS g, arrow_cast(9000000000000000000 + value, 'Duration(ns)') AS x FROM range(0, 11)";
    let whole = format!("SELECT arrow_cast(avg(x), 'Int64') FROM ({spans})");
    assert_eq!(values(&whole).await, ["9000000000000000005"]);
    let groups = format!("SELECT arrow_cast(avg(x), 'Int64') FROM ({spans}) GROUP BY g ORDER BY g");
    assert_eq!(values(&groups).await, ["9000000000000000005", "9000000000000000005"]);
}

#[tokio::test]
async fn the_seconds_of_a_duration_are_all_of_them() {
    let spans = "SELECT arrow_cast(x, 'Duration(ms)') AS d FROM (VALUES (1250), (9000000000000), (NULL)) AS t(x)";
    let seconds = values(&format!("SELECT date_part('EPOCH', d) FROM ({spans})")).await;
    assert_eq!(seconds, ["1.25", "9000000000.0", ""]);
    let sum = values(&format!("SELECT sum(extract(epoch from d)) FROM ({spans})")).await;
    assert_eq!(sum, ["9000000001.25"]);
}

/// The number that groups begin with is none, and the order is that of ORDER BY.
#[tokio::test]
async fn the_least_and_greatest_of_floats_by_group_are_as_without_groups() {
    for kind in ["Float64", "Float32", "Float16"] {
        for rows in [
            "inf",
            "-inf",
            "nan",
            "inf,nan",
            "nan,inf",
            "nan,1",
            "1,nan",
            "-inf,nan,2",
            "nan,-inf",
            "-0,0",
        ] {
            let rows =
                rows.split(',').map(|x| format!("('{x}'::DOUBLE)")).collect::<Vec<_>>().join(", ");
            let table = format!(
                "(SELECT arrow_cast(x, '{kind}') AS x FROM (VALUES {rows}, (NULL)) AS t(x))"
            );
            for function in ["min", "max"] {
                let whole = values(&format!("SELECT {function}(x) FROM {table}")).await;
                let groups =
                    values(&format!("SELECT {function}(x) FROM {table} GROUP BY 1 = 1")).await;
                let side = values(&format!(
                    "SELECT {function}(x) FROM {table} GROUP BY x IS NULL ORDER BY x IS NULL"
                ))
                .await;
                assert_eq!(groups, whole, "{function} of {rows} as {kind}");
                assert_eq!(side, [whole[0].as_str(), ""], "{function} of {rows} as {kind}");
            }
        }
    }
}

#[tokio::test]
async fn the_two_zeros_are_one_number() {
    let table = "(VALUES (0.0::DOUBLE, 1), (-0.0::DOUBLE, 1), (1.0, 2), (NULL, 1)) AS t(x, g)";
    for (sql, expected) in [
        ("SELECT count(*) FROM {} WHERE x IN (0.0, 5.0, 6.0, 7.0, 8.0, 9.0)", vec!["2"]),
        ("SELECT count(*) FROM {} WHERE x IN (-0.0, 5.0, 6.0, 7.0, 8.0, 9.0)", vec!["2"]),
        ("SELECT count(*) FROM {} WHERE x IN (0, 5, 6, 7, 8, 9)", vec!["2"]),
        ("SELECT count(*) FROM {} WHERE g - 1 IN (-0.0, 5.0, 6.0, 7.0, 8.0, 9.0)", vec!["3"]),
        (
            "SELECT string_agg(g, '' ORDER BY x, g DESC) FROM (SELECT x, CASE WHEN signum(1 / x) < 0 THEN '1' ELSE '2' END AS g FROM {})",
            vec!["2122"],
        ),
        ("SELECT count(*) FROM {} WHERE x NOT IN (0.0, 5.0, 6.0, 7.0, 8.0, 9.0)", vec!["1"]),
        (
            "SELECT count(*) FROM {} WHERE CASE x WHEN 0.0 THEN true WHEN 1.0 THEN false END",
            vec!["2"],
        ),
        ("SELECT count(nullif(x, 0.0)) FROM {}", vec!["1"]),
        ("SELECT count(nullif(x, -0.0)) FROM {}", vec!["1"]),
        ("SELECT count(DISTINCT x) FROM {}", vec!["2"]),
        ("SELECT count(DISTINCT x) FROM {} GROUP BY g ORDER BY g", vec!["1", "1"]),
        ("SELECT count(DISTINCT x), count(DISTINCT g) FROM {}", vec!["2"]),
        ("SELECT count(*) OVER (PARTITION BY x) FROM {} ORDER BY x", vec!["2", "2", "1", "1"]),
        ("SELECT count(*) FROM {} GROUP BY x ORDER BY x", vec!["2", "1", "1"]),
        ("SELECT rank() OVER (ORDER BY x) FROM {} ORDER BY x", vec!["1", "1", "3", "4"]),
        ("SELECT x FROM {} ORDER BY x, g, signum(1 / x) DESC LIMIT 2", vec!["0.0", "-0.0"]),
    ] {
        let sql = sql.replace("{}", table);
        assert_eq!(values(&sql).await, expected, "{sql}");
    }
}

#[tokio::test]
async fn a_zero_that_was_chosen_is_shown_as_it_is() {
    let sql = "SELECT x FROM (VALUES (-0.0::DOUBLE)) AS t(x) WHERE x IN (0.0, 5.0, 6.0, 7.0, 8.0)";
    assert_eq!(values(sql).await, ["-0.0"]);
}

#[tokio::test]
async fn what_is_no_number_is_one_nan() {
    let table =
        "(VALUES (0.0::DOUBLE, 0.0::DOUBLE), (1.0, 0.0), (5.0, 3.0), (NULL, 1.0)) AS t(x, y)";
    for (sql, expected) in [
        ("SELECT x / y FROM {} ORDER BY x / y", vec!["1.6666666666666667", "inf", "NaN", ""]),
        ("SELECT x % y FROM {} ORDER BY x % y", vec!["2.0", "NaN", "NaN", ""]),
        ("SELECT count(*) FROM {} WHERE x / y = 'nan'::DOUBLE", vec!["1"]),
        ("SELECT count(*) FROM {} WHERE -(x / y) > 9", vec!["1"]),
        ("SELECT -('nan'::DOUBLE) = 'nan'::DOUBLE FROM {} WHERE x = 0", vec!["true"]),
        ("SELECT max(x / y) FROM {}", vec!["NaN"]),
        ("SELECT count(*) FROM {} WHERE 1 / y - 1 / y > 9", vec!["2"]),
        ("SELECT count(*) FROM {} WHERE 1 / y * 0 > 9", vec!["2"]),
        ("SELECT count(*) FROM {} WHERE ln(x - 9) > 9", vec!["3"]),
        ("SELECT count(*) FROM {} WHERE '-nan'::DOUBLE = ln(-1.0)", vec!["4"]),
        ("SELECT count(DISTINCT sin(1 / y)) FROM {}", vec!["3"]),
        ("SELECT count(DISTINCT x % y) FROM {}", vec!["2"]),
        (
            "SELECT arrow_cast(x, 'Float32') / arrow_cast(y, 'Float32') > 9 FROM {} WHERE x = 0",
            vec!["true"],
        ),
    ] {
        let sql = sql.replace("{}", table);
        assert_eq!(values(&sql).await, expected, "{sql}");
    }
}

/// What leaves a window leaves nothing behind.
#[tokio::test]
async fn numbers_that_left_a_window_are_in_no_total() {
    for (rows, sums) in [
        ("(1, 'inf'), (2, '1'), (3, '2'), (4, '3')", ["inf", "inf", "3.0", "5.0"]),
        ("(1, 'nan'), (2, '1'), (3, '2'), (4, '3')", ["NaN", "NaN", "3.0", "5.0"]),
        ("(1, '1e20'), (2, '1'), (3, '2'), (4, NULL)", ["1e20", "1e20", "3.0", "2.0"]),
        ("(1, NULL), (2, NULL), (3, '2'), (4, '-inf')", ["", "", "2.0", "-inf"]),
    ] {
        let frame = "OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)";
        let table = format!("(SELECT n, x::DOUBLE AS x FROM (VALUES {rows}) AS t(n, x))");
        assert_eq!(values(&format!("SELECT sum(x) {frame} FROM {table}")).await, sums, "{rows}");
        let halves = format!("SELECT avg(x) {frame} * count(x) {frame} FROM {table}");
        assert_eq!(values(&halves).await, sums, "{rows}");
    }
}

/// `floor(random() * 2)` is 0 or 1, and not something else each time that it is looked at.
#[tokio::test]
async fn what_is_random_is_asked_once() {
    let sql = "SELECT sum(CASE floor(random() * 2) WHEN 0 THEN 1 WHEN 1 THEN 1 ELSE 0 END) FROM range(0, 1000)";
    assert_eq!(values(sql).await, ["1000"]);
}

/// Lists and structs of floating-point numbers, of which files have NaNs of all bits.
#[tokio::test]
async fn numbers_within_others_are_compared_as_numbers() {
    let table = "(SELECT i, make_array(x, 1.0) AS l, named_struct('x', x) AS s FROM (VALUES (1, 0.0::DOUBLE), (2, -0.0), (3, 'nan'::DOUBLE), (4, 5.0)) AS t(i, x))";
    for (sql, expected) in [
        ("SELECT count(*) FROM {} WHERE l = make_array(0.0::DOUBLE, 1.0::DOUBLE)", vec!["2"]),
        ("SELECT count(*) FROM {} WHERE l = make_array(-0.0::DOUBLE, 1.0::DOUBLE)", vec!["2"]),
        ("SELECT count(*) FROM {} WHERE s < named_struct('x', 0.0::DOUBLE)", vec!["0"]),
        ("SELECT count(*) FROM {} WHERE l IN (make_array(-0.0::DOUBLE, 1.0::DOUBLE))", vec!["2"]),
        ("SELECT count(*) FROM {} GROUP BY l ORDER BY min(i)", vec!["2", "1", "1"]),
        ("SELECT count(*) FROM {} GROUP BY s ORDER BY min(i)", vec!["2", "1", "1"]),
        ("SELECT count(*) FROM (SELECT DISTINCT l FROM {})", vec!["3"]),
        ("SELECT count(*) FROM (SELECT DISTINCT s FROM {} AS t)", vec!["3"]),
        ("SELECT count(DISTINCT l) FROM {}", vec!["3"]),
        ("SELECT count(*) FROM {} AS a JOIN {} AS b ON a.l = b.l", vec!["6"]),
        (
            "SELECT count(*) FROM (SELECT l FROM {} WHERE i = 1 INTERSECT SELECT l FROM {} WHERE i = 2)",
            vec!["1"],
        ),
        ("SELECT count(*) FROM (SELECT l FROM {} EXCEPT SELECT l FROM {} WHERE i = 2)", vec!["2"]),
        ("SELECT count(*) FROM (SELECT l FROM {} UNION SELECT l FROM {})", vec!["3"]),
        ("SELECT count(*) OVER (PARTITION BY l) FROM {} ORDER BY i", vec!["2", "2", "1", "1"]),
        ("SELECT rank() OVER (ORDER BY l) FROM {} ORDER BY i", vec!["1", "1", "4", "3"]),
        ("SELECT count(*) FROM {} WHERE array_has(l, 0.0::DOUBLE)", vec!["2"]),
        ("SELECT array_position(l, -0.0::DOUBLE) FROM {} WHERE i < 3 ORDER BY i", vec!["1", "1"]),
        (
            "SELECT array_length(array_distinct(array_append(l, 0.0::DOUBLE))) FROM {} WHERE i = 2",
            vec!["2"],
        ),
        ("SELECT count(*) FROM {} WHERE l IN (SELECT l FROM {} WHERE i = 2)", vec!["2"]),
        ("SELECT count(*) FROM {} WHERE s NOT IN (SELECT s FROM {} WHERE i = 2)", vec!["2"]),
        ("SELECT count(nullif(l, make_array(0.0::DOUBLE, 1.0::DOUBLE))) FROM {}", vec!["2"]),
        (
            "SELECT count(*) FROM {} WHERE CASE l WHEN make_array(0.0::DOUBLE, 1.0::DOUBLE) THEN true END",
            vec!["2"],
        ),
        ("SELECT l FROM {} WHERE i = 2", vec!["[-0.0, 1.0]"]),
        (
            "SELECT i FROM (SELECT DISTINCT ON (x) i FROM (SELECT i, s['x'] AS x FROM {}) ORDER BY x, i DESC) ORDER BY i",
            vec!["2", "3", "4"],
        ),
        (
            "SELECT i FROM (SELECT DISTINCT ON (g) i, g FROM (SELECT i, s['x'] AS x, 1 AS g FROM {} WHERE i < 3) ORDER BY g, x, i)",
            vec!["1"],
        ),
        (
            "SELECT x FROM (SELECT unnest(l) AS x, i FROM {}) WHERE i = 3 ORDER BY x",
            vec!["1.0", "NaN"],
        ),
    ] {
        let sql = sql.replace("{}", table);
        assert_eq!(values(&sql).await, expected, "{sql}");
    }
}

/// Of numbers that are large beside what they differ by, of infinities, and of one row.
#[tokio::test]
async fn correlations_are_of_distances_from_the_mean() {
    let large = "(SELECT 1 AS g, 1e9 + value AS x, 1e9 - value AS y FROM range(0, 1000))";
    for (sql, expected) in [
        (format!("SELECT round(corr(x, y), 9) FROM {large}"), "-1.0"),
        (format!("SELECT round(corr(x, y), 9) FROM {large} GROUP BY g"), "-1.0"),
        (format!("SELECT max(round(c, 6)) FROM (SELECT corr(x, y) OVER (ORDER BY x ROWS 9 PRECEDING) AS c FROM {large}) WHERE c IS NOT NULL"), "-1.0"),
        ("SELECT corr(x, y) FROM (VALUES (1.0::DOUBLE, 1.0::DOUBLE), (2.0, 'inf'::DOUBLE)) AS t(x, y)".into(), "NaN"),
        ("SELECT corr(x, y) FROM (VALUES (1.0::DOUBLE, 1.0::DOUBLE), (2.0, 'inf'::DOUBLE)) AS t(x, y) GROUP BY x > 0".into(), "NaN"),
        ("SELECT corr(x, y) FROM (VALUES (1.0::DOUBLE, 1.0::DOUBLE)) AS t(x, y)".into(), ""),
        ("SELECT regr_r2(5.0, x) FROM (VALUES (1.0::DOUBLE), (2.0)) AS t(x)".into(), "1.0"),
        ("SELECT regr_r2(x, 5.0) FROM (VALUES (1.0::DOUBLE), (2.0)) AS t(x) GROUP BY x > 0".into(), ""),
        ("SELECT corr(x, y) FROM (VALUES (1.0::DOUBLE, 7.0::DOUBLE), (2.0, 7.0)) AS t(x, y) GROUP BY y".into(), ""),
        ("SELECT corr(x, y) FROM (VALUES (1.0::DOUBLE, 7.0::DOUBLE), (NULL, 7.0)) AS t(x, y) GROUP BY y".into(), ""),
    ] {
        assert_eq!(values(&sql).await, [expected], "{sql}");
    }
}

/// Expected are the answers over the same rows by themselves.
#[tokio::test]
async fn distances_from_the_mean_in_a_window_are_of_its_rows() {
    let rows = [
        "(1, 'nan'::DOUBLE, 1.0::DOUBLE)",
        "(2, 'inf'::DOUBLE, 2.0)",
        "(3, 1e18, 3.0)",
        "(4, 1.0, 5.0)",
        "(5, 2.5, 4.0)",
        "(6, NULL, 9.0)",
        "(7, 4.0, NULL)",
        "(8, 8.0, 1.0)",
    ];
    let all = rows.join(", ");
    for call in [
        "var(x)",
        "var_pop(x)",
        "stddev(x)",
        "stddev_pop(x)",
        "covar_samp(x, y)",
        "covar_pop(x, y)",
        "corr(x, y)",
        "regr_slope(x, y)",
        "regr_intercept(x, y)",
        "regr_r2(x, y)",
        "regr_avgx(x, y)",
        "regr_avgy(x, y)",
        "regr_sxx(x, y)",
        "regr_syy(x, y)",
        "regr_sxy(x, y)",
    ] {
        let sql = format!(
            "SELECT {call} OVER (ORDER BY n ROWS 2 PRECEDING) AS v FROM (VALUES {all}) AS t(n, x, y) ORDER BY n"
        );
        let sliding = values(&sql).await;
        for (at, slid) in sliding.iter().enumerate() {
            let window = rows[at.saturating_sub(2)..=at].join(", ");
            let sql = format!(
                "SELECT {call} FROM (SELECT n, x::DOUBLE AS x, y::DOUBLE AS y FROM (VALUES {window}) AS t(n, x, y))"
            );
            let alone = values(&sql).await.remove(0);
            let is_near = match (slid.parse::<f64>(), alone.parse::<f64>()) {
                (Ok(slid), Ok(alone)) if alone.is_finite() => {
                    (slid - alone).abs() <= alone.abs() * 1e-9
                }
                _ => *slid == alone,
            };
            assert!(is_near, "{call} at {at}: {slid} and {alone}");
        }
    }
}

/// Expected are DataFusion's own answers, of numbers that do it no harm.
#[tokio::test]
async fn distances_from_the_mean_are_those_of_datafusion() {
    let table = "(SELECT value % 3 AS g, value::DOUBLE AS x, (value * 7 % 10)::DECIMAL(9, 2) AS y, value AS i FROM range(0, 50))";
    for call in [
        "var(x)",
        "var_samp(i)",
        "var_pop(y)",
        "stddev(i)",
        "stddev_pop(x)",
        "covar_samp(x, y)",
        "covar_pop(i, y)",
        "corr(x, y)",
        "regr_slope(x, y)",
        "regr_intercept(x, i)",
        "regr_r2(x, y)",
        "regr_avgx(x, y)",
        "regr_avgy(x, y)",
        "regr_sxx(x, y)",
        "regr_syy(x, y)",
        "regr_sxy(x, y)",
        "var(DISTINCT y)",
        "stddev(x) FILTER (WHERE i > 20)",
    ] {
        for by in ["", "GROUP BY g ORDER BY g"] {
            let sql = format!("SELECT round({call}, 6) AS v FROM {table} {by}");
            let theirs = SessionContext::new().sql(&sql).await.unwrap();
            let ours = exactly().sql(&sql).await.unwrap();
            assert_eq!(ours.schema(), theirs.schema(), "{sql}");
            assert_eq!(ours.collect().await.unwrap(), theirs.collect().await.unwrap(), "{sql}");
        }
    }
}

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
    ] {
        assert!(error(sql).await.contains("epoch"), "{sql}");
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
