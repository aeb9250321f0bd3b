//! Checked conversions: wire messages in, domain types out, and back.

use crate::v1;
use bytes::{Bytes, BytesMut};
use fairlane_types::codec::{Decode, DecodeError, Encode};
use fairlane_types::{
    BatchHeader, BlockHeader, CommitCertificate, Hash32, HeadPath, Leg, Receipt, RollupId, SegmentHeader,
    Signature, Timestamp, Transaction, TransactionError, TxId, ValidatorSet,
};

/// Why a wire message is no domain value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConvertError {
    /// A field that must be there is missing.
    #[error("field `{0}` is missing")]
    Missing(&'static str),
    /// A field of fixed size has another size.
    #[error("field `{field}` has {found} bytes, it must have {wanted}")]
    Length {
        /// The field.
        field: &'static str,
        /// Its length.
        found: usize,
        /// The length that it must have.
        wanted: usize,
    },
    /// A field does not hold the canonical bytes that it should.
    #[error("field `{field}`: {source}")]
    Field {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A transaction is not well formed.
    #[error(transparent)]
    Transaction(#[from] TransactionError),
}

/// The fixed-size content of a `bytes` field.
pub fn array<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], ConvertError> {
    bytes.try_into().map_err(|_| ConvertError::Length { field, found: bytes.len(), wanted: N })
}

/// The domain value whose canonical bytes a field holds.
pub fn canonical<T: Decode>(field: &'static str, bytes: &Bytes) -> Result<T, ConvertError> {
    T::from_bytes(bytes.clone()).map_err(|source| ConvertError::Field { field, source })
}

/// The canonical bytes of a domain value, for a `bytes` field.
pub fn to_field<T: Encode>(value: &T) -> Bytes {
    value.to_bytes().into()
}

/// A transaction id from a `bytes` field.
pub fn tx_id(field: &'static str, bytes: &[u8]) -> Result<TxId, ConvertError> {
    array(field, bytes).map(TxId::from_bytes)
}

/// Merkle siblings from a field that holds them one after another.
pub fn path(field: &'static str, bytes: &[u8]) -> Result<Vec<Hash32>, ConvertError> {
    let (chunks, rest) = bytes.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(ConvertError::Length { field, found: bytes.len(), wanted: chunks.len() * 32 });
    }
    if chunks.len() > fairlane_types::merkle::MAX_PATH {
        return Err(ConvertError::Length {
            field,
            found: bytes.len(),
            wanted: fairlane_types::merkle::MAX_PATH * 32,
        });
    }
    Ok(chunks.iter().copied().map(Hash32::from_bytes).collect())
}

/// Merkle siblings one after another.
pub fn path_to_field(path: &[Hash32]) -> Bytes {
    let mut out = BytesMut::with_capacity(path.len() * 32);
    for hash in path {
        out.extend_from_slice(hash.as_bytes());
    }
    out.freeze()
}

/// Something that may be empty on the wire, and is then absent.
pub fn optional<T: Decode>(field: &'static str, bytes: &Bytes) -> Result<Option<T>, ConvertError> {
    if bytes.is_empty() { Ok(None) } else { canonical(field, bytes).map(Some) }
}

impl TryFrom<v1::Transaction> for Transaction {
    type Error = ConvertError;

    fn try_from(wire: v1::Transaction) -> Result<Self, ConvertError> {
        let salt = if wire.salt.is_empty() { [0; 16] } else { array("salt", &wire.salt)? };
        let legs = wire
            .legs
            .into_iter()
            .map(|leg| Leg { rollup: RollupId::new(leg.rollup_id), payload: leg.payload })
            .collect();
        Ok(Transaction::new(legs, Timestamp::from_nanos(wire.expires_at_nanos), salt)?)
    }
}

impl TryFrom<v1::SubmitRequest> for Transaction {
    type Error = ConvertError;

    fn try_from(wire: v1::SubmitRequest) -> Result<Self, ConvertError> {
        match wire.content.ok_or(ConvertError::Missing("content"))? {
            v1::submit_request::Content::Transaction(transaction) => transaction.try_into(),
            v1::submit_request::Content::Envelope(envelope) => Ok(Transaction::from_envelope(envelope)?),
        }
    }
}

impl From<&Receipt> for v1::Receipt {
    fn from(receipt: &Receipt) -> Self {
        Self {
            transaction_id: to_field(&receipt.transaction),
            segment_header: to_field(&receipt.header),
            signature: to_field(&receipt.signature),
            index: receipt.index,
            path: path_to_field(&receipt.path),
        }
    }
}

impl TryFrom<v1::Receipt> for Receipt {
    type Error = ConvertError;

    fn try_from(wire: v1::Receipt) -> Result<Self, ConvertError> {
        Ok(Self {
            transaction: tx_id("transaction_id", &wire.transaction_id)?,
            header: canonical::<SegmentHeader>("segment_header", &wire.segment_header)?,
            signature: Signature::from_bytes(array("signature", &wire.signature)?),
            index: wire.index,
            path: path("path", &wire.path)?,
        })
    }
}

/// A block header with its certificate, decoded but not verified.
#[derive(Clone, Debug)]
pub struct CertifiedHeader {
    /// The header.
    pub header: BlockHeader,
    /// The precommits.
    pub certificate: CommitCertificate,
    /// The next block's validator set, where it differs.
    pub next_validators: Option<ValidatorSet>,
}

impl From<&CertifiedHeader> for v1::CertifiedHeader {
    fn from(block: &CertifiedHeader) -> Self {
        Self {
            header: to_field(&block.header),
            certificate: to_field(&block.certificate),
            next_validators: block.next_validators.as_ref().map(to_field).unwrap_or_default(),
        }
    }
}

impl TryFrom<v1::CertifiedHeader> for CertifiedHeader {
    type Error = ConvertError;

    fn try_from(wire: v1::CertifiedHeader) -> Result<Self, ConvertError> {
        Ok(Self {
            header: canonical("header", &wire.header)?,
            certificate: canonical("certificate", &wire.certificate)?,
            next_validators: optional("next_validators", &wire.next_validators)?,
        })
    }
}

/// A batch as it came over the wire: decoded but not verified. The body is decoded while verifying.
#[derive(Clone, Debug)]
pub struct UnverifiedBatch {
    /// The block that it comes from.
    pub block: CertifiedHeader,
    /// The rollup's leaf and its way to the heads root.
    pub head_path: HeadPath,
    /// What the head commits to.
    pub header: BatchHeader,
    /// The canonical items.
    pub body: Bytes,
}

impl From<UnverifiedBatch> for v1::VerifiableBatch {
    fn from(batch: UnverifiedBatch) -> Self {
        Self {
            block: Some((&batch.block).into()),
            head_path: to_field(&batch.head_path),
            batch_header: to_field(&batch.header),
            body: batch.body,
        }
    }
}

impl TryFrom<v1::VerifiableBatch> for UnverifiedBatch {
    type Error = ConvertError;

    fn try_from(wire: v1::VerifiableBatch) -> Result<Self, ConvertError> {
        Ok(Self {
            block: wire.block.ok_or(ConvertError::Missing("block"))?.try_into()?,
            head_path: canonical("head_path", &wire.head_path)?,
            header: canonical("batch_header", &wire.batch_header)?,
            body: wire.body,
        })
    }
}

#[cfg(test)]
mod tests;
