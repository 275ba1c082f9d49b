//! The rules of the roster, one by one, without sockets.

use super::*;
use crate::member::Roles;

/// A node with everything derived from its name and port.
fn node(node_id: &str, port: u16) -> Member {
    Member {
        node_id: node_id.into(),
        generation: port.into(),
        version: "1".into(),
        zone: None,
        host: "h".into(),
        roles: Roles::ALL,
        internal: format!("h:{port}").parse().unwrap(),
        advertised: vec![format!("grpc+tcp://h:{}", 1000 + port)],
    }
}

fn restarted(member: &Member) -> Member {
    Member { generation: member.generation + 1, ..member.clone() }
}

/// Node `me` at port 1 with peers at ports 2 and 3 (slots 0 and 1).
fn roster() -> Roster {
    let peers: Peers = "h:1,h:1001;h:2,h:1002;h:3,h:1003".parse().unwrap();
    let me = Arc::new(node("me", 1));
    let others = peers.except(&me.internal).cloned().collect();
    Roster::new(me, others, 2)
}

fn started() -> Roster {
    let mut roster = roster();
    roster.end_of_start().unwrap();
    roster
}

fn ids(roster: &mut Roster) -> String {
    roster.publish();
    let ids: Vec<_> = roster.members.all().iter().map(|m| m.node_id.clone()).collect();
    ids.join(" ")
}

fn silent() -> Miss {
    Miss::silent("nobody there".into())
}

fn said(roster: &mut Roster) -> Vec<(Level, String)> {
    roster.take_remarks().into_iter().map(|remark| (remark.level, remark.text)).collect()
}

#[test]
fn who_answers_is_a_member() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    assert_eq!(ids(&mut roster), "b me");
}

#[test]
fn who_greets_is_a_member() {
    let mut roster = started();
    roster.greeted(node("c", 3), false);
    assert_eq!(ids(&mut roster), "c me");
}

#[test]
fn one_miss_is_forgiven_two_are_not() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    roster.missed(0, &silent(), false);
    assert_eq!(ids(&mut roster), "b me");
    roster.missed(0, &silent(), false);
    assert_eq!(ids(&mut roster), "me");
    roster.answered(0, node("b", 2), false);
    assert_eq!(ids(&mut roster), "b me");
}

#[test]
fn an_answer_makes_up_for_a_miss() {
    let mut roster = started();
    for _ in 0..3 {
        roster.answered(0, node("b", 2), false);
        roster.missed(0, &silent(), false);
    }
    assert_eq!(ids(&mut roster), "b me");
}

#[test]
fn one_miss_after_a_suspicion_is_enough() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    assert_eq!(roster.suspect("b"), Some(0));
    let last_chance = roster.begin_probe(0);
    roster.missed(0, &silent(), last_chance);
    assert_eq!(ids(&mut roster), "me");
}

#[test]
fn a_suspicion_counts_for_one_probe_only() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    roster.suspect("b");
    assert!(roster.begin_probe(0));
    assert!(!roster.begin_probe(0));
    assert_eq!(roster.suspect("nobody"), None);
}

#[test]
fn a_lost_process_that_greets_must_be_reached_first() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    roster.missed(0, &silent(), true);
    assert_eq!(roster.greeted(node("b", 2), false), Known::Look(0));
    assert_eq!(ids(&mut roster), "me");
}

#[test]
fn a_restarted_process_that_greets_is_back_at_once() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    roster.missed(0, &silent(), true);
    roster.greeted(restarted(&node("b", 2)), false);
    assert_eq!(ids(&mut roster), "b me");
}

#[test]
fn a_new_generation_is_a_new_snapshot() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    let before = roster.publish().unwrap();
    roster.answered(0, node("b", 2), false);
    assert!(roster.publish().is_none());
    roster.answered(0, restarted(&node("b", 2)), false);
    assert_eq!(roster.publish().unwrap().epoch(), before.epoch() + 1);
}

#[test]
fn who_says_goodbye_is_out_until_it_starts_again() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    roster.greeted(node("b", 2), true);
    assert_eq!(ids(&mut roster), "me");
    // An answer that was under way when it left.
    roster.answered(0, node("b", 2), false);
    assert_eq!(ids(&mut roster), "me");
    roster.greeted(restarted(&node("b", 2)), false);
    assert_eq!(ids(&mut roster), "b me");
}

