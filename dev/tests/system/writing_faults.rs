//! Faults while tables are written: a statement is carried out once, as a whole, or not at all, and says which.
//!
//! Moments are chosen by the warehouse, which is an object store of the test: a request that makes an object waits there,
//! is done without an answer, or fails.

mod disks;
mod ends;
mod forwarded;
mod kills;
mod replaced;
mod stores;

use datafusion::common::runtime::SpawnedTask;
use squadron_dev::answer::ask;
use squadron_dev::bucket::Bucket;
use squadron_dev::fixtures;
use squadron_dev::process::{ProcessCluster, ProcessOptions};
use squadron_dev::wait::{SOON, wait_until};
use squadron_server::client::ClientError;
use tonic::Code;

/// Objects of a data file, of a version of a table, and of a change of the catalog.
const DATA: &str = "/part-";
const VERSION: &str = "/_delta_log/";
const CATALOG: &str = "/_catalog/";

const ARGUMENTS: [&str; 6] =
    ["--memory-limit", "1GiB", "--result-disk-limit", "1GiB", "--spill-limit", "1GiB"];

/// Nodes whose warehouse is an object store.
struct Lake {
    bucket: Bucket,
    cluster: ProcessCluster,
}

impl Lake {
    async fn start(nodes: usize) -> Self {
        let bucket = Bucket::start().await.unwrap();
        let options = ProcessOptions::new(nodes, fixtures::tpch()).arguments(&ARGUMENTS);
        let cluster = ProcessCluster::start_with(options.bucket(&bucket)).await.unwrap();
        Self { bucket, cluster }
    }

    /// A statement that is carried out while the test goes on.
    fn begin(&self, node: usize, sql: &str) -> SpawnedTask<Result<String, ClientError>> {
        begin(&self.cluster, node, sql)
    }
}

type Done = Result<String, ClientError>;

fn begin(cluster: &ProcessCluster, node: usize, sql: &str) -> SpawnedTask<Done> {
    let (uri, sql) = (cluster.nodes()[node].uri.clone(), sql.to_owned());
    SpawnedTask::spawn(async move { run_at(&uri, &sql).await })
}

/// The one value that a statement answers: of one that writes how many rows it has changed.
async fn run_at(uri: &str, sql: &str) -> Done {
    let client = squadron_server::client::FlightSqlClient::connect(uri).await?;
    client.set_header("squadron-execution-mode", "distributed")?;
    Ok(ask(&client, sql).await?.value())
}

async fn run(cluster: &ProcessCluster, node: usize, sql: &str) -> Done {
    run_at(&cluster.nodes()[node].uri, sql).await
}

async fn value(cluster: &ProcessCluster, node: usize, sql: &str) -> String {
    run(cluster, node, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// What a statement that was begun has answered.
async fn answered(task: SpawnedTask<Done>) -> Done {
    tokio::time::timeout(3 * SOON, task.join()).await.expect("an answer in time").unwrap()
}

fn refused(done: Done) -> (Code, String) {
    match done {
        Err(ClientError::Server(status)) => (status.code(), status.message().to_owned()),
        other => panic!("{other:?}"),
    }
}

/// Waits until all nodes send clients to all.
async fn together(cluster: &ProcessCluster) {
    for node in 0..cluster.nodes().len() {
        let client = cluster.client(node).await;
        client.set_header("squadron-endpoints", "all").unwrap();
        wait_until("every node knows every other", SOON, async || {
            let answer = ask(&client, "select 1").await;
            answer.is_ok_and(|answer| answer.info.endpoint.len() == cluster.nodes().len())
        })
        .await;
    }
}
