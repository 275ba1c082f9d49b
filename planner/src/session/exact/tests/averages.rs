//! Averages of decimals are rounded.

use super::*;

const OF: [&str; 7] = [
    "Decimal32(5, 2)",
    "Decimal64(12, 2)",
    "Decimal128(5, 2)",
    "Decimal128(24, 2)",
    "Decimal128(25, 2)",
    "Decimal128(38, 2)",
    "Decimal256(60, 2)",
];

fn rows(of: &str) -> String {
    format!(
        "(SELECT arrow_cast(x, '{of}') AS x, g FROM (VALUES (1, 0), (2, 0), (2, 0), (NULL, 0), (-2, 1), (-2, 1), (-1, 1)) AS t(x, g))"
    )
}

#[tokio::test]
async fn one_of_all_rows_is_rounded() {
    for of in OF {
        let sql = format!("SELECT concat(avg(x)) FROM {} WHERE g = 0", rows(of));
        assert_eq!(values(&sql).await, ["1.666667"], "{of}");
        let sql = format!("SELECT concat(avg(DISTINCT x)) FROM {} WHERE g = 1", rows(of));
        assert_eq!(values(&sql).await, ["-1.500000"], "{of}");
    }
}

#[tokio::test]
async fn one_of_each_group_is_rounded_away_from_zero() {
    for of in OF {
        let sql = format!("SELECT concat(avg(x)) FROM {} GROUP BY g ORDER BY g", rows(of));
        assert_eq!(values(&sql).await, ["1.666667", "-1.666667"], "{of}");
    }
}

#[tokio::test]
async fn one_of_a_window_is_rounded() {
    for of in OF {
        let frame = "OVER (PARTITION BY g ORDER BY x NULLS LAST ROWS 2 PRECEDING)";
        let sql = format!("SELECT concat(avg(x) {frame}) FROM {} WHERE x IS NOT NULL", rows(of));
        let mut all = values(&format!("{sql} ORDER BY 1")).await;
        all.sort();
        let expected = ["-1.666667", "-2.000000", "-2.000000", "1.000000", "1.500000", "1.666667"];
        assert_eq!(all, expected, "{of}");
    }
}
