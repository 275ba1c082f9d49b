//! A client that goes away while its statement is planned, and one whose query has no time for that.

use datafusion::common::runtime::SpawnedTask;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;

/// What a web server that never sends its file sees.
#[derive(Debug, PartialEq)]
pub(super) enum Seen {
    /// Somebody waits for the file.
    Asked,
    /// They are gone.
    Left,
}

/// Says that a file is there, and keeps whoever wants it waiting.
async fn serve(connection: TcpStream, seen: mpsc::Sender<Seen>) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    let mut asked = false;
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).await? == 0 {
            break;
        }
        asked |= line.starts_with("GET");
        if line.trim().is_empty() && !asked {
            let head = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nETag: \"1\"\r\n\r\n";
            connection.write_all(head.as_bytes()).await?;
        } else if line.trim().is_empty() {
            let _ = seen.send(Seen::Asked).await;
        }
    }
    if asked {
        let _ = seen.send(Seen::Left).await;
    }
    Ok(())
}

async fn listen(listener: TcpListener, seen: mpsc::Sender<Seen>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        connections.spawn(serve(connection, seen.clone()));
    }
}

/// A node whose table `x` is at a server that never sends it, and what that sees.
pub(super) async fn kept_waiting()
-> (crate::flight::testing::TestCluster, mpsc::Receiver<Seen>, SpawnedTask<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/x.parquet", listener.local_addr().unwrap());
    let (sender, seen) = mpsc::channel(64);
    let server = SpawnedTask::spawn(listen(listener, sender));
    let cluster = soon(Plan::of(1).data(&location).start()).await;
    (cluster, seen, server)
}

pub(super) async fn nobody_waits(mut seen: mpsc::Receiver<Seen>) {
    soon(async { while seen.recv().await != Some(Seen::Left) {} }).await;
}

#[tokio::test]
async fn a_dropped_call_ends_its_planning() {
    let (cluster, mut seen, _server) = kept_waiting().await;
    let node = &cluster.nodes[0];
    let caller = caller(node);
    let mut call = Box::pin(node.queries().start("SELECT * FROM x", &caller));
    let first = soon(async {
        tokio::select! {
            _ = &mut call => panic!("it cannot be planned without the file"),
            first = seen.recv() => first,
        }
    });
    assert_eq!(first.await, Some(Seen::Asked));
    drop(call);
    nobody_waits(seen).await;
    assert_eq!(node.queries().running(), 0);
}

#[tokio::test]
async fn planning_takes_no_longer_than_its_query_may() {
    let (cluster, seen, _server) = kept_waiting().await;
    let node = &cluster.nodes[0];
    let mut caller = caller(node);
    caller.settings.options_mut().set("squadron.query_timeout", "100ms").unwrap();
    let refused = soon(node.queries().start("SELECT * FROM x", &caller)).await.err().unwrap();
    assert!(refused.to_string().contains("--query-timeout"), "{refused}");
    assert!(matches!(refused, squadron_planner::PlannerError::TimedOut(_)));
    nobody_waits(seen).await;
}

#[tokio::test]
async fn a_query_that_starts_as_its_call_is_dropped_is_cancelled() {
    let cluster = soon(Plan::of(1).start()).await;
    let queries = Arc::clone(cluster.nodes[0].queries());
    let (query, caller) = (Uuid::now_v7(), caller(&cluster.nodes[0]));
    let asked = Asked::new("SELECT count(*) FROM generate_series(1, 1000000000000)");
    let mut call = Box::pin(queries.start_as(query, &asked, &caller));
    // It is asked for once, and never told what comes of it.
    assert!(futures::poll!(&mut call).is_pending());
    until(|| queries.record(query).is_some()).await;
    drop(call);
    until(|| queries.running() == 0).await;
}
