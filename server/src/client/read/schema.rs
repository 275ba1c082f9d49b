//! Whether a stream carries what the FlightInfo promised.
//!
//! Names, types and nullability count, metadata does not: the rule of ADBC and JDBC, so that a
//! server which pleases this client pleases them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, UnionFields};

/// The first difference between the promised schema and a stream's, in words; none if they agree.
pub(super) fn difference(promised: &Schema, found: &Schema) -> Option<String> {
    let (wanted, got) = (bare(promised.fields()), bare(found.fields()));
    if wanted.len() != got.len() {
        return Some(format!("{} columns promised, {} sent", wanted.len(), got.len()));
    }
    let mut pairs = wanted.iter().zip(&got);
    let (wanted, got) = pairs.find(|(wanted, got)| wanted != got)?;
    Some(format!("column {} promised, {} sent", describe(wanted), describe(got)))
}

fn describe(field: &Field) -> String {
    let null = if field.is_nullable() { "nullable" } else { "not null" };
    format!("{:?} {} {null}", field.name(), field.data_type())
}

fn bare(fields: &Fields) -> Fields {
    fields.iter().map(bare_field).collect()
}

fn bare_field(field: &FieldRef) -> FieldRef {
    Arc::new(Field::new(field.name(), bare_type(field.data_type()), field.is_nullable()))
}

fn bare_type(kind: &DataType) -> DataType {
    match kind {
        DataType::List(item) => DataType::List(bare_field(item)),
        DataType::LargeList(item) => DataType::LargeList(bare_field(item)),
        DataType::ListView(item) => DataType::ListView(bare_field(item)),
        DataType::LargeListView(item) => DataType::LargeListView(bare_field(item)),
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(bare_field(item), *size),
        DataType::Struct(fields) => DataType::Struct(bare(fields)),
        DataType::Map(entries, sorted) => DataType::Map(bare_field(entries), *sorted),
        DataType::Union(members, mode) => DataType::Union(bare_members(members), *mode),
        DataType::RunEndEncoded(ends, values) => {
            DataType::RunEndEncoded(bare_field(ends), bare_field(values))
        }
        DataType::Dictionary(keys, values) => {
            DataType::Dictionary(keys.clone(), Box::new(bare_type(values)))
        }
        flat => flat.clone(),
    }
}

fn bare_members(members: &UnionFields) -> UnionFields {
    members.iter().map(|(id, field)| (id, bare_field(field))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list_of(item: Field) -> Schema {
        Schema::new(vec![Field::new("l", DataType::List(Arc::new(item)), true)])
    }

    fn item() -> Field {
        Field::new("item", DataType::Int32, true)
    }

    #[test]
    fn metadata_does_not_count_at_any_depth() {
        let noted = item().with_metadata([("k".to_owned(), "v".to_owned())].into());
        assert_eq!(difference(&list_of(item()), &list_of(noted)), None);
    }

    #[test]
    fn nullability_counts_at_any_depth() {
        let told = difference(&list_of(item()), &list_of(item().with_nullable(false)));
        assert!(told.is_some_and(|t| t.contains("\"l\"")));
    }

    #[test]
    fn a_missing_column_is_told() {
        let told = difference(&list_of(item()), &Schema::empty());
        assert_eq!(told.as_deref(), Some("1 columns promised, 0 sent"));
    }
}
