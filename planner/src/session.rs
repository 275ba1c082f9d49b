//! The one builder for coordinator and worker sessions.
//!
//! A worker must decode whatever a coordinator plans: the same functions, codecs, settings and
//! object stores. Both kinds of session therefore come from one [`Engine`], and a test plans on one
//! and runs on the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use datafusion::catalog::{CatalogProviderList, MemoryCatalogProviderList};
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder, TaskContext};
use datafusion::prelude::SessionConfig;
use datafusion_distributed::{
    ChannelResolver, DistributedConfig, DistributedExt, SessionStateBuilderExt, Worker,
};
use url::Url;
use uuid::Uuid;

use crate::catalog::{
    CatalogError, CatalogStore, DataLocation, DetailedScanCodec, FilesCatalog, Named,
    register_object_store,
};
use crate::deliver::{DeliverCodec, DeliverPlanner, ResultSink, SinkHandle};
use crate::options::SquadronOptions;
use crate::plan::merge::{MergeInTasks, TaskMergeCodec};
use crate::plan::routing::route_tasks;
use crate::plan::spread::spread_files;
use crate::plan::whole::keep_whole;
use crate::write::WriteCodec;
use crate::{PlannerError, Result};

mod account;
mod apart;
mod as_before;
mod between;
mod bounded;
mod carry;
mod clocks;
mod compact;
mod conditions;
mod cut;
mod escaped;
mod exact;
mod far;
#[cfg(test)]
mod fuzz;
mod guard;
mod inner;
mod keys;
mod laterals;
mod meeting;
mod membership;
mod names;
mod pace;
mod pushed;
mod requirements;
mod rules;
mod scalars;
mod sets;
mod share;
pub(crate) mod spark;
mod spill;
mod stamped;
mod stand_in;
mod tidy;
mod times;
mod totals;
mod twins;
mod types;
mod unchanged;
mod worker;
mod zones;

use bounded::Bounds;
use share::Shares;
use spill::Spill;
use worker::{LiveTasks, WorkerSessions};

pub(crate) use guard::guard_query;
pub(crate) use inner::INNER;
pub use inner::is_unlisted;
pub(crate) use meeting::types_met;
pub(crate) use sets::keys_are_columns;
pub use share::{ShareLimits, Spare};
pub(crate) use spill::NAMES as SPILL_NAMES;
pub use spill::SpillRoot;
pub use tidy::hand_over;
pub(crate) use twins::apart;

pub use crate::catalog::{CATALOG_NAME as CATALOG, SCHEMA_NAME as SCHEMA};

/// Opens channels to other workers.
pub type Channels = Arc<dyn ChannelResolver + Send + Sync>;

/// Partitions that a session may ask for where its node has fewer: they gain nothing beyond the cores. What the
/// shuffles of a plan take before the first row is in no operator's account and grows with their square:
/// three joins of seven tables took 2.4 GB with 256 of them on nodes of 512 MiB, and 0.7 GB with 64.
const SESSION_PARTITIONS: usize = 64;

/// What an engine is made of.
pub struct EngineConfig {
    /// Where tables are found.
    pub data: Vec<DataLocation>,
    /// Where what SQL makes is kept, its catalog first of all. `None`: nothing can be made.
    pub warehouse: Option<DataLocation>,
    /// Where else SQL may name files, beside these.
    pub locations: Vec<DataLocation>,
    /// Partitions of a plan per node.
    pub target_partitions: usize,
    /// A scan is worth one more partition, on one more node once this one's are used up, for every so
    /// many bytes of its files.
    pub scan_bytes_per_partition: usize,
    /// The pool that all operators of the node share.
    pub memory_pool: Arc<dyn MemoryPool>,
    /// What of it others have, and give to operators that ask for it.
    pub spare_memory: Spare,
    /// How much of it one query may have.
    pub query_memory: ShareLimits,
    /// Where operators spill. `None`: the system's temporary folder.
    pub spill_root: Option<SpillRoot>,
    /// Most bytes that operators may spill.
    pub spill_limit: u64,
    /// Where results go.
    pub sink: Arc<dyn ResultSink>,
    /// How this node reaches other workers.
    pub channels: Channels,
    /// The name of this node, for errors of its memory and its disk.
    pub node: String,
    /// This node as a worker: its URL. `None` where it runs no tasks.
    pub worker_url: Option<Url>,
    /// Sent to coordinators that ask this worker what it is.
    pub version: String,
}

