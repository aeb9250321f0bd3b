//! Fixed values that exercise each encoding: the smallest, a usual and an extreme one of each kind.

use bytes::Bytes;
use fairlane_types::evidence::SignedSegmentHeader;
use fairlane_types::merkle::Tree;
use fairlane_types::segment::transaction_leaves;
use fairlane_types::vote::{proposal_sign_bytes, vote_sign_bytes};
use fairlane_types::*;

/// Validator keys have the seeds 01…01, 02…02 and so on.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn lane(seed: u8, incarnation: u32) -> LaneId {
    LaneId { validator: key(seed).validator(), incarnation: Incarnation::new(incarnation) }
}

pub(crate) fn network() -> NetworkId {
    genesis().network()
}

pub(crate) fn validator_sets() -> Vec<(&'static str, ValidatorSet)> {
    let set = |powers: &[(u8, u64, u32)]| {
        let member = |(seed, power, incarnation): &(u8, u64, u32)| Validator {
            id: key(*seed).validator(),
            power: VotingPower::new(*power),
            incarnation: Incarnation::new(*incarnation),
        };
        ValidatorSet::new(powers.iter().map(member).collect()).unwrap()
    };
    vec![
        ("one", set(&[(1, 1, 0)])),
        ("four equal", set(&[(1, 100, 0), (2, 100, 0), (3, 100, 0), (4, 100, 0)])),
        (
            "seven uneven",
            set(&[(1, 5, 0), (2, 1, 3), (3, 9, 1), (4, 2, 0), (5, 7, 0), (6, 7, 2), (7, 31, 0)]),
        ),
        ("largest power", set(&[(1, u64::MAX / 3 - 1, u32::MAX), (2, 1, 0)])),
    ]
}

pub(crate) fn genesis() -> Genesis {
    Genesis {
        name: "golden".to_owned(),
        time: Timestamp::from_nanos(1_700_000_000_000_000_000),
        params: ProtocolParams::default(),
        validators: validator_sets().remove(1).1,
        rollups: vec![
            RollupSpec::new(RollupId::new(1), GroupId::new(0)),
            RollupSpec::new(RollupId::new(7), GroupId::new(0)),
            RollupSpec {
                id: RollupId::new(u64::MAX),
                rules: RollupRules { group: GroupId::new(5), leg_bytes: 85 },
            },
        ],
        l1_chain_id: 11_155_111,
        stake_manager: [0x5a; 20],
        l1_epoch: 70_000,
    }
}

pub(crate) fn geneses() -> Vec<(&'static str, Genesis)> {
    let bare = Genesis {
        name: "ein Netz für Übungen".to_owned(),
        validators: validator_sets().remove(0).1,
        rollups: Vec::new(),
        l1_chain_id: 0,
        stake_manager: [0; 20],
        l1_epoch: 0,
        ..genesis()
    };
    vec![("anchored on Ethereum", genesis()), ("without rollups and Ethereum", bare)]
}

fn transaction(legs: &[(u64, &[u8])], expires_at: u64, salt: u8) -> Transaction {
    let legs = legs
        .iter()
        .map(|(rollup, payload)| Leg {
            rollup: RollupId::new(*rollup),
            payload: Bytes::copy_from_slice(payload),
        })
        .collect();
    Transaction::new(legs, Timestamp::from_nanos(expires_at), [salt; 16]).unwrap()
}

pub(crate) fn transactions() -> Vec<(&'static str, Transaction)> {
    let eight: Vec<(u64, Vec<u8>)> = (0..8u8).map(|i| (u64::from(i) + 1, vec![i; usize::from(i)])).collect();
    let eight: Vec<(u64, &[u8])> =
        eight.iter().map(|(rollup, payload)| (*rollup, payload.as_slice())).collect();
    vec![
        ("empty payload", transaction(&[(0, b"")], 0, 0)),
        ("one leg", transaction(&[(7, b"transfer")], 1_700_000_060_000_000_000, 1)),
        ("bundle of two", transaction(&[(7, b"sell"), (1, b"buy")], 1_700_000_060_000_000_000, 2)),
        ("bundle of eight", transaction(&eight, 1_700_000_060_000_000_000, 3)),
        ("largest numbers", transaction(&[(u64::MAX, &[0xff; 40])], u64::MAX, 0xff)),
    ]
}

