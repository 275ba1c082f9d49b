//! The 22 TPC-H queries give exactly the single-node answer, on any number of nodes.

use squadron_dev::answer::{Answer, ask};
use squadron_dev::cluster::TestCluster;
use squadron_dev::fixtures;
use squadron_dev::oracle::{Oracle, Rows, difference};
use squadron_server::demo::tpch::QUERIES;
use tokio::sync::OnceCell;

/// The right answers, computed once for all tests of this process.
async fn right() -> &'static [Rows] {
    static RIGHT: OnceCell<Vec<Rows>> = OnceCell::const_new();
    RIGHT.get_or_init(compute).await
}

async fn compute() -> Vec<Rows> {
    let oracle = Oracle::over(fixtures::tpch()).await.unwrap();
    let mut right = Vec::new();
    for sql in QUERIES {
        right.push(oracle.rows(sql).await.unwrap());
    }
    right
}

async fn check(nodes: usize, mode: &str) {
    let cluster = TestCluster::start(nodes, fixtures::tpch()).await;
    let mut wrong = Vec::new();
    for (index, (sql, right)) in QUERIES.iter().zip(right().await).enumerate() {
        // A different node takes each query: none is special.
        let client = cluster.client_with(index % nodes, &[("squadron-execution-mode", mode)]).await;
        if let Some(why) = verdict(right, ask(&client, sql).await) {
            wrong.push(format!("q{}: {why}", index + 1));
        }
    }
    assert!(wrong.is_empty(), "{nodes} nodes, {mode}:\n{}", wrong.join("\n"));
}

fn verdict<E: std::fmt::Display>(right: &Rows, answer: Result<Answer, E>) -> Option<String> {
    match answer {
        Ok(answer) => difference(right, &answer),
        Err(error) => Some(error.to_string()),
    }
}

macro_rules! tests {
    ($($name:ident: $nodes:literal $mode:literal;)+) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            check($nodes, $mode).await;
        })+
    };
}

tests! {
    one_node_local: 1 "local";
    one_node_distributed: 1 "distributed";
    two_nodes_local: 2 "local";
    two_nodes_distributed: 2 "distributed";
    three_nodes_local: 3 "local";
    three_nodes_distributed: 3 "distributed";
    five_nodes_local: 5 "local";
    five_nodes_distributed: 5 "distributed";
}
