//! The part that carries a proposed value: the canonical bytes of a `Proposal`, signed by who sends it.
//!
//! Malachite votes on block ids alone and leaves the values to us. A proposal is a cut and a header, so its size
//! is O(validators) and it always fits one part: a stream is one message. Malachite's actors do not sign parts, so ours
//! carry a signature, and nothing is done with a payload before it is found to come from the round's proposer.

#[cfg(test)]
mod tests;

use crate::FairlaneContext;
use arc_malachitebft_core_types as malachite;
use bytes::Bytes;
use fairlane_types::codec::{Decode as _, DecodeError, Encode as _, Writer};
use fairlane_types::crypto::{PublicKey, sha256};
use fairlane_types::{Domain, Height, NetworkId, Proposal, Round, Signature, SigningKey, ValidatorId};

/// The longest payload: room for a cut of 1024 lanes, a block's evidence, a set that follows, and all rollups that the
/// registry can hold.
pub const MAX_PAYLOAD_BYTES: usize = 1024 * 1024;

/// A signed part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalPart {
    /// The height that it proposes for.
    pub height: Height,
    /// The round.
    pub round: Round,
    /// The round in which a quorum prevoted for the value, when it is proposed again.
    pub valid_round: Option<Round>,
    /// Who proposes.
    pub proposer: ValidatorId,
    /// The canonical bytes of the proposal.
    pub payload: Bytes,
    /// The proposer's signature.
    pub signature: Signature,
}

/// What a part says about its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartPlace {
    /// The height that it is proposed for.
    pub height: Height,
    /// The round.
    pub round: Round,
    /// The round in which a quorum prevoted for it, when it is proposed again.
    pub valid_round: Option<Round>,
}

impl PartPlace {
    fn sign_bytes(&self, network: &NetworkId, payload: &[u8]) -> [u8; 47] {
        let mut out = Writer::with_capacity(32 + 8 + 4 + 5 + 32);
        network.encode(&mut out);
        self.height.encode(&mut out);
        self.round.encode(&mut out);
        out.u8(u8::from(self.valid_round.is_some()));
        self.valid_round.unwrap_or(Round::ZERO).encode(&mut out);
        sha256(&[payload]).encode(&mut out);
        Domain::PROPOSAL_PART.sign_bytes(out.as_slice())
    }
}

impl ProposalPart {
    /// Signs a proposal for a round.
    pub fn sign(network: &NetworkId, key: &SigningKey, place: PartPlace, proposal: &Proposal) -> Self {
        let payload = Bytes::from(proposal.to_bytes());
        let signature = key.sign(&place.sign_bytes(network, &payload));
        let PartPlace { height, round, valid_round } = place;
        Self { height, round, valid_round, proposer: key.validator(), payload, signature }
    }

    /// Whether `key` signed this payload for this place.
    pub fn is_signed_by(&self, network: &NetworkId, key: &PublicKey) -> bool {
        key.verify(&self.place().sign_bytes(network, &self.payload), &self.signature)
    }

    fn place(&self) -> PartPlace {
        PartPlace { height: self.height, round: self.round, valid_round: self.valid_round }
    }

    /// The proposal that it carries. The signature must have been checked: reading costs two hashes of the payload.
    pub fn proposal(&self) -> Result<Proposal, DecodeError> {
        Proposal::from_bytes(self.payload.clone())
    }
}

impl malachite::ProposalPart<FairlaneContext> for ProposalPart {
    fn is_first(&self) -> bool {
        true
    }

    fn is_last(&self) -> bool {
        true
    }
}