pub(crate) fn segments() -> Vec<(&'static str, SegmentDraft)> {
    let now = Timestamp::from_nanos(1_700_000_000_020_000_000);
    let peer = |seed, seq, digest: u8| SegmentRef {
        lane: lane(seed, 0),
        seq: LaneSeq::new(seq),
        digest: SegmentDigest::from_bytes([digest; 32]),
    };
    let bodies: Vec<Transaction> = transactions().into_iter().map(|(_, transaction)| transaction).collect();
    vec![
        (
            "first heartbeat",
            SegmentDraft {
                lane: lane(1, 0),
                seq: LaneSeq::new(1),
                parent: SegmentDigest::ZERO,
                timestamp: now,
                events: Vec::new(),
                transactions: Vec::new(),
            },
        ),
        (
            "own transactions only",
            SegmentDraft {
                lane: lane(2, 0),
                seq: LaneSeq::new(2),
                parent: SegmentDigest::from_bytes([0xaa; 32]),
                timestamp: now,
                events: vec![Event::Own { count: 3, age: 9_000_000 }],
                transactions: bodies[..3].to_vec(),
            },
        ),
        (
            "own and peers interleaved",
            SegmentDraft {
                lane: lane(3, 2),
                seq: LaneSeq::new(1_000_000),
                parent: SegmentDigest::from_bytes([0xbb; 32]),
                timestamp: now,
                events: vec![
                    Event::Own { count: 1, age: 19_000_000 },
                    Event::Peer { segment: peer(1, 4, 0xc1), age: 15_000_000 },
                    Event::Peer { segment: peer(2, 9, 0xc2), age: 15_000_000 },
                    Event::Own { count: 4, age: 1 },
                    Event::Peer { segment: peer(1, 5, 0xc3), age: 0 },
                ],
                transactions: bodies,
            },
        ),
    ]
}

pub(crate) fn seal(draft: SegmentDraft, seed: u8) -> Segment {
    draft.seal(network(), &ProtocolParams::default(), &key(seed)).unwrap()
}

/// The sealed segments, with the seeds of their keys.
pub(crate) fn sealed() -> Vec<(&'static str, u8, Segment)> {
    segments().into_iter().zip(1..).map(|((name, draft), seed)| (name, seed, seal(draft, seed))).collect()
}

pub(crate) fn receipts() -> Vec<(&'static str, Receipt)> {
    let segment = sealed().remove(2).2;
    let tree = Tree::new(transaction_leaves(segment.transactions()));
    let receipt = |at: usize| Receipt {
        transaction: segment.transactions()[at].id(),
        header: segment.header().clone(),
        signature: *segment.signature(),
        index: at as u32,
        path: tree.path(at).unwrap(),
    };
    vec![("first of five", receipt(0)), ("fourth of five", receipt(3)), ("last of five", receipt(4))]
}

pub(crate) fn cuts() -> Vec<(&'static str, Cut)> {
    let head = |seed, incarnation, seq, digest: u8| SegmentRef {
        lane: lane(seed, incarnation),
        seq: LaneSeq::new(seq),
        digest: SegmentDigest::from_bytes([digest; 32]),
    };
    vec![
        ("nothing yet", Cut::new(vec![SegmentRef::empty(lane(1, 0))]).unwrap()),
        (
            "four lanes",
            Cut::new(vec![
                head(1, 0, 4, 0xc1),
                head(2, 0, 9, 0xc2),
                SegmentRef::empty(lane(3, 0)),
                head(4, 3, u64::MAX, 0xc4),
            ])
            .unwrap(),
        ),
    ]
}

pub(crate) fn headers() -> Vec<(&'static str, BlockHeader)> {
    let hash = |tag: u8| Hash32::from_bytes([tag; 32]);
    let set = validator_sets().remove(1).1.hash();
    let first = BlockHeader {
        network: network(),
        height: Height::FIRST,
        time: Timestamp::from_nanos(1_700_000_000_020_000_000),
        parent: BlockId::ZERO,
        cut_root: cuts()[0].1.root(),
        heads_root: heads_trees()[0].1.root(),
        evidence_root: evidence::root(&[]),
        state_root: hash(0xd1),
        ordered_count: 0,
        capped: false,
        validators_hash: set,
        next_validators_hash: set,
        l1_anchor: L1Anchor::default(),
        rollups_root: RollupChanges::default().root(),
    };
    let later = BlockHeader {
        height: Height::new(1_234_567),
        parent: first.id(),
        cut_root: cuts()[1].1.root(),
        heads_root: heads_trees()[3].1.root(),
        evidence_root: evidence::root(&[evidence_samples().remove(0).1]),
        ordered_count: u32::MAX,
        capped: true,
        next_validators_hash: validator_sets().remove(2).1.hash(),
        l1_anchor: L1Anchor { number: u64::MAX, hash: hash(0xe1) },
        rollups_root: rollup_changes().root(),
        ..first.clone()
    };
    vec![("first block", first), ("later block", later)]
}

