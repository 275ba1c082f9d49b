//! The schema of an Arrow file, from its footer.
//!
//! Problem: DataFusion finds it at the start of the file, where it expects 8 bytes of padding after
//! the magic number; arrow-rs, and so DataFusion's own COPY, writes 64. Only files on local disk,
//! which it reads in another way, are spared. The footer is where the format says to look.

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::ipc::convert::fb_to_schema;
use datafusion::arrow::ipc::reader::read_footer_length;
use datafusion::arrow::ipc::root_as_footer;
use datafusion::common::{Result, exec_datafusion_err};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use std::sync::Arc;

const MAGIC: &[u8] = b"ARROW1";

/// Length of the footer, then the magic number once more.
const TAIL: u64 = 10;

/// The schema in a file's footer; `None` if it is not in the file format but, it seems, a stream.
pub(crate) async fn schema(
    store: &dyn ObjectStore,
    file: &ObjectMeta,
) -> Result<Option<SchemaRef>> {
    let (path, size) = (&file.location, file.size);
    let short = || exec_datafusion_err!("the file is cut short");
    if is_stream(store, file).await? {
        return Ok(None);
    }
    let body = size.checked_sub(TAIL).ok_or_else(short)?;
    let tail = store.get_range(path, body..size).await?;
    let tail = <[u8; TAIL as usize]>::try_from(tail.as_ref()).map_err(|_| short())?;
    let length = read_footer_length(tail)? as u64;
    let footer = store.get_range(path, body.checked_sub(length).ok_or_else(short)?..body).await?;
    let footer = root_as_footer(&footer)
        .map_err(|error| exec_datafusion_err!("the footer cannot be read: {error}"))?;
    let schema = footer.schema().ok_or_else(|| exec_datafusion_err!("the footer has no schema"))?;
    Ok(Some(Arc::new(fb_to_schema(schema))))
}

/// Whether a file is not in the file format but, it seems, a stream.
pub(crate) async fn is_stream(store: &dyn ObjectStore, file: &ObjectMeta) -> Result<bool> {
    let start = 0..file.size.min(MAGIC.len() as u64);
    Ok(store.get_range(&file.location, start).await? != MAGIC)
}
