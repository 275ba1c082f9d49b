//! One connection between two nodes, as the flows of its two directions let it be.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::Flow;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

/// Chunks on their way in one direction; then whoever speaks waits, as behind a full window.
const CHUNKS: usize = 64;

type Switch = watch::Receiver<Flow>;

/// Passes on what comes until both sides have closed, or the link is cut: then both see a reset.
pub(super) async fn connect(mut from: TcpStream, target: SocketAddr, there: Switch, back: Switch) {
    let (cut_there, cut_back) = (is_cut(there.clone()), is_cut(back.clone()));
    let mut to = None;
    tokio::select! {
        biased;
        () = cut_there => {}
        () = cut_back => {}
        () = passing(&mut from, &mut to, target, there, back) => return,
    }
    reset(&from);
    to.iter().for_each(reset);
}

async fn passing(
    from: &mut TcpStream,
    to: &mut Option<TcpStream>,
    target: SocketAddr,
    mut there: Switch,
    back: Switch,
) {
    // While nothing gets there, not even the wish to connect does.
    if pass(&mut there, Instant::now()).await.is_err() {
        return;
    }
    let Ok(connected) = TcpStream::connect(target).await else { return reset(from) };
    let to = to.insert(connected);
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    let ((read_from, write_from), (read_to, write_to)) = (from.split(), to.split());
    tokio::join!(one_way(read_from, write_to, there), one_way(read_to, write_from, back));
}

/// One direction to its end. A side that is gone ends what is said to it, but what it has said before
/// still passes, when it may.
async fn one_way(reader: impl AsyncRead + Unpin, writer: impl AsyncWrite + Unpin, flow: Switch) {
    let (sender, receiver) = mpsc::channel(CHUNKS);
    tokio::join!(read(reader, sender), write(writer, receiver, flow));
}

/// When it was said and what; nothing is the end.
type Said = (Instant, Vec<u8>);

async fn read(mut reader: impl AsyncRead + Unpin, said: mpsc::Sender<Said>) {
    loop {
        let mut chunk = vec![0; CHUNK];
        let bytes = tokio::select! {
            bytes = reader.read(&mut chunk) => bytes.unwrap_or(0),
            () = said.closed() => return,
        };
        chunk.truncate(bytes);
        if said.send((Instant::now(), chunk)).await.is_err() || bytes == 0 {
            return;
        }
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut said: mpsc::Receiver<Said>,
    mut flow: Switch,
) {
    while let Some((at, mut chunk)) = said.recv().await {
        if pass(&mut flow, at).await.is_err() {
            return;
        }
        if *flow.borrow() == Flow::Garbled {
            garble(&mut chunk);
        }
        let written = match chunk.is_empty() {
            true => writer.shutdown().await,
            false => writer.write_all(&chunk).await,
        };
        if written.is_err() {
            return;
        }
    }
}

/// Changes a bit in the middle of what is more than a greeting or a sign of life.
fn garble(chunk: &mut [u8]) {
    const LARGE: usize = 1 << 10;
    let middle = chunk.len() / 2;
    if let Some(byte) = chunk.get_mut(middle).filter(|_| middle >= LARGE / 2) {
        *byte ^= 1;
    }
}

/// Waits until what was said at `at` may pass. An error when it never will.
async fn pass(flow: &mut Switch, at: Instant) -> Result<(), watch::error::RecvError> {
    loop {
        let now = *flow.borrow_and_update();
        match now {
            Flow::Open | Flow::Garbled => return Ok(()),
            Flow::Slow(by) => {
                sleep_until(at + by).await;
                return Ok(());
            }
            Flow::Silent | Flow::Cut => flow.changed().await?,
        }
    }
}

async fn is_cut(mut flow: Switch) {
    if flow.wait_for(|flow| *flow == Flow::Cut).await.is_err() {
        // The links are gone, and this connection with them.
        futures::future::pending().await
    }
}

/// Closed after this, a socket sends a reset instead of an end.
fn reset(socket: &TcpStream) {
    let _ = socket.set_zero_linger();
}
