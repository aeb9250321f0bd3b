//! Snapshots that nodes join from: the chain's state at a finalized height, with all that shows that it is that state
//! (`docs/protocol.md`, "Snapshots").
//!
//! A [`Snapshot`] is what a file says. [`Snapshot::verify`] walks the validator sets from genesis, checks the certificate of
//! the snapshot's block, and compares the state with what that block's header commits to; only what comes out of it, a
//! [`VerifiedSnapshot`], becomes a home's store. Whoever made the file need not be trusted, and nor need whoever
//! carried it: `docs/adr/0042-snapshots-prove-themselves.md` says what this rests on.
//!
//! Not its job: the state's own encoding and root (`fairlane-chain`), and catching up from there on, which is the engine's
//! ordinary way.

mod check;
mod error;
mod format;
mod home;
#[cfg(test)]
mod tests;

pub use check::VerifiedSnapshot;
pub use error::{CreateError, FileError, SnapshotError};
pub use format::{MAX_BYTES, VERSION};
pub use home::{read, write};

use crate::recovery::{recover, starting_point};
use crate::store::{Decision, Handover, Store};
use bytes::Bytes;
use fairlane_chain::ChainState;
use fairlane_engine::Activity;
use fairlane_types::{Genesis, Height, NetworkId, TxId};

/// A state with its proofs, as somebody tells it. [`Self::verify`] says whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The network.
    network: NetworkId,
    /// The blocks by which a validator set handed over to another, from genesis on.
    handovers: Vec<Handover>,
    /// The last decisions, as many as proposer selection goes back; the last one is the snapshot's block.
    decisions: Vec<Decision>,
    /// What the blocks of the replay window ordered.
    ordered: Vec<(Height, Vec<TxId>)>,
    /// The state after the block.
    state: Bytes,
}

/// A snapshot of the last finalized block of a store that no node uses: blocks that the store's own snapshots lack are
/// executed again. Reads much: call it off the async runtime.
pub fn of_stopped(store: &Store, genesis: &Genesis) -> Result<VerifiedSnapshot, CreateError> {
    create(store, genesis, &recover(store, genesis)?)
}

/// A snapshot of the newest block of which the store of a running node holds the state. Reads much: call it off the async
/// runtime.
pub fn of_running(store: &Store, genesis: &Genesis) -> Result<VerifiedSnapshot, CreateError> {
    create(store, genesis, &starting_point(store, genesis)?)
}

/// A snapshot of a state that a store leads to.
fn create(store: &Store, genesis: &Genesis, state: &ChainState) -> Result<VerifiedSnapshot, CreateError> {
    let height = state.height();
    if height == Height::ZERO {
        return Err(CreateError::NoState);
    }
    let first = height.saturating_sub(Activity::CUTS as u64 - 1).max(Height::FIRST);
    let snapshot = Snapshot {
        network: genesis.network(),
        handovers: store.handovers(height)?,
        decisions: store.decisions(first..=height)?,
        ordered: state.replay_window().map(|(height, ids)| (height, ids.to_vec())).collect(),
        state: state.snapshot().into(),
    };
    // What this node could not verify, nobody can.
    Ok(snapshot.verify(genesis)?)
}
