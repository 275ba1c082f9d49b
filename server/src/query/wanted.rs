//! Whoever asked for a query may be gone before they were told of it.
//!
//! Problem: planning is work of a thread that looks at nothing else while it lasts, and goes on to start the query. A
//! client that gives up meanwhile ends the call, and too late what the call does: the query would run for nobody.
//!
//! ```text
//!   call ── Wanted ── dropped before it was answered ─► gone ─► its query, if there is one, is cancelled
//!   thread: plan ─► start ─► looks whether the caller is gone ─────────┘  one of the two sees the other
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use super::Queries;

/// Held by a call until it is answered.
pub(super) struct Wanted {
    queries: Arc<Queries>,
    query: Uuid,
    gone: Gone,
    answered: bool,
}

/// Whether a call is gone that was to be told of a query.
#[derive(Clone, Default)]
pub(super) struct Gone(Arc<AtomicBool>);

impl Wanted {
    /// A call that waits for this query to be started.
    pub(super) fn new(queries: &Arc<Queries>, query: Uuid) -> Self {
        Self { queries: Arc::clone(queries), query, gone: Gone::default(), answered: false }
    }

    /// For what starts the query.
    pub(super) fn gone(&self) -> Gone {
        self.gone.clone()
    }

    /// The call is answered, with a query or without: from now on its readers count.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Wanted {
    fn drop(&mut self) {
        if !self.answered {
            self.gone.0.store(true, Ordering::SeqCst);
            self.queries.nobody_wants(self.query);
        }
    }
}

impl Gone {
    /// Whether it is.
    pub(super) fn is(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

impl Queries {
    /// Cancels a query, if it was started, of which nobody was told.
    pub(super) fn nobody_wants(self: &Arc<Self>, query: Uuid) {
        if self.record(query).is_none() {
            return;
        }
        let queries = Arc::clone(self);
        self.serving.spawn(async move {
            // What has ended by itself cannot be cancelled any more.
            let _ = queries.cancel(query).await;
        });
    }
}
