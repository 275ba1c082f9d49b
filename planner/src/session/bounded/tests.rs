//! Wrapped functions answer as the engine's own do, and what is too large is refused before it is made.

use std::sync::Arc;

use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::memory_pool::{GreedyMemoryPool, MemoryConsumer};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_proto::physical_plan::AsExecutionPlan;
use datafusion_proto::physical_plan::DefaultPhysicalExtensionCodec;
use datafusion_proto::protobuf::PhysicalPlanNode;

use super::*;

const LIMIT: usize = 64 << 20;

/// Rows with texts of all three kinds, lists, counts and NULL.
const TABLE: &str = "
    select s, arrow_cast(s, 'LargeUtf8') l, arrow_cast(s, 'Utf8View') v, n, make_array(n, 2, NULL) a,
           make_array(s, 'x') t
    from (values ('', 0), ('a', 1), ('äb-a', 3), (NULL, 2), ('ab', NULL), ('long enough to be no inline view', -1)) as t(s, n)";

fn bounds(limit: usize) -> Arc<Bounds> {
    Arc::new(Bounds { pool: Arc::new(GreedyMemoryPool::new(limit)), most: limit / 10 * 8 })
}

fn bounded(bounds: &Arc<Bounds>) -> SessionContext {
    with(bounds, SessionConfig::new())
}

fn with(bounds: &Arc<Bounds>, config: SessionConfig) -> SessionContext {
    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::clone(&bounds.pool));
    let state = SessionStateBuilder::new().with_config(config).with_default_features();
    let mut state = state.with_runtime_env(runtime.build_arc().unwrap()).build();
    bound(&mut state, bounds).unwrap();
    SessionContext::new_with_state(state)
}

async fn rows(context: &SessionContext, sql: &str) -> Result<String> {
    let batches = context.sql(sql).await?.collect().await?;
    Ok(pretty_format_batches(&batches)?.to_string())
}

async fn refused(sql: &str) {
    let error = exhausted(sql).await.to_string();
    assert!(error.contains("() may take"), "{sql}: {error}");
}

async fn exhausted(sql: &str) -> DataFusionError {
    let bounds = bounds(LIMIT);
    let answer = rows(&bounded(&bounds), sql).await;
    let Err(error) = answer else { panic!("{sql}: {answer:?}") };
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{sql}: {error}");
    assert_eq!(bounds.pool.reserved(), 0);
    error
}

#[tokio::test]
async fn what_is_too_large_is_refused() {
    for call in [
        "range(1, 100000000000)",
        "range(9000000000000000000)",
        "range(-9000000000000000000, 9000000000000000000)",
        "generate_series(timestamp '1900-01-01', timestamp '2100-01-01', interval '1' second)",
        "array_repeat(generate_series(date '1900-01-01', date '2000-01-01', interval '1' day), 10000)",
        "repeat('x', 2000000000)",
        "lpad('x', 2147483647, 'y')",
        "rpad('x', 2147483647, 'ä')",
        "replace(repeat('x', 1000000), 'x', repeat('y', 1000000))",
        "regexp_replace(repeat('x', 1000000), '.', repeat('y', 1000000), 'g')",
        "array_repeat(1, 1000000000)",
        "list_repeat(NULL, 1000000000)",
        "array_repeat(array_repeat('text', 10000), 10000)",
        "array_resize([1], 1000000000)",
        "list_resize([1], 1000000000, 7)",
        "array_to_string(range(1, 10000), repeat('x', 1000000))",
        "array_replace_all(array_repeat('x', 10000), 'x', repeat('x', 1000000))",
        "concat_ws(repeat('x', 10000000), 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i')",
        "max(length(repeat('x', 400000000)))",
        "cardinality([1, repeat('x', 400000000)])",
    ] {
        refused(&format!("select {call}")).await;
    }
    for sql in [
        "select * from unnest(range(1, 1000000000))",
        "select unnest(range(1, 1000000000))",
        "select array_length(range(0, value * 100000)) from generate_series(1, 10000)",
        "select max(length(repeat('xy', value))) from generate_series(1, 100000000, 9999) ",
        "select max(length(concat(repeat('x', 1000000), value))) from generate_series(1, 8000)",
        "select max(length(concat_ws('-', repeat('x', 1000000), value))) from generate_series(1, 8000)",
        "select max(cardinality(range(1, 100000) || value)) from generate_series(1, 8000)",
    ] {
        refused(sql).await;
    }
}

