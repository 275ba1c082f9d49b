//! What the probers, the greeter and the owner share: the roster behind its mutex, and the channels
//! on which its changes are published. The mutex is never held over an await.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::peers::{Peer, Peers};
use super::roster::{Known, Miss, Roster};
use crate::channels::Channels;
use crate::config::Probe;
use crate::error::Result;
use crate::member::wire::Greeting;
use crate::member::{Member, Roles};
use crate::membership::Members;

/// The shared part of [`super::Fixed`].
#[derive(Debug)]
pub(super) struct State {
    me: Arc<Member>,
    peers: Vec<Peer>,
    probe: Probe,
    channels: Channels,
    draining: AtomicBool,
    leaving: AtomicBool,
    roster: Mutex<Roster>,
    members: watch::Sender<Arc<Members>>,
    first_round: watch::Sender<bool>,
    wake: Vec<Notify>,
}

impl State {
    pub(super) fn new(me: Member, peers: &Peers, probe: &Probe, channels: Channels) -> Self {
        let me = Arc::new(me);
        let others: Vec<_> = peers.except(&me.internal).cloned().collect();
        let roster = Roster::new(Arc::clone(&me), others.clone(), probe.misses);
        roster.compare_own_entry(peers).iter().for_each(|remark| remark.log());
        Self {
            members: watch::Sender::new(roster.members()),
            first_round: watch::Sender::new(others.is_empty()),
            wake: others.iter().map(|_| Notify::new()).collect(),
            roster: Mutex::new(roster),
            draining: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            probe: probe.clone(),
            peers: others,
            channels,
            me,
        }
    }

    pub(super) fn myself(&self) -> &Member {
        &self.me
    }

    pub(super) fn probe(&self) -> &Probe {
        &self.probe
    }

    pub(super) fn channels(&self) -> &Channels {
        &self.channels
    }

    /// How many peers there are; they are numbered from 0.
    pub(super) fn peers(&self) -> usize {
        self.peers.len()
    }

    pub(super) fn peer(&self, slot: usize) -> &Peer {
        &self.peers[slot]
    }

    pub(super) fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.members.subscribe()
    }

    /// Turns true when every peer has answered, refused or timed out once.
    pub(super) fn first_round(&self) -> watch::Receiver<bool> {
        self.first_round.subscribe()
    }

    /// What this node says of itself now.
    pub(super) fn greeting(&self) -> Greeting {
        let mut member = Member::clone(&self.me);
        if self.draining.load(Ordering::Acquire) {
            member.roles = Roles::NONE;
        }
        let leaving = self.leaving.load(Ordering::Acquire);
        Greeting { member: Some((&member).into()), leaving, stranger: false }
    }

    pub(super) fn set_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    pub(super) fn set_leaving(&self) {
        self.leaving.store(true, Ordering::Release);
    }

    /// Wakes whoever must look at a peer before its turn.
    pub(super) fn wake(&self, slot: usize) -> &Notify {
        &self.wake[slot]
    }

    /// Says that a probe begins; gives whether its failure alone puts the peer out.
    pub(super) fn begin_probe(&self, slot: usize) -> bool {
        self.roster.lock().begin_probe(slot)
    }

    pub(super) fn answered(&self, slot: usize, member: Member, leaving: bool) {
        self.update(|roster| roster.answered(slot, member, leaving));
    }

    pub(super) fn missed(&self, slot: usize, miss: Miss, last_chance: bool) {
        self.update(|roster| roster.missed(slot, &miss, last_chance));
    }

    pub(super) fn is_myself(&self, slot: usize) -> bool {
        self.roster.lock().is_myself(slot)
    }

    /// Gives whether it was a stranger.
    pub(super) fn greeted(&self, member: Member, leaving: bool) -> bool {
        let known = self.update(|roster| roster.greeted(member, leaving));
        if let Known::Look(slot) = known {
            self.wake[slot].notify_one();
        }
        known == Known::Stranger
    }

    pub(super) fn suspect(&self, node_id: &str) {
        let suspected = self.roster.lock().suspect(node_id);
        if let Some(slot) = suspected {
            self.wake[slot].notify_one();
        }
    }

    /// Ends the time in which a conflict stops the start.
    pub(super) fn end_of_start(&self) -> Result<()> {
        self.roster.lock().end_of_start()
    }

    /// Changes the roster, then tells the world, in the order of the changes.
    fn update<T>(&self, change: impl FnOnce(&mut Roster) -> T) -> T {
        let mut roster = self.roster.lock();
        let given = change(&mut roster);
        if let Some(members) = roster.publish() {
            self.members.send_replace(members);
        }
        if roster.is_first_round_over() {
            self.first_round.send_if_modified(|over| !std::mem::replace(over, true));
        }
        roster.take_remarks().iter().for_each(|remark| remark.log());
        given
    }
}
