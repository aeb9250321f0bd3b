//! What Alice and Bob agree on: she pays him in the proven rollup, he pays her in the one that runs the EVM.

use super::ground::{EVM, Ground};
use crate::clock::unix_nanos;
use alloy_primitives::{Address, B256, Bytes, TxKind};
use alloy_sol_types::{SolCall as _, sol};
use eyre::OptionExt as _;
use fairlane_l1::escrow::{self, Terms};
use fairlane_types::crypto::sha256;
use fairlane_types::{Leg, RollupId, Timestamp, Transaction};
use fairlane_zk_rollup::{Destination, SecretKey, Transfer};
use rand::Rng as _;

sol!(
    #[sol(rpc)]
    HashLock,
    "../rollup-adapter/evm-rollup/contracts/HashLock.json"
);

/// Alice's account in the proven rollup: the first that deposits.
const ALICE: u16 = 0;
/// Bob's among the senders of the rollup that runs the EVM; and that of whoever calls for Alice.
pub(super) const BOB: usize = 0;
pub(super) const CALLER: usize = 1;

/// Alice's key in the proven rollup.
pub(super) fn alice_key() -> SecretKey {
    SecretKey::from_seed(b"alice")
}

/// How much each gives, and until when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Offer {
    /// What Alice gives, in units of the proven rollup.
    pub(super) units: u64,
    /// Which of her transfers it is.
    pub(super) nonce: u32,
    /// What Bob gives, in wei of the other rollup.
    pub(super) wei: u64,
    /// Seconds from now until Bob can take it back, and Alice hers.
    pub(super) seconds: [u64; 2],
}

/// One exchange.
#[derive(Clone, Debug)]
pub(super) struct Crossing {
    pub(super) terms: Terms,
    /// Where Alice's value goes on Ethereum.
    pub(super) vault: Address,
    /// Known to Alice alone, at first.
    pub(super) secret: B256,
    /// Who is paid in the rollup that runs the EVM, and who pays.
    pub(super) alice: Address,
    pub(super) bob: Address,
    /// When Bob can take back what he locked, as Unix time in seconds.
    pub(super) back_at: u64,
    pub(super) bundle: Transaction,
}

impl Crossing {
    /// Bob signs his leg, Alice hers, which names the vault of the terms, and so Bob's leg.
    pub(super) async fn agree(ground: &mut Ground<'_>, offer: Offer) -> eyre::Result<Self> {
        let (secret, alice, sender, receiver): (B256, Address, Address, Address) = random();
        let lock = hash(secret.as_slice());
        let now = unix_nanos() / 1_000_000_000;
        let [back_at, deadline] = offer.seconds.map(|seconds| now + seconds);
        let locking = HashLock::lockCall { hash: lock, to: alice, deadline: back_at };
        let (bob, _) = ground.accounts.senders().nth(BOB).ok_or_eyre("there are no senders")?;
        let to = TxKind::Call(ground.hash_lock);
        let other = ground.accounts.call(BOB, to, offer.wei, locking.abi_encode().into())?;
        let terms = Terms {
            settlement: ground.zk.record.settlement,
            rollup: EVM,
            leg: hash(&other),
            lock,
            receiver,
            sender,
            deadline,
        };
        let vault = escrow::vault(&ground.zk.provider, ground.escrow, &terms).await?;
        let destination = Destination::Ethereum(vault.into_array());
        let transfer = Transfer { from: ALICE, to: destination, amount: offer.units, nonce: offer.nonce };
        let own = transfer.sign_leg(&ground.zk.context(), &alice_key());
        let legs = vec![
            Leg { rollup: ground.zk.rollup(), payload: own.to_vec().into() },
            Leg { rollup: RollupId::new(EVM), payload: other.0 },
        ];
        let expires = Timestamp::from_nanos(unix_nanos() + 60_000_000_000);
        let bundle = Transaction::new(legs, expires, rand::thread_rng().r#gen())?;
        Ok(Self { terms, vault, secret, alice, bob, back_at, bundle })
    }

    /// A call of Bob's about his lock.
    pub(super) fn confirming(&self) -> Bytes {
        HashLock::confirmCall { hash: self.terms.lock }.abi_encode().into()
    }

    /// The same, taking the value back.
    pub(super) fn taking_back(&self) -> Bytes {
        HashLock::refundCall { hash: self.terms.lock }.abi_encode().into()
    }

    /// A call for Alice, which everybody sees the secret in.
    pub(super) fn claiming(&self) -> Bytes {
        HashLock::claimCall { from: self.bob, secret: self.secret }.abi_encode().into()
    }
}

fn random() -> (B256, Address, Address, Address) {
    let mut random = rand::thread_rng();
    let [alice, sender, receiver] = std::array::from_fn(|_| Address::from(random.r#gen::<[u8; 20]>()));
    (B256::from(random.r#gen::<[u8; 32]>()), alice, sender, receiver)
}

fn hash(bytes: &[u8]) -> B256 {
    B256::new(*sha256(&[bytes]).as_bytes())
}
