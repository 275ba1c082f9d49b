//! Where plans deliver from, and what they look like.

use datafusion_distributed::display_plan_ascii;

use super::{Planning, request};
use crate::PlannerError;
use crate::plan::{Placement, PlanRequest, Planned, QueryPlan};

/// The plan as text, without what differs from run to run: paths, ids.
fn text(plan: &QueryPlan) -> String {
    let text = display_plan_ascii(plan.plan.as_ref(), false);
    let cut = |line: &str| line.split("DataSourceExec:").next().unwrap().len();
    let short = |line: &str| match line.contains("DataSourceExec:") {
        true => format!("{}DataSourceExec", &line[..cut(line)]),
        false => line.to_owned(),
    };
    text.lines().map(short).collect::<Vec<_>>().join("\n")
}

fn placed(plan: &QueryPlan) -> (Placement, usize, bool) {
    (plan.shape.placement, plan.shape.tasks, plan.shape.distributed)
}

#[tokio::test]
async fn a_scan_delivers_from_every_worker() {
    let planning = Planning::new().await;
    let plan = planning.plan("SELECT * FROM t").await;
    assert_eq!(placed(&plan), (Placement::Workers, 3, true));
    assert_eq!(*plan.peers, ["a", "b", "c"]);
}

/// It is no table that other nodes could read.
#[tokio::test]
async fn what_the_node_says_of_itself_is_read_here() {
    let planning = Planning::new().await;
    for sql in [
        "SELECT table_name FROM information_schema.tables UNION ALL SELECT s FROM t",
        "SELECT t.n FROM t JOIN information_schema.tables i ON i.table_name = t.s",
        "SHOW FUNCTIONS LIKE 'a%'",
    ] {
        assert!(!planning.plan(sql).await.shape.distributed, "{sql}");
    }
}

/// Planning for more would take for ever, and nothing could end it.
#[tokio::test]
async fn a_session_gets_no_more_tasks_than_there_are_workers() {
    let planning = Planning::new().await;
    let mut config = planning.config("distributed");
    config.options_mut().set("distributed.max_tasks_per_stage", "1000000").unwrap();
    let sql = "SELECT a.s, count(*) FROM t a JOIN t b ON a.n = b.n GROUP BY a.s";
    let planned = planning.planner.plan(sql, &config, &request()).await.unwrap();
    let Planned::Query(plan) = planned else { panic!("{sql} is no query") };
    assert_eq!(plan.shape.tasks, 3);
}

/// What shuffles need for more is in nobody's account.
#[tokio::test]
async fn a_session_gets_no_more_partitions_than_gain_anything() {
    let planning = Planning::new().await;
    let mut config = planning.config("distributed");
    config.options_mut().set("datafusion.execution.target_partitions", "256").unwrap();
    let sql = "SELECT s, count(*) FROM t GROUP BY s";
    let planned = planning.planner.plan(sql, &config, &request()).await.unwrap();
    let Planned::Query(plan) = planned else { panic!("{sql} is no query") };
    assert_eq!(plan.shape.parts(), 3 * 64);
}

#[tokio::test]
async fn groups_are_delivered_from_every_worker() {
    let planning = Planning::new().await;
    let plan = planning.plan("SELECT s, count(*) FROM t GROUP BY s").await;
    assert_eq!(placed(&plan), (Placement::Workers, 3, true));
}

#[tokio::test]
async fn an_order_is_merged_and_delivered_by_the_coordinator() {
    let planning = Planning::new().await;
    let plan = planning.plan("SELECT * FROM t ORDER BY n").await;
    assert_eq!(placed(&plan), (Placement::Coordinator, 1, true));
    assert_eq!(*plan.peers, ["a"], "the nearest peer alone");
    assert_eq!(plan.shape.parts(), 1, "one order, one part");
}

