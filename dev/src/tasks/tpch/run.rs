//! The right answers, and what clusters answer.

use std::path::Path;
use std::time::Instant;

use squadron_dev::Result;
use squadron_dev::answer::{Answer, ask};
use squadron_dev::oracle::{Oracle, Rows, difference, duckdb};
use squadron_dev::process::ProcessCluster;
use squadron_server::demo::tpch::QUERIES;

use super::table::{Cell, Table};

/// One query's right rows.
pub struct Right {
    /// DataFusion's.
    pub datafusion: Rows,
    /// DuckDB's.
    pub duckdb: Rows,
}

/// The right rows of every query.
pub async fn right(data: &Path) -> Result<Vec<Right>> {
    eprintln!("DataFusion and DuckDB over {}", data.display());
    let oracle = Oracle::over(data).await?;
    let mut right = Vec::new();
    for (sql, duckdb) in QUERIES.iter().zip(duckdb(data, &QUERIES)?) {
        right.push(Right { datafusion: oracle.rows(sql).await?, duckdb });
    }
    Ok(right)
}

/// Asks a cluster of this size everything, in every mode.
pub async fn cluster(
    nodes: usize,
    modes: &[String],
    data: &Path,
    right: &[Right],
    table: &mut Table,
) -> Result<()> {
    eprintln!("{nodes} nodes");
    let cluster = ProcessCluster::start(nodes, data, &[]).await?;
    for mode in modes {
        let mut cells = Vec::new();
        for (index, (sql, right)) in QUERIES.iter().zip(right).enumerate() {
            // A different node takes each query: none is special.
            let client = cluster.client(index % nodes).await;
            client.set_header("squadron-execution-mode", mode)?;
            let started = Instant::now();
            let answer = ask(&client, sql).await;
            let verdict = verdict(right, answer);
            cells.push(Cell { took: started.elapsed(), verdict });
        }
        table.column(format!("{nodes} {mode}"), cells);
    }
    Ok(())
}

fn verdict<E: std::fmt::Display>(right: &Right, answer: Result<Answer, E>) -> Option<String> {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Some(error.to_string()),
    };
    let from = |name: &'static str| move |difference| format!("not as {name}: {difference}");
    let datafusion = difference(&right.datafusion, &answer).map(from("DataFusion"));
    datafusion.or_else(|| difference(&right.duckdb, &answer).map(from("DuckDB")))
}
