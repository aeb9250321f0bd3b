//! The demonstration's accounts in the rollup, and what they send.

use fairlane_zk_rollup::{Context, Destination, SecretKey, Transfer};

/// The rollup that is proven.
pub(super) const ROLLUP: u64 = 1;
/// Where withdrawals go.
pub(super) const RECEIVER: [u8; 20] = [0xa1; 20];
/// Bytes that are no transfer: more than one proof has room for.
pub(super) const NOISE: usize = 700;

/// Numbers of the accounts, in the order in which they deposit.
pub(super) const ALICE: u16 = 0;
pub(super) const BOB: u16 = 1;

pub(super) fn key(account: u16) -> SecretKey {
    SecretKey::from_seed(if account == ALICE { b"alice" } else { b"bob" })
}

/// A transfer's payload.
pub(super) fn transfer(context: &Context, from: u16, to: Destination, amount: u64, nonce: u32) -> Vec<u8> {
    Transfer { from, to, amount, nonce }.sign(context, &key(from)).to_vec()
}
