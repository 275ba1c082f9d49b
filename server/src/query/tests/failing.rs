//! A failure reaches every endpoint, and is the same on each.

use squadron_planner::deliver::PartKey;
use tonic::Code;

use super::*;
use crate::results::Frame;

const EVERYWHERE: &[(&str, &str)] =
    &[("squadron-execution-mode", "distributed"), ("squadron-endpoints", "all")];

#[tokio::test]
async fn every_endpoint_ends_in_the_same_error() {
    let cluster = Plan::of(2).table().await.start().await;
    let sql = "SELECT 10 / (v - 3001) FROM t";
    let endpoints = cluster.nodes[0].execute(sql, EVERYWHERE).await.unwrap();
    assert_eq!(endpoints.len(), 2);
    let mut errors = Vec::new();
    for endpoint in endpoints {
        let node = at(&cluster, &endpoint);
        let error = soon(node.redeem(endpoint.ticket.unwrap())).await.unwrap_err();
        errors.push((error.code(), error.message().to_owned()));
    }
    assert_eq!(errors[0], errors[1]);
    assert_eq!(errors[0].0, Code::InvalidArgument, "{}", errors[0].1);
    assert!(errors[0].1.contains("ivide by zero"), "{}", errors[0].1);
    let node = &cluster.nodes[0].member().node_id;
    assert!(errors[0].1.contains(&format!("taken by node {node})")), "{}", errors[0].1);
}

#[tokio::test]
async fn every_endpoint_gives_its_share_of_the_whole() {
    let cluster = Plan::of(2).table().await.start().await;
    let endpoints = cluster.nodes[1].execute("SELECT v FROM t", EVERYWHERE).await.unwrap();
    assert_eq!(endpoints.len(), 2);
    for endpoint in endpoints {
        let query = at(&cluster, &endpoint);
        let messages = soon(query.redeem(endpoint.ticket.unwrap())).await.unwrap();
        assert!(messages.len() > 1, "a schema and data");
    }
    let rows = |node: &TestNode| {
        let results = node.queries().store().all();
        results.iter().map(|result| result.totals().rows).sum::<u64>()
    };
    assert_eq!(cluster.nodes.iter().map(rows).sum::<u64>(), 4000);
}

#[tokio::test]
async fn a_coordinator_that_does_not_serve_delivers_to_one_that_does() {
    let roles = ["coordinator,worker", "worker,serve"];
    let cluster = Plan::of(2).roles(&roles).table().await.start().await;
    for mode in ["local", "distributed"] {
        let options = [("squadron-execution-mode", mode)];
        let endpoints = cluster.nodes[0].execute("SELECT v FROM t", &options).await.unwrap();
        assert_eq!(endpoints.len(), 1);
        let location = &endpoints[0].location[0].uri;
        assert!(location.ends_with(&cluster.nodes[1].flight().to_string()), "{location}");
        let ticket = endpoints[0].ticket.clone().unwrap();
        soon(cluster.nodes[0].redeem(ticket.clone())).await.unwrap();
        soon(cluster.nodes[1].redeem(ticket)).await.unwrap();
    }
    assert_eq!(cluster.nodes[0].queries().store().usage().results, 0);
}

#[tokio::test]
async fn a_relayed_reader_is_told_which_node_is_lost() {
    let mut cluster = Plan::of(2).start().await;
    let opening = opening(&cluster.nodes[0]);
    let result = cluster.nodes[1].queries().store().open(opening.clone()).unwrap();
    let ticket = cluster.nodes[0].ticket(share(&opening, &cluster.nodes[1]));
    // A query that runs, so that no sweep ends it.
    let record = Arc::new(Record::new(opening, Vec::new(), Arc::default()));
    cluster.nodes[0].queries().register(record).unwrap();

    let part = PartKey { query: result.opening().query, attempt: 0, task: 0, partition: 0 };
    result.begin(part).unwrap();
    let frame = Frame::new(Bytes::from_static(b"header"), Bytes::from_static(b"body"), 1);
    result.append(part, frame).await.unwrap();
    let mut stream = cluster.nodes[0].stream(ticket).await.unwrap();
    for what in ["schema", "frame"] {
        assert!(soon(stream.message()).await.unwrap().is_some(), "the {what}");
    }
    drop(result);
    cluster.nodes[1].kill();
    let error = soon(stream.message()).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.message().contains("node b"), "{}", error.message());
}

#[tokio::test]
async fn a_plan_for_a_node_that_left_is_refused() {
    let cluster = Plan::of(1).start().await;
    let queries = cluster.nodes[0].queries();
    assert_eq!(queries.all_alive(&["a".into()]).unwrap().len(), 1);
    let error = queries.all_alive(&["a".into(), "ghost".into()]).unwrap_err();
    assert!(matches!(error, squadron_planner::PlannerError::Unavailable(_)));
}

#[tokio::test]
async fn frames_of_no_sensible_size_are_refused() {
    let cluster = Plan::of(1).start().await;
    for size in ["1", "18446744073709551615"] {
        let options = [("squadron-frame-bytes", size)];
        let error = cluster.nodes[0].execute("SELECT 1", &options).await.unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
        assert!(error.message().contains("squadron.frame_bytes"), "{}", error.message());
    }
}
