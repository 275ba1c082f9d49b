//! `var`, `stddev`, `covar`, `corr` and `regr_…`: what is about squares of distances from the mean.
//!
//! Problem: DataFusion 55 takes what leaves a window from such totals by subtraction (after a NaN all that follows is
//! NaN); its `corr` by groups takes the difference of two sums of squares, which of numbers about 10^9 has no digit
//! left that is right, and is NULL where one side has an infinity; its `var_pop` of a NaN is 0. Official way: none.
//! Here: windows as those of [`sliding`](super::sliding), and totals by the means and the distances from them (Youngs
//! and Cramer, 1971; those of parts as Chan, Golub and LeVeque, 1979, put them together), as PostgreSQL does.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator};

use super::passed_on::passed_on;
use super::sliding::{Part, Sliding, Told, Window};

mod collected;

use collected::{Groups, Whole};

/// What is known of pairs of numbers. Of numbers by themselves: of pairs of each with itself.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Moments {
    pub(super) count: u64,
    pub(super) mean_x: f64,
    pub(super) mean_y: f64,
    /// The squares of the distances from the mean, added up.
    pub(super) squares_x: f64,
    pub(super) squares_y: f64,
    /// The products of both distances, added up.
    pub(super) products: f64,
}

impl Moments {
    /// The distance of an infinity, or of a NaN, from itself is NaN, as 0 times it is.
    pub(super) fn of(x: f64, y: f64) -> Self {
        let [dx, dy] = [x * 0.0, y * 0.0];
        let (squares_x, squares_y, products) = (dx, dy, dx + dy);
        Self { count: 1, mean_x: x, mean_y: y, squares_x, squares_y, products }
    }
}

impl Part for Moments {
    fn with(self, other: Self) -> Self {
        if self.count == 0 {
            return other;
        }
        if other.count == 0 {
            return self;
        }
        let count = self.count + other.count;
        let [dx, dy] = [other.mean_x - self.mean_x, other.mean_y - self.mean_y];
        let part = other.count as f64 / count as f64;
        let weight = self.count as f64 * part;
        Self {
            count,
            mean_x: self.mean_x + dx * part,
            mean_y: self.mean_y + dy * part,
            squares_x: self.squares_x + other.squares_x + dx * dx * weight,
            squares_y: self.squares_y + other.squares_y + dy * dy * weight,
            products: self.products + other.products + dx * dy * weight,
        }
    }
}

/// What a function answers, of what is known of its numbers: `None` is NULL.
type Answer = fn(Moments) -> Option<f64>;

fn over(squares: f64, count: u64) -> Option<f64> {
    (count > 0).then(|| squares / count as f64)
}

/// Of a function's first argument and its second, which are y and x in SQL.
const ANSWERS: [(&str, Answer); 15] = [
    ("var", |of| over(of.squares_x, of.count.saturating_sub(1))),
    ("var_pop", |of| over(of.squares_x, of.count)),
    ("stddev", |of| over(of.squares_x, of.count.saturating_sub(1)).map(f64::sqrt)),
    ("stddev_pop", |of| over(of.squares_x, of.count).map(f64::sqrt)),
    ("covar_samp", |of| over(of.products, of.count.saturating_sub(1))),
    ("covar_pop", |of| over(of.products, of.count)),
    ("corr", corr),
    ("regr_slope", slope),
    ("regr_intercept", |of| slope(of).map(|slope| of.mean_x - slope * of.mean_y)),
    ("regr_r2", explained),
    ("regr_avgx", |of| (of.count > 0).then_some(of.mean_y)),
    ("regr_avgy", |of| (of.count > 0).then_some(of.mean_x)),
    ("regr_sxx", |of| (of.count > 0).then_some(of.squares_y)),
    ("regr_syy", |of| (of.count > 0).then_some(of.squares_x)),
    ("regr_sxy", |of| (of.count > 0).then_some(of.products)),
];

fn corr(of: Moments) -> Option<f64> {
    let differ = of.count > 0 && of.squares_x != 0.0 && of.squares_y != 0.0;
    differ.then(|| of.products / of.squares_x.sqrt() / of.squares_y.sqrt())
}

/// All of what does not vary is explained.
fn explained(of: Moments) -> Option<f64> {
    match of.squares_x == 0.0 {
        true => (of.count > 0 && of.squares_y != 0.0).then_some(1.0),
        false => corr(of).map(|r| r * r),
    }
}

fn slope(of: Moments) -> Option<f64> {
    (of.count > 1 && of.squares_y != 0.0).then(|| of.products / of.squares_y)
}

/// One of these functions. Two are the same where DataFusion's are.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Moment(Arc<AggregateUDF>);

impl Moment {
    /// Those among functions that are of these.
    pub(super) fn all<'f>(
        functions: impl Fn(&str) -> Option<&'f Arc<AggregateUDF>>,
    ) -> Vec<AggregateUDF> {
        let found = ANSWERS.iter().filter_map(|(name, _)| functions(name));
        let found = found.filter(|function| !function.inner().is::<Self>());
        found.map(|function| AggregateUDF::new_from_impl(Self(Arc::clone(function)))).collect()
    }

    fn inner(&self) -> &dyn AggregateUDFImpl {
        self.0.inner().as_ref()
    }

    /// `None` for one of DISTINCT numbers, which DataFusion collects as a set.
    fn answer(&self, is_distinct: bool) -> Option<Answer> {
        let found = ANSWERS.iter().find(|(name, _)| *name == self.name() && !is_distinct);
        found.map(|(_, answer)| *answer)
    }
}

impl AggregateUDFImpl for Moment {
    passed_on!();
    passed_on!(types);

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if self.answer(args.is_distinct).is_none() {
            return self.inner().state_fields(args);
        }
        let field = |name: &str, data_type: DataType| {
            Arc::new(Field::new(format_state_name(args.name, name), data_type, true))
        };
        let floats = ["mean_x", "mean_y", "squares_x", "squares_y", "products"];
        let floats = floats.map(|name| field(name, DataType::Float64));
        Ok(std::iter::once(field("count", DataType::UInt64)).chain(floats).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match self.answer(args.is_distinct) {
            Some(answer) => Ok(Box::new(Whole { answer, known: Moments::default() })),
            None => self.inner().accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match self.answer(args.is_distinct) {
            Some(answer) => Ok(Box::new(Sliding::new(InWindow(answer)))),
            None => self.inner().create_sliding_accumulator(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match self.answer(args.is_distinct) {
            Some(answer) => Ok(Box::new(Groups { answer, known: Vec::new() })),
            None => self.inner().create_groups_accumulator(args),
        }
    }
}

/// Pairs of the values of one or two columns, without those of which one is NULL.
fn pairs(values: &[ArrayRef]) -> impl Iterator<Item = Moments> {
    let x = values[0].as_primitive::<Float64Type>();
    let y = values.get(1).unwrap_or(&values[0]).as_primitive::<Float64Type>();
    x.iter().zip(y.iter()).filter_map(|(x, y)| Some(Moments::of(x?, y?)))
}

fn told(answer: Option<f64>) -> Option<f64> {
    answer.map(|answer| if answer.is_nan() { f64::NAN } else { answer })
}

/// Of the numbers in a window.
#[derive(Debug)]
struct InWindow(Answer);

impl Told for InWindow {
    type Part = Moments;

    fn parts(&self, columns: &[ArrayRef]) -> impl Iterator<Item = Moments> {
        pairs(columns)
    }

    fn answer(&self, window: &Window<Moments>) -> Option<f64> {
        (self.0)(window.total())
    }
}
