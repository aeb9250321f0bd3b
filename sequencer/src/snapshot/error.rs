//! Why a snapshot is refused, cannot be made, or finds no place.

use crate::recovery::RecoveryError;
use crate::store::{OpenError, StoreError};
use fairlane_chain::RestoreError;
use fairlane_types::{BlockId, DecodeError, Hash32, Height, NetworkId};
use fairlane_verify::{FollowError, HeaderError, LinkError};
use std::path::PathBuf;

/// Why bytes are no snapshot that this node believes. Trying again does not help, another snapshot may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// They do not begin as a snapshot does.
    #[error("it is no snapshot of a Fairlane network")]
    NotASnapshot,
    /// They have another format.
    #[error(
        "it has format {found}, and this version of fairlane reads format {known} only: make it anew, or with this version"
    )]
    Version {
        /// Its format.
        found: u16,
        /// The one that is known.
        known: u16,
    },
    /// They are too many.
    #[error("it has {bytes} bytes, and at most {limit} are read")]
    TooLarge {
        /// How many there are.
        bytes: u64,
        /// How many are allowed.
        limit: u64,
    },
    /// They were changed or cut short on the way.
    #[error(
        "its bytes hash to {found}, and it ends with {expected}: it was damaged on the way, fetch it again"
    )]
    Digest {
        /// The digest at its end.
        expected: Hash32,
        /// The digest of what is before.
        found: Hash32,
    },
    /// They are not well formed.
    #[error("it is not well formed: {0}")]
    Malformed(#[from] DecodeError),
    /// It is of another network.
    #[error("it is of network {found}, and genesis names network {wanted}")]
    OtherNetwork {
        /// Its network.
        found: NetworkId,
        /// The network of genesis.
        wanted: NetworkId,
    },
    /// A block that hands over to another validator set is not final, or not by the set that was handed over to before.
    #[error("the validator sets cannot be followed from genesis: block {height}: {source}")]
    Handover {
        /// The block.
        height: Height,
        /// What is wrong.
        source: Box<FollowError>,
    },
    /// Blocks that hand over do not ascend, hand over nothing, or lie beyond the snapshot.
    #[error("block {0} does not belong among those that hand over to another validator set")]
    NoHandover(Height),
    /// It has not the blocks that a node must know to go on.
    #[error("it has {found} of the last blocks, and a node needs {wanted}")]
    Blocks {
        /// How many there are.
        found: usize,
        /// How many there must be.
        wanted: usize,
    },
    /// The last blocks do not follow each other.
    #[error("its last blocks are no chain: block {height}: {source}")]
    Link {
        /// The block that does not follow.
        height: Height,
        /// What is wrong.
        source: LinkError,
    },
    /// One of the last blocks is not final.
    #[error("block {height} is not final: {source}")]
    Block {
        /// The block.
        height: Height,
        /// What is wrong.
        source: Box<HeaderError>,
    },
    /// The set that decides next is not shown.
    #[error("the set that decides after block {0} is announced and not shown")]
    NextSet(Height),
    /// The state is not the one that the block commits to.
    #[error("its state is not that after block {height}: {source}")]
    State {
        /// The block.
        height: Height,
        /// What is wrong.
        source: Box<RestoreError>,
    },
    /// The state is the right one, in other bytes than nodes write.
    #[error("its state is not encoded as nodes encode it: make the snapshot anew")]
    NotCanonical,
    /// It tells of more ordered transactions than the state's replay window has.
    #[error("it tells of ordered transactions that the replay window of its state does not have")]
    Ordered,
    /// It is of another block than the one that was asked for.
    #[error("it is of block {found} at height {height}, not of block {wanted}: ask who told you of that one")]
    OtherBlock {
        /// Its height.
        height: Height,
        /// Its block.
        found: BlockId,
        /// The block that was asked for.
        wanted: BlockId,
    },
}

/// Why no snapshot is made.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// There is no state to take one of.
    #[error(
        "this node holds no state of a finalized block yet: a running one keeps the first after \
         store.snapshot_interval blocks"
    )]
    NoState,
    /// The state cannot be restored.
    #[error("the chain state cannot be restored: {0}")]
    Recovery(#[from] RecoveryError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What would be in it does not prove itself.
    #[error(
        "what this store holds does not prove its state to others ({0}). It may have been pruned by an earlier version: \
         make the snapshot at a node that keeps all blocks"
    )]
    Unproven(#[from] SnapshotError),
}

/// Why a snapshot is not read from a file, written to one, or restored into a home.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file or its directory cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is such a file already.
    #[error("{} exists: name another file", .0.display())]
    Exists(PathBuf),
    /// What it holds is refused.
    #[error("{}: {source}", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SnapshotError,
    },
    /// The home has begun with something else.
    #[error(
        "{} exists: a snapshot is restored into a home whose node has not run yet. Move its data directory away first; \
         keys and guard.json stay",
        .0.display()
    )]
    HomeInUse(PathBuf),
    /// The store cannot be made.
    #[error(transparent)]
    Store(#[from] OpenError),
}
