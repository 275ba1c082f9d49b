//! The rules that improve physical plans: DataFusion's, in their order, some of them led around what they get wrong.

use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;

use super::cut::CutAfterwards;
use super::{names, requirements, totals};

pub(super) type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// What is done with a plan in a rule's place.
type Lead = fn(&Rule, Arc<dyn ExecutionPlan>, &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>>;

/// All of them, for a session.
pub(super) fn physical_optimizer_rules() -> Vec<Rule> {
    let rules = PhysicalOptimizer::new().rules.into_iter().map(led);
    rules.chain([Arc::new(CutAfterwards) as Rule]).collect()
}

fn led(rule: Rule) -> Rule {
    let lead: Lead = match rule.name() {
        name if name.starts_with("FilterPushdown") => names::guarded,
        "ProjectionPushdown" => names::dispensable,
        "EnsureRequirements" => requirements::told,
        "aggregate_statistics" => totals::of_their_own,
        _ => return rule,
    };
    Arc::new(Led { rule, lead })
}

/// A rule under its own name.
struct Led {
    rule: Rule,
    lead: Lead,
}

impl fmt::Debug for Led {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rule.fmt(f)
    }
}

impl PhysicalOptimizerRule for Led {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn schema_check(&self) -> bool {
        self.rule.schema_check()
    }

    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        (self.lead)(&self.rule, plan, config)
    }
}
