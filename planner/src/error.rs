//! What can go wrong between SQL and a running plan, named by what the caller can do about it.
//!
//! The wire maps each variant to exactly one gRPC code (`server/src/flight/status.rs`), so a new
//! variant is a compile error there and nowhere else.

mod from;
mod marked;

use datafusion::arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::object_store;
use datafusion::sql::sqlparser::parser::ParserError;

use crate::catalog::CatalogError;
use crate::session::SPILL_NAMES;
pub(crate) use marked::mark;

/// The result of everything in this crate.
pub type Result<T, E = PlannerError> = std::result::Result<T, E>;

/// An error of planning or running a statement.
#[derive(Debug, thiserror::Error)]
pub enum PlannerError {
    /// The text is not SQL this engine can parse: correct the text.
    #[error("{0}")]
    Syntax(String),
    /// The statement parses but means nothing here (wrong types, ambiguous names, …).
    #[error("{0}")]
    Invalid(String),
    /// A table, column, function or schema that does not exist.
    #[error("{0}")]
    NotFound(String),
    /// Something with that name exists already.
    #[error("{0}")]
    AlreadyExists(String),
    /// The user may not do it.
    #[error("{0}")]
    Denied(String),
    /// Right SQL that this version does not run.
    #[error("{0}")]
    Unsupported(String),
    /// A file that cannot be read or is not what its name says: mend the data.
    #[error("{0}")]
    BadData(String),
    /// What was written or sent came back as something else: look after the disk, run the query again.
    #[error("{0}")]
    Corrupt(String),
    /// A limit of this node was reached; the text says which setting raises it.
    #[error("{0}")]
    Exhausted(String),
    /// The node has as much to do as it may: try again in a while.
    #[error("{0}")]
    Busy(String),
    /// Another node or a store could not be reached: try again.
    #[error("{0}")]
    Unavailable(String),
    /// A file was replaced while the query that reads it waited or ran: run it again.
    #[error("{0}")]
    Changed(String),
    /// A value broke a rule of SQL while the query ran (division by zero, overflow, failed cast).
    #[error("{0}")]
    Execution(String),
    /// The query was cancelled.
    #[error("{0}")]
    Cancelled(String),
    /// It took longer than it may: give it more time, or less to do.
    #[error("{0}")]
    TimedOut(String),
    /// A bug.
    #[error("{0}")]
    Internal(String),
}

impl PlannerError {
    /// Says of bad data in which of the tables that a query reads it is: decoders know of no file.
    pub fn in_tables(self, tables: &[String]) -> Self {
        match &self {
            Self::BadData(text) if !tables.is_empty() && !text.contains('/') => {
                Self::BadData(format!("a file of {} cannot be read: {text}", tables.join(" or ")))
            }
            _ => self,
        }
    }
}

impl From<DataFusionError> for PlannerError {
    fn from(error: DataFusionError) -> Self {
        classify(&error)
    }
}

impl From<ArrowError> for PlannerError {
    fn from(error: ArrowError) -> Self {
        classify_arrow(&error, error.to_string())
    }
}

/// Finds the variant for a DataFusion error by its root cause; the text is DataFusion's own, with
/// the back trace cut off.
fn classify(error: &DataFusionError) -> PlannerError {
    if let Some(ours) = marked::marked(error) {
        return ours;
    }
    let text = plain(error);
    // Told by an operator as what kept it from writing.
    if text.contains(SPILL_LIMIT) {
        return PlannerError::Exhausted(text);
    }
    let kind = classify_root(error.find_root(), text);
    let text = kind.to_string();
    match &kind {
        // Of the store it is told by the store; and what was changed on a disk did fit.
        PlannerError::Exhausted(_) | PlannerError::Corrupt(_) => kind,
        _ if is_of_disk(&text) => failed_disk(&text),
        _ => kind.with_text(without_rules(&text).to_owned()),
    }
}

/// What is wrong, without the names of the planner's rules that met it.
fn without_rules(mut text: &str) -> &str {
    while let Some((head, rest)) = text.split_once("\ncaused by\n") {
        let is_rule = !head.contains(' ') || head.starts_with("Optimizer rule '");
        if !is_rule {
            break;
        }
        text = without_preambles(rest);
    }
    text
}

