//! The bytes of a text file, whole or by its lines.

use std::sync::Arc;

use bytes::Bytes;
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::error::DataFusionError;
use datafusion_datasource::boundary_stream::AlignedBoundaryStream;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use object_store::{ObjectStore, ObjectStoreExt};

/// The bytes of a file, or of the records that begin within its range.
pub(super) async fn bytes_of(
    store: Arc<dyn ObjectStore>,
    file: &PartitionedFile,
    terminator: u8,
) -> Result<BoxStream<'static, Result<Bytes>>> {
    let meta = &file.object_meta;
    let bytes = match &file.range {
        None => store.get(&meta.location).await?.into_stream(),
        Some(range) => {
            let (start, end) = (range.start.unsigned_abs(), range.end.unsigned_abs());
            let location = meta.location.clone();
            AlignedBoundaryStream::new(store, location, start, end, meta.size, terminator)
                .await?
                .boxed()
        }
    };
    Ok(bytes.map_err(DataFusionError::from).boxed())
}
