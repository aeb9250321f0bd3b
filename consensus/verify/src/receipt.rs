//! Receipts: whether they are a member's word, and what becomes of one that is broken (`docs/protocol.md`,
//! "Receipts").

use crate::evidence::{EvidenceError, verify_evidence};
use fairlane_types::evidence::{OffenceSlot, SignedSegmentHeader};
use fairlane_types::receipt::ReceiptError;
use fairlane_types::{Evidence, Incarnation, LaneId, Receipt, ValidatorSet};

/// Why a receipt is not a member's word.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberReceiptError {
    /// The lane's validator is not in the set.
    #[error("lane {0} belongs to no member of the validator set")]
    NotMember(LaneId),
    /// The lane is of another registration than the member's.
    #[error("lane {lane} is not of the member's registration {registered}")]
    OtherIncarnation {
        /// The receipt's lane.
        lane: LaneId,
        /// The member's registration.
        registered: Incarnation,
    },
    /// The receipt itself is not valid.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
}

/// Checks a receipt, and that the validator behind it has something to lose in `validators`.
pub fn verify_member_receipt(
    receipt: &Receipt,
    network: &fairlane_types::NetworkId,
    validators: &ValidatorSet,
) -> Result<(), MemberReceiptError> {
    let lane = receipt.header.lane;
    let member = validators.get(&lane.validator).ok_or(MemberReceiptError::NotMember(lane))?;
    if member.incarnation != lane.incarnation {
        return Err(MemberReceiptError::OtherIncarnation { lane, registered: member.incarnation });
    }
    Ok(receipt.verify(network)?)
}

/// Why a segment does not break a receipt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenReceiptError {
    /// The receipt was never valid.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// The segment does not contradict it.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

/// The evidence that follows when the decided segment at a receipt's place is another one than the receipt's.
pub fn broken_receipt(
    receipt: &Receipt,
    decided: SignedSegmentHeader,
) -> Result<(OffenceSlot, Evidence), BrokenReceiptError> {
    let network = receipt.header.network;
    receipt.verify(&network)?;
    let promised = SignedSegmentHeader { header: receipt.header.clone(), signature: receipt.signature };
    let evidence = Evidence::LaneEquivocation(Box::new([promised, decided]));
    let slot = verify_evidence(&evidence, &network)?;
    Ok((slot, evidence))
}

#[cfg(test)]
#[path = "receipt_tests.rs"]
mod tests;