fn classify_root(root: &DataFusionError, text: String) -> PlannerError {
    match root {
        // The query was right until then.
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..)
            if OF_SUBQUERIES.iter().any(|rule| text.contains(rule)) =>
        {
            PlannerError::Unsupported(SUBQUERY.into())
        }
        DataFusionError::SQL(cause, _) => PlannerError::Syntax(syntax(cause)),
        DataFusionError::SchemaError(cause, _) => classify_schema(cause, text),
        DataFusionError::Plan(message) | DataFusionError::Configuration(message) => {
            classify_plan(message, text)
        }
        DataFusionError::NotImplemented(message) => PlannerError::Unsupported(unsupported(message)),
        DataFusionError::ResourcesExhausted(_) => PlannerError::Exhausted(text),
        DataFusionError::ParquetError(_) => PlannerError::BadData(text),
        DataFusionError::ObjectStore(cause) => classify_store(cause, text),
        DataFusionError::ArrowError(cause, _) => classify_arrow(cause, text),
        DataFusionError::External(cause) => classify_external(cause.as_ref(), text),
        DataFusionError::IoError(_) => PlannerError::BadData(text),
        DataFusionError::Execution(message) => classify_execution(message, text),
        DataFusionError::ExecutionJoin(cause) if cause.is_cancelled() => {
            PlannerError::Cancelled(text)
        }
        // A pattern that comes to more than the library takes.
        DataFusionError::Internal(message) if message.contains(NO_REGEX) => {
            PlannerError::Execution(message.clone())
        }
        DataFusionError::Internal(message) if message.starts_with(NO_RANGE) => {
            PlannerError::Unsupported(format!(
                "{message}: a window cannot be ordered by such values; number the rows by row_number() OVER (ORDER BY …) in a subquery first, or say ROWS"
            ))
        }
        DataFusionError::Internal(_) | DataFusionError::ExecutionJoin(_) => {
            PlannerError::Internal(text)
        }
        _ => PlannerError::Execution(text),
    }
}

/// What windows say that are ordered by lists or bytes.
const NO_RANGE: &str = "Cannot run range queries on datatype";

/// What was left of a subquery when there was no join to make of it.
const UNPLANNED: &str = "Physical plan does not support logical expression";

/// Rules that make joins of subqueries.
const OF_SUBQUERIES: [&str; 4] = [
    "Optimizer rule 'decorrelate_predicate_subquery' failed",
    "Optimizer rule 'decorrelate_lateral_join' failed",
    "Optimizer rule 'scalar_subquery_to_join' failed",
    "Correlated scalar subquery",
];

const SUBQUERY: &str = "a subquery that refers to the query outside in this way, or by other conditions than =, is not supported in this place by this version: write it as a JOIN with GROUP BY";

fn unsupported(message: &str) -> String {
    let of_subqueries =
        ["ScalarSubquery", "InSubquery", "Exists", "SetComparison", "OuterReference"];
    let is_subquery = of_subqueries.iter().any(|name| message.contains(name));
    match message.starts_with(UNPLANNED) && is_subquery {
        true => SUBQUERY.into(),
        false => message.into(),
    }
}

const NO_REGEX: &str = "Regular expression did not compile";

/// What the system says of a disk that takes no more: queries write to no other than the one that they
/// spill to.
const FULL: [&str; 3] = ["No space left on device", "Disk quota exceeded", "File too large"];

fn is_of_disk(text: &str) -> bool {
    let full = FULL.iter().any(|words| text.contains(words));
    full || SPILL_NAMES.iter().all(|words| text.contains(words))
}

/// What a query is told that has to spill and cannot.
pub(crate) fn failed_disk(text: &str) -> PlannerError {
    PlannerError::Exhausted(format!(
        "an operator has more than fits into memory, and the disk that it writes to is full or fails ({text}): free space there, set --spill-dir to another one, or raise --memory-limit"
    ))
}

/// What sets how much operators may spill and hold.
const SPILL_LIMIT: &str = "the node's --spill-limit";
const MEMORY_LIMIT: &str = "the node's --memory-limit";

/// DataFusion's text without back trace and without the wrappers' preambles, which tell a user
/// nothing.
fn plain(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let text = without_preambles(&text);
    // DataFusion's advice is for whoever embeds it.
    text.replace(
        ", or decreasing the config: 'datafusion.execution.sort_spill_reservation_bytes'",
        "",
    )
    .replace("the config: `datafusion.runtime.max_temp_directory_size`", SPILL_LIMIT)
    .replace("the memory limit config: 'datafusion.runtime.memory_limit'", MEMORY_LIMIT)
}

