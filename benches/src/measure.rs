//! Turns, medians and ratios.

use crate::Result;
use crate::contender::Contender;
use squadron_benches::Taken;

/// What each contender took in each turn.
pub struct Turns {
    names: Vec<String>,
    /// By contender, then by turn.
    taken: Vec<Vec<Taken>>,
}

impl Turns {
    /// Runs every contender once to warm up, then `rounds` times in turns.
    pub async fn run(rounds: usize, contenders: &[(&str, Contender<'_>)]) -> Result<Self> {
        let names = contenders.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut taken = vec![Vec::with_capacity(rounds); contenders.len()];
        for round in 0..=rounds {
            for (index, (name, contender)) in contenders.iter().enumerate() {
                let once = contender.once().await.map_err(|error| format!("{name}: {error}"))?;
                if round > 0 {
                    taken[index].push(once);
                }
            }
        }
        Ok(Self { names, taken })
    }

    /// The rows that every contender counted in every turn.
    ///
    /// # Errors
    /// When they do not agree.
    pub fn rows(&self) -> Result<u64> {
        let mut rows = self.taken.iter().flatten().map(|taken| taken.rows);
        let first = rows.next().unwrap_or_default();
        match rows.find(|other| *other != first) {
            Some(other) => Err(format!("{first} rows once, {other} rows another time").into()),
            None => Ok(first),
        }
    }

    /// Seconds of one contender, turn by turn.
    pub fn seconds(&self, contender: usize) -> Vec<f64> {
        self.taken[contender].iter().map(|taken| taken.seconds).collect()
    }

    /// How many times longer `a` took than `b`: the median over the turns.
    pub fn ratio(&self, a: usize, b: usize) -> f64 {
        let pairs = self.seconds(a).into_iter().zip(self.seconds(b));
        median(pairs.map(|(a, b)| a / b).collect())
    }

    /// All contenders in millions of rows a second, with the rows that any of them counted.
    pub fn rates(&self) -> String {
        let rows = self.taken.iter().flatten().map(|taken| taken.rows).max().unwrap_or_default();
        let rate = |index: usize| rows as f64 / 1e6 / median(self.seconds(index));
        let each = self.names.iter().enumerate();
        let each = each.map(|(index, name)| {
            let batches = self.taken[index].first().map_or(0, |taken| taken.batches);
            format!("{name} {:.1} M rows/s ({batches} batches)", rate(index))
        });
        each.collect::<Vec<_>>().join(", ")
    }

    /// All contenders in milliseconds.
    pub fn times(&self) -> String {
        let each = self.names.iter().enumerate();
        let each =
            each.map(|(index, name)| format!("{name} {:.1} ms", median(self.seconds(index)) * 1e3));
        each.collect::<Vec<_>>().join(", ")
    }
}

/// The median; NaN of nothing.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => (values[even / 2 - 1] + values[even / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
    }
}
