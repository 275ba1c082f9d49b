//! `TaskMergeExec` on the wire between coordinator and workers.

use std::sync::Arc;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::from_proto::parse_physical_sort_exprs;
use datafusion_proto::physical_plan::to_proto::serialize_physical_sort_exprs;
use datafusion_proto::physical_plan::{
    DefaultPhysicalExtensionCodec, PhysicalExtensionCodec, PhysicalPlanDecodeContext,
    PhysicalProtoConverterExtension,
};
use datafusion_proto::protobuf::PhysicalSortExprNode;
use prost::Message;

use super::TaskMergeExec;

/// Encodes and decodes [`TaskMergeExec`]; every other node is another codec's.
#[derive(Debug, Default)]
pub(crate) struct TaskMergeCodec;

#[derive(Clone, PartialEq, Message)]
struct TaskMergeProto {
    #[prost(message, repeated, tag = "1")]
    order: Vec<PhysicalSortExprNode>,
    #[prost(uint64, optional, tag = "2")]
    fetch: Option<u64>,
}

impl PhysicalExtensionCodec for TaskMergeCodec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        context: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let proto = TaskMergeProto::decode(buf).map_err(|error| broken(&error.to_string()))?;
        let [input] = inputs else {
            return Err(broken(&format!("{} inputs instead of one", inputs.len())));
        };
        let context = PhysicalPlanDecodeContext::new(context, &DefaultPhysicalExtensionCodec {});
        let schema = input.schema();
        let order = parse_physical_sort_exprs(&proto.order, &context, &schema, converter)?;
        let order = LexOrdering::new(order).ok_or_else(|| broken("no order"))?;
        let fetch = proto.fetch.map(|fetch| fetch as usize);
        Ok(Arc::new(TaskMergeExec::new(order, fetch, input)))
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        buf: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        let Some(merge) = node.downcast_ref::<TaskMergeExec>() else {
            return Err(broken(&format!("{} is not a TaskMergeExec", node.name())));
        };
        let codec = DefaultPhysicalExtensionCodec {};
        let order = merge.0.expr().iter().cloned();
        let proto = TaskMergeProto {
            order: serialize_physical_sort_exprs(order, &codec, converter)?,
            fetch: merge.fetch().map(|fetch| fetch as u64),
        };
        proto.encode(buf).map_err(|error| broken(&error.to_string()))
    }
}

fn broken(why: &str) -> DataFusionError {
    DataFusionError::Internal(format!("TaskMergeExec on the wire: {why}"))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::compute::SortOptions;
    use datafusion::arrow::datatypes::{DataType, Field, Schema};
    use datafusion::physical_expr::PhysicalSortExpr;
    use datafusion::physical_expr::expressions::col;
    use datafusion::physical_plan::empty::EmptyExec;
    use datafusion_proto::physical_plan::DefaultPhysicalProtoConverter;

    use super::*;

    fn input() -> Arc<dyn ExecutionPlan> {
        let field = |name| Field::new(name, DataType::Int64, true);
        Arc::new(EmptyExec::new(Arc::new(Schema::new(vec![field("a"), field("b")]))))
    }

    fn round_trip(fetch: Option<usize>) -> (TaskMergeExec, Arc<dyn ExecutionPlan>) {
        let schema = input().schema();
        let by = |name: &str, descending, nulls_first| PhysicalSortExpr {
            expr: col(name, &schema).unwrap(),
            options: SortOptions { descending, nulls_first },
        };
        let order = LexOrdering::new([by("b", true, false), by("a", false, true)]).unwrap();
        let before = TaskMergeExec::new(order.clone(), fetch, &input());
        let sent = Arc::new(TaskMergeExec::new(order, fetch, &input()));
        let mut bytes = Vec::new();
        let converter = DefaultPhysicalProtoConverter {};
        TaskMergeCodec.try_encode(sent, &mut bytes, &converter).unwrap();
        let context = TaskContext::default();
        let after = TaskMergeCodec.try_decode(&bytes, &[input()], &context, &converter).unwrap();
        (before, after)
    }

    #[test]
    fn a_worker_merges_by_the_order_that_was_planned() {
        for fetch in [None, Some(5)] {
            let (before, after) = round_trip(fetch);
            let after = after.downcast_ref::<TaskMergeExec>().unwrap();
            assert_eq!(after.0.expr(), before.0.expr());
            assert_eq!(after.fetch(), fetch);
        }
    }

    #[test]
    fn another_operator_is_not_taken_for_one() {
        let refused =
            TaskMergeCodec.try_encode(input(), &mut Vec::new(), &DefaultPhysicalProtoConverter {});
        assert!(refused.is_err());
    }
}
