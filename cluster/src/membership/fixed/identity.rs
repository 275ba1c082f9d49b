//! Who may stand beside whom: two nodes must not share an identity, and a peer should be what the
//! list says it is.

use super::peers::Peer;
use crate::member::Member;

/// Why `a` and `b` cannot be members of one cluster, naming both and what to change; `None` if they
/// can.
pub(super) fn clash(a: &Member, b: &Member, b_answers_at: &str) -> Option<String> {
    let (what, value, flag) = shared(a, b)?;
    Some(format!(
        "two nodes have the {what} {value}: {a} and {b} (it answers at {b_answers_at}); give one of them another by {flag}"
    ))
}

/// The first thing two nodes share that must be unique.
fn shared<'a>(a: &'a Member, b: &Member) -> Option<(&'static str, String, &'static str)> {
    if a.node_id == b.node_id {
        return Some(("node id", format!("\"{}\"", a.node_id), "--node-id"));
    }
    if a.internal == b.internal {
        return Some(("internal address", a.internal.to_string(), "--cluster-listen"));
    }
    let both = |location: &&'a String| b.advertised.contains(location);
    let location = a.advertised.iter().find(both)?;
    Some(("advertised address", location.clone(), "--advertise"))
}

/// What a live peer says of itself that its neighbour's list or version says otherwise; empty if all
/// agrees.
pub(super) fn differences(me: &Member, peer: &Peer, member: &Member) -> Vec<String> {
    let mut found = Vec::new();
    if member.internal != peer.internal {
        found.push(format!(
            "it says its internal address is {}, and that is used; the list of peers says {}",
            member.internal, peer.internal
        ));
    }
    if !member.advertised.contains(&peer.advertised) {
        found.push(format!(
            "it advertises {}, and that is used; the list of peers says {}",
            member.advertised.join(" "),
            peer.advertised
        ));
    }
    if member.version != me.version {
        found.push(format!(
            "it runs version {} and this node {}: neither runs tasks for the other",
            member.version, me.version
        ));
    }
    found
}
