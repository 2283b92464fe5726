//! Parse, run, say why not, exit.

use std::process::ExitCode;

use clap::Parser as _;
use provisioner::{
    cli::{Cli, uses_color},
    commands, core_dump,
    failure::Exit,
    ui::Ui,
};

fn main() -> ExitCode {
    core_dump::forbid();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistakes. If nobody reads, nobody is told.
            let _ = error.print();
            let exit = if error.use_stderr() { Exit::Configuration } else { Exit::Ok };
            return ExitCode::from(exit as u8);
        }
    };
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
