//! The circuit against the rules: what the rules carry out is provable, whatever stands in a batch, and nothing else is.
//!
//! `first_broken` walks through all constraints with the values that a prover would give; a seeded generator makes batches
//! that are hostile in every way that bytes can be.

use super::*;
use crate::cursor::{Cursor, STEP};
use crate::keys::SecretKey;
use crate::rollup::{Rollup, bare_header};
use crate::state::{Account, Deposit, Outcome, Skip};
use crate::statement::Position;
use crate::transfer::{Destination, PAYLOAD_BYTES, Transfer};
use crate::{Context, PublicKey};
use ark_ff::Field as _;
use fairlane_types::crypto;
use fairlane_types::{Batch, BatchItem, RollupHead, RollupId, TxId};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const SHAPE: Shape = Shape { slots: 2, deposits: 2 };

fn context() -> Context {
    Context { network: fairlane_types::NetworkId::from_bytes([0xab; 32]), rollup: RollupId::new(77) }
}

fn key(number: u16) -> SecretKey {
    SecretKey::from_seed(&[number as u8])
}

fn opening(number: u16, amount: u64) -> Deposit {
    Deposit { account: number, key: key(number).public(), amount }
}

fn transfer(from: u16, to: Destination, amount: u64, nonce: u32) -> [u8; PAYLOAD_BYTES] {
    Transfer { from, to, amount, nonce }.sign(&context(), &key(from))
}

fn item(payload: &[u8]) -> BatchItem {
    BatchItem {
        transaction: TxId::from_bytes([3; 32]),
        leg_index: 0,
        leg_count: 1,
        payload: payload.to_vec().into(),
    }
}

fn batch(rollup: &Rollup, items: Vec<BatchItem>) -> Batch {
    Batch::new(bare_header(context().rollup, rollup.head()), items)
}

/// A rollup in which accounts 0 and 1 have 100 each.
fn funded() -> Rollup {
    let mut rollup = Rollup::new(context(), SHAPE);
    let batch = batch(&rollup, vec![item(b"")]);
    prove(&mut rollup, &batch, &[opening(0, 100), opening(1, 100)]);
    rollup
}

/// Carries a batch out and holds every proof of it to the circuit.
fn prove(rollup: &mut Rollup, batch: &Batch, deposits: &[Deposit]) -> (Vec<Job>, Vec<Outcome>) {
    let mut root = rollup.state().root();
    let mut position = Position::Head(rollup.head());
    let applied = rollup.apply(batch, deposits).unwrap();
    for job in &applied.jobs {
        assert_eq!(first_broken(job).unwrap(), None);
        assert_eq!((job.statement.old_root, job.statement.old_position), (root, position));
        (root, position) = (job.statement.new_root, job.statement.new_position);
    }
    assert_eq!(position, Position::Head(batch.header().head(&context().network)));
    assert_eq!(applied.outcomes.len(), batch.items().len());
    (applied.jobs, applied.outcomes)
}

/// What becomes of one payload.
fn outcome(payload: &[u8]) -> Outcome {
    let mut rollup = funded();
    let (root, batch) = (rollup.state().root(), batch(&rollup, vec![item(payload)]));
    let (_, outcomes) = prove(&mut rollup, &batch, &[]);
    let skipped = matches!(outcomes[0], Outcome::Skipped(_));
    assert_eq!(skipped, rollup.state().root() == root);
    outcomes[0]
}

#[test]
fn a_standard_proof_fits_two_to_the_twentieth() {
    let small = describe(Shape { slots: 1, deposits: 1 }).unwrap().constraints;
    let slot = describe(Shape { slots: 2, deposits: 1 }).unwrap().constraints - small;
    let deposit = describe(Shape { slots: 1, deposits: 2 }).unwrap().constraints - small;
    let all = small + (Shape::STANDARD.slots - 1) * slot + (Shape::STANDARD.deposits - 1) * deposit;
    // Behind the constraints come one for the input and one for the constant.
    assert!(all + 2 <= 1 << 20, "{slot} a slot, {deposit} a deposit, {all} in all");
}

#[test]
fn constraints_do_not_depend_on_the_witness() {
    let mut rollup = funded();
    let batch = batch(&rollup, vec![item(&transfer(0, Destination::Account(1), 5, 0)), item(b"?")]);
    let (jobs, _) = prove(&mut rollup, &batch, &[opening(2, 9)]);
    let seen = observe(&jobs[0], Observer { digest: Some(Sha256::new()), ..Observer::default() }).unwrap();
    let digest: [u8; 32] = seen.digest.unwrap().finalize().into();
    assert_eq!(digest, describe(SHAPE).unwrap().digest);
}

