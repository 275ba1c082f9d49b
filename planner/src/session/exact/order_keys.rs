//! What a function takes in the order of lists, structs or maps, it takes in the order of ORDER BY.
//!
//! Problem: `first_value`, `array_agg` and their like, and DISTINCT ON, which is the former, compare such keys in
//! DataFusion 55 value by value, with NULLs within them before all others, and fail at structs in lists; ORDER BY has them
//! behind ([`order`](super::order)). Official way: none. Here: such a key is given as bytes that are in that order.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BinaryBuilder};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, ExprSchemable, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    SortExpr, Volatility,
};

use super::order::is_nested;

/// The keys with bytes in the place of those of such types, if there are any.
pub(super) fn as_bytes(keys: &[SortExpr], schema: &DFSchema) -> Option<Vec<SortExpr>> {
    let is_nested = |key: &SortExpr| key.expr.get_type(schema).is_ok_and(|of| is_nested(&of));
    if !keys.iter().any(is_nested) {
        return None;
    }
    let bytes = keys.iter().map(|key| match is_nested(key) {
        true => {
            let key_of = ScalarUDF::new_from_impl(OrderKey::new());
            SortExpr { expr: key_of.call(vec![key.expr.clone()]), ..key.clone() }
        }
        false => key.clone(),
    });
    Some(bytes.collect())
}

/// Bytes that are less than others where the value is; NULL of NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct OrderKey(Signature);

impl OrderKey {
    pub(super) fn new() -> Self {
        Self(Signature::any(1, Volatility::Immutable))
    }
}

impl ScalarUDFImpl for OrderKey {
    fn name(&self) -> &str {
        "order_key"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Binary)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.as_slice() {
            [of] => Ok(ColumnarValue::Array(keys(&of.to_array(args.number_rows)?)?)),
            other => internal_err!("the key of {} columns", other.len()),
        }
    }
}

fn keys(of: &ArrayRef) -> Result<ArrayRef> {
    let options = SortOptions { descending: false, nulls_first: false };
    let field = SortField::new_with_options(of.data_type().clone(), options);
    let rows = RowConverter::new(vec![field])?.convert_columns(&[Arc::clone(of)])?;
    let mut keys = BinaryBuilder::new();
    for (at, row) in rows.iter().enumerate() {
        keys.append_option(of.is_valid(at).then(|| row.as_ref()));
    }
    Ok(Arc::new(keys.finish()))
}
