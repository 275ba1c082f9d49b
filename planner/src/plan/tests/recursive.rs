//! What a recursive part may be of.

use super::Planning;
use crate::PlannerError;

async fn refused(first: &str, then: &str) -> Option<String> {
    let planning = Planning::new().await;
    let sql = format!(
        "WITH RECURSIVE r(a) AS (SELECT {first} UNION ALL SELECT {then} FROM r WHERE a IS NOT NULL) SELECT * FROM r"
    );
    match planning.bound(&sql, &[]).await {
        Ok(_) => None,
        Err(PlannerError::Invalid(told)) => Some(told),
        Err(other) => panic!("{sql}: {other:?}"),
    }
}

/// `n + 0.5` of 1 would be 1 for ever.
#[tokio::test]
async fn what_its_columns_would_cut_is_refused() {
    for (first, then) in [
        ("1", "a + 0.5"),
        ("CAST(1.5 AS DECIMAL(5, 1))", "CAST(a + 0.33 AS DECIMAL(10, 4)) + 0"),
        ("DATE '2020-01-01'", "TIMESTAMP '2020-01-01 06:00:00'"),
        ("DATE '2020-01-01'", "a + INTERVAL '6 hours'"),
    ] {
        let told = refused(first, then).await.unwrap_or_else(|| panic!("{first}, {then}"));
        assert!(told.contains("recursive query"), "{told}");
    }
}

#[tokio::test]
async fn what_they_hold_or_the_query_casts_itself_is_not() {
    for (first, then) in [
        ("1", "a + 1"),
        ("CAST(1 AS INT)", "a + 1"),
        ("CAST(1 AS INT)", "CAST(a + 0.5 AS INT)"),
        ("1.0", "a + 1"),
        ("CAST(1.5 AS DECIMAL(10, 4))", "CAST(a + 0.33 AS DECIMAL(10, 4))"),
        ("DATE '2020-01-01'", "a + INTERVAL '1 day'"),
        ("'a'", "concat(a, 'b')"),
    ] {
        assert_eq!(refused(first, then).await, None, "{first}, {then}");
    }
}
