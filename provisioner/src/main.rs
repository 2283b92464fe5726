//! Parse, run, say why not, exit.

use std::process::ExitCode;

use clap::Parser as _;
use provisioner::{
    cli::{Cli, uses_color},
    commands,
    ui::Ui,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let ui = Ui::new(cli.global.json, cli.global.verbose, uses_color(cli.global.color));
    commands::trace(cli.global.verbose);
    let exit = match commands::run(cli, &ui) {
        Ok(exit) => exit,
        Err(failure) => {
            ui.failure(&failure);
            failure.exit
        }
    };
    ExitCode::from(exit as u8)
}
