//! placeholder
use std::process::ExitCode;
/// placeholder
#[derive(clap::Args)]
pub struct DemoArgs {}
/// placeholder
pub async fn run(_: DemoArgs) -> ExitCode { ExitCode::SUCCESS }
