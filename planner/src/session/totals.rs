//! A total that a scan knows is put in the place of that total and of no other.
//!
//! Problem: DataFusion 55 answers `count(*)`, `min` and `max` from what the files say. Where it looks for the half of a
//! total that sees the rows it goes on below a half that it cannot take (one with FILTER), to that of a total of which the
//! first is made: `sum(n) FILTER (WHERE n < 9)` over `SELECT count(*) AS n` is `n`. Official way: none. Here: the rule is
//! not asked about plans in which it would.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNode;
use datafusion::config::ConfigOptions;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateInputMode};

use super::rules::Rule;

/// The rule, where each total has its own half below it.
pub(super) fn of_their_own(
    rule: &Rule,
    plan: Arc<dyn ExecutionPlan>,
    config: &ConfigOptions,
) -> Result<Arc<dyn ExecutionPlan>> {
    match plan.exists(|node| Ok(is_mistaken(node)))? {
        true => Ok(plan),
        false => rule.optimize(plan, config),
    }
}

/// Whether the half that the rule would find is not the first below.
fn is_mistaken(node: &Arc<dyn ExecutionPlan>) -> bool {
    let Some(total) = node.downcast_ref::<AggregateExec>() else { return false };
    if total.mode().input_mode() != AggregateInputMode::Partial || !total.group_expr().is_empty() {
        return false;
    }
    let mut totals = halves_below(total);
    // The first may be taken, or not, as it is.
    totals.next().is_some_and(|own| !is_taken(own)) && totals.any(is_taken)
}

/// The halves of totals and groups below, as far as nothing has two inputs.
fn halves_below(total: &AggregateExec) -> impl Iterator<Item = &AggregateExec> {
    let below = std::iter::successors(Some(total.input()), |node| only_input(node));
    below.filter_map(|node| node.downcast_ref::<AggregateExec>())
}

fn only_input(node: &Arc<dyn ExecutionPlan>) -> Option<&Arc<dyn ExecutionPlan>> {
    match node.children().as_slice() {
        [input] => Some(*input),
        _ => None,
    }
}

fn is_taken(half: &AggregateExec) -> bool {
    half.mode().input_mode() == AggregateInputMode::Raw
        && half.group_expr().is_empty()
        && half.filter_expr().iter().all(Option::is_none)
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::execution::SessionStateBuilder;
    use datafusion::prelude::{SessionConfig, SessionContext};

    use super::super::rules::physical_optimizer_rules;

    async fn rows(sql: &str) -> Vec<String> {
        let config = SessionConfig::new().with_target_partitions(2);
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config)
            .with_physical_optimizer_rules(physical_optimizer_rules())
            .build();
        let context = SessionContext::new_with_state(state);
        let t = "CREATE TABLE t AS SELECT value AS k FROM range(30)";
        context.sql(t).await.unwrap().collect().await.unwrap();
        let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
        let table = pretty_format_batches(&batches).unwrap().to_string();
        let rows = table.lines().skip(3).filter(|line| line.starts_with('|'));
        rows.map(|row| {
            row.replace([' ', '|'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect()
    }

    #[tokio::test]
    async fn a_total_of_totals_is_no_total_below_it() {
        let n = "(SELECT count(*) AS n FROM t)";
        for (total, expected) in [
            ("sum(n) FILTER (WHERE n < 9)", ""),
            ("sum(n) FILTER (WHERE n > 9)", "30"),
            ("count(DISTINCT n) FILTER (WHERE n IN (255, 127))", "0"),
            ("count(*) FILTER (WHERE n > 99)", "0"),
            ("count(DISTINCT n) FILTER (WHERE n IN (1, 2)), count(DISTINCT n)", "0 1"),
            ("avg(n + 1) FILTER (WHERE n > 1)", "31.0"),
            ("count(*)", "1"),
        ] {
            assert_eq!(rows(&format!("SELECT {total} FROM {n}")).await, [expected], "{total}");
        }
    }

    #[tokio::test]
    async fn what_is_known_is_not_counted() {
        let plan = rows("EXPLAIN SELECT count(*) FROM t").await.join("\n");
        assert!(plan.contains("PlaceholderRowExec") && !plan.contains("AggregateExec"), "{plan}");
    }
}
