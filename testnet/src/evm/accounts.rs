//! The rollup's accounts, and what they send.

use crate::clock::unix_nanos;
use alloy_consensus::{SignableTransaction as _, TxEip1559, TxEnvelope, TxLegacy};
use alloy_eips::eip2718::Encodable2718 as _;
use alloy_primitives::{Address, Bytes, Signature, TxKind, U256, keccak256};
use alloy_signer::SignerSync as _;
use alloy_signer_local::PrivateKeySigner;
use eyre::WrapErr as _;
use fairlane_evm_rollup::{Genesis, GenesisAccount};
use fairlane_types::{Leg, RollupId, Timestamp, Transaction};
use rand::Rng as _;
use std::collections::BTreeMap;

/// The chain's id, and every block's gas limit.
const CHAIN: u64 = 771_001;
const GAS_LIMIT: u64 = 30_000_000;
/// How many accounts send.
pub(crate) const SENDERS: usize = 10;
/// What a transfer moves, in wei.
const AMOUNT: u64 = 1_000;
const GWEI: u128 = 1_000_000_000;
/// After so many transactions comes something that is none.
const POISON_EVERY: u64 = 10;

/// Who sends, and what should come of it.
#[derive(Debug)]
pub(crate) struct Accounts {
    signers: Vec<PrivateKeySigner>,
    nonces: Vec<u64>,
    /// What each account that is paid should have.
    pub(crate) paid: BTreeMap<Address, u64>,
    /// How many transactions should be in blocks.
    pub(crate) sent: u64,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        Self::of((0..SENDERS).map(|_| PrivateKeySigner::random()).collect())
    }

    /// The same ones at all times, for a rollup that outlives who sends. Everybody knows their keys.
    pub(crate) fn known() -> eyre::Result<Self> {
        let key = |sender| {
            let seed = keccak256(format!("fairlane testnet sender {sender}"));
            PrivateKeySigner::from_bytes(&seed).wrap_err("the hash is no key")
        };
        Ok(Self::of((0..SENDERS).map(key).collect::<eyre::Result<_>>()?))
    }

    fn of(signers: Vec<PrivateKeySigner>) -> Self {
        Self { nonces: vec![0; signers.len()], signers, paid: BTreeMap::new(), sent: 0 }
    }

    /// Goes on where the chain is: so many transactions of each sender are in blocks.
    pub(crate) fn go_on_from(&mut self, nonces: Vec<u64>) {
        self.sent = nonces.iter().sum();
        self.nonces = nonces;
    }

    /// A chain on which each of them has 1,000 ether.
    pub(crate) fn genesis(&self) -> Genesis {
        let balance = U256::from(1_000) * U256::from(10).pow(U256::from(18));
        let rich = |signer: &PrivateKeySigner| {
            (signer.address(), GenesisAccount { balance, ..GenesisAccount::default() })
        };
        Genesis::new(CHAIN, GAS_LIMIT, self.signers.iter().map(rich).collect())
    }

    /// Who sends, and how many transactions each of them has sent.
    pub(crate) fn senders(&self) -> impl Iterator<Item = (Address, u64)> {
        self.signers.iter().map(|signer| signer.address()).zip(self.nonces.iter().copied())
    }

    /// The next transaction of a sender.
    pub(crate) fn call(
        &mut self,
        sender: usize,
        to: TxKind,
        value: u64,
        input: Bytes,
    ) -> eyre::Result<Bytes> {
        let nonce = self.nonces[sender];
        self.nonces[sender] += 1;
        self.sent += 1;
        let gas_limit = if input.is_empty() { 21_000 } else { 1_000_000 };
        self.sign(sender, TxEip1559 { nonce, gas_limit, to, value: U256::from(value), input, ..template() })
    }

    /// The next transfer of one of the senders in turn, to one of 97 accounts.
    pub(crate) fn transfer(&mut self) -> eyre::Result<Bytes> {
        let sender = usize::try_from(self.sent)? % SENDERS;
        let mut to = [0xfa; 20];
        to[19] = u8::try_from(self.sent % 97)?;
        let to = Address::from(to);
        *self.paid.entry(to).or_default() += AMOUNT;
        self.call(sender, TxKind::Call(to), AMOUNT, Bytes::new())
    }

    fn sign(&self, sender: usize, transaction: TxEip1559) -> eyre::Result<Bytes> {
        let signature = self.signers[sender].sign_hash_sync(&transaction.signature_hash())?;
        Ok(encode(transaction.into_signed(signature)))
    }

    /// Something that is none, where its turn has come after what was sent so far.
    pub(crate) fn poison_in_turn(&self) -> eyre::Result<Option<Bytes>> {
        if !self.sent.is_multiple_of(POISON_EVERY) {
            return Ok(None);
        }
        let (_, poison) = self.poison(usize::try_from(self.sent / POISON_EVERY)?)?;
        Ok(Some(poison))
    }

    /// What no block can contain after what was sent so far: what it is, and its bytes. There is no end of them.
    pub(crate) fn poison(&self, which: usize) -> eyre::Result<(&'static str, Bytes)> {
        let sender = which % SENDERS;
        let nonce = self.nonces[sender];
        let good = TxEip1559 { nonce, ..template() };
        let signed = |transaction| self.sign(sender, transaction);
        Ok(match which % 9 {
            0 => ("noise", Bytes::from_static(&[0xee; 600])),
            1 => ("nothing", Bytes::new()),
            2 => ("another chain", signed(TxEip1559 { chain_id: 1, ..good })?),
            3 => ("a nonce too high", signed(TxEip1559 { nonce: nonce + 7, ..good })?),
            4 => ("too much value", signed(TxEip1559 { value: U256::MAX, ..good })?),
            5 => ("too little gas", signed(TxEip1559 { gas_limit: 20_999, ..good })?),
            6 => (
                "too low a fee",
                signed(TxEip1559 { max_fee_per_gas: 1, max_priority_fee_per_gas: 0, ..good })?,
            ),
            7 => ("a signature's twin", twin(&signed(good)?)?),
            _ => {
                let legacy = TxLegacy { nonce, gas_price: GWEI, gas_limit: 21_000, ..TxLegacy::default() };
                let signature = self.signers[sender].sign_hash_sync(&legacy.signature_hash())?;
                ("no chain", encode(legacy.into_signed(signature)))
            }
        })
    }
}

