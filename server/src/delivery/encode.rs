//! Batches become frames: once, at the size that clients read fastest.
//!
//! A frame aims at `target` bytes. Small batches are joined before they are encoded, because every
//! frame costs a client a fixed price; large ones are cut by rows. No frame but a single wide row
//! reaches twice the target, with all that surrounds its rows: several clients stop at 4 MiB
//! (clients.md, section 2).

use std::sync::Arc;

use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions, StreamEncoder};
use bytes::{Bytes, BytesMut};
use datafusion::arrow::array::{RecordBatch, UInt32Array};
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use squadron_planner::PlannerError;

use crate::results::Frame;

mod join;
mod weight;

use weight::weight;

/// Rows joined into one frame at most: past this, more rows do not make a client faster.
const MAX_JOINED_ROWS: usize = 64 * 1024;

/// The schema as the first message of a Flight stream: its IPC header, without a body.
pub fn schema_header(schema: &Schema) -> Bytes {
    let mut tracker = DictionaryTracker::new(false);
    let options = IpcWriteOptions::default();
    let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(
        schema,
        &mut tracker,
        &options,
    );
    encoded.ipc_message.into()
}

/// Encodes the batches of one part.
pub struct FrameEncoder {
    schema: SchemaRef,
    encoder: StreamEncoder,
    /// Whether batches of this schema become one frame by one copy.
    joins: bool,
    /// Whether slices must be copied before they are encoded.
    copies: bool,
    target: usize,
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    waiting_rows: usize,
}

impl FrameEncoder {
    /// Encodes batches of `schema` into frames of about `target` bytes.
    ///
    /// # Errors
    /// `Unsupported` for a type that Arrow IPC cannot carry.
    pub fn new(schema: SchemaRef, target: usize) -> Result<Self, PlannerError> {
        let mut encoder = StreamEncoder::try_new(&schema)?;
        // The first call also gives the schema message, which travels on its own.
        encoder.encode(&RecordBatch::new_empty(Arc::clone(&schema)))?;
        let (joins, copies) = (join::can_join(&schema), holds_union(&schema));
        // Whatever a plan says: no division by zero, no sum that wraps.
        let target = target.clamp(1, i32::MAX as usize);
        Ok(Self {
            schema,
            encoder,
            joins,
            copies,
            target,
            waiting: Vec::new(),
            waiting_bytes: 0,
            waiting_rows: 0,
        })
    }

    /// Takes a batch; gives the frames that are full now.
    ///
    /// # Errors
    /// When Arrow cannot encode it.
    pub fn push(&mut self, batch: RecordBatch) -> Result<Vec<Frame>, PlannerError> {
        if batch.num_rows() == 0 {
            return Ok(Vec::new());
        }
        let batch = self.own(batch)?;
        let bytes = weight(&batch)?;
        let mut frames = match self.waiting_bytes + bytes > self.target {
            true => self.flush()?,
            false => Vec::new(),
        };
        self.waiting_bytes += bytes;
        self.waiting_rows += batch.num_rows();
        self.waiting.push(batch);
        if self.is_full() {
            frames.extend(self.flush()?);
        }
        Ok(frames)
    }

    /// Where joining costs a copy of its own, a frame half full is full enough.
    fn is_full(&self) -> bool {
        let enough = if self.joins { self.target - self.target / 8 } else { self.target / 2 };
        self.waiting_bytes >= enough || self.waiting_rows >= MAX_JOINED_ROWS
    }

    /// Whether rows are waiting for more.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Encodes what is waiting.
    ///
    /// # Errors
    /// When Arrow cannot encode it.
    pub fn flush(&mut self) -> Result<Vec<Frame>, PlannerError> {
        let bytes = std::mem::take(&mut self.waiting_bytes);
        self.waiting_rows = 0;
        if bytes <= self.target
            && let Some(frame) = self.join(bytes)
        {
            self.waiting.clear();
            return Ok(vec![frame]);
        }
        let joined = match self.waiting.len() {
            0 => return Ok(Vec::new()),
            1 => self.waiting.remove(0),
            _ => concat_batches(&self.schema, &std::mem::take(&mut self.waiting))?,
        };
        let mut frames = Vec::with_capacity(bytes / self.target + 1);
        self.cut(joined, bytes, &mut frames)?;
        Ok(frames)
    }

