//! The internal port takes nothing from whoever lacks the cluster secret.

use std::net::SocketAddr;

use http::HeaderValue;
use squadron_cluster::ClusterSecret;
use squadron_cluster::member::wire::Greeting;
use squadron_cluster::secret::{CallTokens, HEADER};
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::harness::{FixedGround, Ground, Node, once};

fn port() -> (Node, SocketAddr) {
    let ground = FixedGround::new(1, once());
    let node = ground.start(0);
    let address = node.membership.myself().internal.to_string().parse().unwrap();
    (node, address)
}

/// Calls `path` on the internal port with these headers.
async fn call(address: SocketAddr, path: &'static str, tokens: &[HeaderValue]) -> Status {
    let channel = Channel::builder(format!("http://{address}").parse().unwrap()).connect_lazy();
    let mut client = Grpc::new(channel);
    client.ready().await.unwrap();
    let mut request = Request::new(Greeting::default());
    for token in tokens {
        let value = MetadataValue::try_from(token.as_bytes()).unwrap();
        request.metadata_mut().append(HEADER, value);
    }
    let codec = tonic_prost::ProstCodec::<Greeting, Greeting>::default();
    client.unary(request, path.parse().unwrap(), codec).await.unwrap_err()
}

const HELLO: &str = "/squadron.cluster.v1.Membership/Hello";

async fn check_refused(tokens: &[HeaderValue], reason: &str) {
    let (_node, address) = port();
    for path in [HELLO, "/squadron.cluster.v1.Nothing/There"] {
        let status = call(address, path, tokens).await;
        assert_eq!(status.code(), Code::Unauthenticated);
        let message = status.message();
        assert!(message.starts_with(reason), "{message}");
        assert!(message.contains("internal port") && message.contains("--cluster-secret-file"));
    }
}

#[tokio::test]
async fn a_call_without_a_token_is_refused() {
    check_refused(&[], "the call carries no token").await;
}

#[tokio::test]
async fn a_call_with_a_garbled_token_is_refused() {
    check_refused(&[HeaderValue::from_static("open sesame")], "the token is garbled").await;
}

#[tokio::test]
async fn a_call_with_the_token_of_another_cluster_is_refused() {
    let foreign = CallTokens::new(&ClusterSecret::random()).current();
    check_refused(&[foreign], "the token was made with another secret").await;
}

#[tokio::test]
async fn a_call_with_two_tokens_is_refused() {
    let token = HeaderValue::from_static("1");
    check_refused(&[token.clone(), token], "the call carries several tokens").await;
}

#[tokio::test]
async fn a_call_with_a_good_token_reaches_the_service() {
    let ground = FixedGround::new(1, once());
    let secret = ClusterSecret::random();
    let node = ground.start_with(0, &secret, |_| {});
    let address = node.membership.myself().internal.to_string().parse().unwrap();
    let token = [CallTokens::new(&secret).current()];
    let empty = call(address, HELLO, &token).await;
    assert_eq!(empty.code(), Code::InvalidArgument, "{empty}");
    assert!(empty.message().contains("does not say who is speaking"));
    let nothing = call(address, "/squadron.cluster.v1.Nothing/There", &token).await;
    assert_eq!(nothing.code(), Code::Unimplemented);
}
