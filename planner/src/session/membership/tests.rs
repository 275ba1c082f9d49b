//! Conditions of which SQL says what they are of NULL, and those that are refused.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Int64Type;
use datafusion::prelude::SessionContext;

use super::*;

/// The ids of the rows (1, 1), (2, NULL) and (3, 3) of which a condition holds.
async fn ids(condition: &str) -> Vec<i64> {
    let ids = answered(condition).await;
    ids.unwrap_or_else(|error| panic!("{condition}: {error}"))
}

async fn answered(condition: &str) -> Result<Vec<i64>> {
    let mut state = SessionContext::new().state();
    nulls_of_in(&mut state);
    let context = SessionContext::new_with_state(state);
    let rows = "(VALUES (1, 1), (2, NULL), (3, 3)) AS t(id, b)";
    let sql = format!("SELECT id FROM {rows} WHERE {condition} ORDER BY id");
    let batches = context.sql(&sql).await?.collect().await?;
    let ids = batches.iter().map(|batch| batch.column(0).as_primitive::<Int64Type>().clone());
    Ok(ids.flat_map(|ids| ids.values().to_vec()).collect())
}

#[tokio::test]
async fn a_total_exists_whatever_it_is_of() {
    for (condition, expected) in [
        ("EXISTS (SELECT count(*) FROM (VALUES (1)) AS u(v) WHERE v = b)", vec![1, 2, 3]),
        ("NOT EXISTS (SELECT max(v) AS m FROM (VALUES (1)) AS u(v) WHERE v = b)", vec![]),
        ("EXISTS (SELECT count(*) FROM (VALUES (1)) AS u(v) WHERE v = b GROUP BY v)", vec![1]),
    ] {
        assert_eq!(ids(condition).await, expected, "{condition}");
    }
}

#[tokio::test]
async fn conditions_over_totals_that_would_be_lost_are_refused() {
    let total = "FROM (VALUES (1)) AS u(v) WHERE v = b";
    for condition in [
        format!("EXISTS (SELECT count(*) {total} HAVING count(*) = 0)"),
        format!("b NOT IN (SELECT max(v) {total}) OR id = 9"),
        format!("b IN (SELECT max(v) {total})"),
        format!("b <> ALL (SELECT max(v) {total})"),
    ] {
        let error = answered(&condition).await.unwrap_err().to_string();
        assert!(error.contains("compare with the total"), "{condition}: {error}");
    }
}

#[tokio::test]
async fn an_offset_that_would_be_forgotten_is_refused() {
    let condition = "EXISTS (SELECT v FROM (VALUES (1), (1)) AS u(v) WHERE v = b OFFSET 1)";
    let error = answered(condition).await.unwrap_err().to_string();
    assert!(error.contains("OFFSET"), "{error}");
    let alone = "EXISTS (SELECT v FROM (VALUES (1), (1)) AS u(v) OFFSET 2)";
    assert_eq!(ids(alone).await, [0_i64; 0]);
}

/// Expected are the answers of PostgreSQL and DuckDB.
#[tokio::test]
async fn null_is_not_false() {
    let with_null = "(SELECT v FROM (VALUES (1), (NULL)) AS u(v))";
    let without = "(SELECT v FROM (VALUES (1), (5)) AS u(v))";
    let of_none = "(SELECT v FROM (VALUES (1)) AS u(v) WHERE v > 5)";
    let related = "(SELECT v FROM (VALUES (1), (NULL)) AS u(v) WHERE v IS NULL OR v <= id)";
    let beyond = "(SELECT v FROM (VALUES (1), (2), (3)) AS u(v) WHERE v + 1 < id + v AND v = 2)";
    for (condition, subquery, expected) in [
        ("b NOT IN {}", with_null, vec![]),
        ("b NOT IN {} OR id = 100", with_null, vec![]),
        ("b NOT IN {} OR id = 2", with_null, vec![2]),
        ("NOT (b IN {} AND id < 100)", with_null, vec![]),
        ("NOT b IN {}", with_null, vec![]),
        ("(b IN {}) IS NULL OR id = 100", with_null, vec![2, 3]),
        ("coalesce(b IN {}, true)", with_null, vec![1, 2, 3]),
        ("b IN {} OR id = 3", with_null, vec![1, 3]),
        ("CASE WHEN b IN {} THEN false ELSE true END", with_null, vec![2, 3]),
        ("b NOT IN {} OR id = 100", without, vec![3]),
        ("NOT (b IN {} AND id < 100)", without, vec![3]),
        ("(b IN {}) IS NULL OR id = 100", without, vec![2]),
        ("id NOT IN {} OR id = 100", without, vec![2, 3]),
        ("nullif(id, 3) NOT IN {} OR id = 100", without, vec![2]),
        ("b NOT IN {} OR id = 100", of_none, vec![1, 2, 3]),
        ("(b IN {}) IS NULL OR id = 100", of_none, vec![]),
        ("NOT (b IN {} AND id < 100)", of_none, vec![1, 2, 3]),
        ("b NOT IN {} OR id = 100", related, vec![]),
        ("NOT (b IN {}) OR id = 100", related, vec![]),
        ("b NOT IN {}", related, vec![]),
        ("id NOT IN {}", beyond, vec![1, 3]),
        ("99 NOT IN {}", with_null, vec![]),
        ("99 NOT IN {}", without, vec![1, 2, 3]),
        ("1 NOT IN {}", without, vec![]),
        ("1 IN {}", with_null, vec![1, 2, 3]),
    ] {
        let condition = condition.replace("{}", subquery);
        assert_eq!(ids(&condition).await, expected, "{condition}");
    }
}

