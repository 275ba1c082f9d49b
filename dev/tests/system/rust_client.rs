//! arrow-flight's own client, which is what its program `flight_sql_client` is made of: one node and three, with TLS
//! and without, with users and without.
//!
//! The program adds flags and a table to these calls. To have it, all of its crate would be built once more in each
//! run, for minutes; the library is a dependency already.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::FlightInfo;
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use datafusion::arrow::array::{AsArray, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::arrow::error::ArrowError;
use futures::TryStreamExt;
use squadron_dev::answer::Answer;
use squadron_dev::authority::{Authority, files_in};
use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;
use squadron_dev::oracle::Oracle;
use tempfile::TempDir;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

const USER: (&str, &str) = ("alice", "s3cret:ü");
const SCAN: &str = "SELECT l_orderkey, l_linenumber, l_extendedprice, l_comment FROM lineitem";

/// What the program gives each of its calls.
const TIMEOUT: Duration = Duration::from_secs(20);

type Client = FlightSqlServiceClient<Channel>;

/// Nodes, and what a client needs to come in.
struct Server {
    cluster: TestCluster,
    authority: Authority,
    tls: bool,
    users: bool,
    // Its certificates.
    _folder: TempDir,
}

impl Server {
    async fn start(nodes: usize, tls: bool, users: bool) -> Self {
        let (authority, folder) = (Authority::new().unwrap(), tempfile::tempdir().unwrap());
        let mut options = ClusterOptions::new(nodes).data(fixtures::tpch());
        if tls {
            let files = files_in(folder.path());
            authority.write(&files, "127.0.0.1").unwrap();
            options = options.tls(&files);
        }
        if users {
            options = options.users(&[USER]);
        }
        Self { cluster: options.start().await, authority, tls, users, _folder: folder }
    }

    /// As the program connects, before it says who it is.
    async fn stranger(&self, node: usize) -> Client {
        let uri = self.cluster.uri(node).replace("grpc+tcp", "http").replace("grpc+tls", "https");
        let mut endpoint = Endpoint::from_shared(uri).unwrap().timeout(TIMEOUT);
        if self.tls {
            let roots = Certificate::from_pem(self.authority.pem());
            endpoint = endpoint.tls_config(ClientTlsConfig::new().ca_certificate(roots)).unwrap();
        }
        let mut client = FlightSqlServiceClient::new(endpoint.connect().await.unwrap());
        client.set_header("squadron-execution-mode", "distributed");
        client.set_header("squadron-endpoints", "all");
        client
    }

    async fn client(&self, node: usize) -> Client {
        let mut client = self.stranger(node).await;
        if self.users {
            client.handshake(USER.0, USER.1).await.unwrap();
        }
        client
    }
}

/// All endpoints, one by one and over this one connection, as the program reads them.
async fn read(client: &mut Client, info: FlightInfo) -> Result<Answer, FlightError> {
    let schema = Arc::new(info.clone().try_decode_schema()?);
    let mut batches = Vec::new();
    for endpoint in &info.endpoint {
        let stream = client.do_get(endpoint.ticket.clone().unwrap()).await?;
        batches.extend(stream.try_collect::<Vec<RecordBatch>>().await?);
    }
    Ok(Answer { info, schema, batches, endpoints: Vec::new() })
}

async fn reads_every_value(nodes: usize, tls: bool, users: bool) {
    let server = Server::start(nodes, tls, users).await;
    let oracle = Oracle::over(fixtures::tpch()).await.unwrap();
    for node in 0..nodes {
        let mut client = server.client(node).await;
        let info = client.execute(SCAN.to_owned(), None).await.unwrap();
        assert_eq!(info.endpoint.len(), nodes);
        oracle.check(SCAN, &read(&mut client, info).await.unwrap()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_gives_every_value() {
    reads_every_value(1, false, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_with_tls_and_users_gives_every_value() {
    reads_every_value(1, true, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_give_every_value() {
    reads_every_value(3, false, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_with_tls_give_every_value() {
    reads_every_value(3, true, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_with_users_give_every_value() {
    reads_every_value(3, false, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_nodes_with_tls_and_users_give_every_value() {
    reads_every_value(3, true, true).await;
}

/// The program binds what was written on its command line, by the types that it was told.
fn bound(key: i64, pattern: &str) -> RecordBatch {
    let fields = [("1", DataType::Int64), ("2", DataType::Utf8)];
    let schema = Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec());
    let (key, pattern) = (Int64Array::from(vec![key]), StringArray::from(vec![pattern]));
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(key), Arc::new(pattern)]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_is_prepared_and_run_with_other_values() {
    let server = Server::start(3, false, false).await;
    let mut client = server.client(1).await;
    let sql = "SELECT n_name FROM nation WHERE n_nationkey = ? AND n_name LIKE ?";
    let mut statement = client.prepare(sql.to_owned(), None).await.unwrap();
    assert_eq!(statement.parameter_schema().unwrap().fields().len(), 2);
    for (key, name) in [(6, "FRANCE"), (22, "RUSSIA")] {
        statement.set_parameters(bound(key, &format!("{}%", &name[..2]))).unwrap();
        let info = statement.execute().await.unwrap();
        let answer = read(&mut client, info).await.unwrap().batch();
        let names: Vec<_> = answer.column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(names, [name]);
    }
    statement.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gives_no_rows_is_carried_out() {
    let server = Server::start(1, false, false).await;
    let mut client = server.client(0).await;
    let create = "CREATE VIEW of_rust AS SELECT n_name FROM nation".to_owned();
    client.execute_update(create, None).await.unwrap();
    let info = client.execute("SELECT * FROM of_rust".to_owned(), None).await.unwrap();
    assert_eq!(read(&mut client, info).await.unwrap().rows(), 25);
}

/// The client tells a status as text, or hands it on.
fn code(error: &FlightError) -> Option<Code> {
    match error {
        FlightError::Tonic(status) => Some(status.code()),
        FlightError::Arrow(ArrowError::ExternalError(error)) => {
            error.downcast_ref::<tonic::Status>().map(tonic::Status::code)
        }
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_has_its_code() {
    let server = Server::start(1, false, false).await;
    let mut client = server.client(0).await;
    for (sql, wanted) in
        [("SELEC 1", Code::InvalidArgument), ("SELECT * FROM nowhere", Code::NotFound)]
    {
        let error = client.execute(sql.to_owned(), None).await.unwrap_err();
        assert_eq!(code(&error), Some(wanted), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_password_or_a_wrong_one_is_refused() {
    let server = Server::start(1, true, true).await;
    let mut client = server.stranger(0).await;
    let refused = client.handshake(USER.0, "wrong").await.unwrap_err();
    assert!(refused.to_string().contains("user or password is wrong"), "{refused}");
    let refused = client.execute("SELECT 1".to_owned(), None).await.unwrap_err();
    assert!(refused.to_string().contains("connect with user and password"), "{refused}");
}
