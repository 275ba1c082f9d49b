//! Aggregates whose answers hold all that they were given ask for each answer.
//!
//! Problem: in a window `string_agg` and `array_agg` answer for every row with all rows so far: 15,000 rows of 2 MB are
//! 15 GB, made in one turn of the operator, which asks no pool. Official way: none. Here: they take memory for what
//! they have answered, for as long as it may be there; those of groups take it before they answer, and have what they
//! gather in an order (`ordered.rs`).

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF,
};

use super::super::exact::passed_on;
use super::Bounds;

mod asking;
mod ordered;

use asking::{Asking, AskingGroups, OfAll};
use ordered::{Order, Ordered};

const GATHERING: [&str; 2] = ["array_agg", "string_agg"];

/// An operator of windows that move has no more answers of one of them than rows of two batches.
const ANSWERS: usize = 2 * 8192;

/// One of them. Two are the same where what they wrap is.
#[derive(Debug)]
pub(super) struct Gathered {
    inner: AggregateUDF,
    bounds: Arc<Bounds>,
}

impl Gathered {
    /// A function, wrapped; `None` for one that is already, or that needs not be.
    pub(super) fn of(function: &AggregateUDF, bounds: &Arc<Bounds>) -> Option<Self> {
        let needs = GATHERING.contains(&function.name()) && !function.inner().is::<Self>();
        needs.then(|| Self { inner: function.clone(), bounds: Arc::clone(bounds) })
    }

    fn inner(&self) -> &dyn AggregateUDFImpl {
        self.inner.inner().as_ref()
    }

    fn asking(&self, inner: Box<dyn Accumulator>, answers: usize) -> Box<dyn Accumulator> {
        Box::new(Asking::new(self.name(), &self.bounds, inner, answers))
    }

    fn groups<G: GroupsAccumulator + ?Sized>(&self, inner: Box<G>) -> AskingGroups<G> {
        AskingGroups::new(self.name(), &self.bounds, inner)
    }
}

impl PartialEq for Gathered {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Gathered {}

impl Hash for Gathered {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl AggregateUDFImpl for Gathered {
    passed_on!(names);
    passed_on!(types);
    passed_on!(state);
    passed_on!(writing);

    /// What is in order already is sorted in no time: nothing is gained by the way round.
    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::NotSupported
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        matches!(Order::of(self.name(), &args), Ok(Some(_)))
            || self.inner().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match Order::of(self.name(), &args)? {
            Some(order) => Ok(Box::new(self.groups(Box::new(Ordered::new(order, 0))))),
            None => Ok(Box::new(self.groups(self.inner().create_groups_accumulator(args)?))),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if let Some(order) = Order::of(self.name(), &args)? {
            return Ok(Box::new(OfAll(self.groups(Box::new(Ordered::new(order, 1))))));
        }
        Ok(self.asking(self.inner().accumulator(args)?, usize::MAX))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(self.asking(self.inner().create_sliding_accumulator(args)?, ANSWERS))
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        beneficial: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        let inner = Arc::clone(self.inner.inner()).with_beneficial_ordering(beneficial)?;
        Ok(inner.map(|inner| {
            let inner = AggregateUDF::new_from_shared_impl(inner);
            Arc::new(Self { inner, bounds: Arc::clone(&self.bounds) }) as _
        }))
    }
}
