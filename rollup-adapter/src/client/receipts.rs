//! Receipts: a member's signature over a segment, and the way from a transaction to it.

use super::{Client, ClientError};
use crate::trust::check_path;
use fairlane_proto::convert;
use fairlane_proto::v1;
use fairlane_types::{Height, Receipt, SegmentHeader, Signature};
use fairlane_verify::{MemberReceiptError, verify_member_receipt};
use std::num::NonZeroU32;

/// How many receipts of a stream are checked down to the transaction. Signatures are always checked, once for each
/// segment, and so is that a receipt names the transaction that was submitted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReceiptChecks {
    /// All.
    #[default]
    All,
    /// The first of each segment, and every so many.
    Every(NonZeroU32),
}

impl ReceiptChecks {
    fn includes(self, place: usize) -> bool {
        match self {
            Self::All => true,
            Self::Every(step) => place.is_multiple_of(step.get() as usize),
        }
    }
}

impl Client {
    /// Checks a receipt. A lane that is not known yet may belong to a newer validator set: that is fetched once.
    pub async fn check_receipt(&self, receipt: &Receipt) -> Result<(), ClientError> {
        match self.check_with_known_set(receipt) {
            Err(MemberReceiptError::NotMember(_) | MemberReceiptError::OtherIncarnation { .. }) => {
                self.header(Height::ZERO).await?;
                Ok(self.check_with_known_set(receipt)?)
            }
            other => Ok(other?),
        }
    }

    fn check_with_known_set(&self, receipt: &Receipt) -> Result<(), MemberReceiptError> {
        let lane = receipt.header.lane;
        let set = self.trust.newest().ok_or(MemberReceiptError::NotMember(lane))?;
        verify_member_receipt(receipt, self.trust.network(), &set)
    }

    /// The receipts of one segment, with their tags; the flag says whether the path was checked.
    pub(super) async fn check_group(
        &self,
        group: &v1::ReceiptGroup,
        checks: ReceiptChecks,
    ) -> Result<Vec<(u64, Receipt, bool)>, ClientError> {
        let header: SegmentHeader = convert::canonical("segment_header", &group.segment_header)?;
        let signature = Signature::from_bytes(convert::array("signature", &group.signature)?);
        let mut receipts = Vec::with_capacity(group.entries.len());
        for (place, entry) in group.entries.iter().enumerate() {
            let receipt = Receipt {
                transaction: convert::tx_id("transaction_id", &entry.transaction_id)?,
                header: header.clone(),
                signature,
                index: entry.index,
                path: convert::path("path", &entry.path)?,
            };
            let checked = checks.includes(place);
            if place == 0 {
                self.check_receipt(&receipt).await?;
            } else if checked {
                check_path(&receipt)?;
            }
            receipts.push((entry.tag, receipt, checked));
        }
        Ok(receipts)
    }
}
