//! Where a run prints: the real standard streams, or buffers in tests.

use std::io::{self, IsTerminal};
use std::sync::Arc;

use parking_lot::Mutex;

use super::output::SharedWriter;

/// Standard output for results, standard error for everything else.
#[derive(Clone)]
pub(super) struct Console {
    pub(super) out: SharedWriter,
    pub(super) out_is_terminal: bool,
    err: SharedWriter,
    err_is_terminal: bool,
}

impl Console {
    /// The streams of this process.
    pub(super) fn real() -> Self {
        Self {
            out: Arc::new(Mutex::new(io::stdout())),
            out_is_terminal: io::stdout().is_terminal(),
            err: Arc::new(Mutex::new(io::stderr())),
            err_is_terminal: io::stderr().is_terminal(),
        }
    }

    #[cfg(test)]
    pub(super) fn buffers() -> (Self, Arc<Mutex<Vec<u8>>>, Arc<Mutex<Vec<u8>>>) {
        let (out, err) = (
            Arc::<Mutex<Vec<u8>>>::default(),
            Arc::<Mutex<Vec<u8>>>::default(),
        );
        let console = Self {
            out: Arc::clone(&out) as _,
            out_is_terminal: false,
            err: Arc::clone(&err) as _,
            err_is_terminal: false,
        };
        (console, out, err)
    }

    /// Lines on standard output that are no result.
    pub(super) fn print(&self, text: &str) {
        writeln!(self.out.lock(), "{text}").ok();
    }

    /// A line on standard error. If nobody can read it, there is nobody to tell.
    pub(super) fn say(&self, line: &str) {
        writeln!(self.err.lock(), "{line}").ok();
    }

    /// Whether a line that moves can be shown while `to_out` says that results go to `out`:
    /// two things cannot be drawn on one terminal.
    pub(super) fn can_show_progress(&self, to_out: bool) -> bool {
        self.err_is_terminal && !(to_out && self.out_is_terminal)
    }
}
