//! A block store in memory. It outlives the engines that use it, as a disk outlives a process.

use async_trait::async_trait;
use fairlane_engine::{BlockStore, FinalizedBlock, StoreError, StoredProposal};
use fairlane_types::{BlockId, CommitCertificate, Height, Proposal, Round};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

#[derive(Default)]
struct Kept {
    proposals: BTreeMap<Height, Vec<StoredProposal>>,
    decided: BTreeMap<Height, (Arc<Proposal>, CommitCertificate)>,
    finalized: BTreeMap<Height, Arc<FinalizedBlock>>,
}

#[derive(Default)]
pub(crate) struct MemoryStore {
    kept: Mutex<Kept>,
    broken: AtomicBool,
}

impl MemoryStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no test panics while it holds the store")
    }

    /// Makes every further decision fail, as a full disk does.
    pub(crate) fn break_down(&self) {
        self.broken.store(true, Ordering::Relaxed);
    }

    /// How many proposals were kept that had a quorum of prevotes in an earlier round.
    pub(crate) fn repeated_proposals(&self) -> usize {
        let kept = self.kept();
        kept.proposals.values().flatten().filter(|stored| stored.valid_round.is_some()).count()
    }

    pub(crate) fn block(&self, height: Height) -> Option<Arc<FinalizedBlock>> {
        self.kept().finalized.get(&height).cloned()
    }

    /// A copy, as a backup is one.
    pub(crate) fn copy(&self) -> Self {
        let kept = self.kept();
        let copy = Kept {
            proposals: kept.proposals.clone(),
            decided: kept.decided.clone(),
            finalized: kept.finalized.clone(),
        };
        Self { kept: Mutex::new(copy), broken: AtomicBool::new(false) }
    }

    pub(crate) fn last(&self) -> Height {
        self.kept().decided.last_key_value().map_or(Height::ZERO, |(height, _)| *height)
    }

    /// Forgets that the last block was executed, as if the process had died right after the decision.
    pub(crate) fn forget_last_execution(&self) {
        self.kept().finalized.pop_last();
    }

    /// Every statement of ours about a round: to see that none contradicts another.
    pub(crate) fn own_proposals(&self, me: fairlane_types::ValidatorId) -> Vec<(Height, Round, BlockId)> {
        let kept = self.kept();
        let all =
            kept.proposals.iter().flat_map(|(height, list)| list.iter().map(|stored| (*height, stored)));
        all.filter(|(_, stored)| stored.proposer == me && stored.valid_round.is_none())
            .map(|(height, stored)| (height, stored.round, stored.proposal.id()))
            .collect()
    }
}

#[async_trait]
impl BlockStore for MemoryStore {
    async fn put_proposal(&self, height: Height, proposal: StoredProposal) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let list = kept.proposals.entry(height).or_default();
        if !list.contains(&proposal) {
            list.push(proposal);
        }
        Ok(())
    }

    async fn proposals(&self, height: Height, round: Round) -> Result<Vec<StoredProposal>, StoreError> {
        let kept = self.kept();
        let list = kept.proposals.get(&height).into_iter().flatten();
        Ok(list.filter(|stored| stored.round == round).cloned().collect())
    }

    async fn proposal_by_id(&self, height: Height, id: BlockId) -> Result<Option<Arc<Proposal>>, StoreError> {
        let kept = self.kept();
        let mut list = kept.proposals.get(&height).into_iter().flatten();
        Ok(list.find(|stored| stored.proposal.id() == id).map(|stored| stored.proposal.clone()))
    }

    async fn put_decided(
        &self,
        proposal: Arc<Proposal>,
        certificate: CommitCertificate,
    ) -> Result<(), StoreError> {
        if self.broken.load(Ordering::Relaxed) {
            return Err(StoreError::new("no space left on device"));
        }
        let height = proposal.header.height;
        let before = self.kept().decided.insert(height, (proposal.clone(), certificate));
        assert!(
            before.is_none_or(|(before, _)| before == proposal),
            "height {height} is decided in two ways"
        );
        Ok(())
    }

    async fn put_finalized(&self, block: Arc<FinalizedBlock>) -> Result<(), StoreError> {
        self.kept().finalized.insert(block.height(), block);
        Ok(())
    }

    async fn decided(
        &self,
        range: RangeInclusive<Height>,
    ) -> Result<Vec<(Arc<Proposal>, CommitCertificate)>, StoreError> {
        Ok(self.kept().decided.range(range).map(|(_, decision)| decision.clone()).collect())
    }

    async fn last_decided(&self) -> Result<Height, StoreError> {
        Ok(self.last())
    }

    async fn min_height(&self) -> Result<Height, StoreError> {
        Ok(self.kept().decided.first_key_value().map_or(Height::ZERO, |(height, _)| *height))
    }
}
