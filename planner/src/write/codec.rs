//! `WriteExec` on the wire between coordinator and workers.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use datafusion_proto::protobuf;
use prost::Message;
use uuid::Uuid;

use super::{Csv, Encoding, Layout, WriteExec, WriteSpec};

/// Encodes and decodes [`WriteExec`]; every other node is another codec's.
#[derive(Debug, Default)]
pub struct WriteCodec;

#[derive(Clone, PartialEq, Message)]
struct WriteProto {
    #[prost(bytes = "vec", tag = "1")]
    query: Vec<u8>,
    #[prost(uint32, tag = "2")]
    attempt: u32,
    #[prost(string, tag = "3")]
    location: String,
    #[prost(message, optional, tag = "4")]
    schema: Option<protobuf::Schema>,
    #[prost(string, repeated, tag = "5")]
    partition_by: Vec<String>,
    #[prost(uint32, tag = "6")]
    layout: u32,
    #[prost(uint64, tag = "7")]
    file_bytes: u64,
    #[prost(uint32, tag = "8")]
    encoding: u32,
    /// Of CSV alone.
    #[prost(uint32, tag = "9")]
    delimiter: u32,
    /// Of CSV alone.
    #[prost(bool, tag = "10")]
    has_header: bool,
}

impl PhysicalExtensionCodec for WriteCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let proto = WriteProto::decode(buf).map_err(|error| broken(error.to_string()))?;
        let encoding = encoding(&proto)?;
        let [input] = inputs else {
            return Err(broken(format!("{} inputs", inputs.len())));
        };
        let query = Uuid::from_slice(&proto.query).map_err(|error| broken(error.to_string()))?;
        let schema = proto.schema.ok_or_else(|| broken("no schema".into()))?;
        let schema = Schema::try_from(&schema)?;
        let spec = WriteSpec {
            query,
            attempt: proto.attempt,
            location: proto.location,
            schema: Arc::new(schema),
            partition_by: proto.partition_by.into(),
            layout: layout(proto.layout)?,
            file_bytes: proto.file_bytes,
            encoding,
        };
        Ok(Arc::new(WriteExec::new(Arc::clone(input), spec)))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let write = node
            .downcast_ref::<WriteExec>()
            .ok_or_else(|| broken(format!("{} is another codec's", node.name())))?;
        let spec = write.spec();
        let (encoding, csv) = match spec.encoding {
            Encoding::Parquet => (PARQUET, Csv::default()),
            Encoding::Csv(csv) => (CSV, csv),
            Encoding::Json => (JSON, Csv::default()),
        };
        let proto = WriteProto {
            query: spec.query.as_bytes().to_vec(),
            attempt: spec.attempt,
            location: spec.location.clone(),
            schema: Some(spec.schema.as_ref().try_into()?),
            partition_by: spec.partition_by.to_vec(),
            layout: LAYOUTS.iter().position(|it| *it == spec.layout).unwrap_or_default() as u32,
            file_bytes: spec.file_bytes,
            encoding,
            delimiter: csv.delimiter.into(),
            has_header: csv.has_header,
        };
        proto.encode(buf).map_err(|error| broken(error.to_string()))
    }
}

/// In the order of their numbers on the wire.
const LAYOUTS: [Layout; 4] = [Layout::Table, Layout::Folder, Layout::Copy, Layout::File];

fn layout(number: u32) -> Result<Layout> {
    let layout = LAYOUTS.get(number as usize).copied();
    layout.ok_or_else(|| broken(format!("layout {number}")))
}

const PARQUET: u32 = 0;
const CSV: u32 = 1;
const JSON: u32 = 2;

fn encoding(proto: &WriteProto) -> Result<Encoding> {
    match (proto.encoding, u8::try_from(proto.delimiter)) {
        (PARQUET, _) => Ok(Encoding::Parquet),
        (CSV, Ok(delimiter)) => Ok(Encoding::Csv(Csv { delimiter, has_header: proto.has_header })),
        (JSON, _) => Ok(Encoding::Json),
        (other, _) => Err(broken(format!("encoding {other}"))),
    }
}

fn broken(why: String) -> DataFusionError {
    DataFusionError::Internal(format!("WriteExec on the wire: {why}"))
}
