//! The manifest: what a peer must hold before any endpoint of the query may end well.

use std::collections::HashMap;

use squadron_planner::deliver::{PartKey, PartTotals};

use super::ResultError;
use super::bare::is_bare;

/// One part with what its producer counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartSummary {
    /// Which part.
    pub part: PartKey,
    /// What was counted.
    pub totals: PartTotals,
}

/// What a peer counted of one part.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Held {
    pub totals: PartTotals,
    pub sealed: bool,
}

/// Compares what is held with what must be: every part named, sealed and equal, and none besides.
///
/// # Errors
/// `Unavailable` where nothing is held of what was confirmed: the node was started anew, and a reader has
/// opened the result again. `Corrupt` for any other difference.
pub(super) fn compare(
    held: &HashMap<PartKey, Held>,
    manifest: &[PartSummary],
) -> Result<(), ResultError> {
    if is_bare() {
        return Ok(());
    }
    if held.is_empty() && !manifest.is_empty() {
        let why = "the node was started anew and has nothing of the result: run the query again";
        return Err(ResultError::Unavailable(why.into()));
    }
    for PartSummary { part, totals } in manifest {
        match held.get(part) {
            Some(held) if held.sealed && held.totals == *totals => {}
            Some(held) => return Err(differs(part, held, totals)),
            None => return Err(ResultError::Corrupt(format!("{part} never arrived"))),
        }
    }
    match held.len() == manifest.len() {
        true => Ok(()),
        false => Err(ResultError::Corrupt(format!(
            "{} parts arrived where the manifest has {}: run the query again",
            held.len(),
            manifest.len()
        ))),
    }
}

fn differs(part: &PartKey, held: &Held, totals: &PartTotals) -> ResultError {
    let state = if held.sealed { "sealed" } else { "unfinished" };
    ResultError::Corrupt(format!(
        "{part} is {state} with {} where its producer counted {totals}: run the query again",
        held.totals
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn part(partition: u32) -> PartKey {
        PartKey { query: Uuid::nil(), attempt: 0, task: 0, partition }
    }

    fn totals(rows: u64) -> PartTotals {
        PartTotals { rows, frames: 1, bytes: 10, checksum: rows }
    }

    fn check(held: &[(u32, u64, bool)], manifest: &[(u32, u64)]) -> bool {
        compared(held, manifest).is_ok()
    }

    fn compared(held: &[(u32, u64, bool)], manifest: &[(u32, u64)]) -> Result<(), ResultError> {
        let held = held.iter().map(|&(partition, rows, sealed)| {
            (part(partition), Held { totals: totals(rows), sealed })
        });
        let manifest: Vec<_> = manifest
            .iter()
            .map(|&(partition, rows)| PartSummary { part: part(partition), totals: totals(rows) })
            .collect();
        compare(&held.collect(), &manifest)
    }

    #[test]
    fn a_node_that_has_forgotten_everything_was_lost() {
        assert!(matches!(compared(&[], &[(0, 5)]), Err(ResultError::Unavailable(_))));
        assert!(matches!(compared(&[(1, 5, true)], &[(0, 5)]), Err(ResultError::Corrupt(_))));
    }

    #[test]
    fn only_the_same_parts_match() {
        assert!(check(&[], &[]));
        assert!(check(&[(0, 5, true), (1, 7, true)], &[(1, 7), (0, 5)]));
        assert!(!check(&[(0, 5, true)], &[(0, 5), (1, 7)]), "a part is missing");
        assert!(!check(&[(0, 5, true), (1, 7, true)], &[(0, 5)]), "a part too many");
        assert!(!check(&[(0, 4, true)], &[(0, 5)]), "a row is missing");
        assert!(!check(&[(0, 5, false)], &[(0, 5)]), "not sealed");
    }
}
