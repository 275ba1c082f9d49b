//! `skewness` and `kurtosis`, which the engine has not.
//!
//! As Spark's `CentralMomentAgg`: powers of what each value differs from the mean by, which parts of the rows have each and which
//! are put together; sums of powers of the values themselves would lose most of their digits.

use std::mem::size_of_val;

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

pub(super) fn functions() -> [AggregateUDF; 2] {
    ["skewness", "kurtosis"].map(|name| {
        let signature = Signature::user_defined(Volatility::Immutable);
        AggregateUDF::new_from_impl(Moment { name, signature })
    })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Moment {
    name: &'static str,
    signature: Signature,
}

impl AggregateUDFImpl for Moment {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [of] if of.is_numeric() || of.is_null() || of.is_string() => {
                Ok(vec![DataType::Float64])
            }
            _ => plan_err!("{} takes one number", self.name),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return exec_err!(
                "{}(DISTINCT …) is not supported: select the distinct values first",
                self.name
            );
        }
        Ok(Box::new(Moments { is_fourth: self.name == "kurtosis", ..Moments::default() }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let names = ["count", "mean", "second", "third", "fourth"];
        let field = |part: &str| {
            Field::new(format!("{}[{part}]", args.name), DataType::Float64, true).into()
        };
        Ok(names.into_iter().map(field).collect())
    }
}

/// What some rows come to.
#[derive(Debug, Default, Clone)]
struct Moments {
    is_fourth: bool,
    count: f64,
    mean: f64,
    second: f64,
    third: f64,
    fourth: f64,
}

impl Moments {
    /// Of these rows and others (Spark's `CentralMomentAgg.mergeExpressions`).
    fn add(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        let (n1, n2) = (self.count, other.count);
        let count = n1 + n2;
        let delta = other.mean - self.mean;
        let part = delta / count;
        let fourth = self.fourth
            + other.fourth
            + part * part * part * delta * n1 * n2 * (n1 * n1 - n1 * n2 + n2 * n2)
            + part * part * 6.0 * (n1 * n1 * other.second + n2 * n2 * self.second)
            + 4.0 * part * (n1 * other.third - n2 * self.third);
        let third = self.third
            + other.third
            + part * part * delta * n1 * n2 * (n1 - n2)
            + 3.0 * part * (n1 * other.second - n2 * self.second);
        self.second = self.second + other.second + delta * part * n1 * n2;
        (self.count, self.mean, self.third, self.fourth) =
            (count, self.mean + part * n2, third, fourth);
    }
}

impl Accumulator for Moments {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for value in values[0].as_primitive::<Float64Type>().iter().flatten() {
            self.add(&Self { count: 1.0, mean: value, ..Self::default() });
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = match (self.count == 0.0, self.second == 0.0, self.is_fourth) {
            (true, ..) | (_, true, _) => None,
            (.., true) => Some(self.count * self.fourth / (self.second * self.second) - 3.0),
            (.., false) => Some(
                self.count.sqrt() * self.third / (self.second * self.second * self.second).sqrt(),
            ),
        };
        Ok(ScalarValue::Float64(value))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let parts = [self.count, self.mean, self.second, self.third, self.fourth];
        Ok(parts.into_iter().map(|part| ScalarValue::Float64(Some(part))).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let parts: Vec<_> =
            states.iter().map(|state| state.as_primitive::<Float64Type>()).collect();
        for row in 0..parts[0].len() {
            self.add(&Self {
                is_fourth: self.is_fourth,
                count: parts[0].value(row),
                mean: parts[1].value(row),
                second: parts[2].value(row),
                third: parts[3].value(row),
                fourth: parts[4].value(row),
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_to_the_same_as_all_rows() {
        let of = |values: &[f64]| {
            let mut all = Moments::default();
            for value in values {
                all.add(&Moments { count: 1.0, mean: *value, ..Moments::default() });
            }
            all
        };
        let mut parts = of(&[1.0, 2.0]);
        parts.add(&of(&[2.0, 9.0]));
        for (is_fourth, expected) in
            [(false, 1.097_025_449_363_866_7), (true, -0.705_532_421_177_868_4)]
        {
            for mut all in [of(&[1.0, 2.0, 2.0, 9.0]), parts.clone()] {
                all.is_fourth = is_fourth;
                let ScalarValue::Float64(Some(value)) = all.evaluate().unwrap() else {
                    panic!("a value")
                };
                assert!((value - expected).abs() < 1e-12, "{value}");
            }
        }
    }
}
