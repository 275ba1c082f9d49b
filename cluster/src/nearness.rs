//! Which member is nearest: a pure function over what membership already knows.
//!
//! A partition of a result goes to the nearest peer: the same process (no wire at all), then the same
//! host (loopback), the same zone (cheap and quick), then the rest. Within one distance the least
//! loaded goes first, so that equal peers share the work; ties are broken by node id, so that every
//! caller with the same facts makes the same choice.

use crate::member::Member;

/// How far one member is from another; nearer is less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// The same node: no wire.
    SameNode,
    /// Another process of the same machine.
    SameHost,
    /// Another machine of the same zone.
    SameZone,
    /// Anywhere else.
    Elsewhere,
}

/// How far `other` is from `me`. An empty host or a missing zone is near nobody.
pub fn distance(me: &Member, other: &Member) -> Distance {
    if me.node_id == other.node_id {
        Distance::SameNode
    } else if !me.host.is_empty() && me.host == other.host {
        Distance::SameHost
    } else if me.zone.is_some() && me.zone == other.zone {
        Distance::SameZone
    } else {
        Distance::Elsewhere
    }
}

/// The candidates in the order in which `me` should try them: nearest first, then least loaded, then
/// by node id. `load` is any measure of what each has been given already (bytes, parts).
pub fn order<'a, I>(me: &Member, candidates: I) -> Vec<&'a Member>
where
    I: IntoIterator<Item = (&'a Member, u64)>,
{
    let mut ranked: Vec<_> =
        candidates.into_iter().map(|(member, load)| (distance(me, member), load, member)).collect();
    ranked.sort_by(|a, b| (a.0, a.1, &a.2.node_id).cmp(&(b.0, b.1, &b.2.node_id)));
    ranked.into_iter().map(|(_, _, member)| member).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::*;
    use crate::member::Roles;

    fn member(node_id: &str, host: &str, zone: Option<&str>) -> Member {
        Member {
            node_id: node_id.into(),
            generation: 1,
            version: "1".into(),
            zone: zone.map(str::to_owned),
            host: host.into(),
            roles: Roles::ALL,
            internal: "a:1".parse().unwrap(),
            advertised: vec![],
        }
    }

    fn ids(me: &Member, candidates: &[(Member, u64)]) -> Vec<String> {
        let candidates = candidates.iter().map(|(member, load)| (member, *load));
        order(me, candidates).into_iter().map(|m| m.node_id.clone()).collect()
    }

    #[test]
    fn nearer_goes_before_less_loaded() {
        let me = member("me", "h1", Some("z1"));
        let candidates = [
            (member("far", "h3", Some("z2")), 0),
            (member("zone", "h2", Some("z1")), 1),
            (member("host", "h1", Some("z1")), 2),
            (me.clone(), 3),
        ];
        assert_eq!(ids(&me, &candidates), ["me", "host", "zone", "far"]);
    }

    #[test]
    fn equally_near_go_by_load_then_by_id() {
        let me = member("me", "h0", None);
        let candidates = [
            (member("c", "h1", None), 1),
            (member("b", "h2", None), 1),
            (member("a", "h3", None), 9),
        ];
        assert_eq!(ids(&me, &candidates), ["b", "c", "a"]);
    }

    #[test]
    fn unknown_hosts_and_zones_are_near_nobody() {
        let me = member("me", "", None);
        assert_eq!(distance(&me, &member("a", "", None)), Distance::Elsewhere);
    }

    fn any_member() -> impl Strategy<Value = (Member, u64)> {
        ("[a-d]", "[a-c]?", proptest::option::of("[a-b]"), 0..3u64)
            .prop_map(|(id, host, zone, load)| (member(&id, &host, zone.as_deref()), load))
    }

    proptest! {
        #[test]
        fn the_order_is_sorted_and_complete(me in any_member(), all in proptest::collection::vec(any_member(), 0..8)) {
            let ordered = order(&me.0, all.iter().map(|(m, load)| (m, *load)));
            prop_assert_eq!(ordered.len(), all.len());
            prop_assert!(ordered.is_sorted_by_key(|m| distance(&me.0, m)));
        }

        #[test]
        fn who_else_stands_there_does_not_matter(
            me in any_member(),
            all in proptest::collection::btree_map("[a-z]{3}", any_member(), 2..8),
            first in any::<Index>(),
        ) {
            let all: Vec<_> = all.into_iter().map(|(id, (m, load))| (Member { node_id: id, ..m }, load)).collect();
            let nearest = ids(&me.0, &all)[0].clone();
            let (winner, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|(m, _)| m.node_id == nearest);
            let one = rest[first.index(rest.len())].clone();
            prop_assert_eq!(&ids(&me.0, &[one, winner[0].clone()])[0], &nearest);
        }

        #[test]
        fn the_order_given_does_not_matter(
            me in any_member(),
            all in proptest::collection::btree_map("[a-z]{3}", any_member(), 0..8),
        ) {
            let all: Vec<_> = all.into_iter().map(|(id, (m, load))| (Member { node_id: id, ..m }, load)).collect();
            let backwards: Vec<_> = all.iter().rev().cloned().collect();
            prop_assert_eq!(ids(&me.0, &all), ids(&me.0, &backwards));
        }
    }
}