#[test]
fn an_address_of_this_node_itself_is_no_peer_and_no_conflict() {
    let mut roster = roster();
    roster.answered(0, node("me", 1), false);
    assert!(roster.is_myself(0));
    assert_eq!(ids(&mut roster), "me");
    assert!(roster.end_of_start().is_ok());
}

#[test]
fn the_first_round_is_over_when_all_have_been_asked() {
    let mut roster = roster();
    roster.answered(0, node("b", 2), false);
    roster.greeted(node("c", 3), false);
    assert!(!roster.is_first_round_over());
    roster.missed(1, &silent(), false);
    assert!(roster.is_first_round_over());
}

/// Every way in which a peer can clash: with this node, and with another peer.
fn clashes() -> [(Member, &'static str); 5] {
    [
        (node("me", 2), "node id \"me\": node \"me\" at h:1 and node \"me\" at h:2"),
        (Member { internal: "h:1".parse().unwrap(), ..node("b", 2) }, "internal address h:1"),
        (
            Member { advertised: node("me", 1).advertised, ..node("b", 2) },
            "address grpc+tcp://h:1001",
        ),
        (node("c", 2), "node id \"c\": node \"c\" at h:3 and node \"c\" at h:2"),
        (
            Member { advertised: node("c", 3).advertised, ..node("b", 2) },
            "address grpc+tcp://h:1003",
        ),
    ]
}

#[test]
fn a_clash_at_the_start_is_an_error_naming_both() {
    for (peer, message) in clashes() {
        let mut roster = roster();
        roster.answered(1, node("c", 3), false);
        roster.answered(0, peer, false);
        let error = roster.end_of_start().unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("it answers at h:2"), "{error}");
        assert_eq!(ids(&mut roster), "c me");
    }
}

#[test]
fn a_clash_later_is_logged_once_and_kept_out() {
    for (peer, message) in clashes() {
        let mut roster = started();
        roster.answered(1, node("c", 3), false);
        said(&mut roster);
        roster.answered(0, peer.clone(), false);
        roster.greeted(peer.clone(), false);
        roster.answered(0, peer, false);
        let lines = said(&mut roster);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].0 == Level::ERROR && lines[0].1.contains(message), "{lines:?}");
        assert_eq!(ids(&mut roster), "c me");
        assert!(roster.end_of_start().is_ok());
    }
}

#[test]
fn a_clash_ends_with_its_other_half() {
    let mut roster = started();
    roster.answered(1, node("c", 3), false);
    roster.answered(0, node("c", 2), false);
    roster.missed(1, &silent(), true);
    roster.answered(0, node("c", 2), false);
    assert_eq!(ids(&mut roster), "c me");
    assert_eq!(roster.members.get("c").unwrap().internal.port(), 2);
}

#[test]
fn a_stranger_is_no_member_and_mentioned_once() {
    let mut roster = started();
    assert_eq!(roster.greeted(node("x", 9), false), Known::Stranger);
    assert_eq!(roster.greeted(node("x", 9), false), Known::Stranger);
    assert_eq!(ids(&mut roster), "me");
    let lines = said(&mut roster);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].0 == Level::WARN && lines[0].1.contains("same --peers"), "{lines:?}");
}

/// Whose word for its address was not heard yet.
#[test]
fn at_the_start_nobody_is_called_a_stranger() {
    let mut roster = roster();
    assert_eq!(roster.greeted(node("x", 9), false), Known::Peer);
    assert_eq!(ids(&mut roster), "me");
}

#[test]
fn a_peer_that_starts_anew_is_known_by_the_address_it_gave() {
    let mut roster = started();
    let alias = Member { internal: "alias:2".parse().unwrap(), ..node("b", 2) };
    roster.answered(0, alias.clone(), false);
    assert_eq!(roster.greeted(restarted(&alias), false), Known::Peer);
    assert_eq!(ids(&mut roster), "b me");
}

#[test]
fn a_stranger_cannot_take_the_place_of_a_peer() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    roster.greeted(node("b", 9), false);
    roster.publish();
    assert_eq!(roster.members.get("b").unwrap().internal.port(), 2);
}

