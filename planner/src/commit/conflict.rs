//! Whether a statement should have seen what others have done to a table meanwhile.
//!
//! Rule: who changes rows must have seen all rows but those that others only added (Spark calls it WriteSerializable). Whose
//! own rows depend on nothing of the table never conflicts. A file that two want to take away is only there once: rows that
//! both have read cannot be written twice.

use std::collections::BTreeMap;

use deltalake::kernel::{Action, Add, CommitInfo, Remove};

use super::Depends;
use crate::catalog::delta::DataFile;

/// Why a statement has to be worked out anew, after a version of these actions.
pub(super) fn conflict(
    actions: &[Action],
    depends: Depends,
    removes: &BTreeMap<String, DataFile>,
) -> Option<String> {
    let only_added = is_blind_append(actions);
    actions.iter().find_map(|action| match action {
        Action::Metadata(_) | Action::Protocol(_) => {
            Some("the table itself was changed".to_owned())
        }
        // Whatever it was removed for: its rows are in another file now.
        Action::Remove(Remove { path, .. }) if removes.contains_key(path) => {
            Some("rows that the statement changes were changed by another".to_owned())
        }
        Action::Remove(Remove { data_change: true, .. }) if depends != Depends::Nothing => {
            (depends == Depends::Table).then(|| "rows were changed".to_owned())
        }
        Action::Add(Add { data_change: true, .. }) => match depends {
            Depends::Table => Some("rows were added".to_owned()),
            Depends::Rows if !only_added => Some("rows were changed".to_owned()),
            _ => None,
        },
        _ => None,
    })
}

/// Whether a version added rows that depend on nothing.
fn is_blind_append(actions: &[Action]) -> bool {
    let says_so = actions.iter().any(|action| {
        matches!(action, Action::CommitInfo(CommitInfo { is_blind_append: Some(true), .. }))
    });
    says_so && !actions.iter().any(|action| matches!(action, Action::Remove(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(path: &str) -> Action {
        Action::Add(Add { path: path.into(), data_change: true, ..Default::default() })
    }

    fn remove(path: &str, data_change: bool) -> Action {
        Action::Remove(Remove { path: path.into(), data_change, ..Default::default() })
    }

    fn blind() -> Action {
        Action::CommitInfo(CommitInfo { is_blind_append: Some(true), ..Default::default() })
    }

    fn conflicts(actions: &[Action], depends: Depends) -> bool {
        let touched = DataFile::named("touched");
        let removes = match depends {
            Depends::Nothing => BTreeMap::new(),
            _ => BTreeMap::from([("touched".to_owned(), touched)]),
        };
        conflict(actions, depends, &removes).is_some()
    }

    #[test]
    fn an_insert_is_right_after_anything_that_others_do_to_rows() {
        for actions in [vec![add("x")], vec![remove("y", true), add("x")], vec![blind(), add("x")]]
        {
            assert!(!conflicts(&actions, Depends::Nothing));
        }
    }

    #[test]
    fn a_change_of_rows_need_not_see_what_is_only_added() {
        assert!(!conflicts(&[blind(), add("x")], Depends::Rows));
        assert!(conflicts(&[add("x")], Depends::Rows));
        assert!(conflicts(&[blind(), remove("y", true), add("x")], Depends::Rows));
    }

    #[test]
    fn what_replaces_all_rows_must_have_seen_all() {
        assert!(conflicts(&[blind(), add("x")], Depends::Table));
        assert!(conflicts(&[remove("y", true)], Depends::Table));
    }

    /// Also where the rows stay what they are: they would be there twice.
    #[test]
    fn a_file_is_taken_away_once() {
        for depends in [Depends::Rows, Depends::Table] {
            assert!(conflicts(&[remove("touched", false)], depends));
            assert!(!conflicts(&[remove("other", false)], depends));
        }
    }

    #[test]
    fn another_schema_is_always_seen() {
        let protocol =
            serde_json::json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}});
        let protocol: Action = serde_json::from_value(protocol).unwrap();
        assert!(conflicts(&[protocol], Depends::Nothing));
    }
}
