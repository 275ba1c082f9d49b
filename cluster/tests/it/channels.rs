//! Channels: one per address, tuned, on the runtime they were given, gone with their member.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use squadron_cluster::channels::{
    BoxedIo, Connect, Connector, FRAME_SIZE, SHARED_WINDOW, STREAM_WINDOW,
};
use squadron_cluster::member::{Roles, wire::Greeting};
use squadron_cluster::secret::CallTokens;
use squadron_cluster::{Address, Channels, ClusterSecret, Member, Members};
use tokio::io::{AsyncReadExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tonic::client::Grpc;

use crate::harness::DEADLINE;

fn address(port: u16) -> Address {
    format!("node:{port}").parse().unwrap()
}

fn tokens() -> CallTokens {
    CallTokens::new(&ClusterSecret::random())
}

/// A connector of in-process pipes; hands the other end of each to the test.
struct Pipes {
    made: mpsc::Sender<(Address, DuplexStream)>,
}

impl Pipes {
    fn channels(runtime: Handle) -> (Channels, mpsc::Receiver<(Address, DuplexStream)>) {
        let (made, pipes) = mpsc::channel(8);
        (Channels::new(runtime, Connector::Custom(Arc::new(Self { made })), tokens()), pipes)
    }
}

impl Connect for Pipes {
    fn connect(&self, address: Address) -> BoxFuture<'static, io::Result<BoxedIo>> {
        let made = self.made.clone();
        Box::pin(async move {
            let (near, far) = duplex(1 << 16);
            made.send((address, far)).await.map_err(io::Error::other)?;
            Ok(Box::new(near) as BoxedIo)
        })
    }
}

/// Starts a call on the channel, which makes it connect.
async fn call(channels: &Channels, port: u16) -> tonic::Status {
    let mut client = Grpc::new(channels.get(&address(port)));
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<Greeting, Greeting>::default();
    let request = tonic::Request::new(Greeting::default());
    client.unary(request, "/x/y".parse().unwrap(), codec).await.unwrap_err()
}

/// The settings and the connection window that a client opens with.
async fn opening(pipe: &mut DuplexStream) -> (HashMap<u16, u32>, u32) {
    let mut preface = [0; 24];
    pipe.read_exact(&mut preface).await.unwrap();
    assert_eq!(&preface[..16], b"PRI * HTTP/2.0\r\n");
    let (mut settings, mut window) = (HashMap::new(), 65_535);
    loop {
        let mut head = [0; 9];
        pipe.read_exact(&mut head).await.unwrap();
        let mut body = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        pipe.read_exact(&mut body).await.unwrap();
        match head[3] {
            4 => settings.extend(body.chunks(6).map(|s| {
                (u16::from_be_bytes([s[0], s[1]]), u32::from_be_bytes([s[2], s[3], s[4], s[5]]))
            })),
            8 => window += u32::from_be_bytes([body[0], body[1], body[2], body[3]]),
            _ => return (settings, window),
        }
    }
}

#[tokio::test]
async fn a_connection_opens_with_wide_windows_and_large_frames() {
    let (channels, mut pipes) = Pipes::channels(Handle::current());
    let look = async {
        let (to, mut pipe) = pipes.recv().await.unwrap();
        (to, opening(&mut pipe).await)
    };
    let (_, looked) = tokio::join!(call(&channels, 1), timeout(DEADLINE, look));
    let (to, (settings, window)) = looked.unwrap();
    assert_eq!(to, address(1));
    assert_eq!((settings[&4], settings[&5]), (STREAM_WINDOW, FRAME_SIZE));
    assert_eq!(window, SHARED_WINDOW);
}

#[tokio::test]
async fn an_address_has_one_channel() {
    let (channels, _pipes) = Pipes::channels(Handle::current());
    let _held = [channels.get(&address(1)), channels.get(&address(1)), channels.get(&address(2))];
    assert_eq!(channels.len(), 2);
}

#[tokio::test]
async fn a_separate_set_can_have_narrower_streams() {
    let (channels, mut pipes) = Pipes::channels(Handle::current());
    let narrow = channels.separate_with(1 << 20);
    let look = async { opening(&mut pipes.recv().await.unwrap().1).await };
    let (_, looked) = tokio::join!(call(&narrow, 1), timeout(DEADLINE, look));
    let (settings, window) = looked.unwrap();
    assert_eq!((settings[&4], window), (1 << 20, SHARED_WINDOW));
}

#[tokio::test]
async fn separate_channels_share_nothing() {
    let (channels, _pipes) = Pipes::channels(Handle::current());
    let separate = channels.separate();
    channels.get(&address(1));
    assert!(separate.is_empty());
}

#[test]
fn connections_live_on_the_runtime_that_was_given() {
    let home = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let threads = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&threads);
    let connect = move || seen.lock().push(Handle::current().id());
    let connector = Connector::Custom(Arc::new(Refuse(connect)));
    let channels = Channels::new(home.handle().clone(), connector, tokens());
    // Two runtimes in turn use the channel that the first of them has made, and end.
    for _ in 0..2 {
        let visitor = Builder::new_current_thread().enable_all().build().unwrap();
        visitor.block_on(async { timeout(DEADLINE, call(&channels, 1)).await.unwrap() });
    }
    assert_eq!(*threads.lock(), [home.handle().id(); 2]);
}

/// Looks around and refuses to connect.
struct Refuse<F>(F);

impl<F: Fn() + Clone + Send + Sync + 'static> Connect for Refuse<F> {
    fn connect(&self, _: Address) -> BoxFuture<'static, io::Result<BoxedIo>> {
        let look = self.0.clone();
        Box::pin(async move {
            look();
            Err(io::Error::from(io::ErrorKind::ConnectionRefused))
        })
    }
}

fn member(port: u16, generation: u64) -> Arc<Member> {
    Arc::new(Member {
        node_id: port.to_string(),
        generation,
        version: "1".into(),
        zone: None,
        host: "h".into(),
        roles: Roles::ALL,
        internal: address(port),
        advertised: vec![],
    })
}

/// Follows the change from `before` to `after`; gives how many of three channels are left.
fn left_after(before: &[Arc<Member>], after: &[Arc<Member>], wanted: usize) {
    let runtime: Runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (channels, _pipes) = Pipes::channels(Handle::current());
        let members = Members::alone(member(9, 1)).next(before.iter().cloned()).unwrap();
        let changed = members.next(after.iter().cloned()).unwrap();
        let (publish, members) = watch::channel(Arc::new(members));
        channels.follow(members);
        let _held = [1, 2, 3].map(|port| channels.get(&address(port)));
        publish.send_replace(Arc::new(changed));
        let dropped = async {
            while channels.len() != wanted {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, dropped).await.expect("the channel is dropped");
    });
}

#[test]
fn the_channel_of_a_member_that_leaves_is_dropped() {
    left_after(&[member(1, 1), member(2, 1)], &[member(2, 1)], 2);
}

#[test]
fn the_channel_of_a_restarted_member_is_dropped() {
    left_after(&[member(1, 1), member(2, 1)], &[member(1, 1), member(2, 2)], 2);
}

#[tokio::test]
async fn following_ends_with_the_channels() {
    let (channels, _pipes) = Pipes::channels(Handle::current());
    let (publish, members) = watch::channel(Arc::new(Members::alone(member(9, 1))));
    channels.follow(members);
    drop(channels);
    timeout(DEADLINE, publish.closed()).await.expect("nobody follows any more");
}
