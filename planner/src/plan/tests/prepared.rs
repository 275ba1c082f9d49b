//! Statements with parameters: what is known before they are bound, and what the plan has afterwards.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::physical_plan::displayable;
use futures::FutureExt;

use super::{Planning, request};
use crate::PlannerError;
use crate::options::Dialect;
use crate::plan::{Prepared, QueryPlan};

async fn prepared(sql: &str) -> Prepared {
    let planning = Planning::new().await;
    let config = planning.config("distributed");
    planning.planner.prepare(sql, &config, &request()).await.unwrap()
}

fn types(prepared: &Prepared) -> Vec<DataType> {
    let schema = prepared.parameters.schema();
    schema.fields().iter().map(|field| field.data_type().clone()).collect()
}

fn text(plan: &QueryPlan) -> String {
    displayable(plan.plan.as_ref()).indent(false).to_string()
}

#[tokio::test]
async fn parameters_have_the_types_of_what_stands_beside_them() {
    let prepared = prepared("SELECT n + ? AS m FROM t WHERE s = ? AND n IN (?) LIMIT ?").await;
    let int = DataType::Int64;
    assert_eq!(types(&prepared), [int.clone(), DataType::Utf8, int.clone(), int.clone()]);
    assert_eq!(*prepared.schema.field(0).data_type(), int);
}

#[tokio::test]
async fn a_parameter_of_which_nothing_is_known_is_text() {
    let prepared = prepared("SELECT ? AS a").await;
    assert_eq!(types(&prepared), [DataType::Utf8]);
    assert_eq!(*prepared.schema.field(0).data_type(), DataType::Utf8);
}

