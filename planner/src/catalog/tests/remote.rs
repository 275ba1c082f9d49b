//! Object stores: no folders but prefixes, nothing local. A store in memory stands for the bucket.

use super::*;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

/// Copies the files of `data` into a bucket and opens a catalog over a location in it.
async fn open(data: &Data, files: &[&str], location: &str) -> Result<Tables, CatalogError> {
    let bucket = InMemory::new();
    for file in files {
        let content = std::fs::read(data.path(file)).unwrap();
        bucket.put(&Path::parse(format!("lake/{file}")).unwrap(), content.into()).await.unwrap();
    }
    let location: DataLocation = location.parse().unwrap();
    let runtime = Arc::new(RuntimeEnv::default());
    let store: Arc<dyn ObjectStore> = Arc::new(bucket);
    runtime.register_object_store(location.store_url().as_ref(), store);
    let catalog = FilesCatalog::open(vec![location], Arc::clone(&runtime)).await?;
    Ok(Tables { catalog, runtime })
}

#[tokio::test]
async fn tables_of_every_format_are_found_under_a_prefix() {
    let data = Data::new();
    data.parquet("p/k=1/a.parquet", "SELECT 1 AS x").await;
    data.copy("a.arrow", "ARROW", "", "SELECT 1 AS x").await;
    data.write("c.csv", "x\n1\n");
    let gzip = "OPTIONS ('format.compression' 'gzip')";
    data.copy("j/1.json.gz", "JSON", gzip, "SELECT 1 AS x").await;
    let files = ["p/k=1/a.parquet", "a.arrow", "c.csv", "j/1.json.gz"];
    let tables = open(&data, &files, "s3://bucket/lake").await.unwrap();
    assert_eq!(tables.names(), ["a", "c", "j", "p"]);
    let sql = "SELECT a.x, c.x, j.x, p.x, k FROM a, c, j, p";
    assert_eq!(tables.rows(sql).await, ["1 | 1 | 1 | 1 | 1"]);
}

#[tokio::test]
async fn a_single_object_and_a_partitioned_prefix_are_one_table() {
    let data = Data::new();
    data.parquet("p/k=1/a.parquet", "SELECT 1 AS x").await;
    data.write("c.csv", "x\n1\n");
    let files = ["p/k=1/a.parquet", "c.csv"];
    for (location, name) in [("s3://bucket/lake/p/", "p"), ("s3://bucket/lake/c.csv", "c")] {
        let tables = open(&data, &files, location).await.unwrap();
        assert_eq!(tables.names(), [name]);
        assert_eq!(tables.rows(&format!("SELECT x FROM {name}")).await, ["1"]);
    }
}

#[tokio::test]
async fn broken_objects_are_named_by_their_url() {
    let data = Data::new();
    data.write("t/a.parquet", "broken");
    let tables = open(&data, &["t/a.parquet"], "s3://bucket/lake").await.unwrap();
    let error = tables.catalog_error("SELECT * FROM t").await;
    assert!(error.starts_with("s3://bucket/lake/t/a.parquet: not a Parquet file"), "{error}");
}
