//! The driver of a rollup that runs the EVM (docs/rollups/evm.md), and its rounds.
//!
//! Nothing comes in from Ethereum, so what was carried out is never taken back, and many batches may wait to be settled. Durable
//! are all blocks: a process that begins again at the settled head finds those that were made after it.

mod checkpoints;
mod rounds;

pub use checkpoints::Checkpoints;
pub use rounds::{EvmAdapter, EvmStatus};

use crate::driver::{DriverError, Head, Heads, RollupDriver, Work};
use fairlane_evm_rollup::derive::Plan;
use fairlane_evm_rollup::{Chain, ChainError, Executed, Tip};
use fairlane_types::{Batch, BatchIndex, Hash32};

/// A rollup that runs the EVM.
#[derive(Debug)]
pub struct EvmDriver {
    chain: Chain,
    soft: Tip,
    /// The block of the last call of `apply` that made one, or found one that was made before.
    newest: Option<Executed>,
}

fn head_of(tip: &Tip) -> Head {
    Head { index: tip.index, head: tip.head, state: Hash32::from_bytes(tip.state_root.0) }
}

fn failed(index: BatchIndex) -> impl FnOnce(ChainError) -> DriverError {
    move |error| match error.is_final() {
        true => DriverError::Impossible { index, why: error.to_string() },
        false => DriverError::Failed(Box::new(error)),
    }
}

impl EvmDriver {
    /// Begins where the chain is settled. No client is asked yet.
    pub fn new(chain: Chain) -> Self {
        let soft = chain.ledger().settled();
        Self { chain, soft, newest: None }
    }

    /// The chain's last block.
    pub fn tip(&self) -> Tip {
        self.soft
    }

    /// The block that was made last, by this process.
    pub fn newest(&self) -> Option<&Executed> {
        self.newest.as_ref()
    }

    /// Where the chain stood after a batch that was carried out.
    pub(crate) fn tip_after(&self, index: BatchIndex) -> Result<Option<Tip>, DriverError> {
        let tip = self.chain.ledger().tip(index);
        tip.map_err(|error| DriverError::Failed(Box::new(error)))
    }

    /// What the next batch would become. Nothing changes.
    pub(crate) async fn plan(&self, batch: &Batch) -> Result<Plan, DriverError> {
        self.chain.plan(batch, self.soft.index).await.map_err(failed(batch.header().index))
    }

    /// Sees to it that all clients are at the last block, also those that were started again.
    pub(crate) async fn tend(&mut self) -> Result<(), DriverError> {
        self.chain.bring_all(self.soft.index).await.map_err(failed(self.soft.index))
    }

    /// A batch that was applied before.
    fn known(&self, batch: &Batch) -> Result<Work, DriverError> {
        let index = batch.header().index;
        let head = batch.header().head(self.chain.ledger().network());
        match self.tip_after(index)? {
            Some(tip) if tip.head == head => Ok(Work { after: head_of(&tip), jobs: Vec::new() }),
            _ => Err(DriverError::OtherHistory { index }),
        }
    }
}

impl RollupDriver for EvmDriver {
    type Input = ();

    fn heads(&self) -> Heads {
        Heads { soft: head_of(&self.soft), settled: head_of(&self.chain.ledger().settled()) }
    }

    async fn apply(&mut self, batch: &Batch, (): &()) -> Result<Work, DriverError> {
        let header = batch.header();
        let (index, expected) = (header.index, self.soft.index.next());
        if index <= self.soft.index {
            return self.known(batch);
        }
        if index > expected {
            return Err(DriverError::Gap { expected, found: index });
        }
        if header.previous_head != self.soft.head {
            return Err(DriverError::OtherHistory { index });
        }
        let executed = self.chain.carry_out(batch, self.soft.index).await.map_err(failed(index))?;
        self.soft = executed.tip();
        self.newest = Some(executed);
        Ok(Work { after: head_of(&self.soft), jobs: Vec::new() })
    }

    async fn settle(&mut self, index: BatchIndex) -> Result<(), DriverError> {
        if index > self.soft.index {
            return Err(DriverError::NotApplied { index });
        }
        self.chain.settle(index).map_err(failed(index))
    }

    async fn rewind(&mut self) -> Result<(), DriverError> {
        self.chain.rewind().map_err(failed(self.soft.index))?;
        self.soft = self.chain.ledger().settled();
        Ok(())
    }
}
