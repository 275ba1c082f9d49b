//! The two columns of GetSqlInfo, of which the second is a dense union with an arm for each kind
//! of value.
//!
//! Not arrow-flight's `SqlInfoDataBuilder`: its map has `keys` and `values` where the spec and
//! every other implementation have `key` and `value`, and JDBC, which reads by those names, sees no
//! conversion. Its list and map are nullable besides, as nobody else's are.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Int32Array, Int32Builder, Int64Array, ListBuilder, MapBuilder,
    MapFieldNames, RecordBatch, StringArray, StringBuilder, UInt32Array, UnionArray,
};
use datafusion::arrow::buffer::ScalarBuffer;
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Schema, SchemaRef, UnionFields, UnionMode,
};
use datafusion::arrow::error::ArrowError;

use super::Value;

/// The schema of GetSqlInfo.
pub fn sql_info_schema() -> SchemaRef {
    let value = DataType::Union(arms(), UnionMode::Dense);
    let name = Field::new("info_name", DataType::UInt32, false);
    Arc::new(Schema::new(vec![name, Field::new("value", value, false)]))
}

fn arms() -> UnionFields {
    UnionFields::from_fields(vec![
        Field::new("string_value", DataType::Utf8, false),
        Field::new("bool_value", DataType::Boolean, false),
        Field::new("bigint_value", DataType::Int64, false),
        Field::new("int32_bitmask", DataType::Int32, false),
        Field::new("string_list", list_of(DataType::Utf8), false),
        Field::new("int32_to_int32_list_map", DataType::Map(entries(), false), false),
    ])
}

fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item, true)))
}

fn entries() -> FieldRef {
    let key = Field::new("key", DataType::Int32, false);
    let value = Field::new("value", list_of(DataType::Int32), true);
    Arc::new(Field::new_struct("entries", vec![key, value], false))
}

/// The answer with the given codes and values.
pub(super) fn batch(
    rows: impl IntoIterator<Item = (u32, Value)>,
) -> Result<RecordBatch, ArrowError> {
    let mut codes = Vec::new();
    let mut union = Union::default();
    for (code, value) in rows {
        codes.push(code);
        union.push(value)?;
    }
    let codes = Arc::new(UInt32Array::from(codes));
    RecordBatch::try_new(sql_info_schema(), vec![codes, union.finish()?])
}

/// The values seen so far, by arm, and where each row's is.
struct Union {
    arms: Vec<i8>,
    offsets: Vec<i32>,
    texts: Vec<&'static str>,
    flags: Vec<bool>,
    longs: Vec<i64>,
    ints: Vec<i32>,
    lists: ListBuilder<StringBuilder>,
    maps: MapBuilder<Int32Builder, ListBuilder<Int32Builder>>,
}

impl Default for Union {
    fn default() -> Self {
        let [entry, key, value] = ["entries", "key", "value"].map(Into::into);
        let names = MapFieldNames { entry, key, value };
        let lists = ListBuilder::new(Int32Builder::new());
        Self {
            arms: vec![],
            offsets: vec![],
            texts: vec![],
            flags: vec![],
            longs: vec![],
            ints: vec![],
            lists: ListBuilder::new(StringBuilder::new()),
            maps: MapBuilder::new(Some(names), Int32Builder::new(), lists),
        }
    }
}

impl Union {
    fn push(&mut self, value: Value) -> Result<(), ArrowError> {
        let arm = match value {
            Value::Text(text) => {
                self.texts.push(text);
                0
            }
            Value::Flag(flag) => {
                self.flags.push(flag);
                1
            }
            Value::Long(number) => {
                self.longs.push(number);
                2
            }
            Value::Int(number) => {
                self.ints.push(number);
                3
            }
            Value::List(words) => {
                self.lists.append_value(words.into_iter().map(Some));
                4
            }
            Value::Map(entries) => {
                self.push_map(entries)?;
                5
            }
        };
        // A value's place in its arm is the number of rows on that arm before it.
        let place = self.arms.iter().filter(|earlier| **earlier == arm).count();
        self.offsets.push(place as i32);
        self.arms.push(arm);
        Ok(())
    }

    fn push_map(&mut self, entries: Vec<(i32, Vec<i32>)>) -> Result<(), ArrowError> {
        for (key, values) in entries {
            self.maps.keys().append_value(key);
            self.maps.values().append_value(values.into_iter().map(Some));
        }
        self.maps.append(true)
    }

    fn finish(mut self) -> Result<ArrayRef, ArrowError> {
        let values: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(self.texts)),
            Arc::new(BooleanArray::from(self.flags)),
            Arc::new(Int64Array::from(self.longs)),
            Arc::new(Int32Array::from(self.ints)),
            Arc::new(self.lists.finish()),
            Arc::new(self.maps.finish()),
        ];
        let (ids, offsets) = (ScalarBuffer::from(self.arms), ScalarBuffer::from(self.offsets));
        Ok(Arc::new(UnionArray::try_new(arms(), ids, Some(offsets), values)?))
    }
}
