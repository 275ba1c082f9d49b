//! Connecting: credentials, headers, cookies, TLS, and what is said when nothing answers.

use super::testing::{End, FakeNode, info, numbers, numbers_schema};
use super::*;
use futures::TryStreamExt;
use tokio::io::AsyncWriteExt;

/// `me:secret` in base64.
const BASIC: &str = "Basic bWU6c2VjcmV0";

fn password(password: &str) -> ClientOptions {
    let (user, password) = ("me".to_owned(), password.to_owned());
    let credentials = Credentials::Password { user, password };
    ClientOptions { credentials, ..Default::default() }
}

fn protected() -> FakeNode {
    let node = FakeNode::start();
    node.demand_password(BASIC);
    node.part("t", numbers(&[&[1]], End::Ok));
    node.answer("q", Ok(info(&numbers_schema(), &[("t", &[])])));
    node
}

async fn read(client: &FlightSqlClient) {
    let info = client.execute("q").await.unwrap();
    let stream = client.read_all(&info, ReadOptions::default()).unwrap();
    stream.try_collect::<Vec<_>>().await.unwrap();
}

#[tokio::test]
async fn a_minted_token_and_cookies_go_with_every_call() {
    let node = protected();
    read(&FlightSqlClient::connect_with(&node.uri(), password("secret")).await.unwrap()).await;
    for method in ["GetFlightInfo", "DoGet"] {
        let sent = |name| node.headers(method, name).remove(0);
        assert_eq!(sent("authorization").as_deref(), Some("Bearer minted"));
        assert_eq!(sent("cookie").as_deref(), Some("session=7"));
    }
}

#[tokio::test]
async fn a_wrong_password_is_the_servers_error() {
    let node = protected();
    let refused = FlightSqlClient::connect_with(&node.uri(), password("wrong")).await;
    assert_eq!(refused.err().unwrap().to_string(), "UNAUTHENTICATED: wrong user or password");
}

#[tokio::test]
async fn a_token_is_sent_as_it_is() {
    let node = protected();
    let credentials = Credentials::Token("t0ken".to_owned());
    let options = ClientOptions { credentials, ..Default::default() };
    read(&FlightSqlClient::connect_with(&node.uri(), options).await.unwrap()).await;
    let sent = node.headers("GetFlightInfo", "authorization").remove(0);
    assert_eq!(sent.as_deref(), Some("Bearer t0ken"));
}

#[tokio::test]
async fn headers_go_with_every_call_from_when_they_are_set() {
    let node = protected();
    let client = FlightSqlClient::connect(&node.uri()).await.unwrap();
    client.set_header("Squadron-Endpoints", "one").unwrap();
    read(&client).await;
    let sent = node.headers("DoGet", "squadron-endpoints").remove(0);
    assert_eq!(sent.as_deref(), Some("one"));
}

#[tokio::test]
async fn nothing_listening_is_told_with_the_address() {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = FlightSqlClient::connect(&address.to_string()).await.err().unwrap();
    let told = error.to_string();
    assert!(told.starts_with(&format!("cannot connect to grpc+tcp://{address}: ")), "{told}");
    assert!(told.contains("refused"), "{told}");
}

/// A web server, or a node with TLS: it takes the connection and makes no sense of HTTP/2.
#[tokio::test]
async fn something_else_listening_is_no_connection_either() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = listener.local_addr().unwrap().to_string();
    let answer = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        socket
    };
    let (connected, _socket) = tokio::join!(FlightSqlClient::connect(&uri), answer);
    assert!(matches!(connected.err(), Some(ClientError::Connect { .. })));
}

#[tokio::test]
async fn cancel_reaches_the_server() {
    let node = protected();
    let client = FlightSqlClient::connect(&node.uri()).await.unwrap();
    client.cancel(client.execute("q").await.unwrap()).await.unwrap();
    assert_eq!(node.headers("CancelFlightInfo", "user-agent").len(), 1);
}

mod tls {
    use super::*;
    use tonic::transport::{Identity, Server, ServerTlsConfig};

    /// Made for these tests with `openssl req -x509`, for `localhost`, valid for a hundred years.
    const CERTIFICATE: &str = include_str!("testing/localhost.pem");
    const KEY: &str = include_str!("testing/localhost.key.pem");

    fn node() -> FakeNode {
        let identity = Identity::from_pem(CERTIFICATE, KEY);
        squadron_cluster::tls::choose_provider();
        let config = ServerTlsConfig::new().identity(identity);
        FakeNode::serve(Server::builder().tls_config(config).unwrap())
    }

    fn trusting(pem: Option<&str>) -> ClientOptions {
        let tls_ca = pem.map(|pem| pem.as_bytes().to_vec());
        let transport = TransportOptions { tls_ca, ..Default::default() };
        ClientOptions { transport, ..Default::default() }
    }

    #[tokio::test]
    async fn a_given_certificate_is_trusted_for_calls_and_locations() {
        let node = node();
        let uri = format!("grpc+tls://localhost:{}", node.port());
        node.part("t", numbers(&[&[1]], End::Ok));
        node.answer("q", Ok(info(&numbers_schema(), &[("t", &[&uri])])));
        let options = trusting(Some(CERTIFICATE));
        read(&FlightSqlClient::connect_with(&uri, options).await.unwrap()).await;
    }

    #[tokio::test]
    async fn an_unknown_certificate_is_refused() {
        let node = node();
        let uri = format!("flightsql://localhost:{}", node.port());
        let refused = FlightSqlClient::connect_with(&uri, trusting(None)).await.err().unwrap();
        assert!(refused.to_string().contains("certificate"), "{refused}");
    }

    #[tokio::test]
    async fn a_token_does_not_leave_for_a_plaintext_location() {
        let node = node();
        let plain = FakeNode::start();
        node.answer("q", Ok(info(&numbers_schema(), &[("t", &[&plain.uri()])])));
        let mut options = trusting(Some(CERTIFICATE));
        options.credentials = Credentials::Token("t0ken".to_owned());
        let uri = format!("grpc+tls://localhost:{}", node.port());
        let client = FlightSqlClient::connect_with(&uri, options).await.unwrap();
        let info = client.execute("q").await.unwrap();
        let stream = client.read_all(&info, ReadOptions::default()).unwrap();
        let error = stream.try_collect::<Vec<_>>().await.unwrap_err();
        assert!(error.to_string().contains("not encrypted"), "{error}");
        assert!(plain.headers("DoGet", "authorization").is_empty());
    }
}
