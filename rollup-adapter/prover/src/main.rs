//! The program `fairlane-prover`.

fn main() -> std::process::ExitCode {
    fairlane_prover::cli::run()
}
