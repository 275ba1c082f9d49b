//! A proposal in the words of Delta's log.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use datafusion::arrow::datatypes::Schema;
use deltalake::kernel::{
    Action, Add, CommitInfo, Metadata, MetadataExt, Protocol, Remove, new_metadata,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Depends, Proposal};
use crate::catalog::delta::{DataFile, delta_schema, has_local_times};
use crate::write::WrittenFile;
use crate::{PlannerError, Result};

/// The key of a commit's own id in its information.
const ID: &str = "squadronCommit";

/// The actions of a new version.
pub(super) fn actions(proposal: &Proposal, id: Uuid) -> Vec<Action> {
    let now = millis(SystemTime::now());
    let adds_alone = proposal.removes.is_empty() && proposal.alters.is_empty();
    let blind = proposal.depends == Depends::Nothing && adds_alone;
    let mut actions = vec![Action::CommitInfo(info(proposal.operation, id, Some(blind), now))];
    if let Some(Action::CommitInfo(info)) = actions.first_mut() {
        info.read_version = Some(proposal.read.version);
    }
    actions.extend(proposal.alters.iter().cloned());
    actions.extend(proposal.removes.values().map(|file| Action::Remove(remove(file, now))));
    actions.extend(proposal.adds.iter().map(|file| Action::Add(add(file, now))));
    actions
}

/// The actions of the first version of a new table.
///
/// # Errors
/// `Invalid` for columns that cannot be kept.
pub(crate) fn first_version(
    schema: &Schema,
    partition_by: &[String],
    properties: &[(String, String)],
    comment: Option<&str>,
    files: &[WrittenFile],
    id: Uuid,
) -> Result<Vec<Action>> {
    let now = millis(SystemTime::now());
    let metadata = metadata(schema, partition_by, properties, comment)?;
    let protocol: Action = serde_json::from_value(protocol(schema))
        .map_err(|error| PlannerError::Internal(error.to_string()))?;
    let operation = if files.is_empty() { "CREATE TABLE" } else { "CREATE TABLE AS SELECT" };
    let mut actions = vec![
        Action::CommitInfo(info(operation, id, Some(true), now)),
        protocol,
        Action::Metadata(metadata),
    ];
    actions.extend(files.iter().map(|file| Action::Add(add(file, now))));
    Ok(actions)
}

/// What a table becomes that is made anew in its own log.
///
/// # Errors
/// As [`first_version`], and `Unsupported` for a table with what another engine has switched on.
pub(crate) fn made_anew(
    schema: &Schema,
    partition_by: &[String],
    properties: &[(String, String)],
    comment: Option<&str>,
    has: &Protocol,
) -> Result<Vec<Action>> {
    let internal = |error: serde_json::Error| PlannerError::Internal(error.to_string());
    let has = serde_json::to_value(has).map_err(internal)?;
    let needs = protocol(schema);
    let features = |of: &Value, which: &str| -> Vec<String> {
        let list = of[which].as_array().into_iter().flatten();
        list.filter_map(|feature| feature.as_str().map(str::to_owned)).collect()
    };
    let is_ours = |which: &str| {
        let ours = ["timestampNtz", "appendOnly", "invariants"];
        features(&has, which).iter().all(|feature| ours.contains(&feature.as_str()))
    };
    let is_of_old = has["minWriterVersion"].as_i64().is_some_and(|version| version <= 2);
    if !(is_of_old
        || has["minWriterVersion"] == 7 && is_ours("readerFeatures") && is_ours("writerFeatures"))
    {
        return Err(PlannerError::Unsupported(
            "CREATE OR REPLACE of a table of its own rows, with features that another engine has switched on: make another table, \
             or write INSERT OVERWRITE"
                .into(),
        ));
    }
    let mut actions = Vec::new();
    let wanted = features(&needs["protocol"], "readerFeatures");
    if wanted.iter().any(|feature| !features(&has, "readerFeatures").contains(feature)) {
        actions.push(serde_json::from_value(needs).map_err(internal)?);
    }
    actions.push(Action::Metadata(metadata(schema, partition_by, properties, comment)?));
    Ok(actions)
}

fn metadata(
    schema: &Schema,
    partition_by: &[String],
    properties: &[(String, String)],
    comment: Option<&str>,
) -> Result<Metadata> {
    let columns = delta_schema(schema).map_err(PlannerError::Invalid)?;
    let invalid = |error: String| PlannerError::Invalid(format!("the table's columns: {error}"));
    let metadata = new_metadata(&columns, partition_by, properties.iter().cloned());
    let metadata = metadata.map_err(|error| invalid(error.to_string()))?;
    match comment {
        Some(comment) => metadata
            .with_description(comment.to_owned())
            .map_err(|error| invalid(error.to_string())),
        None => Ok(metadata),
    }
}

/// The oldest protocol that has what is used, for as many readers as can be.
fn protocol(schema: &Schema) -> Value {
    match schema.fields().iter().any(|field| has_local_times(field.data_type())) {
        true => json!({"protocol": {
            "minReaderVersion": 3, "minWriterVersion": 7,
            "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz", "appendOnly", "invariants"],
        }}),
        false => json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}),
    }
}

/// The commit's own id, if it is one of this engine.
pub(super) fn id_of(actions: &[Action]) -> Option<&str> {
    actions.iter().find_map(|action| match action {
        Action::CommitInfo(info) => info.info.get(ID)?.as_str(),
        _ => None,
    })
}

fn info(operation: &str, id: Uuid, is_blind_append: Option<bool>, now: i64) -> CommitInfo {
    CommitInfo {
        timestamp: Some(now),
        operation: Some(operation.to_owned()),
        operation_parameters: Some(HashMap::new()),
        is_blind_append,
        engine_info: Some(format!("squadron/{}", env!("CARGO_PKG_VERSION"))),
        info: HashMap::from([(ID.to_owned(), Value::String(id.to_string()))]),
        ..Default::default()
    }
}

fn add(file: &WrittenFile, now: i64) -> Add {
    Add {
        path: file.path.clone(),
        partition_values: file.values.clone().into_iter().collect(),
        size: file.size as i64,
        modification_time: now,
        data_change: true,
        stats: Some(file.stats.clone()),
        ..Default::default()
    }
}

fn remove(file: &DataFile, now: i64) -> Remove {
    Remove {
        path: file.path.clone(),
        data_change: true,
        deletion_timestamp: Some(now),
        extended_file_metadata: Some(true),
        partition_values: Some(file.values.clone()),
        size: Some(file.size as i64),
        ..Default::default()
    }
}

fn millis(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
