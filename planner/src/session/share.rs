//! Each query's share of the node's memory: what it may take at most, and what it gets in any case.
//!
//! Problem: all operators of a node take from one pool, and whoever asks when it is empty fails. A query
//! that fills the pool (a join's build side cannot spill) so fails others, which ask for little. Here every
//! query takes through a pool of its own: past its share it spills or fails, alone; and its first bytes
//! are given even when the pool is empty, so that small queries go on beside a large one. When the whole
//! process takes too much all the same, the query with the most is ended.
//!
//! Operators that can go to disk would fill the share, or the pool, before they do, and leave nothing to
//! those above them that cannot: a merge of sorted partitions would fail, whose sorts have gone to disk so
//! as not to. So they are given a part of it alone.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Instant;

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation, human_readable_size,
};
use datafusion::execution::runtime_env::RuntimeEnv;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How much of the node's memory one query may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareLimits {
    /// Most bytes of one query on this node, in all of its tasks.
    pub most: usize,
    /// Bytes that a query gets whatever others have.
    pub least: usize,
}

impl ShareLimits {
    /// Of a node whose queries bound each other by the pool alone.
    pub const NONE: Self = Self { most: usize::MAX, least: 0 };
}

/// Bytes of the node's pool that others have, and give to whoever asks for them.
pub type Spare = Arc<dyn Fn() -> usize + Send + Sync>;

/// Per cent of a share up to which operators that can spill are given memory. A merge in memory may take half as much
/// again as the sorts have counted: what one frees, the sorted rows of another take before they are written.
const SPILLING: usize = 45;

/// Per cent of a share up to which merges of spilled runs are given memory: each takes what there is, to
/// read as many runs at a time as it can, and does with two.
const MERGING: usize = 85;

/// What merges of spilled runs are registered as.
const MERGE: &str = "ExternalSorterMerge";

/// So large a part of a share is given to an operator even when others have more than that: it is what it
/// needs to go to disk with, and to merge two runs of rows of some hundred bytes.
const LITTLE: usize = 6;

/// And so large a part is given to one that has nothing yet: a sort cannot go to disk before it has its first batch,
/// which counts with all of the pages that its texts are in.
const FIRST: usize = 4;

/// Per cent of the node's pool that operators of several queries which can do with less are given memory up to.
const ALL_SPILLING: usize = 75;

/// The shares of the queries that run on a node.
pub(super) struct Shares {
    /// What queries share, with the whole node's pool.
    runtime: Arc<RuntimeEnv>,
    limits: ShareLimits,
    spare: Spare,
    /// The name of the node.
    node: Arc<str>,
    /// One for each that is there, and this one.
    there: Arc<()>,
    queries: Mutex<HashMap<Uuid, Weak<RuntimeEnv>>>,
}

impl Shares {
    pub(super) fn new(
        runtime: Arc<RuntimeEnv>,
        limits: ShareLimits,
        spare: Spare,
        node: &str,
    ) -> Self {
        let (there, queries) = (Arc::default(), Mutex::default());
        Self { runtime, limits, spare, node: node.into(), there, queries }
    }

    /// The runtime of a query: everything is the node's, but for the pool. All tasks of the query get
    /// the same, for as long as one of them is there.
    pub(super) fn of(&self, query: Uuid) -> Arc<RuntimeEnv> {
        let mut queries = self.queries.lock();
        if let Some(runtime) = queries.get(&query).and_then(Weak::upgrade) {
            return runtime;
        }
        if queries.len() == queries.capacity() {
            queries.retain(|_, runtime| runtime.strong_count() > 0);
        }
        let memory_pool = Arc::new(Share::new(query, self));
        let runtime = Arc::new(RuntimeEnv { memory_pool, ..RuntimeEnv::clone(&self.runtime) });
        queries.insert(query, Arc::downgrade(&runtime));
        runtime
    }

    /// Ends the query that has most of this node's memory, of those that began before `began`; gives its
    /// id. Of several that have no more than every query gets, or than the `untold` bytes that the process has and no
    /// query tells of, it is the oldest, which has had the most time to take those. `None` where there is none, or all
    /// have been ended.
    pub(super) fn end_largest(&self, began: Instant, untold: usize) -> Option<Uuid> {
        let running: Vec<_> = self.queries.lock().values().filter_map(Weak::upgrade).collect();
        let shares = running.iter().filter_map(|runtime| share(runtime));
        let goes_on = shares.filter(|share| share.began < began && !share.ended.is_cancelled());
        let little = self.limits.least.max(untold);
        let told = |share: &Share| share.reserved().saturating_sub(little);
        // The ids of queries are in the order of time.
        let largest = goes_on.max_by_key(|share| (told(share), Reverse(share.query)))?;
        largest.ended.cancel();
        Some(largest.query)
    }