/// Drivers bind what they are told, and JDBC's nothing else.
#[tokio::test]
async fn a_parameter_of_a_cast_or_a_function_is_what_that_takes() {
    use DataType::*;
    let millis = Timestamp(TimeUnit::Millisecond, None);
    let mut wrong = Vec::new();
    for (sql, expected) in [
        ("SELECT CAST(? AS INT)", vec![Int64]),
        ("SELECT ?::DATE, TRY_CAST(? AS DOUBLE)", vec![Date32, Float64]),
        ("SELECT CAST(? AS DECIMAL(10, 2)), CAST(? AS VARCHAR)", vec![Decimal128(10, 2), Utf8]),
        ("SELECT CAST(? AS TIMESTAMP)", vec![millis.clone()]),
        ("SELECT substr(s, ?, ?) FROM t", vec![Int64, Int64]),
        ("SELECT date_trunc('month', ?)", vec![millis.clone()]),
        ("SELECT EXTRACT(YEAR FROM ?), EXTRACT(HOUR FROM ?)", vec![Date32, millis]),
        ("SELECT abs(?)", vec![Float64]),
        ("SELECT 1 FROM t WHERE ?", vec![Boolean]),
        ("SELECT n > 1 AND ?, NOT ?, CASE WHEN ? THEN 1 END FROM t", vec![Boolean; 3]),
        ("SELECT sum(n) FILTER (WHERE ?) FROM t", vec![Boolean]),
        ("SELECT ? + ?", vec![Int64, Int64]),
        ("SELECT $1 || $2, $2 || $1", vec![Utf8, Utf8]),
        ("SELECT 1 FROM t WHERE DATE '2024-01-01' > ? - INTERVAL '1 day'", vec![Date32]),
        ("SELECT n FROM t WHERE arrow_cast(n, 'Int16') = ?", vec![Int64]),
        (
            "SELECT 1 WHERE arrow_cast(arrow_cast('ab', 'Binary'), 'FixedSizeBinary(2)') = ?",
            vec![Binary],
        ),
    ] {
        let told = types(&prepared(sql).await);
        if told != expected {
            wrong.push(format!("{sql}: {told:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// It is told, and not put in the statement: 1.5 is no integer before its cast says so.
#[tokio::test]
async fn what_is_bound_to_a_cast_stays_what_it_is() {
    let planning = Planning::new().await;
    let values = [ScalarValue::Float64(Some(1.5))];
    let text = text(&planning.bound("SELECT CAST(? AS VARCHAR) AS a", &values).await.unwrap());
    assert!(text.contains("1.5"), "{text}");
}

#[tokio::test]
async fn a_sum_of_parameters_is_prepared_though_text_cannot_be_added() {
    let prepared = prepared("SELECT ? + ? AS a").await;
    assert_eq!((prepared.parameters.count(), prepared.schema.fields().len()), (2, 1));
}

#[tokio::test]
async fn what_has_no_parameters_is_prepared_as_well() {
    for (sql, fields) in [("SELECT n FROM t", 1), ("EXPLAIN SELECT 1", 2), ("SET a.b = 1", 0)] {
        let prepared = prepared(sql).await;
        assert_eq!((prepared.parameters.count(), prepared.schema.fields().len()), (0, fields));
    }
}

/// DataFusion would take them for one.
#[tokio::test]
async fn every_question_mark_has_a_value_of_its_own() {
    let planning = Planning::new().await;
    let values = [ScalarValue::Int64(Some(17)), ScalarValue::Int64(Some(71))];
    let plan = planning.bound("SELECT n FROM t WHERE n > ? AND n < ?", &values).await.unwrap();
    let text = text(&plan);
    assert!(text.contains("> 17") && text.contains("< 71"), "{text}");
}

/// As a decimal it would be 0.
#[tokio::test]
async fn a_value_that_is_no_decimal_makes_none_of_what_stands_beside_it() {
    let planning = Planning::new().await;
    let values = [ScalarValue::Float64(Some(1e-39))];
    let sql = "SELECT n FROM t WHERE CAST(n AS DECIMAL(10, 2)) < $1";
    let text = text(&planning.bound(sql, &values).await.unwrap());
    assert!(text.contains("AS Float64) < 0.000000000000000000000000000000000000001"), "{text}");
}

#[tokio::test]
async fn a_value_is_no_text_of_the_statement() {
    let planning = Planning::new().await;
    let values = [ScalarValue::from("x' OR 'a' = 'a")];
    let plan = planning.bound("SELECT n FROM t WHERE s = $1", &values).await.unwrap();
    let text = text(&plan);
    assert!(text.contains("x' OR 'a' = 'a"), "{text}");
}

#[tokio::test]
async fn a_parameter_without_a_value_is_refused() {
    let planning = Planning::new().await;
    for sql in ["SELECT * FROM t WHERE n = $1", "SELECT ?", "EXPLAIN SELECT ?"] {
        let refused = planning.bound(sql, &[]).await.map(drop).unwrap_err();
        assert!(matches!(&refused, PlannerError::Invalid(_)), "{sql}: {refused:?}");
        assert!(refused.to_string().contains("parameters"), "{refused}");
    }
}

/// Prepared with two plans, each of which takes a turn of its own.
#[tokio::test]
async fn a_large_statement_waits_for_its_turn_and_gives_it_back() {
    let planning = Planning::new().await;
    let (planner, config, request) = (&planning.planner, planning.config("local"), request());
    let large = format!("SELECT 1 IN (1{})", ", 2".repeat(3_000));
    planner.prepare(&large, &config, &request).await.unwrap();
    assert!(planner.plan(&large, &config, &request).now_or_never().is_some());
    let mut others = Vec::new();
    while let Some(turn) = planner.turns.parse(&large, Dialect::Squadron).now_or_never() {
        others.push(turn.unwrap());
    }
    assert!(planner.plan(&large, &config, &request).now_or_never().is_none());
    planner.plan("SELECT 1", &config, &request).await.unwrap();
    drop(others);
    planner.plan(&large, &config, &request).await.unwrap();
}

/// Or 2.5 would be 2, and taken out of another's rows.
#[tokio::test]
async fn a_value_meets_others_in_the_type_of_both() {
    let planning = Planning::new().await;
    for sql in [
        "SELECT 2 EXCEPT SELECT ?",
        "SELECT ? INTERSECT SELECT 2",
        "SELECT ? EXCEPT SELECT n FROM t",
        "SELECT n FROM t UNION ALL SELECT ?",
        "SELECT CASE WHEN n > 1 THEN n ELSE ? END FROM t",
    ] {
        let plan = planning.bound(sql, &[ScalarValue::Float64(Some(2.5))]).await.unwrap();
        assert_eq!(*plan.schema.field(0).data_type(), DataType::Float64, "{sql}");
    }
}

#[tokio::test]
async fn a_value_that_its_column_of_values_would_cut_is_refused() {
    let planning = Planning::new().await;
    let sql = "VALUES (1), (?)";
    let refused = planning.bound(sql, &[ScalarValue::Float64(Some(2.5))]).await.err().unwrap();
    assert!(matches!(&refused, PlannerError::Invalid(_)), "{refused:?}");
    assert!(refused.to_string().contains("VALUES"), "{refused}");
    planning.bound(sql, &[ScalarValue::Float64(Some(2.0))]).await.unwrap();
}
