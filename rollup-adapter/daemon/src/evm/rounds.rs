//! The rounds of an adapter whose rollup runs the EVM: carry out what came, and settle what is final.

use super::EvmDriver;
use super::checkpoints::Checkpoints;
use crate::adapter::Step;
use crate::driver::{Heads, RollupDriver as _};
use crate::error::AdapterError;
use crate::inbox::Inbox;
use crate::metrics::{AdapterMetrics, ReasonLabel};
use crate::run::{Stepper, Wake};
use crate::status::Status;
use fairlane_types::{BatchIndex, HeadLeaf, RollupId};
use serde::Serialize;

/// What the status says of a rollup that runs the EVM.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EvmStatus {
    /// The last block's number: the index of its batch.
    pub block: u64,
    /// Its hash.
    pub hash: String,
    /// The state after it, which all clients agree on.
    pub state_root: String,
    /// Transactions of all blocks that this process made or found.
    pub transactions: u64,
    /// Items of batches that became none.
    pub skipped: u64,
    /// Why Ethereum could not be asked for what is final, if it could not.
    pub ethereum: Option<String>,
}

/// What checkpoints cover that has not been settled.
#[derive(Debug, Default)]
struct Covered {
    /// What is settled next. It stays until it is carried out: else nothing would ever be settled while batches come
    /// faster than they are carried out.
    next: Option<HeadLeaf>,
    /// What the newest checkpoint after that covers.
    newest: Option<HeadLeaf>,
}

impl Covered {
    fn add(&mut self, leaf: HeadLeaf) {
        let place = if self.next.is_none() { &mut self.next } else { &mut self.newest };
        *place = Some(leaf);
    }

    /// The last batch that can be settled, of those that are carried out.
    fn reached(&mut self, settled: BatchIndex, carried_out: BatchIndex) -> Option<HeadLeaf> {
        let is_past = |leaf: HeadLeaf| leaf.index <= settled;
        if self.next.is_some_and(is_past) || self.newest.is_some_and(|leaf| leaf.index <= carried_out) {
            self.next = self.newest.take();
        }
        self.next.filter(|leaf| settled < leaf.index && leaf.index <= carried_out)
    }
}

/// The adapter of a rollup that runs the EVM.
#[derive(Debug)]
pub struct EvmAdapter {
    driver: EvmDriver,
    rollup: RollupId,
    inbox: Inbox,
    checkpoints: Option<Checkpoints>,
    metrics: AdapterMetrics,
    dry_run: bool,
    covered: Covered,
    shown: EvmStatus,
}

impl EvmAdapter {
    /// An adapter that has done nothing yet. Without checkpoints a batch is settled when it is carried out: its order is final.
    pub fn new(
        driver: EvmDriver,
        rollup: RollupId,
        inbox: Inbox,
        checkpoints: Option<Checkpoints>,
        metrics: AdapterMetrics,
        dry_run: bool,
    ) -> Self {
        let shown = EvmStatus::default();
        Self { driver, rollup, inbox, checkpoints, metrics, dry_run, covered: Covered::default(), shown }
    }

    async fn round(&mut self) -> Result<Step, AdapterError> {
        self.look().await?;
        if let Some(index) = self.newly_final()? {
            return self.settle(index).await;
        }
        let soft = self.driver.tip().index;
        let Some(batch) = self.inbox.get(soft.next())? else { return self.wait().await };
        if self.dry_run {
            let plan = self.driver.plan(&batch).await?;
            return Ok(Step::WouldCarryOut(soft.next().get(), plan.transactions.len() as u64));
        }
        let skipped_before = self.shown.skipped;
        self.driver.apply(&batch, &()).await?;
        self.count(batch.items().len() as u64);
        let (index, skipped) = (soft.next().get(), self.shown.skipped - skipped_before);
        tracing::debug!(index, items = batch.items().len(), skipped, "a batch became a block");
        Ok(Step::CarriedOut(index))
    }

    /// Asks Ethereum what is final. That it does not answer keeps no batch back.
    async fn look(&mut self) -> Result<(), AdapterError> {
        let Some(checkpoints) = &mut self.checkpoints else { return Ok(()) };
        match checkpoints.look(self.rollup).await {
            Ok(None) => {}
            Ok(Some(leaf)) => {
                self.covered.add(leaf);
                self.shown.ethereum = None;
            }
            Err(error) if error.is_fatal() => return Err(error),
            Err(error) => {
                self.metrics.failovers.inc_by(u64::from(checkpoints.turn_away(&error)));
                self.metrics.failures.get_or_create(&ReasonLabel { reason: error.name() }).inc();
                self.shown.ethereum = Some(error.to_string());
            }
        }
        Ok(())
    }

