//! What a rollup brings to the adapter.

use fairlane_prover::JobSpec;
use fairlane_types::{Batch, BatchIndex, Hash32, RollupHead};
use std::fmt::Debug;
use std::future::Future;

/// A place in a rollup's history, and its state there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The last batch; zero before the first.
    pub index: BatchIndex,
    /// The head after it.
    pub head: RollupHead,
    /// What the rollup's state is committed to there.
    pub state: Hash32,
}

/// Where a driver stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// The last batch that was carried out. The order is final, but what came in from Ethereum with it may still change:
    /// the driver may be told to go back to `settled`.
    pub soft: Head,
    /// The last batch that is settled for good. Durable, and never goes back.
    pub settled: Head,
}

/// A proof that has to be made, and what it is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// What it is.
    pub spec: JobSpec,
    /// Its input.
    pub input: Vec<u8>,
}

/// What follows from a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// Where the rollup stands after it.
    pub after: Head,
    /// Proofs to make, each beginning where the one before ends. None for a rollup that is not proven.
    pub jobs: Vec<NewJob>,
}

/// Why a driver does not do something. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The batch is not the next one.
    #[error("batch {found} came where batch {expected} is next")]
    Gap {
        /// The next one.
        expected: BatchIndex,
        /// The one that came.
        found: BatchIndex,
    },
    /// The batch continues another history, or is another one than was applied with this index.
    #[error("batch {index} is of another history than the rollup's")]
    OtherHistory {
        /// The batch.
        index: BatchIndex,
    },
    /// A batch cannot be settled that was not applied.
    #[error("batch {index} cannot be settled: it was not applied")]
    NotApplied {
        /// The batch.
        index: BatchIndex,
    },
    /// The batch, or what comes with it, breaks a rule that no batch of this rollup can break. Trying again gives the same.
    #[error("batch {index} cannot be carried out: {why}")]
    Impossible {
        /// The batch.
        index: BatchIndex,
        /// What is wrong.
        why: String,
    },
    /// The driver's own store or engine failed. Trying again may help.
    #[error("the rollup's driver failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// A rollup, as the adapter drives it. One task calls it, one call at a time.
///
/// Obligations, which [`crate::conformance::check`] checks:
/// - **Deterministic.** Equal batches with equal inputs lead, from equal states, to equal [`Work`]. Every item of a batch has
///   an outcome, whatever its bytes; none makes `apply` fail.
/// - **Idempotent by index.** Applying a batch that is applied, with the same input, gives the same work again and changes
///   nothing; one that is settled gives no jobs. Another batch under the same index is refused, and so is a gap.
/// - **Soft and settled heads.** `apply` moves the soft head by one, `settle` moves the settled head, durably, and never
///   beyond the soft one. A new process begins with the soft head at the settled one, and is given the batches
///   in between again.
/// - **Rewinds to the settled point, and nowhere else.** After `rewind` the soft head is the settled one.
/// - **Cancellation.** Dropping a call that has not returned leaves the driver as it was or as it would have become.
pub trait RollupDriver: Send + 'static {
    /// What comes in from Ethereum before a batch.
    type Input: Clone + PartialEq + Debug + Send + Sync;

    /// Where the rollup stands.
    fn heads(&self) -> Heads;

    /// Takes in what comes from Ethereum, and then the next batch.
    fn apply(
        &mut self,
        batch: &Batch,
        input: &Self::Input,
    ) -> impl Future<Output = Result<Work, DriverError>> + Send;

    /// A batch that was applied, and all before it, are settled for good. Durable when it returns. At or before the settled
    /// head it changes nothing.
    fn settle(&mut self, index: BatchIndex) -> impl Future<Output = Result<(), DriverError>> + Send;

    /// Forgets all batches after the settled one: what came with them from Ethereum was something else.
    fn rewind(&mut self) -> impl Future<Output = Result<(), DriverError>> + Send;
}
