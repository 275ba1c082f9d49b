//! Fuzz targets: a plan from another node is decoded, or refused; no bytes make the worker panic.
//!
//! Each runs for a moment with every `cargo test`, on our own nodes' messages with a few bytes changed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bolero::check;
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::prelude::SessionConfig;
use datafusion_proto::physical_plan::{DefaultPhysicalProtoConverter, PhysicalExtensionCodec};
use http::{HeaderMap, HeaderValue};
use uuid::Uuid;

use super::carry;
use crate::catalog::DetailedScanCodec;
use crate::deliver::{DeliverCodec, DeliverExec, DeliverSpec};
use crate::plan::merge::{TaskMergeCodec, TaskMergeExec};

/// For how long a target runs in a test.
const BRIEFLY: Duration = Duration::from_secs(2);

/// Bytes that are others now, and where what is left was cut off.
type Damage = (Vec<(u16, u8)>, Option<u16>);

fn damaged(bytes: &[u8], (edits, cut): &Damage) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for (at, byte) in edits {
        let at = *at as usize % bytes.len().max(1);
        if let Some(place) = bytes.get_mut(at) {
            *place = *byte;
        }
    }
    bytes.truncate(cut.map_or(usize::MAX, usize::from));
    bytes
}

fn input() -> Arc<dyn ExecutionPlan> {
    let dictionary = DataType::Dictionary(DataType::Int8.into(), DataType::Utf8.into());
    let fields = [Field::new("a", DataType::Int64, true), Field::new("b", dictionary, false)];
    Arc::new(EmptyExec::new(Arc::new(Schema::new(fields.to_vec()))))
}

fn deliver() -> Arc<dyn ExecutionPlan> {
    let spec = DeliverSpec {
        query: Uuid::from_u128(7),
        attempt: 1,
        targets: ["a".to_owned(), "b".to_owned()].into(),
        frame_bytes: 1 << 20,
        counted_only: false,
    };
    let schema = crate::wire_schema::wire_schema(&input().schema());
    Arc::new(DeliverExec::new(input(), spec, schema))
}

fn merge() -> Arc<dyn ExecutionPlan> {
    let order = col("a", &input().schema()).unwrap();
    let order = LexOrdering::new([PhysicalSortExpr::new(order, SortOptions::default())]).unwrap();
    Arc::new(TaskMergeExec::new(order, Some(3), &input()))
}

/// Encodes a node, and decodes what becomes of that.
fn fuzz(codec: &dyn PhysicalExtensionCodec, node: Option<Arc<dyn ExecutionPlan>>) {
    let (converter, context) = (DefaultPhysicalProtoConverter {}, TaskContext::default());
    let mut valid = Vec::new();
    if let Some(node) = node {
        codec.try_encode(node, &mut valid, &converter).unwrap();
        codec.try_decode(&valid, &[input()], &context, &converter).unwrap();
    }
    let decode = AssertUnwindSafe(|bytes: &[u8]| {
        // An error is an answer.
        let _ = codec.try_decode(bytes, &[input()], &context, &converter);
    });
    check!().with_type::<(Damage, Vec<u8>)>().with_test_time(BRIEFLY).for_each(
        |(damage, anything)| {
            let decode = &decode;
            match valid.is_empty() {
                true => decode(anything),
                false => decode(&damaged(&valid, damage)),
            }
        },
    );
}

#[test]
fn a_delivery() {
    fuzz(&DeliverCodec, Some(deliver()));
}

#[test]
fn a_merge() {
    fuzz(&TaskMergeCodec, Some(merge()));
}

#[test]
fn a_scan() {
    fuzz(&DetailedScanCodec, None);
}

#[test]
fn settings_and_the_querys_id() {
    let valid = b"datafusion.execution.batch_size=77&datafusion.execution.time_zone=%2B01%3A00";
    check!().with_type::<(Damage, Damage)>().with_test_time(BRIEFLY).for_each(
        |(settings, query)| {
            let id = Uuid::from_u128(7).to_string();
            let header = |name: &'static str, bytes: Vec<u8>| {
                HeaderValue::from_bytes(&bytes).ok().map(|value| (name, value))
            };
            let headers = [
                header("squadron-settings", damaged(valid, settings)),
                header("squadron-query", damaged(id.as_bytes(), query)),
            ];
            let mut sent = HeaderMap::new();
            for (name, value) in headers.into_iter().flatten() {
                sent.insert(name, value);
            }
            let _ = carry::apply(&mut SessionConfig::new(), &sent);
            let _ = carry::query(&sent);
        },
    );
}
