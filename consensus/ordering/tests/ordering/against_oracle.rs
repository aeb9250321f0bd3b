//! The engine gives the same result as the rule read literally, on random weighted and Byzantine cases.

use crate::cases::{Cutter, EXPIRY, Options, Random, Traffic, engine_appends, powers, small_id};
use crate::oracle::{Append, Oracle, Outcome};
use fairlane_ordering::{Engine, LaneAppend, Ordered, OrderingParams, TieBreak};
use fairlane_types::{TxId, VotingPower};
use std::collections::{BTreeMap, BTreeSet};

/// How many cases each test runs.
const CASES: u64 = 1_000;

fn engine(powers: &[u64], cap: u32) -> Engine {
    let params = OrderingParams { group_cap: cap, expiry_bound: EXPIRY };
    let powers: Vec<VotingPower> = powers.iter().copied().map(VotingPower::new).collect();
    Engine::new(&powers, params).expect("small powers have thresholds")
}

/// What the engine gave, in the oracle's form; cycles are the oracle's own business.
fn outcome(ordered: &Ordered, engine: &Engine) -> Outcome {
    let ids = |ids: &[TxId]| ids.iter().map(small_id).collect::<BTreeSet<u32>>();
    let held = ids(&ordered.held);
    let live: BTreeSet<u32> = engine.live_ids().map(|id| small_id(&id)).collect();
    let row = |tx: &fairlane_ordering::OrderedTx| {
        (small_id(&tx.id), tx.key.as_nanos(), tx.lo.as_nanos(), tx.hi.as_nanos())
    };
    assert_eq!((held.len(), live.len() - held.len()), (ordered.blocked, ordered.pending));
    Outcome {
        clock: ordered.clock.as_nanos(),
        omega: ordered.omega.as_nanos(),
        emitted: ordered.components.iter().map(|component| component.txs.iter().map(row).collect()).collect(),
        pending: live.difference(&held).copied().collect(),
        held,
        dropped: ids(&ordered.dropped),
        capped: ordered.capped.iter().map(|group| group.get()).collect(),
        cycles: BTreeMap::new(),
    }
}

fn encoded(engine: &Engine) -> Vec<u8> {
    let mut bytes = Vec::new();
    engine.encode(&mut bytes);
    bytes
}

/// The engine and the oracle side by side.
struct Pair {
    engine: Engine,
    oracle: Oracle,
    emitted: BTreeSet<TxId>,
}

impl Pair {
    fn new(powers: &[u64], cap: u32) -> Self {
        let oracle = Oracle::new(powers, cap as usize, EXPIRY);
        Self { engine: engine(powers, cap), oracle, emitted: BTreeSet::new() }
    }

    fn step(&mut self, random: &mut Random, appends: &[Append]) -> Outcome {
        let runs = engine_appends(random, appends);
        if random.one_in(6) {
            self.speculate(&runs);
        }
        let ordered = self.engine.step_with(&runs, &self.emitted, TieBreak::ById);
        self.emitted.extend(ordered.txs().map(|tx| tx.id));
        let mut expected = self.oracle.step(appends);
        expected.cycles.clear();
        assert_eq!(outcome(&ordered, &self.engine), expected);
        if random.one_in(4) {
            self.restart();
        }
        expected
    }

    /// Steps on a clone leave the original as it was.
    fn speculate(&self, runs: &[LaneAppend]) {
        let before = encoded(&self.engine);
        let mut clone = self.engine.clone();
        clone.step_with(runs, &self.emitted, TieBreak::ById);
        assert_eq!(encoded(&self.engine), before);
    }

    /// Goes on with a copy that went through bytes.
    fn restart(&mut self) {
        let bytes = encoded(&self.engine);
        self.engine = Engine::decode(&bytes).expect("what an engine writes can be read");
        assert_eq!(encoded(&self.engine), bytes);
    }

    fn change(&mut self, random: &mut Random, lanes: usize) -> usize {
        let mut from: Vec<Option<usize>> = (0..lanes).map(Some).collect();
        random.shuffle(&mut from);
        from.truncate(3.max(lanes - random.below(3) as usize).min(lanes));
        from.extend((0..random.below(3)).map(|_| None));
        let powers = powers(random, from.len());
        let typed: Vec<VotingPower> = powers.iter().copied().map(VotingPower::new).collect();
        self.engine.change_powers(&typed, &from).expect("each old lane is named once");
        self.oracle.change(&powers, &from);
        from.len()
    }
}

