//! What the rule that puts sorts into plans must not overlook.
//!
//! Problem, in DataFusion 55's `EnsureRequirements`:
//! * A branch of UNION ALL has a column that is the same in all of its rows, another branch has another value: a sort
//!   by that column and `x` becomes, in each partition, one by `x` alone, which is right. But a sort with LIMIT also
//!   tells all its partitions what `x` is not worth looking at any more, and takes rows of one branch for better than
//!   those of the other that come first.
//! * OFFSET without LIMIT is held for something that needs no order: below anything but the result itself, the sort
//!   under it is left out, and other rows are skipped.
//!
//! * Of two columns that are the same in all rows (`PARTITION BY a.k, b.k` above `a.k = b.k`) a sort below a window has
//!   one. That they are the same is not known any more where the plan is run on another node, which then misses the other.
//!
//! Official way: none. Here: while the rule runs, such nodes say what it needs to know: unions that the column is
//! nothing special, offsets that they need the order of what is below them, inputs of windows that no columns are the same.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{
    ChildrenPropertiesMode, DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties,
    InputDistributionRequirements, PlanProperties, ReplaceChildrenOptions,
};

use super::rules::Rule;

/// The rule, told of these nodes.
pub(super) fn told(
    rule: &Rule,
    plan: Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    let telling = plan.transform_up(telling)?;
    if !telling.transformed {
        return rule.optimize(telling.data, config);
    }
    let optimized = rule.optimize(telling.data, config)?;
    let silent = optimized.transform_up(|node| match node.downcast_ref::<Telling>() {
        Some(telling) => Ok(Transformed::yes(Arc::clone(&telling.node))),
        None => Ok(Transformed::no(node)),
    })?;
    Ok(silent.data)
}

fn telling(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    if node.is::<UnionExec>() {
        return Ok(Transformed::yes(Arc::new(Telling::union(node))));
    }
    match node.downcast_ref::<GlobalLimitExec>() {
        Some(limit) if limit.fetch().is_none() => offset(limit),
        _ => window(node),
    }
}

fn window(node: Arc<dyn ExecutionPlan>) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let calls = match node.downcast_ref::<BoundedWindowAggExec>() {
        Some(window) => Some(window.window_expr()),
        None => node.downcast_ref::<WindowAggExec>().map(WindowAggExec::window_expr),
    };
    let input = node.children().first().map(|input| Arc::clone(input));
    let (Some([call, ..]), Some(input)) = (calls, input) else { return Ok(Transformed::no(node)) };
    if input.is::<Telling>() || !has_one_that_says_nothing(call.partition_by(), &input) {
        return Ok(Transformed::no(node));
    }
    with_children(&node, vec![Arc::new(Telling::unequal(input))]).map(Transformed::yes)
}

/// Whether one of the keys is the same in all rows, or the same as another.
fn has_one_that_says_nothing(
    keys: &[Arc<dyn PhysicalExpr>],
    input: &Arc<dyn ExecutionPlan>,
) -> bool {
    let known = input.equivalence_properties();
    let mut different = HashSet::new();
    keys.iter().any(|key| {
        known.is_expr_constant(key).is_some()
            || !different.insert(known.eq_group().normalize_expr(Arc::clone(key)))
    })
}

/// The offset below what only computes columns of its rows, which may be without those that the order is by.
fn offset(limit: &GlobalLimitExec) -> Result<Transformed<Arc<dyn ExecutionPlan>>> {
    let mut above = Vec::new();
    let mut below = limit.input();
    while let Some(projection) = below.downcast_ref::<ProjectionExec>() {
        above.push(Arc::clone(below));
        below = projection.input();
    }
    let skipping = Arc::new(GlobalLimitExec::new(Arc::clone(below), limit.skip(), None));
    let mut node: Arc<dyn ExecutionPlan> = match Telling::offset(skipping) {
        Some(telling) => Arc::new(telling),
        None => return Ok(Transformed::no(Arc::new(limit.clone()))),
    };
    for projection in above.into_iter().rev() {
        node = with_children(&projection, vec![node])?;
    }
    Ok(Transformed::yes(node))
}

