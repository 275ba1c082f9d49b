//! A statement arrives: plan it, decide its endpoints, start it, answer.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::prelude::SessionConfig;
use datafusion::sql::parser::Statement as DfStatement;
use squadron_cluster::Member;
use squadron_cluster::nearness;
use squadron_planner::options::{Delivery as DeliveryMode, Endpoints, Locations, SquadronOptions};
use squadron_planner::plan::{
    Form, PlanRequest, Planned, Prepared, QueryPlan, WorkerAddr, Workers,
};
use squadron_planner::statement::Ddl;
use squadron_planner::{PlannerError, Result};
use uuid::Uuid;

use super::Queries;
use super::again::Source;
use super::asked::{Asked, Caller};
use super::late::too_long;
use super::lifecycle::Terms;
use super::prepared::Values;
use super::record::Record;
use super::wanted::Wanted;
use crate::delivery::schema_header;
use crate::flight::metadata::described;
use crate::flight::ticket::{ResultTicket, Ticket};
use crate::results::Opening;

/// Target bytes of a frame unless a session chooses: half of what the strictest clients take.
const FRAME_BYTES: usize = 2 << 20;

/// Longest that tickets stay good while a query runs; its result's own time starts after it ended.
const LONGEST_QUERY: Duration = Duration::from_secs(24 * 3600);

/// How often a statement is planned at most, should members leave meanwhile.
const MOST_PLANS: usize = 3;

/// A started query.
#[derive(Debug)]
pub struct Started {
    /// Its id.
    pub query: Uuid,
    /// What every endpoint gives.
    pub schema: SchemaRef,
    /// Where to read it.
    pub endpoints: Vec<Endpoint>,
    /// Until when it can be read at least.
    pub expires: SystemTime,
    /// It changes something, and says how much: whoever asked is answered once it has.
    pub is_update: bool,
}

/// One share of a result.
#[derive(Debug)]
pub struct Endpoint {
    /// Redeems it, at any node.
    pub ticket: Bytes,
    /// Flight locations; empty means "where you asked".
    pub locations: Vec<String>,
}

/// What a statement led to.
pub enum Outcome {
    /// A query that runs.
    Started(Arc<Started>),
    /// A change of the session's settings, for [`squadron_planner::plan::Planner::change`].
    Change(Box<DfStatement>),
    /// A change of the catalog, for [`squadron_planner::plan::Planner::execute`].
    Ddl(Box<Ddl>),
}

impl Queries {
    /// Starts a statement for `caller`.
    ///
    /// # Errors
    /// Those of planning; `Unavailable` when no node serves results.
    pub async fn start(self: &Arc<Self>, sql: &str, caller: &Caller) -> Result<Outcome> {
        self.start_as(Uuid::now_v7(), &Asked::new(sql), caller).await
    }

    /// The same under an id that is known before: `query`, which no other has.
    ///
    /// # Errors
    /// As [`Queries::start`].
    pub async fn start_as(
        self: &Arc<Self>,
        query: Uuid,
        asked: &Asked,
        caller: &Caller,
    ) -> Result<Outcome> {
        let (queries, asked) = (Arc::clone(self), asked.clone());
        let caller = caller.reading(asked.dialect);
        let within = self.time_for(&caller)?;
        let since = Instant::now();
        let planned_for_polls = self.plannings.get(query);
        let wanted = Wanted::new(self, query);
        let gone = wanted.gone();
        let starting = async move {
            // It is remembered for as long as this may give it a query.
            let _planning = planned_for_polls;
            let outcome = queries.start_on_members(query, &asked, &caller, since).await;
            if gone.is() {
                queries.nobody_wants(query);
            }
            outcome
        };
        let outcome = self.planning(starting, within).await;
        if !matches!(outcome, Err(PlannerError::TimedOut(_))) {
            wanted.answered();
        }
        outcome
    }

