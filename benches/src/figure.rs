//! A measured figure beside its target, and the table of all of them.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::Result;

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
pub enum Target {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// Nothing: it is there to explain another.
    Told,
}

/// One figure.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What it is.
    pub what: String,
    /// What it should be.
    pub target: Target,
    /// What it is now.
    pub measured: f64,
    /// In what.
    pub unit: &'static str,
    /// What it was computed from.
    pub from: String,
}

impl Figure {
    /// Whether it is what it should be.
    pub fn reached(&self) -> Option<bool> {
        match self.target {
            Target::AtLeast(least) => Some(self.measured >= least),
            Target::AtMost(most) => Some(self.measured <= most),
            Target::Told => None,
        }
    }

    /// Its row of the table.
    pub fn row(&self) -> String {
        let unit = self.unit;
        let target = match self.target {
            Target::AtLeast(least) => format!("≥ {least} {unit}"),
            Target::AtMost(most) => format!("≤ {most} {unit}"),
            Target::Told => String::new(),
        };
        let reached = match self.reached() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        format!(
            "| {} | {target} | {:.2} {unit} | {reached} | {} |",
            self.what, self.measured, self.from
        )
    }
}

/// The figures of a run.
#[derive(Debug, Serialize)]
pub struct Report {
    unix_seconds: u64,
    cores: usize,
    processor: String,
    /// One-minute load when the run began: what else the machine did.
    load: String,
    figures: Vec<Figure>,
}

impl Report {
    /// A report of this machine, now.
    pub fn begin() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            unix_seconds: since.map_or(0, |since| since.as_secs()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            processor: processor(),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            figures: Vec::new(),
        }
    }

    /// Adds a figure.
    pub fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// The table, for README.md.
    pub fn markdown(&self) -> String {
        let rows: Vec<_> = self.figures.iter().map(Figure::row).collect();
        let Self { cores, processor, load, .. } = self;
        format!(
            "{cores} cores ({processor}), load {load} at the start\n\n\
             | figure | target | measured | reached | from |\n|---|---|---|---|---|\n{}",
            rows.join("\n")
        )
    }

    /// Keeps the run as JSON in `folder`.
    pub fn store(&self, folder: &Path) -> Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.json", self.unix_seconds));
        std::fs::write(&path, serde_json::to_string_pretty(self)?)?;
        Ok(path)
    }
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name"));
    name.map_or("unknown", |name| name.trim_start_matches([' ', '\t', ':'])).to_owned()
}
