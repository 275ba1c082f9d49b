//! What is known about every peer and what each event makes of it: pure, so that every rule is tested
//! without a socket or a clock.
//!
//! The rules:
//! * an answer makes a peer live; so does a greeting from it, unless it is the very process that our
//!   own probes have just lost: then reaching it is what must be shown first (or a network that
//!   carries one direction only would make it come and go every second);
//! * it is lost after `misses` misses, or after one if another component suspects it;
//! * a process that said goodbye does not come back; its next incarnation does;
//! * whoever shares an identity with this node or a live peer is kept out; during the start it is an
//!   error, later a line in the log, once per change.

use std::sync::Arc;

use tracing::Level;

use super::identity::{clash, differences};
use super::peers::{Peer, Peers};
use super::slot::{Remark, Slot, Standing};
use crate::error::{Error, Result};
use crate::member::Member;
use crate::membership::Members;

/// The most strangers that are remembered, to be mentioned once each.
const MOST_STRANGERS: usize = 64;

/// Why a probe brought no member.
#[derive(Debug)]
pub(super) struct Miss {
    reason: String,
    /// Whether somebody was there who would not talk to us.
    refused: bool,
}

impl Miss {
    pub(super) fn silent(reason: String) -> Self {
        Self { reason, refused: false }
    }

    pub(super) fn refused(reason: String) -> Self {
        Self { reason, refused: true }
    }
}

/// How a node that greets is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It is a peer, or this node itself; or it may turn out to be one.
    Peer,
    /// It is this peer, which is to be probed at once: that decides.
    Look(usize),
    /// It is in nobody's list here.
    Stranger,
}

/// The peers of one node and its view of them.
#[derive(Debug)]
pub(super) struct Roster {
    me: Arc<Member>,
    slots: Vec<Slot>,
    misses_allowed: u32,
    members: Arc<Members>,
    starting: bool,
    conflict: Option<String>,
    strangers: Vec<(String, u64)>,
    remarks: Vec<Remark>,
}

impl Roster {
    pub(super) fn new(me: Arc<Member>, peers: Vec<Peer>, misses_allowed: u32) -> Self {
        Self {
            slots: peers.into_iter().map(Slot::new).collect(),
            misses_allowed,
            members: Arc::new(Members::alone(Arc::clone(&me))),
            starting: true,
            conflict: None,
            strangers: Vec::new(),
            remarks: Vec::new(),
            me,
        }
    }

    pub(super) fn members(&self) -> Arc<Members> {
        Arc::clone(&self.members)
    }

    /// The new snapshot, if the last events have changed it.
    pub(super) fn publish(&mut self) -> Option<Arc<Members>> {
        let live = self.slots.iter().filter_map(|slot| slot.live().cloned());
        self.members = Arc::new(self.members.next(live)?);
        Some(self.members())
    }

    /// What there is to log since the last call.
    pub(super) fn take_remarks(&mut self) -> Vec<Remark> {
        std::mem::take(&mut self.remarks)
    }

    pub(super) fn is_first_round_over(&self) -> bool {
        self.slots.iter().all(|slot| slot.asked)
    }

    pub(super) fn is_myself(&self, slot: usize) -> bool {
        matches!(self.slots[slot].standing, Standing::Myself)
    }

    /// From here on a conflict is logged rather than returned. Gives the one of the start.
    pub(super) fn end_of_start(&mut self) -> Result<()> {
        self.starting = false;
        self.conflict.clone().map_or(Ok(()), |conflict| Err(Error::Conflict(conflict)))
    }

    /// What the list says of this node that the node itself says otherwise.
    pub(super) fn compare_own_entry(&self, peers: &Peers) -> Option<Remark> {
        let entry = peers.all().iter().find(|peer| peer.internal == self.me.internal)?;
        let text = differences(&self.me, entry, &self.me);
        let text = format!("this node in its own list of peers: {}", text.first()?);
        Some(Remark { level: Level::WARN, text })
    }

    /// A probe begins. Gives whether its failure alone puts the peer out: true after a suspicion.
    pub(super) fn begin_probe(&mut self, slot: usize) -> bool {
        std::mem::take(&mut self.slots[slot].suspected)
    }

    /// Marks the live member with this id as suspected; gives the peer to probe at once.
    pub(super) fn suspect(&mut self, node_id: &str) -> Option<usize> {
        let known = |slot: &Slot| slot.heard_of().is_some_and(|m| m.node_id == node_id);
        let slot = self.slots.iter().position(known)?;
        self.slots[slot].suspected = true;
        Some(slot)
    }

    /// A probe was answered.
    pub(super) fn answered(&mut self, slot: usize, member: Member, leaving: bool) {
        self.slots[slot].asked = true;
        self.slots[slot].misses = 0;
        self.heard(slot, Arc::new(member), leaving);
    }

    /// A probe was not answered, or not by a member.
    pub(super) fn missed(&mut self, slot: usize, miss: &Miss, last_chance: bool) {
        let allowed = if last_chance { 1 } else { self.misses_allowed };
        let s = &mut self.slots[slot];
        s.asked = true;
        s.misses = s.misses.saturating_add(1);
        if s.misses >= allowed {
            s.standing = match std::mem::replace(&mut s.standing, Standing::Unknown) {
                Standing::Live(member) => Standing::Lost(member),
                Standing::Refused(_) => Standing::Unknown,
                other => other,
            };
        }
        if s.live().is_none() {
            self.remarks.extend(lament(s, miss));
        }
    }

