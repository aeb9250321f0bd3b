//! The ordering engine: against the rule read literally on lanes that an input describes, and its stored state.

use crate::cases::{EXPIRY, Random, engine_appends, small_id};
use crate::oracle::{Append, Oracle, Tx};
use arbitrary::{Result, Unstructured};
use fairlane_ordering::{Engine, OrderingParams, TieBreak};
use fairlane_types::{TxId, VotingPower};
use std::collections::BTreeSet;

/// The oracle is cubic in these.
const MAX_TRANSACTIONS: u32 = 20;
const MAX_HEIGHTS: usize = 8;

/// A state that was stored: what can be read can be written again, and nothing else happens.
pub fn state(data: &[u8]) {
    let Ok(engine) = Engine::decode(data) else { return };
    let mut again = Vec::new();
    engine.encode(&mut again);
    assert_eq!(again, data, "two encodings of one state");
}

/// Whatever the lanes say, the engine and the oracle give the same order, and no transaction comes twice.
pub fn against_oracle(data: &[u8]) {
    // An input that ends early describes fewer heights.
    let _ = compare(&mut Unstructured::new(data));
}

fn compare(input: &mut Unstructured) -> Result<()> {
    let lanes = input.int_in_range(1..=7)?;
    let powers: Vec<u64> = (0..lanes).map(|_| input.int_in_range(1..=5)).collect::<Result<_>>()?;
    let cap = input.int_in_range(1..=12u32)?;
    let params = OrderingParams { group_cap: cap, expiry_bound: EXPIRY };
    let typed: Vec<VotingPower> = powers.iter().copied().map(VotingPower::new).collect();
    let mut engine = Engine::new(&typed, params).expect("small powers have thresholds");
    let mut oracle = Oracle::new(&powers, cap as usize, EXPIRY);
    let txs = (0..MAX_TRANSACTIONS).map(|id| transaction(input, id)).collect::<Result<Vec<_>>>()?;
    let mut random = Random(input.arbitrary()?);
    let mut emitted: BTreeSet<TxId> = BTreeSet::new();
    for _ in 0..MAX_HEIGHTS {
        let appends = (0..lanes).map(|_| append(input, &txs)).collect::<Result<Vec<_>>>()?;
        let ordered = engine.step_with(&engine_appends(&mut random, &appends), &emitted, TieBreak::ById);
        for tx in ordered.txs() {
            assert!(emitted.insert(tx.id), "a transaction is emitted twice");
        }
        let expected = oracle.step(&appends);
        let order = ordered.components.iter().map(|component| {
            let row = |tx: &fairlane_ordering::OrderedTx| {
                (small_id(&tx.id), tx.key.as_nanos(), tx.lo.as_nanos(), tx.hi.as_nanos())
            };
            component.txs.iter().map(row).collect::<Vec<_>>()
        });
        assert_eq!(order.collect::<Vec<_>>(), expected.emitted, "another order");
        assert_eq!(ordered.clock.as_nanos(), expected.clock);
        assert_eq!(ordered.omega.as_nanos(), expected.omega);
        let ids = |ids: &[TxId]| ids.iter().map(small_id).collect::<BTreeSet<u32>>();
        assert_eq!((ids(&ordered.held), ids(&ordered.dropped)), (expected.held, expected.dropped));
    }
    Ok(())
}

fn transaction(input: &mut Unstructured, id: u32) -> Result<Tx> {
    let groups = (0..input.int_in_range(0..=3)?).map(|_| input.int_in_range(0..=2)).collect::<Result<_>>()?;
    let expires = if input.ratio(1, 4)? { input.int_in_range(0..=2_000)? } else { EXPIRY };
    Ok(Tx { id, groups, expires })
}

fn append(input: &mut Unstructured, txs: &[Tx]) -> Result<Append> {
    let mut append = Append::default();
    for _ in 0..input.int_in_range(0..=4)? {
        let run = (0..input.int_in_range(0..=4)?).map(|_| input.choose(txs).cloned());
        append.runs.push((run.collect::<Result<_>>()?, input.int_in_range(0..=2_000)?));
    }
    if input.ratio(3, 4)? {
        append.head = Some(input.int_in_range(0..=2_000)?);
    }
    Ok(append)
}