#[test]
fn a_stranger_with_this_nodes_id_stops_the_start() {
    let mut roster = roster();
    roster.greeted(node("me", 9), false);
    assert!(roster.end_of_start().is_err());
}

#[test]
fn a_peers_own_word_goes_before_the_list_and_is_warned_about_once() {
    let mut roster = started();
    let other = Member {
        internal: "alias:2".parse().unwrap(),
        advertised: vec!["grpc+tls://public:443".into()],
        ..node("b", 2)
    };
    roster.answered(0, other.clone(), false);
    roster.answered(0, other.clone(), false);
    roster.publish();
    assert_eq!(**roster.members.get("b").unwrap(), other);
    let lines = said(&mut roster);
    assert_eq!(lines.len(), 1);
    let words = ["alias:2", "h:2", "grpc+tls://public:443", "grpc+tcp://h:1002"];
    assert!(lines[0].0 == Level::WARN && words.iter().all(|w| lines[0].1.contains(w)), "{lines:?}");
}

#[test]
fn a_peer_under_an_alias_is_known_by_its_greeting_once_it_has_answered() {
    let mut roster = started();
    let alias = Member { internal: "alias:2".parse().unwrap(), ..node("b", 2) };
    roster.answered(0, alias.clone(), false);
    roster.greeted(alias, true);
    assert_eq!(ids(&mut roster), "me");
}

#[test]
fn another_version_is_a_member_but_no_worker() {
    let mut roster = started();
    roster.answered(0, Member { version: "2".into(), ..node("b", 2) }, false);
    assert_eq!(ids(&mut roster), "b me");
    assert_eq!(roster.members.workers().count(), 1);
    let lines = said(&mut roster);
    assert!(lines[0].0 == Level::WARN && lines[0].1.contains("runs version 2"), "{lines:?}");
}

#[test]
fn a_peer_that_refuses_our_secret_is_told_once() {
    let mut roster = started();
    for reason in ["Unauthenticated: 301 s apart", "Unauthenticated: 302 s apart"] {
        roster.missed(0, &Miss::refused(reason.into()), false);
    }
    let lines = said(&mut roster);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].0 == Level::ERROR && lines[0].1.contains("301 s apart"), "{lines:?}");
}

#[test]
fn coming_and_going_is_told_once_each() {
    let mut roster = started();
    for _ in 0..3 {
        roster.answered(0, node("b", 2), false);
    }
    for _ in 0..4 {
        roster.missed(0, &silent(), false);
    }
    let levels: Vec<_> = said(&mut roster).into_iter().map(|(level, _)| level).collect();
    assert_eq!(levels, [Level::INFO, Level::WARN]);
}

#[test]
fn a_node_that_its_own_list_knows_otherwise_is_warned() {
    let roster = roster();
    let peers: Peers = "h:1,h:9".parse().unwrap();
    let remark = roster.compare_own_entry(&peers).unwrap();
    assert!(remark.text.contains("grpc+tcp://h:1001"), "{}", remark.text);
    assert_eq!(roster.compare_own_entry(&"h:1,h:1001".parse().unwrap()), None);
}

fn draining(member: &Member) -> Member {
    Member { roles: Roles::NONE, ..member.clone() }
}

#[test]
fn a_member_that_drains_stays_without_roles() {
    let mut roster = started();
    roster.answered(0, node("b", 2), false);
    roster.greeted(draining(&node("b", 2)), false);
    assert_eq!(ids(&mut roster), "b me");
    assert_eq!(roster.members.serving().count(), 1);
    assert!(said(&mut roster).iter().any(|(_, text)| text.contains("drains")));
}

#[test]
fn an_answer_from_before_it_drained_changes_nothing() {
    let mut roster = started();
    roster.greeted(draining(&node("b", 2)), false);
    roster.answered(0, node("b", 2), false);
    roster.publish();
    assert!(roster.members.get("b").unwrap().is_draining());
    roster.answered(0, restarted(&node("b", 2)), false);
    roster.publish();
    assert!(!roster.members.get("b").unwrap().is_draining(), "another process");
}
