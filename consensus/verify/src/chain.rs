//! Where a consumer stands in a rollup's chain of batches: the next batch must continue it, or it is a hard error.
//!
//! Resuming takes (index, head). Nothing is ever skipped silently: a gap, a repetition and a fork are told apart,
//! since each asks for another answer.

use crate::batch::VerifiedBatch;
use fairlane_types::{BatchHeader, BatchIndex, RollupHead, RollupId};

/// Why a batch does not continue a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// It is another rollup's.
    #[error("the batch is for rollup {found}, the chain for rollup {expected}")]
    OtherRollup {
        /// The chain's rollup.
        expected: RollupId,
        /// The batch's.
        found: RollupId,
    },
    /// Batches before it are missing. Fetching them helps.
    #[error("batch {found} of rollup {rollup} came where batch {expected} is next")]
    Gap {
        /// The rollup.
        rollup: RollupId,
        /// The next index.
        expected: BatchIndex,
        /// The batch's.
        found: BatchIndex,
    },
    /// It was there before.
    #[error("batch {found} of rollup {rollup} came again, batch {expected} is next")]
    Repeated {
        /// The rollup.
        rollup: RollupId,
        /// The next index.
        expected: BatchIndex,
        /// The batch's.
        found: BatchIndex,
    },
    /// It continues another history. Never to be skipped: one of the two sides is wrong.
    #[error("batch {index} of rollup {rollup} continues head {found}, the chain stands at {expected}")]
    Fork {
        /// The rollup.
        rollup: RollupId,
        /// The batch's index.
        index: BatchIndex,
        /// The chain's head.
        expected: RollupHead,
        /// The head that the batch continues.
        found: RollupHead,
    },
}

/// A place in one rollup's chain of batches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchChain {
    rollup: RollupId,
    index: BatchIndex,
    head: RollupHead,
}

impl BatchChain {
    /// Before the first batch.
    pub fn start(rollup: RollupId) -> Self {
        Self::resume(rollup, BatchIndex::ZERO, RollupHead::ZERO)
    }

    /// After the batch `index`, whose head was `head`.
    pub fn resume(rollup: RollupId, index: BatchIndex, head: RollupHead) -> Self {
        Self { rollup, index, head }
    }

    /// The rollup.
    pub fn rollup(&self) -> RollupId {
        self.rollup
    }

    /// The last batch that was accepted; 0 when there is none.
    pub fn index(&self) -> BatchIndex {
        self.index
    }

    /// The head after it.
    pub fn head(&self) -> RollupHead {
        self.head
    }

    /// Takes the next batch, or leaves the place as it is.
    pub fn accept(&mut self, batch: &VerifiedBatch) -> Result<(), ChainError> {
        self.step(batch.batch().header(), batch.head())
    }

    /// Takes the next batch's header; `head` is the head after it.
    pub(crate) fn step(&mut self, batch: &BatchHeader, head: RollupHead) -> Result<(), ChainError> {
        let rollup = self.rollup;
        if batch.rollup != rollup {
            return Err(ChainError::OtherRollup { expected: rollup, found: batch.rollup });
        }
        let (expected, found) = (self.index.next(), batch.index);
        if found <= self.index {
            return Err(ChainError::Repeated { rollup, expected, found });
        }
        if found != expected {
            return Err(ChainError::Gap { rollup, expected, found });
        }
        if batch.previous_head != self.head {
            let (expected, found) = (self.head, batch.previous_head);
            return Err(ChainError::Fork { rollup, index: batch.index, expected, found });
        }
        self.index = batch.index;
        self.head = head;
        Ok(())
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
