#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::panic)]

use super::*;
use crate::rules::Rules;
use crate::testing::*;
use alloy_consensus::{
    SignableTransaction as _, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxEnvelope, TxLegacy,
};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use alloy_signer::SignerSync as _;
use fairlane_types::RollupHead;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};
use std::collections::{BTreeMap, BTreeSet};

/// The order of secp256k1.
const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

fn accounts(candidates: &Candidates) -> BTreeMap<Address, Account> {
    let rich: BTreeSet<Address> = (0..RICH).map(|number| signer(number).address()).collect();
    let account = |address| Account {
        balance: if rich.contains(&address) { ether(1_000) } else { U256::ZERO },
        ..Account::default()
    };
    candidates.senders().into_iter().map(|address| (address, account(address))).collect()
}

fn plan_of(rules: &Rules, seconds: u64, payloads: Vec<Bytes>) -> Plan {
    let batch = batch(1, RollupHead::default(), seconds, payloads);
    let candidates = Candidates::of(rules, &batch);
    let parent = Parent::from(&rules.genesis);
    let accounts = accounts(&candidates);
    derive(rules, &NETWORK, batch.header(), &candidates, &parent, &accounts, &BTreeSet::new())
}

fn outcomes(payloads: Vec<Bytes>) -> Vec<Outcome> {
    plan_of(&rules(), 1_700_000_000, payloads).outcomes
}

fn skip(payload: Bytes) -> Skip {
    match outcomes(vec![payload])[0] {
        Outcome::Skipped(skip) => skip,
        Outcome::Included => panic!("it was included"),
    }
}

fn legacy() -> TxLegacy {
    TxLegacy {
        chain_id: Some(CHAIN),
        gas_price: 3 * GWEI,
        gas_limit: 21_000,
        to: TxKind::Call(Address::repeat_byte(0x42)),
        ..Default::default()
    }
}

#[test]
fn the_three_kinds_become_transactions_in_their_order() {
    let listed = TxEip2930 {
        chain_id: CHAIN,
        gas_price: 3 * GWEI,
        gas_limit: 30_000,
        to: TxKind::Call(Address::repeat_byte(0x42)),
        ..Default::default()
    };
    let payloads = vec![sign(0, transfer(0)), sign(1, legacy()), sign(2, listed), sign(0, transfer(1))];
    let plan = plan_of(&rules(), 1_700_000_000, payloads.clone());
    assert_eq!(plan.outcomes, [Outcome::Included; 4]);
    assert_eq!(plan.transactions, payloads);
}

#[test]
fn what_is_no_transaction_of_this_rollup_is_skipped() {
    assert_eq!(skip(Bytes::new()), Skip::Malformed);
    assert_eq!(skip(vec![0xee; 900].into()), Skip::Malformed);
    let good = sign(0, transfer(0));
    let mut longer = good.to_vec();
    longer.push(0);
    assert_eq!(skip(longer.into()), Skip::Malformed, "trailing bytes");
    assert_eq!(skip(good[..good.len() - 1].to_vec().into()), Skip::Malformed, "missing bytes");
    let blob = TxEip4844 { chain_id: CHAIN, blob_versioned_hashes: vec![B256::ZERO], ..Default::default() };
    let signature = Signature::new(U256::from(1), U256::from(1), false);
    let blob = TxEnvelope::from(blob.into_signed(signature));
    assert_eq!(skip(blob.encoded_2718().into()), Skip::Kind(3));
    let delegating = TxEip7702 { chain_id: CHAIN, ..Default::default() };
    assert_eq!(skip(sign(0, delegating)), Skip::Kind(4));
    assert_eq!(skip(sign(0, TxLegacy { chain_id: None, ..legacy() })), Skip::Unprotected);
    assert_eq!(skip(sign(0, TxEip1559 { chain_id: 1, ..transfer(0) })), Skip::OtherChain(1));
}

#[test]
fn a_signature_has_no_twin_and_recovers() {
    let transaction = transfer(0);
    let signature = signer(0).sign_hash_sync(&transaction.signature_hash()).unwrap();
    let order: U256 = ORDER.parse().unwrap();
    let twin = Signature::new(signature.r(), order - signature.s(), !signature.v());
    let encode = |signature| TxEnvelope::from(transaction.clone().into_signed(signature)).encoded_2718();
    assert_eq!(skip(encode(twin).into()), Skip::Signature, "the high half");
    for (r, s) in [(U256::ZERO, U256::from(1)), (U256::from(1), U256::ZERO), (order, U256::from(1))] {
        assert_eq!(skip(encode(Signature::new(r, s, false)).into()), Skip::Signature);
    }
}

