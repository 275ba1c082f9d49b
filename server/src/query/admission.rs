//! Which queries may run now: a bounded queue in front of execution, fair between users.
//!
//! A query gets a slot before its plan begins to run and gives it back when its outcome is known, not
//! when its client has read the result: the store absorbs that. Users take turns, so that the thousand
//! queries of one do not stand before the only one of another.
//!
//! Our own, since the semaphores there are serve in the order of arrival, whoever came.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::results::ResultError;

/// How many queries a node runs, and how many it lets wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmissionLimits {
    /// Queries that run at a time.
    pub concurrent: usize,
    /// Queries of one user that run at a time.
    pub per_user: usize,
    /// Queries that wait.
    pub queued: usize,
}

/// Says how much memory queries may still take, in a word: whether one more may begin beside others.
pub type Pressure = Arc<dyn Fn() -> bool + Send + Sync>;

/// The slots of a node.
pub struct Admission {
    limits: AdmissionLimits,
    /// Whether memory is so short that a query begins alone only.
    pressed: Pressure,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    /// Of each user that has any.
    running_of: HashMap<String, usize>,
    /// Users that wait, the one whose turn is next first; each once.
    turns: VecDeque<String>,
    waiting: HashMap<String, VecDeque<Waiting>>,
    queued: usize,
    /// The number of the next that comes.
    next: u64,
}

/// A query in the queue. Numbers grow towards its end.
#[derive(Debug)]
struct Waiting {
    number: u64,
    slot: oneshot::Sender<Slot>,
}

/// The right to run, given back when it is dropped.
#[derive(Debug)]
pub struct Slot {
    admission: Arc<Admission>,
    user: String,
}

/// A place in the queue, or a slot already. Given up when it is dropped.
#[derive(Debug)]
pub struct Place {
    slot: oneshot::Receiver<Slot>,
    since: Instant,
    exit: Exit,
}

/// The way out of the queue, for whoever ends a query that waits: its task, which has the place, may not
/// get a thread to see that it was ended for as long as others are busy.
#[derive(Debug, Clone)]
pub struct Exit {
    admission: Arc<Admission>,
    user: String,
    number: u64,
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admission").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Admission {
    /// No query runs yet.
    pub fn new(limits: AdmissionLimits, pressed: Pressure) -> Arc<Self> {
        Arc::new(Self { limits, pressed, state: Mutex::default() })
    }

    /// A place for a query of `user`: at the front if there is a slot.
    ///
    /// # Errors
    /// `Busy` when as many wait as may.
    pub fn enter(self: &Arc<Self>, user: &str) -> Result<Place, ResultError> {
        let (sender, slot) = oneshot::channel();
        let mut state = self.state.lock();
        if state.queued >= self.limits.queued && !self.is_free(&state, user) {
            return Err(self.full(state.queued));
        }
        let number = state.queue(user, sender);
        drop(state);
        self.admit();
        let exit = Exit { admission: Arc::clone(self), user: user.to_owned(), number };
        Ok(Place { slot, since: Instant::now(), exit })
    }

    /// How many may run and wait together.
    pub fn most(&self) -> usize {
        self.limits.concurrent.saturating_add(self.limits.queued)
    }

    /// How many run and how many wait.
    pub fn load(&self) -> (usize, usize) {
        let state = self.state.lock();
        (state.running, state.queued)
    }

    /// Gives slots to those whose turn it is. Also to be called when memory has become free.
    pub fn admit(self: &Arc<Self>) {
        while let Some((user, sender)) = self.next() {
            let slot = Slot { admission: Arc::clone(self), user };
            // Who leaves at this moment gives the slot back at once, by dropping it.
            drop(sender.send(slot));
        }
    }

    /// The next query that may run, counted as running.
    fn next(&self) -> Option<(String, oneshot::Sender<Slot>)> {
        let mut state = self.state.lock();
        if state.running >= self.limits.concurrent || (state.running > 0 && (self.pressed)()) {
            return None;
        }
        let may = |user: &String| state.running_of(user) < self.limits.per_user;
        let turn = state.turns.iter().position(may)?;
        let user = state.turns.remove(turn)?;
        let waiting = state.take(&user)?;
        state.running += 1;
        *state.running_of.entry(user.clone()).or_default() += 1;
        Some((user, waiting.slot))
    }

