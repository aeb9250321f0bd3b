//! Why the engine does not start, or stops.

use crate::config::Multiaddr;
use crate::seams::{GuardError, StoreError};
use fairlane_chain::{CommitError, PrepareError};
use fairlane_types::{BlockId, Height};
use std::path::PathBuf;

/// A failure that ends the engine. None of them is a peer's doing, except what F of the power may do together.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Malachite did not come up: an address in use, an unusable log.
    #[error("the consensus engine did not start: {0}")]
    Start(String),
    /// A setting makes no sense.
    #[error("setting {setting} is not usable: {why}")]
    Config {
        /// Which one.
        setting: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What may be signed cannot be kept.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The log of votes cannot be read.
    #[error("the log of votes at {} cannot be read: {source}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The store lacks blocks that the state before says it must have.
    #[error("the block store has no decision at height {0}, which the next blocks depend on")]
    MissingHistory(Height),
    /// Consensus decided a block whose proposal this node does not hold.
    #[error("block {block:?} was decided at height {height}, and its proposal is not held")]
    UnknownDecision {
        /// The height.
        height: Height,
        /// The decided block.
        block: BlockId,
    },
    /// A decided cut makes no block here. This node's software or state is wrong: it must not go on.
    #[error("the block decided at height {height} cannot be computed: {source}")]
    Uncomputable {
        /// The height.
        height: Height,
        /// Why.
        source: PrepareError,
    },
    /// A decided cut makes another block here. This node's software or state is wrong: it must not go on.
    #[error("height {height}: block {decided} was decided, and this node computes {computed} from its cut")]
    Diverged {
        /// The height.
        height: Height,
        /// What a quorum decided.
        decided: BlockId,
        /// What this node computes.
        computed: BlockId,
    },
    /// A decided block does not follow this node's last one.
    #[error("the block decided at height {decided} does not follow the state at height {state}")]
    OutOfStep {
        /// The decided block's height.
        decided: Height,
        /// The state's height.
        state: Height,
    },
    /// The delta of a decided block fits another state.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A task of the engine panicked.
    #[error("a task of the engine panicked: {0}")]
    Panicked(String),
    /// The consensus network ended: it could not listen, or its task failed.
    #[error("the consensus network has ended: can this machine listen at {0}?")]
    Network(Multiaddr),
    /// Malachite stopped by itself: one of its actors failed.
    #[error("the consensus engine stopped by itself; its log says why")]
    Stopped,
}
