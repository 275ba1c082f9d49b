//! Small writes become large ones, without anybody waiting for more to come.
//!
//! HTTP/2 puts out one data frame at a time, 16 KiB with most clients, and flushes after each: a
//! system call and a loopback or network segment of its own for every 16 KiB of a result. Here a
//! flush that follows a write is put off by one turn of the connection's task, which is woken for it
//! at once: whatever the task has ready by then goes out in the same call. A flush without a write
//! before it is real.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are put together at most: past a few hundred KiB a system call gets no cheaper.
const MOST: usize = 256 * 1024;

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
        if self.waiting.capacity() == 0 {
            self.waiting.reserve(MOST);
        }
        let mut room = MOST - self.waiting.len();
        let before = self.waiting.len();
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
        if std::mem::take(&mut self.written) && self.waiting.len() < MOST {
            context.waker().wake_by_ref();
            return Poll::Ready(Ok(()));
        }
        ready!(self.drain(context))?;
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.drain(context))?;
        Pin::new(&mut self.inner).poll_shutdown(context)
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