#[tokio::test]
async fn a_limit_is_kept_in_one_place() {
    let planning = Planning::new().await;
    let plan = planning.plan("SELECT * FROM t LIMIT 10").await;
    assert_eq!((plan.shape.tasks, plan.shape.parts()), (1, 1));
}

#[tokio::test]
async fn a_lone_row_stays_here() {
    let planning = Planning::new().await;
    let plan = planning.plan("SELECT 1").await;
    assert_eq!(placed(&plan), (Placement::Coordinator, 1, false));
}

#[tokio::test]
async fn local_mode_stays_here() {
    let planning = Planning::new().await;
    let plan = planning.plan_in("local", "SELECT * FROM t").await.unwrap();
    assert_eq!(placed(&plan), (Placement::Coordinator, 1, false));
}

#[tokio::test]
async fn auto_keeps_a_small_scan_here() {
    let planning = Planning::new().await;
    let plan = planning.plan_in("auto", "SELECT * FROM small").await.unwrap();
    assert!(!plan.shape.distributed);
}

#[tokio::test]
async fn a_cluster_without_workers_plans_for_itself() {
    let planning = Planning::new().await;
    let request = PlanRequest { workers: [].into(), ..request() };
    let config = planning.config("distributed");
    let sql = "SELECT * FROM t";
    let planned = planning.planner.plan(sql, &config, &request).await.unwrap();
    let Planned::Query(plan) = planned else { panic!("a query") };
    assert!(!plan.shape.distributed);
}

#[tokio::test]
async fn a_not_in_that_would_take_null_for_a_value_is_refused() {
    let planning = Planning::new().await;
    let refused = [
        "SELECT * FROM t WHERE NULLIF(n, 3) NOT IN (SELECT n FROM small)",
        "SELECT * FROM t WHERE NOT (s = 'x' OR NULLIF(n, 3) IN (SELECT n FROM small))",
        "SELECT * FROM t WHERE CASE WHEN n = 1 THEN n END NOT IN (SELECT n FROM small)",
    ];
    for sql in refused {
        let refused = planning.plan_in("local", sql).await;
        assert!(matches!(refused, Err(PlannerError::Unsupported(_))), "{sql}");
    }
    let planned = [
        "SELECT * FROM t WHERE n NOT IN (SELECT n FROM small)",
        "SELECT * FROM t WHERE n + 1 NOT IN (SELECT n FROM small)",
        "SELECT * FROM t WHERE NULLIF(n, 3) IN (SELECT n FROM small)",
        "SELECT * FROM (SELECT NULLIF(n, 3) AS k FROM t) WHERE k NOT IN (SELECT n FROM small)",
    ];
    for sql in planned {
        assert!(planning.plan_in("local", sql).await.is_ok(), "{sql}");
    }
}

/// Nothing else holds such a subquery to one row, or carries such a column.
#[tokio::test]
async fn what_would_come_out_wrong_is_not_distributed() {
    let planning = Planning::new().await;
    let distributed = async |sql: &str| planning.plan(sql).await.shape.distributed;
    for sql in [
        "SELECT n, (SELECT s FROM small) FROM t",
        "SELECT n FROM t WHERE n = (SELECT n FROM small)",
        "SELECT n FROM t WHERE n < (SELECT n FROM small LIMIT 2)",
        "SELECT n FROM t WHERE EXISTS (SELECT 1 FROM small WHERE n = (SELECT n FROM small))",
        "SELECT n, arrow_cast(make_array(n), 'LargeList(Int64)') FROM t",
    ] {
        assert!(!distributed(sql).await, "{sql}");
    }
    for sql in [
        "SELECT n, (SELECT max(s) FROM small) FROM t",
        "SELECT n FROM t WHERE n = (SELECT n FROM small LIMIT 1)",
        "SELECT n FROM t WHERE n = (SELECT count(*) FROM small WHERE small.s = t.s)",
        "SELECT n, make_array(n) FROM t",
    ] {
        assert!(distributed(sql).await, "{sql}");
    }
}

