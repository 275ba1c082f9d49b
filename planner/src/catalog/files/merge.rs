//! One schema from the schemas of many files, or the file that does not go with the others.
//!
//! * Parquet and JSON columns are found by name: the table has the union of all files' columns,
//!   NULL where a file lacks one. Types must agree, but in JSON 1 and 1.5 are both numbers.
//! * CSV and Arrow columns are found by position, so all files must have the same columns in the
//!   same order. CSV types that differ from file to file become one that can hold both.

use super::comments::COMMENT;
use super::format::{DataFormat, Kind};
use crate::catalog::error::CatalogError;
use crate::catalog::location::DataLocation;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use object_store::ObjectMeta;
use std::collections::HashMap;

/// A file and the columns in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileSchema<'f> {
    pub(crate) file: &'f ObjectMeta,
    pub(crate) schema: &'f SchemaRef,
}

/// The columns seen so far, and the file each was first seen in.
struct Columns<'f> {
    format: DataFormat,
    location: &'f DataLocation,
    fields: Vec<(Field, &'f ObjectMeta)>,
    by_name: HashMap<String, usize>,
}

/// Merges the schemas of at least one file, in the order of the files.
pub(crate) fn merge(
    format: DataFormat,
    location: &DataLocation,
    schemas: &[FileSchema],
) -> Result<Schema, CatalogError> {
    let (first, rest) = (schemas[0], &schemas[1..]);
    if rest.is_empty() {
        return Ok(first.schema.as_ref().clone());
    }
    if format.is_positional() {
        check_same_columns(location, first, rest)?;
    }
    let mut columns = Columns { format, location, fields: Vec::new(), by_name: HashMap::new() };
    for field in first.schema.fields() {
        columns.push(field.as_ref().clone(), first.file);
    }
    for next in rest {
        columns.add(*next)?;
    }
    let fields: Vec<_> = columns.fields.into_iter().map(|(field, _)| field).collect();
    Ok(Schema::new_with_metadata(fields, first.schema.metadata().clone()))
}

fn check_same_columns(
    location: &DataLocation,
    first: FileSchema,
    rest: &[FileSchema],
) -> Result<(), CatalogError> {
    let expected = names(first.schema);
    match rest.iter().find(|next| names(next.schema) != expected) {
        None => Ok(()),
        Some(next) => Err(CatalogError::invalid(
            location.show(&next.file.location),
            format!(
                "its columns are ({}) but those of {} are ({}); in this format all files of a \
                 table must have the same columns in the same order",
                names(next.schema).join(", "),
                location.show(&first.file.location),
                expected.join(", "),
            ),
        )),
    }
}

fn names(schema: &Schema) -> Vec<&str> {
    schema.fields().iter().map(|field| field.name().as_str()).collect()
}

// === impl Columns ===

impl<'f> Columns<'f> {
    fn push(&mut self, field: Field, file: &'f ObjectMeta) {
        self.by_name.insert(field.name().clone(), self.fields.len());
        self.fields.push((field, file));
    }

    fn add(&mut self, next: FileSchema<'f>) -> Result<(), CatalogError> {
        for (known, _) in &mut self.fields {
            if next.schema.column_with_name(known.name()).is_none() {
                known.set_nullable(true);
            }
        }
        for field in next.schema.fields() {
            match self.by_name.get(field.name()) {
                None => self.push(field.as_ref().clone().with_nullable(true), next.file),
                Some(&at) if unite(self.format.kind, &mut self.fields[at].0, field) => {}
                Some(&at) => return Err(self.clash(at, field, next.file)),
            }
        }
        Ok(())
    }

    fn clash(&self, at: usize, field: &Field, file: &ObjectMeta) -> CatalogError {
        let (known, origin) = &self.fields[at];
        let problem = format!(
            "column '{}' is {} here but {} in {}; all files of a table must agree",
            field.name(),
            field.data_type(),
            known.data_type(),
            self.location.show(&origin.location)
        );
        CatalogError::invalid(self.location.show(&file.location), problem)
    }
}

/// Makes `known` able to hold `other` too; false if it cannot be.
fn unite(kind: Kind, known: &mut Field, other: &Field) -> bool {
    let wider = match kind {
        // Of two comments the first stays.
        Kind::Parquet if known.metadata().contains_key(COMMENT) => {
            let mut other = other.clone();
            other.metadata_mut().remove(COMMENT);
            return known.try_merge(&other).is_ok();
        }
        Kind::Parquet => return known.try_merge(other).is_ok(),
        Kind::Arrow if known.data_type() == other.data_type() => Some(known.data_type().clone()),
        Kind::Arrow => None,
        Kind::Json => match number(known.data_type(), other.data_type()) {
            None => return known.try_merge(other).is_ok(),
            wider => wider,
        },
        Kind::Csv | Kind::Tsv => Some(any(known.data_type(), other.data_type())),
    };
    let Some(wider) = wider else { return false };
    known.set_data_type(wider);
    known.set_nullable(known.is_nullable() || other.is_nullable());
    true
}

fn number(a: &DataType, b: &DataType) -> Option<DataType> {
    match (a, b) {
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            Some(DataType::Float64)
        }
        _ => None,
    }
}

fn any(a: &DataType, b: &DataType) -> DataType {
    match (a, b) {
        (DataType::Null, b) => b.clone(),
        (a, DataType::Null) => a.clone(),
        (a, b) if a == b => a.clone(),
        (a, b) => number(a, b).unwrap_or(DataType::Utf8),
    }
}
