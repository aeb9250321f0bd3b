//! Synthetic traffic: what each lane receives, and when.
//!
//! *broadcast*: every transaction reaches every lane by itself. *ingress*: it reaches one lane, and the others get
//! it with that lane's segments.

use fairlane_ordering::{Groups, LaneAppend, PlacedRun, Run, RunTx};
use fairlane_types::crypto::sha256;
use fairlane_types::testing::Random;
use fairlane_types::{GroupId, Timestamp, TxId};
use std::sync::Arc;

/// Transactions a second.
pub(crate) const RATE: f64 = 100_000.0;
const HEIGHT: u64 = 250_000_000;
const SEGMENT: u64 = 20_000_000;
const MILLISECOND: f64 = 1e6;
/// Mean of the exponential jitter of every arrival, in milliseconds.
const JITTER: f64 = 2.0;
/// One-way delays between four regions, in milliseconds.
const DELAYS: [[f64; 4]; 4] =
    [[3., 45., 75., 110.], [45., 3., 40., 80.], [75., 40., 3., 60.], [110., 80., 60., 3.]];
/// How many entries a lying lane puts into reverse order at a time.
const REVERSED: usize = 20_000;

/// Exponentially distributed times.
fn exponential(random: &mut Random, mean: f64) -> f64 {
    let uniform = (random.next() >> 11) as f64 / (1u64 << 53) as f64;
    -mean * (1.0 - uniform).ln()
}

/// One traffic pattern.
#[derive(Clone, Copy)]
pub(crate) struct Pattern {
    pub(crate) lanes: usize,
    pub(crate) groups: u64,
    /// How many lanes report in reverse.
    pub(crate) reversed: usize,
    pub(crate) seconds: f64,
}

/// What the heights append, and how many transactions there are.
pub(crate) struct Traffic {
    pub(crate) heights: Vec<Vec<LaneAppend>>,
    pub(crate) transactions: usize,
}

fn tx(number: u64, random: &mut Random, groups: u64) -> RunTx {
    let id = TxId::from_bytes(*sha256(&[&number.to_be_bytes()]).as_bytes());
    let group = GroupId::new(random.below(groups) as u32);
    RunTx { id, groups: Groups::one(group), expires_at: Timestamp::from_nanos(60_000_000_000) }
}

fn delay(from: usize, to: usize, random: &mut Random) -> u64 {
    ((DELAYS[from % 4][to % 4] + exponential(random, JITTER)) * MILLISECOND) as u64
}

/// Each transaction reaches each lane by itself, from a random region.
pub(crate) fn broadcast(pattern: Pattern) -> Traffic {
    let mut random = Random(42);
    let mut lanes: Vec<Vec<PlacedRun>> = vec![Vec::new(); pattern.lanes];
    let (mut at, mut number) = (0.0, 0);
    while at < pattern.seconds * 1e9 {
        let region = random.below(4) as usize;
        let run = Arc::new(Run::new(vec![tx(number, &mut random, pattern.groups)]));
        for (lane, log) in lanes.iter_mut().enumerate() {
            let time = Timestamp::from_nanos(at as u64 + delay(region, lane, &mut random));
            log.push(PlacedRun { run: Arc::clone(&run), time });
        }
        at += exponential(&mut random, 1e9 / RATE);
        number += 1;
    }
    finish(lanes, pattern, number as usize)
}

