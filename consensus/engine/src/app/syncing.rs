//! Value sync: giving decided values to peers, and taking them from peers.
//!
//! A synced value comes with a commit certificate that consensus has verified, so its cut is not judged and its
//! segments may be missing: they are fetched when the block is executed.

use super::values::{Knowledge, Place};
use super::{App, Outcome, answer};
use crate::codec::MAX_SYNC_VALUES;
use crate::error::EngineError;
use crate::seams::StoredProposal;
use arc_malachitebft_app::engine::host::SyncedValueOutcome;
use arc_malachitebft_app::types::core::{Round as MalachiteRound, Validity};
use arc_malachitebft_app::types::sync::RawDecidedValue;
use bytes::Bytes;
use fairlane_agreement::{Address, BlockHeight, FairlaneContext, domain_round, extended_certificate};
use fairlane_types::{Decode as _, Encode as _, Height, Proposal, Round};
use ractor::RpcReplyPort;
use std::ops::RangeInclusive;
use std::sync::Arc;

impl App {
    /// A peer gave a decided value. What cannot be read or does not follow our last block is the peer's fault:
    /// consensus compares the id with the certificate's.
    pub(super) async fn on_synced_value(
        &mut self,
        height: BlockHeight,
        round: MalachiteRound,
        proposer: Address,
        bytes: Bytes,
        reply: RpcReplyPort<SyncedValueOutcome<FairlaneContext>>,
    ) -> Result<(), EngineError> {
        let round = domain_round(round).unwrap_or(Round::ZERO);
        let BlockHeight(height) = height;
        if height != self.height {
            answer(reply, SyncedValueOutcome::LocalTransientError);
            return Ok(());
        }
        let proposal = match Proposal::from_bytes(bytes) {
            Ok(proposal) if self.check_header(&proposal).is_ok() => Arc::new(proposal),
            _ => {
                answer(reply, SyncedValueOutcome::PeerFault);
                return Ok(());
            }
        };
        let id = proposal.id();
        let place = Place { round, valid_round: None, proposer: proposer.0 };
        let stored =
            StoredProposal { round, valid_round: None, proposer: proposer.0, proposal: proposal.clone() };
        self.services.store.put_proposal(height, stored).await?;
        self.values.decide(id, Knowledge::Valid);
        self.values.keep_proposal(id, proposal);
        self.status.send_modify(|status| status.synced += 1);
        answer(reply, SyncedValueOutcome::Verdict(place.value(height, id, Validity::Valid)));
        Ok(())
    }

    /// A peer asks for decided values.
    pub(super) fn on_get_decided(
        &mut self,
        range: RangeInclusive<BlockHeight>,
        reply: RpcReplyPort<Vec<RawDecidedValue<FairlaneContext>>>,
    ) {
        let (BlockHeight(first), BlockHeight(last)) = range.into_inner();
        let last = last.min(first.saturating_add(MAX_SYNC_VALUES as u64 - 1));
        let services = self.services.clone();
        self.spawn(async move {
            let decisions = services.store.decided(first..=last).await?;
            let heights = (0..).map(|place| first.saturating_add(place));
            let gapless = decisions
                .into_iter()
                .zip(heights)
                .take_while(|((_, decided), height)| decided.height == *height);
            let values = gapless.map(|((proposal, certificate), _)| {
                RawDecidedValue::new(proposal.to_bytes().into(), extended_certificate(&certificate))
            });
            answer(reply, values.collect());
            Ok(Outcome::Done)
        });
    }

    /// The earliest height that peers can get from us.
    pub(super) fn on_get_min_height(&mut self, reply: RpcReplyPort<BlockHeight>) {
        let services = self.services.clone();
        self.spawn(async move {
            let height: Height = services.store.min_height().await?;
            answer(reply, BlockHeight(height));
            Ok(Outcome::Done)
        });
    }
}