fn with_children(
    node: &Arc<dyn ExecutionPlan>,
    children: Vec<Arc<dyn ExecutionPlan>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let anew = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    Arc::clone(node).replace_children(children, anew)
}

/// A node, and what it says of itself.
#[derive(Debug)]
struct Telling {
    node: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    order: Option<OrderingRequirements>,
    /// Whether it knows columns that are the same, and does not say so.
    is_unequal: bool,
}

impl Telling {
    fn union(node: Arc<dyn ExecutionPlan>) -> Self {
        let mut equivalence = node.equivalence_properties().clone();
        equivalence.clear_per_partition_constants();
        let properties = node.properties().as_ref().clone();
        let properties = Arc::new(properties.with_eq_properties(equivalence));
        Self { node, properties, order: None, is_unequal: false }
    }

    fn unequal(node: Arc<dyn ExecutionPlan>) -> Self {
        let known = node.equivalence_properties();
        let orders = known.oeq_class().iter().cloned();
        let unequal = EquivalenceProperties::new_with_orderings(node.schema(), orders);
        let properties = node.properties().as_ref().clone();
        let properties = Arc::new(properties.with_eq_properties(unequal));
        Self { node, properties, order: None, is_unequal: true }
    }

    /// `None` where what is below has no order.
    fn offset(node: Arc<GlobalLimitExec>) -> Option<Self> {
        let order = node.input().output_ordering()?.clone();
        let properties = Arc::clone(node.properties());
        let order = Some(OrderingRequirements::from(order));
        Some(Self { node, properties, order, is_unequal: false })
    }
}

impl DisplayAs for Telling {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Telling")
    }
}

impl ExecutionPlan for Telling {
    fn name(&self) -> &str {
        "Telling"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.node.children()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.node.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let node = with_children(&self.node, children)?;
        if node.is::<UnionExec>() {
            return Ok(Arc::new(Self::union(node)));
        }
        if self.is_unequal {
            return Ok(Arc::new(Self::unequal(node)));
        }
        let properties = Arc::clone(node.properties());
        Ok(Arc::new(Self { node, properties, order: self.order.clone(), is_unequal: false }))
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.node.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        match &self.order {
            Some(order) => vec![Some(order.clone()); self.children().len()],
            None => self.node.required_input_ordering(),
        }
    }

