//! The program `fairlane-sim`: the simulation alone, without the rest of the test tools.

use clap::Parser;
use fairlane_sim::cli::{self, SimArgs};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "fairlane-sim", version, about)]
struct Cli {
    #[command(flatten)]
    args: SimArgs,
}

fn main() -> ExitCode {
    if cli::run(&Cli::parse().args) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
