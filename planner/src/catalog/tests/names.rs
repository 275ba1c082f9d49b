//! Names are kept as they are, and quoted identifiers reach all of them.

use super::*;

#[tokio::test]
async fn strange_names_can_be_queried() {
    let names = ["My Table", "größe", "a.b", "UPPER", "50% [x]", "q?#", "x'y", "日本", "a+b&c"];
    let data = Data::new();
    for name in names {
        data.parquet(&format!("{name}/part 1 – é.parquet"), "SELECT 1 AS x").await;
        data.write(&format!("file {name}.csv"), "x\n2\n");
    }
    let tables = data.open().await;
    for name in names {
        let sql = format!("SELECT a.x, b.x FROM \"{name}\" a, \"file {name}\" b");
        assert_eq!(tables.rows(&sql).await, ["1 | 2"], "{name}");
    }
}

/// Any of them would spoil a listing of the object store.
#[tokio::test]
async fn what_is_neither_folder_nor_file_hides_no_table() {
    let data = Data::new();
    data.parquet("t.parquet", "SELECT 1 AS x").await;
    let place = |name: &str| data.dir.path().join(name);
    std::fs::create_dir(place("line\nbreak")).unwrap();
    std::os::unix::fs::symlink(data.dir.path(), place("loop")).unwrap();
    std::os::unix::fs::symlink(place("nowhere"), place("gone.parquet")).unwrap();
    let odd = std::os::unix::ffi::OsStrExt::from_bytes(b"odd\xff.parquet");
    std::fs::write(data.dir.path().join::<&std::ffi::OsStr>(odd), "").unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(place("pipe.parquet")).status().unwrap();
    assert!(pipe.success());
    let tables = data.open().await;
    assert_eq!(tables.names(), ["loop", "t"]);
    assert_eq!(tables.rows("SELECT x FROM t").await, ["1"]);
}

#[tokio::test]
async fn a_folder_with_an_equals_sign_among_tables_is_one_of_them() {
    let data = Data::new();
    data.parquet("t/a.parquet", "SELECT 1 AS x").await;
    data.parquet("x=y/a.parquet", "SELECT 2 AS x").await;
    let tables = data.open().await;
    assert_eq!(tables.names(), ["t", "x=y"]);
    assert_eq!(tables.rows("SELECT x FROM t").await, ["1"]);
}

#[tokio::test]
async fn a_location_with_a_strange_path() {
    let data = Data::new();
    data.parquet("my data, ä/50%/t.parquet", "SELECT 1 AS x").await;
    let tables = Tables::open(vec![data.location("my data, ä/50%")]).await.unwrap();
    assert_eq!(tables.rows("SELECT x FROM t").await, ["1"]);
}

#[tokio::test]
async fn a_single_file_is_a_table_named_by_its_stem() {
    let data = Data::new();
    data.parquet("people.parquet", "SELECT 1 AS x").await;
    data.parquet("others.parquet", "SELECT 1 AS x").await;
    let tables = Tables::open(vec![data.location("people.parquet")]).await.unwrap();
    assert_eq!(tables.names(), ["people"]);
    assert_eq!(tables.rows("SELECT x FROM people").await, ["1"]);
}

#[tokio::test]
async fn full_names_work() {
    let data = Data::new();
    data.parquet("t.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    assert_eq!(tables.rows("SELECT x FROM squadron.public.t").await, ["1"]);
    assert_eq!(tables.rows("SELECT x FROM public.t").await, ["1"]);
}

#[tokio::test]
async fn case_counts_and_the_right_case_is_suggested() {
    let data = Data::new();
    data.parquet("Orders.parquet", "SELECT 1 AS x").await;
    let tables = data.open().await;
    tables.failure("SELECT x FROM Orders").await;
    assert_eq!(tables.catalog.suggest("orders").as_deref(), Some("Orders"));
    assert_eq!(tables.catalog.suggest("nothing"), None);
    assert_eq!(tables.rows("SELECT x FROM \"Orders\"").await, ["1"]);
}

#[tokio::test]
async fn table_functions_and_common_table_expressions_are_left_alone() {
    let tables = Data::new().open().await;
    let sql = "WITH c AS (SELECT value AS x FROM generate_series(1, 2)) SELECT sum(x) FROM c";
    assert_eq!(tables.rows(sql).await, ["3"]);
}

#[tokio::test]
async fn hidden_names_are_no_tables() {
    let data = Data::new();
    data.parquet("_tmp/a.parquet", "SELECT 1 AS x").await;
    data.parquet(".hidden.parquet", "SELECT 1 AS x").await;
    data.parquet("t.parquet", "SELECT 1 AS x").await;
    assert_eq!(data.open().await.names(), ["t"]);
}

#[tokio::test]
async fn other_schemas_can_be_added_for_all_sessions() {
    use datafusion::catalog::{MemorySchemaProvider, SchemaProvider};
    let tables = Data::new().open().await;
    let session = tables.session();
    let system = MemorySchemaProvider::new();
    let rows = session.sql("SELECT 7 AS x").await.unwrap();
    system.register_table("t".to_owned(), rows.into_view()).unwrap();
    tables.catalog.add_schema("system", Arc::new(system));
    assert_eq!(tables.rows("SELECT x FROM system.t").await, ["7"]);
}

#[tokio::test]
async fn several_locations_share_one_schema() {
    let data = Data::new();
    data.parquet("a/t.parquet", "SELECT 1 AS x").await;
    data.parquet("b/u.parquet", "SELECT 2 AS x").await;
    let tables =
        Tables::open(vec![data.location("a"), data.location("b/u.parquet")]).await.unwrap();
    assert_eq!(tables.rows("SELECT t.x, u.x FROM t, u").await, ["1 | 2"]);
    let url = format!("file://{}", data.path("a").display());
    let tables = Tables::open(vec![url.parse().unwrap()]).await.unwrap();
    assert_eq!(tables.rows("SELECT x FROM t").await, ["1"]);
}
