//! What each group gathers in an order is kept in columns, and sorted once.
//!
//! Problem: DataFusion 55 keeps `array_agg(x ORDER BY y)` as a value for each row and a list of its keys, each on its
//! own, walks through all of them to tell how large they are, for every batch, and hands them on as a struct for each
//! row: many times the memory that it tells of, and the time. Official way: none yet. Here: batches are kept as they
//! came, beside the group of each row; an answer is one sort, stable, of the places in them.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, LargeStringArray, LargeStringBuilder, ListArray,
    StructArray, UInt32Array, new_empty_array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{
    and, cast, filter, interleave, is_not_null, prep_null_mask_filter, take,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::{Result, exec_datafusion_err, internal_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::expressions::Literal;
use datafusion_functions_aggregate_common::utils::ordering_fields;

use super::super::super::compact::own;

/// What is gathered, and in which order.
#[derive(Debug, Clone)]
pub(super) struct Order {
    value: DataType,
    without_nulls: bool,
    /// The keys, as the function of the engine names them where it hands its state on.
    keys: Fields,
    sorts: Vec<SortField>,
    /// Between the texts of an answer that is one.
    between: Option<String>,
}

impl Order {
    /// `None` where the function gathers in no order, distinct values, or what cannot be compared as bytes.
    ///
    /// # Errors
    /// Where a key has no type.
    pub(super) fn of(function: &str, args: &AccumulatorArgs) -> Result<Option<Self>> {
        if args.is_distinct || args.order_bys.is_empty() || args.is_reversed {
            return Ok(None);
        }
        let between = match (function, args.exprs.get(1)) {
            ("string_agg", Some(between)) => match between.downcast_ref::<Literal>() {
                Some(between) if between.value().is_null() => Some(String::new()),
                Some(between) => match between.value().try_as_str().flatten() {
                    Some(between) => Some(between.to_owned()),
                    None => return Ok(None),
                },
                None => return Ok(None),
            },
            _ => None,
        };
        let types = args.order_bys.iter().map(|key| key.expr.data_type(args.schema));
        let types = types.collect::<Result<Vec<_>>>()?;
        let sort = |(of, key): (&DataType, &datafusion::physical_expr::PhysicalSortExpr)| {
            SortField::new_with_options(of.clone(), key.options)
        };
        let sorts: Vec<_> = types.iter().zip(args.order_bys).map(sort).collect();
        if !RowConverter::supports_fields(&sorts) {
            return Ok(None);
        }
        Ok(Some(Self {
            value: args.expr_fields[0].data_type().clone(),
            without_nulls: args.ignore_nulls || between.is_some(),
            keys: ordering_fields(args.order_bys, &types).into(),
            sorts,
            between,
        }))
    }

    /// The value and the keys of the rows that count, and which they are if not all.
    fn counted(
        &self,
        values: &[ArrayRef],
        only: Option<&BooleanArray>,
    ) -> Result<(Vec<ArrayRef>, Option<BooleanArray>)> {
        let keys = &values[values.len() - self.keys.len()..];
        let columns: Vec<_> = values[..1].iter().chain(keys).map(Arc::clone).collect();
        let only = only.map(|only| match only.null_count() {
            0 => only.clone(),
            _ => prep_null_mask_filter(only),
        });
        let told = (self.without_nulls && values[0].is_nullable())
            .then(|| is_not_null(&values[0]))
            .transpose()?;
        let Some(counted) = (match (only, told) {
            (Some(only), Some(told)) => Some(and(&only, &told)?),
            (only, told) => only.or(told),
        }) else {
            return Ok((columns, None));
        };
        let columns = columns.iter().map(|column| filter(column, &counted));
        Ok((columns.collect::<Result<_, _>>()?, Some(counted)))
    }

    /// A list of each group: values, and structs of keys.
    fn lists(
        &self,
        mut columns: Vec<ArrayRef>,
        bounds: OffsetBuffer<i32>,
    ) -> Result<Vec<ArrayRef>> {
        let keys = columns.split_off(1);
        let length = columns[0].len();
        let keys = StructArray::try_new_with_length(self.keys.clone(), keys, None, length)?;
        let of_keys = Field::new_list_field(keys.data_type().clone(), true);
        let keys = ListArray::try_new(Arc::new(of_keys), bounds.clone(), Arc::new(keys), None)?;
        Ok(vec![self.values(columns.remove(0), bounds)?, Arc::new(keys)])
    }

    /// A list of each group; NULL of those that have gathered nothing.
    fn values(&self, values: ArrayRef, bounds: OffsetBuffer<i32>) -> Result<ArrayRef> {
        let some: NullBuffer = bounds.lengths().map(|length| length > 0).collect();
        let of = Arc::new(Field::new_list_field(self.value.clone(), true));
        Ok(Arc::new(ListArray::try_new(of, bounds, values, Some(some))?))
    }
}

/// A batch as it came, without what does not count.
struct Batch {
    /// Values, then keys.
    columns: Vec<ArrayRef>,
    /// That of each row.
    groups: Vec<u32>,
}

impl Batch {
    fn bytes(&self) -> usize {
        let columns = self.columns.iter().map(|column| column.get_array_memory_size());
        columns.sum::<usize>() + self.groups.capacity() * size_of::<u32>() + size_of::<Self>()
    }

    /// Without the first groups.
    fn after(mut self, first: usize) -> Result<Option<Self>> {
        let first = u32::try_from(first).unwrap_or(u32::MAX);
        let rows: Vec<u32> =
            (0..).zip(&self.groups).filter(|of| *of.1 >= first).map(|of| of.0).collect();
        if rows.is_empty() {
            return Ok(None);
        }
        if rows.len() < self.groups.len() {
            let rows = UInt32Array::from(rows);
            for column in &mut self.columns {
                *column = take(column, &rows, None)?;
            }
            self.groups.retain(|group| *group >= first);
        }
        self.groups.iter_mut().for_each(|group| *group -= first);
        Ok(Some(self))
    }
}

/// Which batch, and which of its rows.
type Row = (usize, usize);

/// All groups of one operator.
pub(super) struct Ordered {
    order: Order,
    batches: Vec<Batch>,
    groups: usize,
    bytes: usize,
}

impl Ordered {
    pub(super) fn new(order: Order, groups: usize) -> Self {
        Self { order, batches: Vec::new(), groups, bytes: 0 }
    }

    fn add(&mut self, columns: Vec<ArrayRef>, groups: Vec<u32>) -> Result<()> {
        if groups.is_empty() {
            return Ok(());
        }
        let columns = columns.into_iter().map(own).collect::<Result<_>>()?;
        let batch = Batch { columns, groups };
        self.bytes += batch.bytes();
        self.batches.push(batch);
        Ok(())
    }

    /// The first so many columns of the first so many groups, one group after the other and each in order, and where
    /// each begins. They are let go of.
    fn sorted(
        &mut self,
        emit: EmitTo,
        columns: usize,
    ) -> Result<(Vec<ArrayRef>, OffsetBuffer<i32>)> {
        let groups = match emit {
            EmitTo::All => self.groups,
            EmitTo::First(groups) => groups,
        };
        let (mut places, bounds) = self.by_group(groups)?;
        self.sort(&mut places, &bounds)?;
        let columns = (0..columns).map(|column| self.column(column, &places));
        let columns = columns.collect::<Result<_>>()?;
        let batches = std::mem::take(&mut self.batches);
        if let EmitTo::First(_) = emit {
            let rest = batches.into_iter().filter_map(|batch| batch.after(groups).transpose());
            self.batches = rest.collect::<Result<_>>()?;
        }
        self.bytes = self.batches.iter().map(Batch::bytes).sum();
        self.groups = self.groups.saturating_sub(groups);
        Ok((columns, bounds))
    }

    /// The batch and row of all that the groups have, as they came.
    fn by_group(&self, groups: usize) -> Result<(Vec<Row>, OffsetBuffer<i32>)> {
        let mut lengths = vec![0; groups];
        for group in self.batches.iter().flat_map(|batch| &batch.groups) {
            if let Some(length) = lengths.get_mut(*group as usize) {
                *length += 1;
            }
        }
        let mut next = Vec::with_capacity(groups);
        let mut total: usize = 0;
        for length in &lengths {
            next.push(total);
            total += length;
        }
        if i32::try_from(total).is_err() {
            let error =
                exec_datafusion_err!("lists of {total} values are longer than a column may be");
            return Err(error);
        }
        let mut places = vec![(0, 0); total];
        for (at, batch) in self.batches.iter().enumerate() {
            for (row, group) in batch.groups.iter().enumerate() {
                if let Some(next) = next.get_mut(*group as usize) {
                    places[*next] = (at, row);
                    *next += 1;
                }
            }
        }
        Ok((places, OffsetBuffer::from_lengths(lengths)))
    }

    fn sort(&self, places: &mut [Row], bounds: &OffsetBuffer<i32>) -> Result<()> {
        let converter = RowConverter::new(self.order.sorts.clone())?;
        let keys = self.batches.iter().map(|batch| converter.convert_columns(&batch.columns[1..]));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        for bounds in bounds.windows(2) {
            let group = &mut places[bounds[0] as usize..bounds[1] as usize];
            group.sort_by(|a, b| keys[a.0].row(a.1).cmp(&keys[b.0].row(b.1)));
        }
        Ok(())
    }

    fn column(&self, column: usize, places: &[Row]) -> Result<ArrayRef> {
        let parts: Vec<&dyn Array> =
            self.batches.iter().map(|batch| batch.columns[column].as_ref()).collect();
        if parts.is_empty() {
            let of = match column {
                0 => &self.order.value,
                key => self.order.keys[key - 1].data_type(),
            };
            return Ok(new_empty_array(of));
        }
        Ok(interleave(&parts, places)?)
    }
}

impl GroupsAccumulator for Ordered {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        only: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.groups = self.groups.max(total);
        let (columns, counted) = self.order.counted(values, only)?;
        let is_counted = |row: &usize| counted.as_ref().is_none_or(|counted| counted.value(*row));
        let rows = (0..groups.len()).filter(is_counted);
        self.add(columns, rows.map(|row| groups[row] as u32).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.groups = self.groups.max(total);
        let (values, keys) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        let length = |row| if values.is_null(row) { 0 } else { values.value_length(row) as usize };
        let lengths: Vec<usize> = (0..values.len()).map(length).collect();
        let mut columns = vec![elements(values, &lengths)?];
        let keys = elements(keys, &lengths)?;
        if keys.len() != columns[0].len() {
            return internal_err!(
                "{} values were handed on, and {} keys",
                columns[0].len(),
                keys.len()
            );
        }
        columns.extend(keys.as_struct().columns().iter().map(Arc::clone));
        let groups = groups.iter().zip(lengths);
        let groups = groups.flat_map(|(group, length)| std::iter::repeat_n(*group as u32, length));
        self.add(columns, groups.collect())
    }

    fn evaluate(&mut self, emit: EmitTo) -> Result<ArrayRef> {
        let (mut columns, bounds) = self.sorted(emit, 1)?;
        let values = columns.remove(0);
        match &self.order.between {
            Some(between) => Ok(Arc::new(texts(&values, &bounds, between)?)),
            None => self.order.values(values, bounds),
        }
    }

    fn state(&mut self, emit: EmitTo) -> Result<Vec<ArrayRef>> {
        let (columns, bounds) = self.sorted(emit, 1 + self.order.keys.len())?;
        self.order.lists(columns, bounds)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        only: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let (columns, counted) = self.order.counted(values, only)?;
        let rows = 0..values[0].len();
        let length = |row| usize::from(counted.as_ref().is_none_or(|counted| counted.value(row)));
        self.order.lists(columns, OffsetBuffer::from_lengths(rows.map(length)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.bytes
    }
}

/// The elements of lists, of which each has so many that count: all, or none.
fn elements(lists: &ListArray, lengths: &[usize]) -> Result<ArrayRef> {
    let (bounds, values) = (lists.value_offsets(), lists.values());
    let (first, last) = (bounds[0] as usize, bounds[lists.len()] as usize);
    if lengths.iter().sum::<usize>() == last - first {
        return Ok(values.slice(first, last - first));
    }
    let ranges = bounds.iter().zip(lengths).filter(|(_, length)| **length > 0);
    let rows = ranges.flat_map(|(first, length)| *first as u32..*first as u32 + *length as u32);
    Ok(take(values, &UInt32Array::from_iter_values(rows), None)?)
}

/// The texts of each group as one; NULL of those that have none.
fn texts(values: &ArrayRef, bounds: &OffsetBuffer<i32>, between: &str) -> Result<LargeStringArray> {
    let values = cast(values, &DataType::LargeUtf8)?;
    let values = values.as_string::<i64>();
    let bytes = values.value_data().len() + values.len() * between.len();
    let mut texts = LargeStringBuilder::with_capacity(bounds.len(), bytes);
    for bounds in bounds.windows(2) {
        let (first, last) = (bounds[0] as usize, bounds[1] as usize);
        for row in first..last {
            let before = if row > first { between } else { "" };
            texts.write_str(before)?;
            texts.write_str(values.value(row))?;
        }
        texts.append_option((last > first).then_some(""));
    }
    Ok(texts.finish())
}
