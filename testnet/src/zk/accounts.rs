//! Two accounts of the proven rollup that pay each other in turn, and what else is sent in their names.

use fairlane_zk_rollup::{AccountId, Context, Destination, PublicKey, SecretKey, State, Transfer};

/// What each of them gets on Ethereum, in units of the contract.
pub(crate) const OPENING: u64 = 1_000_000;
/// What a transfer moves.
const AMOUNT: u64 = 10;

/// Their keys, which everybody knows.
pub(crate) fn keys() -> [SecretKey; 2] {
    [b"alice".as_slice(), b"bob"].map(SecretKey::from_seed)
}

/// What their deposits are for.
pub(super) fn public_keys() -> [PublicKey; 2] {
    keys().each_ref().map(SecretKey::public)
}

/// Who pays whom next.
#[derive(Debug)]
pub(super) struct Accounts {
    context: Context,
    /// How many transfers each of them has made.
    nonces: [u32; 2],
}

impl Accounts {
    /// Nothing is sent yet. The contract numbers accounts in the order in which they deposit: these are to be the
    /// first.
    pub(super) fn new(context: Context) -> Self {
        Self { context, nonces: [0; 2] }
    }

    /// How many transfers should take place.
    pub(super) fn sent(&self) -> u64 {
        self.nonces.iter().copied().map(u64::from).sum()
    }

    /// The next transfer: from the first to the second, then back.
    pub(super) fn transfer(&mut self) -> Vec<u8> {
        let payer = usize::from(self.nonces[0] > self.nonces[1]);
        let payload = self.sign(payer, AMOUNT, self.nonces[payer]);
        self.nonces[payer] += 1;
        payload
    }

    /// What does nothing, now and later. There is no end of them.
    pub(super) fn bad(&self, which: u64) -> Vec<u8> {
        match which % 4 {
            0 => {
                let mut forged = self.sign(0, AMOUNT, self.nonces[0]);
                if let Some(last) = forged.last_mut() {
                    *last ^= 1;
                }
                forged
            }
            1 => self.sign(1, u64::MAX, self.nonces[1]),
            2 => self.sign(0, AMOUNT, u32::MAX),
            _ => b"no transfer".to_vec(),
        }
    }

    fn sign(&self, payer: usize, amount: u64, nonce: u32) -> Vec<u8> {
        let [from, to] = [payer, 1 - payer].map(|account| account as AccountId);
        let transfer = Transfer { from, to: Destination::Account(to), amount, nonce };
        transfer.sign(&self.context, &keys()[payer]).to_vec()
    }

    /// Goes on from where the rollup is, after something was refused on its way there.
    pub(super) fn resume(&mut self, state: &State) {
        for (nonce, account) in self.nonces.iter_mut().zip(0..) {
            *nonce = u32::try_from(state.account(account).nonce).unwrap_or(u32::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zk::testing::batch;
    use fairlane_types::{NetworkId, RollupId};
    use fairlane_zk_rollup::{Deposit, Outcome, Rollup, Shape};

    #[test]
    fn what_is_good_takes_place_and_what_is_bad_does_nothing() {
        let context = Context { network: NetworkId::from_bytes([7; 32]), rollup: RollupId::new(3) };
        let mut rollup = Rollup::new(context, Shape::SMALL);
        let mut accounts = Accounts::new(context);
        let deposits: Vec<Deposit> = (0..)
            .zip(public_keys())
            .map(|(account, key)| Deposit { account, key, amount: OPENING })
            .collect();
        let mut deposits = deposits.as_slice();
        for round in 0..5 {
            let mut payloads = vec![accounts.bad(round)];
            payloads.extend((0..3).map(|_| accounts.transfer()));
            let next = batch(&rollup, payloads);
            let outcomes = rollup.apply(&next, std::mem::take(&mut deposits)).unwrap().outcomes;
            assert!(matches!(outcomes[0], Outcome::Skipped(_)), "round {round}: {outcomes:?}");
            assert_eq!(outcomes[1..], [Outcome::Transferred; 3], "round {round}");
        }
        let mut resumed = Accounts::new(context);
        resumed.resume(rollup.state());
        assert_eq!((resumed.nonces, resumed.sent()), (accounts.nonces, 15));
    }
}
