//! Receipts become the manifest: what each peer must hold before any endpoint may end well.

use std::collections::{HashMap, HashSet};

use squadron_planner::deliver::Receipt;
use squadron_planner::plan::Shape;

use crate::results::{PartSummary, ResultError};

/// The parts that each peer must hold, by node id.
pub(super) type Manifest = HashMap<String, Vec<PartSummary>>;

/// Turns receipts into what each of `peers` must hold.
///
/// # Errors
/// `Corrupt` unless there is exactly one receipt for each part that the plan promised, all of this
/// attempt and each from a peer that has an endpoint: anything else would be a short or a doubled
/// result.
pub(super) fn manifest(
    receipts: &[Receipt],
    shape: Shape,
    attempt: u32,
    peers: &HashSet<&str>,
) -> Result<Manifest, ResultError> {
    let mut seen = HashSet::new();
    let mut manifest = Manifest::new();
    for Receipt { part, peer, totals, .. } in receipts {
        let promised = part.attempt == attempt
            && (part.task as usize) < shape.tasks
            && (part.partition as usize) < shape.partitions;
        if !promised || !peers.contains(peer.as_str()) || !seen.insert(*part) {
            return Err(ResultError::Corrupt(format!(
                "a receipt that nobody expected: {part} at {peer}"
            )));
        }
        let summary = PartSummary { part: *part, totals: *totals };
        manifest.entry(peer.clone()).or_default().push(summary);
    }
    match seen.len() == shape.parts() {
        true => Ok(manifest),
        false => Err(ResultError::Corrupt(format!(
            "{} of {} parts were delivered",
            seen.len(),
            shape.parts()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use squadron_planner::deliver::{PartKey, PartTotals};
    use squadron_planner::plan::Placement;
    use uuid::Uuid;

    const SHAPE: Shape =
        Shape { placement: Placement::Workers, tasks: 2, partitions: 3, distributed: true };

    fn receipt(task: u32, partition: u32, peer: &str) -> Receipt {
        let part = PartKey { query: Uuid::nil(), attempt: 0, task, partition };
        let rows = u64::from(task * 10 + partition);
        let totals = PartTotals { rows, ..Default::default() };
        Receipt { part, worker: "w".into(), peer: peer.into(), totals }
    }

    /// Every part that the shape promises, in turn at peers a and b.
    fn all() -> Vec<Receipt> {
        let parts = (0..2).flat_map(|task| (0..3).map(move |partition| (task, partition)));
        parts
            .map(|(task, partition)| receipt(task, partition, if task == 0 { "a" } else { "b" }))
            .collect()
    }

    fn check(receipts: &[Receipt]) -> Result<Manifest, ResultError> {
        manifest(receipts, SHAPE, 0, &["a", "b", "c"].into())
    }

    fn is_refused(receipts: &[Receipt]) -> bool {
        matches!(check(receipts), Err(ResultError::Corrupt(_)))
    }

    #[test]
    fn each_peer_must_hold_the_parts_it_gave_receipts_for() {
        let manifest = check(&all()).unwrap();
        let summary =
            |receipt: &Receipt| PartSummary { part: receipt.part, totals: receipt.totals };
        let expected = |parts: &[Receipt]| parts.iter().map(summary).collect::<Vec<_>>();
        assert_eq!(manifest.len(), 2);
        assert_eq!(manifest["a"], expected(&all()[..3]));
        assert_eq!(manifest["b"], expected(&all()[3..]));
    }

    #[test]
    fn a_missing_receipt_is_refused() {
        assert!(is_refused(&all()[1..]));
        assert!(is_refused(&[]));
    }

    #[test]
    fn a_doubled_receipt_is_refused() {
        let mut receipts = all();
        receipts.push(receipt(0, 0, "a"));
        assert!(is_refused(&receipts));
    }

    #[test]
    fn a_part_at_two_peers_is_refused() {
        let mut receipts = all();
        receipts[5] = receipt(0, 0, "b");
        assert!(is_refused(&receipts), "the number of receipts is right");
    }

    #[test]
    fn a_part_that_the_plan_does_not_have_is_refused() {
        for (task, partition) in [(2, 0), (0, 3)] {
            let mut receipts = all();
            receipts[0] = receipt(task, partition, "a");
            assert!(is_refused(&receipts));
        }
    }

    #[test]
    fn a_part_at_a_peer_without_an_endpoint_is_refused() {
        let mut receipts = all();
        receipts[0] = receipt(0, 0, "stranger");
        assert!(is_refused(&receipts));
    }

    #[test]
    fn a_part_of_another_attempt_is_refused() {
        let mut receipts = all();
        receipts[0].part.attempt = 1;
        assert!(is_refused(&receipts));
    }

    proptest! {
        #[test]
        fn only_the_whole_set_is_taken_in_any_order(picks in prop::collection::vec(0..6usize, 0..9)) {
            let receipts: Vec<_> = picks.iter().map(|pick| all()[*pick].clone()).collect();
            let mut sorted = picks;
            sorted.sort_unstable();
            prop_assert_eq!(check(&receipts).is_ok(), sorted == [0, 1, 2, 3, 4, 5]);
        }
    }
}
