//! Signing and verifying consensus messages with ed25519, by the strict rule everywhere.
//!
//! A vote that consensus counts must be one that the slashing contract accepts, or an offender could escape with
//! signatures that only one of them takes. So there is one verification function, `PublicKey::verify`, and no
//! batch verification. A signature that fails is an answer (`Invalid`), never an error: peers choose those bytes.

mod gate;
#[cfg(test)]
mod tests;

pub(crate) use gate::SigningGate;

use crate::context::{FairlaneContext, ProposalMessage, Vote};
use arc_malachitebft_app::types::core::{
    SignedExtension, SignedProposal, SignedVote, SigningScheme, ValidatorProof, VoteExtensionScope,
};
use arc_malachitebft_signing::{Error, Signer, VerificationResult, Verifier};
use async_trait::async_trait;
use fairlane_types::crypto::PublicKey;
use fairlane_types::{DecodeError, Domain, NetworkId, Signature, SigningKey, ValidatorId};

/// The signature scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ed25519;

impl SigningScheme for Ed25519 {
    type DecodingError = DecodeError;
    type Signature = Signature;
    type PublicKey = PublicKey;
    type PrivateKey = SigningKey;

    fn decode_signature(bytes: &[u8]) -> Result<Signature, DecodeError> {
        let why = DecodeError::Invalid { what: "signature", why: "it must have 64 bytes" };
        bytes.try_into().map(Signature::from_bytes).map_err(|_| why)
    }

    fn encode_signature(signature: &Signature) -> Vec<u8> {
        signature.as_bytes().to_vec()
    }

    fn decode_public_key(bytes: &[u8]) -> Result<PublicKey, DecodeError> {
        let why = DecodeError::Invalid { what: "public key", why: "it must have 32 bytes" };
        let id = bytes.try_into().map(ValidatorId::from_bytes).map_err(|_| why)?;
        PublicKey::decode(&id)
    }

    fn encode_public_key(key: &PublicKey) -> Vec<u8> {
        key.as_dalek().to_bytes().to_vec()
    }
}

/// Verifies what peers signed on one network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct StrictVerifier {
    network: NetworkId,
}

impl StrictVerifier {
    pub(crate) fn new(network: NetworkId) -> Self {
        Self { network }
    }

    /// Whether a vote is signed by `key`.
    pub(crate) fn vote_is_valid(&self, vote: &Vote, signature: &Signature, key: &PublicKey) -> bool {
        vote.sign_bytes(&self.network).is_some_and(|bytes| key.verify(&bytes, signature))
    }
}

#[async_trait]
impl Verifier<FairlaneContext> for StrictVerifier {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::from_bool(self.vote_is_valid(vote, signature, key)))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &ProposalMessage,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        let valid = proposal.sign_bytes(&self.network).is_some_and(|bytes| key.verify(&bytes, signature));
        Ok(VerificationResult::from_bool(valid))
    }

    async fn verify_signed_vote_extension(
        &self,
        _scope: &VoteExtensionScope<FairlaneContext>,
        _extension: &(),
        _signature: &Signature,
        _key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::Invalid)
    }

    async fn verify_validator_proof(
        &self,
        proof: &ValidatorProof<FairlaneContext>,
    ) -> Result<VerificationResult, Error> {
        let Ok(key) = proof.decoded_public_key() else {
            return Ok(VerificationResult::Invalid);
        };
        let message = Domain::IDENTITY.sign_bytes(&proof.preimage());
        Ok(VerificationResult::from_bool(key.verify(&message, &proof.signature)))
    }
}

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
        self.gate.pass(vote.height.0).await;
        Ok(SignedVote::new(vote, self.key.sign(&message)))
    }

    async fn sign_proposal(
        &self,
        proposal: ProposalMessage,
    ) -> Result<SignedProposal<FairlaneContext>, Error> {
        let message = proposal.sign_bytes(&self.network).ok_or_else(Error::new)?;
        self.gate.pass(proposal.height.0).await;
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
