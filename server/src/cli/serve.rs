//! `squadron serve`: config, node, ready line, signal, stop.

use std::process::ExitCode;

use super::{fail, interrupted, outlive_file_limits, start_logging, stop};
use crate::config::{NodeConfig, ServeArgs};
use crate::node::{Listeners, Node, NodeError};

/// Runs one node until it is told to stop.
pub(super) async fn run(args: &ServeArgs) -> ExitCode {
    if let Err(why) = start_logging("info,buoyant_kernel=warn,deltalake=warn,deltalake_core=warn") {
        return fail(&why);
    }
    outlive_file_limits();
    let node = match start(args).await {
        Ok(node) => node,
        Err(error) => return fail(&error.to_string()),
    };
    println!("{}", node.ready_line());
    interrupted().await;
    tracing::info!("stopping; a second signal ends this at once");
    stop(node.stop()).await;
    ExitCode::SUCCESS
}

async fn start(args: &ServeArgs) -> Result<Node, NodeError> {
    let config = NodeConfig::load(args)?;
    let listeners = Listeners::bind(&config).await?;
    let doubts = config.doubts();
    let node = Node::build(config, listeners).await?;
    for doubt in doubts {
        tracing::warn!("{doubt}");
    }
    Ok(node)
}