/// DataFusion set up for one node: the runtime that its queries share, and the sessions they get.
pub struct Engine {
    runtime: Arc<RuntimeEnv>,
    spill: Spill,
    shares: Arc<Shares>,
    named: Named,
    allowed: Vec<DataLocation>,
    /// How many of those may be written to: the first ones, without what is there to be read.
    writable: usize,
    local: SessionState,
    distributed: SessionState,
    worker: Worker,
    tasks: LiveTasks,
    worker_url: Option<Url>,
}

impl Engine {
    /// Sets up an engine over the files of `config.data`.
    ///
    /// # Errors
    /// When the spill folder cannot be used, or a data location cannot be listed.
    pub async fn open(mut config: EngineConfig) -> Result<Self> {
        let spill = Spill::open(config.spill_root.take(), config.spill_limit)?;
        let runtime = runtime(&config, &spill)?;
        let (named, allowed, writable) = names(&mut config, &runtime).await?;
        let base = base_config(&config);
        let builder = || {
            SessionStateBuilder::new()
                .with_default_features()
                .with_runtime_env(Arc::clone(&runtime))
                .with_config(base.clone())
                .with_query_planner(Arc::new(DeliverPlanner))
                .with_type_planner(Arc::new(types::Types))
                .with_optimizer_rules(pushed::optimizer_rules())
                .with_physical_optimizer_rules(rules::physical_optimizer_rules())
        };
        let mut local = builder().build();
        let mut distributed = builder().with_distributed_planner().build();
        let (pool, most) = (Arc::clone(&config.memory_pool), config.query_memory.most);
        let bounds = Arc::new(Bounds { pool, most });
        for state in [&mut local, &mut distributed] {
            ours(state, &bounds)?;
        }
        named.plan_views_in(local.clone());
        let sink = Arc::new(SinkHandle(Arc::clone(&config.sink)));
        let tasks = LiveTasks::default();
        let (limits, spare) = (config.query_memory, Arc::clone(&config.spare_memory));
        let shares = Arc::new(Shares::new(Arc::clone(&runtime), limits, spare, &config.node));
        let sessions = WorkerSessions {
            template: local.clone(),
            functions: local.task_ctx(),
            channels: Arc::clone(&config.channels),
            sink,
            live: tasks.clone(),
            shares: Arc::clone(&shares),
        };
        let worker = Worker::from_session_builder(sessions)
            .with_runtime_env(Arc::clone(&runtime))
            .with_version(config.version);
        let worker_url = config.worker_url;
        Ok(Self {
            runtime,
            spill,
            shares,
            named,
            allowed,
            writable,
            local,
            distributed,
            worker,
            tasks,
            worker_url,
        })
    }

    /// The runtime (memory pool, disk manager, object stores, caches) of this node.
    pub fn runtime(&self) -> &Arc<RuntimeEnv> {
        &self.runtime
    }

    /// What the plan of a query runs in on this node: a session's settings, the query's share of memory.
    pub(crate) fn task_context(&self, state: &SessionState, query: Uuid) -> Arc<TaskContext> {
        Arc::new(TaskContext::from(state).with_runtime(self.shares.of(query)))
    }

    /// Bytes that operators have on disk now.
    pub fn spilled(&self) -> u64 {
        self.spill.used()
    }

    /// Where operators spill to, once there is such a place.
    pub fn spill_folder(&self) -> Option<PathBuf> {
        self.spill.folder()
    }

    /// The worker of this node: mount its service on the internal port and nowhere else, it runs
    /// any plan it is given.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// Tasks of distributed queries that this node has not let go of.
    pub fn tasks(&self) -> usize {
        self.tasks.count()
    }

    /// Ends the query that has most of this node's memory, of those that began before `began`, with
    /// `Exhausted`; gives its id. Where the process has more `untold` bytes than any of them tells of, it is the
    /// oldest. `None` where none is left to end.
    pub fn end_largest(&self, began: Instant, untold: usize) -> Option<Uuid> {
        self.shares.end_largest(began, untold)
    }

    /// Whether something of a query is still there on this node: a task, a plan, what an operator holds.
    pub fn has(&self, query: Uuid) -> bool {
        self.shares.has(query)
    }

    /// The settings that a new session starts with. They carry the distributed planner's handlers,
    /// which it adds to the configuration it is built with and to no other.
    pub fn session_config(&self) -> SessionConfig {
        let mut config = self.distributed.config().clone();
        let optimizer = &self.local.config().options().optimizer;
        let physical_subqueries = optimizer.enable_physical_uncorrelated_scalar_subquery;
        let options = config.options_mut();
        options.optimizer.enable_physical_uncorrelated_scalar_subquery = physical_subqueries;
        config
    }

