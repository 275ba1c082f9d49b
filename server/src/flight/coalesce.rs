//! Small writes become large ones, without anybody waiting for more to come.
//!
//! HTTP/2 puts out one data frame at a time, 16 KiB with most clients, and flushes after each: a
//! system call and a loopback or network segment of its own for every 16 KiB of a result. Here a
//! flush that follows a large write is put off by one turn of the connection's task, which is woken
//! for it at once: whatever the task has ready by then goes out in the same call. A flush without a
//! write before it is real, and so is one of little: a small answer has nothing to wait for, and one
//! more turn of a task can mean another thread.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::Connected;

/// Bytes that are put together at most: past a few hundred KiB a system call gets no cheaper.
const MOST: usize = 256 * 1024;

/// Less than this is an answer, not a part of a stream: half of the smallest data frame of a stream.
const LITTLE: usize = 8 * 1024;

/// Gathers what is written to `S`.
#[derive(Debug)]
pub struct Coalesce<S> {
    inner: S,
    waiting: BytesMut,
    written: bool,
}

impl<S: AsyncWrite + Unpin> Coalesce<S> {
    /// Nothing waits yet.
    pub fn new(inner: S) -> Self {
        Self { inner, waiting: BytesMut::new(), written: false }
    }

    fn drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(context, &self.waiting))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.waiting.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Coalesce<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.waiting.len() >= MOST {
            ready!(self.drain(context))?;
        }
        let mut room = MOST - self.waiting.len();
        let before = self.waiting.len();
        // An answer takes what it needs; what more follows after is to find its room at once.
        if before + buffers.iter().map(|buffer| buffer.len()).sum::<usize>() >= LITTLE {
            self.waiting.reserve(room);
        }
        for buffer in buffers {
            let taken = buffer.len().min(room);
            self.waiting.extend_from_slice(&buffer[..taken]);
            room -= taken;
        }
        self.written = true;
        Poll::Ready(Ok(self.waiting.len() - before))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = std::mem::take(&mut self.written);
        if written && (LITTLE..MOST).contains(&self.waiting.len()) {
            context.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.drain(context))?;
        if !written {
            // Nothing comes for now: a connection that is only open must not cost what a stream does.
            self.waiting = BytesMut::new();
        }
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

impl<S: Connected> Connected for Coalesce<S> {
    type ConnectInfo = S::ConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.inner.connect_info()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Coalesce<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// What reaches the socket: the length of each write, and flushes.
    #[derive(Debug, PartialEq)]
    enum Call {
        Write(usize),
        Flush,
        Shutdown,
    }

    /// A socket that takes so many bytes and then no more.
    #[derive(Debug)]
    struct Socket {
        room: usize,
        calls: Vec<Call>,
    }

    impl Socket {
        fn called(&mut self, call: Call) -> Poll<io::Result<()>> {
            self.calls.push(call);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Socket {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Poll::Pending;
            }
            self.room -= taken;
            self.calls.push(Call::Write(taken));
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.called(Call::Flush)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.called(Call::Shutdown)
        }
    }

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A connection's task, polled by hand.
    struct Task {
        stream: Coalesce<Socket>,
        woken: Arc<Woken>,
    }

    impl Task {
        fn new(room: usize) -> Self {
            let stream = Coalesce::new(Socket { room, calls: Vec::new() });
            Self { stream, woken: Arc::default() }
        }

        fn poll<T>(
            &mut self,
            poll: impl FnOnce(Pin<&mut Coalesce<Socket>>, &mut Context<'_>) -> Poll<io::Result<T>>,
        ) -> Poll<T> {
            let waker = Arc::clone(&self.woken).into();
            let polled = poll(Pin::new(&mut self.stream), &mut Context::from_waker(&waker));
            polled.map(Result::unwrap)
        }

        fn write(&mut self, bytes: usize) -> Poll<usize> {
            let bytes = vec![0; bytes];
            self.poll(|stream, context| stream.poll_write(context, &bytes))
        }

        fn flush(&mut self) -> Poll<()> {
            self.poll(Coalesce::poll_flush)
        }

        fn woken(&self) -> usize {
            self.woken.0.load(Ordering::Relaxed)
        }

        fn calls(&mut self) -> Vec<Call> {
            std::mem::take(&mut self.stream.inner.calls)
        }
    }

