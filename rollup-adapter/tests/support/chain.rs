//! A network of validators whose blocks are made by hand, each signed by all of them.

use bytes::Bytes;
use fairlane_proto::convert::{self, CertifiedHeader, UnverifiedBatch};
use fairlane_proto::v1::subscribe_response as wire;
use fairlane_types::segment::transaction_leaves;
use fairlane_types::testing::{self, extend, set_of};
use fairlane_types::{
    Batch, BatchItem, BlockHeader, BlockId, CommitCertificate, Event, Genesis, GroupId, HeadLeaf, HeadsTree,
    Height, Incarnation, LaneId, LaneSeq, Leg, ProtocolParams, Receipt, RollupId, RollupSpec, Round,
    SegmentDigest, SegmentDraft, SigningKey, Timestamp, Transaction, TxId, ValidatorSet, merkle,
};

pub use fairlane_types::testing::keys;

/// Keys and genesis.
#[derive(Clone)]
pub struct World {
    pub keys: Vec<SigningKey>,
    pub genesis: Genesis,
}

pub fn set(keys: &[SigningKey]) -> ValidatorSet {
    set_of(keys, 1)
}

impl World {
    /// Four validators; rollups 10, 20 and 30.
    pub fn new() -> Self {
        Self::named("test")
    }

    pub fn named(name: &str) -> Self {
        let keys = keys(1..5);
        let rollup = |id| RollupSpec::new(RollupId::new(id), GroupId::new(0));
        let genesis = Genesis {
            name: name.into(),
            time: Timestamp::from_nanos(1),
            params: ProtocolParams::default(),
            validators: set(&keys),
            rollups: [10, 20, 30].map(rollup).to_vec(),
            l1_chain_id: 0,
            stake_manager: [0; 20],
            l1_epoch: 0,
        };
        Self { keys, genesis }
    }

    pub fn transaction(&self, salt: u8) -> Transaction {
        let leg = Leg { rollup: RollupId::new(20), payload: Bytes::from(vec![salt; 100]) };
        Transaction::new(vec![leg], Timestamp::from_nanos(1_000_000), [salt; 16]).unwrap()
    }

    /// Receipts of one segment that carries these transactions, signed by `key`.
    pub fn receipts(&self, key: &SigningKey, transactions: &[Transaction]) -> Vec<Receipt> {
        let count = transactions.len() as u32;
        let draft = SegmentDraft {
            lane: LaneId { validator: key.validator(), incarnation: Incarnation::ZERO },
            seq: LaneSeq::new(1),
            parent: SegmentDigest::ZERO,
            timestamp: Timestamp::from_nanos(1_000),
            events: vec![Event::Own { count, age: 0 }],
            transactions: transactions.to_vec(),
        };
        let segment = draft.seal(self.genesis.network(), &self.genesis.params, key).unwrap();
        let tree = merkle::Tree::new(transaction_leaves(transactions));
        let receipt = |(index, transaction): (usize, &Transaction)| Receipt {
            transaction: transaction.id(),
            header: segment.header().clone(),
            signature: *segment.signature(),
            index: index as u32,
            path: tree.path(index).unwrap(),
        };
        transactions.iter().enumerate().map(receipt).collect()
    }

    /// What a node tells of one segment that carries these transactions, signed by `key`.
    pub fn acknowledged(&self, key: &SigningKey, transactions: &[Transaction]) -> wire::Acknowledged {
        let receipts = self.receipts(key, transactions);
        let entry = |(transaction, receipt): (&Transaction, &Receipt)| wire::acknowledged::Entry {
            envelope: transaction.envelope().clone(),
            index: receipt.index,
            path: convert::path_to_field(&receipt.path),
        };
        wire::Acknowledged {
            segment_header: convert::to_field(&receipts[0].header),
            signature: convert::to_field(&receipts[0].signature),
            entries: transactions.iter().zip(&receipts).map(entry).collect(),
        }
    }

