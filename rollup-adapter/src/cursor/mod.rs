//! Where a rollup stands, made durable: what a subscription resumes from after a restart.
//!
//! A cursor names the network and the rollup that it belongs to, the last batch that the rollup has taken, and the
//! validator set that decides from there on, so that resuming needs no trust in a server and no walk from genesis.

mod file;
mod memory;

pub use file::FileCursor;
pub use memory::MemoryCursor;

use fairlane_types::codec::{Decode, DecodeError, Encode, Reader, Writer};
use fairlane_types::{BatchIndex, Height, NetworkId, RollupHead, RollupId, ValidatorSet};
use fairlane_verify::{TrustedSets, VerifiedBatch};
use std::path::PathBuf;

/// A place in a rollup's chain of batches: right after one batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The rollup.
    pub rollup: RollupId,
    /// The last batch that was taken.
    pub index: BatchIndex,
    /// The head after it.
    pub head: RollupHead,
    /// The block that it came from.
    pub height: Height,
}

impl From<&VerifiedBatch> for Position {
    fn from(batch: &VerifiedBatch) -> Self {
        Self {
            rollup: batch.rollup(),
            index: batch.index(),
            head: batch.head(),
            height: batch.batch().header().height,
        }
    }
}

/// A position with all that is needed to resume there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The network.
    pub network: NetworkId,
    /// Where the rollup stands.
    pub position: Position,
    /// The first height that `validators` decide.
    pub since: Height,
    /// The set that decides the block after the position's.
    pub validators: ValidatorSet,
}

impl Cursor {
    /// The trust that a subscription resumes with.
    pub fn trusted_sets(&self) -> TrustedSets {
        TrustedSets::starting_at(self.network, self.since, self.validators.clone())
    }
}

impl Encode for Cursor {
    fn encode(&self, out: &mut Writer) {
        self.network.encode(out);
        self.position.rollup.encode(out);
        self.position.index.encode(out);
        self.position.head.encode(out);
        self.position.height.encode(out);
        self.since.encode(out);
        self.validators.encode(out);
    }
}

impl Decode for Cursor {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            network: Decode::decode(input)?,
            position: Position {
                rollup: Decode::decode(input)?,
                index: Decode::decode(input)?,
                head: Decode::decode(input)?,
                height: Decode::decode(input)?,
            },
            since: Decode::decode(input)?,
            validators: Decode::decode(input)?,
        })
    }
}

/// Why a cursor cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CursorError {
    /// The file system failed.
    #[error("cursor {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What failed.
        source: std::io::Error,
    },
    /// The file is not a whole cursor.
    #[error(
        "cursor {path} is damaged ({why}): restore it together with the rollup's state, or remove it and let the \
         rollup take all batches again from the first"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Another process uses it.
    #[error("cursor {0} is in use by another process: run one subscription for each cursor")]
    InUse(PathBuf),
    /// A store of the rollup's own failed.
    #[error("cursor store: {0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

/// Keeps one cursor. The rollup may bring its own, to keep the cursor in one transaction with its state.
///
/// Obligations:
/// - `save` returns only once the cursor survives a crash, and replaces the one before atomically: `load` gives one
///   of the two, whole.
/// - `load` gives the cursor of the last `save` that returned, or of one that was under way when the process died.
/// - Both may block; they are called from a blocking thread, `save` never twice at a time.
///
/// A store that keeps the cursor with the rollup's state writes both when it applies a batch (see
/// [`crate::Subscription::cursor_of`]), and its `save` may do nothing.
pub trait CursorStore: Send + Sync + 'static {
    /// The cursor, or `None` before the first one.
    fn load(&self) -> Result<Option<Cursor>, CursorError>;
    /// Replaces the cursor.
    fn save(&self, cursor: &Cursor) -> Result<(), CursorError>;
}

#[cfg(test)]
mod tests;