#[test]
fn transfers_and_withdrawals_move_value() {
    let mut rollup = funded();
    let items = vec![
        item(&transfer(0, Destination::Account(1), 30, 0)),
        item(&transfer(1, Destination::Ethereum([5; 20]), 130, 0)),
        item(&transfer(0, Destination::Account(0), 70, 1)),
        item(&transfer(0, Destination::Ethereum([5; 20]), 0, 2)),
    ];
    let batch = batch(&rollup, items);
    let (jobs, outcomes) = prove(&mut rollup, &batch, &[]);
    use Outcome::{Transferred, Withdrawn};
    assert_eq!(outcomes, [Transferred, Withdrawn, Transferred, Withdrawn]);
    let withdrawals: Vec<_> =
        jobs.iter().map(|job| (job.statement.first, job.statement.withdrawals)).collect();
    assert_eq!(withdrawals, [(0, 0b10), (2, 0b10)]);
    let balances = [0, 1].map(|id| (rollup.state().account(id).balance, rollup.state().account(id).nonce));
    assert_eq!(balances, [(70, 3), (0, 1)]);
}

#[test]
fn every_reason_to_skip_is_proven() {
    let to = Destination::Account(1);
    let good = transfer(0, to, 30, 0);
    assert_eq!(outcome(&good), Outcome::Transferred);
    let altered = |at: usize, by: u8| {
        let mut payload = good;
        payload[at] ^= by;
        outcome(&payload)
    };
    for (found, why) in [
        (outcome(b""), Skip::Malformed),
        (outcome(&good[..84]), Skip::Malformed),
        (outcome(&[&good[..], &[0]].concat()), Skip::Malformed),
        (outcome(&[0xff; 300]), Skip::Malformed),
        (altered(0, 2), Skip::Misplaced),
        (altered(0, 3), Skip::Misplaced),
        (altered(0, 4), Skip::UnknownKind),
        (altered(0, 1), Skip::InvalidSignature),
        (altered(1, 0x80), Skip::UnknownSender),
        (altered(3, 0x40), Skip::UnknownSender),
        (altered(5, 1), Skip::UnknownReceiver),
        (altered(23, 0x40), Skip::UnknownReceiver),
        (outcome(&transfer(0, Destination::Account(9), 30, 0)), Skip::UnknownReceiver),
        (outcome(&transfer(9, to, 0, 0)), Skip::InvalidSignature),
        (outcome(&transfer(0, to, 30, 1)), Skip::WrongNonce),
        (outcome(&transfer(0, to, 101, 0)), Skip::InsufficientBalance),
        (outcome(&transfer(0, to, u64::MAX, 0)), Skip::InsufficientBalance),
        (altered(40, 1), Skip::InvalidSignature),
        (altered(53, 0x80), Skip::InvalidSignature),
        (altered(84, 1), Skip::InvalidSignature),
        (outcome(&[0; PAYLOAD_BYTES]), Skip::InvalidSignature),
        (outcome(&[0xff; PAYLOAD_BYTES]), Skip::UnknownKind),
    ] {
        assert_eq!(found, Outcome::Skipped(why));
    }
}

#[test]
fn signatures_of_other_rollups_and_networks_are_void() {
    let order = Transfer { from: 0, to: Destination::Account(1), amount: 1, nonce: 0 };
    let elsewhere = [
        Context { rollup: RollupId::new(78), ..context() },
        Context { network: Default::default(), ..context() },
    ];
    for other in elsewhere {
        assert_eq!(outcome(&order.sign(&other, &key(0))), Outcome::Skipped(Skip::InvalidSignature));
    }
}

#[test]
fn transfers_for_bundles_count_in_bundles_alone() {
    let leg = |payload: [u8; PAYLOAD_BYTES]| BatchItem { leg_count: 2, leg_index: 1, ..item(&payload) };
    let order = |to| Transfer { from: 0, to, amount: 30, nonce: 0 };
    let (account, ethereum) = (order(Destination::Account(1)), order(Destination::Ethereum([5; 20])));
    let misplaced = Outcome::Skipped(Skip::Misplaced);
    for (item, expected) in [
        (leg(account.sign_leg(&context(), &key(0))), Outcome::Transferred),
        (leg(ethereum.sign_leg(&context(), &key(0))), Outcome::Withdrawn),
        (leg(account.sign(&context(), &key(0))), misplaced),
        (leg(ethereum.sign(&context(), &key(0))), misplaced),
        (item(&account.sign_leg(&context(), &key(0))), misplaced),
        (item(&ethereum.sign_leg(&context(), &key(0))), misplaced),
    ] {
        let mut rollup = funded();
        let batch = batch(&rollup, vec![item]);
        assert_eq!(prove(&mut rollup, &batch, &[]).1, [expected]);
    }
}

