//! The command line of `fairlane-adapter`.

mod claim;
mod daemon;
mod deploy;
mod status;

use clap::{Parser, Subcommand};
use fairlane_l1::wallet::KeySource;
use std::process::ExitCode;

/// Where the key of the account that pays is.
const ADAPTER_KEY: KeySource = KeySource {
    whose: "adapter",
    option: "ethereum.key_file or --key-file",
    variable: "FAIRLANE_ADAPTER_KEY",
};
/// Prices of gas are written in gwei.
const WEI_PER_GWEI: u128 = 1_000_000_000;

/// Receives a rollup's batches, has them proven, and settles them on Ethereum.
#[derive(Debug, Parser)]
#[command(name = "fairlane-adapter", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon.
    Run(daemon::RunCommand),
    /// Show how a running daemon is doing.
    Status(status::StatusCommand),
    /// Pay a withdrawal of a settled batch to the address that it names.
    Claim(claim::ClaimCommand),
    /// Create a rollup's settlement contract, or check the one that a record tells of.
    Deploy(deploy::DeployCommand),
}

/// Parses the command line and runs the command.
pub fn run() -> ExitCode {
    start(Cli::parse())
}

/// The same as a subcommand of another program: its first argument is the program's own.
pub fn run_as_subcommand() -> ExitCode {
    start(Cli::parse_from(std::env::args_os().skip(1)))
}

fn start(cli: Cli) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(async {
            match cli.command {
                Command::Run(command) => command.run().await,
                Command::Status(command) => command.run().await,
                Command::Claim(command) => command.run().await,
                Command::Deploy(command) => command.run().await,
            }
        }),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
