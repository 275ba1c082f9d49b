//! Who is told to read where: endpoints, locations, tickets that any node serves, and results that
//! can be read again.

use squadron_dev::answer::{Answer, ask, read};
use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;
use squadron_dev::wire::{Wire, locations, tickets};

const SCAN: &str = "select l_orderkey, l_comment from lineitem";
const DISTRIBUTED: (&str, &str) = ("squadron-execution-mode", "distributed");

async fn cluster() -> TestCluster {
    TestCluster::start(3, fixtures::tpch()).await
}

async fn answer(cluster: &TestCluster, sql: &str, headers: &[(&str, &str)]) -> Answer {
    ask(&cluster.client_with(0, headers).await, sql).await.unwrap()
}

/// How many rows each location served.
fn served(answer: &Answer) -> Vec<(Option<String>, u64)> {
    answer.endpoints.iter().map(|endpoint| (endpoint.location.clone(), endpoint.rows)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_distributed_result_is_read_from_every_node_at_once() {
    let cluster = cluster().await;
    let answer = answer(&cluster, SCAN, &[DISTRIBUTED]).await;
    let mut from: Vec<String> =
        locations(&answer.info).into_iter().map(|mut one| one.remove(0)).collect();
    from.sort();
    let mut nodes: Vec<String> = (0..3).map(|index| cluster.uri(index)).collect();
    nodes.sort();
    assert_eq!(from, nodes);
    let served = served(&answer);
    assert!(served.iter().all(|(_, rows)| *rows > 0), "every node has a share: {served:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ordered_result_has_one_endpoint() {
    let cluster = cluster().await;
    let answer = answer(&cluster, &format!("{SCAN} order by 1"), &[DISTRIBUTED]).await;
    assert_eq!(answer.info.endpoint.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_result_has_one_endpoint() {
    let cluster = cluster().await;
    let answer = answer(&cluster, SCAN, &[("squadron-execution-mode", "local")]).await;
    assert_eq!(answer.info.endpoint.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_endpoints_are_given_when_asked_for() {
    let cluster = cluster().await;
    let answer = answer(&cluster, "select 1 as one", &[("squadron-endpoints", "all")]).await;
    assert_eq!((answer.info.endpoint.len(), answer.rows()), (3, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_endpoint_gives_everything_when_asked_for() {
    let cluster = cluster().await;
    let all = answer(&cluster, SCAN, &[DISTRIBUTED]).await;
    let one = answer(&cluster, SCAN, &[DISTRIBUTED, ("squadron-endpoints", "one")]).await;
    assert_eq!((one.info.endpoint.len(), one.rows()), (1, all.rows()));
}

/// flightsql-dbapi does not say who it is, but always opens with the same question.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_known_to_read_one_endpoint_is_given_one() {
    let cluster = cluster().await;
    let endpoints = async |agent, header: (&'static str, &str)| {
        let wire = Wire::connect_as(&cluster.uri(0), agent).await.unwrap();
        let wire = wire.header(DISTRIBUTED.0, DISTRIBUTED.1).header(header.0, header.1);
        wire.clone().execute(SCAN).await.unwrap().endpoint.len()
    };
    let none = ("x-none", "");
    assert_eq!(endpoints("ADBC Flight SQL Driver v1.13.0 grpc-go/1.80.0", none).await, 3);
    for agent in ["grpc-c++/1.76.0 grpc-c/51.0.0 (linux; chttp2)", "grpc-go/1.58.3"] {
        assert_eq!(endpoints(agent, none).await, 1, "{agent}");
        assert_eq!(endpoints(agent, ("squadron-endpoints", "all")).await, 3, "{agent}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_everything_comes_through_the_one_node() {
    let cluster = cluster().await;
    let all = answer(&cluster, SCAN, &[DISTRIBUTED]).await;
    let proxied = answer(&cluster, SCAN, &[DISTRIBUTED, ("squadron-locations", "proxy")]).await;
    assert!(locations(&proxied.info).iter().all(Vec::is_empty));
    assert_eq!((proxied.info.endpoint.len(), proxied.rows()), (3, all.rows()));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_node_serves_any_ticket() {
    let cluster = cluster().await;
    let first = Wire::connect(&cluster.uri(0)).await.unwrap();
    let info = first.header(DISTRIBUTED.0, DISTRIBUTED.1).execute(SCAN).await.unwrap();
    for ticket in tickets(&info) {
        let mut bodies = Vec::new();
        for node in 0..3 {
            let mut wire = Wire::connect(&cluster.uri(node)).await.unwrap();
            bodies.push(wire.get(&ticket).await.unwrap());
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
        assert!(bodies[0].len() > 1, "a schema and rows");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_read_again_is_the_same_bytes() {
    let cluster = cluster().await;
    let mut wire = Wire::connect(&cluster.uri(0)).await.unwrap();
    let info = wire.header(DISTRIBUTED.0, DISTRIBUTED.1).execute(SCAN).await.unwrap();
    for ticket in tickets(&info) {
        assert_eq!(wire.get(&ticket).await.unwrap(), wire.get(&ticket).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_read_later_and_from_another_node() {
    let cluster = cluster().await;
    let info = cluster.client_with(0, &[DISTRIBUTED]).await.execute(SCAN).await.unwrap();
    let other = cluster.client(2).await;
    let first = read(&other, info.clone()).await.unwrap();
    assert_eq!(read(&other, info).await.unwrap().batch(), first.batch());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_until_when_it_is_kept_and_which_query_it_was() {
    let cluster = cluster().await;
    let info = cluster.client_with(0, &[DISTRIBUTED]).await.execute(SCAN).await.unwrap();
    assert!(info.endpoint.iter().all(|endpoint| endpoint.expiration_time.is_some()));
    assert_eq!(info.app_metadata.len(), 36, "{:?}", info.app_metadata);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_nodes_that_serve_have_endpoints() {
    let cluster = ClusterOptions::new(3)
        .data(fixtures::tpch())
        .roles(1, "worker")
        .roles(2, "serve")
        .start()
        .await;
    let answer = answer(&cluster, SCAN, &[DISTRIBUTED]).await;
    let mut from: Vec<String> =
        locations(&answer.info).into_iter().map(|mut one| one.remove(0)).collect();
    from.sort();
    let mut serving = [cluster.uri(0), cluster.uri(2)];
    serving.sort();
    assert_eq!(from, serving);
    let count = cluster.ask(0, "select count(*) from lineitem").await.unwrap().value();
    assert_eq!(answer.rows().to_string(), count);
}
