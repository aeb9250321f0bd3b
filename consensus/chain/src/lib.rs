//! The state transition: from a cut to a header, its batches, and the state after.
//!
//! [`prepare`] computes a block from the state and a cut and changes nothing, so proposals can be speculative;
//! [`ChainState::commit`] takes the [`Delta`] of the one that was decided. `docs/protocol.md` gives the rules.
//!
//! Invariants: the result depends on the arguments alone (hash maps here are looked up, or feed other maps, and
//! their hash keys are never seen); the same input gives the same bytes on every node; nothing panics, whatever the
//! input; a state changes only by `commit`, and only by a delta that was made from this very state.
//!
//! Not its job: judging whether a cut is causally closed, timely and within limits (`fairlane-lanes`), checking
//! signatures of evidence and certificates (`fairlane-verify`), agreeing on a cut (`fairlane-engine`), storing
//! anything.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod batches;
mod bodies;
mod change;
#[cfg(feature = "concatenate")]
mod concatenate;
mod content;
mod decided;
mod encoding;
mod hash;
mod prepare;
mod record;
mod registry;
mod rule;
mod snapshot;
mod state;
mod window;

pub use change::{NextValidatorsError, successor};
pub use prepare::{BlockInput, Delta, PrepareError, Prepared, prepare};
pub use record::{OrderRecord, OrderedEntry, OrderingReport};
pub use registry::{RollupChangesError, rollup_changes};
pub use rule::{CONCATENATE_SUFFIX, ORDERING};
pub use snapshot::RestoreError;
pub use state::{ChainState, CommitError, GenesisError};
