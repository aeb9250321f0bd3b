//! Nothing that comes in makes the engine panic, and bad bytes are refused.

use crate::cases::{Cutter, EXPIRY, Options, Random, Traffic, engine_appends, powers, tx_id};
use fairlane_ordering::{Engine, Groups, LaneAppend, OrderingParams, PlacedRun, PowersError, Run, RunTx};
use fairlane_types::{GroupId, Hash32, Timestamp, TxId, VotingPower};
use std::collections::BTreeSet;
use std::sync::Arc;

const PARAMS: OrderingParams = OrderingParams { group_cap: 100, expiry_bound: u64::MAX };

fn unit(lanes: usize) -> Vec<VotingPower> {
    vec![VotingPower::new(1); lanes]
}

fn engine(lanes: usize) -> Engine {
    Engine::new(&unit(lanes), PARAMS).expect("unit powers have thresholds")
}

fn tx(id: u32, group: u32, expires: u64) -> RunTx {
    let groups = Groups::one(GroupId::new(group));
    RunTx { id: tx_id(id), groups, expires_at: Timestamp::from_nanos(expires) }
}

fn append(lane: usize, txs: Vec<RunTx>, time: u64, head: u64) -> LaneAppend {
    let runs = vec![PlacedRun { run: Arc::new(Run::new(txs)), time: Timestamp::from_nanos(time) }];
    LaneAppend { lane, runs, head_time: Some(Timestamp::from_nanos(head)) }
}

/// An engine in the middle of a random case.
fn busy(seed: u64) -> Engine {
    let mut random = Random(seed);
    let powers = powers(&mut random, 4);
    let options = Options { oddities: true, runs: true, size: 40 };
    let traffic = Traffic::new(&mut random, &powers, options);
    let typed: Vec<VotingPower> = powers.into_iter().map(VotingPower::new).collect();
    let params = OrderingParams { group_cap: 50, expiry_bound: EXPIRY };
    let mut engine = Engine::new(&typed, params).expect("small powers have thresholds");
    let mut cutter = Cutter::new(&mut random, 4);
    let mut emitted = BTreeSet::new();
    for _ in 0..3 {
        let appends = cutter.cut(&mut random, &traffic, false);
        let ordered = engine.step(&engine_appends(&mut random, &appends), &emitted, &Hash32::ZERO);
        emitted.extend(ordered.txs().map(|tx| tx.id));
    }
    engine
}

#[test]
fn extreme_times_lanes_and_repetitions_do_no_harm() {
    let mut engine = engine(4);
    let emitted = BTreeSet::<TxId>::new();
    let far = u64::MAX;
    for round in 0..3u32 {
        let txs = |from: u32| {
            (from..from + 5).chain(from..from + 2).map(|id| tx(id, id % 3, far)).collect::<Vec<_>>()
        };
        let appends = [
            append(0, txs(round), far, far),
            append(0, txs(round + 1), 0, 0),
            append(1, txs(round), far - 1, 5),
            append(2, txs(round), 0, far),
            append(3, Vec::new(), 7, 7),
            append(4, txs(round), 7, 7),
            append(usize::MAX, txs(round), 7, 7),
        ];
        engine.step(&appends, &emitted, &Hash32::ZERO);
    }
    assert!(engine.clock() < Timestamp::MAX);
    // At the end of time nothing expires later any more: everything went.
    assert_eq!(engine.live_ids().count(), 8);
}

#[test]
fn one_id_with_two_contents_keeps_the_first() {
    let mut engine = engine(4);
    let mut emitted = BTreeSet::<TxId>::new();
    let appends: Vec<LaneAppend> =
        (0..4).map(|lane| append(lane, vec![tx(1, lane as u32, 1_000 + lane as u64)], 10, 20)).collect();
    let ordered = engine.step(&appends, &emitted, &Hash32::ZERO);
    emitted.extend(ordered.txs().map(|tx| tx.id));
    assert_eq!(emitted.len(), 1);
    let again = engine.step(&appends, &emitted, &Hash32::ZERO);
    assert_eq!((again.txs().count(), again.pending), (0, 0), "an emitted id never comes again");
}

