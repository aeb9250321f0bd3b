//! The command line of the binary `fairlane`.

use std::process::ExitCode;

/// Runs the command that the process's arguments name.
pub fn run() -> ExitCode {
    ExitCode::SUCCESS
}