    /// Whether something of a query is still there.
    pub(super) fn has(&self, query: Uuid) -> bool {
        self.queries.lock().get(&query).is_some_and(|runtime| runtime.strong_count() > 0)
    }
}

/// The share that a query's runtime takes memory through; `None` for any other runtime.
pub(super) fn share(runtime: &RuntimeEnv) -> Option<&Share> {
    runtime.memory_pool.downcast_ref()
}

fn share_of(all: usize, percent: usize) -> usize {
    all / 100 * percent + all % 100 * percent / 100
}

/// What each of a query's sorts sets aside for its merge, when a query may have `most` in so many
/// partitions: all of them together no large part of it. The engine's own ten megabytes at most.
pub(super) fn merge_reserve(most: usize, partitions: usize) -> usize {
    (most / 8 / partitions.max(1)).min(10 << 20)
}

/// One query's way to the node's pool.
pub(super) struct Share {
    query: Uuid,
    /// The name of the node.
    node: Arc<str>,
    pool: Arc<dyn MemoryPool>,
    limits: ShareLimits,
    spare: Spare,
    there: Arc<()>,
    used: AtomicUsize,
    began: Instant,
    ended: CancellationToken,
}

impl Share {
    fn new(query: Uuid, of: &Shares) -> Self {
        Self {
            query,
            node: Arc::clone(&of.node),
            pool: Arc::clone(&of.runtime.memory_pool),
            limits: of.limits,
            spare: Arc::clone(&of.spare),
            there: Arc::clone(&of.there),
            used: AtomicUsize::new(0),
            began: Instant::now(),
            ended: CancellationToken::new(),
        }
    }

    /// The name of the node that it is a share of.
    pub(super) fn node(&self) -> &str {
        &self.node
    }

    /// Cancelled when the query must end because the process takes too much memory.
    pub(super) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Why a query that was ended did not go on.
    pub(super) fn why_ended(&self) -> DataFusionError {
        let told = match self.reserved() {
            0 => String::new(),
            used => format!(", {} as far as operators tell", human_readable_size(used)),
        };
        DataFusionError::ResourcesExhausted(format!(
            "query {} was ended: the process took more memory than --memory-limit and what goes beside it allow, and this query is taken to have the most{told}: {}, or raise --memory-limit",
            self.query,
            self.advice()
        ))
    }

    /// What a client can do about it.
    fn advice(&self) -> &'static str {
        // This query's, and that of all of them.
        match Arc::strong_count(&self.there) > 2 {
            true => "give it less to do, let fewer queries run at a time",
            false => "give it less to do",
        }
    }

    /// What the query may have in all for `reservation` to be given `additional` bytes.
    fn most(&self, reservation: &MemoryReservation, additional: usize) -> usize {
        let most = self.limits.most;
        let consumer = reservation.consumer();
        let part = match consumer.can_spill() {
            true => SPILLING,
            false if consumer.name().starts_with(MERGE) => MERGING,
            false => return most,
        };
        let needs = match reservation.size() {
            0 => additional <= most / FIRST,
            has => has.saturating_add(additional) <= most / LITTLE,
        };
        match needs {
            true => most,
            false if self.is_pool_wanted(additional) => 0,
            false => share_of(most, part),
        }
    }

    /// Whether the rest of the node's pool is for those that cannot do without.
    fn is_pool_wanted(&self, additional: usize) -> bool {
        let MemoryLimit::Finite(pool) = self.pool.memory_limit() else { return false };
        let taken = self.pool.reserved().saturating_sub((self.spare)());
        taken.saturating_add(additional) > share_of(pool, ALL_SPILLING)
    }

    /// Counts `additional` bytes and gives what the query then has, or says that it has too much.
    fn count(&self, additional: usize, most: usize) -> Result<usize> {
        let add = |used: usize| used.checked_add(additional).filter(|sum| *sum <= most);
        let before = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
        before
            .map(|before| before + additional)
            .map_err(|used| self.too_much(used, additional, most))
    }

    fn too_much(&self, used: usize, additional: usize, most: usize) -> DataFusionError {
        let share = self.limits.most;
        let why = match most {
            0 => format!(
                "more, and what this node has left is for operators that cannot spill: {}",
                self.advice()
            ),
            _ if most < share => format!(
                "more than the {} allow that operators which spill may have of its share of {}: give it less to do",
                human_readable_size(most),
                human_readable_size(share)
            ),
            _ => format!(
                "more than its share of {} allows: give it less to do",
                human_readable_size(share)
            ),
        };
        let [used, additional] = [used, additional].map(human_readable_size);
        DataFusionError::ResourcesExhausted(format!(
            "query {} has {used} of this node's memory and needs {additional} {why}, or raise --memory-limit or --query-memory-percent",
            self.query
        ))
    }
}

