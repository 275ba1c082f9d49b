//! Commits to tables of other engines.

use std::path::Path;

use datafusion::execution::runtime_env::RuntimeEnv;

use super::*;
use crate::catalog::delta::DeltaTables;

const SCHEMA: &str = r#"{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"long\",\"nullable\":true,\"metadata\":{}},{\"name\":\"city\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}]}"#;

/// Paths as Spark, delta-rs and others write them, each of another file.
const PATHS: [&str; 4] = [
    "city=Köln/a.parquet",
    "city=K%C3%B6ln/b.parquet",
    "city=a%20b/c.parquet",
    "r%252F1/d.parquet",
];

fn begin(table: &Path) {
    let log = table.join("_delta_log");
    std::fs::create_dir_all(&log).unwrap();
    let adds = PATHS.map(|path| {
        format!(
            r#"{{"add":{{"path":"{path}","partitionValues":{{"city":"x"}},"size":1,"modificationTime":0,"dataChange":true}}}}"#
        )
    });
    let first = format!(
        r#"{{"protocol":{{"minReaderVersion":1,"minWriterVersion":2}}}}
{{"metaData":{{"id":"67e55044-10b1-426f-9247-bb680e5fe0c8","format":{{"provider":"parquet","options":{{}}}},"schemaString":"{SCHEMA}","partitionColumns":["city"],"configuration":{{}}}}}}
{}"#,
        adds.join("\n")
    );
    std::fs::write(log.join(format!("{:020}.json", 0)), first).unwrap();
}

/// The table as a node finds it that has just started.
fn found(table: &Path) -> Arc<DeltaTable> {
    let tables = DeltaTables::new(Arc::new(RuntimeEnv::default()));
    tables.at(&table.to_str().unwrap().parse().unwrap()).unwrap()
}

async fn remove(table: &Arc<DeltaTable>, paths: &[&str]) {
    let read = table.newest().await.unwrap();
    let removes = read.files.iter().filter(|(path, _)| paths.contains(&path.as_str()));
    let proposal = Proposal {
        table: Arc::clone(table),
        removes: removes.map(|(path, file)| (path.clone(), file.clone())).collect(),
        alters: Vec::new(),
        read: Arc::clone(&read),
        adds: Vec::new(),
        depends: Depends::Rows,
        operation: "DELETE",
        count: 1,
    };
    publish(&proposal).await.unwrap().unwrap();
}

async fn paths(table: &Arc<DeltaTable>) -> Vec<String> {
    let mut paths: Vec<_> = table.newest().await.unwrap().files.keys().cloned().collect();
    paths.sort_by_key(|path| path.rsplit('/').next().map(str::to_owned));
    paths
}

/// A file that is removed in other letters than those in which it was added stays, for whoever reads the log.
#[tokio::test]
async fn files_are_removed_in_the_letters_in_which_they_were_added() {
    let folder = tempfile::tempdir().unwrap();
    begin(folder.path());
    let table = found(folder.path());
    assert_eq!(paths(&table).await, PATHS);
    remove(&table, &PATHS[..1]).await;
    assert_eq!(paths(&table).await, PATHS[1..]);
    let anew = found(folder.path());
    assert_eq!(paths(&anew).await, PATHS[1..]);
    anew.log().checkpoint().await.unwrap();
    let of_checkpoint = found(folder.path());
    assert_eq!(paths(&of_checkpoint).await, PATHS[1..]);
    remove(&of_checkpoint, &PATHS[1..]).await;
    assert_eq!(paths(&found(folder.path())).await, [""; 0]);
}

#[tokio::test]
async fn files_are_opened_by_the_names_that_they_have() {
    let folder = tempfile::tempdir().unwrap();
    begin(folder.path());
    let table = found(folder.path());
    let opened = PATHS.map(|path| table.log().file(path).to_string());
    let name = |opened: &String| opened.rsplit_once("/city=").map(|(_, name)| name.to_owned());
    let names: Vec<_> = opened[..3].iter().filter_map(name).collect();
    assert_eq!(names, ["Köln/a.parquet", "Köln/b.parquet", "a b/c.parquet"]);
    assert!(opened[3].ends_with("/r%2F1/d.parquet"), "{}", opened[3]);
}
