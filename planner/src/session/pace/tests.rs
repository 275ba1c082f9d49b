//! Joins that give way give the rows they gave before, and let others run.

use std::time::Duration;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::common::runtime::SpawnedTask;
use datafusion::physical_plan::{collect, displayable};
use datafusion::prelude::{SessionConfig, SessionContext};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::super::stand_in::anew;
use super::*;

/// Every slice is of one row, and every turn is over at once.
const LEAST: Limits = Limits { turn: Duration::ZERO, stretch: Duration::ZERO };

/// Longer than it takes a machine that has much else to do.
const DEADLINE: Duration = Duration::from_secs(30);

fn session(settings: &[(&str, &str)]) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(2);
    for (key, value) in settings {
        config.options_mut().set(key, value).unwrap();
    }
    SessionContext::new_with_config(config)
}

async fn planned(context: &SessionContext, sql: &str) -> Arc<dyn ExecutionPlan> {
    context.sql(sql).await.unwrap().create_physical_plan().await.unwrap()
}

fn names(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

async fn rows(plan: Arc<dyn ExecutionPlan>, context: &SessionContext) -> Vec<String> {
    let batches = collect(plan, context.task_ctx()).await.unwrap();
    let text = pretty_format_batches(&batches).unwrap().to_string();
    let mut rows: Vec<_> = text.lines().map(str::to_owned).collect();
    rows.sort();
    rows
}

/// The rows of a query are the same in slices as they were, in all kinds of joins.
async fn check_joins(operator: &str, on: &str, settings: &[(&str, &str)]) {
    let kinds = ["", "left", "right", "full", "left semi", "left anti", "right semi", "right anti"];
    let context = session(settings);
    for kind in kinds {
        let sql = format!(
            "select * from (select value as x, value % 7 as k from generate_series(1, 40)) a {kind} join (select value as y, value % 5 as l from generate_series(20, 80)) b on {on}"
        );
        let plan = planned(&context, &sql).await;
        assert!(names(&plan).contains(operator), "{kind}: {}", names(&plan));
        let sliced = pace_within(planned(&context, &sql).await, LEAST).unwrap();
        let expected = rows(plan, &context).await;
        assert_eq!(rows(sliced, &context).await, expected, "{kind}");
    }
}

#[tokio::test]
async fn nested_loop_joins_give_their_rows() {
    check_joins("NestedLoopJoinExec", "a.x + b.y > 60 and k * l > 5", &[]).await;
}

#[tokio::test]
async fn hash_joins_give_their_rows() {
    check_joins("HashJoinExec", "k = l and a.x + b.y > 60", &[]).await;
}

#[tokio::test]
async fn merge_joins_give_their_rows() {
    let merge = [("datafusion.optimizer.prefer_hash_join", "false")];
    check_joins("SortMergeJoinExec", "k = l and a.x + b.y > 60", &merge).await;
}

#[tokio::test]
async fn cross_joins_give_their_rows() {
    let sql = "select * from generate_series(1, 40) a (x), generate_series(1, 50) b (y)";
    let context = session(&[]);
    let plan = planned(&context, sql).await;
    assert!(names(&plan).contains("CrossJoinExec"), "{}", names(&plan));
    let sliced = pace_within(planned(&context, sql).await, LEAST).unwrap();
    assert_eq!(rows(sliced, &context).await, rows(plan, &context).await);
}

#[tokio::test]
async fn a_paced_plan_keeps_its_shape() {
    let sql = "select count(*) from generate_series(1, 9) a (x), generate_series(1, 9) b (y) where x + y = 7 and x < y";
    let plan = planned(&session(&[]), sql).await;
    let paced = pace(Arc::clone(&plan)).unwrap();
    assert_eq!(names(&paced), names(&plan));
    let children = paced.children().into_iter().cloned().collect();
    assert_eq!(names(&paced.replace_children(children, anew()).unwrap()), names(&plan));
}

/// Rows of the probe side that a nested loop join has begun with.
fn begun(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = match plan.is::<NestedLoopJoinExec>() {
        true => plan.metrics().and_then(|it| Some(it.sum_by_name("input_rows")?.as_usize())),
        false => None,
    };
    own.unwrap_or(0) + plan.children().into_iter().map(begun).sum::<usize>()
}

fn start<T: Send + 'static>(
    runtime: &Runtime,
    task: impl Future<Output = T> + Send + 'static,
) -> SpawnedTask<T> {
    let _entered = runtime.enter();
    SpawnedTask::spawn(task)
}

/// Whether others run beside a join that takes minutes, and after it, on the one thread that there is. The
/// time is kept by another: that of a runtime stands still with its last thread.
async fn lets_others_run(plan: Arc<dyn ExecutionPlan>, context: &SessionContext) -> bool {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let join = start(&runtime, collect(Arc::clone(&plan), context.task_ctx()));
    let other = || timeout(DEADLINE, start(&runtime, tokio::task::yield_now()));
    let mut ran = true;
    while ran && begun(&plan) < 2 {
        ran = other().await.is_ok();
    }
    drop(join);
    let ran = ran && other().await.is_ok();
    // A join that never gives way would keep the runtime from ending.
    runtime.shutdown_background();
    ran
}

#[tokio::test]
async fn a_join_that_takes_minutes_lets_others_run() {
    let sql = "select count(*) from generate_series(1, 300000) a (x), generate_series(1, 300000) b (y) where x + y = 7 and x < y";
    let context = session(&[("datafusion.execution.target_partitions", "1")]);
    let plan = planned(&context, sql).await;
    assert!(names(&plan).contains("NestedLoopJoinExec"), "{}", names(&plan));
    assert!(lets_others_run(pace(plan).unwrap(), &context).await);
}

fn paced(stretch: u64) -> Pace {
    Pace::new(Limits { turn: DEADLINE, stretch: Duration::from_millis(stretch) })
}

#[test]
fn slices_grow_while_they_are_fast_and_shrink_once_they_are_slow() {
    let mut pace = paced(64);
    let sizes = [1, 1, 20, 40, 640, 64_000].map(|took| {
        pace.adapt(pace.rows, Duration::from_millis(took));
        pace.rows
    });
    assert_eq!(sizes, [8, 64, 128, 128, 12, 1]);
}

#[test]
fn the_rest_of_a_batch_does_not_make_slices_larger() {
    let mut pace = paced(64);
    pace.rows = 100;
    pace.adapt(3, Duration::ZERO);
    assert_eq!(pace.rows, 100);
}

#[test]
fn the_time_in_which_nobody_asks_is_not_the_joins() {
    let mut pace = paced(64);
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    pace.begin(at(0));
    pace.slice = Some(1);
    pace.end(false, at(1));
    pace.begin(at(9000));
    pace.ask(at(9001));
    assert_eq!(pace.rows, 8);
}

#[test]
fn a_turn_ends_after_its_time_and_what_waits_begins_a_new_one() {
    let mut pace = Pace::new(Limits { turn: Duration::from_millis(20), ..LEAST });
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    assert!(!pace.begin(at(0)));
    pace.end(false, at(1));
    assert!(!pace.begin(at(19)));
    pace.end(false, at(20));
    assert!(pace.begin(at(21)));
    assert!(!pace.begin(at(22)));
    pace.end(true, at(30));
    assert!(!pace.begin(at(50)));
}
