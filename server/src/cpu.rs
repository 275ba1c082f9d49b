//! The runtime that queries run on, apart from the one that serves sockets.
//!
//! A busy operator holds its thread for milliseconds at a time. On a runtime of its own it cannot
//! delay a ping, a cancel or a small query's answer.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use squadron_planner::session::hand_over;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::{JoinError, JoinHandle};

use crate::allocator;

/// For so long threads that read and write files are kept for the next.
const BLOCKING_IDLE: Duration = Duration::from_secs(1);

/// Threads for planning and running queries. Dropping it ends what still runs there.
#[derive(Debug)]
pub struct CpuRuntime {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl CpuRuntime {
    /// A runtime of `threads` threads.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn new(threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("squadron-cpu")
            // Plans are walked recursively.
            .thread_stack_size(squadron_planner::statement::STACK_BYTES)
            .enable_all()
            // Tasks end on these threads, and what is left of them waits in each for the next.
            .on_thread_park(|| {
                hand_over();
                allocator::give_back_own();
            })
            // What they have taken is free for others when they are gone.
            .thread_keep_alive(BLOCKING_IDLE)
            .build()?;
        let handle = runtime.handle().clone();
        Ok(Self { runtime: Some(runtime), handle })
    }

    /// Runs `work` there. The task ends when it is dropped.
    pub fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> CpuTask<T> {
        CpuTask(self.handle.spawn(work))
    }

    /// Has its threads look whether there is something to do, which they do not when they sleep.
    pub fn wake(&self) {
        for _ in 0..self.handle.metrics().num_workers() {
            drop(self.handle.spawn(async {}));
        }
    }

    /// For libraries that spawn by themselves.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for CpuRuntime {
    /// In the background: a runtime may not be waited for inside another one.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Work on the CPU runtime, ended when this is dropped.
#[derive(Debug)]
pub struct CpuTask<T>(JoinHandle<T>);

impl<T> Future for CpuTask<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Drop for CpuTask<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
