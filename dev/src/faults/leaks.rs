//! Whether anything of a query is left anywhere.

use std::time::{Duration, Instant};

use super::Query;
use super::disk::files;
use super::moments::Sight;
use crate::process::ProcessCluster;

/// How long after a fault is over nodes may take to come back to nothing, and to each other.
const WITHIN: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(50);

/// Waits until every node would send a client to every node; says which would not.
pub(super) async fn disunion(cluster: &ProcessCluster) -> Option<String> {
    let started = Instant::now();
    for (index, node) in cluster.nodes().iter().enumerate() {
        while !knows_all(&node.uri, cluster.nodes().len()).await {
            if started.elapsed() > WITHIN {
                return Some(format!("node {index} does not see all others within {WITHIN:?}"));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
    None
}

async fn knows_all(uri: &str, everyone: usize) -> bool {
    let asking = async {
        let client = squadron_server::client::FlightSqlClient::connect(uri).await.ok()?;
        client.set_header("squadron-endpoints", "all").ok()?;
        client.set_header("squadron-execution-mode", "local").ok()?;
        let info = client.execute("SELECT 1").await.ok()?;
        Some(info.endpoint.len() == everyone)
    };
    matches!(tokio::time::timeout(WITHIN / 6, asking).await, Ok(Some(true)))
}

/// Waits until no node has anything of any query; says what is left.
pub(super) async fn left(cluster: &ProcessCluster, sight: &Sight<'_>) -> Option<String> {
    let started = Instant::now();
    loop {
        let found = look(cluster, sight).await?;
        if started.elapsed() > WITHIN {
            let later = after_another(cluster, sight).await;
            return Some(format!("after {WITHIN:?}: {found}\n  and after another query: {later}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What is left for ever is told from what goes when the node has something else to do.
async fn after_another(cluster: &ProcessCluster, sight: &Sight<'_>) -> String {
    let client = cluster.client(sight.coordinator).await;
    let _ = client.set_header("squadron-execution-mode", "distributed");
    let asked = client.run(Query::named("join").sql).await;
    let started = Instant::now();
    loop {
        match look(cluster, sight).await {
            None => return format!("nothing ({asked:?})"),
            Some(found) if started.elapsed() > WITHIN / 3 => return found,
            Some(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn look(cluster: &ProcessCluster, sight: &Sight<'_>) -> Option<String> {
    for (index, seen) in sight.all().await.into_iter().enumerate() {
        match seen {
            None => return Some(format!("node {index} does not answer")),
            Some(node) if !node.is_idle() => return Some(format!("node {index} has {node:?}")),
            Some(_) => {}
        }
        let files = files(cluster.spill(index));
        if !files.is_empty() {
            return Some(format!("node {index} has files: {files:?}"));
        }
    }
    None
}
