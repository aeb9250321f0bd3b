//! What a transaction needs before it does anything: EIP-2028, EIP-2930, EIP-3860 and EIP-7623.

use alloy_consensus::Transaction;

/// Any transaction.
const BASE: u64 = 21_000;
/// One that makes a contract, in addition.
const CREATE: u64 = 32_000;
/// Each word of the code that makes it.
const INIT_CODE_WORD: u64 = 2;
/// The longest such code.
pub(super) const MAX_INIT_CODE: usize = 49_152;
/// Each address of an access list, and each of its storage keys.
const ACCESSED_ADDRESS: u64 = 2_400;
const ACCESSED_KEY: u64 = 1_900;
/// A byte of calldata is one token if it is zero, or else four.
const TOKENS_OF_NONZERO: u64 = 4;
/// Gas of a token, and the least that a transaction uses for one.
const TOKEN: u64 = 4;
const TOKEN_FLOOR: u64 = 10;

/// The least gas that a transaction must allow.
pub(super) fn intrinsic(transaction: &impl Transaction) -> u64 {
    let input = transaction.input();
    let zeros = input.iter().filter(|byte| **byte == 0).count() as u64;
    let others = (input.len() as u64).saturating_sub(zeros);
    let tokens = zeros.saturating_add(others.saturating_mul(TOKENS_OF_NONZERO));
    let creation = match transaction.is_create() {
        true => CREATE.saturating_add(INIT_CODE_WORD.saturating_mul((input.len() as u64).div_ceil(32))),
        false => 0,
    };
    let listed = transaction.access_list().map_or(0, |list| {
        let keys = list.iter().map(|entry| entry.storage_keys.len() as u64).fold(0, u64::saturating_add);
        let addresses = (list.len() as u64).saturating_mul(ACCESSED_ADDRESS);
        addresses.saturating_add(keys.saturating_mul(ACCESSED_KEY))
    });
    let needed = [TOKEN.saturating_mul(tokens), creation, listed].into_iter().fold(BASE, u64::saturating_add);
    needed.max(BASE.saturating_add(TOKEN_FLOOR.saturating_mul(tokens)))
}
