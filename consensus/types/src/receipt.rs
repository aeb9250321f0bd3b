//! Receipts: "your transaction stands at this place in my lane", signed.
//!
//! A receipt is the lane's own statement: a signed segment header and the path from the transaction's id to the
//! root in it. A validator that breaks it must sign a second segment with the same place, which is lane
//! equivocation: the receipt is then one half of the evidence.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Hash32, PublicKey, Signature};
use crate::ids::{NetworkId, TxId};
use crate::merkle;
use crate::segment::SegmentHeader;

/// A validator's signed promise about one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The transaction.
    pub transaction: TxId,
    /// The segment that carries it.
    pub header: SegmentHeader,
    /// The lane's signature over the header.
    pub signature: Signature,
    /// The transaction's place among the segment's transactions.
    pub index: u32,
    /// Siblings from the transaction's leaf up to the header's root.
    pub path: Vec<Hash32>,
}

/// Why a receipt proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// It is from another network.
    #[error("the receipt is from network {0}")]
    WrongNetwork(NetworkId),
    /// The lane's key is not usable, or the signature is not the lane's.
    #[error("the receipt's signature is not valid for its lane's key")]
    Signature,
    /// The path does not lead to the root in the header.
    #[error("the receipt's path does not lead from the transaction to the segment's root")]
    Path,
}

impl Receipt {
    /// Checks network, signature and path.
    pub fn verify(&self, network: &NetworkId) -> Result<(), ReceiptError> {
        if self.header.network != *network {
            return Err(ReceiptError::WrongNetwork(self.header.network));
        }
        let key = PublicKey::decode(&self.header.lane.validator).map_err(|_| ReceiptError::Signature)?;
        if !key.verify(&self.header.sign_bytes(), &self.signature) {
            return Err(ReceiptError::Signature);
        }
        let leaf = merkle::leaf_hash(self.transaction.as_bytes());
        let (index, size) = (u64::from(self.index), u64::from(self.header.transaction_count));
        match merkle::root_from_path(leaf, index, size, &self.path) {
            Some(root) if root == self.header.transactions_root => Ok(()),
            _ => Err(ReceiptError::Path),
        }
    }
}

impl Encode for Receipt {
    fn encode(&self, out: &mut Writer) {
        self.transaction.encode(out);
        self.header.encode(out);
        self.signature.encode(out);
        out.u32(self.index);
        out.list(&self.path);
    }
}

impl Decode for Receipt {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            transaction: Decode::decode(input)?,
            header: Decode::decode(input)?,
            signature: Decode::decode(input)?,
            index: input.take_u32()?,
            path: input.list("receipt path", merkle::MAX_PATH, 32)?,
        })
    }
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
