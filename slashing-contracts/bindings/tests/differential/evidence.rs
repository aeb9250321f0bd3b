//! The EvidenceVerifier against `fairlane-verify`: the same bytes prove the same offence, or nothing, to
//! both.
//!
//! Evidence is made from raw bytes and signed as it stands, so that what no decoder accepts is signed validly
//! too.

use crate::cases::Dice;
use crate::evm::{Answer, Contract};
use crate::setting;
use alloy_primitives::B256;
use alloy_sol_types::SolCall as _;
use fairlane_l1::contracts::EvidenceVerifier;
use fairlane_l1::evidence::slot;
use fairlane_types::codec::Decode as _;
use fairlane_types::crypto::{Domain, SigningKey};
use fairlane_types::evidence::Evidence;
use fairlane_types::ids::NetworkId;
use std::collections::BTreeMap;

const CASES: u64 = 6_000;
const NETWORK: NetworkId = NetworkId::from_bytes([0x77; 32]);

/// The three kinds of evidence: their first byte, the domain, and how many bytes one statement has without
/// its signature.
const KINDS: [(u8, Domain, usize); 3] =
    [(1, Domain::SEGMENT, 184), (2, Domain::VOTE, 78), (3, Domain::PROPOSAL, 81)];

/// The fields of a statement that no decoder objects to.
fn fields(kind: u8, key: &SigningKey, dice: &mut Dice) -> Vec<u8> {
    let validator = *key.validator().as_bytes();
    let number = |dice: &mut Dice, bytes: usize| dice.bytes()[..bytes].to_vec();
    let some = u8::from(dice.below(2) == 1);
    let hash = if some == 1 { dice.bytes() } else { [0; 32] };
    let parts = match kind {
        1 => {
            // The first segment has no parent.
            let seq = 1 + u64::try_from(dice.below(2)).expect("it is small");
            let parent = if seq == 1 { [0; 32] } else { dice.bytes() };
            let lane = [validator.to_vec(), number(dice, 4), seq.to_be_bytes().to_vec()].concat();
            let count = vec![0, 0, 0, 9];
            let rest = [number(dice, 8), number(dice, 32), count, number(dice, 32)].concat();
            vec![NETWORK.as_bytes().to_vec(), lane, parent.to_vec(), rest]
        }
        2 => vec![validator.to_vec(), vec![1 + some], number(dice, 12), vec![some], hash.to_vec()],
        _ => {
            let pol_round = if some == 1 { number(dice, 4) } else { vec![0; 4] };
            vec![validator.to_vec(), number(dice, 12), vec![some], pol_round, number(dice, 32)]
        }
    };
    parts.concat()
}

/// What follows the slot in a statement, from where on another statement about the same slot may differ.
fn slot_end(kind: u8) -> usize {
    match kind {
        1 => 76,
        2 => 45,
        _ => 44,
    }
}

fn sign(kind: u8, domain: Domain, key: &SigningKey, fields: &[u8]) -> Vec<u8> {
    let message = match kind {
        1 => domain.sign_bytes(fields),
        _ => domain.sign_bytes(&[NETWORK.as_bytes(), &fields[32..]].concat()),
    };
    [fields, key.sign(&message).as_bytes()].concat()
}

fn change_a_byte(bytes: &mut [u8], dice: &mut Dice) {
    // Small changes of small values are where flags and counters are.
    let place = dice.below(bytes.len());
    bytes[place] = match dice.below(3) {
        0 => bytes[place] ^ 1,
        1 => 0,
        _ => dice.bytes()[0],
    };
}

/// Evidence of one offender and slot, most of it changed in one way or another, before it is signed or after.
fn bytes(seed: u64, number: u64) -> Vec<u8> {
    let dice = &mut Dice::new(seed, number);
    let (kind, domain, width) = KINDS[dice.below(3)];
    let key = SigningKey::from_seed(&dice.bytes());
    let mut first = fields(kind, &key, dice);
    assert_eq!(first.len(), width);
    let mut second = first.clone();
    let other = fields(kind, &key, dice);
    let from = slot_end(kind);
    second[from..].copy_from_slice(&other[from..]);
    if kind == 1 {
        second[76..108].copy_from_slice(&first[76..108]);
    }
    match dice.below(4) {
        0 => change_a_byte(&mut first, dice),
        1 => change_a_byte(&mut second[from..], dice),
        _ => {}
    }
    let signer = if dice.below(16) == 0 { SigningKey::from_seed(&dice.bytes()) } else { key.clone() };
    let mut evidence =
        [vec![kind], sign(kind, domain, &key, &first), sign(kind, domain, &signer, &second)].concat();
    match dice.below(8) {
        0 => change_a_byte(&mut evidence, dice),
        1 => evidence.truncate(dice.below(evidence.len())),
        2 => evidence.extend(vec![0; 1 + dice.below(300)]),
        _ => {}
    }
    evidence
}

/// What Rust says that the bytes prove.
fn judged_here(bytes: &[u8]) -> Option<Evidence> {
    let evidence = Evidence::from_bytes(bytes.to_vec()).ok()?;
    fairlane_verify::verify_evidence(&evidence, &NETWORK).ok()?;
    Some(evidence)
}

fn judged_on_chain(contract: &mut Contract, bytes: &[u8]) -> Option<EvidenceVerifier::Offence> {
    let network = B256::new(*NETWORK.as_bytes());
    let call = EvidenceVerifier::verifyCall { network, evidence: bytes.to_vec().into() };
    match contract.call(call.abi_encode()).0 {
        Answer::Returned(data) => Some(EvidenceVerifier::verifyCall::abi_decode_returns(&data).unwrap()),
        Answer::Reverted(data) => {
            use alloy_sol_types::SolInterface as _;
            let known = EvidenceVerifier::EvidenceVerifierErrors::abi_decode(&data);
            assert!(known.is_ok(), "it reverts without a reason of its own: {data}");
            None
        }
    }
}

#[test]
fn both_judge_evidence_alike() {
    let seed = setting("FAIRLANE_DIFFERENTIAL_SEED", crate::SEED);
    let first = setting("FAIRLANE_DIFFERENTIAL_FIRST", 0);
    let count = setting("FAIRLANE_DIFFERENTIAL_CASES", CASES);
    let mut contract = Contract::create(&EvidenceVerifier::BYTECODE);
    let mut proven: BTreeMap<u8, u64> = BTreeMap::new();
    for number in first..first + count {
        let bytes = bytes(seed, number);
        let here = judged_here(&bytes);
        let on_chain = judged_on_chain(&mut contract, &bytes);
        let replay = || format!("seed {seed}, case {number}: {}", hex::encode(&bytes));
        assert_eq!(here.is_some(), on_chain.is_some(), "they disagree: {}", replay());
        if let (Some(evidence), Some(offence)) = (here, on_chain) {
            assert_eq!(offence.slot, slot(&evidence), "{}", replay());
            assert_eq!(offence.validator.0, *evidence.offender().as_bytes(), "{}", replay());
            *proven.entry(offence.kind).or_default() += 1;
        }
    }
    let all: u64 = proven.values().sum();
    assert!(count < CASES || proven.len() == 4, "some offence was never proven: {proven:?}");
    println!("{count} pieces of evidence of seed {seed}, {all} proven, by kind {proven:?}, no disagreement");
}