    /// Plans on the CPU runtime, for as long as the query may take and somebody waits for it. What a plan
    /// may cost between two looks at that is bounded by its size.
    async fn planning<T: Send + 'static>(
        &self,
        planning: impl Future<Output = Result<T>> + Send + 'static,
        within: Duration,
    ) -> Result<T> {
        let planned = self.cpu.spawn(planning);
        let planned = async { planned.await.map_err(panicked)? };
        if within.is_zero() {
            return planned.await;
        }
        let in_time = tokio::time::timeout(within, planned).await;
        in_time.unwrap_or_else(|_| Err(PlannerError::TimedOut(too_long(within))))
    }

    /// How long a query of `caller` may take; zero: for ever.
    fn time_for(&self, caller: &Caller) -> Result<Duration> {
        Ok(shorter(options(&caller.settings)?.query_timeout, self.limits.timeout))
    }

    /// Plans for the members that there are, and again when one of them has left by then.
    async fn start_on_members(
        self: &Arc<Self>,
        query: Uuid,
        asked: &Asked,
        caller: &Caller,
        since: Instant,
    ) -> Result<Outcome> {
        let mut tries = 1;
        loop {
            let request = self.request(query, &asked.values, caller)?;
            let request =
                PlanRequest { rows: asked.rows.clone(), form: asked.form.clone(), ..request };
            let outcome = self.plan_and_launch(&asked.sql, caller, &request, since).await;
            match outcome {
                Err(PlannerError::Unavailable(_))
                    if tries < MOST_PLANS && self.all_alive(&request.peers).is_err() =>
                {
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// In one task of the CPU runtime: the thread that planned a query goes on to run it, without
    /// another one being woken in between, which takes longer than a small query.
    async fn plan_and_launch(
        self: &Arc<Self>,
        sql: &str,
        caller: &Caller,
        request: &PlanRequest,
        since: Instant,
    ) -> Result<Outcome> {
        match self.planner.plan(sql, &caller.settings, request).await? {
            Planned::Query(plan) => {
                if plan.is_update {
                    self.must_share_catalog().await?;
                }
                let source = Source {
                    sql: sql.to_owned(),
                    settings: caller.settings.clone(),
                    frame_bytes: request.frame_bytes,
                    values: Arc::clone(&request.parameters),
                    rows: request.rows.clone(),
                    form: request.form.clone(),
                    outcome: Arc::clone(&request.outcome),
                    schema: Arc::clone(&plan.schema),
                };
                let place = self.admission.enter(&caller.principal).map_err(PlannerError::from)?;
                let within = self.time_for(caller)?;
                let terms = Terms { place, within, since, source };
                Ok(Outcome::Started(self.launch(*plan, caller, request, terms)?))
            }
            Planned::Session(statement) => Ok(Outcome::Change(statement)),
            Planned::Ddl(ddl) => Ok(Outcome::Ddl(ddl)),
        }
    }

    /// The schema of what a statement would give, and its parameters.
    ///
    /// # Errors
    /// Those of planning.
    pub async fn prepare(self: &Arc<Self>, asked: &Asked, caller: &Caller) -> Result<Prepared> {
        let caller = &caller.reading(asked.dialect);
        let request = self.request(Uuid::now_v7(), &Values::default(), caller)?;
        let request = PlanRequest { form: asked.form.clone(), ..request };
        let (queries, sql, settings) =
            (Arc::clone(self), asked.sql.clone(), caller.settings.clone());
        let planning = async move { queries.planner.prepare(&sql, &settings, &request).await };
        let prepared = self.planning(planning, self.time_for(caller)?).await?;
        Ok(Prepared { schema: described(&prepared.schema), ..prepared })
    }

    /// The schema of what a statement would give with these values.
    ///
    /// # Errors
    /// Those of planning.
    pub async fn schema(self: &Arc<Self>, asked: &Asked, caller: &Caller) -> Result<SchemaRef> {
        if asked.values.is_empty() {
            return Ok(self.prepare(asked, caller).await?.schema);
        }
        let caller = &caller.reading(asked.dialect);
        let request = self.request(Uuid::now_v7(), &asked.values, caller)?;
        let (queries, asked, settings) = (Arc::clone(self), asked.clone(), caller.settings.clone());
        let planning = async move { queries.planner.schema(&asked.sql, &settings, &request).await };
        Ok(described(self.planning(planning, self.time_for(caller)?).await?.as_ref()))
    }

    /// One snapshot of the cluster for one query.
    fn request(&self, query: Uuid, values: &Values, caller: &Caller) -> Result<PlanRequest> {
        self.must_coordinate()?;
        let options = options(&caller.settings)?;
        let mut peers = self.serving();
        if one_endpoint(options, caller) {
            peers.truncate(1);
        }
        if peers.is_empty() {
            return Err(PlannerError::Unavailable(
                "no live node of the cluster has the role `serve`: start one".into(),
            ));
        }
        Ok(PlanRequest {
            query,
            attempt: 0,
            workers: self.workers(),
            peers: peers.into_iter().map(|peer| peer.node_id).collect(),
            frame_bytes: frame_bytes(options),
            parameters: Arc::clone(values),
            rows: None,
            form: Form::Sql,
            outcome: Arc::default(),
        })
    }

    /// A node without the role, or one that is about to end, takes no queries: it says who does.
    pub(super) fn must_coordinate(&self) -> Result<()> {
        let why = match self.closing.load(Ordering::Acquire) {
            true => "is stopping",
            false if !self.me.roles.coordinator => "has not the role `coordinator`",
            false => return Ok(()),
        };
        let members = self.members();
        let others = members.coordinators().filter(|node| node.node_id != self.me.node_id);
        let others: Vec<&str> =
            others.flat_map(|node| &node.advertised).map(String::as_str).collect();
        let node = &self.me.node_id;
        Err(PlannerError::Unavailable(match others.as_slice() {
            [] => format!("node {node} {why} and takes no queries: connect to another one"),
            others => format!(
                "node {node} {why} and takes no queries: connect to one of [{}]",
                others.join(", ")
            ),
        }))
    }

    /// The serving peers, the nearest to this node first.
    fn serving(&self) -> Vec<Member> {
        let members = self.members();
        let serving = members.serving().map(|peer| (&**peer, 0));
        nearness::order(&self.me, serving).into_iter().cloned().collect()
    }

    /// The workers, this node first. A cluster of one plans without the distributed planner.
    fn workers(&self) -> Workers {
        self.workers_of(|_| true)
    }

    /// Those of these node ids.
    pub(super) fn workers_of(&self, among: impl Fn(&str) -> bool) -> Workers {
        let members = self.members();
        let workers = members.workers().filter(|worker| among(&worker.node_id));
        let mut workers: Vec<WorkerAddr> =
            workers.filter_map(|worker| worker_addr(worker)).collect();
        workers.sort_by_key(|worker| worker.node != self.me.node_id);
        match workers.as_slice() {
            [only] if only.node == self.me.node_id => [].into(),
            _ => workers.into(),
        }
    }

    /// Starts a planned query and gives its endpoints.
    fn launch(
        self: &Arc<Self>,
        plan: QueryPlan,
        caller: &Caller,
        request: &PlanRequest,
        terms: Terms,
    ) -> Result<Arc<Started>> {
        let plan = QueryPlan { schema: described(&plan.schema), ..plan };
        let options = options(&caller.settings)?;
        let names = match options.endpoints {
            Endpoints::All => &request.peers,
            Endpoints::Auto | Endpoints::One => &plan.peers,
        };
        let peers = self.all_alive(names)?;
        let opening = self.opening(&plan, caller, request, options);
        let endpoints = self.endpoints(&peers, &opening, options.locations, plan.is_update);
        let schema = Arc::clone(&plan.schema);
        let mut record = Record::new(opening, peers, Arc::clone(&plan.routes));
        record.session.clone_from(&caller.session);
        record.exit = Some(terms.place.exit());
        record.outcome = plan.is_update.then(|| Arc::clone(&request.outcome));
        if options.locations == Locations::Proxy {
            let others = names.iter().filter(|peer| **peer != self.me.node_id);
            record.through = parking_lot::Mutex::new(others.cloned().collect());
        }
        let expires = SystemTime::now() + self.limits.keep;
        let (query, is_update) = (request.query, plan.is_update);
        let started = Started { query, schema, endpoints, expires, is_update };
        let started = Arc::new(started);
        let _ = record.answer.set((Arc::clone(&started), plan.shape.parts()));
        self.run(plan, Arc::new(record), terms)?;
        Ok(started)
    }

    /// The members of these names. The plan may deliver to each of them: without an endpoint on one
    /// that left while it was made, the client would be given less than everything.
    pub(super) fn all_alive(&self, names: &[String]) -> Result<Vec<Member>> {
        let members = self.members();
        let alive =
            |id: &String| members.get(id).map(|peer| (**peer).clone()).ok_or_else(|| left(id));
        names.iter().map(alive).collect()
    }

    fn opening(
        &self,
        plan: &QueryPlan,
        caller: &Caller,
        request: &PlanRequest,
        options: &SquadronOptions,
    ) -> Opening {
        Opening {
            query: request.query,
            attempt: request.attempt,
            owner: caller.principal.clone(),
            coordinator: self.me.node_id.clone(),
            schema: schema_header(&plan.schema),
            keep: self.limits.keep,
            lost: Vec::new(),
            staged: options.delivery == DeliveryMode::Staged,
        }
    }

    fn endpoints(
        &self,
        peers: &[Member],
        opening: &Opening,
        mode: Locations,
        changes: bool,
    ) -> Vec<Endpoint> {
        let alone = peers.len() == 1;
        let endpoint = |(index, peer): (usize, &Member)| {
            let share = ResultTicket {
                query: opening.query,
                coordinator: opening.coordinator.clone(),
                peer: peer.node_id.clone(),
                endpoint: index as u32,
                changes,
            };
            let ticket = self.ticket(share, &opening.owner, opening.keep);
            // A lone share that is here is read over the connection the client has already: no
            // second one to open, and it works wherever the client could reach this node at all.
            let here = alone && peer.node_id == self.me.node_id;
            let locations = match mode {
                Locations::Direct if !here => {
                    let second = self.second(peers, index);
                    peer.advertised.iter().chain(second).cloned().collect()
                }
                _ => Vec::new(),
            };
            Endpoint { ticket, locations }
        };
        peers.iter().enumerate().map(endpoint).collect()
    }
}

impl Queries {
    /// A ticket for a share that is kept for so long.
    pub fn ticket(&self, share: ResultTicket, owner: &str, keep: Duration) -> Bytes {
        self.signer.sign(Ticket::Result(share), owner, keep.saturating_add(LONGEST_QUERY))
    }
}

impl Queries {
    /// Where the share of a peer is read should that be lost: at another one, this node if it is one,
    /// since without it nothing is left. None for this node's own.
    fn second<'p>(&self, peers: &'p [Member], index: usize) -> &'p [String] {
        let is_here = |peer: &&Member| peer.node_id == self.me.node_id;
        if is_here(&&peers[index]) {
            return &[];
        }
        let next = &peers[(index + 1) % peers.len()];
        let second = peers.iter().find(is_here).unwrap_or(next);
        match second.node_id == peers[index].node_id {
            true => &[],
            false => second.advertised.get(..1).unwrap_or_default(),
        }
    }
}

fn frame_bytes(options: &SquadronOptions) -> usize {
    match options.frame_bytes {
        0 => FRAME_BYTES,
        chosen => chosen,
    }
}

/// The shorter of two times, of which zero is none.
fn shorter(one: Duration, other: Duration) -> Duration {
    match (one.is_zero(), other.is_zero()) {
        (true, _) => other,
        (_, true) => one,
        _ => one.min(other),
    }
}

fn left(peer: &str) -> PlannerError {
    PlannerError::Unavailable(format!(
        "node {peer} left the cluster while the query was planned: run it again"
    ))
}

fn one_endpoint(options: &SquadronOptions, caller: &Caller) -> bool {
    match options.endpoints {
        Endpoints::One => true,
        Endpoints::Auto => caller.reads_one,
        Endpoints::All => false,
    }
}

fn options(settings: &SessionConfig) -> Result<&SquadronOptions> {
    let options = settings.options().extensions.get::<SquadronOptions>();
    options.ok_or_else(|| PlannerError::Internal("a session without squadron options".into()))
}

fn worker_addr(member: &Member) -> Option<WorkerAddr> {
    let url = url::Url::parse(&format!("http://{}", member.internal)).ok()?;
    Some(WorkerAddr { node: member.node_id.clone(), url })
}

pub(super) fn panicked(error: tokio::task::JoinError) -> PlannerError {
    match error.is_cancelled() {
        true => PlannerError::Cancelled("the node is shutting down".into()),
        false => PlannerError::Internal(format!("the query's task panicked: {error}")),
    }
}
