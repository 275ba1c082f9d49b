//! A statement becomes a plan that delivers its own result.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ScalarValue, TableReference};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion_distributed::DistributedConfig;

use crate::catalog::{INFORMATION_SCHEMA, tolerate};
use crate::commit::count_schema;
use crate::deliver::{DeliverExec, DeliverSpec};
use crate::options::{
    Dialect, ExecutionMode, SquadronOptions, check_setting, check_values, dialect, explain_refusal,
};
use crate::session::{Engine, apart, guard_query, keys_are_columns, types_met};
use crate::statement::{Statement, beside_wildcards, calculated, tell_apart};
use crate::wire_schema::Wire;
use crate::{PlannerError, Result, explain};
use turns::{Turn, Turns};

mod alter;
mod change;
mod ddl;
mod described;
mod field_names;
mod given_up;
mod here;
mod keys;
mod local_only;
pub(crate) mod merge;
mod not_in;
mod parameters;
mod placement;
mod recursive;
mod request;
mod reset;
pub(crate) mod routing;
mod shown;
mod spark_names;
mod spark_sets;
pub(crate) mod spread;
mod substrait;
#[cfg(test)]
mod tests;
mod turns;
mod used;
pub(crate) mod whole;

use change::Work;
pub use change::{IfAbsent, IfThere, Incoming, Ingest};
pub use here::Principal;
pub use parameters::Parameters;
pub use placement::{Placement, Shape};
pub use request::{Form, PlanRequest, Planned, Prepared, QueryPlan};
pub use routing::{TaskRoute, TaskRoutes, WorkerAddr, Workers};
pub use substrait::SUBSTRAIT_VERSION;

/// Plans statements for one node.
pub struct Planner {
    engine: Arc<Engine>,
    turns: Turns,
}

impl Planner {
    /// A planner over `engine`.
    pub fn new(engine: Arc<Engine>) -> Self {
        Self { engine, turns: Turns::new() }
    }

    /// The engine underneath.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    /// Plans one SQL statement in a session of these settings.
    ///
    /// # Errors
    /// `Syntax`, `Invalid`, `NotFound`, `Unsupported` for the statement's own faults; `BadData`
    /// when a file that had to be looked at cannot be read.
    pub async fn plan(
        &self,
        sql: &str,
        config: &SessionConfig,
        request: &PlanRequest,
    ) -> Result<Planned> {
        if let Some(plan) = self.plan_form(config, request).await? {
            return Ok(Planned::Query(Box::new(plan)));
        }
        let Turn { statement, right: _right } =
            self.turns.parse(sql, dialect(config.options())).await?;
        match statement {
            Statement::Query(query) => {
                let plan = self.plan_query(query, config, request).await?;
                Ok(Planned::Query(Box::new(plan)))
            }
            Statement::Explain(statement) => {
                let plan = explain::plan(self, statement, config, request).await?;
                Ok(Planned::Query(Box::new(plan)))
            }
            Statement::Session(statement) => Ok(Planned::Session(Box::new(statement))),
            Statement::Ddl(ddl) => Ok(Planned::Ddl(Box::new(ddl))),
            Statement::Change(change) => {
                let plan = self.plan_change(Work::Statement(change), config, request).await?;
                Ok(Planned::Query(Box::new(plan)))
            }
        }
    }