/// No kind of items that may come some day is taken for one of today's.
#[test]
fn items_of_unknown_kinds_are_void() {
    let good = transfer(0, Destination::Account(1), 30, 0);
    for kind in [2, 3, 127, 128, 255] {
        let mut rollup = funded();
        let known = batch(&rollup, vec![item(&good)]);
        let mut body = known.body().to_vec();
        body[8] = kind;
        // What would be right for it if the rule went on like this.
        body[4 + STEP - PAYLOAD_BYTES] = kind.wrapping_mul(2);
        let header = BatchHeader { payload_hash: crypto::sha256(&[&body]), ..*known.header() };
        let (mut cursor, mut outcomes) = (Cursor::start(rollup.head(), &body), Vec::new());
        let deposits = [Deposit::default(); SHAPE.deposits];
        let job = rollup.prove_next(&mut cursor, (&header, &body), &deposits, &mut outcomes);
        assert_eq!(outcomes, [Outcome::Skipped(Skip::Malformed)], "kind {kind}");
        assert_eq!(first_broken(&job).unwrap(), None, "kind {kind}");
    }
}

#[test]
fn keys_that_are_no_points_neither_pay_nor_receive() {
    let broken = PublicKey { x: Fr::from(3u64), y: Fr::from(4u64) };
    let mut rollup = Rollup::new(context(), SHAPE);
    let deposits = [opening(0, 100), Deposit { account: 1, key: broken, amount: 50 }];
    let items = vec![
        item(&transfer(1, Destination::Account(0), 5, 0)),
        item(&transfer(0, Destination::Account(1), 5, 0)),
    ];
    let batch = batch(&rollup, items);
    let (_, outcomes) = prove(&mut rollup, &batch, &deposits);
    let expected = [Skip::InvalidSignature, Skip::UnknownReceiver].map(Outcome::Skipped);
    assert_eq!(outcomes, expected);
}

#[test]
fn deposits_open_accounts_and_never_change_keys() {
    let mut rollup = funded();
    let other = Deposit { account: 0, key: key(5).public(), amount: 11 };
    let batch = batch(&rollup, vec![item(b"x")]);
    prove(&mut rollup, &batch, &[other, opening(16_383, 4)]);
    let expected = Account { key: key(0).public(), balance: 111, nonce: 0 };
    assert_eq!(rollup.state().account(0), expected);
    assert_eq!(rollup.state().account(16_383).balance, 4);
}

/// Each length moves what follows to other places in its block, and the end of the hash too.
#[test]
fn transfers_are_found_behind_items_of_any_length() {
    for length in (0..130).chain([255, 256, 1_000]).step_by(if cfg!(debug_assertions) { 7 } else { 1 }) {
        let mut rollup = funded();
        let noise = vec![0xcc; length];
        let items = vec![item(&noise), item(&transfer(0, Destination::Account(1), 1, 0))];
        let batch = batch(&rollup, items);
        let (_, outcomes) = prove(&mut rollup, &batch, &[]);
        assert_eq!(outcomes[1], Outcome::Transferred, "behind {length} bytes");
    }
}

#[test]
fn random_batches_are_proven_as_they_are_carried_out() {
    for seed in 0..6 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut rollup = funded();
        let items = (0..1 + rng.next_u32() % 6).map(|_| item(&hostile(&mut rng, &rollup))).collect();
        let batch = batch(&rollup, items);
        let total = |rollup: &Rollup| (0..4).map(|id| rollup.state().account(id).balance).sum::<u64>();
        let before = total(&rollup);
        let (_, outcomes) = prove(&mut rollup, &batch, &[]);
        let out = outcomes.contains(&Outcome::Withdrawn);
        assert!(if out { total(&rollup) <= before } else { total(&rollup) == before }, "seed {seed}");
    }
}

/// Bytes that are a transfer, almost one, or nothing at all.
fn hostile(rng: &mut ChaCha20Rng, rollup: &Rollup) -> Vec<u8> {
    let from = (rng.next_u32() % 3) as u16;
    let to = match rng.next_u32() % 3 {
        0 => Destination::Ethereum([rng.next_u32() as u8; 20]),
        _ => Destination::Account((rng.next_u32() % 4) as u16),
    };
    let nonce = rollup.state().account(from).nonce as u32 + rng.next_u32() % 2;
    let mut payload = transfer(from, to, u64::from(rng.next_u32() % 120), nonce).to_vec();
    match rng.next_u32() % 5 {
        0 => {
            let at = rng.next_u32() as usize % payload.len();
            payload[at] ^= 1 << (rng.next_u32() % 8);
        }
        1 => payload.truncate(rng.next_u32() as usize % payload.len()),
        2 => payload.resize(85 + rng.next_u32() as usize % 400, 0xfe),
        _ => {}
    }
    payload
}

