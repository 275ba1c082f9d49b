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
async fn nulls_at_the_other_end_leave_those_within_values_where_they_are() {
    let rows = "(SELECT make_array(nullif(v, 2)) AS l, named_struct('a', nullif(v, 2)) AS s, v FROM (VALUES (1), (2), (3)) AS r(v) UNION ALL SELECT NULL, NULL, 4) AS t";
    for of in ["l", "s"] {
        for (order, expected) in [
            ("NULLS FIRST", ["4", "1", "3", "2"]),
            ("DESC NULLS LAST", ["2", "3", "1", "4"]),
            ("NULLS LAST", ["1", "3", "2", "4"]),
            ("DESC NULLS FIRST", ["4", "2", "3", "1"]),
        ] {
            let sql = format!("SELECT v FROM {rows} ORDER BY {of} {order}");
            assert_eq!(first(&sql).await, expected, "{of} {order}");
            assert_eq!(first(&format!("{sql} LIMIT 2")).await, expected[..2], "{of} {order}");
            let ranked = format!(
                "SELECT v FROM (SELECT v, rank() OVER (ORDER BY {of} {order}) AS r FROM {rows}) ORDER BY r"
            );
            if of == "l" {
                assert_eq!(first(&ranked).await, expected, "{of} {order}");
            }
            let listed = format!("SELECT array_agg(v ORDER BY {of} {order}) FROM {rows}");
            assert_eq!(
                first(&listed).await,
                [format!("[{}]", expected.join(", "))],
                "{of} {order}"
            );
        }
    }
}

#[tokio::test]
async fn functions_take_rows_in_the_order_that_order_by_has() {
    let lists = "(SELECT 1 AS k, make_array(2, NULL) AS l, 1 AS v UNION ALL SELECT 1, make_array(2, 1), 2 UNION ALL SELECT 1, make_array(3), 3 UNION ALL SELECT 1, NULL, 4)";
    let structs = "(SELECT 1 AS k, make_array(named_struct('a', 1)) AS l, 2 AS v UNION ALL SELECT 1, make_array(named_struct('a', NULL)), 1)";
    for rows in [lists, structs] {
        for order in ["", "DESC", "NULLS FIRST", "DESC NULLS LAST"] {
            let sorted = first(&format!("SELECT v FROM {rows} ORDER BY l {order}")).await;
            let (one, all) = ([sorted[0].clone()], [format!("[{}]", sorted.join(", "))]);
            let on = format!(
                "SELECT v FROM (SELECT DISTINCT ON (k) k, l, v FROM {rows} ORDER BY k, l {order})"
            );
            assert_eq!(first(&on).await, one, "{on}");
            for of in ["first_value(v", "nth_value(v, 1", "last_value(v"] {
                let sql = format!("SELECT {of} ORDER BY l {order}) FROM {rows}");
                let end =
                    if of.starts_with("last") { &sorted[sorted.len() - 1..] } else { &one[..] };
                assert_eq!(first(&sql).await, end, "{sql}");
            }
            let sql = format!("SELECT array_agg(v ORDER BY l {order}) FROM {rows}");
            assert_eq!(first(&sql).await, all, "{sql}");
        }
        let on =
            format!("SELECT count(*) FROM (SELECT DISTINCT ON (l) l, v FROM {rows} ORDER BY l, v)");
        let distinct = format!("SELECT count(*) FROM (SELECT DISTINCT l FROM {rows})");
        assert_eq!(first(&on).await, first(&distinct).await, "{on}");
        let listed = format!("SELECT array_agg(DISTINCT l ORDER BY l) FROM {rows}");
        assert!(error(&listed).await.contains("without DISTINCT"), "{listed}");
    }
}

#[tokio::test]
async fn distinct_numbers_are_listed_in_their_order() {
    let rows = "(VALUES (2.5::DOUBLE), (-0.0), (0.0), (2.5), (1.0)) AS t(x)";
    let sql = format!("SELECT array_agg(DISTINCT x ORDER BY x DESC) FROM {rows}");
    assert_eq!(first(&sql).await, ["[2.5, 1.0, 0.0]"]);
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

/// The values of the second column, by the first.
async fn second(sql: &str) -> Vec<String> {
    first(&format!("SELECT b FROM ({sql}) AS q(a, b) ORDER BY a")).await
}

#[tokio::test]
async fn a_window_beside_one_of_the_opposite_order_runs_in_its_own() {
    let rows = "(SELECT value AS id, value % 2 AS k, 'v' || value AS v FROM range(1, 6)) AS t";
    for (call, frame, expected) in [
        ("array_agg(id)", "", ["[1]", "[2]", "[1, 3]", "[2, 4]", "[1, 3, 5]"]),
        (
            "array_agg(id)",
            "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
            ["[1, 3]", "[2, 4]", "[1, 3, 5]", "[2, 4]", "[3, 5]"],
        ),
        ("string_agg(v, ',')", "", ["v1", "v2", "v1,v3", "v2,v4", "v1,v3,v5"]),
        ("lag(id)", "", ["", "", "1", "2", "3"]),
        ("nth_value(id, 2)", "", ["", "", "3", "4", "3"]),
    ] {
        let sql = format!(
            "SELECT id, {call} OVER (PARTITION BY k ORDER BY id {frame}), row_number() OVER (PARTITION BY k ORDER BY id DESC) FROM {rows}"
        );
        let sql = sql.replace("SELECT id,", "SELECT id AS a,");
        let alone = format!("SELECT a, b FROM ({sql}) AS q(a, b, c)");
        assert_eq!(second(&alone).await, expected, "{call} {frame}");
    }
}

#[tokio::test]
async fn distinct_values_are_in_the_order_that_each_call_asks_for() {
    let calls = "array_agg(DISTINCT k ORDER BY k) AS up, array_agg(DISTINCT k ORDER BY k DESC) AS down, string_agg(DISTINCT k::VARCHAR, '' ORDER BY k::VARCHAR) AS up_text, string_agg(DISTINCT k::VARCHAR, '' ORDER BY k::VARCHAR DESC) AS down_text";
    let rows = "(SELECT value % 3 AS k FROM range(0, 40)) AS t";
    let sql = format!(
        "SELECT concat_ws(' ', up::VARCHAR, down::VARCHAR, up_text, down_text) FROM (SELECT {calls} FROM {rows})"
    );
    assert_eq!(first(&sql).await, ["[0, 1, 2] [2, 1, 0] 012 210"]);
}