#[test]
fn ignored_entries_leave_no_trace() {
    let emitted = BTreeSet::from([tx_id(9)]);
    let params = OrderingParams { group_cap: 100, expiry_bound: 1_000 };
    let run = |noise: bool| {
        let mut engine = Engine::new(&unit(4), params).expect("unit powers have thresholds");
        let appends: Vec<LaneAppend> = (0..4)
            .map(|lane| {
                let mut txs = vec![tx(1, 0, 500), tx(2, 0, 500)];
                if noise {
                    let nowhere = RunTx { groups: Groups::none(), ..tx(4, 0, 500) };
                    let bad = [tx(9, 0, 500), tx(3, 0, 20), tx(5, 0, 1_021), nowhere, tx(1, 0, 500)];
                    txs.splice(1..1, bad);
                }
                append(lane, txs, 10, 20)
            })
            .collect();
        let ordered = engine.step(&appends, &emitted, &Hash32::ZERO);
        let mut bytes = Vec::new();
        engine.encode(&mut bytes);
        (ordered, bytes)
    };
    assert_eq!(run(false), run(true));
}

#[test]
fn equal_keys_on_more_than_the_cap_do_not_halt_a_group() {
    let params = OrderingParams { group_cap: 3, expiry_bound: u64::MAX };
    let mut engine = Engine::new(&unit(4), params).expect("unit powers have thresholds");
    let mut emitted = BTreeSet::new();
    let empty = |head: u64| (0..4).map(|lane| append(lane, Vec::new(), head, head)).collect::<Vec<_>>();
    engine.step(&empty(1_000), &emitted, &Hash32::ZERO);
    // All of these come late, so chain time is the key of all of them.
    let late: Vec<LaneAppend> =
        (0..4).map(|lane| append(lane, (0..20).map(|id| tx(id, 0, u64::MAX)).collect(), 1, 2_000)).collect();
    let mut ordered = engine.step(&late, &emitted, &Hash32::ZERO);
    for round in 1..=7u64 {
        assert!(ordered.txs().count() > 0, "round {round}");
        emitted.extend(ordered.txs().map(|tx| tx.id));
        ordered = engine.step(&empty(2_000 + round), &emitted, &Hash32::ZERO);
    }
    assert_eq!(emitted.len(), 20);
}

#[test]
fn impossible_powers_are_refused() {
    assert_eq!(Engine::new(&[], PARAMS).err(), Some(PowersError::Lanes(0)));
    assert_eq!(Engine::new(&[VotingPower::ZERO; 3], PARAMS).err(), Some(PowersError::Total));
    assert_eq!(Engine::new(&[VotingPower::new(u64::MAX / 2); 3], PARAMS).err(), Some(PowersError::Total));
    assert_eq!(Engine::new(&unit(2_000), PARAMS).err(), Some(PowersError::Lanes(2_000)));
    let mut engine = engine(4);
    let old = |lanes: &[usize]| lanes.iter().copied().map(Some).collect::<Vec<_>>();
    assert_eq!(
        engine.change_powers(&unit(3), &old(&[0, 1])),
        Err(PowersError::Mismatch { powers: 3, lanes: 2 })
    );
    assert_eq!(engine.change_powers(&unit(2), &old(&[0, 4])), Err(PowersError::OldLane(4)));
    assert_eq!(engine.change_powers(&unit(2), &old(&[1, 1])), Err(PowersError::OldLane(1)));
}

#[test]
fn mangled_bytes_are_refused_or_give_a_working_engine() {
    for seed in 0..20 {
        let mut bytes = Vec::new();
        busy(seed).encode(&mut bytes);
        for end in 0..bytes.len() {
            assert!(Engine::decode(&bytes[..end]).is_err(), "seed {seed}: cut at {end}");
        }
        let mut random = Random(seed);
        for _ in 0..300 {
            let mut mangled = bytes.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(mangled.len() as u64) as usize;
                mangled[at] = random.next() as u8;
            }
            let Ok(mut engine) = Engine::decode(&mangled) else { continue };
            let mut again = Vec::new();
            engine.encode(&mut again);
            assert_eq!(again, mangled, "seed {seed}: bytes that are read are canonical");
            let head = |lane| append(lane, Vec::new(), 0, 5_000);
            engine.step(&[head(0), head(1), head(2), head(3)], &BTreeSet::<TxId>::new(), &Hash32::ZERO);
        }
    }
}

#[test]
fn huge_counts_are_refused_before_anything_is_allocated() {
    let mut bytes = Vec::new();
    engine(3).encode(&mut bytes);
    let transactions = bytes.len() - 4;
    bytes[transactions..].fill(0xff);
    assert!(Engine::decode(&bytes).is_err());
    let lanes = 1 + 4 + 8 + 8;
    bytes[lanes..lanes + 4].fill(0xff);
    assert!(Engine::decode(&bytes).is_err());
}
