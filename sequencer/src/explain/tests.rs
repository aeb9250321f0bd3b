//! Explanations of random chains of four lanes, compared with a reading of all lanes from their beginning.

use super::*;
use crate::metrics::Metrics;
use crate::store::StoreOptions;
use crate::testing::{finalize, genesis};
use fairlane_chain::ChainState;
use fairlane_engine::FinalizedBlock;
use fairlane_lanes::LaneContent;
use fairlane_types::{
    Event, Incarnation, LaneId, Leg, Segment, SegmentDraft, SegmentRef, SigningKey, Timestamp, Transaction,
};
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use std::collections::HashMap;
use std::sync::Arc;

const LANES: usize = 4;
const ROUND: u64 = 50_000_000;
/// The rule keeps apart what came at once by nanoseconds.
const SLACK: u64 = 1_000;

/// What one lane received, in order: all of it, told by the test itself.
type Told = Vec<(TxId, u64)>;

/// A chain of four lanes with its store.
struct Chain {
    genesis: Genesis,
    keys: Vec<SigningKey>,
    state: ChainState,
    heads: Vec<SegmentRef>,
    /// The transactions of each lane's last segment.
    last: Vec<Vec<TxId>>,
    told: Vec<Told>,
    now: u64,
    random: StdRng,
    store: Store,
    _home: tempfile::TempDir,
}

impl Chain {
    fn new(seed: u64) -> Self {
        let genesis = genesis(&[1, 2, 3, 4]);
        let member = |validator| {
            let mut keys = (1..=4).map(|seed| SigningKey::from_seed(&[seed; 32]));
            keys.find(|key| key.validator() == validator).unwrap()
        };
        let keys: Vec<SigningKey> =
            genesis.validators.members().iter().map(|found| member(found.id)).collect();
        let lane = |key: &SigningKey| LaneId { validator: key.validator(), incarnation: Incarnation::ZERO };
        let heads = keys.iter().map(|key| SegmentRef::empty(lane(key))).collect();
        let home = tempfile::tempdir().unwrap();
        let state = ChainState::genesis(&genesis).unwrap();
        let (path, metrics) = (home.path().join("store"), Metrics::new("test").store);
        let store = Store::open_with(&path, state.network(), &genesis, StoreOptions::default(), metrics);
        Self {
            now: genesis.time.as_nanos(),
            keys,
            state,
            heads,
            last: vec![Vec::new(); LANES],
            told: vec![Vec::new(); LANES],
            random: StdRng::seed_from_u64(seed),
            store: store.unwrap(),
            _home: home,
            genesis,
        }
    }

