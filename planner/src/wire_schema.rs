//! The one schema a client sees.
//!
//! FlightInfo, Prepare, GetSchema, DoPut and every DoGet use [`Wire::schema`], also for an empty
//! result: drivers compare schemas strictly, nullability included, and a difference is a failed
//! query (design, section 7; the tables of types are from the drivers' own limits). Which of the
//! tables it is, is the session's choice, or the client's own by what it calls itself.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::config::ConfigOptions;

use crate::options::{SquadronOptions, Types};
use crate::statement::AGAIN_MARK;

mod cast;
mod names;
mod sql;
#[cfg(test)]
mod tests;
mod types;

pub use cast::to_wire;
pub use sql::{SqlType, UNLIMITED, sql_name, sql_type};
pub use types::wire_type;

/// The metadata that travels: an extension type's name and parameters. The rest (writer's notes of
/// some file) says nothing true about a query's result.
const KEPT_METADATA: &str = "ARROW:extension:";

/// How results are told to one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wire {
    /// Of which types.
    pub types: Types,
    /// Whether no two columns may have one name.
    pub unique_names: bool,
}

impl Default for Wire {
    fn default() -> Self {
        Self::of(&ConfigOptions::default())
    }
}

impl Wire {
    /// As the settings of a session, or of one call, ask for.
    pub fn of(options: &ConfigOptions) -> Self {
        let default = SquadronOptions::default();
        let squadron = options.extensions.get::<SquadronOptions>().unwrap_or(&default);
        Self { types: squadron.types, unique_names: squadron.unique_names }
    }

    /// The schema a client sees for a result of this schema: every field nullable, of types that it has. Columns have
    /// the names that a query gives them, though two are the same.
    pub fn schema(&self, schema: &Schema) -> SchemaRef {
        let fields = self.fields(schema.fields()).iter().map(named_as_written).collect();
        let fields = if self.unique_names { names::unique(&fields) } else { fields };
        Arc::new(Schema::new(fields))
    }

    fn fields(&self, fields: &Fields) -> Fields {
        fields.iter().map(|field| self.field(field, true)).collect()
    }

    fn field(&self, field: &FieldRef, nullable: bool) -> FieldRef {
        let of = wire_type(field.data_type(), self.types);
        let kept = |(key, _): &(&String, &String)| key.starts_with(KEPT_METADATA);
        let metadata = field.metadata().iter().filter(kept);
        let metadata: HashMap<String, String> =
            metadata.map(|(key, value)| (key.clone(), value.clone())).collect();
        Arc::new(Field::new(field.name(), of, nullable).with_metadata(metadata))
    }
}

/// A column that another has the name of is told apart within a plan.
fn named_as_written(field: &FieldRef) -> FieldRef {
    match field.name().split_once(AGAIN_MARK) {
        Some((name, _)) => Arc::new(field.as_ref().clone().with_name(name)),
        None => Arc::clone(field),
    }
}

/// The schema for clients of which nothing is known.
pub fn wire_schema(schema: &Schema) -> SchemaRef {
    Wire::default().schema(schema)
}