    /// `blocks` blocks with a batch of two items each for rollup 20.
    pub fn chain(&self, blocks: u64) -> Chain {
        let mut chain = Chain::new(self);
        for height in 1..=blocks {
            chain.push(vec![(20, vec![item(height, 0, 1), item(height + 1_000_000, 0, 1)])]);
        }
        chain
    }
}

/// An item with a payload of its own.
pub fn item(tag: u64, leg_index: u8, leg_count: u8) -> BatchItem {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&tag.to_be_bytes());
    BatchItem {
        transaction: TxId::from_bytes(id),
        leg_index,
        leg_count,
        payload: Bytes::from(tag.to_be_bytes().repeat(16)),
    }
}

/// A certified block.
#[derive(Clone)]
pub struct Block {
    pub certified: CertifiedHeader,
    pub heads: HeadsTree,
    pub batches: Vec<Batch>,
}

impl Block {
    pub fn wire(&self, rollup: RollupId) -> Option<UnverifiedBatch> {
        let batch = self.batches.iter().find(|batch| batch.header().rollup == rollup)?;
        Some(UnverifiedBatch {
            block: self.certified.clone(),
            head_path: self.heads.path(rollup)?,
            header: *batch.header(),
            body: batch.body().clone(),
        })
    }
}

/// Blocks, the leaves after the last one, and who signs the next.
#[derive(Clone)]
pub struct Chain {
    pub world: World,
    pub blocks: Vec<Block>,
    leaves: Vec<HeadLeaf>,
    signers: Vec<SigningKey>,
}

impl Chain {
    pub fn new(world: &World) -> Self {
        let leaves = world.genesis.rollups.iter().map(|rollup| HeadLeaf::empty(rollup.id)).collect();
        Self { world: world.clone(), blocks: Vec::new(), leaves, signers: world.keys.clone() }
    }

    pub fn push(&mut self, content: Vec<(u64, Vec<BatchItem>)>) {
        self.push_and_hand_over(content, None);
    }

    /// The next block; other validators decide from the one after on, if any are given.
    pub fn push_and_hand_over(&mut self, content: Vec<(u64, Vec<BatchItem>)>, next: Option<Vec<SigningKey>>) {
        let height = self.blocks.len() as u64 + 1;
        let batches: Vec<_> =
            content.into_iter().map(|(rollup, items)| self.batch(height, rollup, items)).collect();
        let heads = HeadsTree::new(self.leaves.clone());
        let next_set = next.as_deref().map(set);
        let validators = set(&self.signers);
        let network = self.world.genesis.network();
        let header = BlockHeader {
            parent: self.blocks.last().map_or(BlockId::ZERO, |block| block.certified.header.id()),
            next_validators_hash: next_set.as_ref().unwrap_or(&validators).hash(),
            ..testing::header(network, Height::new(height), &validators, heads.root())
        };
        let certificate = certify(&header, &self.signers);
        let certified = CertifiedHeader { header, certificate, next_validators: next_set };
        self.blocks.push(Block { certified, heads, batches });
        self.signers = next.unwrap_or(std::mem::take(&mut self.signers));
    }

    fn batch(&mut self, height: u64, rollup: u64, items: Vec<BatchItem>) -> Batch {
        let network = self.world.genesis.network();
        let leaf = self.leaves.iter_mut().find(|leaf| leaf.rollup == RollupId::new(rollup)).unwrap();
        extend(leaf, network, Height::new(height), items)
    }

    /// Where a rollup stands.
    pub fn leaf(&self, rollup: RollupId) -> Option<HeadLeaf> {
        self.leaves.iter().find(|leaf| leaf.rollup == rollup).copied()
    }

    /// The batches of a rollup, in order.
    pub fn wires(&self, rollup: RollupId) -> Vec<UnverifiedBatch> {
        self.blocks.iter().filter_map(|block| block.wire(rollup)).collect()
    }
}

pub fn certify(header: &BlockHeader, signers: &[SigningKey]) -> CommitCertificate {
    testing::certify(header, Round::ZERO, signers)
}
