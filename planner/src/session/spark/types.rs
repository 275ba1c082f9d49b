//! `typeof(x)`: a type by Spark's name for it.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::plain;

pub(super) fn function() -> ScalarUDF {
    let takes = |types: &[DataType]| match types {
        [of] => name(of).map(|_| vec![of.clone()]),
        _ => plan_err!("typeof takes one value"),
    };
    plain::function(
        "spark:typeof",
        takes,
        |_| DataType::Utf8,
        |args, _| {
            let name = name(args[0].data_type())?;
            let names = vec![name; args[0].len()];
            Ok(Arc::new(StringArray::from(names)) as ArrayRef)
        },
    )
}

fn name(of: &DataType) -> Result<String> {
    Ok(match of {
        DataType::Null => "void".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Int8 => "tinyint".to_owned(),
        DataType::Int16 => "smallint".to_owned(),
        DataType::Int32 => "int".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Float32 => "float".to_owned(),
        DataType::Float64 => "double".to_owned(),
        of if of.is_string() => "string".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "binary".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamp".to_owned(),
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) => {
            format!("decimal({p},{s})")
        }
        DataType::List(item) | DataType::LargeList(item) => {
            format!("array<{}>", name(item.data_type())?)
        }
        DataType::Struct(fields) => {
            let each = fields
                .iter()
                .map(|field| Ok(format!("{}:{}", field.name(), name(field.data_type())?)));
            format!("struct<{}>", each.collect::<Result<Vec<_>>>()?.join(","))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("map<{},{}>", name(fields[0].data_type())?, name(fields[1].data_type())?)
            }
            of => return plan_err!("{of} is no map"),
        },
        of => return plan_err!("{of} has no name in Spark's dialect"),
    })
}
