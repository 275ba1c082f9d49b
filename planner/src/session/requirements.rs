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
//! Official way: none. Here: while the rule runs, such nodes say what it needs to know: unions that the column is
//! nothing special, offsets that they need the order of what is below them.

use std::fmt;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{OrderingRequirements, PhysicalExpr};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::union::UnionExec;
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
        _ => Ok(Transformed::no(node)),
    }
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
}

impl Telling {
    fn union(node: Arc<dyn ExecutionPlan>) -> Self {
        let mut equivalence = node.equivalence_properties().clone();
        equivalence.clear_per_partition_constants();
        let properties = node.properties().as_ref().clone();
        let properties = Arc::new(properties.with_eq_properties(equivalence));
        Self { node, properties, order: None }
    }

    /// `None` where what is below has no order.
    fn offset(node: Arc<GlobalLimitExec>) -> Option<Self> {
        let order = node.input().output_ordering()?.clone();
        let properties = Arc::clone(node.properties());
        Some(Self { node, properties, order: Some(OrderingRequirements::from(order)) })
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
        let properties = Arc::clone(node.properties());
        Ok(Arc::new(Self { node, properties, order: self.order.clone() }))
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        self.node.input_distribution_requirements()
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.order.clone(); self.children().len()]
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

    async fn first(sql: &str, partitions: usize) -> String {
        let config = SessionConfig::new().with_target_partitions(partitions).with_batch_size(64);
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .with_physical_optimizer_rules(physical_optimizer_rules())
            .build();
        let batches = SessionContext::new_with_state(state).sql(sql).await.unwrap();
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
