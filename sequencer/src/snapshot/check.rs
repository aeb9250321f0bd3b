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
        let sets = self.follow_sets(genesis)?;
        let header = self.check_blocks(&sets)?.clone();
        self.check_state(genesis, &header)?;
        let (height, block, time) = (header.height, header.id(), header.time);
        Ok(VerifiedSnapshot { snapshot: self, height, block, time })
    }

    /// Goes from the set of genesis to the newest one, each certified by the one before.
    fn follow_sets(&self, genesis: &Genesis) -> Result<TrustedSets, SnapshotError> {
        let mut sets = TrustedSets::genesis(genesis);
        let last = self.decisions.last().map_or(Height::ZERO, |(proposal, _)| proposal.header.height);
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

    /// Whether the last blocks are final and as many as they must be. Gives the header of the snapshot's block.
    fn check_blocks(&self, sets: &TrustedSets) -> Result<&BlockHeader, SnapshotError> {
        let found = self.decisions.len();
        let Some((last, _)) = self.decisions.last() else {
            return Err(SnapshotError::Blocks { found, wanted: Activity::CUTS });
        };
        let last = &last.header;
        let wanted = usize::try_from(last.height.get()).map_or(Activity::CUTS, |all| all.min(Activity::CUTS));
        if found != wanted {
            return Err(SnapshotError::Blocks { found, wanted });
        }
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
        Ok(last)
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