/// Each transaction reaches one lane; the others get it with the segment that this lane closes every 20 ms. A
/// lane's own transactions are one run from one event of another lane to the next.
pub(crate) fn ingress(pattern: Pattern) -> Traffic {
    let mut random = Random(43);
    let mut own: Vec<Vec<(u64, RunTx)>> = vec![Vec::new(); pattern.lanes];
    let (mut at, mut number) = (0.0, 0);
    while at < pattern.seconds * 1e9 {
        let home = random.below(pattern.lanes as u64) as usize;
        own[home].push((at as u64, tx(number, &mut random, pattern.groups)));
        at += exponential(&mut random, 1e9 / RATE);
        number += 1;
    }
    let segments = (pattern.seconds * 1e9) as u64 / SEGMENT + 2;
    let phase = |lane: usize| SEGMENT * (lane as u64 + 1) / pattern.lanes as u64;
    // By receiving lane: (arrival, sending lane, segment).
    let mut arrivals: Vec<Vec<(u64, usize, u64)>> = vec![Vec::new(); pattern.lanes];
    for from in 0..pattern.lanes {
        for (to, arrivals) in arrivals.iter_mut().enumerate().filter(|&(to, _)| to != from) {
            let mut last = 0;
            for segment in 0..segments {
                last = (phase(from) + segment * SEGMENT + delay(from, to, &mut random)).max(last + 1);
                arrivals.push((last, from, segment));
            }
        }
    }
    let mut pieces: Vec<Vec<Vec<PlacedRun>>> = Vec::new();
    for (lane, arrivals) in arrivals.iter_mut().enumerate() {
        arrivals.sort_unstable();
        pieces.push(own_pieces(&own[lane], arrivals, phase(lane), segments));
    }
    let lanes = (0..pattern.lanes).map(|lane| {
        let mut log: Vec<PlacedRun> = pieces[lane].iter().flatten().cloned().collect();
        for &(time, from, segment) in &arrivals[lane] {
            let time = Timestamp::from_nanos(time);
            log.extend(
                pieces[from][segment as usize].iter().map(|piece| PlacedRun { time, ..piece.clone() }),
            );
        }
        log
    });
    finish(lanes.collect(), pattern, number as usize)
}

/// A lane's own transactions by segment, cut into runs wherever something else arrives.
fn own_pieces(
    own: &[(u64, RunTx)],
    arrivals: &[(u64, usize, u64)],
    phase: u64,
    segments: u64,
) -> Vec<Vec<PlacedRun>> {
    let mut pieces = vec![Vec::new(); segments as usize];
    let place = |time: u64| {
        let segment = if time <= phase { 0 } else { (time - phase).div_ceil(SEGMENT) };
        (segment, arrivals.partition_point(|&(arrival, _, _)| arrival <= time))
    };
    for piece in own.chunk_by(|a, b| place(a.0) == place(b.0)) {
        let txs = piece.iter().map(|(_, tx)| tx.clone()).collect();
        let time = Timestamp::from_nanos(piece[piece.len() - 1].0);
        pieces[place(piece[0].0).0 as usize].push(PlacedRun { run: Arc::new(Run::new(txs)), time });
    }
    pieces
}

/// Sorts the logs, lets the lying lanes lie, and cuts everything into heights.
fn finish(mut lanes: Vec<Vec<PlacedRun>>, pattern: Pattern, transactions: usize) -> Traffic {
    let mut end = 0;
    for (lane, log) in lanes.iter_mut().enumerate() {
        log.sort_by_key(|placed| placed.time);
        end = log.last().map_or(end, |last| end.max(last.time.as_nanos()));
        if lane < pattern.reversed {
            for chunk in log.chunks_mut(REVERSED) {
                let times: Vec<Timestamp> = chunk.iter().map(|placed| placed.time).collect();
                chunk.reverse();
                chunk.iter_mut().zip(times).for_each(|(placed, time)| placed.time = time);
            }
        }
    }
    // Two heights more than the traffic takes, so that everything becomes final.
    let heights = (1..=end / HEIGHT + 3).map(|height| {
        let (from, to) = ((height - 1) * HEIGHT, height * HEIGHT);
        let append = |(lane, log): (usize, &Vec<PlacedRun>)| {
            let at = |time: u64| log.partition_point(|placed| placed.time.as_nanos() <= time);
            let start = if from == 0 { 0 } else { at(from) };
            let head_time = Some(Timestamp::from_nanos(to));
            LaneAppend { lane, runs: log[start..at(to)].to_vec(), head_time }
        };
        lanes.iter().enumerate().map(append).collect()
    });
    Traffic { heights: heights.collect(), transactions }
}
