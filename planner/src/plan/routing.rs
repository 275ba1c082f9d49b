//! Which worker runs which task, decided from one snapshot and written down.
//!
//! datafusion-distributed asks for URLs twice, when it sizes stages and when it sends tasks. Both
//! see the snapshot taken when the query was planned, so a member that comes or goes in between
//! cannot tear a query. What was decided is kept for EXPLAIN ANALYZE and for error messages.

use std::sync::{Arc, Mutex, PoisonError};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionConfig;
use datafusion_distributed::{
    DistributedExt, NetworkBoundaryExt, RouteTasksEvent, RouteTasksEventResponse, Stage,
    WorkerResolver,
};
use url::Url;

/// A worker: its node id and where its task service listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerAddr {
    /// Node id.
    pub node: String,
    /// `http://host:port` of its internal address.
    pub url: Url,
}

/// The workers of one snapshot. The node itself comes first where it is one.
pub type Workers = Arc<[WorkerAddr]>;

/// One stage's tasks: the node that each was sent to, in task order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskRoute {
    /// Node ids, one a task.
    pub nodes: Vec<String>,
}

/// What was routed, in the order datafusion-distributed asked: children before parents.
#[derive(Debug, Default)]
pub struct TaskRoutes(Mutex<Vec<TaskRoute>>);

impl TaskRoutes {
    /// The routes so far.
    pub fn snapshot(&self) -> Vec<TaskRoute> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn push(&self, route: TaskRoute) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(route);
    }
}

/// The snapshot and the record, as an extension of one query's session.
struct Routing {
    workers: Workers,
    routes: Arc<TaskRoutes>,
}

struct Snapshot(Workers);

impl WorkerResolver for Snapshot {
    fn get_urls(&self) -> Result<Vec<Url>> {
        Ok(self.0.iter().map(|worker| worker.url.clone()).collect())
    }
}

/// Fixes the workers of one query's session.
pub(super) fn set_workers(config: &mut SessionConfig, workers: &Workers) {
    config.set_distributed_worker_resolver(Snapshot(Arc::clone(workers)));
    let routing = Routing { workers: Arc::clone(workers), routes: Arc::default() };
    config.set_extension(Arc::new(routing));
}

/// The record of a query's session.
pub(super) fn routes(config: &SessionConfig) -> Arc<TaskRoutes> {
    let routing = config.get_extension::<Routing>();
    routing.map(|routing| Arc::clone(&routing.routes)).unwrap_or_default()
}

/// The handler that every session is built with.
pub(crate) fn route_tasks(event: RouteTasksEvent) -> Option<Result<RouteTasksEventResponse>> {
    let routing = event.task_ctx.session_config().get_extension::<Routing>()?;
    Some(routing.route(&event))
}

impl Routing {
    fn route(&self, event: &RouteTasksEvent) -> Result<RouteTasksEventResponse> {
        let urls = match event.task_count {
            1 => vec![self.single(event.plan)?],
            count => self.spread(count)?,
        };
        let nodes = urls.iter().map(|url| self.node_of(url)).collect();
        self.routes.push(TaskRoute { nodes });
        Ok(RouteTasksEventResponse::new(urls))
    }

    /// A lone task goes where its input already is, if that is one place; else to the first worker,
    /// which is the coordinator itself where it can be.
    fn single(&self, plan: &Arc<dyn ExecutionPlan>) -> Result<Url> {
        match lone_input(plan)? {
            Some(url) => Ok(url),
            None => Ok(self.first()?.url.clone()),
        }
    }

    /// One task a worker, in snapshot order: all stages of a query then share the same nodes, and
    /// a shuffle's own share stays in the process.
    fn spread(&self, count: usize) -> Result<Vec<Url>> {
        self.first()?;
        let workers = self.workers.iter().cycle().take(count);
        Ok(workers.map(|worker| worker.url.clone()).collect())
    }

    fn first(&self) -> Result<&WorkerAddr> {
        let none = || DataFusionError::Execution("no worker is left to run a task".into());
        self.workers.first().ok_or_else(none)
    }

    fn node_of(&self, url: &Url) -> String {
        let worker = self.workers.iter().find(|worker| worker.url == *url);
        worker.map_or_else(|| url.to_string(), |worker| worker.node.clone())
    }
}

/// The worker of an input stage of one task, if there is one.
fn lone_input(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Url>> {
    let mut lone = None;
    plan.apply(|node| {
        let Some(boundary) = node.as_network_boundary() else {
            return Ok(TreeNodeRecursion::Continue);
        };
        match boundary.input_stage() {
            Stage::Remote(stage) if stage.workers.len() == 1 => {
                lone = stage.workers.first().cloned();
                Ok(TreeNodeRecursion::Stop)
            }
            _ => Ok(TreeNodeRecursion::Jump),
        }
    })?;
    Ok(lone)
}
