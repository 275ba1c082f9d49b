//! Clients' connections: encrypted where there are certificates, which may change at any time, and clients' own
//! where they are asked for.

use std::fs;
use std::time::Duration;

use squadron_dev::answer::ask;
use squadron_dev::authority::{self, Identity, files_in};
use squadron_dev::cluster::{ClusterOptions, TestCluster};
use squadron_dev::fixtures;
use squadron_dev::wait::wait_until;
use squadron_dev::wire::locations;
use squadron_server::client::{
    ClientError, ClientOptions, Credentials, FlightSqlClient, TransportOptions,
};
use squadron_server::config::TlsFiles;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tonic::Code;

const NODES: usize = 3;
const HOST: &str = "127.0.0.1";
const SOON: Duration = Duration::from_secs(20);
const SCAN: &str = "select l_orderkey from lineitem";
const ROWS: usize = 60_175;

/// An authority for a test, and the files that it fills.
struct Authority {
    authority: authority::Authority,
    folder: TempDir,
}

impl Authority {
    fn new() -> Self {
        let authority = authority::Authority::new().unwrap();
        Self { authority, folder: tempfile::tempdir().unwrap() }
    }

    /// A certificate of this name for this machine.
    fn issue(&self, name: &str) -> Identity {
        self.authority.issue(name, HOST).unwrap()
    }

    /// The files of a server whose certificate this authority has signed.
    fn files(&self) -> TlsFiles {
        let files = files_in(self.folder.path());
        self.renew(&files);
        files
    }

    /// Those of one that asks for clients' certificates of this authority.
    fn files_with_clients(&self) -> TlsFiles {
        let ca = self.folder.path().join("ca");
        fs::write(&ca, self.authority.pem()).unwrap();
        TlsFiles { client_ca: Some(ca), ..self.files() }
    }

    /// Writes another certificate, of this authority, into these files.
    fn renew(&self, files: &TlsFiles) {
        self.authority.write(files, HOST).unwrap();
    }

    /// How a client connects that trusts this authority.
    fn trusted(&self, identity: Option<Identity>) -> ClientOptions {
        let tls_ca = Some(self.authority.pem().into());
        let transport = TransportOptions { tls_ca, tls_identity: identity, ..Default::default() };
        let headers = vec![("squadron-execution-mode".into(), "distributed".into())];
        ClientOptions { transport, headers, ..Default::default() }
    }
}

async fn cluster(nodes: usize, files: &TlsFiles) -> TestCluster {
    ClusterOptions::new(nodes).data(fixtures::tpch()).tls(files).start().await
}

async fn connect(
    cluster: &TestCluster,
    node: usize,
    options: ClientOptions,
) -> Result<FlightSqlClient, ClientError> {
    FlightSqlClient::connect_with(&cluster.uri(node), options).await
}

fn code(error: &ClientError) -> Option<Code> {
    match error {
        ClientError::Server(status) => Some(status.code()),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_is_read_over_tls() {
    let authority = Authority::new();
    let cluster = cluster(NODES, &authority.files()).await;
    for node in 0..NODES {
        let client = connect(&cluster, node, authority.trusted(None)).await.unwrap();
        let answer = ask(&client, SCAN).await.unwrap();
        assert_eq!((answer.rows(), answer.endpoints.len()), (ROWS, NODES));
        let mut all = locations(&answer.info).into_iter().flatten();
        assert!(all.all(|location| location.starts_with("grpc+tls://")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_no_tls_or_trusts_another_is_not_served() {
    let (authority, other) = (Authority::new(), Authority::new());
    let cluster = cluster(1, &authority.files()).await;
    connect(&cluster, 0, other.trusted(None)).await.err().expect("it is not trusted");
    let plain = cluster.uri(0).replace("grpc+tls", "grpc+tcp");
    FlightSqlClient::connect(&plain).await.err().expect("it speaks no TLS");
    connect(&cluster, 0, authority.trusted(None)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_change_while_clients_are_served() {
    let (authority, other) = (Authority::new(), Authority::new());
    let files = authority.files();
    let cluster = cluster(NODES, &files).await;
    let before = connect(&cluster, 0, authority.trusted(None)).await.unwrap();
    assert_eq!(ask(&before, SCAN).await.unwrap().rows(), ROWS);
    other.renew(&files);
    for node in 0..NODES {
        wait_until("the new certificate is shown", SOON, async || {
            connect(&cluster, node, other.trusted(None)).await.is_ok()
        })
        .await;
    }
    connect(&cluster, 0, authority.trusted(None)).await.err().expect("the old one is gone");
    assert_eq!(ask(&before, SCAN).await.unwrap().rows(), ROWS, "on connections that were there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_a_certificate_is_refused_where_they_are_asked_for() {
    let (authority, other) = (Authority::new(), Authority::new());
    let cluster = cluster(1, &authority.files_with_clients()).await;
    for identity in [None, Some(other.issue("mallory"))] {
        let options = authority.trusted(identity);
        let client = connect(&cluster, 0, options).await;
        let served = match client {
            Ok(client) => ask(&client, "select 1").await.is_ok(),
            Err(_) => false,
        };
        assert!(!served);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_says_who_its_client_is() {
    let authority = Authority::new();
    let cluster = cluster(NODES, &authority.files_with_clients()).await;
    let user = |name: &str| authority.trusted(Some(authority.issue(name)));
    let alice = connect(&cluster, 0, user("alice")).await.unwrap();
    let answer = ask(&alice, SCAN).await.unwrap();
    assert_eq!((answer.rows(), answer.endpoints.len()), (ROWS, NODES));
    let bob = connect(&cluster, 0, user("bob")).await.unwrap();
    let refused = squadron_dev::answer::read(&bob, answer.info.clone()).await.unwrap_err();
    assert_eq!(code(&refused), Some(Code::PermissionDenied), "{refused}");
    let again = connect(&cluster, 1, user("alice")).await.unwrap();
    assert_eq!(squadron_dev::answer::read(&again, answer.info).await.unwrap().rows(), ROWS);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_users_a_certificate_is_no_password() {
    let authority = Authority::new();
    let files = authority.files_with_clients();
    let cluster = ClusterOptions::new(1).tls(&files).users(&[("alice", "a")]).start().await;
    let certified = authority.trusted(Some(authority.issue("alice")));
    let client = connect(&cluster, 0, certified.clone()).await.unwrap();
    let refused = ask(&client, "select 1").await.unwrap_err();
    assert_eq!(code(&refused), Some(Code::Unauthenticated), "{refused}");
    let credentials = Credentials::Password { user: "alice".into(), password: "a".into() };
    let client = connect(&cluster, 0, ClientOptions { credentials, ..certified }).await.unwrap();
    ask(&client, "select 1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_holds_up_nobody_and_is_let_go() {
    let authority = Authority::new();
    let cluster = cluster(1, &authority.files()).await;
    let address = cluster.node(0).flight().to_string();
    let mut silent = TcpStream::connect(&address).await.unwrap();
    let client = connect(&cluster, 0, authority.trusted(None)).await.unwrap();
    ask(&client, "select 1").await.unwrap();
    let read = tokio::time::timeout(SOON, silent.read(&mut [0; 1])).await.expect("it is let go");
    assert_eq!(read.unwrap_or(0), 0);
}