fn template() -> TxEip1559 {
    TxEip1559 {
        chain_id: CHAIN,
        gas_limit: 21_000,
        max_fee_per_gas: 10 * GWEI,
        max_priority_fee_per_gas: GWEI,
        to: TxKind::Call(Address::repeat_byte(0xbb)),
        ..TxEip1559::default()
    }
}

fn encode(transaction: impl Into<TxEnvelope>) -> Bytes {
    transaction.into().encoded_2718().into()
}

/// The same transaction with the other signature that recovers to its sender.
fn twin(bytes: &Bytes) -> eyre::Result<Bytes> {
    use alloy_eips::eip2718::Decodable2718 as _;
    const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    let TxEnvelope::Eip1559(signed) = TxEnvelope::decode_2718_exact(bytes)? else {
        eyre::bail!("it is another kind of transaction")
    };
    let (transaction, signature, _) = signed.into_parts();
    let order: U256 = ORDER.parse()?;
    let other = Signature::new(signature.r(), order - signature.s(), !signature.v());
    Ok(encode(transaction.into_signed(other)))
}

/// A payload as a transaction of the sequencer's.
pub(crate) fn transaction(rollup: u64, payload: Bytes) -> eyre::Result<Transaction> {
    let leg = Leg { rollup: RollupId::new(rollup), payload: payload.0 };
    let expires = Timestamp::from_nanos(unix_nanos() + 60_000_000_000);
    Ok(Transaction::new(vec![leg], expires, rand::thread_rng().r#gen())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_consensus::Transaction as _;
    use alloy_consensus::transaction::SignerRecoverable as _;
    use alloy_eips::eip2718::Decodable2718 as _;

    #[test]
    fn known_accounts_go_on_where_the_chain_is() {
        let mut accounts = Accounts::known().unwrap();
        accounts.go_on_from((0..SENDERS as u64).map(|sender| 3 + sender % 2).collect());
        assert_eq!(accounts.sent, 35);
        let transfer = TxEnvelope::decode_2718_exact(&accounts.transfer().unwrap()).unwrap();
        let (sender, _) = Accounts::known().unwrap().senders().nth(35 % SENDERS).unwrap();
        assert_eq!(
            (transfer.recover_signer().unwrap(), transfer.nonce()),
            (sender, 4),
            "always the same accounts"
        );
    }
}
