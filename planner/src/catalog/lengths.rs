//! How long the texts of a column may be: `VARCHAR(20)`.
//!
//! A Delta table keeps text of any length. Spark notes the length in what the table's log says of the column, and looks at
//! what it writes; so do we. As in SQL, blanks beyond the length are cut, and whatever else is there is an error.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::Field;

use crate::{PlannerError, Result};

/// Where Spark keeps it, as `varchar(20)`.
pub(crate) const LENGTH: &str = "__CHAR_VARCHAR_TYPE_STRING";

/// How many characters a column's texts may have; `None` for any number.
pub fn text_length(column: &Field) -> Option<usize> {
    let said = column.metadata().get(LENGTH).filter(|_| column.data_type().is_string())?;
    of(said)
}

/// The same of what a log says.
pub(crate) fn of(said: &str) -> Option<usize> {
    said.strip_prefix("varchar(")?.strip_suffix(')')?.trim().parse().ok()
}

/// The column with texts of so many characters at most.
pub(crate) fn with_length(column: Field, characters: u64) -> Field {
    let mut metadata = column.metadata().clone();
    metadata.insert(LENGTH.to_owned(), format!("varchar({characters})"));
    column.with_metadata(metadata)
}

/// The column with texts of any length, as what is calculated has them.
pub(crate) fn without_length(column: &Field) -> Field {
    let mut metadata = column.metadata().clone();
    metadata.remove(LENGTH);
    column.clone().with_metadata(metadata)
}

/// The values as their column keeps them.
///
/// # Errors
/// `Invalid` for a text that is too long.
pub(crate) fn fitting(values: &ArrayRef, column: &Field) -> Result<ArrayRef> {
    let Some(most) = text_length(column) else { return Ok(Arc::clone(values)) };
    let texts = values.as_string::<i32>();
    // A character has a byte at least.
    let fits = |text: &str| text.len() <= most || text.chars().count() <= most;
    if texts.iter().flatten().all(fits) {
        return Ok(Arc::clone(values));
    }
    let kept = texts.iter().map(|text| text.map(|text| cut(text, most, column)).transpose());
    Ok(Arc::new(kept.collect::<Result<StringArray>>()?))
}

fn cut<'t>(text: &'t str, most: usize, column: &Field) -> Result<&'t str> {
    let Some((end, _)) = text.char_indices().nth(most) else { return Ok(text) };
    let (kept, beyond) = text.split_at(end);
    match beyond.trim_end_matches(' ') {
        "" => Ok(kept),
        _ => Err(PlannerError::Invalid(format!(
            "column '{}' is VARCHAR({most}), and a text has {} characters: '{kept}…'",
            column.name(),
            text.chars().count(),
        ))),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn blanks_beyond_the_length_are_cut_and_all_else_is_an_error() {
        let column = with_length(Field::new("a", DataType::Utf8, true), 3);
        let kept = |text: &str| {
            let values: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None, Some(text)]));
            fitting(&values, &column).map(|kept| kept.as_string::<i32>().value(2).to_owned())
        };
        assert_eq!(text_length(&column), Some(3));
        assert_eq!(kept("äöü").unwrap(), "äöü");
        assert_eq!(kept("ab    ").unwrap(), "ab ");
        let refused = kept("äöüß").unwrap_err().to_string();
        assert!(refused.contains("VARCHAR(3)") && refused.contains("4 characters"), "{refused}");
    }

    #[test]
    fn other_columns_have_texts_of_any_length() {
        let other = Field::new("a", DataType::Utf8, true);
        let number = with_length(Field::new("a", DataType::Int32, true), 3);
        assert_eq!((text_length(&other), text_length(&number)), (None, None));
        assert_eq!(of("char(3)"), None);
    }
}
