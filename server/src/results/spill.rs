//! Frames on disk: one folder a process, one file a result, frames as received.
//!
//! The folder is locked while its process lives; at start, folders of dead processes are removed,
//! so nothing is left behind however a node ends.

mod dir;
mod file;

pub use dir::SpillDir;
pub(super) use file::{Place, SpillFile};
