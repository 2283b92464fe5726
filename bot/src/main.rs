//! The program: reads the command line and does what it says.

use std::process::ExitCode;

use clap::Parser as _;
use gsm_bot::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    Cli::parse().run().await
}