/// What provers could try: the witness is for one batch or state, the statement for another.
#[test]
fn nothing_that_differs_from_the_rules_is_provable() {
    let good = [transfer(0, Destination::Account(1), 30, 0), transfer(1, Destination::Account(0), 7, 0)];
    let rollup = funded();
    let honest = batch(&rollup, good.iter().map(|payload| item(payload)).collect());
    let job = |items: Vec<BatchItem>| {
        let mut rollup = rollup.clone();
        let batch = batch(&rollup, items);
        prove(&mut rollup, &batch, &[]).0.remove(0)
    };
    let real = job(honest.items().to_vec());

    let mut forged = good[0];
    forged[84] ^= 1;
    let censored = job(vec![item(&good[1])]);
    let reordered = job(vec![item(&good[1]), item(&good[0])]);
    let skipped = job(vec![item(&forged), item(&good[1])]);
    for (what, other) in [("censored", censored), ("reordered", reordered), ("skipped", skipped)] {
        // The states are honestly computed for another batch, under the head that is final.
        let mut statement = other.statement.clone();
        statement.new_position = real.statement.new_position;
        let lie = Job { statement, ..other.clone() };
        assert!(first_broken(&lie).unwrap().is_some(), "{what}");
        // The real batch is shown, with the other's state.
        let statement = Statement { new_root: other.statement.new_root, ..real.statement.clone() };
        if other.statement.new_root != real.statement.new_root {
            assert!(first_broken(&Job { statement, ..real.clone() }).unwrap().is_some(), "{what}");
        }
    }
    for (what, statement) in [
        ("old state", Statement { old_root: real.statement.new_root, ..real.statement.clone() }),
        (
            "old head",
            Statement { old_position: Position::Head(RollupHead::default()), ..real.statement.clone() },
        ),
        ("new head", Statement { new_position: Position::Head(rollup.head()), ..real.statement.clone() }),
        ("end", Statement { new_position: Position::Inside(Fr::ONE), ..real.statement.clone() }),
        ("beginning", Statement { old_position: Position::Inside(Fr::ONE), ..real.statement.clone() }),
        ("withdrawals", Statement { withdrawals: 1, ..real.statement.clone() }),
        ("place", Statement { first: 1, ..real.statement.clone() }),
        (
            "rollup",
            Statement {
                context: Context { rollup: RollupId::new(78), ..context() },
                ..real.statement.clone()
            },
        ),
    ] {
        assert!(first_broken(&Job { statement, ..real.clone() }).unwrap().is_some(), "{what}");
    }
}

/// Wires that the prover chooses freely would let it prove what is not so: changing any one must break a constraint.
#[test]
fn no_wire_is_free() {
    let mut rollup = Rollup::new(context(), Shape { slots: 1, deposits: 1 });
    let batch = batch(&rollup, vec![item(&transfer(0, Destination::Ethereum([1; 20]), 30, 0))]);
    let job = rollup.apply(&batch, &[opening(0, 100)]).unwrap().jobs.remove(0);
    let system = ConstraintSystem::<Fr>::new_ref();
    Circuit(&job).generate_constraints(system.clone()).unwrap();
    system.finalize();
    let rows = &system.to_matrices().unwrap()["R1CS"];
    let values = [system.instance_assignment().unwrap(), system.witness_assignment().unwrap()].concat();
    let product = |row: &[(Fr, usize)]| row.iter().map(|(factor, at)| *factor * values[*at]).sum::<Fr>();
    let factors: Vec<[Fr; 3]> =
        (0..rows[0].len()).map(|at| [0, 1, 2].map(|side| product(&rows[side][at]))).collect();
    assert!(factors.iter().all(|[a, b, c]| *a * b == *c));

    // How much each constraint's sides change with each wire.
    let mut changes = std::collections::BTreeMap::<(usize, usize), [Fr; 3]>::new();
    for (side, matrix) in rows.iter().enumerate() {
        for (at, row) in matrix.iter().enumerate() {
            for (factor, wire) in row {
                changes.entry((*wire, at)).or_default()[side] += factor;
            }
        }
    }
    let mut held = vec![false; values.len()];
    for ((wire, at), by) in &changes {
        let [a, b, c] = std::array::from_fn(|side| factors[*at][side] + by[side]);
        held[*wire] |= a * b != c;
    }
    // The one exception is harmless: where a number is zero, `is_zero` does not care for its inverse, which is zero here.
    let free = held.iter().zip(&values).skip(1).filter(|(held, _)| !**held);
    let mut unused = 0;
    for (_, value) in free {
        assert_eq!(*value, Fr::from(0u64));
        unused += 1;
    }
    assert!(unused < 32, "{unused} wires are free");
}
