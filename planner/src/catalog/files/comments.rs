//! What the writer of a Parquet file says of its columns.
//!
//! Problem: DataFusion leaves the metadata of columns out unless a session asks for all of it
//! (`datafusion.execution.parquet.skip_metadata`), and of the notes of Spark it reads none. Metadata commands tell the comments
//! of columns (REMARKS). Here: the comments alone are taken from the file's notes.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, Fields, Schema};
use datafusion::parquet::arrow::{ARROW_SCHEMA_META_KEY, parquet_to_arrow_schema};
use datafusion::parquet::file::metadata::{FileMetaData, KeyValue};
use serde_json::Value;

/// Where Spark, Delta and Arrow's writers keep it.
pub(crate) const COMMENT: &str = "comment";

/// Spark's own schema, as JSON.
const OF_SPARK: &str = "org.apache.spark.sql.parquet.row.metadata";

/// The column with what is said of it.
pub(crate) fn with_comment(column: Field, comment: &str) -> Field {
    let mut metadata = column.metadata().clone();
    metadata.insert(COMMENT.to_owned(), comment.to_owned());
    column.with_metadata(metadata)
}

/// The same columns with their comments; `None` where there are none.
pub(crate) fn commented(schema: &Schema, file: &FileMetaData) -> Option<Schema> {
    let notes = file.key_value_metadata()?;
    let mut comments = of_spark(notes).unwrap_or_default();
    if notes.iter().any(|note| note.key == ARROW_SCHEMA_META_KEY) {
        let told = parquet_to_arrow_schema(file.schema_descr(), Some(notes)).ok()?;
        let told = told.fields().iter().filter_map(|field| {
            Some((field.name().clone(), field.metadata().get(COMMENT)?.clone()))
        });
        comments.extend(told);
    }
    if comments.is_empty() {
        return None;
    }
    let fields = schema.fields().iter().map(|field| match comments.remove(field.name()) {
        None => Arc::clone(field),
        Some(comment) => Arc::new(with_comment(field.as_ref().clone(), &comment)),
    });
    Some(Schema::new_with_metadata(fields.collect::<Fields>(), schema.metadata().clone()))
}

fn of_spark(notes: &[KeyValue]) -> Option<HashMap<String, String>> {
    let note = notes.iter().find(|note| note.key == OF_SPARK)?;
    let schema: Value = serde_json::from_str(note.value.as_deref()?).ok()?;
    let comment = |field: &Value| {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some((text(field.get("name")?)?, text(field.get("metadata")?.get(COMMENT)?)?))
    };
    Some(schema.get("fields")?.as_array()?.iter().filter_map(comment).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparks_notes_have_comments() {
        let json = r#"{"type":"struct","fields":[
            {"name":"a","type":"long","nullable":true,"metadata":{"comment":"net"}},
            {"name":"b","type":"long","nullable":true,"metadata":{}}]}"#;
        let note = KeyValue { key: OF_SPARK.into(), value: Some(json.into()) };
        let comments = of_spark(&[note]).unwrap();
        assert_eq!(comments, HashMap::from([("a".to_owned(), "net".to_owned())]));
        let broken = KeyValue { key: OF_SPARK.into(), value: Some("{".into()) };
        assert!(of_spark(&[broken]).is_none());
    }
}
