//! A file on a web server, read by ranges.

use super::*;
use datafusion::common::runtime::SpawnedTask;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// A web server for one file at `/x.parquet`, with ranges and HEAD, that ends when dropped.
struct Server {
    address: std::net::SocketAddr,
    content: Arc<Mutex<Vec<u8>>>,
    _task: SpawnedTask<()>,
}

impl Server {
    async fn of(content: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let content = Arc::new(Mutex::new(content));
        let served = Arc::clone(&content);
        let task = SpawnedTask::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((connection, _)) = listener.accept().await {
                let content = Arc::clone(&served);
                connections.spawn(async move { serve(connection, &content).await });
            }
        });
        Self { address, content, _task: task }
    }
}

/// Answers requests on one connection until the client closes it.
async fn serve(connection: TcpStream, content: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut connection = BufReader::new(connection);
    while let Some((request, range)) = read_request(&mut connection).await? {
        let content = content.lock().clone();
        let (head, body) = answer(&request, range.as_deref(), &content);
        connection.write_all(head.as_bytes()).await?;
        connection.write_all(body).await?;
    }
    Ok(())
}

/// The request line and the Range header.
async fn read_request(
    connection: &mut BufReader<TcpStream>,
) -> std::io::Result<Option<(String, Option<String>)>> {
    let (mut request, mut range) = (String::new(), None);
    if connection.read_line(&mut request).await? == 0 {
        return Ok(None);
    }
    loop {
        let mut header = String::new();
        connection.read_line(&mut header).await?;
        match header.trim().split_once(':') {
            None => return Ok(Some((request, range))),
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                range = Some(value.trim().to_owned());
            }
            Some(_) => {}
        }
    }
}

fn answer<'c>(request: &str, range: Option<&str>, content: &'c [u8]) -> (String, &'c [u8]) {
    if !request.contains(" /x.parquet ") {
        return ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(), &[]);
    }
    let total = content.len();
    let (status, body, more) = match range.map(|range| bounds(range, total)) {
        None => ("200 OK", content, String::new()),
        Some((start, end)) => {
            let more = format!("Content-Range: bytes {start}-{}/{total}\r\n", end - 1);
            ("206 Partial Content", &content[start..end], more)
        }
    };
    let tag =
        content.iter().fold(0u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(*byte)));
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: \"{tag}\"\r\nContent-Length: {}\r\n{more}\r\n",
        body.len()
    );
    (head, if request.starts_with("HEAD") { &[] } else { body })
}

/// `bytes=a-b` or `bytes=-n` as a half-open range.
fn bounds(range: &str, total: usize) -> (usize, usize) {
    let (start, end) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    match (start.parse::<usize>(), end.parse::<usize>()) {
        (Ok(start), Ok(end)) => (start, (end + 1).min(total)),
        (Ok(start), Err(_)) => (start, total),
        (Err(_), last) => (total - last.unwrap(), total),
    }
}

#[tokio::test]
async fn a_file_on_a_web_server_is_a_table() {
    let data = Data::new();
    let sql = "SELECT value AS x, 'row ' || value AS s FROM generate_series(1, 10000)";
    data.parquet("x.parquet", sql).await;
    let server = Server::of(std::fs::read(data.path("x.parquet")).unwrap()).await;
    let url = format!("http://{}/x.parquet", server.address);
    let tables = Tables::open(vec![url.parse().unwrap()]).await.unwrap();
    assert_eq!(tables.names(), ["x"]);
    assert_eq!(
        tables.rows("SELECT count(*), max(s) FROM x WHERE x > 9990").await,
        ["10 | row 9999"]
    );
    assert_eq!(tables.catalog.describe()[0].location, url);
}

#[tokio::test]
async fn a_new_version_of_the_same_size_is_told_by_its_entity_tag() {
    let data = Data::new();
    data.parquet("1.parquet", "SELECT 1 AS x").await;
    data.parquet("2.parquet", "SELECT 2 AS x").await;
    let versions = ["1", "2"].map(|v| std::fs::read(data.path(&format!("{v}.parquet"))).unwrap());
    assert_eq!(versions[0].len(), versions[1].len());
    let server = Server::of(versions[0].clone()).await;
    let url = format!("http://{}/x.parquet", server.address);
    let tables = Tables::open(vec![url.parse().unwrap()]).await.unwrap();
    assert_eq!(tables.rows("SELECT min(x) FROM x").await, ["1"]);
    server.content.lock().clone_from(&versions[1]);
    assert_eq!(tables.rows("SELECT min(x) FROM x").await, ["2"]);
}

#[tokio::test]
async fn a_missing_file_on_a_web_server_is_no_table() {
    let server = Server::of(Vec::new()).await;
    let url = format!("http://{}/other.parquet", server.address);
    let error = Tables::open(vec![url.parse().unwrap()]).await.err().expect("nothing there");
    assert!(matches!(error, CatalogError::NotFound { .. }), "{error}");
    assert_says(&error.to_string(), &[&url]);
}
