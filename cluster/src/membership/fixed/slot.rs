//! What is known about one configured peer.

use std::sync::Arc;

use tracing::Level;

use super::peers::Peer;
use crate::member::Member;

/// How this node stands with a peer.
#[derive(Debug, Clone)]
pub(super) enum Standing {
    /// Never heard of, or not since something unusable was there.
    Unknown,
    /// In the snapshot.
    Live(Arc<Member>),
    /// Was live, does not answer any more.
    Lost(Arc<Member>),
    /// Said that it goes away: this incarnation does not come back.
    Left(Arc<Member>),
    /// Answers, but shares its identity with another node.
    Refused(Arc<Member>),
    /// The address is one of this node's own.
    Myself,
}

/// One configured peer.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) peer: Peer,
    pub(super) standing: Standing,
    /// Probes without an answer since the last one with.
    pub(super) misses: u32,
    /// Another component could not reach it: the next miss counts for all.
    pub(super) suspected: bool,
    /// Whether the first probe has come to its end.
    pub(super) asked: bool,
    /// The last thing said about it, so that it is said once.
    said: Option<String>,
}

impl Slot {
    pub(super) fn new(peer: Peer) -> Self {
        Self {
            peer,
            standing: Standing::Unknown,
            misses: 0,
            suspected: false,
            asked: false,
            said: None,
        }
    }

    pub(super) fn live(&self) -> Option<&Arc<Member>> {
        match &self.standing {
            Standing::Live(member) => Some(member),
            _ => None,
        }
    }

    /// The process last heard of here, in whatever standing.
    pub(super) fn heard_of(&self) -> Option<&Arc<Member>> {
        match &self.standing {
            Standing::Live(m) | Standing::Lost(m) | Standing::Left(m) | Standing::Refused(m) => {
                Some(m)
            }
            Standing::Unknown | Standing::Myself => None,
        }
    }

    /// What to say, unless the same (by `key`) was the last thing said about this peer.
    pub(super) fn say(&mut self, level: Level, key: &str, text: String) -> Option<Remark> {
        if self.said.as_deref() == Some(key) {
            return None;
        }
        self.said = Some(key.to_owned());
        Some(Remark { level, text })
    }
}

/// A line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) level: Level,
    pub(super) text: String,
}

impl Remark {
    pub(super) fn log(&self) {
        match self.level {
            Level::ERROR => tracing::error!("{}", self.text),
            Level::WARN => tracing::warn!("{}", self.text),
            _ => tracing::info!("{}", self.text),
        }
    }
}
