//! A small network for tests: four validators, three rollups, and blocks that are certified by all of them.

use bytes::Bytes;
use fairlane_types::testing::{self, extend, set_of};
use fairlane_types::{
    Batch, BatchIndex, BatchItem, BlockHeader, BlockId, CommitCertificate, Domain, Hash32, HeadLeaf,
    HeadsTree, Height, Incarnation, NetworkId, RollupHead, RollupId, Round, SigningKey, TxId, Validator,
    ValidatorSet, VotingPower,
};

pub(crate) use fairlane_types::testing::keys;

use crate::batch::WireBatch;
use crate::sets::TrustedSets;

pub(crate) fn network() -> NetworkId {
    NetworkId::from_bytes([7; 32])
}

/// A set of equal powers.
pub(crate) fn set(keys: &[SigningKey]) -> ValidatorSet {
    set_of(keys, 10)
}

pub(crate) fn set_with_powers(members: &[(SigningKey, u64)]) -> ValidatorSet {
    let member = |(key, power): &(SigningKey, u64)| Validator {
        id: key.validator(),
        power: VotingPower::new(*power),
        incarnation: Incarnation::ZERO,
    };
    ValidatorSet::new(members.iter().map(member).collect()).unwrap()
}

pub(crate) fn header(height: u64, set: &ValidatorSet, heads_root: Hash32) -> BlockHeader {
    let parent = BlockId::from_bytes([1; 32]);
    BlockHeader { parent, ..testing::header(network(), Height::new(height), set, heads_root) }
}

pub(crate) fn certify(header: &BlockHeader, signers: &[SigningKey]) -> CommitCertificate {
    testing::certify(header, Round::new(2), signers)
}

pub(crate) fn item(tag: u8, leg_index: u8, leg_count: u8) -> BatchItem {
    BatchItem {
        transaction: TxId::from_bytes([tag; 32]),
        leg_index,
        leg_count,
        payload: Bytes::from(vec![tag; usize::from(tag)]),
    }
}

/// One network whose blocks each have a batch for the rollups that are asked for.
pub(crate) struct Chain {
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) set: ValidatorSet,
    leaves: Vec<HeadLeaf>,
}

/// A block with its batches, certified by all.
pub(crate) struct Block {
    pub(crate) header: BlockHeader,
    pub(crate) certificate: CommitCertificate,
    pub(crate) heads: HeadsTree,
    pub(crate) batches: Vec<Batch>,
}

impl Chain {
    /// Rollups 10, 20 and 30, no batch yet.
    pub(crate) fn new() -> Self {
        let keys = keys(1..5);
        let set = set(&keys);
        let leaves = [10, 20, 30].map(|id| HeadLeaf::empty(RollupId::new(id))).to_vec();
        Self { keys, set, leaves }
    }

    pub(crate) fn sets(&self) -> TrustedSets {
        TrustedSets::starting_at(network(), Height::FIRST, self.set.clone())
    }

    /// The next block, at `height`, with these items for each of these rollups.
    pub(crate) fn block(&mut self, height: u64, content: Vec<(u64, Vec<BatchItem>)>) -> Block {
        let batches: Vec<Batch> =
            content.into_iter().map(|(rollup, items)| self.batch(height, rollup, items)).collect();
        let heads = HeadsTree::new(self.leaves.clone());
        let header = header(height, &self.set, heads.root());
        let certificate = certify(&header, &self.keys);
        Block { header, certificate, heads, batches }
    }

    fn batch(&mut self, height: u64, rollup: u64, items: Vec<BatchItem>) -> Batch {
        let leaf = self.leaves.iter_mut().find(|leaf| leaf.rollup == RollupId::new(rollup)).unwrap();
        extend(leaf, network(), Height::new(height), items)
    }
}

impl Block {
    /// The batch at this place among the block's batches, as it travels.
    pub(crate) fn wire(&self, at: usize) -> WireBatch {
        let batch = &self.batches[at];
        WireBatch {
            header: self.header.clone(),
            certificate: self.certificate.clone(),
            path: self.heads.path(batch.header().rollup).unwrap(),
            batch: *batch.header(),
            body: batch.body().clone(),
        }
    }
}

/// A head that no batch has.
pub(crate) fn other_head() -> RollupHead {
    Domain::BATCH.hash(&[b"other"]).into()
}

pub(crate) fn index(at: u64) -> BatchIndex {
    BatchIndex::new(at)
}