    /// Partitions that a session may have its plans made for: as many as the node's own, or
    /// [`SESSION_PARTITIONS`] where that is more.
    pub(crate) fn most_partitions(&self) -> usize {
        self.local.config().target_partitions().max(SESSION_PARTITIONS)
    }

    /// The tables found in files.
    pub fn files(&self) -> &FilesCatalog {
        self.named.files()
    }

    /// All that has a name.
    pub fn named(&self) -> &Named {
        &self.named
    }

    /// A location that SQL names, if it may: one within what this node was started with.
    ///
    /// # Errors
    /// `Denied` for any other, `Invalid` for none at all.
    pub(crate) fn allowed(&self, location: &str) -> Result<String> {
        // Before anything is looked for: nobody is told what there is where nothing may be read.
        self.within(location, DataLocation::unseen(location))?;
        self.within(location, location.parse()).map(|asked| asked.absolute())
    }

    /// The same for a place to write to, which need not be there yet.
    ///
    /// # Errors
    /// As [`Engine::allowed`].
    pub(crate) fn allowed_to_write(&self, location: &str) -> Result<DataLocation> {
        self.within(location, DataLocation::unseen(location))?;
        let asked = self.within(location, DataLocation::warehouse(location))?;
        match self.may_write(&asked) {
            true => Ok(asked),
            false => Err(PlannerError::Denied(format!(
                "location '{location}' is within --data, which is read: write within --warehouse or --allow-location"
            ))),
        }
    }

    /// Whether a place may be written to: what is in `--data` alone is there to be read.
    pub(crate) fn may_write(&self, place: &DataLocation) -> bool {
        self.allowed[..self.writable].iter().any(|allowed| place.is_within(allowed))
    }

    fn within(
        &self,
        location: &str,
        asked: Result<DataLocation, CatalogError>,
    ) -> Result<DataLocation> {
        let asked = asked.map_err(|error| PlannerError::Invalid(error.to_string()))?;
        match self.allowed.iter().any(|allowed| asked.is_within(allowed)) {
            true => Ok(asked),
            false => Err(PlannerError::Denied(format!(
                "location '{location}' is not within --data, --warehouse or --allow-location of this node: whoever \
                 can query could read and write whatever the node can"
            ))),
        }
    }

    /// Looks for tables that came or went, before a listing of them is shown. When it fails, what
    /// was known before is shown.
    pub async fn refresh_tables(&self) {
        if let Err(error) = self.named.files().refresh().await {
            tracing::warn!(%error, "the data locations could not be listed");
        }
        self.refresh_catalog().await;
    }

    /// Looks for what others have made by SQL, before it is shown. When it fails, what was known before is shown.
    pub async fn refresh_catalog(&self) {
        if let Some(store) = self.named.store()
            && let Err(error) = store.refresh().await
        {
            tracing::warn!(%error, "the catalog could not be read");
        }
    }

    /// A session of these settings on this node alone: its catalogs and functions.
    pub fn session(&self, config: SessionConfig) -> SessionState {
        self.started(&self.local, config)
    }

    /// A session that plans for this node alone.
    pub(crate) fn local_state(&self, config: SessionConfig) -> SessionState {
        self.started(&self.local, config)
    }

    /// A session that plans for the cluster. The distributed planner's own settings and handlers
    /// are added to `config`.
    pub(crate) fn distributed_state(&self, config: SessionConfig) -> Result<SessionState> {
        let mut state = self.started(&self.distributed, config);
        let carried = carry::headers(state.config());
        let worker_url = self.worker_url.clone();
        let config = state.config_mut();
        config.set_extension(Arc::new(MergeInTasks));
        config.options_mut().optimizer.enable_physical_uncorrelated_scalar_subquery = false;
        config.set_distributed_passthrough_headers(carried)?;
        if let Some(url) = worker_url {
            config.set_distributed_local_worker_context(self.worker.to_local_worker_context(url));
        }
        Ok(state)
    }

    /// A copy of a prepared state for one statement: `now()` is the same in all of it, and tables
    /// have the types that its settings ask for.
    fn started(&self, template: &SessionState, config: SessionConfig) -> SessionState {
        let mut state = template.clone();
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), self.named.for_session(&config));
        state.register_catalog_list(Arc::new(catalogs));
        *state.config_mut() = config;
        state.mark_start_execution();
        zones::in_its_zone(&mut state);
        state
    }
}

