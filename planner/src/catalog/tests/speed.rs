//! Planning is on the path of every query: footers are read once, and a known table costs one
//! listing.

use super::*;
use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult,
};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The local file system, counting what is asked of it.
#[derive(Debug, Default)]
struct Counting {
    inner: LocalFileSystem,
    lists: AtomicUsize,
    gets: AtomicUsize,
}

impl std::fmt::Display for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("counting")
    }
}

#[async_trait]
impl ObjectStore for Counting {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> object_store::Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(
        &self,
        location: &Path,
        options: GetOptions,
    ) -> object_store::Result<GetResult> {
        self.gets.fetch_add(1, Ordering::Relaxed);
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.lists.fetch_add(1, Ordering::Relaxed);
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[tokio::test]
async fn a_known_table_costs_one_listing_and_no_read() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    data.parquet("t/b.parquet", "SELECT 2 AS x").await;
    let store = Arc::new(Counting::default());
    let runtime = Arc::new(RuntimeEnv::default());
    let location = data.location("");
    runtime.register_object_store(location.store_url().as_ref(), Arc::clone(&store) as _);
    let catalog = FilesCatalog::open(vec![location], Arc::clone(&runtime)).await.unwrap();
    let tables = Tables { catalog, runtime };
    tables.plan("SELECT * FROM t WHERE x = 1").await;
    let (lists, gets) = (store.lists.load(Ordering::Relaxed), store.gets.load(Ordering::Relaxed));
    tables.plan("SELECT * FROM t WHERE x = 1").await;
    assert_eq!(store.lists.load(Ordering::Relaxed), lists + 1);
    assert_eq!(store.gets.load(Ordering::Relaxed), gets);
}

#[tokio::test]
async fn queries_at_once_read_each_footer_once() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    let store = Arc::new(Counting::default());
    let url = data.location("").store_url().clone();
    tables.runtime.register_object_store(url.as_ref(), Arc::clone(&store) as _);
    let catalog =
        FilesCatalog::open(vec![data.location("")], Arc::clone(&tables.runtime)).await.unwrap();
    let tables = Tables { catalog, runtime: tables.runtime };
    let alone = {
        tables.columns("t").await;
        store.gets.load(Ordering::Relaxed)
    };
    assert!(alone > 0);
    data.parquet("u/a.parquet", "SELECT 1 AS x").await;
    tables.catalog.refresh().await.unwrap();
    store.gets.store(0, Ordering::Relaxed);
    let all = (0..32).map(|_| tables.columns("u"));
    futures::future::join_all(all).await;
    assert_eq!(store.gets.load(Ordering::Relaxed), alone);
}
