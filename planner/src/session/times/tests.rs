//! Products of intervals, against what DuckDB and PostgreSQL answer.

use datafusion::arrow::util::display::array_value_to_string;
use datafusion::prelude::SessionContext;

use super::*;
use crate::statement::{Statement, parse};

async fn answer(sql: &str) -> Result<String> {
    let mut state = SessionContext::new().state();
    times(&mut state)?;
    let Ok(Statement::Query(query)) = parse(sql) else { panic!("{sql}") };
    let plan = state.statement_to_plan(query).await?;
    let context = SessionContext::new_with_state(state);
    let batches = context.execute_logical_plan(plan).await?.collect().await?;
    Ok(array_value_to_string(batches[0].column(0), 0)?)
}

/// Of whole numbers, of fractions, of columns, on either side.
#[tokio::test]
async fn a_number_times_an_interval_is_as_in_postgresql() {
    for (product, expected) in [
        ("2 * INTERVAL '1 day'", "2024-02-02T00:00:00"),
        ("INTERVAL '1' DAY * 2", "2024-02-02T00:00:00"),
        ("INTERVAL '1 month' * n", "2024-04-30T00:00:00"),
        ("(n - 1) * INTERVAL '90 minutes'", "2024-01-31T03:00:00"),
        ("1.5 * INTERVAL '1 day'", "2024-02-01T12:00:00"),
        ("-n * INTERVAL '1 week'", "2024-01-10T00:00:00"),
        ("0.5 * INTERVAL '1 month'", "2024-02-15T00:00:00"),
        ("0.7 * INTERVAL '1 month'", "2024-02-21T00:00:00"),
        ("CAST(0.1 AS DECIMAL(3, 2)) * INTERVAL '1 day'", "2024-01-31T02:24:00"),
        ("INTERVAL '1 month' / 4", "2024-02-07T12:00:00"),
        ("INTERVAL '1 day' / -1.5", "2024-01-30T08:00:00"),
        ("i * n", "2024-02-03T03:00:00"),
        ("n * i / 2", "2024-02-01T13:30:00"),
        ("INTERVAL n DAY", "2024-02-03T00:00:00"),
        ("INTERVAL (n + 1) QUARTER", "2025-01-31T00:00:00"),
        ("INTERVAL '1 quarter'", "2024-04-30T00:00:00"),
    ] {
        let rows = "(VALUES (3, INTERVAL '1 day 1 hour')) AS t(n, i)";
        let sql = format!("SELECT TIMESTAMP '2024-01-31' + {product} FROM {rows}");
        assert_eq!(answer(&sql).await.unwrap(), expected, "{sql}");
    }
}

#[tokio::test]
async fn so_is_a_difference_of_instants() {
    let gap = "(TIMESTAMP '2024-01-01 01:00:01' - TIMESTAMP '2024-01-01')";
    for (product, expected) in [
        (format!("{gap} * 2"), "2024-01-01T02:00:02"),
        (format!("0.5 * {gap}"), "2024-01-01T00:30:00.500"),
        (format!("{gap} / 2"), "2024-01-01T00:30:00.500"),
    ] {
        let sql = format!("SELECT TIMESTAMP '2024-01-01' + {product}");
        assert_eq!(answer(&sql).await.unwrap(), expected, "{sql}");
    }
}

#[tokio::test]
async fn null_is_null_and_what_is_beyond_is_an_error() {
    assert_eq!(answer("SELECT NULL * INTERVAL '1 day'").await.unwrap(), "");
    for product in [
        "3000000000 * INTERVAL '1 day'",
        "1e300 * INTERVAL '1 day'",
        "CAST('NaN' AS DOUBLE) * INTERVAL '1 day'",
        "CAST('inf' AS DOUBLE) * INTERVAL '1 day'",
        "9223372036854775807 * INTERVAL '2 seconds'",
        "INTERVAL '1 day' / 0",
        "INTERVAL '1 day' / 0.0",
    ] {
        let told = answer(&format!("SELECT {product}")).await.unwrap_err().to_string();
        assert!(told.contains("beyond") || told.contains("zero"), "{product}: {told}");
    }
}

#[tokio::test]
async fn what_is_no_number_stays_refused() {
    for product in ["'2' * INTERVAL '1 day'", "2 / INTERVAL '1 day'", "true * INTERVAL '1 day'"] {
        assert!(answer(&format!("SELECT {product}")).await.is_err(), "{product}");
    }
}
