//! What peers send besides parts: where they stand, double votes, and proofs that a value had its quorum.

use super::values::Knowledge;
use super::{App, Phase};
use crate::machine::PeerEvent;
use arc_malachitebft_app::engine::network::{NetworkEvent, NetworkMsg};
use arc_malachitebft_app::types::core::{PolkaCertificate, SignedVote, ThresholdParams};
use arc_malachitebft_network::validator_proof::ProofVerificationResult;
use arc_malachitebft_signing::VerifierExt as _;
use fairlane_agreement::{Address, FairlaneContext, ProposalPart, StrictVerifier, malachite_round};
use fairlane_types::Round;
use std::time::Instant;

/// How many unchecked certificates of prevotes are kept; the oldest goes first.
const MAX_POLKAS: usize = 16;

impl App {
    pub(super) async fn on_event(&mut self, event: PeerEvent) {
        match event {
            NetworkEvent::Vote(_, vote) => self.on_vote(&vote),
            NetworkEvent::Proposal(_, proposal) => {
                if let Some(evidence) = self.watch.proposal(&proposal) {
                    self.hand_out(evidence);
                }
            }
            NetworkEvent::PolkaCertificate(_, certificate) => self.on_polka(certificate).await,
            NetworkEvent::Status(peer, status) => {
                self.peers.stands_at(&peer, status.tip_height.0);
                self.note_peers();
            }
            NetworkEvent::PeerConnected(peer) => {
                self.peers.connected(peer, Instant::now());
                self.note_peers();
            }
            NetworkEvent::PeerSubscribed(peer, channel) => self.peers.subscribed(peer, channel),
            NetworkEvent::PeerDisconnected(peer) => {
                self.peers.disconnected(&peer);
                self.note_peers();
            }
            _ => {}
        }
        self.note_unobserved();
    }

    fn note_peers(&mut self) {
        let (peers, best) = (self.peers.count(), self.peers.best());
        self.status.send_if_modified(|status| {
            let changed = status.peers != peers || status.best_peer_height != best;
            status.peers = peers;
            status.best_peer_height = best;
            changed
        });
        if self.is_behind() && matches!(self.phase, Phase::Holding { .. }) {
            self.release("a peer has decided it");
        }
    }

    /// Hangs up on peers that are connected and do not say what they want to hear. Both dial again, and say it anew.
    pub(super) fn hang_up(&mut self) {
        for peer in self.peers.mute(Instant::now()) {
            tracing::warn!(%peer, "a peer does not say what it wants to hear: hanging up, so that it does so anew");
            // Of all that can be said to Malachite's network, a refused proof alone closes a connection.
            let refused = NetworkMsg::ValidatorProofVerified {
                peer_id: peer,
                result: ProofVerificationResult::Invalid,
                public_key: None,
            };
            if self.services.network.cast(refused).is_err() {
                tracing::debug!("the consensus network has ended");
            }
            self.status.send_modify(|status| status.hung_up += 1);
        }
    }

    /// Whether a peer says that it has decided the height that we are about to begin.
    pub(super) fn is_behind(&self) -> bool {
        self.peers.best() >= self.height
    }

    /// A vote for the height that we hold back says that others have begun it.
    fn on_vote(&mut self, vote: &SignedVote<FairlaneContext>) {
        if let Some(evidence) = self.watch.vote(vote) {
            self.hand_out(evidence);
        }
        let begun = matches!(self.phase, Phase::Holding { .. }) && vote.message.height.0 == self.height;
        if begun && self.is_signed(vote) {
            self.release("others vote on it");
        }
    }

    fn is_signed(&self, vote: &SignedVote<FairlaneContext>) -> bool {
        let verifier = StrictVerifier::new(self.services.network_id);
        let member = self.proposers.member(&Address(vote.message.validator.0));
        member.is_some_and(|member| verifier.vote_is_valid(&vote.message, &vote.signature, &member.key))
    }

    /// Whether a proposal is said to have had its quorum of prevotes in an earlier round, and that is not shown.
    /// Such a proposal is not judged for timeliness, so nobody's word is taken for it.
    pub(super) fn lacks_proof(&self, part: &ProposalPart) -> bool {
        part.valid_round.is_some() && !self.has_verdict(part)
    }

    fn has_verdict(&self, part: &ProposalPart) -> bool {
        let id = part.proposal().map(|proposal| proposal.id());
        id.is_ok_and(|id| matches!(self.values.knowledge(&id), Some(Knowledge::Valid | Knowledge::Invalid)))
    }

    /// Keeps a certificate of prevotes and looks whether a proposal waits for one.
    async fn on_polka(&mut self, certificate: PolkaCertificate<FairlaneContext>) {
        if certificate.height.0 != self.height || self.polkas.contains(&certificate) {
            return;
        }
        if self.polkas.len() >= MAX_POLKAS {
            self.polkas.remove(0);
        }
        self.polkas.push(certificate);
        self.take_proven().await;
    }

    /// Takes up the proposals whose quorum of prevotes is shown by now.
    pub(super) async fn take_proven(&mut self) {
        let waiting: Vec<Round> = self.unproven.keys().copied().collect();
        for round in waiting {
            let Some(part) = self.unproven.get(&round) else { continue };
            if self.has_proof(part).await
                && let Some(part) = self.unproven.remove(&round)
            {
                self.take_part(part);
            }
        }
    }

    async fn has_proof(&self, part: &ProposalPart) -> bool {
        let Ok(proposal) = part.proposal() else {
            return true; // taking it up finds out and drops it
        };
        let (id, valid_round) = (proposal.id(), malachite_round(part.valid_round));
        let verifier = StrictVerifier::new(self.services.network_id);
        for certificate in &self.polkas {
            if certificate.value_id != id || certificate.round != valid_round {
                continue;
            }
            let thresholds = ThresholdParams::default();
            let verified =
                verifier.verify_polka_certificate(&FairlaneContext, certificate, &self.proposers, thresholds);
            if verified.await.is_ok() {
                return true;
            }
        }
        false
    }
}
