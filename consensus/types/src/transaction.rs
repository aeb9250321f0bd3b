//! Transactions: one or more legs, an expiry and a salt.
//!
//! One leg is an ordinary transaction for one rollup; two to eight are an atomic bundle, ordered as one element.
//! Payloads are opaque. The id covers the whole envelope, so it commits to every leg.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::Domain;
use crate::ids::{RollupId, Timestamp, TxId};
use crate::params::ProtocolParams;
use bytes::Bytes;

/// The most legs that one transaction can have.
pub const MAX_LEGS: usize = 8;
/// Bytes of an envelope besides its legs: leg count, expiry, salt.
const FIXED_BYTES: usize = 1 + 8 + 16;
/// Bytes of a leg besides its payload: rollup, length.
const LEG_FIXED_BYTES: usize = 8 + 4;

/// One leg: a payload for one rollup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leg {
    /// Which rollup it is for.
    pub rollup: RollupId,
    /// Opaque bytes, given to the rollup as they are.
    pub payload: Bytes,
}

/// A transaction that is well formed: one to eight legs, its id computed.
#[derive(Clone, Debug)]
pub struct Transaction {
    id: TxId,
    bytes: Bytes,
    legs: Vec<Leg>,
    expires_at: Timestamp,
    salt: [u8; 16],
}

/// Why a transaction cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransactionError {
    /// There is no leg, or there are more than eight.
    #[error("a transaction has 1 to {MAX_LEGS} legs, this one has {0}")]
    LegCount(usize),
    /// A payload is longer than the network allows.
    #[error("leg {leg} carries {bytes} bytes, the network allows {limit}")]
    LegTooLarge {
        /// Index of the leg.
        leg: usize,
        /// Its payload's length.
        bytes: usize,
        /// The network's limit.
        limit: usize,
    },
    /// The envelope is longer than the network allows.
    #[error("the transaction has {bytes} bytes, the network allows {limit}")]
    TooLarge {
        /// Length of the canonical bytes.
        bytes: usize,
        /// The network's limit.
        limit: usize,
    },
    /// The bytes are not a canonical envelope.
    #[error("the transaction's bytes are not canonical: {0}")]
    Malformed(#[from] DecodeError),
}

impl Transaction {
    /// Makes a transaction and computes its id.
    pub fn new(legs: Vec<Leg>, expires_at: Timestamp, salt: [u8; 16]) -> Result<Self, TransactionError> {
        if legs.is_empty() || legs.len() > MAX_LEGS {
            return Err(TransactionError::LegCount(legs.len()));
        }
        let payload_bytes: usize = legs.iter().map(|leg| leg.payload.len()).sum();
        let fixed = FIXED_BYTES.saturating_add(legs.len().saturating_mul(LEG_FIXED_BYTES));
        let mut out = Writer::with_capacity(fixed.saturating_add(payload_bytes));
        out.u8(u8::try_from(legs.len()).unwrap_or(u8::MAX));
        for leg in &legs {
            leg.rollup.encode(&mut out);
            out.var_bytes(&leg.payload);
        }
        expires_at.encode(&mut out);
        out.bytes(&salt);
        let bytes = Bytes::from(out.into_vec());
        Ok(Self { id: Self::id_of(&bytes), bytes, legs, expires_at, salt })
    }

    /// Reads a canonical envelope and computes its id. The limits of the network are [`Self::check_limits`]'s.
    pub fn from_envelope(bytes: Bytes) -> Result<Self, TransactionError> {
        let mut input = Reader::new(bytes.clone());
        let count = usize::from(input.take_u8()?);
        if count == 0 || count > MAX_LEGS {
            return Err(TransactionError::LegCount(count));
        }
        let mut legs = Vec::with_capacity(count);
        for _ in 0..count {
            let rollup = RollupId::decode(&mut input)?;
            let payload = input.var_bytes("leg payload", usize::MAX)?;
            legs.push(Leg { rollup, payload });
        }
        let expires_at = Timestamp::decode(&mut input)?;
        let salt = input.array()?;
        input.finish()?;
        Ok(Self { id: Self::id_of(&bytes), bytes, legs, expires_at, salt })
    }

    fn id_of(bytes: &[u8]) -> TxId {
        Domain::TRANSACTION.hash(&[bytes]).into()
    }

    /// Whether the sizes keep the network's limits.
    pub fn check_limits(&self, params: &ProtocolParams) -> Result<(), TransactionError> {
        let limit = params.max_leg_bytes as usize;
        for (leg, bytes) in self.legs.iter().map(|leg| leg.payload.len()).enumerate() {
            if bytes > limit {
                return Err(TransactionError::LegTooLarge { leg, bytes, limit });
            }
        }
        let (bytes, limit) = (self.bytes.len(), params.max_transaction_bytes as usize);
        if bytes > limit {
            return Err(TransactionError::TooLarge { bytes, limit });
        }
        Ok(())
    }

    /// The id: the hash of the canonical bytes.
    pub fn id(&self) -> TxId {
        self.id
    }

    /// The canonical bytes.
    pub fn envelope(&self) -> &Bytes {
        &self.bytes
    }

    /// The legs, in the client's order.
    pub fn legs(&self) -> &[Leg] {
        &self.legs
    }

    /// The chain time from which on it is not ordered any more.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Bytes that make otherwise equal transactions different.
    pub fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// Whether it is an atomic bundle.
    pub fn is_bundle(&self) -> bool {
        self.legs.len() > 1
    }
}

impl PartialEq for Transaction {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Transaction {}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
