//! `DeliverExec` on the wire between coordinator and workers.

use std::sync::Arc;

use datafusion::arrow::datatypes::Schema;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use datafusion_proto::protobuf;
use prost::Message;
use uuid::Uuid;

use super::{DeliverExec, DeliverSpec};

/// Encodes and decodes [`DeliverExec`]; every other node is another codec's.
#[derive(Debug, Default)]
pub struct DeliverCodec;

#[derive(Clone, PartialEq, Message)]
struct DeliverProto {
    #[prost(bytes = "vec", tag = "1")]
    query: Vec<u8>,
    #[prost(uint32, tag = "2")]
    attempt: u32,
    #[prost(string, repeated, tag = "3")]
    targets: Vec<String>,
    #[prost(uint64, tag = "4")]
    frame_bytes: u64,
    #[prost(message, optional, tag = "5")]
    schema: Option<protobuf::Schema>,
    #[prost(bool, tag = "6")]
    counted_only: bool,
}

impl PhysicalExtensionCodec for DeliverCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        _: &TaskContext,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let proto = DeliverProto::decode(buf).map_err(|error| broken(error.to_string()))?;
        let [input] = inputs else {
            return Err(broken(format!("{} inputs instead of one", inputs.len())));
        };
        let schema = proto.schema.as_ref().ok_or_else(|| broken("no schema".into()))?;
        let schema: Schema = schema.try_into()?;
        let spec = DeliverSpec {
            query: Uuid::from_slice(&proto.query).map_err(|error| broken(error.to_string()))?,
            attempt: proto.attempt,
            targets: proto.targets.into(),
            frame_bytes: proto.frame_bytes as usize,
            counted_only: proto.counted_only,
        };
        Ok(Arc::new(DeliverExec::new(Arc::clone(input), spec, Arc::new(schema))))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        _: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(deliver) = node.downcast_ref::<DeliverExec>() else {
            return Err(broken(format!("{} is not a DeliverExec", node.name())));
        };
        let spec = deliver.spec();
        let proto = DeliverProto {
            query: spec.query.as_bytes().to_vec(),
            attempt: spec.attempt,
            targets: spec.targets.to_vec(),
            frame_bytes: spec.frame_bytes as u64,
            schema: Some(deliver.wire_schema().as_ref().try_into()?),
            counted_only: spec.counted_only,
        };
        proto.encode(buf).map_err(|error| broken(error.to_string()))
    }
}

fn broken(why: String) -> DataFusionError {
    DataFusionError::Internal(format!("DeliverExec on the wire: {why}"))
}
