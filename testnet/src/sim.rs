//! `sim`: the deterministic simulation, as a command of this program.

use eyre::ensure;
use fairlane_sim::cli;
pub use fairlane_sim::cli::SimArgs;

/// Runs seeds until one fails, or one seed with its trace.
pub fn run(args: &SimArgs) -> eyre::Result<()> {
    ensure!(cli::run(args), "an invariant was violated");
    Ok(())
}