    /// All that is waiting as one frame, where that takes no more than one copy.
    fn join(&self, bytes: usize) -> Option<Frame> {
        if !self.joins || self.waiting.is_empty() {
            return None;
        }
        let (header, body) = join::join(&self.schema, &self.waiting, bytes)?;
        let rows = self.waiting.iter().map(|batch| batch.num_rows() as u64).sum();
        Some(Frame::new(header, body, rows))
    }

    /// Cuts a batch into pieces of even rows, and again where rows are uneven.
    fn cut(
        &mut self,
        batch: RecordBatch,
        bytes: usize,
        frames: &mut Vec<Frame>,
    ) -> Result<(), PlannerError> {
        let pieces = bytes.div_ceil(self.target).clamp(1, batch.num_rows());
        if pieces == 1 {
            frames.push(self.encode(&batch)?);
            return Ok(());
        }
        let rows = batch.num_rows().div_ceil(pieces);
        for start in (0..batch.num_rows()).step_by(rows) {
            let piece = self.own(batch.slice(start, rows.min(batch.num_rows() - start)))?;
            match weight(&piece)? {
                size if size > self.heaviest() && piece.num_rows() > 1 => {
                    self.cut(piece, size, frames)?;
                }
                _ => frames.push(self.encode(&piece)?),
            }
        }
        Ok(())
    }

    /// The same rows without what is behind a slice, where the IPC writer would not leave it out.
    fn own(&self, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
        match self.copies {
            true => take_record_batch(&batch, &UInt32Array::from_iter(0..batch.num_rows() as u32)),
            false => Ok(batch),
        }
    }

    /// Most bytes of a piece of several rows. What is left to twice the target is for header and
    /// padding (less than 256 bytes a column) and for framing.
    fn heaviest(&self) -> usize {
        self.target + self.target / 2
    }

    fn encode(&mut self, batch: &RecordBatch) -> Result<Frame, PlannerError> {
        if self.joins
            && let Some((header, body)) =
                join::join(&self.schema, std::slice::from_ref(batch), weight(batch)?)
        {
            return Ok(Frame::new(header, body, batch.num_rows() as u64));
        }
        let buffers = self.encoder.encode(batch)?;
        let (header, body) = message(&buffers)?;
        Ok(Frame::new(header, body, batch.num_rows() as u64))
    }
}

/// The IPC writer takes a union as it stands in memory: a slice is sent with all values of the whole,
/// and inside a list with its first rows in place of its own.
fn holds_union(schema: &Schema) -> bool {
    schema.flattened_fields().iter().any(|field| matches!(field.data_type(), DataType::Union(..)))
}

