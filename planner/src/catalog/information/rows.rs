//! The rows of the tables of `information_schema` that are made here.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use datafusion::catalog::SchemaProvider;
use datafusion::common::Result;
use datafusion::config::ConfigOptions;
use datafusion::datasource::TableType;

use super::{INFORMATION_SCHEMA, Made, Shared, constraints, names, schema_of};
use crate::catalog::text_length;
use crate::options::listed;
use crate::wire_schema::{Wire, sql_type};

const COLUMNS: [&str; 15] = [
    "table_catalog",
    "table_schema",
    "table_name",
    "column_name",
    "ordinal_position#",
    "column_default?",
    "is_nullable",
    "data_type",
    "character_maximum_length#?",
    "character_octet_length#?",
    "numeric_precision#?",
    "numeric_precision_radix#?",
    "numeric_scale#?",
    "datetime_precision#?",
    "interval_type?",
];

impl Made {
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::CatalogName => &["catalog_name"],
            Self::Columns => &COLUMNS,
            Self::ConstraintColumns => constraints::OF_COLUMNS,
            Self::ConstraintTables => constraints::OF_TABLES,
            Self::KeyColumns => constraints::KEY_COLUMNS,
            Self::References => constraints::REFERENCES,
            Self::TableConstraints => constraints::CONSTRAINTS,
            Self::Schemata => &[
                "catalog_name",
                "schema_name",
                "schema_owner?",
                "default_character_set_catalog?",
                "default_character_set_schema?",
                "default_character_set_name?",
                "sql_path?",
            ],
            Self::Settings => &["name", "value?", "description?"],
            Self::Tables => &["table_catalog", "table_schema", "table_name", "table_type"],
            // `definition` is DataFusion's name for the standard's `view_definition`.
            Self::Views => &[
                "table_catalog",
                "table_schema",
                "table_name",
                "definition?",
                "view_definition?",
                "check_option",
                "is_updatable",
                "insertable_into",
            ],
        }
    }

    pub(super) fn schema(self) -> SchemaRef {
        schema_of(self.columns())
    }

    pub(super) async fn rows(self, of: &Shared) -> Result<RecordBatch> {
        let rows = match self {
            Self::CatalogName => vec![vec![text(&of.options.catalog.default_catalog)]],
            Self::Columns => columns(of).await?,
            Self::ConstraintColumns => constraints::of_columns(of),
            Self::ConstraintTables => constraints::of_tables(of),
            Self::KeyColumns => constraints::key_columns(of),
            Self::References => constraints::references(of),
            Self::TableConstraints => constraints::constraints(of),
            Self::Schemata => schemata(of),
            Self::Settings => settings(&of.options),
            Self::Tables => tables(of).await?,
            Self::Views => views(of).await?,
        };
        batch(&self.schema(), &rows)
    }
}

/// A value of a row.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Text(Option<String>),
    Number(Option<i64>),
}

pub(super) type Row = Vec<Cell>;

pub(super) fn text(of: &str) -> Cell {
    Cell::Text(Some(of.to_owned()))
}

pub(super) const NONE: Cell = Cell::Text(None);

fn batch(schema: &SchemaRef, rows: &[Row]) -> Result<RecordBatch> {
    let column = |(at, field): (usize, &Arc<Field>)| -> ArrayRef {
        match field.data_type() {
            DataType::Int64 => {
                Arc::new(Int64Array::from_iter(rows.iter().map(|row| match &row[at] {
                    Cell::Number(number) => *number,
                    Cell::Text(_) => None,
                })))
            }
            _ => Arc::new(StringArray::from_iter(rows.iter().map(|row| match &row[at] {
                Cell::Text(text) => text.as_deref(),
                Cell::Number(_) => None,
            }))),
        }
    };
    let columns = schema.fields().iter().enumerate().map(column).collect();
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

/// A schema that is not this one.
struct Place {
    catalog: String,
    name: String,
    schema: Arc<dyn SchemaProvider>,
}

impl Place {
    fn cells(&self, table: &str) -> Row {
        vec![text(&self.catalog), text(&self.name), text(table)]
    }
}

fn places(of: &Shared) -> Vec<Place> {
    let mut places = Vec::new();
    for catalog in of.catalogs.catalog_names() {
        let Some(provider) = of.catalogs.catalog(&catalog) else { continue };
        for name in provider.schema_names() {
            if name != INFORMATION_SCHEMA
                && let Some(schema) = provider.schema(&name)
            {
                places.push(Place { catalog: catalog.clone(), name, schema });
            }
        }
    }
    places
}

async fn tables(of: &Shared) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for place in places(of) {
        for table in place.schema.table_names() {
            let kind = match place.schema.table_type(&table).await? {
                Some(TableType::Base) => "BASE TABLE",
                Some(TableType::View) => "VIEW",
                Some(TableType::Temporary) => "LOCAL TEMPORARY",
                None => continue,
            };
            let mut row = place.cells(&table);
            row.push(text(kind));
            rows.push(row);
        }
    }
    for catalog in of.catalogs.catalog_names() {
        rows.extend(
            names().iter().map(|name| {
                vec![text(&catalog), text(INFORMATION_SCHEMA), text(name), text("VIEW")]
            }),
        );
    }
    Ok(rows)
}

