//! Keys that a statement declares: of which columns they are, and whether they can be what they say.

use std::collections::HashSet;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ResolvedTableReference;
use datafusion::execution::SessionState;
use datafusion::prelude::SessionConfig;
use datafusion::sql::sqlparser::ast::Ident;

use super::ddl::full;
use crate::catalog::{CATALOG_NAME, Key, KeyKind, Reference, State, WantedKey};
use crate::statement::{NewKey, NewKeyKind};
use crate::{PlannerError, Result};

/// Keys by the names that the catalog has for what they name.
///
/// # Errors
/// `NotFound` for a table of another catalog; `Invalid` for a name that is none.
pub(super) fn wanted(keys: &[NewKey], config: &SessionConfig) -> Result<Vec<WantedKey>> {
    let names = |idents: &[Ident]| idents.iter().map(|ident| name(ident, config)).collect();
    let wanted = |key: &NewKey| {
        let kind = match &key.kind {
            NewKeyKind::Primary => KeyKind::Primary,
            NewKeyKind::Unique => KeyKind::Unique,
            NewKeyKind::Foreign { table, columns } => {
                let to = full(table, config)?;
                let (schema, table) = (to.schema.to_string(), to.table.to_string());
                KeyKind::Foreign(Reference { schema, table, columns: names(columns) })
            }
        };
        let own = key.name.as_ref().map(|own| name(own, config));
        Ok(WantedKey { name: own, columns: names(&key.columns), kind })
    };
    keys.iter().map(wanted).collect()
}

/// As SQL understands it.
pub(super) fn name(ident: &Ident, config: &SessionConfig) -> String {
    match ident.quote_style {
        None if config.options().sql_parser.enable_ident_normalization => {
            ident.value.to_lowercase()
        }
        _ => ident.value.clone(),
    }
}

/// The columns of primary keys among these.
pub(super) fn primary(keys: &[WantedKey]) -> HashSet<&str> {
    let primary = keys.iter().filter(|key| key.kind == KeyKind::Primary);
    primary.flat_map(|key| key.columns.iter().map(String::as_str)).collect()
}

/// # Errors
/// `Invalid` for a key of columns that a table has not, or of one twice.
pub(super) fn check_columns(keys: &[WantedKey], table: &Schema) -> Result<()> {
    for key in keys {
        let referred = match &key.kind {
            KeyKind::Foreign(to) => to.columns.as_slice(),
            _ => &[],
        };
        for columns in [key.columns.as_slice(), referred] {
            let twice = columns.iter().enumerate().find(|(at, name)| columns[..*at].contains(name));
            if let Some((_, name)) = twice {
                return Err(PlannerError::Invalid(format!(
                    "column '{name}' is in one key twice: leave it out once"
                )));
            }
        }
        key.columns.iter().try_for_each(|name| column(table, name).map(drop))?;
    }
    Ok(())
}

fn column<'s>(table: &'s Schema, name: &str) -> Result<&'s Field> {
    table.field_with_name(name).map_err(|_| {
        let names: Vec<_> = table.fields().iter().map(|field| field.name().as_str()).collect();
        PlannerError::Invalid(format!(
            "a key of column '{name}', which the table has not: it has {}",
            names.join(", ")
        ))
    })
}

/// # Errors
/// `Invalid` for a primary key of columns of a table that is there which may be NULL.
pub(super) fn check_not_null(keys: &[WantedKey], table: &Schema) -> Result<()> {
    let primary = primary(keys);
    let mut fields = table.fields().iter();
    match fields.find(|field| field.is_nullable() && primary.contains(field.name().as_str())) {
        None => Ok(()),
        Some(field) => Err(PlannerError::Invalid(format!(
            "PRIMARY KEY: column '{}' may be NULL, and those of a primary key are not: declare UNIQUE (…) NOT ENFORCED, which \
             foreign keys can refer to as well, or make the table anew with the column NOT NULL",
            field.name()
        ))),
    }
}

/// The columns of a table that is there.
///
/// # Errors
/// `NotFound`, or why it cannot be read.
pub(super) async fn columns_of(
    session: &SessionState,
    schema: &str,
    table: &str,
) -> Result<SchemaRef> {
    let catalog = session.catalog_list().catalog(CATALOG_NAME);
    let found = match catalog.and_then(|catalog| catalog.schema(schema)) {
        Some(schema) => schema.table(table).await?,
        None => None,
    };
    let found = found
        .ok_or_else(|| PlannerError::NotFound(format!("there is no table '{schema}.{table}'")))?;
    Ok(found.schema())
}

/// Whether what refers to something can be equal to it: these foreign keys of a table, and those of others that refer to it.
///
/// # Errors
/// `Invalid` where it never is.
pub(super) async fn check_references(
    session: &SessionState,
    state: &State,
    name: &ResolvedTableReference,
    table: &Schema,
    keys: &[Key],
) -> Result<()> {
    let is_own = |to: &Reference| *to.schema == *name.schema && *to.table == *name.table;
    for key in keys {
        let Some(to) = key.reference() else { continue };
        match is_own(to) {
            true => check_types(key, table, to, table)?,
            false => {
                let theirs = columns_of(session, &to.schema, &to.table).await?;
                check_types(key, table, to, &theirs)?;
            }
        }
    }
    for (schema, other, key) in state.referring(&name.schema, &name.table) {
        let Some(to) = key.reference() else { continue };
        // One that cannot be read any more stands in nobody's way.
        let Ok(theirs) = columns_of(session, schema, &other.name).await else { continue };
        check_types(key, &theirs, to, table)?;
    }
    Ok(())
}

fn check_types(key: &Key, own: &Schema, to: &Reference, theirs: &Schema) -> Result<()> {
    for (name, referred) in key.columns.iter().zip(&to.columns) {
        let (one, other) = (column(own, name)?.data_type(), column(theirs, referred)?.data_type());
        if !can_be_equal(one, other) {
            return Err(PlannerError::Invalid(format!(
                "foreign key '{}': column '{name}' ({one}) can never be equal to '{}.{}.{referred}' ({other})",
                key.name, to.schema, to.table
            )));
        }
    }
    Ok(())
}

fn can_be_equal(one: &DataType, other: &DataType) -> bool {
    let is_bytes = |of: &DataType| of.is_binary();
    let is_day =
        |of: &DataType| matches!(of, DataType::Date32 | DataType::Date64 | DataType::Timestamp(..));
    let kinds: [&dyn Fn(&DataType) -> bool; 4] =
        [&DataType::is_numeric, &DataType::is_string, &is_bytes, &is_day];
    one == other || kinds.iter().any(|is| is(one) && is(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_that_can_be_equal_may_refer_to_each_other() {
        use DataType::*;
        for (one, other, expected) in [
            (Int32, Decimal128(10, 2), true),
            (Utf8, Utf8View, true),
            (Date32, Timestamp(datafusion::arrow::datatypes::TimeUnit::Microsecond, None), true),
            (Binary, BinaryView, true),
            (Boolean, Boolean, true),
            (Int32, Utf8, false),
            (Date32, Int32, false),
            (Boolean, Int8, false),
        ] {
            assert_eq!(can_be_equal(&one, &other), expected, "{one} {other}");
        }
    }
}