    /// Where an order is needed, none that is asked for above it may take its place.
    fn maintains_input_order(&self) -> Vec<bool> {
        match self.order {
            Some(_) => vec![false],
            None => self.node.maintains_input_order(),
        }
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        self.node.benefits_from_input_partitioning()
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("what tells a rule is no operator")
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::super::rules::physical_optimizer_rules;

    fn context(partitions: usize) -> SessionContext {
        let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(64);
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .with_physical_optimizer_rules(physical_optimizer_rules())
            .build();
        SessionContext::new_with_state(state)
    }

    async fn plan(sql: &str) -> String {
        let plan = context(2).sql(sql).await.unwrap().collect().await.unwrap();
        let last = plan.last().unwrap();
        array_value_to_string(last.column(1), last.num_rows() - 1).unwrap()
    }

    async fn first(sql: &str, partitions: usize) -> String {
        let batches = context(partitions).sql(sql).await.unwrap();
        let batches = batches.collect().await.unwrap();
        let column = batches.iter().flat_map(|batch| {
            let values = 0..batch.num_rows();
            values.map(|row| array_value_to_string(batch.column(0), row).unwrap())
        });
        column.collect::<Vec<_>>().join(" ")
    }

    /// The branch that comes first is slow, the other one has seen all its rows by then.
    #[tokio::test(flavor = "multi_thread")]
    async fn branches_of_a_union_do_not_hold_each_other_for_worse() {
        let slow = "SELECT max(value) + 100 AS y FROM range(1, 100001) GROUP BY value % 10";
        for (two, one) in [("2", "1"), ("'b'", "'a'"), ("null", "'a'")] {
            let union = format!(
                "SELECT {two} AS c0, value AS c1 FROM range(1, 4) UNION ALL SELECT {one}, y FROM ({slow})"
            );
            let sql = format!("SELECT c1 FROM ({union}) ORDER BY c0, c1 LIMIT 3");
            assert_eq!(first(&sql, 2).await, "100091 100092 100093", "{sql}");
        }
    }

    /// As it is on another node, to which the plan is sent without what was known of its columns.
    #[tokio::test]
    async fn a_window_has_all_of_its_keys_in_the_sort_below_it() {
        let rows = "(SELECT value % 3 AS k, value AS v FROM range(9))";
        for (from, keys) in [
            (format!("{rows} AS a JOIN {rows} AS b ON a.k = b.k"), "a.k, b.k"),
            (format!("(SELECT k AS x, k AS y, v FROM {rows}) AS a"), "x, y"),
            (format!("{rows} AS a WHERE k = 1"), "k"),
        ] {
            for call in ["row_number()", "sum(a.v)"] {
                let sql = format!(
                    "EXPLAIN SELECT {call} OVER (PARTITION BY {keys} ORDER BY a.v) FROM {from}"
                );
                let plan = plan(&sql).await;
                let sort = plan.lines().find(|line| line.contains("SortExec")).unwrap_or_default();
                let keys = sort.matches("ASC").count();
                assert_eq!(
                    keys,
                    sql.matches(", b.k").count() + sql.matches(", y").count() + 2,
                    "{plan}"
                );
            }
        }
    }

    #[tokio::test]
    async fn an_offset_skips_what_comes_first() {
        let rows = "(VALUES (3, 1), (1, 2), (2, 3)) AS t(x, y)";
        let many = "(SELECT 999 - value AS x, value AS y FROM range(0, 1000))";
        for (sql, expected) in [
            (format!("SELECT sum(x) FROM (SELECT x FROM {rows} ORDER BY y DESC OFFSET 2)"), "3"),
            (
                format!(
                    "SELECT sum(x) FROM (SELECT x + 0 AS x FROM {rows} ORDER BY y DESC OFFSET 2)"
                ),
                "3",
            ),
            (format!("SELECT (SELECT x FROM {rows} ORDER BY y DESC OFFSET 2)"), "3"),
            (
                format!(
                    "SELECT x FROM (SELECT DISTINCT x FROM (SELECT x FROM {rows} ORDER BY y OFFSET 1)) ORDER BY x"
                ),
                "1 2",
            ),
            (format!("SELECT sum(x) FROM (SELECT x FROM {many} ORDER BY x OFFSET 997)"), "2994"),
            (
                format!(
                    "SELECT count(*) FROM (SELECT y FROM {many} ORDER BY x OFFSET 990) WHERE y < 5"
                ),
                "5",
            ),
            (
                format!("SELECT sum(x) FROM (SELECT x FROM {many} ORDER BY y LIMIT 5 OFFSET 1)"),
                "4980",
            ),
            (format!("SELECT x FROM {rows} ORDER BY y DESC OFFSET 1"), "1 3"),
            (
                format!("SELECT x FROM (SELECT x, y FROM {rows} ORDER BY y OFFSET 1) ORDER BY x"),
                "1 2",
            ),
            (
                format!(
                    "SELECT x FROM (SELECT x, y FROM {rows} ORDER BY y OFFSET 1) ORDER BY x OFFSET 1"
                ),
                "2",
            ),
            (
                format!(
                    "SELECT x FROM (SELECT x, y FROM {rows} ORDER BY y OFFSET 1) ORDER BY x LIMIT 1"
                ),
                "1",
            ),
            (
                format!(
                    "SELECT x FROM (SELECT x, rank() OVER (ORDER BY x) FROM (SELECT x, y FROM {rows} ORDER BY y OFFSET 1)) ORDER BY x"
                ),
                "1 2",
            ),
            (
                format!(
                    "SELECT x FROM (SELECT x FROM (SELECT x, y FROM {many} ORDER BY y OFFSET 990) ORDER BY x) ORDER BY x OFFSET 7"
                ),
                "7 8 9",
            ),
            (
                format!(
                    "SELECT count(*) FROM (SELECT x FROM {many} ORDER BY y OFFSET 990) AS a JOIN {many} AS b ON a.x = b.x"
                ),
                "10",
            ),
        ] {
            for partitions in [1, 3] {
                assert_eq!(first(&sql, partitions).await, expected, "{sql}");
            }
        }
    }
}
