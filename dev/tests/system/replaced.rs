//! Files that are replaced while a query that was planned for them waits: it reads the new ones, whole.

use std::fmt::Write;
use std::path::Path;

use squadron_dev::answer::read;
use squadron_dev::process::ProcessCluster;
use squadron_server::client::FlightSqlClient;
use tempfile::TempDir;

/// Keeps a slot until it is cancelled.
const ENDLESS: &str = "select sum(value) from generate_series(1, 9000000000000000)";

const SUM: &str = "select concat(count(*), ' ', sum(k)) from t";

/// Puts a file of these many numbers in the place of the one before.
fn put(folder: &Path, format: &str, rows: u64, from: u64) {
    let mut text = String::from(if format == "csv" { "k\n" } else { "" });
    for k in from..from + rows {
        match format {
            "csv" => writeln!(text, "{k}").unwrap(),
            _ => writeln!(text, "{{\"k\":{k}}}").unwrap(),
        }
    }
    std::fs::write(folder.join("next"), text).unwrap();
    std::fs::rename(folder.join("next"), folder.join("t").join(format!("t.{format}"))).unwrap();
}

async fn client(cluster: &ProcessCluster) -> FlightSqlClient {
    let client = cluster.client(0).await;
    client.set_header("squadron-execution-mode", "distributed").unwrap();
    client
}

async fn reads_the_new(format: &str, rows: u64) {
    let folder = TempDir::new().unwrap();
    std::fs::create_dir(folder.path().join("t")).unwrap();
    put(folder.path(), format, 60_000, 0);
    let options =
        ["--concurrent-queries", "1", "--scan-bytes-per-partition", "50KiB", "--result-keep", "4s"];
    let cluster = ProcessCluster::start(2, folder.path(), &options).await.unwrap();
    let running = cluster.client(0).await.execute(ENDLESS).await.unwrap();
    let client = client(&cluster).await;
    let waits = client.execute(SUM).await.unwrap();
    put(folder.path(), format, rows, 1_000_000);
    client.cancel(running).await.unwrap();
    let answer = read(&client, waits).await.unwrap_or_else(|error| panic!("{error}")).value();
    let sum: u64 = (1_000_000..1_000_000 + rows).sum();
    assert_eq!(answer, format!("{rows} {sum}"));
    cluster.wait_until_idle(&[0, 1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_csv_file_that_became_longer_is_read_anew() {
    reads_the_new("csv", 90_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_file_that_became_shorter_is_read_anew() {
    reads_the_new("json", 20_000).await;
}
