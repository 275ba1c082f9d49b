//! Floating-point numbers: one NaN, one zero, and what is told of many of them.

use super::*;

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

/// Of all rows, of groups, of distinct values, and of windows that grow and slide.
#[tokio::test]
async fn a_percentile_between_two_values_is_exact() {
    let over = "FROM (VALUES (1, 0.0), (2, 1e9), (3, NULL), (4, 1e9), (5, 0.0)) AS t(x, v)";
    let third = (1e9 * (1.0 / 3.0)).to_string();
    for (sql, right) in [
        (
            format!(
                "SELECT percentile_cont(0.3333333333333333) WITHIN GROUP (ORDER BY v) FROM (SELECT * {over}) WHERE x < 3"
            ),
            vec![third.as_str()],
        ),
        (
            format!(
                "SELECT percentile_cont(0.3333333333333333) WITHIN GROUP (ORDER BY v) {over} GROUP BY x = 5, x = 4 ORDER BY 1"
            ),
            vec!["0.0", &third, "1000000000.0"],
        ),
        (format!("SELECT quantile_cont(DISTINCT v, 0.3333333333333333) {over}"), vec![&third]),
        (
            format!(
                "SELECT percentile_cont(v, 0.3333333333333333) OVER (ORDER BY x) {over} ORDER BY x"
            ),
            vec!["0.0", &third, &third, "666666666.6666666", "0.0"],
        ),
        (
            format!(
                "SELECT percentile_cont(v, 0.3333333333333333) OVER (ORDER BY x ROWS 1 PRECEDING) {over} ORDER BY x"
            ),
            vec!["0.0", &third, "1000000000.0", "1000000000.0", &third],
        ),
        ("SELECT percentile_cont(v, 0.5) FROM (SELECT 1.0 v WHERE 1 = 2)".into(), vec![""]),
    ] {
        assert_eq!(values(&sql).await, right, "{sql}");
    }
}
