//! Signing consensus messages with a key in memory, once it is safe.

mod gate;
#[cfg(test)]
mod tests;

pub(crate) use gate::SigningGate;

use arc_malachitebft_app::types::core::{
    SignedExtension, SignedProposal, SignedVote, ValidatorProof, VoteExtensionScope,
};
use arc_malachitebft_signing::{Error, Signer};
use async_trait::async_trait;
use fairlane_agreement::{FairlaneContext, ProposalMessage, Vote};
use fairlane_types::{Domain, NetworkId, SigningKey};

/// Signs with a key in memory, once the gate lets it. What is signed is the consensus core's and its write-ahead
/// log's decision.
#[derive(Clone, Debug)]
pub(crate) struct KeySigner {
    network: NetworkId,
    key: SigningKey,
    gate: SigningGate,
}

impl KeySigner {
    pub(crate) fn new(network: NetworkId, key: SigningKey, gate: SigningGate) -> Self {
        Self { network, key, gate }
    }
}

#[async_trait]
impl Signer<FairlaneContext> for KeySigner {
    async fn sign_vote(&self, vote: Vote) -> Result<SignedVote<FairlaneContext>, Error> {
        let message = vote.sign_bytes(&self.network).ok_or_else(Error::new)?;
        self.gate.pass(vote.height.0).await.map_err(Error::from_source)?;
        Ok(SignedVote::new(vote, self.key.sign(&message)))
    }

    async fn sign_proposal(
        &self,
        proposal: ProposalMessage,
    ) -> Result<SignedProposal<FairlaneContext>, Error> {
        let message = proposal.sign_bytes(&self.network).ok_or_else(Error::new)?;
        self.gate.pass(proposal.height.0).await.map_err(Error::from_source)?;
        Ok(SignedProposal::new(proposal, self.key.sign(&message)))
    }

    async fn sign_vote_extension(
        &self,
        _scope: VoteExtensionScope<FairlaneContext>,
        _extension: (),
    ) -> Result<SignedExtension<FairlaneContext>, Error> {
        Err(Error::new())
    }

    async fn sign_validator_proof(
        &self,
        public_key: Vec<u8>,
        peer_id: Vec<u8>,
    ) -> Result<ValidatorProof<FairlaneContext>, Error> {
        let preimage = ValidatorProof::<FairlaneContext>::signing_bytes(&public_key, &peer_id);
        let signature = self.key.sign(&Domain::IDENTITY.sign_bytes(&preimage));
        Ok(ValidatorProof::new(public_key, peer_id, signature))
    }
}
