//! Whether a snapshot is what it says, by nothing but itself and genesis.

use super::{Snapshot, SnapshotError};
use fairlane_chain::ChainState;
use fairlane_engine::Activity;
use fairlane_types::{BlockHeader, BlockId, Genesis, Height, NetworkId, Timestamp};
use fairlane_verify::{TrustedSets, check_link};

/// A snapshot that was found to be the state after a final block. Only [`Snapshot::verify`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedSnapshot {
    snapshot: Snapshot,
    height: Height,
    block: BlockId,
    time: Timestamp,
}

impl VerifiedSnapshot {
    /// The network.
    pub fn network(&self) -> NetworkId {
        self.snapshot.network
    }

    /// The height of its block.
    pub fn height(&self) -> Height {
        self.height
    }

    /// Its block, which whoever knows the chain can compare.
    pub fn block(&self) -> BlockId {
        self.block
    }

    /// Chain time after the block.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Refuses any other block.
    pub fn expect_block(&self, wanted: BlockId) -> Result<(), SnapshotError> {
        if self.block != wanted {
            let (height, found) = (self.height, self.block);
            return Err(SnapshotError::OtherBlock { height, found, wanted });
        }
        Ok(())
    }

    /// What was verified.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl Snapshot {
    /// Checks everything against genesis: the way of the validator sets, the last blocks, and the state.
    pub fn verify(self, genesis: &Genesis) -> Result<VerifiedSnapshot, SnapshotError> {
        let wanted = genesis.network();
        if self.network != wanted {
            return Err(SnapshotError::OtherNetwork { found: self.network, wanted });
        }
        let header = self.last_header()?.clone();
        let sets = self.follow_sets(genesis, header.height)?;
        self.check_blocks(&sets, &header)?;
        self.check_state(genesis, &header)?;
        let (height, block, time) = (header.height, header.id(), header.time);
        Ok(VerifiedSnapshot { snapshot: self, height, block, time })
    }

    /// The header of the snapshot's block, if there are as many blocks as there must be.
    fn last_header(&self) -> Result<&BlockHeader, SnapshotError> {
        let (found, all) = (self.decisions.len(), Activity::CUTS);
        let last = self.decisions.last().ok_or(SnapshotError::Blocks { found, wanted: all })?;
        let last = &last.0.header;
        let wanted = usize::try_from(last.height.get()).map_or(all, |height| height.min(all));
        if found == wanted { Ok(last) } else { Err(SnapshotError::Blocks { found, wanted }) }
    }

    /// Goes from the set of genesis to the one that is in force after the `last` height, each certified by the one before.
    fn follow_sets(&self, genesis: &Genesis, last: Height) -> Result<TrustedSets, SnapshotError> {
        let mut sets = TrustedSets::genesis(genesis);
        let mut before = Height::ZERO;
        for handover in &self.handovers {
            let height = handover.header.height;
            let followed = sets.follow(
                handover.header.clone(),
                handover.certificate.clone(),
                Some(handover.validators.clone()),
            );
            let header =
                followed.map_err(|source| SnapshotError::Handover { height, source: Box::new(source) })?;
            if height <= before || height > last || !header.changes_validators() {
                return Err(SnapshotError::NoHandover(height));
            }
            before = height;
        }
        Ok(sets)
    }

    /// Whether the last blocks follow each other and are final.
    fn check_blocks(&self, sets: &TrustedSets, last: &BlockHeader) -> Result<(), SnapshotError> {
        for ((parent, _), (child, _)) in self.decisions.iter().zip(self.decisions.iter().skip(1)) {
            let height = child.header.height;
            check_link(&parent.header, &child.header)
                .map_err(|source| SnapshotError::Link { height, source })?;
        }
        for (proposal, certificate) in &self.decisions {
            let height = proposal.header.height;
            sets.verify_header(proposal.header.clone(), certificate.clone())
                .map_err(|source| SnapshotError::Block { height, source: Box::new(source) })?;
        }
        let next = sets.at(last.height.next()).map(|(_, set)| set.hash());
        if next != Some(last.next_validators_hash) {
            return Err(SnapshotError::NextSet(last.height));
        }
        Ok(())
    }

    /// Whether the state is the one that a final block's header commits to, with what the root stands for in full.
    fn check_state(&self, genesis: &Genesis, header: &BlockHeader) -> Result<(), SnapshotError> {
        let state = ChainState::restore(genesis, header, &self.state, self.ordered.iter().cloned())
            .map_err(|source| SnapshotError::State { height: header.height, source: Box::new(source) })?;
        if state.snapshot() != self.state {
            return Err(SnapshotError::NotCanonical);
        }
        let told = self.ordered.iter().map(|(height, ids)| (*height, ids.as_slice()));
        if !state.replay_window().eq(told) {
            return Err(SnapshotError::Ordered);
        }
        Ok(())
    }
}