async fn views(of: &Shared) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for place in places(of) {
        for name in place.schema.table_names() {
            if place.schema.table_type(&name).await? != Some(TableType::View) {
                continue;
            }
            let view = place.schema.table(&name).await?;
            let query = view.and_then(|view| view.get_table_definition().map(str::to_owned));
            let mut row = place.cells(&name);
            row.extend([Cell::Text(query.clone()), Cell::Text(query)]);
            row.extend([text("NONE"), text("NO"), text("NO")]);
            rows.push(row);
        }
    }
    Ok(rows)
}

fn schemata(of: &Shared) -> Vec<Row> {
    let places = places(of).into_iter().map(|place| {
        let owner = place.schema.owner_name().map(str::to_owned);
        (place.catalog, place.name, owner)
    });
    let own = of.catalogs.catalog_names().into_iter();
    let own = own.map(|catalog| (catalog, INFORMATION_SCHEMA.to_owned(), None));
    let row = |(catalog, name, owner): (String, String, Option<String>)| {
        vec![text(&catalog), text(&name), Cell::Text(owner), NONE, NONE, NONE, NONE]
    };
    places.chain(own).map(row).collect()
}

/// Those that SET takes, by the names that it takes.
fn settings(options: &ConfigOptions) -> Vec<Row> {
    let entries = options.entries();
    let told = |key: &str| {
        let bare = key.strip_prefix("distributed.").unwrap_or(key);
        let entry = entries.iter().find(|entry| entry.key == key || entry.key == bare);
        entry.map(|entry| entry.description.to_owned())
    };
    let settings = listed(options).into_iter();
    settings
        .map(|setting| {
            let told = Cell::Text(told(&setting.key));
            vec![text(&setting.key), Cell::Text(setting.value), told]
        })
        .collect()
}

async fn columns(of: &Shared) -> Result<Vec<Row>> {
    let wire = Wire::of(&of.options);
    let mut rows = Vec::new();
    for place in places(of) {
        for name in place.schema.table_names() {
            let Some(table) = place.schema.table(&name).await? else { continue };
            let own = table.schema();
            let told = wire.schema(&own);
            for (at, (field, own)) in told.fields().iter().zip(own.fields()).enumerate() {
                let mut row = place.cells(&name);
                row.extend([text(field.name()), number(at + 1), NONE]);
                row.push(text(if own.is_nullable() { "YES" } else { "NO" }));
                row.extend(type_cells(field.data_type(), text_length(own)));
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

pub(super) fn number(of: usize) -> Cell {
    Cell::Number(i64::try_from(of).ok())
}

/// From `data_type` on.
fn type_cells(data_type: &DataType, length: Option<usize>) -> [Cell; 8] {
    let sql = sql_type(data_type);
    let (precision, scale) = (i64::from(sql.precision), i64::from(sql.scale));
    let bytes = match data_type {
        DataType::FixedSizeBinary(bytes) => Some(i64::from(*bytes)),
        _ => None,
    };
    let numeric = match data_type {
        DataType::Float16 => [Some(11), Some(2), None],
        DataType::Float32 => [Some(24), Some(2), None],
        DataType::Float64 => [Some(53), Some(2), None],
        of if of.is_numeric() => [Some(precision), Some(10), Some(scale)],
        _ => [None; 3],
    };
    let fraction = match data_type {
        DataType::Date32 | DataType::Date64 => Some(0),
        DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) => Some(scale),
        _ => None,
    };
    let [digits, radix, scale] = numeric.map(Cell::Number);
    // Other text has no length but what memory has. A character is four bytes at most.
    let length = length.and_then(|length| i64::try_from(length).ok());
    let letters = Cell::Number(length.or(bytes));
    let octets = Cell::Number(length.map(|length| length.saturating_mul(4)).or(bytes));
    [text(sql.name), letters, octets, digits, radix, scale, Cell::Number(fraction), NONE]
}
