//! The program itself, as processes: how it starts, how it ends, and what happens when one is killed.

use std::process::Output;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use squadron_dev::fixtures;
use squadron_dev::process::{ProcessCluster, squadron};
use squadron_dev::wait::{SOON, wait_until};
use squadron_dev::wire::{Wire, tickets};
use squadron_server::client::{FlightSqlClient, ReadOptions};
use tokio::process::Command;
use tonic::Code;

/// About 300 MB: far more than sockets and clients buffer, so a reader is always in its middle.
const LARGE: &str = "select l_orderkey, repeat(l_comment, 200) as long from lineitem";

/// How soon a killed node must show.
const SECONDS: Duration = Duration::from_secs(10);

async fn three() -> ProcessCluster {
    ProcessCluster::start(3, fixtures::tpch(), &["--memory-limit", "2GiB"]).await.unwrap()
}

async fn distributed(cluster: &ProcessCluster, node: usize) -> FlightSqlClient {
    let client = cluster.client(node).await;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    client
}

/// Reads until every endpoint has given something, kills a node, and reads on.
async fn read_while_killing(cluster: &mut ProcessCluster, victim: usize) -> (u64, String) {
    let client = distributed(cluster, 0).await;
    let info = client.execute(LARGE).await.unwrap();
    assert_eq!(info.endpoint.len(), 3);
    let mut batches = client.read_all(&info, ReadOptions::default()).unwrap();
    let meter = batches.meter();
    while meter.endpoints().iter().any(|endpoint| endpoint.batches == 0) {
        batches.try_next().await.unwrap().expect("more than one batch each");
    }
    cluster.kill(victim).await.unwrap();
    let killed = Instant::now();
    let error = loop {
        match batches.try_next().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a result ended as if it were whole: {:?}", meter.endpoints()),
            Err(error) => break error.to_string(),
        }
    };
    assert!(killed.elapsed() < SECONDS, "{:?}: {error}", killed.elapsed());
    (meter.totals().0, error)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_node_is_an_error_within_seconds_and_the_rest_goes_on() {
    let mut cluster = three().await;
    let (rows, _) = read_while_killing(&mut cluster, 2).await;
    assert!(rows < 60_175, "{rows}");
    let client = distributed(&cluster, 0).await;
    wait_until("the other two go on", SOON, async || {
        squadron_dev::answer::ask(&client, "select count(*) from lineitem").await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_coordinator_is_an_error_within_seconds() {
    let mut cluster = three().await;
    let (rows, _) = read_while_killing(&mut cluster, 0).await;
    assert!(rows < 60_175, "{rows}");
}

/// The query is complete, and its result comes through another node.
#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_a_frozen_node_is_unavailable_through_the_others() {
    let mut cluster = three().await;
    let wire = Wire::connect(&cluster.nodes()[0].uri).await.unwrap();
    let mut wire = wire.header("squadron-execution-mode", "distributed");
    let info = wire.execute("select l_orderkey from lineitem").await.unwrap();
    let tickets = tickets(&info);
    for ticket in &tickets {
        wire.get(ticket).await.unwrap();
    }
    cluster.freeze(1).await.unwrap();
    let frozen = Instant::now();
    let mut ends = Vec::new();
    for ticket in &tickets {
        ends.push(wire.get(ticket).await.err().map(|error| error.code()));
    }
    assert_eq!(ends.iter().flatten().collect::<Vec<_>>(), [&Code::Unavailable]);
    assert!(frozen.elapsed() < 2 * SECONDS, "{:?}", frozen.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_keeps_no_node_from_ending() {
    let options = ["--drain", "1s"];
    let mut cluster = ProcessCluster::start(1, fixtures::tpch(), &options).await.unwrap();
    let mut wire = Wire::connect(&cluster.nodes()[0].uri).await.unwrap();
    let info = wire.execute("select * from generate_series(1, 2000000)").await.unwrap();
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    // Read whole once, it is complete: it does not end in an error when the node stops.
    wire.get(&ticket.ticket).await.unwrap();
    let mut stalled = wire.service().do_get(ticket).await.unwrap().into_inner();
    stalled.message().await.unwrap().expect("the schema");
    let told = Instant::now();
    let ended = cluster.terminate(0).await.unwrap();
    assert!(ended.success(), "{ended}: {}", cluster.log(0));
    assert!(told.elapsed() < SECONDS, "{:?}", told.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ready_line_names_every_address() {
    let cluster = ProcessCluster::start(1, fixtures::tpch(), &[]).await.unwrap();
    let node = &cluster.nodes()[0];
    let address = node.uri.trim_start_matches("grpc+tcp://");
    for part in [
        "squadron ready:",
        "node=node-0",
        &format!("flight={address}"),
        "internal=127.",
        "tables=8",
    ] {
        assert!(node.ready.contains(part), "{part}: {}", node.ready);
    }
}

/// What a node says that should not start.
async fn refused(arguments: &[&str]) -> String {
    let mut program = Command::new(squadron().unwrap());
    program.arg("serve").args(arguments);
    refused_by(program).await
}

async fn refused_by(mut program: Command) -> String {
    program.kill_on_drop(true);
    let Output { status, stdout, stderr } =
        tokio::time::timeout(SOON, program.output()).await.expect("it ends").unwrap();
    assert_eq!(status.code(), Some(2), "{}", String::from_utf8_lossy(&stderr));
    assert!(stdout.is_empty());
    String::from_utf8(stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_configuration_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("squadron.toml");
    std::fs::write(&file, "[results]\nkep = '5m'\n").unwrap();
    let file = file.to_str().unwrap();
    for (arguments, named) in [
        (&["--listen", "here"][..], "--listen"),
        (&["--lisen", "127.0.0.1:0"], "a similar argument exists: '--listen'"),
        (&["--target-partitions", "many"], "--target-partitions"),
        (&["--data", "/no/such/folder"], "/no/such/folder"),
        (&["--memory-limit", "lots"], "--memory-limit"),
        (&["--peers", "a:1"], "--peers"),
        (&["--roles", "cook"], "--roles"),
        (&["--config", "/no/such/file"], "/no/such/file"),
        (&["--config", file], "kep"),
        (&["--listen", "127.0.0.1:0", "--cluster-listen", "0.0.0.0:0"], "--cluster-secret-file"),
        (
            &[
                "--listen",
                "127.0.0.1:0",
                "--cluster-listen",
                "127.0.0.1:0",
                "--memory-limit",
                "1MiB",
            ],
            "64 MiB",
        ),
    ] {
        let text = refused(arguments).await;
        assert!(text.contains(named), "{arguments:?}: {text}");
        assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_of_the_log_that_is_none_is_one_clear_line() {
    let mut program = Command::new(squadron().unwrap());
    program.arg("serve").env("SQUADRON_LOG", "squadron=loud");
    let text = refused_by(program).await;
    assert!(text.contains("SQUADRON_LOG") && text.contains("squadron=loud"), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_one_clear_line() {
    let cluster = ProcessCluster::start(1, fixtures::tpch(), &[]).await.unwrap();
    let taken = cluster.nodes()[0].uri.trim_start_matches("grpc+tcp://").to_owned();
    let text = refused(&["--listen", &taken, "--cluster-listen", "127.0.0.1:0"]).await;
    assert!(text.contains(&taken) && text.contains("--listen"), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
}