/// A column inside that has the name of the one outside is another one.
#[tokio::test]
async fn columns_of_one_name_are_told_apart() {
    let mut state = SessionContext::new().state();
    nulls_of_in(&mut state);
    let context = SessionContext::new_with_state(state);
    let ids = |condition: &str| {
        let sql = format!("SELECT id FROM t WHERE {condition} ORDER BY id");
        let context = context.clone();
        async move {
            let batches = context.sql(&sql).await.unwrap().collect().await.unwrap();
            let ids = batches.iter().map(|of| of.column(0).as_primitive::<Int64Type>().clone());
            ids.flat_map(|ids| ids.values().to_vec()).collect::<Vec<_>>()
        }
    };
    let table = "CREATE TABLE t AS SELECT * FROM (VALUES (1, 1), (2, NULL), (3, 3)) AS t(id, b)";
    context.sql(table).await.unwrap().collect().await.unwrap();
    for (condition, expected) in [
        ("b = ANY (SELECT b FROM t WHERE id < 3)", vec![1]),
        ("b <> ALL (SELECT b FROM t WHERE id = 3)", vec![1]),
        ("b < ANY (SELECT b FROM t)", vec![1]),
        ("b IN (SELECT b FROM t WHERE id < 3)", vec![1]),
        ("b NOT IN (SELECT b FROM t WHERE id = 1)", vec![3]),
        ("id IN (SELECT t.id FROM t JOIN t AS u ON t.id = u.b WHERE u.id = 3)", vec![3]),
        (
            "(SELECT max(v) FROM (SELECT b IN (SELECT b FROM t WHERE id = 3) AS v FROM t))",
            vec![1, 2, 3],
        ),
    ] {
        assert_eq!(ids(condition).await, expected, "{condition}");
    }
    let sql = "SELECT id FROM (SELECT id, b IN (SELECT b FROM t WHERE id = 3) AS v FROM t) WHERE v";
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    let counts: Vec<_> = batches.iter().map(|batch| batch.num_rows()).collect();
    assert_eq!(counts.iter().sum::<usize>(), 1);
}

/// What a column is in the three rows, in order of their ids.
async fn column(column: &str) -> Result<Vec<Option<bool>>> {
    let mut state = SessionContext::new().state();
    nulls_of_in(&mut state);
    let context = SessionContext::new_with_state(state);
    let rows = "(VALUES (1, 1), (2, NULL), (3, 3)) AS t(id, b)";
    let sql = format!("SELECT {column} AS is, id FROM {rows} ORDER BY id");
    let batches = context.sql(&sql).await?.collect().await?;
    let values =
        batches.iter().flat_map(|batch| batch.column(0).as_boolean().iter().collect::<Vec<_>>());
    Ok(values.collect())
}

/// Expected are the answers of PostgreSQL and DuckDB.
#[tokio::test]
async fn what_is_selected_is_true_false_or_null() {
    let [yes, no] = [Some(true), Some(false)];
    let with_null = "(SELECT v FROM (VALUES (1), (NULL)) AS u(v))";
    let without = "(SELECT v FROM (VALUES (1), (5)) AS u(v))";
    let of_none = "(SELECT v FROM (VALUES (1)) AS u(v) WHERE v > 5)";
    let related = "(SELECT v FROM (VALUES (1), (3)) AS u(v) WHERE v = b)";
    for (sql, subquery, expected) in [
        ("b IN {}", with_null, [yes, None, None]),
        ("b NOT IN {}", with_null, [no, None, None]),
        ("b IN {}", without, [yes, None, no]),
        ("b = ANY {}", without, [yes, None, no]),
        ("b <> ALL {}", without, [no, None, yes]),
        ("id IN {}", without, [yes, no, no]),
        ("b NOT IN {}", of_none, [yes, yes, yes]),
        ("b IN {}", related, [yes, no, yes]),
        ("b + 2 IN {}", without, [no, None, yes]),
        ("1 IN {}", with_null, [yes, yes, yes]),
        ("2 IN {}", with_null, [None, None, None]),
        ("EXISTS {}", related, [yes, no, yes]),
        ("NOT EXISTS {}", related, [no, yes, no]),
        ("EXISTS {}", of_none, [no, no, no]),
        ("EXISTS (SELECT v FROM (VALUES (1), (1)) AS u(v) WHERE v = b LIMIT 1)", "", [yes, no, no]),
        ("CASE WHEN b IN {} THEN false ELSE true END", without, [no, yes, yes]),
        ("(b IN {}) IS NULL", without, [no, yes, no]),
    ] {
        let sql = sql.replace("{}", subquery);
        let is = column(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(is, expected, "{sql}");
    }
}

#[tokio::test]
async fn where_it_is_no_column_it_is_said_how_to_make_it_one() {
    let subquery = "(SELECT v FROM (VALUES (1)) AS u(v))";
    for sql in [
        format!("SELECT count(*) FILTER (WHERE b IN {subquery}) FROM (VALUES (1)) AS t(b)"),
        format!("SELECT b IN {subquery} FROM (VALUES (1)) AS t(b) GROUP BY b IN {subquery}"),
        format!("SELECT sum(CASE WHEN b IN {subquery} THEN 1 END) FROM (VALUES (1)) AS t(b)"),
    ] {
        let mut state = SessionContext::new().state();
        nulls_of_in(&mut state);
        let context = SessionContext::new_with_state(state);
        let answered = async { context.sql(&sql).await?.collect().await };
        let error = answered.await.unwrap_err().to_string();
        assert!(error.contains("make it a column first"), "{sql}: {error}");
    }
}