/// What the cases together must have covered, so that the comparison is worth something.
#[derive(Debug, Default)]
struct Coverage {
    components: usize,
    held: usize,
    dropped: usize,
    capped: usize,
}

impl Coverage {
    fn add(&mut self, outcome: &Outcome) {
        self.components += outcome.emitted.iter().filter(|component| component.len() > 1).count();
        self.held += outcome.held.len();
        self.dropped += outcome.dropped.len();
        self.capped += outcome.capped.len();
    }
}

fn lanes(random: &mut Random) -> usize {
    random.pick(&[3, 4, 4, 5, 6, 7, 7, 7, 8, 10, 13])
}

fn compare(name: &str, options: Options, capped: bool, changes: bool) -> Coverage {
    let mut coverage = Coverage::default();
    for case in 0..CASES {
        let seed = case * 4 + u64::from(options.runs) + 2 * u64::from(options.oddities);
        let result = std::panic::catch_unwind(|| {
            let mut random = Random(seed);
            let mut coverage = Coverage::default();
            run_case(&mut random, options, capped, changes, &mut coverage);
            coverage
        });
        match result {
            Ok(found) => {
                coverage.components += found.components;
                coverage.held += found.held;
                coverage.dropped += found.dropped;
                coverage.capped += found.capped;
            }
            Err(_) => panic!("{name}: seed {seed} failed"),
        }
    }
    coverage
}

fn run_case(random: &mut Random, options: Options, capped: bool, changes: bool, coverage: &mut Coverage) {
    let mut count = lanes(random);
    let powers = powers(random, count);
    let traffic = Traffic::new(random, &powers, options);
    let cap = if capped { 1 + random.below(12) as u32 } else { u32::MAX };
    let mut pair = Pair::new(&powers, cap);
    let mut cutter = Cutter::new(random, count);
    for _ in 0..40 {
        if cutter.is_done(&traffic) {
            break;
        }
        let last = cutter.now > 3_000;
        let mut appends = cutter.cut(random, &traffic, last);
        appends.resize_with(count, Default::default);
        coverage.add(&pair.step(random, &appends));
        if changes && random.one_in(5) {
            count = pair.change(random, count);
        }
    }
    for _ in 0..3 {
        let mut appends = cutter.cut(random, &traffic, true);
        appends.resize_with(count, || Append { head: Some(cutter.now), ..Default::default() });
        coverage.add(&pair.step(random, &appends));
    }
}

#[test]
fn single_transactions() {
    let found = compare("singles", Options { oddities: false, runs: false, size: 40 }, false, false);
    assert!(found.components > 100 && found.held > 500, "{found:?}");
}

#[test]
fn runs_of_transactions() {
    let found = compare("runs", Options { oddities: false, runs: true, size: 40 }, false, false);
    assert!(found.components > 100 && found.held > 500, "{found:?}");
}

#[test]
fn expiry_repetition_and_strange_entries() {
    let found = compare("oddities", Options { oddities: true, runs: true, size: 40 }, false, false);
    assert!(found.dropped > 300, "{found:?}");
}

#[test]
fn groups_over_the_cap() {
    let found = compare("caps", Options { oddities: true, runs: false, size: 40 }, true, false);
    assert!(found.capped > 20, "{found:?}");
}

#[test]
fn changes_of_the_validator_set() {
    let found = compare("changes", Options { oddities: true, runs: true, size: 40 }, true, true);
    assert!(found.held > 500, "{found:?}");
}

/// Enough at once for several blocks of columns, tiles of rows and words of masks.
#[test]
fn large_heights() {
    let mut coverage = Coverage::default();
    let mut largest = 0;
    for seed in 0..16 {
        println!("seed {seed}");
        let mut random = Random(seed + 3_000_000);
        let count = random.pick(&[4, 4, 7, 7, 10]);
        let powers = powers(&mut random, count);
        let options = Options { oddities: random.one_in(4), runs: random.one_in(3), size: 800 };
        let traffic = Traffic::new(&mut random, &powers, options);
        let mut pair = Pair::new(&powers, u32::MAX);
        let mut cutter = Cutter::new(&mut random, count);
        cutter.now = 2_000 + random.below(4_000);
        for last in [false, false, true, true] {
            let appends = cutter.cut(&mut random, &traffic, last);
            let outcome = pair.step(&mut random, &appends);
            largest = largest.max(outcome.emitted.iter().map(Vec::len).sum());
            coverage.add(&outcome);
        }
    }
    assert!(largest > 512 && coverage.components > 20 && coverage.held > 20, "{largest} {coverage:?}");
}
