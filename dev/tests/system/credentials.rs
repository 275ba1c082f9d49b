//! Who may call: nobody without a password or a token, with either everybody at every node, and each user in
//! their own sessions and results only.

use std::time::{Duration, Instant};

use arrow_flight::{Criteria, Empty, FlightData, HandshakeRequest, Ticket};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use futures::stream;
use squadron_dev::answer::ask;
use squadron_dev::cluster::{ClusterOptions, TestCluster, write_users};
use squadron_dev::fixtures;
use squadron_dev::wait::wait_until;
use squadron_dev::wire::{Wire, statement, tickets};
use squadron_server::client::{ClientOptions, Credentials, FlightSqlClient};
use tonic::{Code, Status};

const NODES: usize = 3;
const COUNT: &str = "select count(*) from lineitem";
const USERS: [(&str, &str); 2] = [("alice", "a:ü"), ("bob", "b")];
const SOON: Duration = Duration::from_secs(20);

async fn cluster() -> TestCluster {
    ClusterOptions::new(NODES).data(fixtures::tpch()).users(&USERS).start().await
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

async fn wire(cluster: &TestCluster, node: usize, authorization: &str) -> Wire {
    let wire = Wire::connect(&cluster.uri(node)).await.unwrap();
    wire.header("authorization", authorization)
}

/// What a Handshake with these credentials gives: `Bearer …`.
async fn token(cluster: &TestCluster, node: usize, authorization: &str) -> Result<String, Status> {
    let mut wire = wire(cluster, node, authorization).await;
    let request = wire.request(stream::iter(Vec::<HandshakeRequest>::new()));
    let answer = wire.service().handshake(request).await?;
    let token = answer.metadata().get("authorization").expect("a token");
    Ok(token.to_str().unwrap().to_owned())
}

async fn alice(cluster: &TestCluster, node: usize) -> String {
    token(cluster, node, &basic("alice", "a:ü")).await.unwrap()
}

/// All rows of a statement, by one node.
async fn rows(wire: &mut Wire, sql: &str) -> Result<usize, Status> {
    let info = wire.execute(sql).await?;
    let mut messages = 0;
    for ticket in tickets(&info) {
        messages += wire.get(&ticket).await?.len();
    }
    Ok(messages)
}

/// Calls every method there is; gives what each was refused with.
async fn call_all(mut wire: Wire) -> Vec<(&'static str, Option<Status>)> {
    let descriptor = statement("select 1");
    let info = wire.request(descriptor.clone());
    let info = wire.service().get_flight_info(info).await.err();
    let schema = wire.request(descriptor.clone());
    let schema = wire.service().get_schema(schema).await.err();
    let poll = wire.request(descriptor);
    let poll = wire.service().poll_flight_info(poll).await.err();
    let flights = wire.request(Criteria::default());
    let flights = wire.service().list_flights(flights).await.err();
    let actions = wire.request(Empty {});
    let actions = wire.service().list_actions(actions).await.err();
    let hello = wire.request(stream::iter([HandshakeRequest::default()]));
    let hello = wire.service().handshake(hello).await.err();
    let exchange = wire.request(stream::iter([FlightData::default()]));
    let exchange = wire.service().do_exchange(exchange).await.err();
    let get = wire.request(Ticket { ticket: vec![1].into() });
    let get = wire.service().do_get(get).await.err();
    let put = wire.put(vec![FlightData::default()]).await.err();
    let act = wire.act("GetSessionOptions", Vec::new()).await.err();
    vec![
        ("GetFlightInfo", info),
        ("GetSchema", schema),
        ("PollFlightInfo", poll),
        ("ListFlights", flights),
        ("ListActions", actions),
        ("Handshake", hello),
        ("DoExchange", exchange),
        ("DoGet", get),
        ("DoPut", put),
        ("DoAction", act),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_method_answers_who_cannot_say_who_they_are() {
    let cluster = cluster().await;
    let plain = Wire::connect(&cluster.uri(0)).await.unwrap();
    let none = "connect with user and password";
    for (brought, why) in [
        (None, none),
        (Some("Bearer None".to_owned()), none),
        (Some(basic("alice", "b")), "user or password is wrong"),
        (Some(basic("carol", "a:ü")), "user or password is wrong"),
        (Some("Bearer squadron.x.y".to_owned()), "not one of this cluster"),
        (Some("Digest x".to_owned()), "Basic or Bearer"),
    ] {
        let wire = match &brought {
            Some(brought) => plain.header("authorization", brought),
            None => plain.clone(),
        };
        for (method, refused) in call_all(wire).await {
            let refused = refused.unwrap_or_else(|| panic!("{method} answers {brought:?}"));
            assert_eq!(refused.code(), Code::Unauthenticated, "{method}: {refused}");
            assert!(refused.message().contains(why), "{method}: {refused}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_a_header_of_ours_proves_nothing() {
    let cluster = cluster().await;
    let plain = Wire::connect(&cluster.uri(0)).await.unwrap();
    let claims =
        plain.header("x-squadron-principal", "alice").header("x-squadron-passed-on", "true");
    for (method, refused) in call_all(claims).await {
        assert_eq!(refused.map(|it| it.code()), Some(Code::Unauthenticated), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_good_for_a_token_or_on_every_call() {
    let cluster = cluster().await;
    let unpadded = format!("Basic {}", BASE64_STANDARD_NO_PAD.encode("alice:a:ü"));
    assert!(basic("alice", "a:ü").ends_with('=') && !unpadded.ends_with('='));
    for password in [basic("alice", "a:ü"), unpadded] {
        rows(&mut wire(&cluster, 1, &password).await, COUNT).await.unwrap();
        let token = token(&cluster, 0, &password).await.unwrap();
        rows(&mut wire(&cluster, 0, &token).await, COUNT).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_node_is_good_at_all() {
    let cluster = cluster().await;
    let token = alice(&cluster, 0).await;
    for node in 0..NODES {
        rows(&mut wire(&cluster, node, &token).await, COUNT).await.unwrap();
    }
}

/// Tableau and others have no place for a token.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_stands_in_for_a_password() {
    let cluster = cluster().await;
    let first = alice(&cluster, 0).await;
    let bare = first.strip_prefix("Bearer ").unwrap();
    for user in ["", "token", "alice"] {
        let again = token(&cluster, 1, &basic(user, bare)).await.unwrap();
        rows(&mut wire(&cluster, 2, &again).await, "select 1").await.unwrap();
    }
    let refused = token(&cluster, 1, &basic("bob", bare)).await.unwrap_err();
    assert!(refused.message().contains("not given to user \"bob\""), "{refused}");
}

/// Whoever closes its connection leaves the session to the others of its token, and the token is good for another.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_a_token_is_that_of_all_its_connections() {
    let cluster = cluster().await;
    let token = alice(&cluster, 0).await;
    let endpoints = async |wire: &mut Wire| wire.execute("select 1").await.unwrap().endpoint.len();
    let (mut one, mut other) = (wire(&cluster, 1, &token).await, wire(&cluster, 2, &token).await);
    rows(&mut one, "set squadron.endpoints = 'all'").await.unwrap();
    assert_eq!(endpoints(&mut other).await, NODES);
    let read = one.execute("select n_name from nation").await.unwrap();
    other.act("CloseSession", Vec::new()).await.unwrap();
    assert_eq!(endpoints(&mut one).await, NODES);
    for ticket in tickets(&read) {
        one.get(&ticket).await.unwrap();
    }
    one.act("CloseSession", Vec::new()).await.unwrap();
    for node in 0..NODES {
        let mut anew = wire(&cluster, node, &token).await;
        rows(&mut anew, "set squadron.endpoints = 'one'").await.unwrap();
        assert_eq!(endpoints(&mut anew).await, 1);
        rows(&mut anew, "set squadron.endpoints = 'all'").await.unwrap();
        assert_eq!(endpoints(&mut one).await, NODES, "set at {node}");
    }
}

/// The client sends its token along to every endpoint, as drivers do.
#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_takes_the_token() {
    let cluster = cluster().await;
    let (user, password) = (USERS[0].0.to_owned(), USERS[0].1.to_owned());
    let options = ClientOptions {
        credentials: Credentials::Password { user, password },
        headers: vec![("squadron-execution-mode".into(), "distributed".into())],
        ..Default::default()
    };
    let client = FlightSqlClient::connect_with(&cluster.uri(0), options).await.unwrap();
    let answer = ask(&client, "select l_orderkey from lineitem").await.unwrap();
    assert_eq!(answer.endpoints.len(), NODES);
    assert_eq!(answer.rows(), 60_175);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_follow_a_token_to_every_node_and_no_other_user() {
    let cluster = cluster().await;
    let token = alice(&cluster, 0).await;
    rows(&mut wire(&cluster, 1, &token).await, "set squadron.endpoints = 'all'").await.unwrap();
    for node in 0..NODES {
        let info = wire(&cluster, node, &token).await.execute("select 1").await.unwrap();
        assert_eq!(info.endpoint.len(), NODES);
    }
    let mut shared = Wire::connect(&cluster.uri(0)).await.unwrap();
    let (mut alice, mut bob) = (
        shared.header("authorization", &basic("alice", "a:ü")),
        shared.header("authorization", &basic("bob", "b")),
    );
    rows(&mut alice, "set squadron.endpoints = 'all'").await.unwrap();
    assert_eq!(alice.execute("select 1").await.unwrap().endpoint.len(), NODES);
    assert_eq!(bob.execute("select 1").await.unwrap().endpoint.len(), 1, "on one connection");
    shared.execute("select 1").await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cookie_of_another_user_is_refused() {
    let cluster = cluster().await;
    let mut mine = wire(&cluster, 0, &basic("alice", "a:ü")).await;
    let action = mine.request(arrow_flight::Action::new("SetSessionOptions", Vec::new()));
    let answer = mine.service().do_action(action).await.unwrap();
    let cookie = answer.metadata().get("set-cookie").expect("a cookie").to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap();
    mine.header("cookie", cookie).execute("select 1").await.unwrap();
    for node in 0..NODES {
        let bob = wire(&cluster, node, &basic("bob", "b")).await.header("cookie", cookie);
        let refused = bob.clone().execute("select 1").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_is_read_by_the_one_who_asked() {
    let cluster = cluster().await;
    let mut mine = wire(&cluster, 0, &basic("alice", "a:ü")).await;
    let info = mine.execute(COUNT).await.unwrap();
    let ticket = &tickets(&info)[0];
    for node in 0..NODES {
        let refused = wire(&cluster, node, &basic("bob", "b")).await.get(ticket).await.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused}");
    }
    mine.get(ticket).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_is_taken_out_is_out_at_every_node() {
    let cluster = cluster().await;
    let tokens = [alice(&cluster, 0).await, basic("alice", "a:ü")];
    write_users(&cluster.users_file(), &[("bob", "b"), ("alice", "another")]).unwrap();
    for node in 0..NODES {
        for brought in &tokens {
            let mut wire = wire(&cluster, node, brought).await;
            wait_until("the change is seen", SOON, async || {
                let refused = wire.execute("select 1").await.err();
                refused.is_some_and(|refused| refused.code() == Code::Unauthenticated)
            })
            .await;
        }
        rows(&mut wire(&cluster, node, &basic("alice", "another")).await, "select 1")
            .await
            .unwrap();
    }
}

/// JDBC keeps its first token for ever, and reads from other nodes than the one that gave it.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_in_use_stays_good_and_an_idle_one_ends() {
    const LIFETIME: Duration = Duration::from_secs(4);
    let options = ClusterOptions::new(NODES).users(&USERS);
    let options = options.adjust(|_, args| args.token_lifetime = Some("4s".into()));
    let cluster = options.start().await;
    let (used, idle) = (alice(&cluster, 0).await, alice(&cluster, 0).await);
    let began = Instant::now();
    let mut elsewhere = wire(&cluster, 1, &used).await;
    // Three times as long as one that nobody uses is good, by a node that has not made it.
    wait_until("time passes", SOON, async || {
        elsewhere.execute("select 1").await.unwrap();
        began.elapsed() > 3 * LIFETIME
    })
    .await;
    for node in 0..NODES {
        // A node that has never seen it asks the one that made it.
        wire(&cluster, node, &used).await.execute("select 1").await.unwrap();
        let refused = wire(&cluster, node, &idle).await.execute("select 1").await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        assert!(refused.message().contains("was not used for 4s"), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_new_tokens_is_given_one_in_time() {
    let options = ClusterOptions::new(1).users(&USERS);
    let options = options.adjust(|_, args| args.token_lifetime = Some("4s".into()));
    let cluster = options.start().await;
    let token = alice(&cluster, 0).await;
    let mut wire = wire(&cluster, 0, &token).await;
    let mut fresh = None;
    wait_until("a new token", SOON, async || {
        let request = wire.request(Empty {});
        let answer = wire.service().list_actions(request).await.unwrap();
        fresh = answer.metadata().get("authorization").map(|it| it.to_str().unwrap().to_owned());
        fresh.is_some()
    })
    .await;
    let fresh = fresh.unwrap();
    assert_ne!(fresh, token);
    let mut anew = Wire::connect(&cluster.uri(0)).await.unwrap().header("authorization", &fresh);
    anew.execute("select 1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_is_let_in_where_that_is_meant() {
    let options = ClusterOptions::new(1).users(&USERS);
    let options = options.adjust(|_, args| args.allow_anonymous = Some(true));
    let cluster = options.start().await;
    let mut nobody = Wire::connect(&cluster.uri(0)).await.unwrap();
    nobody.execute("select 1").await.unwrap();
    nobody.header("authorization", "Bearer None").execute("select 1").await.unwrap();
    let wrong = nobody.header("authorization", &basic("alice", "b")).execute("select 1").await;
    assert_eq!(wrong.unwrap_err().code(), Code::Unauthenticated, "a wrong password is not nothing");
}
