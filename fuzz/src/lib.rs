//! What is fuzzed: everything that reads bytes of strangers, and the cores that judge their statements.
//!
//! Each target is a function from bytes to nothing that panics when a promise is broken. `fuzz_targets/` hands them
//! libFuzzer's inputs; `tests/corpus.rs` replays the kept inputs, on any toolchain.

pub mod decoders;
#[cfg(feature = "engine")]
pub mod engine;
pub mod lanes;
pub mod messages;
pub mod ordering;
pub mod verify;

// Read where they stand: the rule read literally, the cases of its comparison, the requests between nodes, and a
// small certified chain. Their own crates keep them private.
#[allow(dead_code, missing_docs)]
#[path = "../../consensus/ordering/tests/ordering/cases.rs"]
mod cases;
#[allow(dead_code)]
#[path = "../../consensus/verify/src/fixture.rs"]
mod fixture;
#[allow(dead_code)]
#[path = "../../consensus/ordering/tests/ordering/oracle.rs"]
mod oracle;
#[allow(dead_code)]
#[path = "../../sequencer/src/network/wire.rs"]
mod wire;

// The names by which those files know each other.
use fairlane_verify::{batch, sets};

/// A target: its name, which is also its corpus's, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// All targets of this build.
pub const TARGETS: &[Target] = &[
    ("segment", decoders::segment),
    ("transaction", decoders::transaction),
    ("proposal", decoders::proposal),
    ("cut", decoders::cut),
    ("certificate", decoders::certificate),
    ("batch", decoders::batch),
    ("evidence", decoders::evidence),
    ("heads", decoders::heads),
    ("peers", messages::peers),
    ("clients", messages::clients),
    ("order_state", ordering::state),
    ("ordering", ordering::against_oracle),
    ("lanes", lanes::run),
    ("verify", verify::run),
    #[cfg(feature = "engine")]
    ("engine", engine::run),
];