    fn transaction(&mut self) -> Transaction {
        let leg = Leg { rollup: RollupId::new(self.random.gen_range(1..=2)), payload: vec![7; 16].into() };
        let expires_at = Timestamp::from_nanos(self.now + 60_000_000_000);
        Transaction::new(vec![leg], expires_at, self.random.r#gen()).unwrap()
    }

    /// The next segment of a lane: what it received since the last one, from clients and of the others, in random order.
    fn segment(&mut self, lane: usize) -> Arc<Segment> {
        let mut sources: Vec<Option<usize>> = (0..LANES).filter(|other| *other != lane).map(Some).collect();
        sources.push(None);
        sources.shuffle(&mut self.random);
        let (mut events, mut transactions) = (Vec::new(), Vec::new());
        let mut age = ROUND - 1;
        for source in sources {
            age -= self.random.gen_range(1..ROUND / 5);
            let time = self.now - age;
            let ids: Vec<TxId> = match source {
                Some(other) if self.heads[other].seq.get() > 0 => {
                    events.push(Event::Peer { segment: self.heads[other], age });
                    self.last[other].clone()
                }
                Some(_) => continue,
                None => {
                    let own: Vec<_> = (0..3).map(|_| self.transaction()).collect();
                    events.push(Event::Own { count: 3, age });
                    transactions.extend(own.iter().cloned());
                    own.iter().map(Transaction::id).collect()
                }
            };
            self.told[lane].extend(ids.into_iter().map(|id| (id, time)));
        }
        let draft = SegmentDraft {
            lane: self.heads[lane].lane,
            seq: self.heads[lane].seq.next(),
            parent: self.heads[lane].digest,
            timestamp: Timestamp::from_nanos(self.now),
            events,
            transactions,
        };
        Arc::new(draft.seal(self.state.network(), &self.genesis.params, &self.keys[lane]).unwrap())
    }

    /// One segment of each lane, and the block that decides them.
    async fn block(&mut self) -> Arc<FinalizedBlock> {
        self.now += ROUND;
        let segments: Vec<Arc<Segment>> = (0..LANES).map(|lane| self.segment(lane)).collect();
        for (lane, segment) in segments.iter().enumerate() {
            self.heads[lane] = segment.reference();
            self.last[lane] = segment.transactions().iter().map(Transaction::id).collect();
        }
        self.store.put_segments_durable(segments.clone()).await.unwrap();
        let content = segments
            .iter()
            .map(|segment| LaneContent { lane: segment.header().lane, segments: vec![segment.clone()] });
        let block = Arc::new(finalize(&mut self.state, content.collect(), None, &self.keys));
        self.store.put_decided(block.proposal.clone(), block.certificate.clone()).await.unwrap();
        self.store.put_finalized(block.clone()).await.unwrap();
        block
    }

    fn rollups(&self) -> RollupTable {
        self.genesis.rollups.iter().map(|rollup| (rollup.id, rollup.rules)).collect()
    }

    fn explain(&self, id: TxId, height: Height) -> Result<Explanation, ExplainError> {
        explain(&self.store, &self.genesis, &self.rollups(), Place { id, height })
    }

    /// By lane: where each transaction stands in it, and the time of that, read from the beginning.
    fn read(&self) -> Vec<HashMap<TxId, (usize, u64)>> {
        let first = |told: &Told| {
            let mut found = HashMap::new();
            for (place, (id, time)) in told.iter().enumerate() {
                found.entry(*id).or_insert((place, *time));
            }
            found
        };
        self.told.iter().map(first).collect()
    }
}

/// The least time by which lanes of this power had it.
fn quantile(why: &Explanation, power: u64) -> u64 {
    let mut times: Vec<(u64, u64)> = why
        .lanes
        .iter()
        .filter_map(|lane| Some((lane.sighting?.counted.as_nanos(), lane.power.get())))
        .collect();
    times.sort_unstable();
    let mut sum = 0;
    let reached = times.iter().find(|(_, weight)| {
        sum += weight;
        sum >= power
    });
    reached.expect("a quorum tells of what is ordered").0
}

fn naive(lanes: &[HashMap<TxId, (usize, u64)>], a: &TxId, b: &TxId) -> u64 {
    let says = |lane: &&HashMap<TxId, (usize, u64)>| match (lane.get(a), lane.get(b)) {
        (Some(a), Some(b)) => a.0 < b.0,
        (Some(_), None) => true,
        (None, _) => false,
    };
    lanes.iter().filter(says).count() as u64
}

#[tokio::test]
async fn what_it_shows_is_what_the_rule_saw() {
    let mut deciders = Vec::new();
    for seed in 0..4 {
        let mut chain = Chain::new(seed);
        for _ in 0..12 {
            let block = chain.block().await;
            // Told up to here: the block sees no more.
            let lanes = chain.read();
            for (position, entry) in block.order.entries.iter().enumerate() {
                let why = chain.explain(entry.id, block.height()).unwrap();
                assert_eq!((why.position as usize, why.entry), (position, *entry), "seed {seed}");
                check(&why, &lanes, seed);
                deciders.extend(why.compared.iter().map(|compared| compared.decider));
            }
        }
    }
    for wanted in [Decider::Separation, Decider::Evidence, Decider::Key] {
        assert!(deciders.contains(&wanted), "nothing was decided by {wanted:?}");
    }
}

fn check(why: &Explanation, lanes: &[HashMap<TxId, (usize, u64)>], seed: u64) {
    let id = why.entry.id;
    for (report, told) in why.lanes.iter().zip(lanes) {
        let received = report.sighting.map(|seen| seen.received.as_nanos());
        assert_eq!(received, told.get(&id).map(|(_, time)| *time), "seed {seed}, {id}");
    }
    let Quorums { faulty, quorum, majority, .. } = why.quorums;
    let entry = &why.entry;
    for (power, time) in
        [(majority, entry.key), ((quorum - faulty).min(majority), entry.lo), (quorum, entry.hi)]
    {
        assert!(quantile(why, power).abs_diff(time.as_nanos()) < SLACK, "seed {seed}, {id}");
    }
    assert_eq!(why.batches.len(), 1);
    assert!(why.compared.len() <= MAX_COMPARED);
    for other in &why.compared {
        let powers = Powers {
            explained_first: naive(lanes, &id, &other.other.id),
            other_first: naive(lanes, &other.other.id, &id),
        };
        assert_eq!(other.powers, powers, "seed {seed}, {id}, {}", other.other.id);
        let denied = match other.position < why.position {
            true => powers.explained_first,
            false => powers.other_first,
        };
        match other.decider {
            Decider::Evidence => assert!(denied <= faulty),
            Decider::Key | Decider::Others | Decider::Tie => assert!(denied > faulty),
            Decider::Cycle => assert_eq!(other.other.component, entry.component),
            Decider::Separation | Decider::Groups => {}
        }
    }
}

#[tokio::test]
async fn what_a_block_does_not_order_is_not_explained() {
    let mut chain = Chain::new(9);
    chain.block().await;
    let block = chain.block().await;
    let stranger = TxId::from_bytes([7; 32]);
    let error = chain.explain(stranger, block.height()).unwrap_err();
    assert!(matches!(error, ExplainError::NotInBlock { id, .. } if id == stranger), "{error}");
    let error = chain.explain(stranger, Height::ZERO).unwrap_err();
    assert!(matches!(error, ExplainError::Pruned { .. }), "{error}");
}

#[test]
fn the_decider_is_the_first_rule_that_tells_two_apart() {
    let entry = |key, lo, hi, component| OrderedEntry {
        id: TxId::from_bytes([1; 32]),
        key: Timestamp::from_nanos(key),
        lo: Timestamp::from_nanos(lo),
        hi: Timestamp::from_nanos(hi),
        component,
    };
    let decide = |first: &OrderedEntry, second: &OrderedEntry, denied, shared| {
        let pair = pairs::Pair { target: (3, first), other: (4, second) };
        let powers = Powers { explained_first: 4 - denied, other_first: denied };
        pairs::decider(&pair, powers, shared, 1)
    };
    let (a, b) = (entry(10, 8, 12, 0), entry(11, 9, 13, 1));
    assert_eq!(decide(&a, &entry(11, 9, 13, 0), 0, true), Decider::Cycle);
    assert_eq!(decide(&a, &b, 0, false), Decider::Groups);
    assert_eq!(decide(&a, &entry(20, 13, 22, 1), 2, true), Decider::Separation);
    assert_eq!(decide(&a, &b, 1, true), Decider::Evidence);
    assert_eq!(decide(&a, &b, 2, true), Decider::Key);
    assert_eq!(decide(&a, &entry(10, 9, 13, 1), 2, true), Decider::Tie);
    assert_eq!(decide(&b, &a, 2, true), Decider::Others);
}
