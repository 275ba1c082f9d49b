//! Static membership: the common suite, and what only it promises.

use std::time::{Duration, Instant};

use squadron_cluster::ClusterSecret;
use squadron_cluster::config::Probe;
use squadron_cluster::membership::fixed::Peers;

use crate::harness::{FixedGround, Ground, ids, often, once, wait_for_ids};

crate::suite::suite!(FixedGround);

#[tokio::test]
async fn who_says_hello_is_a_member_at_once() {
    let ground = FixedGround::new(2, once());
    let a = ground.start(0);
    a.membership.settled().await.unwrap();
    let b = ground.start(1);
    // `a` has probed `b` before it was there and does not probe again: it knows by b's greeting.
    wait_for_ids(&a, &["a", "b"]).await;
    wait_for_ids(&b, &["a", "b"]).await;
}

#[tokio::test]
async fn a_settled_node_knows_who_is_there() {
    let ground = FixedGround::new(3, once());
    let _others = [ground.start(0), ground.start(1)];
    let c = ground.start(2);
    c.membership.settled().await.unwrap();
    assert_eq!(ids(&c.membership.members().borrow()), ["a", "b", "c"]);
}

#[tokio::test]
async fn a_suspected_node_is_looked_at_at_once() {
    let ground = FixedGround::new(2, once());
    let (a, b) = (ground.start(0), ground.start(1));
    wait_for_ids(&a, &["a", "b"]).await;
    a.membership.settled().await.unwrap();
    b.kill();
    a.membership.suspect("b");
    wait_for_ids(&a, &["a"]).await;
}

#[tokio::test]
async fn a_suspected_node_that_answers_stays() {
    let ground = FixedGround::new(2, often());
    let (a, _b) = (ground.start(0), ground.start(1));
    wait_for_ids(&a, &["a", "b"]).await;
    let mut members = a.membership.members();
    members.mark_unchanged();
    for _ in 0..100 {
        a.membership.suspect("b");
        tokio::task::yield_now().await;
    }
    assert!(!members.has_changed().unwrap());
}

#[tokio::test]
async fn a_node_restarted_before_it_is_missed_is_a_new_member() {
    let ground = FixedGround::new(2, once());
    let (a, b) = (ground.start(0), ground.start(1));
    let before = wait_for_ids(&a, &["a", "b"]).await.get("b").unwrap().generation;
    b.kill();
    let _b = ground.start(1);
    let mut members = a.membership.members();
    crate::harness::wait_for(&mut members, "the new b", |members| {
        members.get("b").is_some_and(|b| b.generation != before)
    })
    .await;
}

#[tokio::test]
async fn a_silent_peer_holds_up_the_start_for_a_second_at_most() {
    let mut ground = FixedGround::new(1, Probe { timeout: Duration::from_secs(600), ..once() });
    // Accepts connections (the kernel does) and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    ground.peers = format!("{},elsewhere:1", silent.local_addr().unwrap()).parse().unwrap();
    let a = ground.start(0);
    let start = Instant::now();
    a.membership.settled().await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_silent_peer_is_out_although_its_connection_stands() {
    let probe = Probe { timeout: Duration::from_millis(200), ..often() };
    let ground = FixedGround::new(2, probe);
    let (a, b) = (ground.start(0), ground.start(1));
    wait_for_ids(&a, &["a", "b"]).await;
    let stalled = b.stall();
    wait_for_ids(&a, &["a"]).await;
    let _b = stalled.go_on();
    wait_for_ids(&a, &["a", "b"]).await;
}

#[tokio::test]
async fn a_peer_is_back_although_an_old_connection_to_it_leads_nowhere() {
    let probe = Probe { timeout: Duration::from_millis(200), ..often() };
    let mut ground = FixedGround::new(2, probe);
    let silent = ground.listener(1);
    let a = ground.start(0);
    let (nowhere, _) = silent.accept().unwrap();
    drop(silent);
    // `b` knows nobody and so says hello to nobody: `a` must get through to it.
    ground.peers = Peers::default();
    let b = ground.start(1);
    wait_for_ids(&a, &["a", "b"]).await;
    drop((nowhere, b));
}

#[tokio::test]
async fn a_node_with_another_secret_is_nobody() {
    let ground = FixedGround::new(3, often());
    let (a, b) = (ground.start(0), ground.start(1));
    let foreign = ground.start_with(2, &ClusterSecret::random(), |_| {});
    foreign.membership.settled().await.unwrap();
    wait_for_ids(&a, &["a", "b"]).await;
    wait_for_ids(&b, &["a", "b"]).await;
    assert_eq!(ids(&foreign.membership.members().borrow()), ["c"]);
}

/// Queries that one of two nodes starts on both would fail for the other.
#[tokio::test]
async fn who_does_not_have_a_node_in_its_list_is_none_of_that_nodes_members() {
    let mut ground = FixedGround::new(2, often());
    let all = ground.peers.clone();
    ground.peers = all.all()[1].to_string().parse().unwrap();
    let b = ground.start(1);
    b.membership.settled().await.unwrap();
    ground.peers = all;
    let a = ground.start(0);
    a.membership.settled().await.unwrap();
    assert_eq!(ids(&a.membership.members().borrow()), ["a"]);
}

#[tokio::test]
async fn the_list_may_name_this_node_by_another_of_its_addresses() {
    let mut ground = FixedGround::new(1, often());
    let port = ground.peers.all()[0].internal.port();
    ground.peers = format!("localhost:{port},advertised:{port}").parse().unwrap();
    let a = ground.start(0);
    a.membership.settled().await.unwrap();
    assert_eq!(ids(&a.membership.members().borrow()), ["a"]);
}
