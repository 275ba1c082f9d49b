//! Queries over real nodes: what every reader is told when something goes wrong, and that nothing
//! stays behind.

mod cancelling;
mod damage;
mod ending;
mod failing;
mod hopeless;
mod late;
mod leaving;
mod opening;
mod planned;
mod planning;
mod polling;
mod through;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use squadron_cluster::Member;
use uuid::Uuid;

use super::record::Record;
use super::*;
use crate::flight::testing::{Plan, TestNode, at, soon, until};
use crate::flight::ticket::ResultTicket;
use crate::results::{Opening, Phase, QueryResult, ResultError};

/// What a client without a name is.
const ANYONE: &str = crate::auth::ANONYMOUS;

fn caller(node: &TestNode) -> Caller {
    let settings = node.queries().planner().engine().session_config();
    Caller { principal: ANYONE.into(), session: None, settings, reads_one: false }
}

async fn started(node: &TestNode, sql: &str) -> Arc<Started> {
    match node.queries().start(sql, &caller(node)).await.unwrap() {
        Outcome::Started(started) => started,
        Outcome::Change(_) | Outcome::Ddl(_) => panic!("not a query"),
    }
}

/// A query that node `coordinator` seems to run, with shares on `peers`.
fn opening(coordinator: &TestNode) -> Opening {
    Opening {
        query: Uuid::now_v7(),
        attempt: 0,
        lost: Vec::new(),
        staged: false,
        owner: ANYONE.into(),
        coordinator: coordinator.member().node_id.clone(),
        schema: Bytes::from_static(b"schema"),
        keep: Duration::from_secs(60),
    }
}

fn registered(coordinator: &TestNode, peers: Vec<Member>) -> Arc<Record> {
    let record = Arc::new(Record::new(opening(coordinator), peers, Arc::default()));
    coordinator.queries().register(Arc::clone(&record)).unwrap();
    record
}

fn share(opening: &Opening, peer: &TestNode) -> ResultTicket {
    ResultTicket {
        query: opening.query,
        coordinator: opening.coordinator.clone(),
        peer: peer.member().node_id.clone(),
        endpoint: 0,
        changes: false,
    }
}

/// How a reader that waits ends.
async fn end_of(result: &Arc<QueryResult>) -> Result<(), ResultError> {
    let mut reader = result.read().unwrap();
    soon(async {
        while reader.next().await?.is_some() {}
        Ok(())
    })
    .await
}