fn without_preambles(mut text: &str) -> &str {
    let preambles = ["External error: ", "Error during planning: ", "Execution error: "];
    while let Some(rest) = preambles.iter().find_map(|preamble| text.strip_prefix(preamble)) {
        text = rest;
    }
    text
}

fn syntax(error: &ParserError) -> String {
    match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            format!("SQL syntax: {text}")
        }
        ParserError::RecursionLimitExceeded => "SQL nested too deeply".into(),
    }
}

fn classify_schema(cause: &SchemaError, text: String) -> PlannerError {
    match cause {
        SchemaError::FieldNotFound { .. } => PlannerError::NotFound(text),
        _ => PlannerError::Invalid(text),
    }
}

/// DataFusion reports a missing table as a plan error, told apart only by its words.
fn classify_plan(message: &str, text: String) -> PlannerError {
    // Of the parts of WITH RECURSIVE alone, in the words of its planner.
    if message.contains("field data type differs") {
        return PlannerError::Invalid(
            "a column of a recursive query has another type in its recursive part than in its first part: CAST it in the first part".into(),
        );
    }
    let missing = ["not found", "does not exist", "failed to resolve"];
    match missing.iter().any(|words| message.contains(words)) {
        true if !message.contains("Config value") => PlannerError::NotFound(text),
        _ => PlannerError::Invalid(text),
    }
}

/// How an error says on which node it was.
pub const PLACE: &str = "on node";

/// An error of the memory or the disk of `node` with its name; any other as it is.
pub(crate) fn placed(error: DataFusionError, node: &str) -> DataFusionError {
    match classify(&error) {
        PlannerError::Exhausted(text) if !text.contains(PLACE) => {
            PlannerError::Exhausted(format!("{text} ({PLACE} {node})")).into()
        }
        PlannerError::Corrupt(text) if !text.contains(PLACE) => {
            PlannerError::Corrupt(format!("{text} ({PLACE} {node})")).into()
        }
        _ => error,
    }
}

/// What the network says when a worker is gone. A lost connection arrives as some library's error,
/// or from another worker as its text: words are all there is to tell it by.
const GONE: [&str; 11] = [
    "connecting to",
    "tcp connect error",
    "connection refused",
    "currently unavailable",
    "transport error",
    "timed-out while waiting",
    "h2 protocol",
    "error reading a body",
    "connection reset",
    "connection closed",
    "broken pipe",
];

fn classify_execution(message: &str, text: String) -> PlannerError {
    let message = message.to_lowercase();
    match GONE.iter().any(|words| message.contains(words)) {
        true => {
            // The words of a library, with addresses that are no client's business.
            tracing::warn!(error = text, "a node that ran a part of a query is gone");
            PlannerError::Unavailable(
                "a node that ran a part of the query is gone: run the query again".into(),
            )
        }
        false => PlannerError::Execution(text),
    }
}

fn classify_store(cause: &object_store::Error, text: String) -> PlannerError {
    use object_store::Error;
    match cause {
        Error::NotFound { .. } => PlannerError::BadData(text),
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => {
            PlannerError::BadData(text)
        }
        Error::NotSupported { .. } | Error::NotImplemented { .. } => {
            PlannerError::Unsupported(text)
        }
        _ => PlannerError::Unavailable(text),
    }
}

fn classify_arrow(cause: &ArrowError, text: String) -> PlannerError {
    match cause {
        ArrowError::MemoryError(_) => PlannerError::Exhausted(text),
        ArrowError::NotYetImplemented(_) => PlannerError::Unsupported(text),
        ArrowError::ParquetError(_) | ArrowError::IpcError(_) | ArrowError::IoError(_, _) => {
            PlannerError::BadData(text)
        }
        ArrowError::CsvError(_) | ArrowError::JsonError(_) => PlannerError::BadData(text),
        ArrowError::ExternalError(inner) => classify_external(inner.as_ref(), text),
        _ => PlannerError::Execution(text),
    }
}

