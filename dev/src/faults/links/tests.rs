//! The proxy itself, with this process at both ends.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::*;

/// Long for a byte on loopback, short for a test.
const MOMENT: Duration = Duration::from_millis(300);

struct Ends {
    links: Links,
    target: TcpListener,
}

/// Two nodes, and this process plays the first: it dials the second.
async fn ends() -> Ends {
    let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = target.local_addr().unwrap().to_string();
    let nobody = "127.0.0.1:9".to_owned();
    let links = Links::between([nobody, address].into_iter()).await.unwrap();
    links.owned_by(0, std::process::id());
    Ends { links, target }
}

impl Ends {
    async fn connected(&self) -> (TcpStream, TcpStream) {
        let dialled = TcpStream::connect(self.links.address(1)).await.unwrap();
        let (accepted, _) = self.target.accept().await.unwrap();
        (dialled, accepted)
    }
}

async fn say(socket: &mut TcpStream, word: u8) {
    socket.write_all(&[word]).await.unwrap();
}

async fn hear(socket: &mut TcpStream) -> Option<u8> {
    timeout(MOMENT, socket.read_u8()).await.ok().map(Result::unwrap)
}

#[tokio::test]
async fn bytes_pass_both_ways() {
    let ends = ends().await;
    let (mut here, mut there) = ends.connected().await;
    say(&mut here, 1).await;
    assert_eq!(hear(&mut there).await, Some(1));
    say(&mut there, 2).await;
    assert_eq!(hear(&mut here).await, Some(2));
}

#[tokio::test]
async fn silence_is_of_one_direction_and_what_was_said_comes_later() {
    let ends = ends().await;
    let (mut here, mut there) = ends.connected().await;
    ends.links.set(0, 1, Flow::Silent);
    say(&mut here, 1).await;
    assert_eq!(hear(&mut there).await, None);
    say(&mut there, 2).await;
    assert_eq!(hear(&mut here).await, Some(2));
    ends.links.heal();
    assert_eq!(hear(&mut there).await, Some(1));
}

#[tokio::test]
async fn nobody_hears_of_an_end_in_silence() {
    let ends = ends().await;
    let (here, mut there) = ends.connected().await;
    ends.links.set(0, 1, Flow::Silent);
    drop(here);
    assert_eq!(hear(&mut there).await, None);
    ends.links.heal();
    assert!(timeout(MOMENT, there.read_u8()).await.unwrap().is_err());
}

#[tokio::test]
async fn a_cut_is_a_reset_for_connections_old_and_new() {
    let ends = ends().await;
    let (mut here, mut there) = ends.connected().await;
    // What has passed bytes is connected on the proxy's side too.
    say(&mut here, 1).await;
    assert_eq!(hear(&mut there).await, Some(1));
    ends.links.set(1, 0, Flow::Cut);
    for socket in [&mut here, &mut there] {
        let error = timeout(MOMENT, socket.read_u8()).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    }
    let mut new = TcpStream::connect(ends.links.address(1)).await.unwrap();
    assert!(timeout(MOMENT, new.read_u8()).await.unwrap().is_err());
    ends.links.heal();
    ends.connected().await;
}

#[tokio::test]
async fn a_slow_link_is_late() {
    let ends = ends().await;
    let (mut here, mut there) = ends.connected().await;
    ends.links.set(0, 1, Flow::Slow(MOMENT / 3));
    let said = std::time::Instant::now();
    say(&mut here, 1).await;
    assert_eq!(hear(&mut there).await, Some(1));
    assert!(said.elapsed() >= MOMENT / 3);
}

#[tokio::test]
async fn a_stranger_is_not_let_through() {
    let ends = ends().await;
    ends.links.owned_by(0, 0);
    let mut stranger = TcpStream::connect(ends.links.address(1)).await.unwrap();
    assert!(timeout(MOMENT, stranger.read_u8()).await.unwrap().is_err());
}