    /// The wire schema of what a statement gives, without running it.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub async fn schema(
        &self,
        sql: &str,
        config: &SessionConfig,
        request: &PlanRequest,
    ) -> Result<SchemaRef> {
        if let Some(plan) = self.plan_form(config, request).await? {
            return Ok(plan.schema);
        }
        let Turn { statement, right: _right } =
            self.turns.parse(sql, dialect(config.options())).await?;
        match statement {
            Statement::Query(query) => Ok(self.plan_query(query, config, request).await?.schema),
            Statement::Explain(_) => Ok(explain::schema()),
            Statement::Session(_) | Statement::Ddl(_) => Ok(Arc::new(Schema::empty())),
            Statement::Change(_) => Ok(count_schema()),
        }
    }

    /// What a statement gives, and the parameters that it has, before any are bound.
    ///
    /// # Errors
    /// As [`Planner::plan`].
    pub async fn prepare(
        &self,
        sql: &str,
        config: &SessionConfig,
        request: &PlanRequest,
    ) -> Result<Prepared> {
        if let Some(plan) = self.plan_form(config, request).await? {
            let (schema, is_update) = (plan.schema, plan.is_update);
            return Ok(Prepared { schema, parameters: Parameters::none(), is_update });
        }
        let Turn { statement, right } = self.turns.parse(sql, dialect(config.options())).await?;
        let query = match statement {
            Statement::Query(query) => query,
            Statement::Explain(statement) => explain::explained_query(*statement.statement)?,
            Statement::Session(_) | Statement::Ddl(_) => {
                return Ok(Prepared {
                    schema: Arc::new(Schema::empty()),
                    parameters: Parameters::none(),
                    is_update: true,
                });
            }
            Statement::Change(change) => {
                let parameters = self.parameters_of(*change, config, request).await?;
                return Ok(Prepared { schema: count_schema(), parameters, is_update: true });
            }
        };
        self.look_up(&query, config).await?;
        let mut state = self.query_state(config, request)?;
        let parameters = Parameters::of(&logical(&mut state, query).await?)?;
        // What comes next takes its own turn.
        drop(right);
        let with =
            |values: Vec<ScalarValue>| PlanRequest { parameters: values.into(), ..request.clone() };
        let schema = match self.schema(sql, config, &with(parameters.nulls()?)).await {
            Ok(schema) => schema,
            Err(error) => {
                let untyped = with(parameters.untyped_nulls()?);
                self.schema(sql, config, &untyped).await.map_err(|_| error)?
            }
        };
        Ok(Prepared { schema, parameters, is_update: false })
    }

    pub(crate) async fn plan_query(
        &self,
        query: DfStatement,
        config: &SessionConfig,
        request: &PlanRequest,
    ) -> Result<QueryPlan> {
        self.look_up(&query, config).await?;
        let config = for_query(config, request);
        let mut state = query_state(&self.engine, config.clone(), &request.workers)?;
        let logical = logical(&mut state, query).await?;
        let logical = bound(logical, &request.parameters)?;
        self.plan_logical(&logical, state, config, request).await
    }

    async fn plan_logical(
        &self,
        logical: &LogicalPlan,
        state: SessionState,
        config: SessionConfig,
        request: &PlanRequest,
    ) -> Result<QueryPlan> {
        let (plan, state) = physical(&self.engine, logical, state, config).await?;
        Ok(QueryPlan { tables: tables(logical)?, ..finish(plan, &state, request, &self.engine)? })
    }

    /// The plan of what is not asked for as text.
    async fn plan_form(
        &self,
        config: &SessionConfig,
        request: &PlanRequest,
    ) -> Result<Option<QueryPlan>> {
        match &request.form {
            Form::Sql => Ok(None),
            Form::Ingest(ingest) => {
                let work = Work::Ingest(Arc::clone(ingest));
                self.plan_change(work, config, request).await.map(Some)
            }
            Form::Substrait(plan) => {
                if let Some(store) = self.engine.named().store() {
                    store.refresh().await.map_err(|error| PlannerError::from(&error))?;
                }
                let config = for_query(config, request);
                let state = query_state(&self.engine, config.clone(), &request.workers)?;
                let logical = apart(substrait::query_of(plan, &state).await?)?;
                self.plan_logical(&logical, state, config, request).await.map(Some)
            }
        }
    }

    /// Reads what others have made or dropped, if a statement names anything that somebody could have.
    async fn look_up(&self, query: &DfStatement, config: &SessionConfig) -> Result<()> {
        let named = self.engine.named();
        let Some(store) = named.store() else { return Ok(()) };
        let tables = self.engine.session(config.clone()).resolve_table_references(query)?;
        let default = &config.options().catalog.default_schema;
        let of_files = |table: &TableReference| {
            named.is_of_files(table.schema().unwrap_or(default), table.table())
        };
        if !tables.iter().all(of_files) {
            store.refresh().await.map_err(|error| PlannerError::from(&error))?;
        }
        Ok(())
    }

    /// The session that one query is planned in.
    pub(crate) fn query_state(
        &self,
        config: &SessionConfig,
        request: &PlanRequest,
    ) -> Result<SessionState> {
        query_state(&self.engine, for_query(config, request), &request.workers)
    }

    /// Runs SET or RESET on a copy of a session's settings; gives the new ones.
    ///
    /// # Errors
    /// `Invalid` for an unknown setting or value.
    pub async fn change(
        &self,
        statement: DfStatement,
        config: &SessionConfig,
    ) -> Result<SessionConfig> {
        refuse_node_settings(&statement)?;
        if used::names_a_place(&statement)
            && let Some(store) = self.engine.named().store()
        {
            store.refresh().await.map_err(|error| PlannerError::from(&error))?;
        }
        if let Some(changed) = used::changed(&statement, config, &self.engine)? {
            return Ok(changed);
        }
        let names_a_place = used::names_a_place(&statement);
        if let Some(changed) = reset::reset(&statement, config, &self.engine.session_config())? {
            return Ok(changed);
        }
        let context = SessionContext::new_with_state(self.engine.local_state(config.clone()));
        let plan = context.state().statement_to_plan(statement).await?;
        let changed = context.execute_logical_plan(plan).await;
        changed.map_err(|error| PlannerError::Invalid(explain_refusal(&error)))?;
        let changed = context.copied_config();
        check_values(changed.options())?;
        if names_a_place {
            used::check_place(&changed, config, &self.engine)?;
        }
        Ok(changed)
    }
}

