//! The binary `fairlane`: see `fairlane_sequencer::cli`.

// Benches compare with another ordering rule. It is not for networks, so this binary does not exist with it.
const _: () = assert!(
    matches!(fairlane_chain::ORDERING.as_bytes(), b"fair"),
    "the binary `fairlane` orders fairly: build it without the feature `concatenate`"
);

/// A node allocates much and on many threads: the system's allocator would take a seventh of its processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    fairlane_sequencer::cli::run()
}
