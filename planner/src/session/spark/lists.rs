//! Lists: `size`, `array_position`, `arrays_overlap`, `flatten` and `array_join`, with what Spark makes of NULLs in them.
//!
//! Each takes its arguments once, where CASE over the engine's would copy them.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, GenericListArray, Int32Array, Int64Array, ListArray,
    StringBuilder, UInt32Array, make_comparator,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{SortOptions, take};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::super::clocks;
use super::plain::{self, function};
use super::row::normal;
use super::text;

/// Those that are called by name.
pub(super) const NAMES: [&str; 6] =
    ["size", "cardinality", "array_position", "arrays_overlap", "flatten", "array_join"];

pub(super) fn functions() -> [ScalarUDF; 7] {
    let bigint = |_: &[DataType]| DataType::Int64;
    let int = |_: &[DataType]| DataType::Int32;
    [
        function("spark:size", one, int, |args, config| {
            Ok(sizes(&args[0], !config.execution.enable_ansi_mode))
        }),
        function("spark:cardinality", one, int, |args, config| {
            Ok(sizes(&args[0], !config.execution.enable_ansi_mode))
        }),
        function("spark:array_position", with_value, bigint, |args, _| place(&args[0], &args[1])),
        function(
            "spark:arrays_overlap",
            both,
            |_| DataType::Boolean,
            |args, _| overlap(&args[0], &args[1]),
        ),
        function("spark:flatten", nested, inner, |args, _| flat(&args[0])),
        function(
            "spark:strings",
            of_strings,
            |_| list(DataType::Utf8),
            |args, config| strings(&args[0], clocks::of_session(config)),
        ),
        function(
            "spark:array_join",
            to_join,
            |_| DataType::Utf8,
            |args, config| joined(args, clocks::of_session(config)),
        ),
    ]
}

fn list(of: DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(of, true)))
}

/// What a list is of.
fn item(of: &DataType) -> Option<&DataType> {
    match of {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item.data_type())
        }
        _ => None,
    }
}

fn one(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [of @ (DataType::List(_) | DataType::Map(..))] => Ok(vec![of.clone()]),
        [of] if item(of).is_some() => Ok(vec![list(item(of).cloned().unwrap_or(DataType::Null))]),
        [DataType::Null] => Ok(vec![list(DataType::Null)]),
        _ => plan_err!("size takes a list or a map"),
    }
}

fn of_strings(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [DataType::Null] => Ok(vec![list(DataType::Null)]),
        [of] if item(of).is_some() => one(types),
        [of] => plan_err!("{of} is no list: a cast to ARRAY is of one"),
        _ => plan_err!("a cast to ARRAY is of one list"),
    }
}

fn with_value(types: &[DataType]) -> Result<Vec<DataType>> {
    let [of, value] = types else { return plan_err!("array_position takes a list and a value") };
    let Some(of) = item(of) else { return plan_err!("array_position takes a list and a value") };
    let met = plain::met([of, value]).unwrap_or_else(|| of.clone());
    Ok(vec![list(met.clone()), met])
}

fn both(types: &[DataType]) -> Result<Vec<DataType>> {
    let items: Vec<_> = types.iter().map(item).collect();
    let met = match items.as_slice() {
        [Some(left), Some(right)] => plain::met([*left, *right]),
        _ => None,
    };
    let is_known = |of: &DataType| RowConverter::supports_fields(&[SortField::new(of.clone())]);
    match met {
        Some(met) if is_known(&met) => Ok(vec![list(met); 2]),
        _ => plan_err!("arrays_overlap takes two lists of one type, and none of maps"),
    }
}

fn nested(types: &[DataType]) -> Result<Vec<DataType>> {
    match (types, types.first().and_then(item).and_then(item)) {
        ([_], Some(of)) => Ok(vec![list(list(of.clone()))]),
        _ => plan_err!("flatten takes a list of lists"),
    }
}

fn inner(types: &[DataType]) -> DataType {
    types.first().and_then(item).cloned().unwrap_or(DataType::Null)
}

fn to_join(types: &[DataType]) -> Result<Vec<DataType>> {
    match types {
        [of, rest @ ..] if item(of).is_some() && (1..=2).contains(&rest.len()) => {
            let of = list(item(of).cloned().unwrap_or(DataType::Null));
            Ok(std::iter::once(of).chain(vec![DataType::Utf8; rest.len()]).collect())
        }
        _ => plan_err!(
            "array_join takes a list, what stands between its elements, and what a NULL is shown as"
        ),
    }
}

/// `legacy`: a NULL has -1 elements, as with Spark's ANSI mode off.
fn sizes(of: &ArrayRef, legacy: bool) -> ArrayRef {
    let length = |row: usize| match of.data_type() {
        DataType::Map(..) => of.as_map().value_length(row),
        _ => of.as_list::<i32>().value_length(row),
    };
    let sizes = (0..of.len()).map(|row| match of.is_null(row) {
        true => legacy.then_some(-1),
        false => Some(length(row)),
    });
    Arc::new(sizes.collect::<Int32Array>())
}

/// From 1; 0 where it is none of them.
fn place(lists: &ArrayRef, values: &ArrayRef) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let (items, values) = (&normal(lists.values())?, &normal(values)?);
    let order = make_comparator(items, values, SortOptions::default())?;
    let places = (0..lists.len()).map(|row| {
        if lists.is_null(row) || values.is_null(row) {
            return None;
        }
        let mut all = range(lists, row);
        let start = all.start;
        let found = all.find(|at| items.is_valid(*at) && order(*at, row).is_eq());
        Some(found.map_or(0, |found| (found - start + 1) as i64))
    });
    Ok(Arc::new(places.collect::<Int64Array>()))
}