/// The session of a plan for these workers. `config` has what the plan is made from.
fn query_state(
    engine: &Engine,
    mut config: SessionConfig,
    workers: &Workers,
) -> Result<SessionState> {
    no_more_tasks_than_workers(config.options_mut(), workers.len())?;
    let partitions = config.target_partitions().min(engine.most_partitions());
    config = config.with_target_partitions(partitions);
    match execution_mode(config.options())? {
        _ if workers.is_empty() => Ok(engine.local_state(config)),
        ExecutionMode::Local => Ok(engine.local_state(config)),
        ExecutionMode::Auto => engine.distributed_state(config),
        ExecutionMode::Distributed => {
            every_byte_counts(config.options_mut())?;
            engine.distributed_state(config)
        }
    }
}

/// What a statement asks for with the values of its parameters.
fn bound(logical: LogicalPlan, values: &[ScalarValue]) -> Result<LogicalPlan> {
    Ok(types_met(parameters::bind(logical, values)?)?)
}

/// What carries it out, planned in `state`, or where that cannot be in the session that is given with it. `config` is the
/// one that `state` was made of.
async fn physical(
    engine: &Engine,
    logical: &LogicalPlan,
    mut state: SessionState,
    config: SessionConfig,
) -> Result<(Arc<dyn ExecutionPlan>, SessionState)> {
    not_in::refuse_hidden_nulls(logical)?;
    recursive::every_turn_reads_all(logical, &mut state)?;
    recursive::refuse_cuts(logical)?;
    let optimized = state.optimize(logical)?;
    if !local_only::is_needed(logical, &optimized)? {
        let made = given_up::physical_plan(&optimized, &mut state).await?;
        if !local_only::is_needed_by(&made)? {
            return Ok((made, state));
        }
    }
    // Not the distributed session's settings, which lack what is needed here.
    let mut state = engine.local_state(config);
    recursive::every_turn_reads_all(logical, &mut state)?;
    let optimized = state.optimize(logical)?;
    let made = given_up::physical_plan(&optimized, &mut state).await?;
    Ok((made, state))
}

/// A session's settings with what one query's plan is made from.
fn for_query(config: &SessionConfig, request: &PlanRequest) -> SessionConfig {
    let mut config = config.clone();
    config.set_extension(Arc::new(deliver_spec(request)));
    routing::set_workers(&mut config, &request.workers);
    config
}

/// The tables that a plan reads, each once.
fn tables(plan: &LogicalPlan) -> Result<Arc<[String]>> {
    let mut tables = BTreeSet::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            tables.insert(scan.table_name.table().to_owned());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(tables.into_iter().collect())
}

fn deliver_spec(request: &PlanRequest) -> DeliverSpec {
    DeliverSpec {
        query: request.query,
        attempt: request.attempt,
        targets: Arc::clone(&request.peers),
        frame_bytes: request.frame_bytes,
        counted_only: false,
    }
}

