//! Whether a call changes rows or the catalog: it is not to be made again where nobody knows what became of it.

use arrow_flight::FlightDescriptor;

use super::caller::Called;
use super::command::{Wish, wish};
use super::prepared;
use super::put::Put;
use crate::query::Queries;

/// Whether what a descriptor asks for does.
pub(super) async fn by_descriptor(
    descriptor: &FlightDescriptor,
    called: &Called,
    queries: &Queries,
) -> bool {
    match wish(descriptor) {
        Ok(Wish::Statement(sql)) => queries.changes(&sql).await,
        Ok(Wish::Prepared(handle)) => by_prepared(&handle, called, queries).await,
        _ => false,
    }
}

/// Whether a DoPut does.
pub(super) async fn by_put(put: &Put, called: &Called, queries: &Queries) -> bool {
    match put {
        Put::Ingest(_) => true,
        Put::Bind(_) => false,
        Put::Run(sql) => queries.changes(sql).await,
        Put::RunPrepared(handle) => by_prepared(handle, called, queries).await,
    }
}

async fn by_prepared(handle: &[u8], called: &Called, queries: &Queries) -> bool {
    match prepared::text(handle, called, queries) {
        Some(sql) => queries.changes(&sql).await,
        None => false,
    }
}
