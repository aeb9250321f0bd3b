//! Why the store cannot be opened, or an operation failed.

use fairlane_types::{DecodeError, LaneSeq, NetworkId};
use std::path::PathBuf;
use std::sync::Arc;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use: another node runs on this home directory. Stop it first", .0.display())]
    InUse(PathBuf),
    /// It belongs to another network.
    #[error(
        "{} belongs to network {found}, and genesis names network {wanted}. Put back the right genesis.json, or \
         use another home directory",
        path.display()
    )]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: NetworkId,
        /// The network that was asked for.
        wanted: NetworkId,
    },
    /// A later version of this software wrote it.
    #[error("{} has format {found}, and this version knows up to {known}. Use a newer version of fairlane", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// It is damaged.
    #[error(
        "{} is damaged ({why}). Move it away and start again: the node fetches the chain from its peers. Keep the \
         `startup_check` of [segments] on, so that nothing is signed twice",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// It cannot be read or written.
    #[error("{} cannot be opened: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Why an operation failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be read or written. Nothing is written any more: the node has to stop.
    #[error(
        "the store failed: {0}. Check the disk (space, permissions, kernel log) and start the node again"
    )]
    Database(Arc<redb::Error>),
    /// Something in the file is not what this software wrote.
    #[error("the store holds something unreadable as {what}: {source}. Move the file away and start again")]
    Damaged {
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A segment in the journal is not what this software wrote.
    #[error("the store's journal holds something unreadable as a segment: {0}")]
    DamagedSegment(String),
    /// The journal cannot be written. Nothing is written any more: the node has to stop.
    #[error(
        "the store's journal failed: {0}. Check the disk (space, permissions, kernel log) and start the node again"
    )]
    Journal(Arc<std::io::Error>),
    /// Keeping this segment would let this node sign two segments for one place in its lane.
    #[error(
        "own segment {found} is refused: {newest} is signed already. Another node runs with the same key, or the \
         lane was not continued from its end"
    )]
    WouldEquivocate {
        /// The refused segment's place.
        found: LaneSeq,
        /// The newest own place.
        newest: LaneSeq,
    },
    /// A block was finalized that does not follow the last one.
    #[error("block {found} does not follow block {tip}")]
    OutOfOrder {
        /// The block's height.
        found: u64,
        /// The last finalized height.
        tip: u64,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    pub(crate) fn damaged(what: &'static str) -> impl Fn(DecodeError) -> Self {
        move |source| Self::Damaged { what, source }
    }

    pub(super) fn journal(source: std::io::Error) -> Self {
        Self::Journal(Arc::new(source))
    }
}

macro_rules! from_redb {
    ($($error:ident),+) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                Self::Database(Arc::new(error.into()))
            }
        })+
    };
}

from_redb!(StorageError, TableError, TransactionError, CommitError);

impl From<StoreError> for fairlane_engine::StoreError {
    fn from(error: StoreError) -> Self {
        Self::new(error)
    }
}