impl MemoryPool for Share {
    fn name(&self) -> &str {
        "share"
    }

    fn register(&self, consumer: &MemoryConsumer) {
        self.pool.register(consumer);
    }

    fn unregister(&self, consumer: &MemoryConsumer) {
        self.pool.unregister(consumer);
    }

    fn grow(&self, reservation: &MemoryReservation, additional: usize) {
        self.used.fetch_add(additional, Ordering::Relaxed);
        self.pool.grow(reservation, additional);
    }

    fn shrink(&self, reservation: &MemoryReservation, shrink: usize) {
        self.used.fetch_sub(shrink, Ordering::Relaxed);
        self.pool.shrink(reservation, shrink);
    }

    fn try_grow(&self, reservation: &MemoryReservation, additional: usize) -> Result<()> {
        let used = self.count(additional, self.most(reservation, additional))?;
        if used <= self.limits.least {
            self.pool.grow(reservation, additional);
            return Ok(());
        }
        let grown = self.pool.try_grow(reservation, additional);
        if grown.is_err() {
            self.used.fetch_sub(additional, Ordering::Relaxed);
        }
        grown
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.limits.most)
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Share").field("query", &self.query).finish_non_exhaustive()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "share of query {} of {}", self.query, self.pool)
    }
}

#[cfg(test)]
mod sorts;

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::execution::memory_pool::GreedyMemoryPool;
    use datafusion::execution::runtime_env::RuntimeEnvBuilder;

    const LIMITS: ShareLimits = ShareLimits { most: 80, least: 10 };

    fn shares() -> Shares {
        let pool = Arc::new(GreedyMemoryPool::new(100));
        Shares::new(
            RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc().unwrap(),
            LIMITS,
            Arc::new(|| 0),
            "a",
        )
    }

    fn operator(runtime: &Arc<RuntimeEnv>) -> MemoryReservation {
        MemoryConsumer::new("operator").register(&runtime.memory_pool)
    }

    #[test]
    fn a_query_past_its_share_is_refused_by_name() {
        let shares = shares();
        let runtime = shares.of(Uuid::from_u128(7));
        let (one, other) = (operator(&runtime), operator(&runtime));
        one.try_grow(50).unwrap();
        let refused = other.try_grow(31).unwrap_err();
        assert!(matches!(refused, DataFusionError::ResourcesExhausted(_)));
        assert!(refused.to_string().contains(&Uuid::from_u128(7).to_string()), "{refused}");
        other.try_grow(30).unwrap();
    }

    #[test]
    fn a_small_query_gets_its_first_bytes_from_an_empty_pool() {
        let shares = shares();
        let (large, other) = (shares.of(Uuid::from_u128(1)), shares.of(Uuid::from_u128(2)));
        let (filled, rest) = (operator(&large), operator(&other));
        filled.try_grow(80).unwrap();
        rest.try_grow(20).unwrap();
        let small = operator(&shares.of(Uuid::from_u128(3)));
        small.try_grow(10).unwrap();
        small.try_grow(1).unwrap_err();
        assert_eq!(small.size(), 10);
    }

    fn sort(runtime: &Arc<RuntimeEnv>) -> MemoryReservation {
        MemoryConsumer::new("sort").with_can_spill(true).register(&runtime.memory_pool)
    }

    #[test]
    fn what_can_spill_leaves_something_to_what_cannot() {
        let runtime = shares().of(Uuid::from_u128(1));
        let (sort, merge) = (sort(&runtime), operator(&runtime));
        sort.try_grow(36).unwrap();
        let refused = sort.try_grow(1).unwrap_err().to_string();
        assert!(refused.contains("36.0 B") && refused.contains("80.0 B"), "{refused}");
        merge.try_grow(44).unwrap();
    }

    #[test]
    fn what_can_spill_gets_what_it_spills_with() {
        let runtime = shares().of(Uuid::from_u128(1));
        let (sort, join) = (sort(&runtime), operator(&runtime));
        join.try_grow(75).unwrap();
        sort.try_grow(5).unwrap();
        sort.try_grow(1).unwrap_err();
    }

    #[test]
    fn a_merge_of_what_was_spilled_leaves_something_to_others() {
        let runtime = shares().of(Uuid::from_u128(1));
        let merge = MemoryConsumer::new("ExternalSorterMerge[0]").register(&runtime.memory_pool);
        merge.try_grow(68).unwrap();
        merge.try_grow(1).unwrap_err();
        operator(&runtime).try_grow(12).unwrap();
    }

    #[test]
    fn sorts_of_several_queries_leave_something_to_what_cannot_spill() {
        let shares = shares();
        let [one, other, third] = [1, 2, 3].map(|query| shares.of(Uuid::from_u128(query)));
        let [first, second, third] = [&one, &other, &third].map(sort);
        first.try_grow(36).unwrap();
        second.try_grow(36).unwrap();
        let refused = third.try_grow(21).unwrap_err().to_string();
        assert!(refused.contains("cannot spill") && !refused.contains("share"), "{refused}");
        operator(&one).try_grow(25).unwrap();
    }

    #[test]
    fn what_is_given_back_can_be_taken_again() {
        let shares = shares();
        let runtime = shares.of(Uuid::from_u128(1));
        for _ in 0..3 {
            let operator = operator(&runtime);
            operator.try_grow(80).unwrap();
            operator.try_grow(1).unwrap_err();
        }
        assert_eq!(runtime.memory_pool.reserved(), 0);
        assert_eq!(shares.runtime.memory_pool.reserved(), 0);
    }

    #[test]
    fn all_tasks_of_a_query_share_one_share() {
        let shares = shares();
        let first = shares.of(Uuid::from_u128(1));
        let _held = operator(&first).try_grow(1);
        assert!(Arc::ptr_eq(&first, &shares.of(Uuid::from_u128(1))));
    }

    #[test]
    fn the_query_with_the_most_is_ended_and_then_the_next() {
        let shares = shares();
        let [small, large] = [1, 2].map(|query| shares.of(Uuid::from_u128(query)));
        let (some, more) = (operator(&small), operator(&large));
        some.try_grow(11).unwrap();
        more.try_grow(12).unwrap();
        assert_eq!(shares.end_largest(Instant::now(), 0), Some(Uuid::from_u128(2)));
        assert!(share(&large).unwrap().ended().is_cancelled());
        assert!(!share(&small).unwrap().ended().is_cancelled());
        assert_eq!(shares.end_largest(Instant::now(), 0), Some(Uuid::from_u128(1)));
        assert_eq!(shares.end_largest(Instant::now(), 0), None);
    }

    /// What one of them tells of is not what the process has too much of.
    #[test]
    fn where_nobody_tells_of_what_there_is_the_oldest_ends() {
        let shares = shares();
        let [_old, new] = [1, 2].map(|query| shares.of(Uuid::from_u128(query)));
        let sort = operator(&new);
        sort.try_grow(30).unwrap();
        assert_eq!(shares.end_largest(Instant::now(), 40), Some(Uuid::from_u128(1)));
    }

    #[test]
    fn of_queries_that_tell_of_little_the_oldest_is_ended() {
        let shares = shares();
        let [old, young] = [1, 2].map(|query| shares.of(Uuid::from_u128(query)));
        let (little, more) = (operator(&old), operator(&young));
        little.try_grow(1).unwrap();
        more.try_grow(9).unwrap();
        assert_eq!(shares.end_largest(Instant::now(), 0), Some(Uuid::from_u128(1)));
        assert!(shares.has(Uuid::from_u128(1)));
        drop((little, old));
        assert!(!shares.has(Uuid::from_u128(1)));
    }

    #[test]
    fn a_query_that_came_later_is_not_ended() {
        let shares = shares();
        let before = Instant::now();
        let _query = shares.of(Uuid::from_u128(1));
        assert_eq!(shares.end_largest(before, 0), None);
    }

    #[test]
    fn queries_that_are_over_are_forgotten() {
        let shares = shares();
        for query in 0..10_000 {
            shares.of(Uuid::from_u128(query));
        }
        assert!(shares.queries.lock().len() < 100);
    }
}
