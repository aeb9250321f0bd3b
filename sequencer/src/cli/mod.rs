//! The command line of the binary `fairlane`: what each command takes, and how failures are told.
//!
//! Results go to standard output, failures and logs to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage.

mod amount;
mod ethereum;
mod evidence;
mod explain;
mod genesis;
mod guard;
mod init;
mod keys;
mod manual;
mod node;
mod relayer;
mod rollup;
mod snapshot;
mod stake;
mod status;
mod submit;
mod subscribe;
mod witness;

use clap::{CommandFactory as _, Parser, Subcommand};
use std::process::ExitCode;

/// A shared sequencer: one fair order for many rollups.
#[derive(Debug, Parser)]
#[command(name = "fairlane", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes keys, genesis and configuration for a new node.
    Init(init::Init),
    /// Makes and shows a node's keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Makes and checks genesis files.
    #[command(subcommand)]
    Genesis(genesis::GenesisCommand),
    /// Moves a validator from one home to another, so that nothing is signed twice.
    #[command(subcommand)]
    Guard(guard::Guard),
    /// Makes snapshots of the chain's state, and lets new nodes begin with them.
    #[command(subcommand)]
    Snapshot(snapshot::Snapshot),
    /// Runs a node.
    Node(node::Node),
    /// Asks a node how it and its network are doing.
    Status(status::Status),
    /// Says why a transaction stands where it stands in the order.
    Explain(explain::Explain),
    /// Shows, checks and reports offences of validators.
    #[command(subcommand)]
    Evidence(evidence::EvidenceCommand),
    /// An operator's stake on Ethereum.
    #[command(subcommand)]
    Stake(stake::Stake),
    /// Rollups at the registry on Ethereum.
    #[command(subcommand)]
    Rollup(rollup::Rollup),
    /// Posts checkpoints of the network to the light client on Ethereum.
    Relayer(relayer::RelayerCommand),
    /// Submits a transaction and prints its verified receipt.
    Submit(submit::Submit),
    /// Prints a rollup's batches as they are finalized, each verified.
    Subscribe(subscribe::Subscribe),
    /// Prints completions of this command line for a shell.
    Completions(manual::Completions),
    /// Prints the manual page, or writes one for each command.
    Man(manual::Man),
}

/// Runs the command that the process's arguments name.
pub fn run() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Init(command) => command.run(),
        Command::Keys(command) => command.run(),
        Command::Genesis(command) => client(command.run()),
        Command::Guard(command) => client(command.run()),
        Command::Snapshot(command) => client(command.run()),
        Command::Evidence(command) => client(command.run()),
        Command::Stake(command) => client(command.run()),
        Command::Rollup(command) => client(command.run()),
        Command::Relayer(command) => client(command.run()),
        Command::Node(command) => command.run(),
        Command::Status(command) => client(command.run()),
        Command::Explain(command) => client(command.run()),
        Command::Submit(command) => client(command.run()),
        Command::Subscribe(command) => client(command.run()),
        Command::Completions(command) => command.run(Cli::command()),
        Command::Man(command) => command.run(Cli::command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(report) if is_broken_pipe(&report) => ExitCode::SUCCESS,
        Err(report) => {
            eprintln!("{}", describe(&report));
            ExitCode::FAILURE
        }
    }
}

/// Runs a command that talks to a node.
fn client(command: impl Future<Output = eyre::Result<()>>) -> eyre::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

/// The reader of our output went away, as `head` does: no failure.
fn is_broken_pipe(report: &eyre::Report) -> bool {
    report
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

/// The failure and its causes, one a line. A cause that its effect quotes already is left out.
fn describe(report: &eyre::Report) -> String {
    let mut text = format!("error: {report}");
    for cause in report.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str("\n  caused by: ");
            text.push_str(&cause);
        }
    }
    text
}

/// Prints a line to standard output. Fails where `println!` would panic.
macro_rules! out {
    ($($argument:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout(), $($argument)*)
    }};
}
use out;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_quoted_cause_is_told_once() {
        let cause = std::io::Error::other("the disk is on fire");
        let report =
            eyre::Report::new(cause).wrap_err("cannot read: the disk is on fire").wrap_err("giving up");
        assert_eq!(describe(&report), "error: giving up\n  caused by: cannot read: the disk is on fire");
    }
}