#[tokio::test]
async fn delivery_is_inside_the_last_stage() {
    let planning = Planning::new().await;
    let plan = planning.plan("SELECT s, count(*) AS c FROM t GROUP BY s").await;
    insta::assert_snapshot!(text(&plan), @r"
    ┌───── DistributedExec
    │ CoalescePartitionsExec
    │   [Stage 2] => NetworkCoalesceExec: output_partitions=6, input_tasks=3
    └──────────────────────────────────────────────────
      ┌───── Stage 2 ── tasks=3, partitions=6
      │ DeliverExec: peers=[a, b, c]
      │   ProjectionExec: expr=[s@0 as s, count(Int64(1))@1 as c]
      │     AggregateExec: mode=FinalPartitioned, gby=[s@0 as s], aggr=[count(Int64(1))]
      │       [Stage 1] => NetworkShuffleExec: output_partitions=2, input_tasks=3
      └──────────────────────────────────────────────────
        ┌───── Stage 1 ── tasks=3, partitions=6
        │ RepartitionExec: partitioning=Hash([s@0], 6), input_partitions=2
        │   AggregateExec: mode=Partial, gby=[s@0 as s], aggr=[count(Int64(1))]
        │     DistributedLeafExec:
        │       t0: DataSourceExec
        │       t1: DataSourceExec
        │       t2: DataSourceExec
        └──────────────────────────────────────────────────
    ");
}

#[tokio::test]
async fn delivery_is_above_the_merge_of_an_order_which_is_one_stream_a_task() {
    let planning = Planning::new().await;
    let plan = planning.plan("SELECT n FROM t ORDER BY n LIMIT 5").await;
    insta::assert_snapshot!(text(&plan), @r"
    ┌───── DistributedExec
    │ DeliverExec: peers=[a]
    │   SortPreservingMergeExec: [n@0 ASC NULLS LAST], fetch=5
    │     [Stage 1] => NetworkCoalesceExec: output_partitions=3, input_tasks=3
    └──────────────────────────────────────────────────
      ┌───── Stage 1 ── tasks=3, partitions=3
      │ TaskMergeExec: [n@0 ASC NULLS LAST], fetch=5
      │   SortExec: TopK(fetch=5), expr=[n@0 ASC NULLS LAST], preserve_partitioning=[true]
      │     DistributedLeafExec:
      │       t0: DataSourceExec
      │       t1: DataSourceExec
      │       t2: DataSourceExec
      └──────────────────────────────────────────────────
    ");
}

/// What is written otherwise within a key is still found by what refers to it.
#[tokio::test]
async fn expressions_may_be_grouped_in_sets() {
    let planning = Planning::new().await;
    for key in [
        "CAST(n AS DOUBLE) IN (0.0, 1.0)",
        "n + 1",
        "CASE CAST(n AS DOUBLE) WHEN 0.0 THEN 1 END",
        "make_array(CAST(n AS DOUBLE))",
        "-n",
        "CAST(n AS DOUBLE)",
    ] {
        for sets in ["ROLLUP(s, {})", "CUBE({}, s)", "GROUPING SETS (({}), (s, {}), ())"] {
            let sets = sets.replace("{}", key);
            let sql = format!(
                "SELECT {key} AS k, s, count(*), grouping({key}) FROM t GROUP BY {sets} HAVING count(*) > 0 ORDER BY {key}, s"
            );
            planning.plan(&sql).await;
        }
    }
}

/// What is never NULL by the query may be NULL by its operators.
#[tokio::test]
async fn totals_are_planned_over_what_is_never_null() {
    let planning = Planning::new().await;
    for sql in [
        "SELECT DISTINCT (f IS TRUE) FROM (SELECT n > 1 AS f FROM t) WHERE f = false",
        "SELECT (SELECT coalesce(sum(u.n), 0) FROM t u WHERE u.s = t.s) AS n FROM t UNION SELECT -3",
    ] {
        planning.plan(sql).await;
    }
}
