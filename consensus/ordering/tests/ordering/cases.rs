//! Random cases: powers, traffic, lies, and how the lanes are cut into heights.

use crate::oracle::{Append, Tx};
use fairlane_ordering::{Groups, LaneAppend, PlacedRun, Run, RunTx};
pub(crate) use fairlane_types::testing::Random;
use fairlane_types::{GroupId, Timestamp, TxId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Powers of `n` lanes: equal, small, with a common divisor, or large and uneven.
pub(crate) fn powers(random: &mut Random, n: usize) -> Vec<u64> {
    let kind = random.below(5);
    let draw = |random: &mut Random| match kind {
        0 | 1 => 1,
        2 => 1 + random.below(5),
        3 => (1 + random.below(9)) * 32_000_000_000,
        _ => 1_000_000_000 + random.below(1_000_000_000_000),
    };
    (0..n).map(|_| draw(random)).collect()
}

/// Lanes that lie, of at most F power together.
pub(crate) fn liars(random: &mut Random, powers: &[u64]) -> Vec<bool> {
    let faulty = powers.iter().sum::<u64>().div_ceil(3) - 1;
    let mut sum = 0;
    let mut liars = vec![false; powers.len()];
    let mut lanes: Vec<usize> = (0..powers.len()).collect();
    random.shuffle(&mut lanes);
    for lane in lanes {
        if !random.one_in(3) && sum + powers[lane] <= faulty {
            sum += powers[lane];
            liars[lane] = true;
        }
    }
    liars
}

/// What varies between cases.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Transactions may expire, ask for too much, name no group, or come again.
    pub(crate) oddities: bool,
    /// Segments of several transactions, forwarded as whole runs.
    pub(crate) runs: bool,
    /// How many transactions there are at most.
    pub(crate) size: u32,
}

/// What every lane receives, in order: (time, transactions).
pub(crate) struct Traffic {
    pub(crate) txs: Vec<Tx>,
    pub(crate) lanes: Vec<Vec<(u64, Vec<Tx>)>>,
    pub(crate) liars: Vec<bool>,
}

impl Traffic {
    pub(crate) fn new(random: &mut Random, powers: &[u64], options: Options) -> Self {
        let liars = liars(random, powers);
        let groups = 1 + random.below(4);
        let gap = 1 + random.below(30);
        let count = options.size / 8 + random.below(u64::from(options.size) * 7 / 8) as u32;
        let txs: Vec<Tx> = (0..count).map(|id| tx(random, id, groups, gap, options)).collect();
        let mut traffic = Self { lanes: vec![Vec::new(); powers.len()], txs, liars };
        let pieces = traffic.pieces(random, options);
        let rotate = random.one_in(3);
        let widest = if random.one_in(4) { 8 } else { 300 };
        let spread = 1 + random.below(widest);
        for (number, piece) in pieces.iter().enumerate() {
            for lane in 0..powers.len() {
                let time = match rotate {
                    true => rotated(number, lane, powers.len(), gap),
                    false => number as u64 * gap * piece.len() as u64 + random.below(spread),
                };
                traffic.lanes[lane].push((time, piece.clone()));
            }
        }
        for lane in 0..powers.len() {
            traffic.lanes[lane].sort_by_key(|(time, _)| *time);
            if traffic.liars[lane] {
                lie(random, &mut traffic.lanes[lane]);
            } else if options.oddities && random.one_in(4) {
                repeat(random, &mut traffic.lanes[lane]);
            }
        }
        traffic
    }

    fn pieces(&self, random: &mut Random, options: Options) -> Vec<Vec<Tx>> {
        let mut pieces = Vec::new();
        let mut rest = self.txs.as_slice();
        while !rest.is_empty() {
            let len = if options.runs { 1 + random.below(8) as usize } else { 1 };
            let (piece, tail) = rest.split_at(len.min(rest.len()));
            pieces.push(piece.to_vec());
            rest = tail;
        }
        pieces
    }
}

fn tx(random: &mut Random, id: u32, groups: u64, gap: u64, options: Options) -> Tx {
    let legs = if random.one_in(5) { 1 + random.below(3) } else { 1 };
    let mut set: BTreeSet<u32> = (0..legs).map(|_| random.below(groups) as u32).collect();
    let mut expires = EXPIRY;
    if options.oddities {
        if random.one_in(20) {
            set.clear();
        }
        match random.below(12) {
            0 => expires = u64::from(id) * gap + random.below(200),
            1 => expires = EXPIRY + 300 + random.below(500),
            _ => {}
        }
    }
    Tx { id, groups: set, expires }
}

/// When ordinary transactions of a case expire, and the bound on expiry that goes with it.
pub(crate) const EXPIRY: u64 = 1_000_000;

