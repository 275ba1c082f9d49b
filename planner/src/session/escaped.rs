//! Patterns of LIKE that are known when a query runs, with another letter that escapes than the backslash.
//!
//! `statement/escapes.rs` writes calls of this function.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, exec_err, internal_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::statement::{BY_BACKSLASH, by_backslash};

/// Has a session know the function.
pub(super) fn escaped(state: &mut SessionState) -> Result<()> {
    state.register_udf(Arc::new(ScalarUDF::new_from_impl(Escaped::new())))?;
    Ok(())
}

/// Of a pattern and a letter.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Escaped(Signature);

impl Escaped {
    fn new() -> Self {
        Self(Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable))
    }
}

impl ScalarUDFImpl for Escaped {
    fn name(&self) -> &str {
        BY_BACKSLASH
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [patterns, ColumnarValue::Scalar(letter)] = args.args.as_slice() else {
            return internal_err!("{BY_BACKSLASH} takes a pattern and a letter");
        };
        let letter = letter.try_as_str().flatten().and_then(|letter| letter.chars().next());
        match patterns {
            ColumnarValue::Array(patterns) => {
                Ok(ColumnarValue::Array(Arc::new(all(patterns, letter)?)))
            }
            ColumnarValue::Scalar(pattern) => {
                let written: ArrayRef = Arc::new(all(&pattern.to_array()?, letter)?);
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&written, 0)?))
            }
        }
    }
}

fn all(patterns: &ArrayRef, letter: Option<char>) -> Result<StringArray> {
    let written = patterns.as_string::<i32>().iter().map(|pattern| {
        let Some(pattern) = pattern else { return Ok(None) };
        match by_backslash(pattern, letter) {
            Some(written) => Ok(Some(written)),
            None => exec_err!("the pattern '{pattern}' of LIKE ends in its ESCAPE letter"),
        }
    });
    written.collect()
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::util::display::array_value_to_string;
    use datafusion::prelude::SessionContext;

    use super::*;
    use crate::statement::{Statement, parse};

    async fn answer(sql: &str) -> Result<String> {
        let mut state = SessionContext::new().state();
        escaped(&mut state)?;
        let Ok(Statement::Query(query)) = parse(sql) else { panic!("{sql}") };
        let plan = state.statement_to_plan(query).await?;
        let context = SessionContext::new_with_state(state);
        let batches = context.execute_logical_plan(plan).await?.collect().await?;
        Ok(array_value_to_string(batches[0].column(0), 0)?)
    }

    #[tokio::test]
    async fn a_pattern_of_a_column_is_escaped() {
        for (text, pattern, expected) in [
            ("a%", "a!%", "true"),
            ("ab", "a!%", "false"),
            ("a!b", "a!!_", "true"),
            ("a\\b", "a\\_", "true"),
        ] {
            let rows = format!("(VALUES ('{text}', '{pattern}')) AS t(a, p)");
            let sql = format!("SELECT a LIKE p ESCAPE '!' FROM {rows}");
            assert_eq!(answer(&sql).await.unwrap(), expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn one_that_ends_in_the_letter_is_an_error() {
        let sql = "SELECT a LIKE p ESCAPE '!' FROM (VALUES ('a', 'a!')) AS t(a, p)";
        let told = answer(sql).await.unwrap_err().to_string();
        assert!(told.contains("ends in its ESCAPE letter"), "{told}");
    }
}