    /// Somebody said hello to us.
    pub(super) fn greeted(&mut self, member: Member, leaving: bool) -> Known {
        if member.is_same_process(&self.me) {
            return Known::Peer;
        }
        let Some(slot) = self.slot_of(&member) else {
            self.stranger(&member, leaving);
            // At the start it may be a peer under another word for its address.
            return if self.starting { Known::Peer } else { Known::Stranger };
        };
        match &self.slots[slot].standing {
            Standing::Lost(lost) if lost.is_same_process(&member) && !leaving => Known::Look(slot),
            Standing::Live(live) if **live == member && !leaving => Known::Peer,
            Standing::Myself => Known::Peer,
            _ => {
                self.heard(slot, Arc::new(member), leaving);
                Known::Peer
            }
        }
    }

    /// The peer whose internal address this is, in the list's word or the peer's own.
    fn slot_of(&self, member: &Member) -> Option<usize> {
        let listed = |slot: &Slot| slot.peer.internal == member.internal;
        let same = |m: &Arc<Member>| m.is_same_process(member) || m.internal == member.internal;
        let told = |slot: &Slot| slot.heard_of().is_some_and(same);
        self.slots.iter().position(listed).or_else(|| self.slots.iter().position(told))
    }

    /// A member spoke from a peer's address: decides how this node stands with it now.
    fn heard(&mut self, slot: usize, member: Arc<Member>, leaving: bool) {
        if member.is_same_process(&self.me) {
            self.slots[slot].standing = Standing::Myself;
        } else if leaving || self.has_left(slot, &member) {
            self.take_leave(slot, member);
        } else if let Some(conflict) = self.conflict_of(slot, &member) {
            self.refuse(slot, member, conflict);
        } else {
            self.admit(slot, member);
        }
    }

    fn has_left(&self, slot: usize, member: &Member) -> bool {
        matches!(&self.slots[slot].standing, Standing::Left(left) if left.is_same_process(member))
    }

    /// Why this member of this peer cannot stand beside this node and the live ones.
    fn conflict_of(&self, slot: usize, member: &Member) -> Option<String> {
        let at = self.slots[slot].peer.internal.to_string();
        let others = self.slots.iter().enumerate().filter(|(i, _)| *i != slot);
        let live = others.filter_map(|(_, other)| other.live());
        [&self.me].into_iter().chain(live).find_map(|other| clash(other, member, &at))
    }

    fn admit(&mut self, slot: usize, member: Arc<Member>) {
        let s = &mut self.slots[slot];
        if s.live().is_some_and(|live| live.is_draining() && live.is_same_process(&member)) {
            // It does not come back from that: what says so was sent before.
            return;
        }
        let differences = differences(&self.me, &s.peer, &member);
        let (level, text) = if member.is_draining() {
            (Level::INFO, format!("{member} drains: it gets no new work"))
        } else if differences.is_empty() {
            (Level::INFO, format!("{member} is in the cluster"))
        } else {
            (Level::WARN, format!("{member} is in the cluster, but {}", differences.join("; ")))
        };
        let key = format!("{text} {}", member.generation);
        self.remarks.extend(s.say(level, &key, text));
        s.misses = 0;
        s.standing = Standing::Live(member);
    }

    fn take_leave(&mut self, slot: usize, member: Arc<Member>) {
        let s = &mut self.slots[slot];
        self.remarks.extend(s.say(Level::INFO, "left", format!("{member} leaves the cluster")));
        s.standing = Standing::Left(member);
    }

    fn refuse(&mut self, slot: usize, member: Arc<Member>, conflict: String) {
        let s = &mut self.slots[slot];
        let text = format!("a peer is kept out of the cluster: {conflict}");
        self.remarks.extend(s.say(Level::ERROR, &conflict, text));
        s.standing = Standing::Refused(member);
        self.note_conflict(conflict);
    }

    fn note_conflict(&mut self, conflict: String) {
        if self.starting {
            self.conflict.get_or_insert(conflict);
        }
    }

    /// A node that is not in our list greets us: it cannot be a member, but somebody should know.
    fn stranger(&mut self, member: &Member, leaving: bool) {
        let clash = clash(&self.me, member, &member.internal.to_string()).filter(|_| !leaving);
        // At the start it may be a peer whose own word for its address we have not heard yet.
        if clash.is_none() && (self.starting || leaving) {
            return;
        }
        let name = (member.internal.to_string(), member.generation);
        if self.strangers.contains(&name) || self.strangers.len() >= MOST_STRANGERS {
            return;
        }
        self.strangers.push(name);
        let (level, text) = match &clash {
            Some(conflict) => (Level::ERROR, conflict.clone()),
            None => (
                Level::WARN,
                format!(
                    "{member} has this node in its list of peers, but is not in this node's list; give both the same --peers"
                ),
            ),
        };
        self.remarks.push(Remark { level, text });
        clash.into_iter().for_each(|conflict| self.note_conflict(conflict));
    }
}

/// What to say about a peer that is not there.
fn lament(slot: &mut Slot, miss: &Miss) -> Option<Remark> {
    let who = match &slot.standing {
        Standing::Lost(member) => member.to_string(),
        Standing::Left(_) | Standing::Refused(_) => return None,
        _ => format!("the peer at {}", slot.peer.internal),
    };
    let reason = &miss.reason;
    if miss.refused {
        // By the code alone: the rest of the reason may hold a time that differs in every probe.
        let key = format!("refused {}", reason.split(':').next().unwrap_or_default());
        let text = format!("{who} is kept out of the cluster, it refuses to talk: {reason}");
        slot.say(Level::ERROR, &key, text)
    } else if matches!(slot.standing, Standing::Lost(_)) {
        slot.say(Level::WARN, "lost", format!("{who} does not answer and is out: {reason}"))
    } else {
        slot.say(Level::INFO, "absent", format!("{who} is not there yet: {reason}"))
    }
}

#[cfg(test)]
mod tests;
