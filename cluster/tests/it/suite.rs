//! What every implementation of `Membership` must do, written once: a new one gets a `Ground` and one
//! line `suite!(ItsGround)`.

use std::sync::Arc;

use squadron_cluster::Members;

use crate::harness::{Ground, Node, ids, often, wait_for, wait_for_ids};

/// Makes a test of every rule below for one implementation.
macro_rules! suite {
    ($ground:ty, $($rule:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $rule() {
            crate::suite::$rule::<$ground>().await;
        })*
    };
    ($ground:ty) => {
        crate::suite::suite!(
            $ground,
            a_node_alone_is_its_only_member,
            three_nodes_see_each_other,
            all_nodes_see_the_same_records,
            a_killed_node_is_out_and_back_when_it_starts_again,
            a_leaving_node_is_out_while_it_still_runs,
            a_node_that_left_still_sees_the_others,
            a_draining_node_is_a_member_without_roles,
            a_changed_snapshot_has_a_higher_epoch,
            another_version_is_a_member_but_no_worker,
            a_second_node_with_the_same_id_cannot_start,
            a_second_node_with_the_same_advertised_address_cannot_start,
            a_conflict_leaves_the_first_node_as_it_was,
        );
    };
}
pub(crate) use suite;

/// Starts all nodes of a ground, settled and known to each other.
async fn started<G: Ground>(nodes: usize) -> (G, Vec<Node>) {
    let ground = G::new(nodes, often());
    let nodes: Vec<_> = (0..nodes).map(|node| ground.start(node)).collect();
    for node in &nodes {
        node.membership.settled().await.unwrap();
        let mut members = node.membership.members();
        wait_for(&mut members, "all nodes", |m| m.all().len() == nodes.len()).await;
    }
    (ground, nodes)
}

fn now(node: &Node) -> Arc<Members> {
    Arc::clone(&node.membership.members().borrow())
}

pub async fn a_node_alone_is_its_only_member<G: Ground>() {
    let node = G::new(1, often()).start(0);
    node.membership.settled().await.unwrap();
    assert_eq!(ids(&now(&node)), ["a"]);
}

pub async fn three_nodes_see_each_other<G: Ground>() {
    let (_ground, nodes) = started::<G>(3).await;
    for node in &nodes {
        assert_eq!(ids(&now(node)), ["a", "b", "c"]);
    }
}

pub async fn all_nodes_see_the_same_records<G: Ground>() {
    let (_ground, nodes) = started::<G>(3).await;
    for node in &nodes {
        assert_eq!(now(node).all(), now(&nodes[0]).all());
        assert_eq!(&**now(node).myself(), node.membership.myself());
    }
}

pub async fn a_killed_node_is_out_and_back_when_it_starts_again<G: Ground>() {
    let (ground, mut nodes) = started::<G>(3).await;
    let before = now(&nodes[0]);
    nodes.pop().unwrap().kill();
    wait_for_ids(&nodes[0], &["a", "b"]).await;
    wait_for_ids(&nodes[1], &["a", "b"]).await;
    nodes.push(ground.start(2));
    let after = wait_for_ids(&nodes[0], &["a", "b", "c"]).await;
    assert_ne!(before.get("c").unwrap().generation, after.get("c").unwrap().generation);
}

pub async fn a_leaving_node_is_out_while_it_still_runs<G: Ground>() {
    let (_ground, nodes) = started::<G>(3).await;
    nodes[2].membership.leave().await;
    wait_for_ids(&nodes[0], &["a", "b"]).await;
    wait_for_ids(&nodes[1], &["a", "b"]).await;
}

pub async fn a_draining_node_is_a_member_without_roles<G: Ground>() {
    let (_ground, nodes) = started::<G>(3).await;
    nodes[2].membership.drain().await;
    for node in &nodes[..2] {
        let mut members = node.membership.members();
        wait_for(&mut members, "c drains", |m| m.get("c").is_some_and(|c| c.is_draining())).await;
        assert_eq!(now(node).workers().count(), 2);
    }
    assert!(!nodes[2].membership.myself().is_draining());
    nodes[2].membership.leave().await;
    wait_for_ids(&nodes[0], &["a", "b"]).await;
}

pub async fn a_node_that_left_still_sees_the_others<G: Ground>() {
    let (_ground, nodes) = started::<G>(2).await;
    nodes[1].membership.leave().await;
    wait_for_ids(&nodes[0], &["a"]).await;
    assert_eq!(ids(&now(&nodes[1])), ["a", "b"]);
}

pub async fn a_changed_snapshot_has_a_higher_epoch<G: Ground>() {
    let (_ground, mut nodes) = started::<G>(2).await;
    let before = now(&nodes[0]);
    nodes.pop().unwrap().kill();
    assert!(wait_for_ids(&nodes[0], &["a"]).await.epoch() > before.epoch());
}

pub async fn another_version_is_a_member_but_no_worker<G: Ground>() {
    let ground = G::new(2, often());
    let old = ground.start(0);
    let new = ground.start_as(1, |member| member.version = "2".into());
    let seen = wait_for_ids(&old, &["a", "b"]).await;
    let workers: Vec<_> = seen.workers().map(|m| m.node_id.as_str()).collect();
    assert_eq!(workers, ["a"]);
    drop(new);
}

pub async fn a_second_node_with_the_same_id_cannot_start<G: Ground>() {
    let ground = G::new(2, often());
    let first = ground.start(0);
    first.membership.settled().await.unwrap();
    let second = ground.start_as(1, |member| member.node_id = "a".into());
    let error = second.membership.settled().await.unwrap_err().to_string();
    assert!(error.contains("node id \"a\"") && names_both(&error, &first, &second), "{error}");
}

pub async fn a_second_node_with_the_same_advertised_address_cannot_start<G: Ground>() {
    let ground = G::new(2, often());
    let first = ground.start(0);
    first.membership.settled().await.unwrap();
    let taken = first.membership.myself().advertised.clone();
    let second = ground.start_as(1, |member| member.advertised = taken.clone());
    let error = second.membership.settled().await.unwrap_err().to_string();
    assert!(error.contains(&taken[0]) && names_both(&error, &first, &second), "{error}");
}

pub async fn a_conflict_leaves_the_first_node_as_it_was<G: Ground>() {
    let ground = G::new(3, often());
    let (first, other) = (ground.start(0), ground.start(2));
    wait_for_ids(&first, &["a", "c"]).await;
    first.membership.settled().await.unwrap();
    let second = ground.start_as(1, |member| member.node_id = "a".into());
    second.membership.settled().await.unwrap_err();
    assert_eq!(ids(&now(&first)), ["a", "c"]);
    first.membership.settled().await.unwrap();
    drop(other);
}

fn names_both(error: &str, first: &Node, second: &Node) -> bool {
    [first, second]
        .iter()
        .all(|node| error.contains(&node.membership.myself().internal.to_string()))
}