pub(crate) fn checkpoints() -> Vec<(&'static str, Checkpoint)> {
    headers().into_iter().map(|(name, header)| (name, Checkpoint::of(&header))).collect()
}

/// Stands for a point: encodings do not judge it.
fn some_signature() -> CheckpointSignature {
    CheckpointSignature::from_bytes(std::array::from_fn(|i| i as u8))
}

pub(crate) fn signed_checkpoint(checkpoint: &Checkpoint) -> SignedCheckpoint {
    let (validator, signature) = (key(1).validator(), some_signature());
    SignedCheckpoint { validator, checkpoint: *checkpoint, signature }
}

pub(crate) fn checkpoint_certificate(checkpoint: &Checkpoint) -> CheckpointCertificate {
    let mut signers = Signers::NONE;
    [0, 1, 9, 234].into_iter().for_each(|member| signers.insert(member));
    CheckpointCertificate { checkpoint: *checkpoint, signers, signature: some_signature() }
}

pub(crate) fn checkpoint_conflict(checkpoint: &Checkpoint) -> CheckpointConflict {
    let other = Checkpoint { block: BlockId::from_bytes([0x0b; 32]), ..*checkpoint };
    CheckpointConflict {
        validator: key(1).validator(),
        key: CheckpointPublicKey::from_bytes(std::array::from_fn(|i| 0xff - i as u8)),
        statements: Box::new([*checkpoint, other].map(|checkpoint| (checkpoint, some_signature()))),
    }
}

fn rollup_changes() -> RollupChanges {
    let opened = [(1, 0, 0), (7, u32::MAX, 85)].map(|(id, group, leg_bytes)| {
        (RollupId::new(id), RollupRules { group: GroupId::new(group), leg_bytes })
    });
    let closed = [3, u64::MAX].map(RollupId::new);
    RollupChanges::new(&opened.into(), &closed.into())
}

pub(crate) fn blocks() -> Vec<(&'static str, Proposal)> {
    let [first, later]: [BlockHeader; 2] = [0, 1].map(|at| headers().remove(at).1);
    vec![
        (
            "first block",
            Proposal {
                header: first,
                cut: cuts().remove(0).1,
                evidence: Vec::new(),
                next_validators: None,
                rollups: RollupChanges::default(),
            },
        ),
        (
            "later block",
            Proposal {
                header: later,
                cut: cuts().remove(1).1,
                evidence: vec![evidence_samples().remove(0).1],
                next_validators: Some(validator_sets().remove(2).1),
                rollups: rollup_changes(),
            },
        ),
    ]
}

pub(crate) fn signed_vote(
    seed: u8,
    kind: VoteKind,
    height: u64,
    round: u32,
    block: Option<u8>,
) -> SignedVote {
    let block = block.map(|tag| BlockId::from_bytes([tag; 32]));
    let (height, round) = (Height::new(height), Round::new(round));
    let message = vote_sign_bytes(&network(), kind, height, round, block.as_ref());
    SignedVote {
        validator: key(seed).validator(),
        kind,
        height,
        round,
        block,
        signature: key(seed).sign(&message),
    }
}

pub(crate) fn votes() -> Vec<(&'static str, u8, SignedVote)> {
    vec![
        ("prevote", 1, signed_vote(1, VoteKind::Prevote, 1, 0, Some(0xb1))),
        ("prevote for nil", 2, signed_vote(2, VoteKind::Prevote, 1_234_567, 3, None)),
        ("precommit", 3, signed_vote(3, VoteKind::Precommit, 1_234_567, 3, Some(0xb2))),
        ("precommit for nil", 4, signed_vote(4, VoteKind::Precommit, u64::MAX, u32::MAX, None)),
    ]
}

pub(crate) fn signed_proposal(
    seed: u8,
    height: u64,
    round: u32,
    pol: Option<u32>,
    block: u8,
) -> SignedProposal {
    let (height, round, pol_round) = (Height::new(height), Round::new(round), pol.map(Round::new));
    let block = BlockId::from_bytes([block; 32]);
    let message = proposal_sign_bytes(&network(), height, round, pol_round, &block);
    let (validator, signature) = (key(seed).validator(), key(seed).sign(&message));
    SignedProposal { validator, height, round, pol_round, block, signature }
}

