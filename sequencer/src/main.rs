//! The binary `fairlane`: see `fairlane_sequencer::cli`.

fn main() -> std::process::ExitCode {
    fairlane_sequencer::cli::run()
}
