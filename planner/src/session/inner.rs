//! Functions that statements become calls of, and that nobody calls by name.
//!
//! A plan carries functions by name, so each must have one, and be found by it on every node. They take what the rewrites
//! give them, and would answer anything else with nonsense or an internal error: a statement that names one is refused
//! (`statement/inner.rs`), and none is listed.

use super::spark::SPARK;

/// Their names, in order.
pub const INNER: &[&str] = &[
    "%",
    "*",
    "+",
    "-",
    "/",
    "again",
    "boundaries_between",
    "cast_by_name",
    "fitting_real",
    "found",
    "group_key",
    "group_key_of_row",
    "in_order",
    "instant_at",
    "instant_from",
    "instant_until",
    "interval_over",
    "interval_span",
    "interval_times",
    "kept",
    "one_nan",
    "one_number",
    "order_key",
    "pattern_by_backslash",
    "units_between",
];

/// Whether a function is one that a list of functions leaves out: one of those, or Spark's, which statements call by
/// other names.
pub fn is_unlisted(name: &str) -> bool {
    INNER.contains(&name) || name.starts_with(SPARK)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::execution::SessionStateBuilder;
    use datafusion::execution::memory_pool::UnboundedMemoryPool;
    use datafusion::logical_expr::ScalarUDF;

    use super::super::{Bounds, ours};
    use super::*;

    #[test]
    fn what_statements_call_by_other_names_is_in_no_list() {
        assert!(is_unlisted("spark:date_add") && is_unlisted("kept") && !is_unlisted("abs"));
    }

    #[test]
    fn what_is_not_the_engines_is_inner() {
        let mut state = SessionStateBuilder::new().with_default_features().build();
        let names = |functions: &std::collections::HashMap<String, Arc<ScalarUDF>>| {
            let mut names: Vec<_> = functions.keys().cloned().collect();
            names.sort();
            names
        };
        let before = names(state.scalar_functions());
        let pool = Arc::new(UnboundedMemoryPool::default());
        ours(&mut state, &Arc::new(Bounds { pool, most: 1 << 20 })).unwrap();
        let mut added = names(state.scalar_functions());
        added.retain(|name| !before.contains(name) && !name.starts_with(SPARK));
        assert_eq!(added, INNER);
    }
}
