//! The operator between coordinator and worker.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{DefaultPhysicalProtoConverter, PhysicalExtensionCodec};

use super::{deliver, over, rows};
use crate::deliver::{DeliverCodec, DeliverExec};

fn encode(node: Arc<dyn ExecutionPlan>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    DeliverCodec.try_encode(node, &mut bytes, &DefaultPhysicalProtoConverter {})?;
    Ok(bytes)
}

fn decode(bytes: &[u8], inputs: &[Arc<dyn ExecutionPlan>]) -> Result<Arc<dyn ExecutionPlan>> {
    let context = TaskContext::default();
    DeliverCodec.try_decode(bytes, inputs, &context, &DefaultPhysicalProtoConverter {})
}

fn input() -> Arc<dyn ExecutionPlan> {
    over(&[vec![rows(0..1)]])
}

#[test]
fn a_worker_decodes_what_a_coordinator_planned() {
    let plan = deliver(input());
    let bytes = encode(Arc::new(deliver(input()))).unwrap();
    let decoded = decode(&bytes, &[input()]).unwrap();
    let decoded = decoded.downcast_ref::<DeliverExec>().unwrap();
    assert_eq!(decoded.spec(), plan.spec());
    assert_eq!(decoded.wire_schema(), plan.wire_schema());
}

#[test]
fn another_operator_is_not_taken_for_one() {
    assert!(encode(input()).unwrap_err().to_string().contains("is not a DeliverExec"));
}

#[test]
fn cut_bytes_without_a_schema_are_refused() {
    let bytes = encode(Arc::new(deliver(input()))).unwrap();
    for length in 0..20 {
        assert!(decode(&bytes[..length], &[input()]).is_err(), "{length} bytes");
    }
}

#[test]
fn it_has_exactly_one_input() {
    let bytes = encode(Arc::new(deliver(input()))).unwrap();
    assert!(decode(&bytes, &[]).is_err());
    assert!(decode(&bytes, &[input(), input()]).is_err());
}