pub(crate) fn proposals() -> Vec<(&'static str, u8, SignedProposal)> {
    vec![
        ("fresh", 1, signed_proposal(1, 1, 0, None, 0xb1)),
        ("proven in round 0", 2, signed_proposal(2, 1_234_567, 3, Some(0), 0xb2)),
        ("largest numbers", 3, signed_proposal(3, u64::MAX, u32::MAX, Some(u32::MAX), 0xff)),
    ]
}

pub(crate) fn evidence_samples() -> Vec<(&'static str, Evidence)> {
    let segment = |age: u64| {
        let mut draft = segments().remove(1).1;
        draft.events = vec![Event::Own { count: 3, age }];
        let segment = seal(draft, 2);
        SignedSegmentHeader { header: segment.header().clone(), signature: *segment.signature() }
    };
    let vote = |block| signed_vote(3, VoteKind::Precommit, 9, 1, block);
    vec![
        ("lane equivocation", Evidence::LaneEquivocation(Box::new([segment(1), segment(2)]))),
        ("double precommit", Evidence::DoubleVote(Box::new([vote(Some(0xb1)), vote(None)]))),
        (
            "double proposal",
            Evidence::DoubleProposal(Box::new([
                signed_proposal(4, 9, 1, None, 0xb1),
                signed_proposal(4, 9, 1, Some(0), 0xb2),
            ])),
        ),
    ]
}

pub(crate) fn certificates() -> Vec<(&'static str, CommitCertificate)> {
    let certificate = |seeds: std::ops::Range<u8>| {
        let votes: Vec<SignedVote> =
            seeds.map(|seed| signed_vote(seed, VoteKind::Precommit, 9, 1, Some(0xb1))).collect();
        CommitCertificate {
            height: Height::new(9),
            round: Round::new(1),
            block: BlockId::from_bytes([0xb1; 32]),
            signatures: votes
                .iter()
                .map(|vote| CommitSignature { validator: vote.validator, signature: vote.signature })
                .collect(),
        }
    };
    vec![("no signature", certificate(1..1)), ("three of four", certificate(1..4))]
}

pub(crate) fn heads_trees() -> Vec<(&'static str, HeadsTree)> {
    let leaf = |rollup: u64| match rollup % 3 {
        0 => HeadLeaf::empty(RollupId::new(rollup)),
        _ => HeadLeaf {
            rollup: RollupId::new(rollup),
            index: BatchIndex::new(rollup.wrapping_mul(11)),
            head: RollupHead::from_bytes([rollup as u8; 32]),
            last_height: Height::new(rollup.wrapping_mul(13)),
        },
    };
    let tree = |ids: &[u64]| HeadsTree::new(ids.iter().copied().map(leaf).collect());
    vec![
        ("no rollup", tree(&[])),
        ("one rollup", tree(&[7])),
        ("two rollups", tree(&[3, 7])),
        ("seven rollups", tree(&[1, 2, 3, 10, 20, 30, u64::MAX])),
    ]
}

pub(crate) fn batches() -> Vec<(&'static str, Batch)> {
    let item = |(_, transaction): &(&str, Transaction), leg: usize| BatchItem {
        transaction: transaction.id(),
        leg_index: leg as u8,
        leg_count: transaction.legs().len() as u8,
        payload: transaction.legs()[leg].payload.clone(),
    };
    let header = |rollup, index, previous_head| BatchHeader {
        rollup: RollupId::new(rollup),
        index: BatchIndex::new(index),
        height: Height::new(1_234_567),
        time: Timestamp::from_nanos(1_700_000_000_020_000_000),
        count: 0,
        tx_root: Hash32::ZERO,
        payload_hash: Hash32::ZERO,
        previous_head,
    };
    let bodies = transactions();
    vec![
        ("first, one item", Batch::new(header(7, 1, RollupHead::ZERO), vec![item(&bodies[1], 0)])),
        (
            "with bundle legs",
            Batch::new(
                header(1, 900, RollupHead::from_bytes([0xaa; 32])),
                vec![item(&bodies[0], 0), item(&bodies[2], 1), item(&bodies[3], 0), item(&bodies[3], 7)],
            ),
        ),
        ("no item", Batch::new(header(u64::MAX, u64::MAX, RollupHead::from_bytes([0xff; 32])), Vec::new())),
    ]
}
