//! Several batches become one IPC message by one copy: each column of each batch is written where
//! it belongs in the message's body.
//!
//! ```text
//!   batch 1  [offsets][values]          body   [offsets 1, 2, 3][values 1, 2, 3] [next column …]
//!   batch 2  [offsets][values]   ──►
//!   batch 3  [offsets][values]          header (flatbuffer): lengths, nulls and places of these
//! ```
//!
//! Joining batches first and encoding the outcome would copy every byte twice. Types that are laid
//! out in other ways (nested, union, …) are not done here: they take that longer way.

use arrow_ipc::{
    Buffer as Place, FieldNode, MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder,
};
use bytes::Bytes;
use datafusion::arrow::array::{Array, ArrayData, BooleanBufferBuilder, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Schema};
use flatbuffers::FlatBufferBuilder;

/// Arrow asks for 8 and recommends 64, so that readers can use wide instructions in place.
const ALIGNMENT: usize = 64;

/// How a type that can be joined is laid out.
#[derive(Clone, Copy)]
enum Layout {
    /// Values of so many bytes.
    Fixed(usize),
    /// One bit a value.
    Bits,
    /// 32-bit offsets, and the bytes that they point to.
    Offsets,
}

/// Whether every column of `schema` can be joined.
pub(super) fn can_join(schema: &Schema) -> bool {
    schema.fields().iter().all(|field| layout(field.data_type()).is_some())
}

fn layout(data_type: &DataType) -> Option<Layout> {
    match data_type {
        DataType::Boolean => Some(Layout::Bits),
        DataType::Utf8 | DataType::Binary => Some(Layout::Offsets),
        DataType::FixedSizeBinary(width) => usize::try_from(*width).ok().map(Layout::Fixed),
        other => other.primitive_width().map(Layout::Fixed),
    }
}

/// Header and body of one message with the rows of all `batches`, which are of `schema` and are not
/// empty. `None` where a column cannot be joined, or its text would exceed 2 GiB.
pub(super) fn join(
    schema: &Schema,
    batches: &[RecordBatch],
    bytes: usize,
) -> Option<(Bytes, Bytes)> {
    let rows = batches.iter().map(RecordBatch::num_rows).sum();
    let mut body = Body::with_capacity(bytes + schema.fields().len() * 3 * ALIGNMENT);
    for (index, field) in schema.fields().iter().enumerate() {
        let pieces: Vec<_> = batches.iter().map(|batch| batch.column(index).to_data()).collect();
        body.column(layout(field.data_type())?, &pieces, rows)?;
    }
    let header = body.header(rows);
    Some((header, body.bytes.into()))
}

/// A message's body under construction, with what its header will say of it.
struct Body {
    bytes: Vec<u8>,
    nodes: Vec<FieldNode>,
    places: Vec<Place>,
}

impl Body {
    fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), nodes: Vec::new(), places: Vec::new() }
    }

    fn column(&mut self, layout: Layout, pieces: &[ArrayData], rows: usize) -> Option<()> {
        let nulls: usize = pieces.iter().map(ArrayData::null_count).sum();
        self.nodes.push(FieldNode::new(rows as i64, nulls as i64));
        self.validity(pieces, rows, nulls);
        match layout {
            Layout::Fixed(width) => self.values(pieces, width),
            Layout::Bits => self.bits(pieces, rows),
            Layout::Offsets => return self.texts(pieces, rows),
        }
        Some(())
    }

    /// A column without nulls needs no bitmap.
    fn validity(&mut self, pieces: &[ArrayData], rows: usize, nulls: usize) {
        let start = self.bytes.len();
        if nulls > 0 {
            let mut bits = BooleanBufferBuilder::new(rows);
            for piece in pieces {
                match piece.nulls() {
                    Some(nulls) => bits.append_buffer(nulls.inner()),
                    None => bits.append_n(piece.len(), true),
                }
            }
            self.bytes.extend_from_slice(bits.finish().values());
        }
        self.end(start);
    }

    fn values(&mut self, pieces: &[ArrayData], width: usize) {
        let start = self.bytes.len();
        for piece in pieces {
            let (from, to) = (piece.offset() * width, (piece.offset() + piece.len()) * width);
            self.bytes.extend_from_slice(&piece.buffers()[0].as_slice()[from..to]);
        }
        self.end(start);
    }

    fn bits(&mut self, pieces: &[ArrayData], rows: usize) {
        let start = self.bytes.len();
        let mut bits = BooleanBufferBuilder::new(rows);
        for piece in pieces {
            let (from, to) = (piece.offset(), piece.offset() + piece.len());
            bits.append_packed_range(from..to, piece.buffers()[0].as_slice());
        }
        self.bytes.extend_from_slice(bits.finish().values());
        self.end(start);
    }

    fn texts(&mut self, pieces: &[ArrayData], rows: usize) -> Option<()> {
        let start = self.bytes.len();
        self.bytes.resize(start + (rows + 1) * size_of::<i32>(), 0);
        // The first offset stays 0.
        let (mut slots, _) = self.bytes[start + size_of::<i32>()..].as_chunks_mut();
        let mut end = 0;
        for piece in pieces {
            let offsets = offsets(piece);
            let (now, later) = slots.split_at_mut(piece.len());
            let shift = end - offsets[0];
            for (slot, offset) in now.iter_mut().zip(&offsets[1..]) {
                *slot = (offset + shift).to_le_bytes();
            }
            end = end.checked_add(offsets[piece.len()] - offsets[0])?;
            slots = later;
        }
        self.end(start);
        let start = self.bytes.len();
        for piece in pieces {
            let offsets = offsets(piece);
            let (from, to) = (offsets[0] as usize, offsets[piece.len()] as usize);
            self.bytes.extend_from_slice(&piece.buffers()[1].as_slice()[from..to]);
        }
        self.end(start);
        Some(())
    }

    /// Notes the buffer that began at `start`, and pads to where the next one may begin.
    fn end(&mut self, start: usize) {
        let length = self.bytes.len() - start;
        self.places.push(Place::new(start as i64, length as i64));
        self.bytes.resize(self.bytes.len().next_multiple_of(ALIGNMENT), 0);
    }

    fn header(&self, rows: usize) -> Bytes {
        let mut builder = FlatBufferBuilder::new();
        let nodes = builder.create_vector(&self.nodes);
        let places = builder.create_vector(&self.places);
        let mut batch = RecordBatchBuilder::new(&mut builder);
        batch.add_length(rows as i64);
        batch.add_nodes(nodes);
        batch.add_buffers(places);
        let batch = batch.finish().as_union_value();
        let mut message = MessageBuilder::new(&mut builder);
        message.add_version(MetadataVersion::V5);
        message.add_header_type(MessageHeader::RecordBatch);
        message.add_bodyLength(self.bytes.len() as i64);
        message.add_header(batch);
        let message = message.finish();
        builder.finish(message, None);
        Bytes::copy_from_slice(builder.finished_data())
    }
}

/// The offsets of a piece's rows, one more than there are rows.
fn offsets(piece: &ArrayData) -> &[i32] {
    &piece.buffers()[0].typed_data()[piece.offset()..=piece.offset() + piece.len()]
}