/// Splits an encapsulated IPC message (`0xFFFFFFFF`, length, header, body) given in buffers into
/// header and body. This is the one copy on the way from operators to the socket; it lets go of
/// whatever larger buffers the batch was a view of.
fn message(buffers: &[Buffer]) -> Result<(Bytes, Bytes), ArrowError> {
    const PREFIX: usize = 8;
    let total = buffers.iter().map(|buffer| buffer.len()).sum();
    let mut bytes = BytesMut::with_capacity(total);
    for buffer in buffers {
        bytes.extend_from_slice(buffer);
    }
    let mut bytes = bytes.freeze();
    let broken = || ArrowError::IpcError("an IPC message without its prefix".into());
    let length = bytes.get(4..PREFIX).and_then(|length| length.try_into().ok());
    let length = u32::from_le_bytes(length.ok_or_else(broken)?) as usize;
    if bytes.len() < PREFIX + length {
        return Err(broken());
    }
    let body = bytes.split_off(PREFIX + length);
    Ok((bytes.slice(PREFIX..), body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::{
        Array, ArrayRef, Float32Array, Int64Array, ListArray, StringArray, UnionArray,
    };
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::{Field, UnionFields};

    const TARGET: usize = 64 * 1024;

    fn numbers(rows: usize) -> RecordBatch {
        let field = Field::new("n", DataType::Int64, true);
        let column = Int64Array::from_iter_values(0..rows as i64);
        RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(column)]).unwrap()
    }

    fn strings(lengths: &[usize]) -> RecordBatch {
        let field = Field::new("s", DataType::Utf8, true);
        let column =
            StringArray::from_iter_values(lengths.iter().map(|&length| "x".repeat(length)));
        RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(column)]).unwrap()
    }

    /// Rows of so many numbers each, in a list.
    fn lists(rows: usize, each: usize) -> RecordBatch {
        let values = Float32Array::from_iter_values((0..rows * each).map(|value| value as f32));
        let offsets = OffsetBuffer::from_repeated_length(each, rows);
        let item = Arc::new(Field::new_list_field(DataType::Float32, true));
        let column = ListArray::new(item, offsets, Arc::new(values), None);
        RecordBatch::try_from_iter_with_nullable([("l", Arc::new(column) as _, true)]).unwrap()
    }

    /// Rows that are a number or a text, in lists of two.
    fn unions(rows: usize) -> RecordBatch {
        let ids = (0..rows * 2).map(|row| (row % 2) as i8).collect();
        let offsets = (0..rows * 2).map(|row| (row / 2) as i32).collect();
        let numbers = Int64Array::from_iter_values(0..rows as i64);
        let texts = StringArray::from_iter_values((0..rows).map(|row| format!("{row:0>100}")));
        let fields = UnionFields::from_fields([
            Field::new("n", DataType::Int64, true),
            Field::new("s", DataType::Utf8, true),
        ]);
        let values: Vec<ArrayRef> = vec![Arc::new(numbers), Arc::new(texts)];
        let values = UnionArray::try_new(fields, ids, Some(offsets), values).unwrap();
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let offsets = OffsetBuffer::from_repeated_length(2, rows);
        let column = ListArray::new(item, offsets, Arc::new(values), None);
        RecordBatch::try_from_iter_with_nullable([("u", Arc::new(column) as _, true)]).unwrap()
    }

    fn encode(batches: &[RecordBatch]) -> Vec<Frame> {
        encode_at(TARGET, batches)
    }

    fn encode_at(target: usize, batches: &[RecordBatch]) -> Vec<Frame> {
        let mut encoder = FrameEncoder::new(batches[0].schema(), target).unwrap();
        let mut frames = Vec::new();
        for batch in batches {
            frames.extend(encoder.push(batch.clone()).unwrap());
        }
        frames.extend(encoder.flush().unwrap());
        frames
    }

    /// Reads frames as any Arrow implementation would: as an IPC stream.
    fn decode(schema: &Schema, frames: &[Frame]) -> Vec<RecordBatch> {
        let mut stream = Vec::new();
        let mut message = |header: &[u8], body: &[u8]| {
            let padding = header.len().next_multiple_of(8) - header.len();
            stream.extend_from_slice(&[0xff; 4]);
            stream.extend_from_slice(&((header.len() + padding) as u32).to_le_bytes());
            stream.extend_from_slice(header);
            stream.extend_from_slice(&vec![0; padding]);
            stream.extend_from_slice(body);
        };
        message(&schema_header(schema), &[]);
        for frame in frames {
            message(&frame.header, &frame.body);
        }
        let reader = arrow_ipc::reader::StreamReader::try_new(stream.as_slice(), None).unwrap();
        reader.map(Result::unwrap).collect()
    }

    fn check_round_trip(batches: &[RecordBatch]) -> Vec<Frame> {
        check_round_trip_at(TARGET, batches)
    }

    fn check_round_trip_at(target: usize, batches: &[RecordBatch]) -> Vec<Frame> {
        let schema = batches[0].schema();
        let frames = encode_at(target, batches);
        let decoded = concat_batches(&schema, &decode(&schema, &frames)).unwrap();
        assert_eq!(decoded, concat_batches(&schema, batches).unwrap());
        let rows: u64 = frames.iter().map(|frame| frame.rows).sum();
        assert_eq!(rows, decoded.num_rows() as u64);
        frames
    }

    #[test]
    fn small_batches_are_joined() {
        let batches = vec![numbers(10); 100];
        assert_eq!(check_round_trip(&batches).len(), 1);
    }

    #[test]
    fn large_batches_are_cut() {
        let frames = check_round_trip(&[numbers(100_000)]);
        assert!(frames.iter().all(|frame| frame.bytes() <= 2 * TARGET));
    }

    #[test]
    fn uneven_rows_are_cut_evenly_by_bytes() {
        let mut lengths = vec![1; 1000];
        lengths.extend([40_000; 10]);
        let frames = check_round_trip(&[strings(&lengths)]);
        assert!(frames.iter().all(|frame| frame.bytes() <= 2 * TARGET + 4096));
    }

    /// A strict client counts what surrounds the rows as well: header, padding, framing.
    #[test]
    fn no_frame_of_several_rows_reaches_twice_the_target() {
        const FRAMING: usize = 64;
        for heavy in [10, 50, 90] {
            let mut lengths = vec![0; 100];
            lengths[..heavy].fill((2 * TARGET - 500) / heavy);
            let frames = check_round_trip(&[strings(&lengths)]);
            let largest = frames.iter().map(Frame::bytes).max().unwrap();
            assert!(largest + FRAMING < 2 * TARGET, "{heavy}: {largest}");
        }
    }

    #[test]
    fn long_lists_are_cut_by_what_each_piece_shows() {
        const ROWS: usize = 8192;
        let target = 2 << 20;
        let frames = check_round_trip_at(target, &[lists(ROWS, 800)]);
        assert_eq!(frames.len(), (ROWS * 800 * size_of::<f32>()).div_ceil(target));
    }

    #[test]
    fn a_slice_of_lists_carries_only_its_own_values() {
        let frames = check_round_trip(&[lists(8192, 800).slice(100, 3)]);
        assert_eq!(frames.len(), 1);
        assert!(frames[0].bytes() < 3 * 800 * 4 + 1024);
    }

    #[test]
    fn unions_are_cut_by_what_each_piece_shows() {
        let batch = unions(5000);
        let frames = check_round_trip(&[batch.slice(1000, 4000)]);
        let bytes: usize = frames.iter().map(Frame::bytes).sum();
        assert!(bytes < 4000 * 150, "{bytes}");
        assert!(frames.len() < 16, "{}", frames.len());
    }

    #[test]
    fn one_wide_row_stays_whole() {
        assert_eq!(check_round_trip(&[strings(&[3 << 20])]).len(), 1);
    }

    #[test]
    fn any_target_will_do() {
        for target in [0, 1, usize::MAX] {
            let mut encoder = FrameEncoder::new(numbers(3).schema(), target).unwrap();
            let mut frames = encoder.push(numbers(3)).unwrap();
            frames.extend(encoder.flush().unwrap());
            assert_eq!(frames.iter().map(|frame| frame.rows).sum::<u64>(), 3);
        }
    }

    #[test]
    fn empty_batches_make_no_frames() {
        assert!(encode(&[numbers(0)]).is_empty());
    }

    #[test]
    fn a_slice_carries_only_its_own_rows() {
        let frames = encode(&[numbers(1_000_000).slice(10, 1)]);
        assert!(frames[0].bytes() < 1024);
    }

    #[test]
    fn every_joined_layout_survives_nulls_and_slices() {
        use datafusion::arrow::array::{BooleanArray, Decimal128Array, FixedSizeBinaryArray};
        let text = |row: i64| (row % 3 != 0).then(|| format!("text {row}"));
        let batch = |from: i64, rows: i64| {
            let rows = from..from + rows;
            let columns: Vec<(&str, ArrayRef)> = vec![
                (
                    "n",
                    Arc::new(
                        rows.clone()
                            .map(|row| (row % 5 != 0).then_some(row))
                            .collect::<Int64Array>(),
                    ),
                ),
                ("s", Arc::new(rows.clone().map(text).collect::<StringArray>())),
                (
                    "b",
                    Arc::new(
                        rows.clone()
                            .map(|row| (row % 7 != 0).then_some(row % 2 == 0))
                            .collect::<BooleanArray>(),
                    ),
                ),
                (
                    "d",
                    Arc::new(
                        rows.clone().map(|row| Some(i128::from(row))).collect::<Decimal128Array>(),
                    ),
                ),
                (
                    "f",
                    Arc::new(
                        FixedSizeBinaryArray::try_from_iter(rows.map(|row| [row as u8; 3]))
                            .unwrap(),
                    ),
                ),
            ];
            RecordBatch::try_from_iter_with_nullable(
                columns.into_iter().map(|(name, column)| (name, column, true)),
            )
            .unwrap()
        };
        let batches = [batch(0, 100).slice(3, 50), batch(100, 9), batch(200, 300).slice(17, 1)];
        assert_eq!(check_round_trip(&batches).len(), 1);
    }

    #[test]
    fn a_nested_column_takes_the_longer_way() {
        use datafusion::arrow::datatypes::Int64Type;
        let lists = (0..10).map(|row| Some(vec![Some(row); row as usize]));
        let column = ListArray::from_iter_primitive::<Int64Type, _, _>(lists);
        let batch =
            RecordBatch::try_from_iter_with_nullable([("l", Arc::new(column) as _, true)]).unwrap();
        assert_eq!(check_round_trip(&[batch.clone(), batch.slice(2, 5)]).len(), 1);
    }
}