fn classify_external(
    cause: &(dyn std::error::Error + Send + Sync + 'static),
    text: String,
) -> PlannerError {
    if let Some(error) = cause.downcast_ref::<PlannerError>() {
        return error.clone();
    }
    if let Some(error) = cause.downcast_ref::<CatalogError>() {
        return error.into();
    }
    if let Some(error) = cause.downcast_ref::<DataFusionError>() {
        return classify(error);
    }
    match cause.downcast_ref::<ArrowError>() {
        Some(error) => classify_arrow(error, text),
        None => classify_execution(&cause.to_string(), text),
    }
}

impl PlannerError {
    /// The same kind of error with other words.
    pub fn with_text(&self, text: String) -> Self {
        match self {
            Self::Syntax(_) => Self::Syntax(text),
            Self::Invalid(_) => Self::Invalid(text),
            Self::NotFound(_) => Self::NotFound(text),
            Self::AlreadyExists(_) => Self::AlreadyExists(text),
            Self::Denied(_) => Self::Denied(text),
            Self::Unsupported(_) => Self::Unsupported(text),
            Self::BadData(_) => Self::BadData(text),
            Self::Corrupt(_) => Self::Corrupt(text),
            Self::Exhausted(_) => Self::Exhausted(text),
            Self::Busy(_) => Self::Busy(text),
            Self::Unavailable(_) => Self::Unavailable(text),
            Self::Changed(_) => Self::Changed(text),
            Self::Execution(_) => Self::Execution(text),
            Self::Cancelled(_) => Self::Cancelled(text),
            Self::TimedOut(_) => Self::TimedOut(text),
            Self::Internal(_) => Self::Internal(text),
        }
    }
}

impl Clone for PlannerError {
    fn clone(&self) -> Self {
        self.with_text(self.to_string())
    }
}

impl From<PlannerError> for DataFusionError {
    /// Carries the variant through DataFusion's streams; [`classify`] finds it again at the edge.
    fn from(error: PlannerError) -> Self {
        DataFusionError::External(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(error: DataFusionError) -> PlannerError {
        PlannerError::from(error)
    }

    #[test]
    fn a_lost_connection_is_unavailable_however_it_arrives() {
        let reset =
            "code: 'Unknown error', message: \"transport error\", source: Io(ConnectionReset)";
        let external = DataFusionError::External(reset.into());
        let relayed = DataFusionError::Execution(reset.into());
        for error in [kind(external), kind(relayed)] {
            assert!(matches!(&error, PlannerError::Unavailable(_)), "{error:?}");
            assert!(error.to_string().contains("run the query again"), "{error}");
        }
    }

    #[test]
    fn limits_are_named_as_the_node_has_them() {
        let spill =
            "Please try increasing the config: `datafusion.runtime.max_temp_directory_size`.";
        let error = kind(DataFusionError::Execution(spill.into()));
        assert!(matches!(error, PlannerError::Exhausted(_)), "{error:?}");
        assert!(error.to_string().contains("increasing the node's --spill-limit"), "{error}");
    }

    #[test]
    fn a_disk_that_is_full_or_fails_is_no_fault_of_the_data() {
        let full = || std::io::Error::from_raw_os_error(28);
        let arrow = ArrowError::IoError(full().to_string(), full());
        let relayed = DataFusionError::Execution(full().to_string());
        let [folder, file] = SPILL_NAMES;
        let gone = format!("No such file or directory at path \"/spill/{folder}3/{file}0l\"");
        let gone = DataFusionError::IoError(std::io::Error::other(gone));
        for error in [kind(arrow.into()), kind(relayed), kind(gone)] {
            assert!(matches!(&error, PlannerError::Exhausted(_)), "{error:?}");
            assert!(error.to_string().contains("--spill-dir"), "{error}");
        }
    }

    #[test]
    fn damaged_data_is_said_to_be_in_the_tables_that_were_read() {
        let error = ArrowError::JsonError("expected value at line 1 column 7".into());
        let error = PlannerError::from(error).in_tables(&["t".into(), "u".into()]);
        assert!(matches!(error, PlannerError::BadData(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("a file of t or u cannot be read"), "{text}");
    }

    #[test]
    fn the_rules_of_the_planner_are_not_named() {
        let wrong = DataFusionError::Plan("no such thing".into());
        let wrong = wrong.context("type_coercion").context("Optimizer rule 'x' failed");
        assert_eq!(kind(wrong).to_string(), "no such thing");
    }

    #[test]
    fn a_pattern_that_is_too_large_is_no_bug() {
        let cause = "failed to call 'x' Compute error: Regular expression did not compile: too big";
        let error = kind(DataFusionError::Internal(cause.into()));
        assert!(matches!(error, PlannerError::Execution(_)), "{error:?}");
        assert!(!error.to_string().contains("bug"), "{error}");
    }

    #[test]
    fn a_value_that_breaks_a_rule_is_none_of_the_networks() {
        let error = kind(DataFusionError::Execution("divide by zero".into()));
        assert!(matches!(error, PlannerError::Execution(_)), "{error:?}");
    }
}
