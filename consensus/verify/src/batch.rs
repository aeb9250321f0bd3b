//! Batches: whether they are what a certified block has for a rollup.
//!
//! There are two ways. A [`WireBatch`] proves itself: header, certificate, path, batch header and body. For a range
//! of history [`verify_range`] needs a single certified head at its end, since each head commits to the one before:
//! that costs hashing only and is the way to catch up.

use crate::chain::{BatchChain, ChainError};
use crate::header::VerifiedHeader;
use crate::heads::{HeadProofError, VerifiedHead};
use crate::sets::{HeaderError, TrustedSets};
use bytes::Bytes;
use fairlane_types::{
    Batch, BatchHeader, BatchIndex, BlockHeader, CommitCertificate, DecodeError, HeadLeaf, HeadPath, Height,
    NetworkId, RollupHead, RollupId, Timestamp,
};

/// A batch as it travels, with all that proves it. Holding one says nothing about its validity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WireBatch {
    /// The header of the block that the batch comes from.
    pub header: BlockHeader,
    /// The precommits for that block.
    pub certificate: CommitCertificate,
    /// The way from the rollup's leaf to the header's heads root.
    pub path: HeadPath,
    /// What the rollup's head commits to.
    pub batch: BatchHeader,
    /// The canonical bytes of the items.
    pub body: Bytes,
}

/// Why a batch is not what a certified block has for a rollup.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// The header is not accepted.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The path does not lead to the header's heads root.
    #[error(transparent)]
    Path(#[from] HeadProofError),
    /// The leaf is another rollup's.
    #[error("the batch is for rollup {found}, its leaf for rollup {expected}")]
    Rollup {
        /// The leaf's rollup.
        expected: RollupId,
        /// The batch's.
        found: RollupId,
    },
    /// The leaf has another index.
    #[error("the batch has index {found}, its leaf {expected}")]
    Index {
        /// The leaf's index.
        expected: BatchIndex,
        /// The batch's.
        found: BatchIndex,
    },
    /// The leaf or the block has another height.
    #[error("the batch is from height {found}, its proof from height {expected}")]
    Height {
        /// The height in the leaf or block.
        expected: Height,
        /// The batch's.
        found: Height,
    },
    /// The block has another time.
    #[error("the batch has time {found}, its block {expected}")]
    Time {
        /// The block's time.
        expected: Timestamp,
        /// The batch's.
        found: Timestamp,
    },
    /// The batch leads to another head.
    #[error("the batch leads to head {found}, its leaf has {expected}")]
    Head {
        /// The leaf's head.
        expected: RollupHead,
        /// The head that follows from the batch.
        found: RollupHead,
    },
    /// The items are not those that the batch header commits to.
    #[error("the batch's items do not fit its header: {0}")]
    Body(DecodeError),
}

/// Why a range of batches is not the history that a head commits to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// A batch does not follow the one before it.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The last batch does not end at the certified head.
    #[error("the last batch: {0}")]
    End(BatchError),
    /// A batch's items do not fit its header.
    #[error("batch {index}: {source}")]
    Body {
        /// The batch's index.
        index: BatchIndex,
        /// What is wrong.
        source: DecodeError,
    },
}

/// A batch whose content a quorum has decided, at this place of its rollup's history.
///
/// Only verification makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedBatch {
    batch: Batch,
    head: RollupHead,
    proven_by: VerifiedHeader,
}

impl VerifiedBatch {
    /// The batch.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The batch without its proof.
    pub fn into_batch(self) -> Batch {
        self.batch
    }

    /// The rollup.
    pub fn rollup(&self) -> RollupId {
        self.batch.header().rollup
    }

    /// The place in the rollup's chain of batches.
    pub fn index(&self) -> BatchIndex {
        self.batch.header().index
    }

    /// The head after this batch.
    pub fn head(&self) -> RollupHead {
        self.head
    }

    /// The certified header that proves it: the batch's own block, or a later one when it was verified in a range.
    pub fn proven_by(&self) -> &VerifiedHeader {
        &self.proven_by
    }
}

impl WireBatch {
    /// Checks all of it against the trusted sets.
    ///
    /// Batches of one block share header and certificate: [`crate::Verifier`] checks those once.
    pub fn verify(self, sets: &TrustedSets) -> Result<VerifiedBatch, BatchError> {
        let block = sets.verify_header(self.header, self.certificate)?;
        verify_batch(&block, &self.path, self.batch, self.body)
    }
}

/// Checks a batch against the certified header of the block that it comes from.
pub fn verify_batch(
    block: &VerifiedHeader,
    path: &HeadPath,
    batch: BatchHeader,
    body: Bytes,
) -> Result<VerifiedBatch, BatchError> {
    let proven = block.head(path)?;
    let header = block.header();
    let head = check_leaf(&header.network, proven.leaf(), &batch)?;
    if batch.height != header.height {
        return Err(BatchError::Height { expected: header.height, found: batch.height });
    }
    if batch.time != header.time {
        return Err(BatchError::Time { expected: header.time, found: batch.time });
    }
    let batch = Batch::from_parts(batch, body).map_err(BatchError::Body)?;
    Ok(VerifiedBatch { batch, head, proven_by: block.clone() })
}

/// Checks a gap-free range of batches that continues `from` and ends at the certified head `end`.
pub fn verify_range(
    end: &VerifiedHead,
    from: &BatchChain,
    parts: Vec<(BatchHeader, Bytes)>,
) -> Result<Vec<VerifiedBatch>, RangeError> {
    let network = end.block().header().network;
    let mut chain = from.clone();
    for (header, _) in &parts {
        chain.step(header, header.head(&network))?;
    }
    if let Some((last, _)) = parts.last() {
        check_leaf(&network, end.leaf(), last).map_err(RangeError::End)?;
    }
    parts.into_iter().map(|(header, body)| range_item(end, header, body)).collect()
}

fn range_item(end: &VerifiedHead, header: BatchHeader, body: Bytes) -> Result<VerifiedBatch, RangeError> {
    let index = header.index;
    let head = header.head(&end.block().header().network);
    let batch = Batch::from_parts(header, body).map_err(|source| RangeError::Body { index, source })?;
    Ok(VerifiedBatch { batch, head, proven_by: end.block().clone() })
}

/// Whether a batch is the last one that a leaf commits to; tells the head.
pub(crate) fn check_leaf(
    network: &NetworkId,
    leaf: &HeadLeaf,
    batch: &BatchHeader,
) -> Result<RollupHead, BatchError> {
    if batch.rollup != leaf.rollup {
        return Err(BatchError::Rollup { expected: leaf.rollup, found: batch.rollup });
    }
    if batch.index != leaf.index {
        return Err(BatchError::Index { expected: leaf.index, found: batch.index });
    }
    if batch.height != leaf.last_height {
        return Err(BatchError::Height { expected: leaf.last_height, found: batch.height });
    }
    let found = batch.head(network);
    if found != leaf.head {
        return Err(BatchError::Head { expected: leaf.head, found });
    }
    Ok(found)
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
