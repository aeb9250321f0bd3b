//! The contracts against Rust on the same inputs, where no disagreement is allowed: here ed25519 against
//! ed25519-dalek's `verify_strict`, in [`evidence`] the judgement of evidence.
//!
//! A case follows from the seed and its number, so a failure is replayed with the two numbers that it prints:
//! `FAIRLANE_DIFFERENTIAL_SEED=… FAIRLANE_DIFFERENTIAL_FIRST=… FAIRLANE_DIFFERENTIAL_CASES=1`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod evidence;
mod evm;

use alloy_primitives::B256;
use alloy_sol_types::SolCall as _;
use cases::{Case, Kind};
use evm::{Answer, Contract};
use fairlane_l1::contracts::Ed25519Verifier;
use fairlane_types::crypto::PublicKey;
use fairlane_types::ids::ValidatorId;
use std::collections::BTreeMap;

const CASES: u64 = 13_000;
const SEED: u64 = 0xfa1a;

fn setting(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")),
        Err(_) => otherwise,
    }
}

fn by_dalek(case: &Case) -> bool {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&case.r);
    signature[32..].copy_from_slice(&case.s);
    let signature = ed25519_dalek::Signature::from_bytes(&signature);
    let key = ed25519_dalek::VerifyingKey::from_bytes(&case.key);
    key.is_ok_and(|key| key.verify_strict(&case.message, &signature).is_ok())
}

struct Contracts(Contract);

impl Contracts {
    fn verify(&mut self, case: &Case) -> (bool, u64) {
        let call = Ed25519Verifier::verifyCall {
            key: B256::new(case.key),
            r: B256::new(case.r),
            s: B256::new(case.s),
            message: case.message.clone().into(),
        };
        let (Answer::Returned(data), gas) = self.0.call(call.abi_encode()) else {
            panic!("the contract reverts");
        };
        (Ed25519Verifier::verifyCall::abi_decode_returns(&data).unwrap(), gas)
    }

    fn is_usable(&mut self, key: &[u8; 32]) -> bool {
        let call = Ed25519Verifier::isUsableCall { key: B256::new(*key) };
        let (Answer::Returned(data), _) = self.0.call(call.abi_encode()) else {
            panic!("the contract reverts");
        };
        Ed25519Verifier::isUsableCall::abi_decode_returns(&data).unwrap()
    }
}

/// How many cases of a kind there were, and how many were valid.
#[derive(Default)]
struct Tally {
    cases: u64,
    valid: u64,
}

#[test]
fn the_contract_and_dalek_agree() {
    let seed = setting("FAIRLANE_DIFFERENTIAL_SEED", SEED);
    let first = setting("FAIRLANE_DIFFERENTIAL_FIRST", 0);
    let count = setting("FAIRLANE_DIFFERENTIAL_CASES", CASES);
    let mut contract = Contracts(Contract::create(&Ed25519Verifier::BYTECODE));
    let mut tallies: BTreeMap<Kind, Tally> = BTreeMap::new();
    let mut most_gas = 0;
    for number in first..first + count {
        let case = cases::case(seed, number);
        let (on_chain, gas) = contract.verify(&case);
        let replay = || format!("seed {seed}, case {number}: {case:02x?}");
        assert_eq!(on_chain, by_dalek(&case), "they disagree: {}", replay());
        let usable = PublicKey::decode(&ValidatorId::from_bytes(case.key)).is_ok();
        assert_eq!(contract.is_usable(&case.key), usable, "the key is judged differently: {}", replay());
        assert!(
            case.kind.expected().is_none_or(|expected| expected == on_chain),
            "not as made: {}",
            replay()
        );
        let tally = tallies.entry(case.kind).or_default();
        tally.cases += 1;
        tally.valid += u64::from(on_chain);
        most_gas = most_gas.max(gas);
    }
    for (kind, Tally { cases, valid }) in &tallies {
        println!("{kind:?}: {cases} cases, {valid} valid");
    }
    println!("{count} cases of seed {seed}, no disagreement, at most {most_gas} gas a transaction");
}
