//! `squadron serve`: config, node, ready line, signal, stop.

use std::process::ExitCode;

use super::{fail, interrupted, start_logging, stop};
use crate::config::{NodeConfig, ServeArgs};
use crate::node::{Listeners, Node, NodeError};

/// Runs one node until it is told to stop.
pub(super) async fn run(args: &ServeArgs) -> ExitCode {
    start_logging("info");
    let node = match start(args).await {
        Ok(node) => node,
        Err(error) => return fail(&error.to_string()),
    };
    println!("{}", node.ready_line());
    interrupted().await;
    tracing::info!("stopping");
    stop(node.stop()).await;
    ExitCode::SUCCESS
}

async fn start(args: &ServeArgs) -> Result<Node, NodeError> {
    let config = NodeConfig::load(args)?;
    let listeners = Listeners::bind(&config).await?;
    let without_data = config.data.is_empty();
    let node = Node::build(config, listeners).await?;
    if without_data {
        tracing::warn!("no --data: this node has no tables");
    }
    Ok(node)
}
