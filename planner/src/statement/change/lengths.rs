//! Lengths and precisions of the types of columns: a table keeps to those of texts and of its own types, and to no others.

use datafusion::logical_expr::sqlparser::ast::{ArrayElemTypeDef, CharacterLength, DataType};
use datafusion::sql::parser::Statement as DfStatement;
use datafusion::sql::sqlparser::ast::{CharLengthUnits, Statement as SqlStatement};

use crate::{PlannerError, Result};

/// Digits of a second's fraction that every time has.
const MICROSECONDS: u64 = 6;

/// How many characters a text of this type may have.
fn length(data_type: &DataType) -> Option<u64> {
    use DataType::{CharVarying, CharacterVarying, Nvarchar, Varchar};
    match data_type {
        Varchar(Some(length))
        | CharacterVarying(Some(length))
        | CharVarying(Some(length))
        | Nvarchar(Some(length)) => match length {
            CharacterLength::IntegerLength {
                length,
                unit: None | Some(CharLengthUnits::Characters),
            } => Some(*length),
            _ => None,
        },
        _ => None,
    }
}

/// The same of the columns of a CREATE TABLE.
pub(crate) fn lengths(create: &DfStatement) -> Vec<Option<u64>> {
    match create {
        DfStatement::Statement(statement) => match statement.as_ref() {
            SqlStatement::CreateTable(create) => {
                create.columns.iter().map(|column| length(&column.data_type)).collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// # Errors
/// `Unsupported` for a column of a type with a length that would be passed over.
pub(super) fn refuse_lengths(column: &str, data_type: &DataType) -> Result<()> {
    match length(data_type) {
        Some(0) => Err(PlannerError::Invalid(format!(
            "column '{column}': a text of {data_type} has one character at least"
        ))),
        Some(_) => Ok(()),
        None => refuse_others(column, data_type),
    }
}

fn refuse_others(column: &str, data_type: &DataType) -> Result<()> {
    use DataType::*;
    let instead = match data_type {
        Varchar(Some(_))
        | Char(Some(_))
        | Character(Some(_))
        | CharacterVarying(Some(_))
        | CharVarying(Some(_))
        | Nvarchar(Some(_))
        | String(Some(_)) => "VARCHAR or TEXT",
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
        ) => return refuse_others(column, item),
        Map(key, value) => {
            refuse_others(column, key)?;
            return refuse_others(column, value);
        }
        Struct(fields, _) => {
            return fields.iter().try_for_each(|field| refuse_others(column, &field.field_type));
        }
        _ => return Ok(()),
    };
    Err(PlannerError::Unsupported(format!(
        "column '{column}': the length of {data_type} would not be kept to; write {instead}"
    )))
}