/// Lane `lane` sees every `n` transactions in an order rotated by `lane`: Condorcet's paradox.
fn rotated(number: usize, lane: usize, n: usize, gap: u64) -> u64 {
    let (number, lane, n) = (number as u64, lane as u64, n as u64);
    let turn = (number + lane) / n;
    (turn * 2 * n + (n - (number + lane) % n)) * gap
}

fn lie(random: &mut Random, lane: &mut Vec<(u64, Vec<Tx>)>) {
    let times: Vec<u64> = lane.iter().map(|(time, _)| *time).collect();
    match random.below(6) {
        0 => lane.clear(),
        1 => lane.reverse(),
        2 => random.shuffle(lane),
        3 => {
            // Whole histories out of place: some entries never come, the others come in pieces.
            lane.retain(|_| !random.one_in(4));
            let pieces =
                lane.drain(..).flat_map(|(time, txs)| txs.into_iter().map(move |tx| (time, vec![tx])));
            let mut pieces: Vec<_> = pieces.collect();
            random.shuffle(&mut pieces);
            *lane = pieces;
        }
        4 => lane.iter_mut().for_each(|(time, _)| *time = random.below(2 * (*time + 1))),
        _ => lane.iter_mut().for_each(|(time, _)| *time = if random.one_in(2) { 0 } else { *time * 7 }),
    }
    if random.one_in(2) {
        for ((time, _), honest) in lane.iter_mut().zip(times) {
            *time = honest;
        }
    }
}

fn repeat(random: &mut Random, lane: &mut Vec<(u64, Vec<Tx>)>) {
    for _ in 0..3 {
        if lane.is_empty() {
            return;
        }
        let from = random.below(lane.len() as u64) as usize;
        let to = from + random.below((lane.len() - from) as u64) as usize;
        let mut copy = lane[from].clone();
        copy.0 = lane[to].0;
        if random.one_in(2) && copy.1.len() > 1 {
            copy.1.remove(0);
        }
        lane.insert(to + 1, copy);
    }
}

/// Cuts traffic into heights.
pub(crate) struct Cutter {
    cursors: Vec<usize>,
    pub(crate) now: u64,
    step: u64,
}

impl Cutter {
    pub(crate) fn new(random: &mut Random, lanes: usize) -> Self {
        Self { cursors: vec![0; lanes], now: 0, step: 15 + random.below(300) }
    }

    /// The next height: every lane advances to about now, or not at all. The last heights take everything.
    pub(crate) fn cut(&mut self, random: &mut Random, traffic: &Traffic, last: bool) -> Vec<Append> {
        self.now += if last { 2_000 } else { self.step };
        let mut appends = Vec::new();
        for (lane, entries) in traffic.lanes.iter().enumerate() {
            let mut append = Append::default();
            if last || !random.one_in(5) {
                let limit = if last { u64::MAX } else { self.now - random.below(self.step.min(100)) };
                while let Some((time, txs)) =
                    entries.get(self.cursors[lane]).filter(|(time, _)| *time <= limit)
                {
                    append.runs.push((txs.clone(), *time));
                    self.cursors[lane] += 1;
                }
                append.head = Some(limit.min(self.now)).filter(|_| last || !random.one_in(6));
            }
            appends.push(append);
        }
        appends
    }

    /// Whether everything has been cut.
    pub(crate) fn is_done(&self, traffic: &Traffic) -> bool {
        self.cursors.iter().zip(&traffic.lanes).all(|(&cursor, lane)| cursor == lane.len())
    }
}

pub(crate) fn tx_id(id: u32) -> TxId {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&id.to_be_bytes());
    TxId::from_bytes(bytes)
}

pub(crate) fn small_id(id: &TxId) -> u32 {
    u32::from_be_bytes(*id.as_bytes().first_chunk().expect("ids have 32 bytes"))
}

/// The engine's form of what a height appends. Equal runs are shared between lanes, except some.
pub(crate) fn engine_appends(random: &mut Random, appends: &[Append]) -> Vec<LaneAppend> {
    let mut shared: BTreeMap<Vec<u32>, Arc<Run>> = BTreeMap::new();
    let mut out = Vec::new();
    for (lane, append) in appends.iter().enumerate() {
        let mut runs = Vec::new();
        for (txs, time) in &append.runs {
            let ids: Vec<u32> = txs.iter().map(|tx| tx.id).collect();
            let fresh = Arc::new(Run::new(txs.iter().map(run_tx).collect()));
            let run = if random.one_in(8) { fresh } else { Arc::clone(shared.entry(ids).or_insert(fresh)) };
            runs.push(PlacedRun { run, time: Timestamp::from_nanos(*time) });
        }
        out.push(LaneAppend { lane, runs, head_time: append.head.map(Timestamp::from_nanos) });
    }
    out
}

fn run_tx(tx: &Tx) -> RunTx {
    RunTx {
        id: tx_id(tx.id),
        groups: Groups::new(tx.groups.iter().copied().map(GroupId::new)).expect("at most four groups"),
        expires_at: Timestamp::from_nanos(tx.expires),
    }
}