#[test]
fn gas_must_be_enough_for_the_bytes_alone() {
    let needs = |transaction: TxEip1559, least: u64| {
        let limited = |gas_limit| sign(0, TxEip1559 { gas_limit, ..transaction.clone() });
        assert_eq!(skip(limited(least - 1)), Skip::IntrinsicGas { least, limit: least - 1 });
        assert_eq!(outcomes(vec![limited(least)]), [Outcome::Included]);
    };
    needs(transfer(0), 21_000);
    // Ten tokens: four for the byte that is not zero, one for each of six zeros; the floor is 100.
    needs(TxEip1559 { input: vec![1, 0, 0, 0, 0, 0, 0].into(), ..transfer(0) }, 21_000 + 100);
    let entry = AccessListItem { address: Address::ZERO, storage_keys: vec![B256::ZERO; 2] };
    needs(TxEip1559 { access_list: AccessList(vec![entry]), ..transfer(0) }, 21_000 + 2_400 + 2 * 1_900);
    let creating = TxEip1559 { to: TxKind::Create, input: vec![0; 33].into(), ..transfer(0) };
    needs(creating, 21_000 + 32_000 + 33 * 4 + 2 * 2);
    let longest = |len: usize| TxEip1559 {
        to: TxKind::Create,
        input: vec![0; len].into(),
        gas_limit: 1_000_000,
        ..transfer(0)
    };
    assert_eq!(outcomes(vec![sign(0, longest(49_152))]), [Outcome::Included]);
    assert_eq!(skip(sign(0, longest(49_153))), Skip::InitCode(49_153));
}

#[test]
fn fees_are_held_against_the_base_fee_of_this_block() {
    // Block zero used no gas, so the base fee falls by an eighth.
    let base_fee: u64 = 875_000_000;
    assert_eq!(plan_of(&rules(), 1, vec![]).attributes.base_fee, base_fee);
    let paying =
        |max_fee_per_gas| sign(0, TxEip1559 { max_fee_per_gas, max_priority_fee_per_gas: 0, ..transfer(0) });
    let most = u128::from(base_fee) - 1;
    assert_eq!(skip(paying(most)), Skip::Fee { most, base_fee });
    assert_eq!(outcomes(vec![paying(most + 1)]), [Outcome::Included]);
    let greedy = TxEip1559 { max_priority_fee_per_gas: 3 * GWEI + 1, ..transfer(0) };
    assert_eq!(skip(sign(0, greedy)), Skip::PriorityFee);
}

#[test]
fn nonces_count_what_was_included_before_and_nothing_else() {
    let poor = sign(0, TxEip1559 { value: ether(2_000), ..transfer(1) });
    let payloads = [0, 0, 2].map(|nonce| sign(0, transfer(nonce)));
    let [first, again, gap] = payloads;
    let found = outcomes(vec![first, again, gap, poor, sign(0, transfer(1)), sign(0, transfer(2))]);
    assert_eq!(found[0], Outcome::Included);
    assert_eq!(found[1], Outcome::Skipped(Skip::Nonce { expected: 1, found: 0 }));
    assert_eq!(found[2], Outcome::Skipped(Skip::Nonce { expected: 1, found: 2 }));
    assert!(matches!(found[3], Outcome::Skipped(Skip::Funds { .. })), "{:?}", found[3]);
    assert_eq!(found[4..], [Outcome::Included; 2]);
}

#[test]
fn funds_cover_all_that_a_sender_may_spend_in_the_block_and_not_what_it_is_paid_there() {
    let worst = U256::from(21_000) * U256::from(3 * GWEI);
    let most = TxEip1559 { value: ether(1_000) - worst, ..transfer(0) };
    let one_more = TxEip1559 { value: most.value + U256::from(1), ..transfer(0) };
    assert_eq!(
        skip(sign(0, one_more)),
        Skip::Funds { cost: ether(1_000) + U256::from(1), funds: ether(1_000) }
    );
    let to_poor = TxEip1559 { to: TxKind::Call(signer(RICH).address()), value: ether(1), ..transfer(0) };
    let found =
        outcomes(vec![sign(0, most), sign(0, transfer(1)), sign(1, to_poor), sign(RICH, transfer(0))]);
    assert_eq!(found[0], Outcome::Included);
    assert!(matches!(found[1], Outcome::Skipped(Skip::Funds { funds, .. }) if funds.is_zero()));
    assert_eq!(found[2], Outcome::Included);
    assert!(matches!(found[3], Outcome::Skipped(Skip::Funds { .. })), "paid within the block");
    let endless = TxEip1559 { value: U256::MAX, max_fee_per_gas: u128::MAX, ..transfer(0) };
    assert!(matches!(skip(sign(0, endless)), Skip::Funds { .. }), "more than 256 bits");
}

#[test]
fn contracts_send_nothing_and_nonces_end() {
    let rules = rules();
    let batch = batch(1, RollupHead::default(), 1, vec![sign(0, transfer(0)), sign(1, transfer(u64::MAX))]);
    let candidates = Candidates::of(&rules, &batch);
    let mut accounts = accounts(&candidates);
    accounts.get_mut(&signer(0).address()).unwrap().has_code = true;
    accounts.get_mut(&signer(1).address()).unwrap().nonce = u64::MAX;
    let parent = Parent::from(&rules.genesis);
    let none = BTreeSet::new();
    let plan = derive(&rules, &NETWORK, batch.header(), &candidates, &parent, &accounts, &none);
    assert_eq!(plan.outcomes, [Skip::Contract, Skip::NoNonces].map(Outcome::Skipped));
}

