//! Whose turn it is to post: a hash of the account and of the checkpoint to follow gives each relayer a turn.
//!
//! Relayers need not know of each other. Turns change from checkpoint to checkpoint, so the costs are shared; two that
//! happen to have the same turn find out from what waits in the pool, or pay the price of coming second.

use fairlane_l1::Address;
use fairlane_types::crypto::sha256;

/// How many turns there are.
const TURNS: u8 = 8;

/// The turn of an account after the checkpoint with this number.
pub(super) fn turn(account: &Address, number: u64) -> u32 {
    let hash = sha256(&[account.as_slice(), &number.to_be_bytes()]);
    hash.as_bytes().first().map_or(0, |byte| u32::from(byte % TURNS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_differ_between_accounts_and_change() {
        let (a, b) = (Address::repeat_byte(1), Address::repeat_byte(2));
        let turns = |of| (0..64).map(|number| turn(of, number)).collect::<Vec<_>>();
        assert!(turns(&a).iter().all(|turn| *turn < u32::from(TURNS)));
        let first = turns(&a).iter().zip(turns(&b)).filter(|(a, b)| **a < *b).count();
        assert!((16..48).contains(&first), "one of two comes first {first} of 64 times");
        assert_eq!(turns(&a), turns(&a));
    }
}
