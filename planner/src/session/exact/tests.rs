//! Numbers at the ends of their types.

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::util::display::array_value_to_string;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;

mod averages;
mod decimals;
mod floats;
mod frames;
mod instants;
mod lists;
mod order;

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
pub(super) async fn values(sql: &str) -> Vec<String> {
    let batches = batches(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let values = batches.iter().flat_map(|batch| {
        (0..batch.num_rows()).map(|row| array_value_to_string(batch.column(0), row).unwrap())
    });
    values.collect()
}

pub(super) async fn error(sql: &str) -> String {
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

/// `floor(random() * 2)` is 0 or 1, and not something else each time that it is looked at.
#[tokio::test]
async fn what_is_random_is_asked_once() {
    let sql = "SELECT sum(CASE floor(random() * 2) WHEN 0 THEN 1 WHEN 1 THEN 1 ELSE 0 END) FROM range(0, 1000)";
    assert_eq!(values(sql).await, ["1000"]);
}
