//! The Python side: the stock ADBC client and the pyarrow server, as child processes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Mutex;

use crate::Result;
use crate::world::{World, sources};

/// A Python process that holds ADBC connections and does as it is told (python/client.py).
pub struct Adbc {
    _child: Child,
    pipes: Mutex<(ChildStdin, Lines<BufReader<ChildStdout>>)>,
}

/// What a statement run many times took.
#[derive(Debug, Deserialize)]
pub struct Many {
    /// Seconds of each run.
    pub times: Vec<f64>,
}

impl Adbc {
    /// Starts the client.
    pub fn start(world: &World) -> Result<Self> {
        let mut child = python(world, "client.py").stdin(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take().ok_or("no stdin")?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let pipes = Mutex::new((stdin, BufReader::new(stdout).lines()));
        Ok(Self { _child: child, pipes })
    }

    /// Does one operation of client.py.
    pub async fn call<T: for<'a> Deserialize<'a>>(&self, op: &str, call: &Call<'_>) -> Result<T> {
        let headers: BTreeMap<_, _> = call.headers.iter().cloned().collect();
        let request = json!({
            "op": op, "uri": call.uri, "sql": call.sql, "headers": headers, "begin": call.begin,
            "times": call.times,
        });
        let mut pipes = self.pipes.lock().await;
        pipes.0.write_all(format!("{request}\n").as_bytes()).await?;
        let line = pipes.1.next_line().await?.ok_or("the Python client died")?;
        let answer: Value = serde_json::from_str(&line)?;
        match answer.get("error") {
            Some(error) => Err(format!("{op} {}: {error}", call.sql).into()),
            None => Ok(serde_json::from_value(answer)?),
        }
    }
}

impl<'a> Call<'a> {
    /// A statement for a node, with the headers and settings of the run.
    pub fn node(world: &'a World, uri: &'a str, sql: &'a str) -> Self {
        Self { uri, sql, headers: &world.headers, begin: &world.begin, times: 1 }
    }
}

/// One request to the client.
#[derive(Debug, Clone, Copy, Default)]
pub struct Call<'a> {
    /// Whom to ask.
    pub uri: &'a str,
    /// What.
    pub sql: &'a str,
    /// With which headers.
    pub headers: &'a [(String, String)],
    /// Statements that a new connection begins with.
    pub begin: &'a [String],
    /// How often (`many`).
    pub times: usize,
}

/// A pyarrow Flight server (python/flight_server.py).
pub struct PyArrow {
    _child: Child,
    /// Where it listens.
    pub uri: String,
}

impl PyArrow {
    /// Starts one over the run's data: `parquet`, `memory` or `constant`.
    pub async fn start(world: &World, mode: &str) -> Result<Self> {
        let mut child = python(world, "flight_server.py").arg(mode).arg(&world.data).spawn()?;
        let stdout = child.stdout.take().ok_or("no stdout")?;
        let port = BufReader::new(stdout).lines().next_line().await?;
        let port = port.ok_or("the pyarrow server did not start")?;
        Ok(Self { _child: child, uri: format!("grpc+tcp://127.0.0.1:{port}") })
    }
}

fn python(world: &World, script: &str) -> Command {
    let script = sources().join(Path::new("python").join(script));
    let mut command = Command::new(&world.python);
    command.arg(script).stdout(Stdio::piped()).kill_on_drop(true);
    command
}
