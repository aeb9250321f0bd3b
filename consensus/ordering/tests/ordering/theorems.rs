//! T1 (fairness), T2 (separation) and T3 (liveness) of `docs/fair-ordering.md`, checked on what the engine emits.
//! Cycles of evidence come from the oracle, which sees the whole graph.

use crate::cases::{Cutter, EXPIRY, Options, Random, Traffic, engine_appends, powers, small_id};
use crate::oracle::{Append, Oracle, Tx};
use fairlane_ordering::{Engine, OrderingParams, TieBreak};
use fairlane_types::{TxId, VotingPower};
use std::collections::{BTreeMap, BTreeSet};

const CASES: u64 = 700;

/// One emitted transaction.
#[derive(Clone, Copy)]
struct Row {
    rank: usize,
    height: usize,
    lo: u64,
    hi: u64,
}

/// A whole run of the engine.
struct Replay {
    engine: Engine,
    oracle: Oracle,
    emitted: BTreeSet<TxId>,
    rows: BTreeMap<u32, Row>,
    cycles: BTreeMap<u32, BTreeSet<u32>>,
    heights: usize,
}

impl Replay {
    fn new(powers: &[u64], cap: u32) -> Self {
        let params = OrderingParams { group_cap: cap, expiry_bound: EXPIRY };
        let typed: Vec<VotingPower> = powers.iter().copied().map(VotingPower::new).collect();
        Self {
            engine: Engine::new(&typed, params).expect("small powers have thresholds"),
            oracle: Oracle::new(powers, cap as usize, EXPIRY),
            emitted: BTreeSet::new(),
            rows: BTreeMap::new(),
            cycles: BTreeMap::new(),
            heights: 0,
        }
    }

    /// Steps, and returns Omega.
    fn step(&mut self, random: &mut Random, appends: &[Append]) -> u64 {
        let runs = engine_appends(random, appends);
        let ordered = self.engine.step_with(&runs, &self.emitted, TieBreak::ById);
        self.heights += 1;
        for tx in ordered.txs() {
            let (rank, height) = (self.rows.len(), self.heights);
            let row = Row { rank, height, lo: tx.lo.as_nanos(), hi: tx.hi.as_nanos() };
            assert!(
                self.rows.insert(small_id(&tx.id), row).is_none(),
                "{} is emitted twice",
                small_id(&tx.id)
            );
            self.emitted.insert(tx.id);
        }
        self.cycles.extend(self.oracle.step(appends).cycles);
        ordered.omega.as_nanos()
    }

    fn all(&mut self, random: &mut Random, traffic: &Traffic) {
        let mut cutter = Cutter::new(random, traffic.lanes.len());
        while !cutter.is_done(traffic) {
            let last = cutter.now > 3_000;
            let appends = cutter.cut(random, traffic, last);
            self.step(random, &appends);
        }
        for _ in 0..2 {
            let appends = cutter.cut(random, traffic, true);
            self.step(random, &appends);
        }
    }
}

fn share(a: &Tx, b: &Tx) -> bool {
    !a.groups.is_disjoint(&b.groups)
}

/// By lane: the place of each transaction in the receive order.
fn places(traffic: &Traffic) -> Vec<BTreeMap<u32, usize>> {
    let order = |lane: &Vec<(u64, Vec<Tx>)>| {
        let txs = lane.iter().flat_map(|(_, txs)| txs);
        txs.enumerate().map(|(place, tx)| (tx.id, place)).collect()
    };
    traffic.lanes.iter().map(order).collect()
}

#[test]
fn t1_what_a_quorum_of_honest_power_saw_first_comes_first_or_lies_on_one_cycle() {
    let (mut protected, mut cyclic) = (0, 0);
    for seed in 0..CASES {
        let mut random = Random(seed);
        let n = random.pick(&[4, 5, 7, 7, 10]);
        let powers = powers(&mut random, n);
        let options = Options { oddities: false, runs: random.one_in(2), size: 40 };
        let traffic = Traffic::new(&mut random, &powers, options);
        let mut replay = Replay::new(&powers, u32::MAX);
        replay.all(&mut random, &traffic);
        assert_eq!(replay.rows.len(), traffic.txs.len(), "seed {seed}: not everything is emitted");
        let places = places(&traffic);
        let quorum = powers.iter().sum::<u64>() - (powers.iter().sum::<u64>().div_ceil(3) - 1);
        for a in &traffic.txs {
            for b in traffic.txs.iter().filter(|b| b.id != a.id && share(a, b)) {
                let first =
                    (0..n).filter(|&lane| !traffic.liars[lane] && places[lane][&a.id] < places[lane][&b.id]);
                if first.map(|lane| powers[lane]).sum::<u64>() < quorum {
                    continue;
                }
                protected += 1;
                if replay.rows[&a.id].rank > replay.rows[&b.id].rank {
                    cyclic += 1;
                    let cycle = replay.cycles[&b.id].contains(&a.id);
                    assert!(cycle, "seed {seed}: {} must precede {}", a.id, b.id);
                }
            }
        }
    }
    assert!(protected > 10_000 && cyclic > 10, "{protected} pairs, {cyclic} on cycles");
}