    #[tokio::test]
    async fn what_is_written_arrives_whole_and_in_order() {
        let sizes = [1, 0, 9, 16 * 1024, MOST - 1, MOST, MOST + 1, 3 * MOST, 7];
        let sent: Vec<u8> = (0..sizes.iter().sum()).map(|at: usize| (at % 251) as u8).collect();
        for pipe in [1000, MOST, 10 * MOST] {
            let (near, mut far) = tokio::io::duplex(pipe);
            let mut near = Coalesce::new(near);
            let write = async {
                let mut rest = sent.as_slice();
                for size in sizes {
                    let (now, later) = rest.split_at(size);
                    near.write_all(now).await.unwrap();
                    near.flush().await.unwrap();
                    rest = later;
                }
                near.shutdown().await.unwrap();
            };
            let mut received = Vec::new();
            let (_, read) = tokio::join!(write, far.read_to_end(&mut received));
            read.unwrap();
            assert!(received == sent, "{pipe}: {} bytes of {}", received.len(), sent.len());
        }
    }

    #[test]
    fn a_flush_after_a_large_write_is_put_off_by_one_turn() {
        let mut task = Task::new(MOST);
        assert_eq!(task.write(LITTLE), Poll::Ready(LITTLE));
        assert_eq!(task.flush(), Poll::Ready(()));
        assert_eq!((task.woken(), task.calls()), (1, vec![]));
        assert_eq!(task.flush(), Poll::Ready(()));
        assert_eq!((task.woken(), task.calls()), (1, vec![Call::Write(LITTLE), Call::Flush]));
    }

    #[test]
    fn a_flush_after_a_small_write_is_real() {
        let mut task = Task::new(MOST);
        assert_eq!(task.write(LITTLE - 1), Poll::Ready(LITTLE - 1));
        assert_eq!(task.flush(), Poll::Ready(()));
        assert_eq!((task.woken(), task.calls()), (0, vec![Call::Write(LITTLE - 1), Call::Flush]));
    }

    #[test]
    fn what_one_turn_adds_goes_out_in_the_same_call() {
        let mut task = Task::new(MOST);
        for _ in 0..5 {
            assert_eq!(task.write(LITTLE), Poll::Ready(LITTLE));
            assert_eq!(task.flush(), Poll::Ready(()));
        }
        assert_eq!(task.flush(), Poll::Ready(()));
        assert_eq!(task.calls(), [Call::Write(5 * LITTLE), Call::Flush]);
    }

    #[test]
    fn a_connection_that_is_only_open_has_no_buffer() {
        let mut task = Task::new(2 * MOST);
        assert_eq!(task.write(100), Poll::Ready(100));
        assert_eq!(task.flush(), Poll::Ready(()));
        assert!(task.stream.waiting.capacity() < LITTLE, "as much as an answer takes");
        assert_eq!(task.write(MOST), Poll::Ready(MOST));
        for _ in 0..2 {
            assert_eq!(task.flush(), Poll::Ready(()));
        }
        assert_eq!(task.stream.waiting.capacity(), 0);
    }

    #[test]
    fn a_full_buffer_is_flushed_at_once() {
        let mut task = Task::new(MOST);
        assert_eq!(task.write(MOST + 1), Poll::Ready(MOST));
        assert_eq!(task.flush(), Poll::Ready(()));
        assert_eq!(task.calls(), [Call::Write(MOST), Call::Flush]);
    }

    #[test]
    fn a_socket_that_takes_nothing_holds_the_writer_up() {
        let mut task = Task::new(100);
        assert_eq!(task.write(MOST), Poll::Ready(MOST));
        assert_eq!(task.flush(), Poll::Pending);
        assert_eq!(task.calls(), [Call::Write(100)]);
        assert_eq!(task.write(200), Poll::Ready(100), "no more than the buffer holds");
        assert_eq!(task.write(1), Poll::Pending);
    }

    #[test]
    fn shutdown_sends_what_is_waiting() {
        let mut task = Task::new(MOST);
        assert_eq!(task.write(10), Poll::Ready(10));
        assert_eq!(task.poll(Coalesce::poll_shutdown), Poll::Ready(()));
        assert_eq!(task.calls(), [Call::Write(10), Call::Shutdown]);
    }
}