#[test]
fn a_block_has_bounds_and_what_comes_after_may_still_fit() {
    let small = Rules { max_transactions: 2, ..rules() };
    let three = || (0..3).map(|number| sign(number, transfer(0))).collect::<Vec<_>>();
    let found = plan_of(&small, 1, three()).outcomes;
    assert_eq!(found, [Outcome::Included, Outcome::Included, Outcome::Skipped(Skip::Full)]);

    let length = three()[0].len();
    let short = Rules { max_bytes: 2 * length + 1, ..rules() };
    let found = plan_of(&short, 1, three()).outcomes;
    assert_eq!(found[2], Outcome::Skipped(Skip::TooLarge));

    let greedy = |number, gas_limit| sign(number, TxEip1559 { gas_limit, ..transfer(0) });
    let found = outcomes(vec![greedy(0, 29_979_001), greedy(1, 21_000), greedy(2, 20_000_000)]);
    let refused = Outcome::Skipped(Skip::BlockGas { limit: 21_000, left: 20_999 });
    assert_eq!(found[..2], [Outcome::Included, refused]);
    let found = outcomes(vec![greedy(0, 20_000_000), greedy(1, 20_000_000), greedy(2, 10_000_000)]);
    assert!(matches!(found[1], Outcome::Skipped(Skip::BlockGas { .. })));
    assert_eq!([found[0], found[2]], [Outcome::Included; 2]);
}

#[test]
fn what_a_client_refuses_takes_its_senders_later_ones_along() {
    let rules = rules();
    let payloads = vec![sign(0, transfer(0)), sign(0, transfer(1)), sign(1, transfer(0))];
    let batch = batch(1, RollupHead::default(), 1, payloads);
    let candidates = Candidates::of(&rules, &batch);
    let (accounts, parent) = (accounts(&candidates), Parent::from(&rules.genesis));
    let refused = BTreeSet::from([0]);
    let plan = derive(&rules, &NETWORK, batch.header(), &candidates, &parent, &accounts, &refused);
    let skipped = [Skip::Refused, Skip::Nonce { expected: 0, found: 1 }].map(Outcome::Skipped);
    assert_eq!(plan.outcomes, [skipped[0], skipped[1], Outcome::Included]);
}

#[test]
fn time_is_the_batchs_and_grows_with_each_block() {
    let rules = rules();
    let batch = batch(9, RollupHead::default(), 1_000, vec![]);
    let after = |timestamp| Parent { timestamp, number: 8, ..Parent::from(&rules.genesis) };
    let at = |parent: &Parent| {
        let candidates = Candidates::of(&rules, &batch);
        derive(&rules, &NETWORK, batch.header(), &candidates, parent, &BTreeMap::new(), &BTreeSet::new())
            .attributes
    };
    assert_eq!(at(&after(5)).timestamp, 1_000);
    assert_eq!(at(&after(1_000)).timestamp, 1_001, "a second batch in the same second");
    assert_eq!(at(&after(4_000)).timestamp, 4_001, "the rollup's clock is ahead");
    let attributes = at(&after(5));
    assert_eq!(attributes.number, 9);
    assert_eq!(attributes.head, B256::new(*batch.header().head(&NETWORK).as_bytes()));
    assert_ne!(attributes.prev_randao, attributes.head);
}

/// Whatever is changed in good transactions, there is an outcome for each, and never one more transaction than there were.
#[test]
fn no_bytes_stop_it() {
    for seed in 0..200 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut below = |limit: usize| random.next_u32() as usize % limit;
        let mut payloads: Vec<Bytes> = (0..6).map(|number| sign(number, transfer(0))).collect();
        for _ in 0..4 {
            let which = below(payloads.len());
            let mut bytes = payloads[which].to_vec();
            let place = below(bytes.len());
            match below(3) {
                0 => bytes[place] ^= 1 << below(8),
                1 => bytes.truncate(place.max(1)),
                _ => bytes.insert(place, below(256) as u8),
            }
            payloads[which] = bytes.into();
        }
        let plan = plan_of(&rules(), 1, payloads.clone());
        assert_eq!(plan.outcomes.len(), payloads.len(), "seed {seed}");
        let included: Vec<_> = payloads
            .iter()
            .zip(&plan.outcomes)
            .filter(|(_, outcome)| **outcome == Outcome::Included)
            .map(|(payload, _)| payload.clone())
            .collect();
        assert_eq!(plan.transactions, included, "seed {seed}");
        assert_eq!(plan, plan_of(&rules(), 1, payloads), "seed {seed}");
    }
}
