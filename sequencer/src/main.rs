//! The binary `fairlane`: see `fairlane_sequencer::cli`.

// Benches compare with another ordering rule. It is not for networks, so this binary does not exist with it.
const _: () = assert!(
    matches!(fairlane_chain::ORDERING.as_bytes(), b"fair"),
    "the binary `fairlane` orders fairly: build it without the feature `concatenate`"
);

fn main() -> std::process::ExitCode {
    fairlane_sequencer::cli::run()
}
