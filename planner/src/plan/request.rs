//! What a statement is planned for, and what comes of planning it.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::ScalarValue;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement as DfStatement;
use uuid::Uuid;

use super::{Ingest, Parameters, Shape, TaskRoutes, Workers};
use crate::Result;
use crate::commit::Outcome;
use crate::deliver::DeliverSpec;
use crate::statement::Ddl;

/// What a query is planned for: fixed before planning, from one snapshot of the cluster.
#[derive(Debug, Clone)]
pub struct PlanRequest {
    /// The query's id.
    pub query: Uuid,
    /// Which run of it.
    pub attempt: u32,
    /// The workers that may run tasks.
    pub workers: Workers,
    /// Peers that may hold parts, the one nearest to this node first. Never empty.
    pub peers: Arc<[String]>,
    /// Target bytes of a result frame.
    pub frame_bytes: usize,
    /// The values of the statement's parameters, the first of `$1`.
    pub parameters: Arc<[ScalarValue]>,
    /// Rows of such values, where an INSERT is carried out for each of them at once.
    pub rows: Option<RecordBatch>,
    /// What is asked for, where that is not the text of a statement.
    pub form: Form,
    /// What the query has changed, if it changes anything: the same for each run of it.
    pub outcome: Arc<Outcome>,
}

/// The form in which something is asked for.
#[derive(Debug, Clone, Default)]
pub enum Form {
    /// The text of a statement.
    #[default]
    Sql,
    /// Rows for a table; the text is there for people alone.
    Ingest(Arc<Ingest>),
    /// A Substrait plan in protobuf; the text is there for people alone.
    Substrait(Bytes),
}

/// A statement, ready to run.
pub enum Planned {
    /// It gives rows (or an empty result).
    Query(Box<QueryPlan>),
    /// It changes the session's settings: see [`Planner::change`].
    Session(Box<DfStatement>),
    /// It changes the catalog: see [`Planner::execute`].
    Ddl(Box<Ddl>),
}

/// A query's plan: run it, collect its receipts, compare them with what it promised.
pub struct QueryPlan {
    /// The schema that clients see.
    pub schema: SchemaRef,
    /// The plan; its rows are receipts.
    pub plan: Arc<dyn ExecutionPlan>,
    /// The context to run it in.
    pub context: Arc<TaskContext>,
    /// Where the parts come from and how many there are.
    pub shape: Shape,
    /// The tables that it reads.
    pub tables: Arc<[String]>,
    /// The peers that are given parts.
    pub peers: Arc<[String]>,
    /// Which worker each task was sent to: filled when the plan starts.
    pub routes: Arc<TaskRoutes>,
    /// Whether it changes something: its rows say how much.
    pub is_update: bool,
}

impl QueryPlan {
    /// The same query with its parts encoded and counted but not kept.
    pub(crate) fn counted_only(self) -> Result<Self> {
        let count = |spec: DeliverSpec| DeliverSpec { counted_only: true, ..spec };
        let plan = super::placement::respecify(self.plan, count)?;
        Ok(Self { plan, ..self })
    }
}

/// What is known of a statement before it runs.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The wire schema of what it gives; without fields where it gives no rows.
    pub schema: SchemaRef,
    /// What has to be bound.
    pub parameters: Parameters,
    /// Whether it changes something, and gives no rows.
    pub is_update: bool,
}
