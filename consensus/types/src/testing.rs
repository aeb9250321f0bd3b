//! Keys, sets, certified headers and batches for tests and benches of the crates above: behind the feature `testing`.

use crate::vote::vote_sign_bytes;
use crate::{
    Batch, BatchHeader, BatchItem, BlockHeader, BlockId, CommitCertificate, CommitSignature, Hash32,
    HeadLeaf, Height, Incarnation, L1Anchor, NetworkId, RollupChanges, Round, SigningKey, Timestamp,
    Validator, ValidatorSet, VoteKind, VotingPower,
};

/// The keys made from these seeds.
pub fn keys(seeds: impl IntoIterator<Item = u8>) -> Vec<SigningKey> {
    seeds.into_iter().map(|seed| SigningKey::from_seed(&[seed; 32])).collect()
}

/// A set of these keys, `power` each.
pub fn set_of(keys: &[SigningKey], power: u64) -> ValidatorSet {
    let member = |key: &SigningKey| Validator {
        id: key.validator(),
        power: VotingPower::new(power),
        incarnation: Incarnation::ZERO,
    };
    ValidatorSet::new(keys.iter().map(member).collect()).expect("test keys make a set")
}

/// The header of a block without content, decided by `set` and followed by it, a microsecond a height.
pub fn header(network: NetworkId, height: Height, set: &ValidatorSet, heads_root: Hash32) -> BlockHeader {
    BlockHeader {
        network,
        height,
        time: Timestamp::from_nanos(height.get() * 1_000),
        parent: BlockId::ZERO,
        cut_root: Hash32::ZERO,
        heads_root,
        evidence_root: Hash32::ZERO,
        state_root: Hash32::ZERO,
        ordered_count: 0,
        capped: false,
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
        l1_anchor: L1Anchor::default(),
        rollups_root: RollupChanges::default().root(),
    }
}

/// The precommits of these signers for a block.
pub fn certify(header: &BlockHeader, round: Round, signers: &[SigningKey]) -> CommitCertificate {
    let (height, block) = (header.height, header.id());
    let message = vote_sign_bytes(&header.network, VoteKind::Precommit, height, round, Some(&block));
    let sign =
        |key: &SigningKey| CommitSignature { validator: key.validator(), signature: key.sign(&message) };
    CommitCertificate { height, round, block, signatures: signers.iter().map(sign).collect() }
}

/// A batch that follows on `leaf`, which then stands for it.
pub fn extend(leaf: &mut HeadLeaf, network: NetworkId, height: Height, items: Vec<BatchItem>) -> Batch {
    let header = BatchHeader {
        rollup: leaf.rollup,
        index: leaf.index.next(),
        height,
        time: Timestamp::from_nanos(height.get() * 1_000),
        count: 0,
        tx_root: Hash32::ZERO,
        payload_hash: Hash32::ZERO,
        previous_head: leaf.head,
    };
    let batch = Batch::new(header, items);
    leaf.index = header.index;
    leaf.head = batch.header().head(&network);
    leaf.last_height = height;
    batch
}

/// A generator of numbers (SplitMix64): the same seed gives the same ones everywhere.
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// A number below `bound`; 0 below 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Whether a die with `k` sides shows its first.
    pub fn one_in(&mut self, k: u64) -> bool {
        self.below(k) == 0
    }

    /// Whether something with so many percent of chance happens.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.below(100) < chance
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len() as u64) as usize]
    }

    /// Puts them into any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at as u64 + 1) as usize);
        }
    }
}
