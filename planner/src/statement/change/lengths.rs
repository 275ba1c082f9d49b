//! Lengths and precisions of the types of columns: a table keeps to none but those that its own types have.

use datafusion::logical_expr::sqlparser::ast::{ArrayElemTypeDef, DataType};

use crate::{PlannerError, Result};

/// Digits of a second's fraction that every time has.
const MICROSECONDS: u64 = 6;

/// # Errors
/// `Unsupported` for a column of a type with a length, which would be passed over.
pub(super) fn refuse_lengths(column: &str, data_type: &DataType) -> Result<()> {
    use DataType::*;
    let instead = match data_type {
        Varchar(Some(_))
        | Char(Some(_))
        | Character(Some(_))
        | CharacterVarying(Some(_))
        | CharVarying(Some(_))
        | Nvarchar(Some(_))
        | String(Some(_)) => "TEXT",
        Binary(Some(_)) | Varbinary(Some(_)) | Blob(Some(_)) | Bytes(Some(_)) => "BYTEA",
        Timestamp(Some(digits), _) | Datetime(Some(digits)) | TimestampNtz(Some(digits))
            if *digits != MICROSECONDS =>
        {
            "TIMESTAMP, which keeps microseconds"
        }
        Array(ArrayElemTypeDef::SquareBracket(item, Some(_))) => {
            return Err(PlannerError::Unsupported(format!(
                "column '{column}': the length of {data_type} would not be kept to; write {item}[]"
            )));
        }
        Array(
            ArrayElemTypeDef::AngleBracket(item)
            | ArrayElemTypeDef::SquareBracket(item, _)
            | ArrayElemTypeDef::Parenthesis(item),
        ) => return refuse_lengths(column, item),
        Map(key, value) => {
            refuse_lengths(column, key)?;
            return refuse_lengths(column, value);
        }
        Struct(fields, _) => {
            return fields.iter().try_for_each(|field| refuse_lengths(column, &field.field_type));
        }
        _ => return Ok(()),
    };
    Err(PlannerError::Unsupported(format!(
        "column '{column}': the length of {data_type} would not be kept to; write {instead}"
    )))
}