fn range(lists: &GenericListArray<i32>, row: usize) -> std::ops::Range<usize> {
    let offsets = lists.value_offsets();
    offsets[row] as usize..offsets[row + 1] as usize
}

/// NULL where they share nothing that is known, and one has a NULL.
fn overlap(left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
    let (left, right) = (left.as_list::<i32>(), right.as_list::<i32>());
    let (of_left, of_right) = (left.values(), right.values());
    let fields = vec![SortField::new(of_left.data_type().clone())];
    let rows = RowConverter::new(fields)?;
    let ours = rows.convert_columns(std::slice::from_ref(of_left))?;
    let theirs = rows.convert_columns(std::slice::from_ref(of_right))?;
    let (no_left, no_right) = (of_left.logical_nulls(), of_right.logical_nulls());
    let is_known = |nulls: &Option<NullBuffer>, at: usize| {
        nulls.as_ref().is_none_or(|nulls| nulls.is_valid(at))
    };
    let shared = (0..left.len()).map(|row| {
        if left.is_null(row) || right.is_null(row) {
            return None;
        }
        let (here, there) = (range(left, row), range(right, row));
        let known = here.clone().filter(|at| is_known(&no_left, *at));
        let known: HashSet<_> = known.map(|at| ours.row(at)).collect();
        let mut others = there.clone().filter(|at| is_known(&no_right, *at));
        if others.any(|at| known.contains(&theirs.row(at))) {
            return Some(true);
        }
        let has_null = here.clone().any(|at| !is_known(&no_left, at))
            || there.clone().any(|at| !is_known(&no_right, at));
        (!has_null || here.is_empty() || there.is_empty()).then_some(false)
    });
    Ok(Arc::new(shared.collect::<BooleanArray>()))
}

/// NULL where one of the lists is.
fn flat(lists: &ArrayRef) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let inner = lists.values().as_list::<i32>();
    let (mut places, mut lengths, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..lists.len() {
        let all = range(lists, row);
        let is_known = lists.is_valid(row) && all.clone().all(|at| inner.is_valid(at));
        let before = places.len();
        if is_known {
            places.extend(all.flat_map(|at| range(inner, at)).map(|at| at as u32));
        }
        lengths.push(places.len() - before);
        known.push(is_known);
    }
    let DataType::List(field) = inner.data_type() else {
        return exec_err!("flatten takes a list of lists");
    };
    let items = take(inner.values(), &UInt32Array::from(places), None)?;
    let offsets = OffsetBuffer::from_lengths(lengths);
    let nulls = Some(NullBuffer::from(known));
    Ok(Arc::new(ListArray::try_new(Arc::clone(field), offsets, items, nulls)?))
}

/// A list of the texts of its elements.
fn strings(lists: &ArrayRef, zone: &str) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let items = text::written(lists.values(), zone)?;
    let field = Arc::new(Field::new_list_field(DataType::Utf8, true));
    let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
    Ok(Arc::new(ListArray::try_new(field, offsets, items, nulls)?))
}

/// Elements as Spark writes them; NULLs are left out, unless it is said what they are shown as.
fn joined(args: &[ArrayRef], zone: &str) -> Result<ArrayRef> {
    let lists = args[0].as_list::<i32>();
    let items = text::written(lists.values(), zone)?;
    let items = items.as_string::<i32>();
    let between = args[1].as_string::<i32>();
    let null = args.get(2).map(|null| null.as_string::<i32>());
    let mut answers = StringBuilder::new();
    for row in 0..lists.len() {
        let is_there = lists.is_valid(row)
            && between.is_valid(row)
            && null.is_none_or(|null| null.is_valid(row));
        if !is_there {
            answers.append_null();
            continue;
        }
        let shown = range(lists, row).filter_map(|at| match items.is_valid(at) {
            true => Some(items.value(at)),
            false => null.map(|null| null.value(row)),
        });
        answers.append_value(shown.collect::<Vec<_>>().join(between.value(row)));
    }
    Ok(Arc::new(answers.finish()))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::Int32Type;

    use super::*;

    #[test]
    fn lists_overlap_in_what_is_known() {
        for (left, right, expected) in [
            (vec![Some(1), None], vec![Some(2)], None),
            (vec![Some(1), None], vec![None, Some(1)], Some(true)),
            (vec![None], vec![Some(1)], None),
            (vec![Some(1)], vec![Some(2), Some(3)], Some(false)),
            (vec![None], vec![], Some(false)),
        ] {
            let [ours, theirs] = [left.clone(), right.clone()].map(|of| {
                let list = ListArray::from_iter_primitive::<Int32Type, _, _>([Some(of)]);
                Arc::new(list) as ArrayRef
            });
            let shared = overlap(&ours, &theirs).unwrap();
            assert_eq!(shared.as_boolean().iter().next(), Some(expected), "{left:?} {right:?}");
        }
    }

    #[test]
    fn only_a_list_becomes_one_of_texts() {
        let refused = of_strings(&[DataType::Int32]).unwrap_err().to_string();
        assert!(refused.contains("a cast to ARRAY is of one"), "{refused}");
    }
}
