//! Files without a log: COPY TO, and INSERT into folders of Parquet files.

use std::path::{Path, PathBuf};

use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;
use squadron_server::client::ClientError;
use tempfile::TempDir;
use tonic::Code;

const NODES: usize = 3;

/// Nodes that may write to a folder.
struct Site {
    cluster: TestCluster,
    folder: TempDir,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display().to_string();
        let options = ClusterOptions::new(NODES).data(fixtures::tpch());
        let options = options.adjust(move |_, args| args.allow_location = vec![path.clone()]);
        Self { cluster: options.start().await, folder }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A statement on all workers.
    async fn run(&self, node: usize, sql: &str) -> String {
        let done = self.cluster.ask_distributed(node, sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}")).value()
    }

    /// A table of what was written.
    async fn table(&self, name: &str, place: &str) {
        let place = self.at(place);
        let sql = format!("create external table {name} stored as parquet location '{place}'");
        self.cluster.client(0).await.run(&sql).await.unwrap();
    }

    async fn refused(&self, sql: &str) -> (Code, String) {
        match self.cluster.client(1).await.run(sql).await {
            Err(ClientError::Server(status)) => (status.code(), status.message().to_owned()),
            other => panic!("{sql}: {other:?}"),
        }
    }
}

/// The names of all files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn hidden(files: &[PathBuf]) -> Vec<&PathBuf> {
    let is_hidden = |path: &&PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
    files.iter().filter(is_hidden).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_a_folder_has_every_row_once() {
    let site = Site::new().await;
    let rows = site.run(0, "select count(*) from lineitem").await;
    let copy = format!("copy lineitem to '{}/' stored as parquet", site.at("lines"));
    assert_eq!(site.run(1, &copy).await, rows);
    site.table("lines", "lines").await;
    assert_eq!(site.run(2, "select count(*) from lines").await, rows);
    let differ = "select count(*) from (select * from lines except select * from lineitem)";
    assert_eq!(site.run(0, differ).await, "0");
    let written = files(&site.folder.path().join("lines"));
    assert!(written.len() > 1 && hidden(&written).is_empty(), "{written:?}");
    let is_parquet = |path: &PathBuf| path.extension().is_some_and(|of| of == "parquet");
    assert!(written.iter().all(is_parquet), "{written:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_one_file_has_its_rows_in_order() {
    let site = Site::new().await;
    let place = site.at("orders.parquet");
    let copy = format!(
        "copy (select o_orderkey, o_totalprice from orders order by o_totalprice desc, o_orderkey) to '{place}'"
    );
    let rows = site.run(0, "select count(*) from orders").await;
    assert_eq!(site.run(1, &copy).await, rows);
    assert_eq!(files(site.folder.path()), [PathBuf::from(&place)]);
    site.table("sorted", "orders.parquet").await;
    let breaks = "select count(*) from (select o_totalprice as p, lag(o_totalprice) over () as before from sorted) where p > before";
    let in_one = site.cluster.client_with(2, &[("squadron-execution-mode", "local")]).await;
    in_one.run("set datafusion.execution.target_partitions = 1").await.unwrap();
    assert_eq!(squadron_dev::answer::ask(&in_one, breaks).await.unwrap().value(), "0");
    assert_eq!(site.refused(&copy).await.0, Code::AlreadyExists);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_has_texts_longer_than_those_of_a_column() {
    let site = Site::new().await;
    for sql in ["create table t (s varchar(3))", "insert into t values ('abc')"] {
        site.cluster.client(0).await.run(sql).await.unwrap();
    }
    let query = "select s from t union all select n_name from nation";
    assert_eq!(site.run(0, &format!("copy ({query}) to '{}'", site.at("texts"))).await, "26");
    site.table("texts", "texts").await;
    assert_eq!(site.run(1, "select max(length(s)) from texts").await, "14");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_no_rows_has_columns() {
    let site = Site::new().await;
    for (name, place) in [("folder", "none"), ("file", "none.parquet")] {
        let copy = format!("copy (select * from nation where false) to '{}'", site.at(place));
        assert_eq!(site.run(0, &copy).await, "0");
        site.table(name, place).await;
        assert_eq!(site.run(1, &format!("select count(n_name) from {name}")).await, "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_to_the_folders_of_their_partitions() {
    let site = Site::new().await;
    let copy = format!(
        "copy (select n_nationkey, n_name, case when n_regionkey = 4 then null else concat('r/', n_regionkey) end as region \
         from nation) to '{}' partitioned by (region)",
        site.at("parts")
    );
    assert_eq!(site.run(0, &copy).await, "25");
    site.table("parts", "parts").await;
    assert_eq!(site.run(1, "select count(*) from parts where region = 'r/1'").await, "5");
    assert_eq!(site.run(1, "select count(*) from parts where region is null").await, "5");
    let insert = "insert into parts select n_nationkey + 100, upper(n_name), 'new' from nation";
    assert_eq!(site.run(2, insert).await, "25");
    assert_eq!(
        site.run(0, "insert into parts (region, n_nationkey, n_name) values ('r/1', -1, 'x')")
            .await,
        "1"
    );
    let sums =
        "select concat(count(*), ' ', count(n_name), ' ', count(distinct region)) from parts";
    assert_eq!(site.run(1, sums).await, "51 51 5");
    assert_eq!(site.run(2, "select count(*) from parts where region = 'new'").await, "25");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_insert_that_fails_leaves_a_folder_as_it_was() {
    let site = Site::new().await;
    site.run(0, &format!("copy orders to '{}'", site.at("orders"))).await;
    site.table("mine", "orders").await;
    let before = files(&site.folder.path().join("orders"));
    let (code, why) =
        site.refused("insert into mine (o_orderkey) select 1 / (o_orderkey - 5) from orders").await;
    assert_eq!(code, Code::InvalidArgument, "{why}");
    let after = files(&site.folder.path().join("orders"));
    assert_eq!(after.len() - hidden(&after).len(), before.len());
    assert_eq!(
        site.run(1, "select count(*) from mine").await,
        site.run(2, "select count(*) from orders").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_as_text_has_every_row_once() {
    let site = Site::new().await;
    for format in ["csv", "json"] {
        let copy = format!("copy orders to '{}/' stored as {format}", site.at(format));
        let rows = site.run(1, &copy).await;
        let place = site.at(format);
        let table =
            format!("create external table as_{format} stored as {format} location '{place}'");
        site.cluster.client(0).await.run(&table).await.unwrap();
        assert_eq!(site.run(2, &format!("select count(*) from as_{format}")).await, rows);
        let columns = "o_orderkey, o_orderstatus, o_clerk, o_comment";
        let differ = format!(
            "select count(*) from (select {columns} from as_{format} except select {columns} from orders)"
        );
        assert_eq!(site.run(0, &differ).await, "0");
        let written = files(&site.folder.path().join(format));
        assert!(written.len() > 1 && hidden(&written).is_empty(), "{written:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn text_files_are_written_and_read_as_options_say() {
    let site = Site::new().await;
    let (place, options) =
        (site.at("semi"), "options ('format.delimiter' ';', 'format.has_header' 'false')");
    let rows = site.run(1, &format!("copy orders to '{place}/' stored as csv {options}")).await;
    let table = format!("create external table semi stored as csv location '{place}' {options}");
    site.cluster.client(0).await.run(&table).await.unwrap();
    assert_eq!(site.run(2, "select count(*) from semi").await, rows);
    let differ = "select count(*) from (select column_1, column_9 from semi except select o_orderkey, o_comment from orders)";
    assert_eq!(site.run(0, differ).await, "0");
    let first = std::fs::read_to_string(&files(&site.folder.path().join("semi"))[0]).unwrap();
    let line = first.lines().next().unwrap();
    assert!(line.matches(';').count() >= 8 && !line.contains("o_orderkey"), "{line}");
    let shown = site.cluster.ask(1, "show create table semi").await.unwrap().text();
    assert!(
        shown.contains("OPTIONS ('format.delimiter' ';', 'format.has_header' 'false')"),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_in_one_text_file_is_in_order_under_the_names_of_its_columns() {
    let site = Site::new().await;
    let query =
        "select n_nationkey as key, n_name from nation where n_nationkey < 2 order by key desc";
    for (name, expected) in [
        ("x.csv", "key,n_name\n1,ARGENTINA\n0,ALGERIA\n"),
        ("x.json", "{\"key\":1,\"n_name\":\"ARGENTINA\"}\n{\"key\":0,\"n_name\":\"ALGERIA\"}\n"),
    ] {
        site.run(0, &format!("copy ({query}) to '{}'", site.at(name))).await;
        assert_eq!(std::fs::read_to_string(site.folder.path().join(name)).unwrap(), expected);
    }
    let none = "select n_name from nation where n_nationkey > 99";
    site.run(0, &format!("copy ({none}) to '{}'", site.at("none.csv"))).await;
    assert_eq!(std::fs::read_to_string(site.folder.path().join("none.csv")).unwrap(), "n_name\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_copy_may_not_do_is_refused_by_name() {
    let site = Site::new().await;
    let place = site.at("x");
    for (sql, expected, why) in [
        ("copy nation to '/nowhere/x'".to_owned(), Code::PermissionDenied, "--allow-location"),
        (format!("copy nation to '{place}' stored as arrow"), Code::Unimplemented, "PARQUET"),
        (format!("copy nation to '{place}.tsv'"), Code::Unimplemented, "PARQUET"),
        (
            format!("copy nation to '{place}.csv' stored as json"),
            Code::InvalidArgument,
            "another format",
        ),
        (format!("copy (select [1] as a) to '{place}.csv'"), Code::Unimplemented, "'a' is ARRAY"),
        (format!("copy nothing to '{place}'"), Code::NotFound, "nothing"),
        (
            format!("copy nation to '{place}' partitioned by (nothing)"),
            Code::InvalidArgument,
            "nothing",
        ),
        (
            format!("copy (select 1 as a, x'00ff' as b) to '{place}' partitioned by (b)"),
            Code::InvalidArgument,
            "tell files apart",
        ),
        (format!("copy (select 1 as a, 2 as a) to '{place}'"), Code::InvalidArgument, "'a'"),
        (
            format!("copy (select [interval '1 day'] as a) to '{place}'"),
            Code::Unimplemented,
            "'a' is an INTERVAL",
        ),
        (
            "insert into nation select * from nation".to_owned(),
            Code::Unimplemented,
            "--allow-location",
        ),
        ("delete from nation".to_owned(), Code::Unimplemented, "INSERT INTO, and nothing else"),
    ] {
        let (code, text) = site.refused(&sql).await;
        assert!(code == expected && text.contains(why), "{sql}: {code:?} {text}");
    }
    assert_eq!(files(site.folder.path()), Vec::<PathBuf>::new());
}
