//! One node's process, and how it is started.

use std::fs::OpenOptions;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Result;

/// How long a node may take until it says that it is ready.
const READY: Duration = Duration::from_secs(60);

/// One node's process.
pub struct Process {
    pub(super) child: Child,
    /// The line on its standard output that said that it is ready.
    pub ready: String,
    /// Where it serves clients.
    pub uri: String,
}

impl Process {
    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }
}

/// How a node is started, any number of times.
pub(super) struct Launch {
    /// The program, after whatever runs it where it is to run; and its arguments.
    pub(super) program: Vec<String>,
    pub(super) arguments: Vec<String>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) log: PathBuf,
    pub(super) uri: String,
    pub(super) internal: String,
    pub(super) spill: PathBuf,
}

impl Launch {
    /// Starts the node and waits until it is ready; `known` is told its process before that.
    pub(super) async fn start(&self, known: impl Fn(u32)) -> Result<Process> {
        let mut child = self.command()?.spawn()?;
        child.id().into_iter().for_each(known);
        let stdout = child.stdout.take().ok_or("a process without standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        match tokio::time::timeout(READY, lines.next_line()).await {
            Ok(Ok(Some(ready))) => Ok(Process { child, ready, uri: self.uri.clone() }),
            _ => {
                let log = std::fs::read_to_string(&self.log)?;
                Err(format!("the node at {} is not ready: {log}", self.uri).into())
            }
        }
    }

    fn command(&self) -> Result<Command> {
        let [program, rest @ ..] = self.program.as_slice() else {
            return Err("no program to start".into());
        };
        let mut command = Command::new(program);
        command.args(rest).arg("serve").args(&self.arguments);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("SQUADRON_")) {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // What an earlier process of this node has said stays: it may be why this one is started.
        let stderr = OpenOptions::new().create(true).append(true).open(&self.log)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).kill_on_drop(true);
        Ok(command)
    }
}