    fn is_free(&self, state: &State, user: &str) -> bool {
        let of_user = state.running_of(user);
        state.queued == 0
            && state.running < self.limits.concurrent
            && of_user < self.limits.per_user
    }

    fn full(&self, queued: usize) -> ResultError {
        ResultError::Busy(format!(
            "this node runs as many queries as it may ({}) and {queued} wait: try again in a while, or raise --concurrent-queries or --queued-queries",
            self.limits.concurrent
        ))
    }
}

impl State {
    fn running_of(&self, user: &str) -> usize {
        self.running_of.get(user).copied().unwrap_or_default()
    }

    /// Puts a query at the end of its user's; gives its number.
    fn queue(&mut self, user: &str, slot: oneshot::Sender<Slot>) -> u64 {
        let number = self.next;
        self.next += 1;
        let waiting = self.waiting.entry(user.to_owned()).or_default();
        if waiting.is_empty() {
            self.turns.push_back(user.to_owned());
        }
        waiting.push_back(Waiting { number, slot });
        self.queued += 1;
        number
    }

    /// The first that waits of a user, who goes to the end of the turns if there are more.
    fn take(&mut self, user: &str) -> Option<Waiting> {
        let waiting = self.waiting.get_mut(user)?;
        let first = waiting.pop_front();
        self.queued -= usize::from(first.is_some());
        match waiting.is_empty() {
            true => drop(self.waiting.remove(user)),
            false => self.turns.push_back(user.to_owned()),
        }
        first
    }

    /// Takes a query out of the queue, if it is there.
    fn leave(&mut self, user: &str, number: u64) -> Option<Waiting> {
        let waiting = self.waiting.get_mut(user)?;
        let at = waiting.binary_search_by_key(&number, |waiting| waiting.number).ok()?;
        let left = waiting.remove(at);
        self.queued -= usize::from(left.is_some());
        if waiting.is_empty() {
            self.waiting.remove(user);
            self.turns.retain(|other| other != user);
        }
        left
    }
}

impl Place {
    /// Waits for the slot.
    ///
    /// # Errors
    /// `Unavailable` when the node stops, or the place was given up.
    pub async fn slot(mut self) -> Result<Slot, ResultError> {
        let gone = |_| ResultError::Unavailable("the node stops: run the query again".into());
        (&mut self.slot).await.map_err(gone)
    }

    /// Since when it waits.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// The way out for others than its owner.
    pub fn exit(&self) -> Exit {
        self.exit.clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.exit.leave();
    }
}