    /// The batch up to which everything can be settled, if that is news.
    fn newly_final(&mut self) -> Result<Option<BatchIndex>, AdapterError> {
        let (soft, settled) = (self.driver.tip().index, self.driver.heads().settled.index);
        if self.dry_run {
            return Ok(None);
        }
        if self.checkpoints.is_none() {
            return Ok((soft > settled).then_some(soft));
        }
        let Some(leaf) = self.covered.reached(settled, soft) else { return Ok(None) };
        match self.driver.tip_after(leaf.index)? {
            Some(tip) if tip.head == leaf.head => Ok(Some(leaf.index)),
            _ => Err(AdapterError::Diverged { index: leaf.index }),
        }
    }

    async fn settle(&mut self, index: BatchIndex) -> Result<Step, AdapterError> {
        self.driver.settle(index).await?;
        self.inbox.forget(index)?;
        let gauge = i64::try_from(index.get()).unwrap_or(i64::MAX);
        self.metrics.settled.set(gauge);
        self.metrics.confirmed.set(gauge);
        Ok(Step::Confirmed(index.get()))
    }

    async fn wait(&mut self) -> Result<Step, AdapterError> {
        if !self.dry_run {
            self.driver.tend().await?;
        }
        let Heads { soft, settled } = self.driver.heads();
        match soft.index > settled.index {
            true => Ok(Step::AwaitingCheckpoint(soft.index.get())),
            false => Ok(Step::Idle),
        }
    }

    fn count(&mut self, items: u64) {
        let Some(block) = self.driver.newest() else { return };
        let tip = block.tip();
        let transactions = block.payload.transactions().len() as u64;
        self.shown.transactions += transactions;
        self.shown.skipped += items.saturating_sub(transactions);
        self.metrics.transactions.inc_by(transactions);
        for (reason, count) in &block.skipped {
            let label = crate::metrics::SkipLabel { reason: reason.clone() };
            self.metrics.skipped.get_or_create(&label).inc_by(u64::from(*count));
        }
        self.metrics.carried_out.set(i64::try_from(tip.index.get()).unwrap_or(i64::MAX));
    }
}

impl Stepper for EvmAdapter {
    async fn step(&mut self) -> Result<Step, AdapterError> {
        self.round().await
    }

    fn heads(&self) -> Heads {
        self.driver.heads()
    }

    fn metrics(&self) -> &AdapterMetrics {
        &self.metrics
    }

    fn wake(&self) -> Wake {
        Wake { jobs: None, batches: self.inbox.watch() }
    }

    fn show(&self, status: &mut Status) {
        let tip = self.driver.tip();
        status.evm = Some(EvmStatus {
            block: tip.index.get(),
            hash: tip.hash.to_string(),
            state_root: tip.state_root.to_string(),
            ..self.shown.clone()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaf(index: u64) -> HeadLeaf {
        let (rollup, index) = (RollupId::new(1), BatchIndex::new(index));
        HeadLeaf { rollup, index, head: Default::default(), last_height: Default::default() }
    }

    fn reached(covered: &mut Covered, settled: u64, carried_out: u64) -> Option<u64> {
        let leaf = covered.reached(BatchIndex::new(settled), BatchIndex::new(carried_out));
        leaf.map(|leaf| leaf.index.get())
    }

    #[test]
    fn batches_are_settled_though_checkpoints_are_always_ahead() {
        let mut covered = Covered::default();
        assert_eq!(reached(&mut covered, 0, 3), None);
        [5, 9, 14].map(leaf).into_iter().for_each(|leaf| covered.add(leaf));
        assert_eq!(reached(&mut covered, 0, 4), None);
        assert_eq!(reached(&mut covered, 0, 5), Some(5));
        assert_eq!(reached(&mut covered, 5, 6), None);
        covered.add(leaf(20));
        assert_eq!(reached(&mut covered, 5, 13), None);
        assert_eq!(reached(&mut covered, 5, 14), Some(14));
        assert_eq!(reached(&mut covered, 14, 20), Some(20));
        assert_eq!(reached(&mut covered, 20, 25), None);
    }

    #[test]
    fn the_newest_checkpoint_counts_where_everything_is_carried_out() {
        let mut covered = Covered::default();
        [5, 9].map(leaf).into_iter().for_each(|leaf| covered.add(leaf));
        assert_eq!(reached(&mut covered, 0, 12), Some(9));
    }
}