#[tokio::test]
async fn others_are_answered_as_before() {
    let (ours, plain) = (bounded(&bounds(LIMIT)), SessionContext::new());
    let mut calls = Vec::new();
    for text in ["s", "l", "v", "'a-b'", "NULL"] {
        calls.extend([
            format!("repeat({text}, n)"),
            format!("repeat({text}, 3)"),
            format!("lpad({text}, n + 5)"),
            format!("lpad({text}, abs(n), 'äö')"),
            format!("rpad({text}, 7, {text})"),
            format!("replace({text}, 'a', 'longer')"),
            format!("replace({text}, '', 'longer')"),
            format!("replace('banana', {text}, 'x')"),
            format!("regexp_replace({text}, '(a)(.*)', '\\2\\1')"),
            format!("regexp_replace({text}, 'a', '<&>', 'g')"),
            format!("overlay({text} placing 'xy' from 1 for 1)"),
            format!("concat({text}, n, 'x', {text})"),
            format!("concat('x', concat('y', {text}))"),
            format!("concat_ws('-', {text}, 'x', n)"),
            format!("concat_ws('', {text}, 'x')"),
            format!("array_repeat({text}, n)"),
            format!("list_repeat({text}, 2)"),
            format!("[{text}, 'x'] || ['y']"),
        ]);
    }
    calls.extend(
        [
            "range(n)",
            "range(0, n, 2)",
            "range(n, -5, -2)",
            "range(5, 1)",
            "generate_series(n, 4)",
            "range(date '1992-09-01', date '1993-03-01', interval '1' month)",
            "generate_series(timestamp '2020-01-01', timestamp '2020-01-02', interval '7' hour)",
            "generate_series(date '2020-02-01', date '2020-01-01', interval '-3' day)",
            "array_resize(a, n + 1)",
            "list_resize(t, n + 1, s)",
            "array_replace(a, 2, n)",
            "array_replace_all(t, 'x', s)",
            "array_to_string(t, '--', 'none')",
            "list_to_string(a, ',')",
            "array_append(a, n)",
            "array_prepend(n, a)",
            "array_concat(a, a, [1])",
            "list_cat(t, ['x'])",
            "make_array(a, [n])",
            "make_list(s, 'x')",
            "a || n",
            "array_length(range(1, 1000))",
            "array_repeat([n, 1], 2)",
        ]
        .map(str::to_owned),
    );
    for call in &calls {
        let sql = format!("select {call} from ({TABLE})");
        let expected = rows(&plain, &sql).await;
        let answered = rows(&ours, &sql).await;
        match (expected, answered) {
            (Ok(expected), Ok(answered)) => assert_eq!(answered, expected, "{call}"),
            (Err(expected), Err(answered)) => {
                assert_eq!(answered.to_string(), expected.to_string(), "{call}");
            }
            (expected, answered) => panic!("{call}: {answered:?} in place of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn errors_of_the_engine_stay_its_own() {
    let error = rows(&bounded(&bounds(LIMIT)), "select range(1, 5, 0)").await.unwrap_err();
    assert!(error.to_string().contains("step can't be 0"), "{error}");
}

#[tokio::test]
async fn what_others_have_is_not_taken() {
    let bounds = bounds(LIMIT);
    let context = bounded(&bounds);
    let other = MemoryConsumer::new("other").register(&bounds.pool);
    other.try_grow(LIMIT).unwrap();
    let large = "select length(repeat('x', 2000000))";
    let error = rows(&context, large).await.unwrap_err();
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
    rows(&context, "select length(repeat('x', 200000))").await.unwrap();
    other.free();
    rows(&context, large).await.unwrap();
}

/// How another node gets a plan: functions are names.
#[tokio::test]
async fn a_plan_that_arrives_has_them_too() {
    let plain = SessionContext::new();
    let sql = "select repeat('xy', value), range(value) from generate_series(1, 9)";
    let plan = plain.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
    let codec = DefaultPhysicalExtensionCodec {};
    let input = datafusion::physical_plan::displayable(plan.as_ref()).indent(true).to_string();
    assert!(input.contains("repeat"), "{input}");
    let projection: Arc<dyn ExecutionPlan> = over_nothing(&plan);
    let sent = PhysicalPlanNode::try_from_physical_plan(projection, &codec).unwrap();
    let context = bounded(&bounds(LIMIT));
    let arrived = sent.try_into_physical_plan(&context.task_ctx(), &codec).unwrap();
    assert!(format!("{arrived:?}").contains("Bounded"), "{arrived:?}");
}

/// The topmost projection over an input that a plan can be sent with.
fn over_nothing(plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    use datafusion::physical_plan::empty::EmptyExec;
    use datafusion::physical_plan::projection::ProjectionExec;
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        let empty = Arc::new(EmptyExec::new(projection.input().schema()));
        return ProjectionExec::try_new(projection.expr().to_vec(), empty).map(Arc::new).unwrap();
    }
    over_nothing(plan.children()[0])
}

const TEXTS: &str =
    "(SELECT value AS n, value % 3 AS g, repeat('x', 400) AS s FROM range(0, 4000)) AS t";

/// Every row has all texts so far: 3 GB of 2 MB.
#[tokio::test]
async fn what_windows_gather_is_refused_where_it_is_too_much() {
    for gathered in [
        "string_agg(s, '') OVER (ORDER BY n)",
        "array_agg(s) OVER (ORDER BY n)",
        "array_agg(s) OVER (PARTITION BY g ORDER BY n)",
        "array_agg(s) OVER (ORDER BY n ROWS BETWEEN 900 PRECEDING AND CURRENT ROW)",
    ] {
        refused(&format!("SELECT count(z) FROM (SELECT {gathered} AS z FROM {TEXTS})")).await;
    }
}

#[tokio::test]
async fn what_is_gathered_is_as_ever_where_there_is_room() {
    let bounds = bounds(LIMIT);
    let (ours, theirs) = (bounded(&bounds), SessionContext::new());
    for sql in [
        "SELECT g, count(*), length(string_agg(s, ',' ORDER BY n)) FROM {} GROUP BY g ORDER BY g",
        "SELECT array_length(array_agg(s)) FROM {}",
        "SELECT array_agg(DISTINCT g ORDER BY g DESC) FROM {}",
        "SELECT max(array_length(z)) FROM (SELECT array_agg(n) OVER (ORDER BY n ROWS 3 PRECEDING) AS z FROM {})",
        "SELECT max(length(z)) FROM (SELECT string_agg(s, ',') OVER (PARTITION BY n ORDER BY g) AS z FROM {})",
        "SELECT array_agg(n) FILTER (WHERE n < 3), string_agg(CAST(g AS TEXT), '' ORDER BY n) FILTER (WHERE n < 5) FROM {}",
    ] {
        let sql = sql.replace("{}", TEXTS);
        assert_eq!(rows(&ours, &sql).await.unwrap(), rows(&theirs, &sql).await.unwrap(), "{sql}");
        assert_eq!(bounds.pool.reserved(), 0, "{sql}");
    }
}

/// Keys with ties, NULL, NaN and zeros of both signs; values of several types; groups in order and not.
const MIXED: &str = "(SELECT value AS n, value % 7 AS g, value / 120 AS h, (value * 7919) % 211 AS d,
    CASE WHEN value % 11 = 0 THEN NULL ELSE concat('text number ', value % 50) END AS s,
    CASE value % 5 WHEN 0 THEN NULL WHEN 1 THEN 'NaN'::double WHEN 2 THEN -0.0 ELSE value % 13 / 4.0 END AS f,
    [value % 3, NULL] AS l FROM range(0, 900)) AS t";

/// One that runs in several partitions, of small batches.
fn spread(bounds: &Arc<Bounds>) -> SessionContext {
    with(bounds, SessionConfig::new().with_target_partitions(3).with_batch_size(64))
}

/// In an order without ties there is one answer.
#[tokio::test]
async fn what_groups_gather_in_an_order_is_the_engines() {
    let bounds = bounds(LIMIT);
    let (ours, theirs) = (spread(&bounds), SessionContext::new());
    for gathered in [
        "array_agg(s ORDER BY n)",
        "array_agg(s ORDER BY d DESC, n)",
        "array_agg(n ORDER BY s NULLS FIRST, n DESC)",
        "array_agg(l ORDER BY f DESC NULLS LAST, n)",
        "array_agg(s ORDER BY l, n)",
        "array_agg(s ORDER BY n) IGNORE NULLS",
        "array_agg(s ORDER BY n) FILTER (WHERE f > 1)",
        "array_agg(s ORDER BY n) FILTER (WHERE n > 880), array_agg(n ORDER BY n DESC)",
        "string_agg(s, ', ' ORDER BY f, n DESC)",
        "string_agg(s, NULL ORDER BY d, n) FILTER (WHERE n % 2 = 0)",
        "string_agg(s, '' ORDER BY n DESC) FILTER (WHERE n % 11 = 0)",
        "array_agg(n), string_agg(s, ',' ORDER BY n), count(*)",
    ] {
        for sql in [
            format!("SELECT {gathered} FROM {MIXED}"),
            format!("SELECT {gathered} FROM {MIXED} WHERE n < 0"),
            format!("SELECT g, {gathered} FROM {MIXED} GROUP BY g ORDER BY g"),
            format!(
                "SELECT h, {gathered} FROM (SELECT * FROM {MIXED} ORDER BY h) GROUP BY h ORDER BY h"
            ),
            format!("SELECT d, h, {gathered} FROM {MIXED} GROUP BY d, h ORDER BY d, h"),
            format!("SELECT g, h, {gathered} FROM {MIXED} GROUP BY CUBE (g, h) ORDER BY g, h"),
        ] {
            // Without an order of its own a list is in any.
            let sql = match gathered.starts_with("array_agg(n),") {
                true => sql.replace("array_agg(n),", "array_length(array_agg(n)),"),
                false => sql,
            };
            assert_eq!(
                rows(&ours, &sql).await.unwrap(),
                rows(&theirs, &sql).await.unwrap(),
                "{sql}"
            );
            assert_eq!(bounds.pool.reserved(), 0, "{sql}");
        }
    }
}

/// 40 MB of texts are gathered, and answered with once more.
#[tokio::test]
async fn what_groups_answer_asks_for_memory() {
    let texts = "(SELECT value AS n, value < 0 AS g, concat(repeat('x', 400), value) AS s FROM range(0, 100000)) AS t";
    for gathered in
        ["array_length(array_agg(s ORDER BY n))", "length(string_agg(s, '' ORDER BY n))"]
    {
        exhausted(&format!("SELECT {gathered} FROM {texts}")).await;
        exhausted(&format!("SELECT g, {gathered} FROM {texts} GROUP BY g")).await;
    }
    exhausted(&format!("SELECT g, array_length(array_agg(s)) FROM {texts} GROUP BY g")).await;
}