impl Exit {
    /// Gives the place up, unless its query has a slot.
    pub fn leave(&self) {
        let left = self.admission.state.lock().leave(&self.user, self.number);
        // Not under the lock: it wakes whoever waits.
        drop(left);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut state = self.admission.state.lock();
        state.running -= 1;
        if let Some(running) = state.running_of.get_mut(&self.user) {
            *running -= 1;
            if *running == 0 {
                state.running_of.remove(&self.user);
            }
        }
        drop(state);
        self.admission.admit();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use futures::FutureExt;

    use super::*;

    const LIMITS: AdmissionLimits = AdmissionLimits { concurrent: 2, per_user: 2, queued: 100 };

    fn admission(limits: AdmissionLimits) -> Arc<Admission> {
        Admission::new(limits, Arc::new(|| false))
    }

    /// The slot of a place that has one.
    fn now(place: Place) -> Slot {
        place.slot().now_or_never().expect("it waits").unwrap()
    }

    fn is_waiting(place: &Place) -> bool {
        place.slot.is_empty()
    }

    #[test]
    fn no_more_run_than_may() {
        let admission = admission(LIMITS);
        let first = now(admission.enter("a").unwrap());
        let _second = now(admission.enter("a").unwrap());
        let third = admission.enter("a").unwrap();
        assert!(is_waiting(&third));
        drop(first);
        assert!(!is_waiting(&third));
    }

    #[test]
    fn users_take_turns() {
        let admission = admission(AdmissionLimits { concurrent: 1, ..LIMITS });
        let running = now(admission.enter("a").unwrap());
        let mut many: Vec<Place> = (0..3).map(|_| admission.enter("a").unwrap()).collect();
        let one = admission.enter("b").unwrap();
        drop(running);
        assert!(!is_waiting(&many[0]), "it came first");
        drop(many.remove(0));
        assert!(!is_waiting(&one), "now it is another's turn");
    }

    #[test]
    fn one_user_does_not_take_every_slot() {
        let admission = admission(AdmissionLimits { per_user: 1, ..LIMITS });
        let _first = now(admission.enter("a").unwrap());
        let second = admission.enter("a").unwrap();
        assert!(is_waiting(&second));
        now(admission.enter("b").unwrap());
    }

    #[test]
    fn a_full_queue_is_said_at_once() {
        let admission = admission(AdmissionLimits { concurrent: 1, queued: 1, ..LIMITS });
        let running = now(admission.enter("a").unwrap());
        let _waiting = admission.enter("a").unwrap();
        assert!(matches!(admission.enter("b"), Err(ResultError::Busy(_))));
        assert_eq!(admission.load(), (1, 1));
        drop(running);
    }

    #[test]
    fn a_queue_of_no_places_is_no_obstacle_to_who_need_not_wait() {
        let admission = admission(AdmissionLimits { queued: 0, ..LIMITS });
        let _running = now(admission.enter("a").unwrap());
        let _other = now(admission.enter("a").unwrap());
        assert!(admission.enter("a").is_err());
    }

    #[test]
    fn who_left_the_queue_is_in_nobodys_way() {
        let admission = admission(AdmissionLimits { concurrent: 1, queued: 1, ..LIMITS });
        let running = now(admission.enter("a").unwrap());
        drop(admission.enter("a").unwrap());
        assert_eq!(admission.load(), (1, 0));
        let next = admission.enter("b").unwrap_or_else(|error| panic!("{error}"));
        drop(running);
        assert!(!is_waiting(&next));
        drop(next);
        assert_eq!(admission.load(), (0, 0));
    }

    #[test]
    fn a_place_can_be_given_up_for_its_owner() {
        let admission = admission(AdmissionLimits { concurrent: 1, ..LIMITS });
        let _running = now(admission.enter("a").unwrap());
        let places = [(); 3].map(|()| admission.enter("a").unwrap());
        places[1].exit().leave();
        places[1].exit().leave();
        assert_eq!(admission.load(), (1, 2));
        let [first, second, third] = places;
        assert!(second.slot().now_or_never().expect("it waits").is_err());
        assert!(is_waiting(&first) && is_waiting(&third));
    }

    #[test]
    fn who_has_a_slot_keeps_it() {
        let admission = admission(LIMITS);
        let place = admission.enter("a").unwrap();
        place.exit().leave();
        let _slot = now(place);
        assert_eq!(admission.load(), (1, 0));
    }

    #[test]
    fn under_pressure_queries_run_alone() {
        let pressed = Arc::new(AtomicBool::new(true));
        let asked = Arc::clone(&pressed);
        let admission = Admission::new(LIMITS, Arc::new(move || asked.load(Ordering::Relaxed)));
        let _first = now(admission.enter("a").unwrap());
        let second = admission.enter("a").unwrap();
        assert!(is_waiting(&second));
        pressed.store(false, Ordering::Relaxed);
        admission.admit();
        assert!(!is_waiting(&second));
    }

    #[test]
    fn everybody_gets_a_turn_before_anybody_gets_a_second() {
        let admission = admission(AdmissionLimits { concurrent: 1, ..LIMITS });
        let running = now(admission.enter("z").unwrap());
        let users = ["a", "a", "a", "b", "b", "c"];
        let mut places: Vec<(&str, Place)> =
            users.iter().map(|user| (*user, admission.enter(user).unwrap())).collect();
        drop(running);
        let mut order = Vec::new();
        while !places.is_empty() {
            let ready = places.iter().position(|(_, place)| !is_waiting(place));
            let (user, place) = places.remove(ready.expect("somebody's turn"));
            order.push(user);
            drop(place);
        }
        assert_eq!(order, ["a", "b", "c", "a", "b", "a"]);
    }
}
