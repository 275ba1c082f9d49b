//! Many random recipes, and what came of them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::try_join_all;

use super::arena::NODES;
use super::{Answers, Arena, Means, Recipe, Report, Verdict};
use crate::Result;

/// So few faults say nothing about how many come in their phase.
const FEW: usize = 20;

/// What to run.
pub struct Soak {
    /// The program to start.
    pub program: PathBuf,
    /// The tables.
    pub data: PathBuf,
    /// How many recipes.
    pub runs: u64,
    /// The first one's seed; the next ones have the next numbers, so that each can be run alone.
    pub seed: u64,
    /// How many clusters take turns: most of a run is waiting for time-outs.
    pub lanes: usize,
    /// What can be broken here. What needs hosts has a lane of its own.
    pub means: Means,
}

impl Soak {
    /// Runs all; `told` hears of each run as it ends.
    ///
    /// # Errors
    /// When a cluster cannot be started, broken or mended.
    pub async fn run(&self, told: impl Fn(&Report)) -> Result<Tally> {
        let answers = Arc::new(Answers::over(&self.data).await?);
        let tally = Mutex::new(Tally::default());
        // Those of either kind are counted apart, and pass over the other's: a seed is one recipe, whoever
        // runs it.
        let next = [AtomicU64::new(0), AtomicU64::new(0)];
        let lane = async |hosts: bool| {
            let mut arena = None;
            loop {
                let run = next[usize::from(hosts)].fetch_add(1, Ordering::Relaxed);
                if run >= self.runs {
                    return Ok::<_, crate::Error>(());
                }
                let recipe = Recipe::from_seed(self.seed.wrapping_add(run), NODES, self.means);
                if recipe.needs_hosts() != hosts {
                    continue;
                }
                let mut ready = match arena.take() {
                    Some(ready) => ready,
                    None => self.arena(&answers, hosts).await?,
                };
                let report = ready.run(&recipe).await.map_err(|e| format!("{recipe}: {e}"))?;
                told(&report);
                // What one run has left behind is no other's fault.
                arena = report.is_good().then_some(ready);
                tally.lock().expect("nobody panics with it").add(report);
            }
        };
        let lanes = std::iter::repeat_n(false, self.lanes.max(1)).chain([true]);
        try_join_all(lanes.map(&lane)).await?;
        Ok(tally.into_inner().expect("nobody panics with it"))
    }

    async fn arena(&self, answers: &Arc<Answers>, hosts: bool) -> Result<Arena> {
        if hosts {
            let hosts = Arena::hosts()?;
            return Arena::on_hosts(&self.program, &self.data, Arc::clone(answers), hosts).await;
        }
        let disks = if self.means.disks { Some(Arena::disks()?) } else { None };
        Arena::start(&self.program, &self.data, Arc::clone(answers), disks).await
    }
}

/// What came of many runs.
#[derive(Debug, Default)]
pub struct Tally {
    runs: usize,
    exact: usize,
    gone: usize,
    phased: usize,
    missed: usize,
    errors: BTreeMap<String, usize>,
    slowest: Option<Report>,
    bad: Vec<Report>,
}

impl Tally {
    fn add(&mut self, report: Report) {
        self.runs += 1;
        self.phased += usize::from(report.recipe.has_a_phase());
        self.missed += usize::from(report.recipe.has_a_phase() && !report.hit);
        match &report.verdict {
            Verdict::Exact => self.exact += 1,
            Verdict::Gone => self.gone += 1,
            Verdict::Error(code, _) => *self.errors.entry(format!("{code:?}")).or_default() += 1,
            Verdict::Wrong(_) | Verdict::Hangs => {}
        }
        if self.slowest.as_ref().is_none_or(|slowest| slowest.took < report.took) {
            self.slowest = Some(report.clone());
        }
        if !report.is_good() {
            self.bad.push(report);
        }
    }

    /// The runs that were not as promised.
    pub fn bad(&self) -> &[Report] {
        &self.bad
    }

    /// Whether so many faults came outside their phase that the phases are not tested.
    pub fn misses_phases(&self) -> bool {
        self.phased >= FEW && self.missed * 3 > self.phased
    }

    fn count(&self, what: impl Fn(&Report) -> bool) -> usize {
        self.bad.iter().filter(|report| what(report)).count()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = self.count(|report| matches!(report.verdict, Verdict::Wrong(_)));
        let hangs = self.count(|report| report.verdict == Verdict::Hangs);
        let leaks = self.count(|report| report.leak.is_some());
        writeln!(f, "{} runs: {} exact answers", self.runs, self.exact)?;
        for (code, count) in &self.errors {
            writeln!(f, "  {count:>5} errors {code}")?;
        }
        writeln!(f, "  {:>5} clients that did not wait", self.gone)?;
        writeln!(f, "  {:>5} of {} faults outside their phase", self.missed, self.phased)?;
        if let Some(slowest) = &self.slowest {
            writeln!(f, "  slowest after its fault: {slowest}")?;
        }
        write!(f, "{wrong} wrong results, {hangs} hangs, {leaks} leaks")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::{Fault, Phase};

    fn tally(phase: Phase, hits: usize, misses: usize) -> Tally {
        let recipe = Recipe::new("large").fault(Fault::Kill(1), phase);
        let mut tally = Tally::default();
        for run in 0..hits + misses {
            let recipe = recipe.clone();
            let (verdict, took) = (Verdict::Exact, std::time::Duration::ZERO);
            tally.add(Report { recipe, hit: run < hits, verdict, took, leak: None });
        }
        tally
    }

    #[test]
    fn a_third_of_the_faults_may_miss_their_phase() {
        assert!(!tally(Phase::Reading, 20, 10).misses_phases());
        assert!(tally(Phase::Reading, 20, 11).misses_phases());
    }

    #[test]
    fn what_has_no_phase_of_its_own_does_not_count() {
        assert!(!tally(Phase::Planning, 0, 40).misses_phases());
        assert!(!tally(Phase::Reading, 0, FEW - 1).misses_phases());
    }
}
