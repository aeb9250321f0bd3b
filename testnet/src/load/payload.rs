//! Payloads of the load: opaque bytes for one kind of rollup, signed EIP-1559 transactions for the other.
//!
//! Each carries a stamp (when it was due, and its number), so that whoever receives it can tell latency, losses
//! and duplicates from the delivered bytes alone.

use alloy_consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use alloy_primitives::{Address, TxKind, U256};
use alloy_signer::SignerSync;
use alloy_signer_local::PrivateKeySigner;
use bytes::{BufMut, Bytes, BytesMut};
use eyre::{OptionExt, WrapErr};

const MAGIC: &[u8; 8] = b"fairload";
/// The shortest payload that holds a stamp.
pub const MIN_PAYLOAD: usize = 24;
/// The EVM chain id that the generator's transactions name.
const CHAIN_ID: u64 = 777;

/// When a payload was due, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Nanoseconds since the Unix epoch.
    pub due_nanos: u64,
    /// Its number in the load's schedule.
    pub seq: u64,
}

impl Stamp {
    /// Bytes of `size` (at least [`MIN_PAYLOAD`]) that begin with the stamp; the rest differs from stamp to stamp.
    fn fill(self, size: usize) -> Bytes {
        let mut out = BytesMut::with_capacity(size.max(MIN_PAYLOAD));
        out.put_slice(MAGIC);
        out.put_u64(self.due_nanos);
        out.put_u64(self.seq);
        let mut word = self.seq ^ self.due_nanos;
        while out.len() < size {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bytes = word.to_be_bytes();
            let len = bytes.len().min(size - out.len());
            out.put_slice(&bytes[..len]);
        }
        out.freeze()
    }

    /// Reads the stamp in front of bytes.
    fn read(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (due, rest) = rest.split_first_chunk::<8>()?;
        let (seq, _) = rest.split_first_chunk::<8>()?;
        Some(Self { due_nanos: u64::from_be_bytes(*due), seq: u64::from_be_bytes(*seq) })
    }
}

/// What a rollup's payloads are.
#[derive(Clone, Debug)]
pub enum PayloadKind {
    /// Bytes that only the rollup understands.
    Opaque,
    /// EIP-1559 transactions, signed by this key.
    Evm(Box<PrivateKeySigner>),
}

impl PayloadKind {
    /// An EVM rollup with a fresh random account.
    pub fn evm() -> Self {
        Self::Evm(Box::new(PrivateKeySigner::random()))
    }

    /// Makes a payload. `size` bytes are the whole payload when opaque, and the calldata of an EVM transaction.
    pub fn make(&self, stamp: Stamp, size: usize) -> eyre::Result<Bytes> {
        let data = stamp.fill(size);
        match self {
            Self::Opaque => Ok(data),
            Self::Evm(signer) => signed_call(signer, stamp.seq, data),
        }
    }

    /// Reads a delivered payload's stamp; an EVM transaction's signature must recover to the generator's account.
    pub fn read(&self, payload: &[u8]) -> eyre::Result<Stamp> {
        match self {
            Self::Opaque => Stamp::read(payload).ok_or_eyre("the payload does not carry a stamp"),
            Self::Evm(signer) => read_call(signer.address(), payload),
        }
    }
}

fn signed_call(signer: &PrivateKeySigner, nonce: u64, data: Bytes) -> eyre::Result<Bytes> {
    let call = TxEip1559 {
        chain_id: CHAIN_ID,
        nonce,
        gas_limit: 100_000,
        max_fee_per_gas: 1_000_000_000,
        max_priority_fee_per_gas: 1,
        to: TxKind::Call(Address::repeat_byte(0x42)),
        value: U256::from(1),
        input: data.into(),
        ..Default::default()
    };
    let signature =
        signer.sign_hash_sync(&call.signature_hash()).wrap_err("signing an EIP-1559 transaction")?;
    Ok(TxEnvelope::from(call.into_signed(signature)).encoded_2718().into())
}

fn read_call(account: Address, payload: &[u8]) -> eyre::Result<Stamp> {
    let envelope =
        TxEnvelope::decode_2718_exact(payload).wrap_err("the payload is no EIP-2718 transaction")?;
    let TxEnvelope::Eip1559(call) = envelope else { eyre::bail!("the payload is no EIP-1559 transaction") };
    let sender = call.recover_signer().wrap_err("the transaction's signature recovers no account")?;
    eyre::ensure!(sender == account, "the transaction was signed by {sender}, not by {account}");
    Stamp::read(&call.tx().input).ok_or_eyre("the transaction's calldata does not carry a stamp")
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAMP: Stamp = Stamp { due_nanos: 1_700_000_000_000_000_000, seq: 42 };

    #[test]
    fn stamps_survive_both_kinds_of_payload() {
        for kind in [PayloadKind::Opaque, PayloadKind::evm()] {
            let payload = kind.make(STAMP, 512).unwrap();
            assert_eq!(kind.read(&payload).unwrap(), STAMP);
        }
    }

    #[test]
    fn opaque_payloads_have_the_asked_size() {
        assert_eq!(PayloadKind::Opaque.make(STAMP, 512).unwrap().len(), 512);
        assert_eq!(PayloadKind::Opaque.make(STAMP, 1).unwrap().len(), MIN_PAYLOAD);
    }

    #[test]
    fn a_changed_evm_payload_is_refused() {
        let kind = PayloadKind::evm();
        let mut payload = kind.make(STAMP, 64).unwrap().to_vec();
        payload[80] ^= 1;
        assert!(kind.read(&payload).is_err());
        assert!(PayloadKind::evm().read(&kind.make(STAMP, 64).unwrap()).is_err());
    }
}
