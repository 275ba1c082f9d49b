//! What the demo prints: for each query the plan, and what came from which endpoint.

use std::time::Instant;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use futures::TryStreamExt;

use super::{Demo, tpch};
use crate::client::{ClientError, EndpointReport, FlightSqlClient, ReadOptions};

/// Plan lines name every file of every task; a terminal shows the beginning.
const PLAN_WIDTH: usize = 118;

/// What is shown: a name, why it is interesting, and the SQL.
fn examples() -> [(&'static str, &'static str, String); 3] {
    [
        (
            "A large result",
            "every node scans its share, keeps it, and hands it to the client",
            "SELECT * FROM lineitem".into(),
        ),
        (
            "An aggregate over a join",
            "stages on every node; groups are delivered where they were made",
            "SELECT o_orderpriority, l_shipmode, count(*) AS lines, sum(l_extendedprice) AS price \
             FROM lineitem JOIN orders ON l_orderkey = o_orderkey GROUP BY 1, 2"
                .into(),
        ),
        (
            "TPC-H query 3",
            "ORDER BY … LIMIT merges on one node, so there is one endpoint and the order holds",
            tpch::QUERIES[2].trim().into(),
        ),
    ]
}

/// Runs the examples and prints what happened.
///
/// # Errors
/// The first failure, in one line.
pub async fn queries(demo: &Demo) -> Result<(), String> {
    let client = FlightSqlClient::connect(&demo.uri()).await.map_err(|error| error.to_string())?;
    println!("\nA Flight SQL client, connected to {}", demo.uri());
    for (name, why, sql) in examples() {
        println!("\n── {name}: {why}\n\n{sql}\n");
        show(&client, &sql).await.map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn show(client: &FlightSqlClient, sql: &str) -> Result<(), ClientError> {
    for line in plan(client, sql).await?.lines() {
        println!("  {}", cut(line));
    }
    let begun = Instant::now();
    let info = client.execute(sql).await?;
    let planned = begun.elapsed();
    let mut batches = client.read_all(&info, ReadOptions::default())?;
    while batches.try_next().await?.is_some() {}
    let total = begun.elapsed();
    println!("\n  {:<38} {:>12} {:>12} {:>10}", "endpoint", "rows", "bytes", "ms");
    let endpoints = batches.meter().endpoints();
    endpoints.iter().for_each(endpoint_line);
    let rows: u64 = endpoints.iter().map(|endpoint| endpoint.rows).sum();
    let (planned, total) = (planned.as_secs_f64() * 1e3, total.as_secs_f64() * 1e3);
    println!("\n  {rows} rows in {total:.0} ms; endpoints were known after {planned:.0} ms");
    Ok(())
}

fn endpoint_line(endpoint: &EndpointReport) {
    let location = endpoint.location.as_deref().unwrap_or("(where the client is)");
    let finished = endpoint.finished.map_or(0.0, |finished| finished.as_secs_f64() * 1e3);
    println!("  {location:<38} {:>12} {:>12} {finished:>10.0}", endpoint.rows, endpoint.bytes);
}

async fn plan(client: &FlightSqlClient, sql: &str) -> Result<String, ClientError> {
    let info = client.execute(&format!("EXPLAIN {sql}")).await?;
    let batches = client.read_all(&info, ReadOptions::default())?;
    let batches: Vec<RecordBatch> = batches.try_collect().await?;
    Ok(batches.iter().filter_map(physical_plan).collect())
}

/// The row of an explanation that shows stages.
fn physical_plan(batch: &RecordBatch) -> Option<String> {
    let kinds = batch.column(0).as_string_opt::<i32>()?;
    let plans = batch.column(1).as_string_opt::<i32>()?;
    let row = (0..kinds.len()).find(|row| kinds.value(*row) == "physical_plan")?;
    Some(plans.value(row).to_owned())
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(PLAN_WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Prints how to go on with one's own client.
pub fn how_to_connect(demo: &Demo) {
    let uri = demo.uri();
    let address = uri.trim_start_matches("grpc+tcp://");
    let data = demo.data().display();
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "8815"));
    println!(
        "
Serving on: connect with

  Python (pip install adbc-driver-flightsql pyarrow)
    import adbc_driver_flightsql.dbapi as flightsql
    with flightsql.connect(\"{uri}\", autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(\"SELECT * FROM lineitem\")
        print(cursor.fetch_arrow_table().num_rows)

  JDBC (DBeaver, Tableau: Arrow Flight SQL driver)
    jdbc:arrow-flight-sql://{host}:{port}/?useEncryption=false

  Command line (without SQL: a prompt)
    squadron sql {uri} \"SELECT count(*) FROM lineitem\"

The data is in {data}. Ctrl-C stops."
    );
}