/// Completes a physical plan whose root delivers: where its parts come from decides who gets them.
pub(crate) fn finish(
    plan: Arc<dyn ExecutionPlan>,
    state: &SessionState,
    request: &PlanRequest,
    engine: &Engine,
) -> Result<QueryPlan> {
    let shape = placement::shape(&plan)?;
    let peers = match shape.placement {
        Placement::Workers => Arc::clone(&request.peers),
        Placement::Coordinator => request.peers.iter().take(1).cloned().collect(),
    };
    let schema = placement::delivered_schema(&plan)?;
    let targets = Arc::clone(&peers);
    let plan =
        placement::respecify(plan, |spec| DeliverSpec { targets: Arc::clone(&targets), ..spec })?;
    let context = engine.task_context(state, request.query);
    let plan = guard_query(plan, &context.runtime_env())?;
    let routes = routing::routes(context.session_config());
    let (tables, is_update) = ([].into(), false);
    Ok(QueryPlan { schema, plan, context, shape, tables, peers, routes, is_update })
}

/// A plan over one ready batch, delivered by this node: EXPLAIN's text.
pub(crate) fn deliver_here(
    input: Arc<dyn ExecutionPlan>,
    state: &SessionState,
    request: &PlanRequest,
    engine: &Engine,
) -> Result<QueryPlan> {
    let schema = Wire::of(state.config().options()).schema(&input.schema());
    let deliver = DeliverExec::new(input, deliver_spec(request), schema);
    finish(Arc::new(deliver), state, request, engine)
}

/// What a statement asks for, with parameters where it has them: of their types nothing is known yet.
pub(crate) async fn logical(
    state: &mut SessionState,
    mut query: DfStatement,
) -> Result<LogicalPlan> {
    if let Some(shown) = described::shown(state, &query).await? {
        return Ok(shown);
    }
    if asks_for_information(state, &query)? {
        tolerate(state);
    }
    let here = here::here(state.config());
    here.write_out(&mut query);
    tell_apart(&mut query, &here.schema)?;
    let mut plan = state.statement_to_plan(query.clone()).await;
    // What is said of the statement as it was sent is what its author understands.
    if plan.is_err() {
        let others = [here.write_out_names(&query), beside_wildcards(&query), calculated(&query)];
        for other in others.into_iter().flatten() {
            if plan.is_err() {
                plan = state.statement_to_plan(other).await.or(plan);
            }
        }
    }
    let is_spark = dialect(state.config().options()) == Dialect::Spark;
    if is_spark && plan.is_err() {
        plan = spark_names::written_out(state, query, plan).await;
    }
    let plan = described::in_sql(plan?, Wire::of(state.config().options()))?;
    if is_spark {
        spark_sets::refuse_mixed(&plan)?;
    }
    Ok(field_names::called_as_fields(apart(keys_are_columns(plan)?)?)?)
}

/// Whether a statement looks at `information_schema`.
fn asks_for_information(state: &SessionState, query: &DfStatement) -> Result<bool> {
    let default = &state.config().options().catalog.default_schema;
    let tables = state.resolve_table_references(query)?;
    let mut schemas = tables.iter().map(|table| table.schema().unwrap_or(default));
    Ok(schemas.any(|schema| schema.eq_ignore_ascii_case(INFORMATION_SCHEMA)))
}

fn execution_mode(options: &ConfigOptions) -> Result<ExecutionMode> {
    let squadron = options.extensions.get::<SquadronOptions>();
    squadron
        .map(|options| options.execution_mode)
        .ok_or_else(|| PlannerError::Internal("a session without squadron options".into()))
}

/// Makes the distributed planner want as many tasks as there are workers.
fn every_byte_counts(options: &mut ConfigOptions) -> Result<()> {
    DistributedConfig::from_config_options_mut(options)?.file_scan_config_bytes_per_partition = 1;
    Ok(())
}

/// A session's limit of tasks in a stage may be any number: more of them than there are workers would gain
/// nothing, and planning takes time and memory by the square of it that nothing could end.
fn no_more_tasks_than_workers(options: &mut ConfigOptions, workers: usize) -> Result<()> {
    let distributed = DistributedConfig::from_config_options_mut(options)?;
    distributed.max_tasks_per_stage = distributed.max_tasks_per_stage.min(workers);
    Ok(())
}

/// The settings that a statement names must be a session's to change.
fn refuse_node_settings(statement: &DfStatement) -> Result<()> {
    let text = statement.to_string().to_lowercase();
    let names = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'));
    names.into_iter().try_for_each(check_setting)
}
