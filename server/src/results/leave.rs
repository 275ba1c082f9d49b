//! What a reader asks before the first frame of a run leaves this node.

use std::fmt;
use std::future::Future;

use futures::future::BoxFuture;

use super::ResultError;

type Ask = Box<dyn Fn(u32) -> BoxFuture<'static, Result<(), ResultError>> + Send + Sync>;

/// Asks whether rows of a run may leave. Not asked of what is complete.
pub struct Leave(Ask);

impl Leave {
    /// `ask` is given the number of the run; an error means: not now.
    pub fn new(
        ask: impl Fn(u32) -> BoxFuture<'static, Result<(), ResultError>> + Send + Sync + 'static,
    ) -> Self {
        Self(Box::new(ask))
    }

    pub(super) fn ask(
        &self,
        attempt: u32,
    ) -> impl Future<Output = Result<(), ResultError>> + Send + 'static {
        (self.0)(attempt)
    }
}

impl fmt::Debug for Leave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Leave")
    }
}