#[test]
fn t2_what_is_separated_is_never_reversed_whatever_the_lanes_say() {
    let mut separated = 0;
    for seed in 0..CASES {
        let mut random = Random(seed + 1_000_000);
        let n = random.pick(&[3, 4, 5, 7, 9]);
        let powers = powers(&mut random, n);
        let options = Options { oddities: random.one_in(2), runs: random.one_in(2), size: 40 };
        let traffic = Traffic::new(&mut random, &powers, options);
        let cap = if random.one_in(2) { u32::MAX } else { 1 + random.below(9) as u32 };
        let mut replay = Replay::new(&powers, cap);
        replay.all(&mut random, &traffic);
        for a in &traffic.txs {
            for b in traffic.txs.iter().filter(|b| b.id != a.id && share(a, b)) {
                let (Some(x), Some(y)) = (replay.rows.get(&a.id), replay.rows.get(&b.id)) else { continue };
                if x.hi < y.lo {
                    separated += 1;
                    assert!(x.rank < y.rank, "seed {seed}: {} is separated from {}", a.id, b.id);
                }
            }
        }
    }
    assert!(separated > 10_000, "{separated} pairs");
}

/// Endless rotations: for every honest lane another order, so that evidence runs in circles for ever. Whatever one
/// honest lane holds, all hold within `window`; liars hold back, invent and lie.
#[test]
fn t3_what_all_honest_lanes_hold_is_emitted_soon_even_on_endless_cycles() {
    let mut emitted = 0;
    for seed in 0..CASES / 4 {
        let mut random = Random(seed + 2_000_000);
        let n = random.pick(&[4, 7, 7, 10, 13]);
        let powers = powers(&mut random, n);
        let liars = crate::cases::liars(&mut random, &powers);
        let gap = 2 + random.below(10);
        let window = 2 * n as u64 * gap;
        let mut replay = Replay::new(&powers, u32::MAX);
        let mut lanes: Vec<Vec<(u64, Tx)>> = vec![Vec::new(); n];
        let mut complete: BTreeMap<u32, u64> = BTreeMap::new();
        for id in 0..60u32 {
            let tx = Tx { id, groups: BTreeSet::from([0]), expires: EXPIRY };
            for lane in 0..n {
                let turn = (u64::from(id) + lane as u64) % n as u64;
                let time = u64::from(id) * gap + (n as u64 - turn) * gap + random.below(3);
                if !liars[lane] {
                    let last = complete.entry(id).or_default();
                    // Entries of one time count as one nanosecond later each.
                    *last = (*last).max(time + 60);
                    lanes[lane].push((time, tx.clone()));
                } else if !random.one_in(4) {
                    lanes[lane].push((random.below(2_000), tx.clone()));
                }
            }
        }
        lanes.iter_mut().for_each(|lane| lane.sort_by_key(|(time, _)| *time));
        let mut now = 0;
        while now < 60 * gap + 4 * window + 300 {
            let from = now;
            now += 1 + random.below(3 * gap);
            let cut = |(lane, entries): (usize, &Vec<(u64, Tx)>)| {
                let new = entries.iter().filter(|(time, _)| (from..now).contains(time));
                let runs = new.map(|(time, tx)| (vec![tx.clone()], *time)).collect();
                Append { runs, head: Some(if liars[lane] { now * 3 } else { now - 1 }) }
            };
            let appends: Vec<Append> = lanes.iter().enumerate().map(cut).collect();
            let omega = replay.step(&mut random, &appends);
            for (id, &x) in complete.iter().filter(|&(_, &x)| x + window + 60 < omega) {
                assert!(replay.rows.contains_key(id), "seed {seed}: {id} ({x}) is not out at Omega {omega}");
            }
        }
        emitted += replay.rows.values().filter(|row| row.height < replay.heights).count();
    }
    assert!(emitted as u64 > CASES / 4 * 50, "{emitted} were emitted while the cycles went on");
}
