//! Elements of lists and maps as Spark has them: `a[i]`, `element_at(a, i)`, `get(a, i)`.
//!
//! Problem: DataFusion counts from 1 and answers NULL for what is not there; in Spark `a[0]` is the first, `element_at`
//! counts from 1 or from the end, and both end the query where a list has no such element (NULL where
//! `datafusion.execution.enable_ansi_mode` is off). Of a map both are the value of a key, or NULL.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, UInt32Array, make_comparator};
use datafusion::arrow::compute::{SortOptions, cast, take};
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::AT;

/// Those that are called by name.
pub(super) const NAMES: [&str; 3] = ["element_at", "get", "try_element_at"];

pub(super) fn functions() -> [ScalarUDF; 4] {
    [Kind::At, Kind::ElementAt, Kind::Get, Kind::TryElementAt].map(|kind| {
        let signature = Signature::user_defined(Volatility::Immutable);
        ScalarUDF::new_from_impl(Element { kind, signature })
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// From 0.
    At,
    /// From 1, or from the end.
    ElementAt,
    /// From 0, NULL where there is none.
    Get,
    /// From 1, or from the end, NULL where there is none.
    TryElementAt,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Element {
    kind: Kind,
    signature: Signature,
}

impl ScalarUDFImpl for Element {
    fn name(&self) -> &str {
        match self.kind {
            Kind::At => AT,
            Kind::ElementAt => "spark:element_at",
            Kind::Get => "spark:get",
            Kind::TryElementAt => "spark:try_element_at",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [of, at] = types else {
            return plan_err!("an element is of a list or a map, and where it is");
        };
        match of {
            DataType::List(_) if at.is_integer() || at.is_null() => {
                Ok(vec![of.clone(), DataType::Int64])
            }
            DataType::LargeList(item) | DataType::FixedSizeList(item, _)
                if at.is_integer() || at.is_null() =>
            {
                Ok(vec![DataType::List(Arc::clone(item)), DataType::Int64])
            }
            DataType::Map(entries, _) if self.kind != Kind::Get => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => {
                    Ok(vec![of.clone(), fields[0].data_type().clone()])
                }
                _ => plan_err!("{of} is no map"),
            },
            _ => plan_err!("there is no element {at} of {of}"),
        }
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(DataType::List(item)) => Ok(item.data_type().clone()),
            Some(DataType::Map(entries, _)) => match entries.data_type() {
                DataType::Struct(fields) if fields.len() == 2 => Ok(fields[1].data_type().clone()),
                of => plan_err!("{of} is no map"),
            },
            of => plan_err!("there is no element of {of:?}"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let strict = args.config_options.execution.enable_ansi_mode
            && matches!(self.kind, Kind::At | Kind::ElementAt);
        let all_one = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [of, at] = arrays.as_slice() else {
            return exec_err!("an element is of a list or a map, and where it is");
        };
        let found = match of.data_type() {
            DataType::Map(..) => of_maps(of, at)?,
            _ => self.of_lists(of, at, strict)?,
        };
        match all_one {
            true => Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&found, 0)?)),
            false => Ok(ColumnarValue::Array(found)),
        }
    }
}

impl Element {
    fn of_lists(&self, lists: &ArrayRef, at: &ArrayRef, strict: bool) -> Result<ArrayRef> {
        let lists = lists.as_list::<i32>();
        let at = cast(at, &DataType::Int64)?;
        let at = at.as_primitive::<Int64Type>();
        let mut places = Vec::with_capacity(lists.len());
        for row in 0..lists.len() {
            if lists.is_null(row) || at.is_null(row) {
                places.push(None);
                continue;
            }
            let length = i64::from(lists.value_length(row));
            match self.place(at.value(row), length) {
                Some(place) => {
                    let start = i64::from(lists.value_offsets()[row]);
                    places.push(u32::try_from(start + place).ok());
                }
                None if strict => return self.none(at.value(row), length),
                None => places.push(None),
            }
        }
        Ok(take(lists.values(), &UInt32Array::from(places), None)?)
    }

    /// From 0.
    fn place(&self, at: i64, length: i64) -> Option<i64> {
        let place = match self.kind {
            Kind::At | Kind::Get => at,
            Kind::ElementAt | Kind::TryElementAt if at > 0 => at - 1,
            Kind::ElementAt | Kind::TryElementAt if at < 0 => length.checked_add(at)?,
            Kind::ElementAt | Kind::TryElementAt => return None,
        };
        (0..length).contains(&place).then_some(place)
    }

    fn none<T>(&self, at: i64, length: i64) -> Result<T> {
        match self.kind {
            Kind::ElementAt if at == 0 => exec_err!("element_at counts from 1, or from -1 back"),
            _ => exec_err!(
                "a list of {length} elements has none at {at}: try get(list, {at}), which is NULL then, from 0"
            ),
        }
    }
}

/// The values of keys.
fn of_maps(maps: &ArrayRef, keys: &ArrayRef) -> Result<ArrayRef> {
    let maps = maps.as_map();
    let is_same = make_comparator(maps.keys(), keys, SortOptions::default())?;
    let offsets = maps.value_offsets();
    let places = (0..maps.len()).map(|row| {
        if maps.is_null(row) || keys.is_null(row) {
            return None;
        }
        let (start, end) = (offsets[row] as usize, offsets[row + 1] as usize);
        let found = (start..end).find(|entry| is_same(*entry, row).is_eq())?;
        u32::try_from(found).ok()
    });
    Ok(take(maps.values(), &places.collect::<UInt32Array>(), None)?)
}
