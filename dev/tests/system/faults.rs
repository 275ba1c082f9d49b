//! Nodes that are not there, that go, or that should not be.

use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;

const COUNT: &str = "select count(*) from lineitem";
const LINES: &str = "60175";

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_down_is_left_out() {
    let cluster = ClusterOptions::new(2).data(fixtures::tpch()).dead_peer().start().await;
    for node in 0..2 {
        assert_eq!(cluster.ask_distributed(node, COUNT).await.unwrap().value(), LINES);
    }
    let answer = cluster.ask_distributed(0, "select l_orderkey from lineitem").await.unwrap();
    assert_eq!(answer.info.endpoint.len(), 2);
    assert_eq!(answer.rows().to_string(), LINES);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_leaves_is_asked_nothing_more() {
    let mut cluster = TestCluster::start(3, fixtures::tpch()).await;
    cluster.stop(2).await;
    cluster.wait_for_members(2).await;
    for node in 0..2 {
        assert_eq!(cluster.ask_distributed(node, COUNT).await.unwrap().value(), LINES);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_share_of_a_node_that_left_is_unavailable() {
    let mut cluster = TestCluster::start(3, fixtures::tpch()).await;
    let client = cluster.client_with(0, &[("squadron-execution-mode", "distributed")]).await;
    let info = client.execute("select l_orderkey from lineitem").await.unwrap();
    squadron_dev::answer::read(&client, info.clone()).await.unwrap();
    cluster.stop(2).await;
    cluster.wait_for_members(2).await;
    let mut refused = Vec::new();
    for ticket in squadron_dev::wire::tickets(&info) {
        let mut wire = squadron_dev::wire::Wire::connect(&cluster.uri(0)).await.unwrap();
        refused.extend(wire.get(&ticket).await.err());
    }
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].code(), tonic::Code::Unavailable);
    assert!(refused[0].message().contains("node-2"), "it says which node: {}", refused[0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_without_a_server_of_results_refuse_to_run_anything() {
    let options = ClusterOptions::new(2).data(fixtures::tpch());
    let cluster = options.roles(0, "coordinator,worker").roles(1, "worker").start().await;
    let error = cluster.ask(0, COUNT).await.unwrap_err().to_string();
    assert!(error.starts_with("UNAVAILABLE") && error.contains("serve"), "{error}");
}

async fn refusal(options: ClusterOptions) -> String {
    let started = options.try_start().await;
    started.err().expect("a node refuses to start").to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_of_one_name_do_not_start() {
    let options = ClusterOptions::new(2).adjust(|_, args| args.node_id = Some("twin".into()));
    let error = refusal(options).await;
    assert!(error.contains("two nodes have the node id \"twin\""), "{error}");
    assert!(error.contains("--node-id") && !error.contains('\n'), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_of_one_address_do_not_start() {
    let same = |_: usize, args: &mut squadron_server::config::ServeArgs| {
        args.advertise = vec!["grpc+tcp://127.0.0.1:9".into()];
    };
    let error = refusal(ClusterOptions::new(2).adjust(same)).await;
    assert!(
        error.contains("two nodes have the advertised address grpc+tcp://127.0.0.1:9"),
        "{error}"
    );
    for named in ["node-0", "node-1", "--advertise"] {
        assert!(error.contains(named), "{named}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_another_secret_does_not_get_in() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("secret");
    std::fs::write(&other, "another secret, of the right length").unwrap();
    std::fs::set_permissions(&other, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let options = ClusterOptions::new(2).data(fixtures::tpch()).adjust(move |index, args| {
        if index == 1 {
            args.cluster_secret_file = Some(other.clone());
        }
    });
    let cluster = options.expect_members(1).start().await;
    assert_eq!(cluster.ask_distributed(0, COUNT).await.unwrap().value(), LINES);
    assert_eq!(cluster.node(0).members().borrow().all().len(), 1);
}
