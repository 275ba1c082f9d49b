//! Lists and structs with NULLs in them, in order.

use super::*;

const LISTS: &str = "(SELECT make_array(CASE WHEN v % 3 > 0 THEN v % 3 END, v % 7) AS l, named_struct('a', CASE WHEN v % 3 > 0 THEN v % 3 END) AS s, v FROM (SELECT value AS v FROM range(0, 60)) AS r)";

#[tokio::test]
async fn nulls_within_lists_and_structs_are_behind_all_others() {
    for (comparison, expected) in [
        ("make_array(NULL, 4) > make_array(1, 2)", "true"),
        ("make_array(1, NULL) <= make_array(1, 2)", "false"),
        ("make_array(1) < make_array(1, NULL)", "true"),
        ("make_array(NULL, 4) BETWEEN make_array(2, 2) AND make_array(NULL, 5)", "true"),
        ("make_array(1, 2) NOT BETWEEN make_array(2, 2) AND make_array(NULL, 5)", "true"),
        ("named_struct('a', arrow_cast(NULL, 'Int64')) > named_struct('a', 9)", "true"),
        ("arrow_cast(NULL, 'List(Int64)') < make_array(1)", ""),
        ("make_array(1.0) < make_array('nan'::DOUBLE)", "true"),
        ("make_array(-0.0::DOUBLE) >= make_array(0.0::DOUBLE)", "true"),
    ] {
        assert_eq!(values(&format!("SELECT {comparison}")).await, [expected], "{comparison}");
    }
    let count = format!("SELECT count(*) FROM {LISTS} WHERE l > make_array(2, 3)");
    let counted = format!(
        "SELECT count(*) FROM {LISTS} WHERE l[1] IS NULL OR l[1] > 2 OR l[1] = 2 AND l[2] > 3"
    );
    assert_eq!(values(&count).await, values(&counted).await);
}

#[tokio::test]
async fn the_least_and_the_greatest_of_lists_and_structs_are_refused() {
    for sql in [
        "SELECT max(l) FROM {}",
        "SELECT min(s) OVER (PARTITION BY v) FROM {}",
        "SELECT greatest(l, make_array(1, 2)) FROM {}",
    ] {
        let told = error(&sql.replace("{}", LISTS)).await;
        assert!(told.contains("ORDER BY … LIMIT 1"), "{sql}: {told}");
    }
}

/// With the rules that a node's sessions have.
async fn first(sql: &str) -> Vec<String> {
    let config = SessionConfig::new().with_target_partitions(3).with_batch_size(8);
    let mut state = datafusion::execution::SessionStateBuilder::new_with_default_features()
        .with_config(config)
        .with_physical_optimizer_rules(crate::session::rules::physical_optimizer_rules())
        .build();
    exact(&mut state).unwrap();
    let rows = SessionContext::new_with_state(state).sql(sql).await.unwrap();
    let batches = rows.collect().await.unwrap();
    let rows = batches.iter().flat_map(|batch| {
        (0..batch.num_rows()).map(|row| array_value_to_string(batch.column(0), row).unwrap())
    });
    rows.collect()
}

#[tokio::test]
async fn what_a_limit_keeps_is_first_in_the_order() {
    for order in [
        "l DESC, v",
        "l, v",
        "s DESC, v",
        "s NULLS FIRST, v",
        "arrow_cast(0.0 * (1 - v % 2 * 2), 'Float16'), v",
    ] {
        let all = format!("SELECT v FROM {LISTS} ORDER BY {order}");
        let right = first(&all).await;
        for limit in [1, 9, 21, 40] {
            let some = first(&format!("{all} LIMIT {limit}")).await;
            assert_eq!(some, right[..limit], "{order} {limit}");
        }
    }
    let groups = format!("SELECT DISTINCT l FROM {LISTS} ORDER BY l");
    assert_eq!(first(&format!("{groups} LIMIT 3")).await, first(&groups).await[..3]);
}

#[tokio::test]
async fn groups_of_nan_are_cut_like_others() {
    let numbers = "(SELECT CASE WHEN value % 4 = 0 THEN 'nan'::DOUBLE ELSE value % 4 + 0.5 END AS x FROM range(0, 40)) AS t";
    for (sql, expected) in [
        ("SELECT DISTINCT x FROM {} ORDER BY x LIMIT 2", ["1.5", "2.5"]),
        ("SELECT DISTINCT x FROM {} ORDER BY x DESC LIMIT 2", ["NaN", "3.5"]),
        ("SELECT x FROM {} GROUP BY x ORDER BY x DESC LIMIT 2", ["NaN", "3.5"]),
    ] {
        assert_eq!(first(&sql.replace("{}", numbers)).await, expected, "{sql}");
    }
}
