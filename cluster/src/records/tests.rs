//! Streams of records, through a pipe that changes what it is told to.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// More than a record, and not a multiple of one.
const LONG: usize = 2 * MOST + 12_345;

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 % 251) as u8).collect()
}

/// Both ends over a pipe of so many bytes.
fn pair(pipe: usize) -> (Records<DuplexStream>, Records<DuplexStream>) {
    let (one, other) = duplex(pipe);
    (Records::dialled(one), Records::accepted(other))
}

/// What arrives of what one writes, in pieces of so many bytes.
async fn arrives(
    mut from: Records<DuplexStream>,
    mut to: Records<DuplexStream>,
    text: &[u8],
    piece: usize,
) -> Vec<u8> {
    let write = async {
        for piece in text.chunks(piece) {
            from.write_all(piece).await.unwrap();
        }
        from.shutdown().await.unwrap();
    };
    let mut come = Vec::new();
    let (_, read) = tokio::join!(write, to.read_to_end(&mut come));
    read.unwrap();
    come
}

#[tokio::test]
async fn what_is_written_arrives() {
    for (pipe, piece) in [(1 << 20, LONG), (64, 1000), (5, 1), (1 << 16, 7)] {
        let length = if pipe == 5 { 500 } else { LONG };
        let (one, other) = pair(pipe);
        assert!(arrives(one, other, &text(length), piece).await == text(length), "{pipe} {piece}");
    }
}

#[tokio::test]
async fn both_directions_are_records() {
    let (mut one, mut other) = pair(1 << 20);
    one.write_all(b"question").await.unwrap();
    let mut come = [0; 8];
    other.read_exact(&mut come).await.unwrap();
    assert_eq!(&come, b"question");
    assert!(arrives(other, one, &text(LONG), LONG).await == text(LONG));
}

#[tokio::test]
async fn several_pieces_are_one_record() {
    let (mut one, mut other) = pair(1 << 20);
    let pieces = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cd")];
    assert_eq!(one.write_vectored(&pieces).await.unwrap(), 4);
    one.shutdown().await.unwrap();
    let mut come = Vec::new();
    other.read_to_end(&mut come).await.unwrap();
    assert_eq!(come, b"abcd");
}

/// What a node writes.
async fn written(text: &[u8]) -> Vec<u8> {
    let (one, mut other) = duplex(1 << 20);
    let mut one = Records::dialled(one);
    one.write_all(text).await.unwrap();
    one.shutdown().await.unwrap();
    let mut bytes = Vec::new();
    other.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// What a node reads before an error or the end, and whether it was the end.
async fn read(bytes: &[u8]) -> (Vec<u8>, bool) {
    let (mut one, other) = duplex(bytes.len().max(1));
    one.write_all(bytes).await.unwrap();
    drop(one);
    let mut come = Vec::new();
    let ended = Records::accepted(other).read_to_end(&mut come).await.is_ok();
    (come, ended)
}

#[tokio::test]
async fn a_client_that_is_no_node_is_read_as_it_is() {
    for text in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET", "sqrec/2\nabc", ""] {
        assert_eq!(read(text.as_bytes()).await, (text.into(), true), "{text}");
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_within_a_record_is_an_error() {
    let bytes = written(b"some text").await;
    for length in GREETING.len() + 1..bytes.len() {
        assert_eq!(read(&bytes[..length]).await, (Vec::new(), false), "{length}");
    }
    assert_eq!(read(&bytes).await, (b"some text".to_vec(), true));
}

#[tokio::test]
async fn records_in_another_order_are_an_error() {
    let (one, two) = (written(b"one").await, written(b"onetwo").await);
    let record = &one[GREETING.len()..];
    let twice = [&one[..], record].concat();
    assert_eq!(read(&twice).await, (b"one".to_vec(), false));
    assert_eq!(read(&two).await, (b"onetwo".to_vec(), true));
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #[test]
    fn no_bit_behind_the_greeting_can_change(
        length in 1usize..200,
        place in any::<proptest::sample::Index>(),
        bit in 0u8..8,
    ) {
        let mut bytes = run(written(&text(length)));
        let place = GREETING.len() + place.index(bytes.len() - GREETING.len());
        bytes[place] ^= 1 << bit;
        prop_assert_eq!(run(read(&bytes)), (Vec::new(), false));
    }

    #[test]
    fn no_bytes_do_harm(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let greeted = [&GREETING[..], &bytes[..]].concat();
        let (come, _) = run(read(&greeted));
        prop_assert!(come.len() <= bytes.len());
    }
}
