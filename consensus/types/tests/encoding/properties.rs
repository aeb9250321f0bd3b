//! Random values and random bytes: nothing panics, nothing has two encodings, and each identity separates values.

use crate::samples;
use bytes::Bytes;
use fairlane_types::merkle::{self, Tree};
use fairlane_types::vote::{proposal_sign_bytes, vote_sign_bytes};
use fairlane_types::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn legs() -> impl Strategy<Value = Vec<Leg>> {
    let leg = (any::<u64>(), vec(any::<u8>(), 0..60))
        .prop_map(|(rollup, payload)| Leg { rollup: RollupId::new(rollup), payload: payload.into() });
    vec(leg, 1..9)
}

fn transactions() -> impl Strategy<Value = Transaction> {
    (legs(), any::<u64>(), any::<[u8; 16]>()).prop_map(|(legs, expires_at, salt)| {
        Transaction::new(legs, Timestamp::from_nanos(expires_at), salt).unwrap()
    })
}

fn items() -> impl Strategy<Value = Vec<BatchItem>> {
    let item = (any::<[u8; 32]>(), 1..9u8, any::<u8>(), vec(any::<u8>(), 0..60)).prop_map(
        |(id, leg_count, leg, payload)| BatchItem {
            transaction: TxId::from_bytes(id),
            leg_index: leg % leg_count,
            leg_count,
            payload: payload.into(),
        },
    );
    vec(item, 0..20)
}

/// Random bytes either are refused or are what the value encodes to.
fn one_spelling<T: Encode + Decode>(bytes: &[u8]) {
    if let Ok(value) = T::from_bytes(bytes.to_vec()) {
        assert_eq!(value.to_bytes(), bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_bytes_have_at_most_one_meaning(bytes in vec(any::<u8>(), 0..600)) {
        one_spelling::<Cut>(&bytes);
        one_spelling::<BlockHeader>(&bytes);
        one_spelling::<Proposal>(&bytes);
        one_spelling::<Evidence>(&bytes);
        one_spelling::<CommitCertificate>(&bytes);
        one_spelling::<ValidatorSet>(&bytes);
        one_spelling::<HeadPath>(&bytes);
        one_spelling::<BatchItem>(&bytes);
        one_spelling::<Receipt>(&bytes);
        one_spelling::<Genesis>(&bytes);
        one_spelling::<Event>(&bytes);
        prop_assert!(Segment::decode(bytes.into(), samples::network(), &ProtocolParams::default()).is_err());
    }

    #[test]
    fn transactions_round_trip(transaction in transactions()) {
        let found = Transaction::from_envelope(transaction.envelope().clone()).unwrap();
        prop_assert_eq!(found.envelope(), transaction.envelope());
        prop_assert_eq!(found.legs(), transaction.legs());
        prop_assert_eq!(found.id(), transaction.id());
    }

    #[test]
    fn random_envelopes_have_at_most_one_meaning(count in 0..12u8, bytes in vec(any::<u8>(), 0..200)) {
        let envelope = Bytes::from([vec![count], bytes].concat());
        if let Ok(transaction) = Transaction::from_envelope(envelope.clone()) {
            let (legs, salt) = (transaction.legs().to_vec(), *transaction.salt());
            let again = Transaction::new(legs, transaction.expires_at(), salt).unwrap();
            prop_assert_eq!(again.envelope(), &envelope);
        }
    }

    #[test]
    fn segments_round_trip(
        transactions in vec(transactions(), 0..12),
        seq in 2..u64::MAX,
        ages in vec(0..1_000_000u64, 12),
        peers in vec((1..5u8, 1..u64::MAX, 1..=255u8), 0..6),
    ) {
        let mut ages = ages;
        ages.sort_unstable_by(|a, b| b.cmp(a));
        let own = transactions.iter().map(|_| None);
        let events = own.chain(peers.iter().map(Some)).zip(ages.into_iter().cycle());
        let mut last = u64::MAX;
        let events: Vec<Event> = events.map(|(peer, age)| {
            last = last.min(age);
            match peer {
                None => Event::Own { count: 1, age: last },
                Some((seed, seq, digest)) => Event::Peer {
                    segment: SegmentRef {
                        lane: samples::lane(*seed, 0),
                        seq: LaneSeq::new(*seq),
                        digest: SegmentDigest::from_bytes([*digest; 32]),
                    },
                    age: last,
                },
            }
        }).collect();
        let draft = SegmentDraft {
            lane: samples::lane(9, 0),
            seq: LaneSeq::new(seq),
            parent: SegmentDigest::from_bytes([1; 32]),
            timestamp: Timestamp::from_nanos(1_000_000_000),
            events,
            transactions,
        };
        let segment = samples::seal(draft, 9);
        let params = ProtocolParams::default();
        let found = Segment::decode(segment.bytes().clone(), samples::network(), &params).unwrap();
        prop_assert_eq!(found, segment);
    }

    #[test]
    fn batches_round_trip_and_prove_each_item(items in items()) {
        let header = *samples::batches()[0].1.header();
        let batch = Batch::new(header, items.clone());
        let found = Batch::from_parts(*batch.header(), batch.body().clone()).unwrap();
        prop_assert_eq!(found.items(), &items);
        let tree = Tree::new(batch.item_leaves());
        for (at, item) in items.iter().enumerate() {
            let leaf = merkle::leaf_hash(&item.to_bytes());
            let path = tree.path(at).unwrap();
            let root = merkle::root_from_path(leaf, at as u64, items.len() as u64, &path);
            prop_assert_eq!(root, Some(batch.header().tx_root));
        }
    }

    #[test]
    fn votes_and_proposals_never_share_sign_bytes(
        height in 0..3u64, round in 0..3u32, block in 0..3u8, other_height in 0..3u64, other_round in 0..3u32,
        other_block in 0..3u8, kind in 0..2u8, other_kind in 0..2u8,
    ) {
        let vote = |kind: u8, height, round, block: u8| {
            let kind = if kind == 0 { VoteKind::Prevote } else { VoteKind::Precommit };
            let block = (block > 0).then(|| BlockId::from_bytes([block; 32]));
            vote_sign_bytes(&samples::network(), kind, Height::new(height), Round::new(round), block.as_ref())
        };
        let proposal = |height, round, pol: u8, block: u8| {
            let pol = (pol > 0).then(|| Round::new(u32::from(pol) - 1));
            let block = BlockId::from_bytes([block; 32]);
            proposal_sign_bytes(&samples::network(), Height::new(height), Round::new(round), pol, &block)
        };
        let same = (kind, height, round, block) == (other_kind, other_height, other_round, other_block);
        prop_assert_eq!(
            vote(kind, height, round, block) == vote(other_kind, other_height, other_round, other_block), same);
        prop_assert_eq!(
            proposal(height, round, kind, block) == proposal(other_height, other_round, other_kind, other_block),
            same);
        prop_assert_ne!(vote(kind, height, round, block), proposal(height, round, other_kind, block));
    }

    #[test]
    fn quorums_intersect_in_an_honest_validator(total in 1..u64::MAX / 3) {
        let Quorums { total, faulty, quorum, majority } = Quorums::of_total(total).unwrap();
        prop_assert!(3 * faulty < total && 3 * (faulty + 1) >= total);
        prop_assert!(2 * quorum - total > faulty, "two quorums share more than the faulty power");
        prop_assert!(quorum <= total - faulty, "the honest alone are a quorum");
        prop_assert!(2 * majority > total && 2 * (majority - 1) <= total);
        prop_assert!(2 * faulty < quorum);
    }
}
