//! Blocks as the engine and recovery read and write them.

use super::handover::Handover;
use super::records::{decode_decided, decode_ids, decode_proposal};
use super::tables::{DECIDED, HANDOVERS, ORDERED_BEFORE, ORDERS, PROPOSALS, SNAPSHOTS};
use super::{Store, StoreError};
use async_trait::async_trait;
use fairlane_chain::OrderRecord;
use fairlane_engine::{BlockStore, FinalizedBlock, StoreError as EngineStoreError, StoredProposal};
use fairlane_types::{BlockId, CommitCertificate, Decode as _, Height, Proposal, Round, TxId};
use redb::ReadableDatabase as _;
use std::ops::RangeInclusive;
use std::sync::Arc;

/// A decided proposal with its certificate.
pub type Decision = (Arc<Proposal>, CommitCertificate);

impl Store {
    /// Snapshots of the chain state, newest first, each with its height.
    pub fn snapshots(&self) -> Result<Vec<(Height, Vec<u8>)>, StoreError> {
        let snapshots = self.0.database.begin_read()?.open_table(SNAPSHOTS)?;
        let mut found = Vec::new();
        for entry in snapshots.range::<u64>(..)?.rev() {
            let (height, value) = entry?;
            found.push((Height::new(height.value()), value.value().to_vec()));
        }
        Ok(found)
    }

    /// The ids that the blocks within a range ordered, ascending by height; blocks that ordered nothing are left
    /// out. Where the store began with a snapshot, the blocks of its replay window are known, too.
    pub fn ordered_ids(
        &self,
        heights: RangeInclusive<Height>,
    ) -> Result<Vec<(Height, Vec<TxId>)>, StoreError> {
        let transaction = self.0.database.begin_read()?;
        let (before, orders) = (transaction.open_table(ORDERED_BEFORE)?, transaction.open_table(ORDERS)?);
        let heights = heights.start().get()..=heights.end().get();
        let mut found = Vec::new();
        for entry in before.range(heights.clone())? {
            let (height, value) = entry?;
            found.push((Height::new(height.value()), decode_ids(value.value())?));
        }
        for entry in orders.range(heights)? {
            let (height, value) = entry?;
            found.push((Height::new(height.value()), order(value.value())?.ids().collect()));
        }
        Ok(found)
    }

    /// Why a block's transactions stand where they stand; empty for a block that ordered nothing or is not kept.
    pub fn order_record(&self, height: Height) -> Result<OrderRecord, StoreError> {
        let orders = self.0.database.begin_read()?.open_table(ORDERS)?;
        orders.get(height.get())?.map_or_else(|| Ok(OrderRecord::default()), |value| order(value.value()))
    }

    /// The decisions within a range, ascending, up to the first gap.
    pub fn decisions(&self, heights: RangeInclusive<Height>) -> Result<Vec<Decision>, StoreError> {
        let decided = self.0.database.begin_read()?.open_table(DECIDED)?;
        let mut found: Vec<Decision> = Vec::new();
        for entry in decided.range(heights.start().get()..=heights.end().get())? {
            let decision = decode_decided(entry?.1.value())?;
            let follows = found
                .last()
                .is_none_or(|(last, _)| last.header.height.checked_add(1) == Some(decision.0.header.height));
            if !follows {
                break;
            }
            found.push(decision);
        }
        Ok(found)
    }

    /// All blocks up to a height by which a validator set handed over to another, ascending.
    pub fn handovers(&self, up_to: Height) -> Result<Vec<Handover>, StoreError> {
        let handovers = self.0.database.begin_read()?.open_table(HANDOVERS)?;
        let mut found = Vec::new();
        for entry in handovers.range(..=up_to.get())? {
            let handover = Handover::from_bytes(entry?.1.value().to_vec());
            found.push(handover.map_err(StoreError::damaged("a handing over of validator sets"))?);
        }
        Ok(found)
    }

    /// The proposals kept for a height and a range of rounds, in the order in which they were put.
    fn stored_proposals(
        &self,
        height: Height,
        rounds: RangeInclusive<u32>,
    ) -> Result<Vec<StoredProposal>, StoreError> {
        let proposals = self.0.database.begin_read()?.open_table(PROPOSALS)?;
        let (first, last) = (*rounds.start(), *rounds.end());
        let range = (height.get(), first, 0)..=(height.get(), last, u32::MAX);
        proposals.range(range)?.map(|entry| decode_proposal(entry?.1.value())).collect()
    }

    /// Reads off the async runtime.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineStoreError> {
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || read(&store));
        Ok(task.await.map_err(EngineStoreError::new)??)
    }
}

fn order(bytes: &[u8]) -> Result<OrderRecord, StoreError> {
    OrderRecord::from_bytes(bytes.to_vec()).map_err(StoreError::damaged("an order record"))
}

#[async_trait]
impl BlockStore for Store {
    async fn put_proposal(&self, height: Height, proposal: StoredProposal) -> Result<(), EngineStoreError> {
        Ok(Store::put_proposal(self, height, proposal).await?)
    }

    async fn proposals(&self, height: Height, round: Round) -> Result<Vec<StoredProposal>, EngineStoreError> {
        self.reading(move |store| store.stored_proposals(height, round.get()..=round.get())).await
    }

    async fn proposal_by_id(
        &self,
        height: Height,
        id: BlockId,
    ) -> Result<Option<Arc<Proposal>>, EngineStoreError> {
        let proposals = self.reading(move |store| store.stored_proposals(height, 0..=u32::MAX)).await?;
        Ok(proposals.into_iter().map(|stored| stored.proposal).find(|proposal| proposal.id() == id))
    }

    async fn put_decided(
        &self,
        proposal: Arc<Proposal>,
        certificate: CommitCertificate,
    ) -> Result<(), EngineStoreError> {
        Ok(Store::put_decided(self, proposal, certificate).await?)
    }

    async fn put_finalized(&self, block: Arc<FinalizedBlock>) -> Result<(), EngineStoreError> {
        Ok(Store::put_finalized(self, block).await?)
    }

    async fn decided(&self, range: RangeInclusive<Height>) -> Result<Vec<Decision>, EngineStoreError> {
        self.reading(move |store| store.decisions(range)).await
    }

    async fn last_decided(&self) -> Result<Height, EngineStoreError> {
        Ok(self.last_decision().map_or(Height::ZERO, |certificate| certificate.height))
    }

    async fn min_height(&self) -> Result<Height, EngineStoreError> {
        Ok(Store::min_height(self))
    }
}
