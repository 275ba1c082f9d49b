//! Filters are not planned through operators with two columns of one name.
//!
//! Problem: DataFusion 55 moves filters down a physical plan, and those that a join makes while it runs, and finds
//! their columns again by name: of two of one name, the first. `WHERE a.x + b.x IS NULL` over a join of `a` and
//! `b` becomes `a.x + a.x IS NULL`; a join on `b.id` skips rows of `a` by their `id`. Official way: none. Here:
//! while such a rule runs, a barrier stands over each operator that has two columns of one name, or reads them,
//! and lets no filter through. What can be moved by the logical plan, which knows tables too, was moved before.
//! Projections, too, are not found again in some plans of that kind, which ends with an internal error: they stay
//! where they are then.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::config::ConfigOptions;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};

use super::rules::Rule;

/// Of a rule that only makes plans faster, and gives some up by an internal error: they stay what they are.
pub(super) fn dispensable(
    rule: &Rule,
    plan: Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    match rule.optimize(Arc::clone(&plan), config) {
        Err(error) if is_internal(&error) => match guarded(rule, Arc::clone(&plan), config) {
            Err(error) if is_internal(&error) => Ok(plan),
            optimized => optimized,
        },
        optimized => optimized,
    }
}

fn is_internal(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::Internal(_))
}

/// What a rule makes of a plan while a barrier stands over each operator with two columns of one name.
pub(super) fn guarded(
    rule: &Rule,
    plan: Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    if !plan.exists(|node| Ok(is_ambiguous(node)))? {
        return rule.optimize(plan, config);
    }
    let barred = plan.transform_up(|node| match is_ambiguous(&node) {
        true => Ok(Transformed::yes(Arc::new(Barrier(node)) as _)),
        false => Ok(Transformed::no(node)),
    })?;
    let optimized = rule.optimize(barred.data, config)?;
    let open = optimized.transform_up(|node| match node.downcast_ref::<Barrier>() {
        Some(Barrier(behind)) => Ok(Transformed::yes(Arc::clone(behind))),
        None => Ok(Transformed::no(node)),
    })?;
    Ok(open.data)
}

/// Whether an operator gives or reads two columns of one name.
fn is_ambiguous(node: &Arc<dyn ExecutionPlan>) -> bool {
    let reads = node.children().into_iter().any(|child| has_two_of_a_name(&child.schema()));
    reads || has_two_of_a_name(&node.schema())
}

fn has_two_of_a_name(schema: &Schema) -> bool {
    let mut names = HashSet::new();
    schema.fields().iter().any(|field| !names.insert(field.name()))
}

/// An operator that takes no filters: what a plan says by default.
#[derive(Debug)]
struct Barrier(Arc<dyn ExecutionPlan>);

impl DisplayAs for Barrier {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Barrier")
    }
}

impl ExecutionPlan for Barrier {
    fn name(&self) -> &str {
        "Barrier"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.0]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.as_slice() {
            [behind] => Ok(Arc::new(Self(Arc::clone(behind)))),
            other => internal_err!("a barrier over {} operators", other.len()),
        }
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("a barrier is no operator")
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;
    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
    use tempfile::TempDir;

    use super::super::rules::physical_optimizer_rules;

    /// `a` and `b` of a thousand rows, and `c` of ten: all have `id`, `k` and `m`, where `k` of `a` is what `id` of
    /// `b` is backwards.
    async fn tables(folder: &TempDir) {
        let writer = SessionContext::new();
        for (name, rows, key) in
            [("a", 1000, "999 - value"), ("b", 1000, "value"), ("c", 10, "value")]
        {
            let path = folder.path().join(format!("{name}.parquet"));
            let rows = format!(
                "SELECT value AS id, {key} AS k, CASE WHEN value % 3 > 0 THEN value END AS m FROM range(0, {rows})"
            );
            let copy = format!("COPY ({rows}) TO '{}' STORED AS PARQUET", path.display());
            writer.sql(&copy).await.unwrap().collect().await.unwrap();
        }
    }

    async fn count(folder: &TempDir, sql: &str) -> i64 {
        let mut config = SessionConfig::new().with_target_partitions(2);
        let options = config.options_mut();
        options.optimizer.hash_join_single_partition_threshold = 0;
        options.optimizer.hash_join_single_partition_threshold_rows = 0;
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .with_physical_optimizer_rules(physical_optimizer_rules())
            .build();
        let context = SessionContext::new_with_state(state);
        for name in ["a", "b", "c"] {
            let path = folder.path().join(format!("{name}.parquet"));
            let path = path.to_str().unwrap();
            context.register_parquet(name, path, ParquetReadOptions::default()).await.unwrap();
        }
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        batches[0].column(0).as_primitive::<Int64Type>().value(0)
    }

    #[tokio::test]
    async fn a_filter_over_two_columns_of_a_name_stays_one_over_both() {
        let folder = TempDir::new().unwrap();
        tables(&folder).await;
        // Of a thousand, 334 ids and 334 ks are multiples of three, and 999 is one too: the same.
        let sql = "SELECT count(*) FROM a RIGHT JOIN b ON a.k = b.id WHERE a.m + b.m IS NULL AND b.k >= 0";
        assert_eq!(count(&folder, sql).await, 334);
        let sql = "SELECT count(*) FROM a RIGHT JOIN b ON a.k = b.id + 1 WHERE a.m + b.m IS NULL AND b.k >= 0";
        assert_eq!(count(&folder, sql).await, 667);
    }

    #[tokio::test]
    async fn a_join_skips_no_rows_by_another_column_of_the_name() {
        let folder = TempDir::new().unwrap();
        tables(&folder).await;
        let sql = "SELECT count(*) FROM (SELECT a.id AS x, a.m AS y, ab.id FROM a JOIN b AS ab ON a.k = ab.id) t JOIN c ON t.id = c.id";
        assert_eq!(count(&folder, sql).await, 10);
        let sql = "SELECT count(x + y + z) FROM (SELECT a.id AS x, b.id AS y, c.id AS z FROM a JOIN b ON a.k = b.id JOIN c ON b.id = c.id)";
        assert_eq!(count(&folder, sql).await, 10);
    }

    #[tokio::test]
    async fn a_projection_that_is_not_found_again_stays_where_it_is() {
        let folder = TempDir::new().unwrap();
        tables(&folder).await;
        let sql = "SELECT count(c0) FROM (SELECT greatest(b.m, a.k) AS c0, abs(a.id) AS c1, a.m AS c2 FROM a FULL JOIN b ON a.id = b.id WHERE b.m = b.m)";
        assert_eq!(count(&folder, sql).await, 666);
        let sql = "SELECT sum(c0 * 0 + c1 * 0 + 1) FROM (SELECT greatest(b.k, a.m) AS c0, abs(a.m) AS c1, a.k AS c2 FROM a FULL JOIN b ON a.id = b.id WHERE greatest(b.m, b.m) = greatest(b.m, b.m))";
        assert_eq!(count(&folder, sql).await, 666);
    }
}
