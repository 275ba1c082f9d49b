//! The comparison, for people.

use std::fmt;
use std::time::Duration;

use super::run::Right;

/// One query on one cluster.
pub struct Cell {
    /// From asking to the last row.
    pub took: Duration,
    /// What is different; `None` when it is right.
    pub verdict: Option<String>,
}

/// Queries down, clusters across.
pub struct Table {
    rows: Vec<usize>,
    columns: Vec<(String, Vec<Cell>)>,
}

impl Table {
    /// A table without clusters.
    pub fn new(right: &[Right]) -> Self {
        let count =
            |right: &Right| right.datafusion.batches.iter().map(|batch| batch.num_rows()).sum();
        Self { rows: right.iter().map(count).collect(), columns: Vec::new() }
    }

    /// Adds a cluster.
    pub fn column(&mut self, title: String, cells: Vec<Cell>) {
        self.columns.push((title, cells));
    }

    /// How many answers differ.
    pub fn differences(&self) -> usize {
        self.cells().filter(|(_, _, cell)| cell.verdict.is_some()).count()
    }

    fn cells(&self) -> impl Iterator<Item = (&str, usize, &Cell)> {
        self.columns.iter().flat_map(|(title, cells)| {
            cells.iter().enumerate().map(move |(query, cell)| (title.as_str(), query + 1, cell))
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} {:>8}", "query", "rows")?;
        for (title, _) in &self.columns {
            write!(f, " {title:>14}")?;
        }
        for (query, rows) in self.rows.iter().enumerate() {
            write!(f, "\n{:>5} {rows:>8}", format!("q{}", query + 1))?;
            for (_, cells) in &self.columns {
                let cell = &cells[query];
                let mark = if cell.verdict.is_none() { "ok" } else { "DIFFERENT" };
                write!(f, " {:>14}", format!("{} ms {mark}", cell.took.as_millis()))?;
            }
        }
        for (title, query, cell) in self.cells() {
            if let Some(verdict) = &cell.verdict {
                write!(f, "\n\nq{query} on {title}: {verdict}")?;
            }
        }
        let answers = self.cells().count();
        write!(f, "\n\n{} of {answers} answers are right", answers - self.differences())
    }
}
