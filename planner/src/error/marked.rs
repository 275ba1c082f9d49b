//! The kind of an error on its way from a worker.
//!
//! Between nodes an error of ours arrives as its text and nothing else, so that a full disk looked
//! like a mistake in the statement. DataFusion's own wrapper for context does pass whole: what
//! leaves a task is wrapped in one that names the kind, and unwrapped at the edge.

use std::mem::discriminant;

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use super::{PlannerError, plain};

const MARK: &str = "squadron error: ";

type Make = fn(String) -> PlannerError;

const KINDS: [(&str, Make); 15] = [
    ("syntax", PlannerError::Syntax),
    ("invalid", PlannerError::Invalid),
    ("not found", PlannerError::NotFound),
    ("already exists", PlannerError::AlreadyExists),
    ("denied", PlannerError::Denied),
    ("unsupported", PlannerError::Unsupported),
    ("bad data", PlannerError::BadData),
    ("corrupt", PlannerError::Corrupt),
    ("exhausted", PlannerError::Exhausted),
    ("busy", PlannerError::Busy),
    ("unavailable", PlannerError::Unavailable),
    ("changed", PlannerError::Changed),
    ("execution", PlannerError::Execution),
    ("cancelled", PlannerError::Cancelled),
    ("internal", PlannerError::Internal),
];

/// An error of ours with its kind; any other as it is, as its own kind arrives.
pub(crate) fn mark(error: DataFusionError) -> DataFusionError {
    let DataFusionError::External(cause) = error.find_root() else { return error };
    let Some(ours) = cause.downcast_ref::<PlannerError>() else { return error };
    let same = |make: Make| discriminant(&make(String::new()));
    let kind = KINDS.iter().find(|(_, make)| same(*make) == discriminant(ours));
    let name = kind.map_or("internal", |(name, _)| name);
    DataFusionError::Context(format!("{MARK}{name}"), Box::new(ours.clone().into()))
}

/// The error that was marked, if any was.
pub(super) fn marked(error: &DataFusionError) -> Option<PlannerError> {
    match error {
        DataFusionError::Context(context, inner) => {
            let kind = context.strip_prefix(MARK);
            let kind = kind.and_then(|kind| KINDS.iter().find(|(name, _)| *name == kind));
            kind.map(|(_, make)| make(plain(inner))).or_else(|| marked(inner))
        }
        DataFusionError::Shared(inner) => marked(inner),
        DataFusionError::Diagnostic(_, inner) => marked(inner),
        DataFusionError::External(inner) => marked(inner.downcast_ref()?),
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            ArrowError::ExternalError(inner) => marked(inner.downcast_ref()?),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left of an error of ours behind the wire.
    fn relayed(error: DataFusionError) -> DataFusionError {
        match error {
            DataFusionError::Context(context, inner) => {
                DataFusionError::Context(context, Box::new(relayed(*inner)))
            }
            DataFusionError::External(inner) => DataFusionError::External(inner.to_string().into()),
            other => other,
        }
    }

    #[test]
    fn every_kind_arrives_with_its_words() {
        for (name, make) in KINDS {
            let arrived = PlannerError::from(relayed(mark(make("why".into()).into())));
            assert_eq!(discriminant(&arrived), discriminant(&make(String::new())), "{name}");
            assert_eq!(arrived.to_string(), "why");
        }
    }

    #[test]
    fn what_passes_several_nodes_keeps_its_mark() {
        let full = || DataFusionError::from(PlannerError::Exhausted("why".into()));
        let arrived = mark(relayed(mark(relayed(mark(full())))));
        assert!(
            matches!(PlannerError::from(arrived), PlannerError::Exhausted(text) if text == "why")
        );
    }

    #[test]
    fn others_are_left_alone() {
        let error = mark(DataFusionError::Execution("divide by zero".into()));
        assert!(matches!(error, DataFusionError::Execution(_)), "{error:?}");
    }
}