/// Has a session answer as SQL does: what is ours beside, around and in the place of the engine's functions and rules.
fn ours(state: &mut SessionState, bounds: &Arc<Bounds>) -> Result<()> {
    laterals::laterals(state);
    spark::spark(state)?;
    bounded::bound(state, bounds)?;
    // Before casts are kept as they are.
    zones::in_zones(state)?;
    exact::exact(state)?;
    sets::opaque_grouping_sets(state)?;
    membership::nulls_of_in(state);
    scalars::named_scalars(state);
    keys::keys_once(state);
    conditions::plain_conditions(state);
    times::times(state)?;
    far::far(state)?;
    stamped::stamped(state)?;
    between::between(state)?;
    escaped::escaped(state)?;
    twins::twins(state)?;
    Ok(())
}

/// What has a name, and the locations within which SQL may name more.
async fn names(
    config: &mut EngineConfig,
    runtime: &Arc<RuntimeEnv>,
) -> Result<(Named, Vec<DataLocation>, usize)> {
    let data = std::mem::take(&mut config.data);
    let warehouse = config.warehouse.take();
    let mut allowed = std::mem::take(&mut config.locations);
    for location in &allowed {
        // Workers are given plans that name it.
        register_object_store(runtime, location).map_err(|error| PlannerError::from(&error))?;
    }
    allowed.extend(warehouse.iter().cloned());
    let writable = allowed.len();
    allowed.extend(data.iter().cloned());
    let files = FilesCatalog::open(data, Arc::clone(runtime)).await;
    let files = files.map_err(|error| PlannerError::from(&error))?;
    let store = match &warehouse {
        Some(warehouse) => {
            let store = CatalogStore::open(warehouse, runtime).await;
            Some(Arc::new(store.map_err(|error| PlannerError::from(&error))?))
        }
        None => None,
    };
    Ok((Named::new(files, store), allowed, writable))
}

fn runtime(config: &EngineConfig, spill: &Spill) -> Result<Arc<RuntimeEnv>> {
    // The limit is kept by what makes the files. The manager is told of it for those who ask it.
    let disk = DiskManagerBuilder::default()
        .with_mode(spill.mode())
        .with_max_temp_directory_size(config.spill_limit);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::clone(&config.memory_pool))
        .with_disk_manager_builder(disk)
        // Listings are never kept: a file that was added is seen by the next query.
        .with_object_list_cache_limit(0)
        .build_arc()
        .map_err(PlannerError::from)
}

fn base_config(config: &EngineConfig) -> SessionConfig {
    let mut distributed = DistributedConfig::default();
    distributed.file_scan_config_bytes_per_partition = config.scan_bytes_per_partition;
    // Nodes of one cluster are near each other: compressing costs more than the bytes (design, 10).
    distributed.compression = "none".into();
    // EXPLAIN ANALYZE turns it on: encoding every operator's metrics costs a small query more than
    // its operators do.
    distributed.collect_metrics = false;
    // What waits on a connection cannot spill, and is counted whether it is to be had or not: with the engine's own 64 MiB
    // for each, those of a small node would leave nothing to a merge. A node that merges what several others have
    // sorted has one for each of them, and may have some in each partition.
    distributed.worker_connection_buffer_budget_bytes =
        (config.query_memory.most / 64).clamp(2 << 20, 64 << 20);
    let mut base = SessionConfig::new();
    // A CSV file that is cut at a line break within quotes is read wrongly without an error: files are
    // read whole unless a session says that theirs have none.
    base.options_mut().catalog.newlines_in_values = true;
    // What `now()` and TIMESTAMPTZ give is an instant: without a zone AT TIME ZONE would take it for a time there.
    base.options_mut().execution.time_zone = Some("+00:00".to_owned());
    // As nanoseconds INT96 of Spark and Hive ends in 2262, and 9999-12-31 would be some day of 1816.
    base.options_mut().execution.parquet.coerce_int96 = Some("us".to_owned());
    // Spark's functions look at it, and no others: a zero below is an error, as since Spark 4.
    base.options_mut().execution.enable_ansi_mode = true;
    let most = config.query_memory.most;
    base.options_mut().execution.sort_spill_reservation_bytes =
        share::merge_reserve(most, config.target_partitions);
    base.with_information_schema(true)
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_target_partitions(config.target_partitions)
        .with_option_extension(SquadronOptions::default())
        .with_distributed_option_extension(distributed)
        .with_distributed_user_codec(DeliverCodec)
        .with_distributed_user_codec(DetailedScanCodec)
        .with_distributed_user_codec(TaskMergeCodec)
        .with_distributed_user_codec(WriteCodec)
        .with_distributed_channel_resolver(Arc::clone(&config.channels))
        .with_distributed_route_tasks_handler(route_tasks)
        .with_distributed_desired_task_count_handler(keep_whole)
        .with_distributed_scale_up_leaf_node_handler(spread_files)
        .with_extension(Arc::new(SinkHandle(Arc::clone(&config.sink))))
}
