//! EXPLAIN and EXPLAIN ANALYZE: the distributed plan as text.
//!
//! DataFusion's own EXPLAIN shows the plan before it is cut into stages. Ours plans exactly what
//! the statement would run, delivery included, and ANALYZE runs it with a sink that counts and
//! keeps nothing.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::format::ExplainFormat;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::{ExplainStatement, Statement as DfStatement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion_distributed::{DistributedExt, display_plan_ascii};

use crate::plan::{PlanRequest, Planner, QueryPlan, deliver_here, logical};
use crate::{PlannerError, Result};

mod analyze;

use analyze::AnalyzeExec;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new("plan_type", DataType::Utf8, true),
        Field::new("plan", DataType::Utf8, true),
    ]))
});

/// The schema of an explanation: `plan_type`, `plan`, as DataFusion's.
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Plans an EXPLAIN as a query of its own, answered by this node.
pub(crate) async fn plan(
    planner: &Planner,
    explain: ExplainStatement,
    config: &SessionConfig,
    request: &PlanRequest,
) -> Result<QueryPlan> {
    refuse_options(&explain)?;
    let query = explained_query(*explain.statement)?;
    match explain.options.analyze {
        true => analyzed(planner, query, config, request, explain.options.verbose).await,
        false => explained(planner, query, config, request).await,
    }
}

/// What would be passed over.
fn refuse_options(explain: &ExplainStatement) -> Result<()> {
    let options = &explain.options;
    let others = options.analyze_level.is_some()
        || options.analyze_categories.is_some()
        || options.show_statistics.is_some();
    let is_plain = options.format.as_ref().is_none_or(|format| *format == ExplainFormat::Indent);
    match (options.verbose && !options.analyze, is_plain, others) {
        (false, true, false) => Ok(()),
        (true, ..) => {
            Err(refused("EXPLAIN VERBOSE", "leave out VERBOSE, or write EXPLAIN ANALYZE VERBOSE"))
        }
        (_, false, _) => Err(refused("a FORMAT of EXPLAIN but INDENT", "leave out FORMAT")),
        _ => Err(refused("LEVEL, CATEGORIES or STATISTICS of EXPLAIN", "leave them out")),
    }
}

fn refused(what: &str, instead: &str) -> PlannerError {
    PlannerError::Unsupported(format!("{what} is not supported by this version: {instead}"))
}

pub(crate) fn explained_query(statement: DfStatement) -> Result<DfStatement> {
    match &statement {
        DfStatement::Statement(sql) if matches!(sql.as_ref(), SqlStatement::Query(_)) => {
            Ok(statement)
        }
        _ => Err(PlannerError::Unsupported("EXPLAIN takes a query".into())),
    }
}

async fn explained(
    planner: &Planner,
    query: DfStatement,
    config: &SessionConfig,
    request: &PlanRequest,
) -> Result<QueryPlan> {
    let mut state = planner.query_state(config, request)?;
    let logical = logical(&mut state, query.clone()).await?;
    let logical = state.optimize(&logical)?.display_indent().to_string();
    let plan = planner.plan_query(query, config, request).await?;
    let physical = display_plan_ascii(plan.plan.as_ref(), false);
    let batch = rows(&[("logical_plan", logical), ("physical_plan", physical)])?;
    let source = MemorySourceConfig::try_new_exec(&[vec![batch]], schema(), None)?;
    deliver_here(source, &state, request, planner.engine())
}

async fn analyzed(
    planner: &Planner,
    query: DfStatement,
    config: &SessionConfig,
    request: &PlanRequest,
    verbose: bool,
) -> Result<QueryPlan> {
    let mut config = config.clone();
    config.set_distributed_metrics_collection(true)?;
    let state = planner.query_state(&config, request)?;
    let counted = PlanRequest { query: uuid::Uuid::now_v7(), ..request.clone() };
    let plan = planner.plan_query(query, &config, &counted).await?;
    let analyze = AnalyzeExec::new(plan, verbose)?;
    deliver_here(Arc::new(analyze), &state, request, planner.engine())
}

fn rows(rows: &[(&str, String)]) -> Result<RecordBatch> {
    let kinds = StringArray::from_iter_values(rows.iter().map(|(kind, _)| kind));
    let plans = StringArray::from_iter_values(rows.iter().map(|(_, plan)| plan));
    Ok(RecordBatch::try_new(schema(), vec![Arc::new(kinds), Arc::new(plans)])?)
}
