//! Verifying consensus messages with ed25519, by the strict rule everywhere.
//!
//! A vote that consensus counts must be one that the slashing contract accepts, or an offender could escape with
//! signatures that only one of them takes. So there is one verification function, `PublicKey::verify`, and no
//! batch verification. A signature that fails is an answer (`Invalid`), never an error: peers choose those bytes.

#[cfg(test)]
mod tests;

use crate::{FairlaneContext, ProposalMessage, Vote};
use arc_malachitebft_core_types::{SigningScheme, ValidatorProof, VoteExtensionScope};
use arc_malachitebft_signing::{Error, VerificationResult, Verifier};
use async_trait::async_trait;
use fairlane_types::crypto::PublicKey;
use fairlane_types::{DecodeError, Domain, NetworkId, Signature, SigningKey, ValidatorId};

/// The signature scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ed25519;

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

/// The strict rule for one signature.
pub trait SignatureCheck: Send + Sync {
    /// Whether `signature` is the key's over `message`. An implementation may remember answers of
    /// [`PublicKey::verify`], and gives no others.
    fn is_valid(&self, key: &PublicKey, message: &[u8; 47], signature: &Signature) -> bool;
}

/// Verifies each time it is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Strict;

impl SignatureCheck for Strict {
    fn is_valid(&self, key: &PublicKey, message: &[u8; 47], signature: &Signature) -> bool {
        key.verify(message, signature)
    }
}

/// Verifies what peers signed on one network.
#[derive(Clone, Copy, Debug)]
pub struct StrictVerifier<C = Strict> {
    network: NetworkId,
    check: C,
}

impl StrictVerifier {
    /// A verifier for a network that remembers nothing.
    pub fn new(network: NetworkId) -> Self {
        Self { network, check: Strict }
    }
}

impl<C: SignatureCheck> StrictVerifier<C> {
    /// A verifier for a network that asks `check`.
    pub fn with(network: NetworkId, check: C) -> Self {
        Self { network, check }
    }

    /// Whether a vote is signed by `key`.
    pub fn vote_is_valid(&self, vote: &Vote, signature: &Signature, key: &PublicKey) -> bool {
        let message = vote.sign_bytes(&self.network);
        message.is_some_and(|message| self.check.is_valid(key, &message, signature))
    }

    /// Whether a proposal is signed by `key`.
    pub fn proposal_is_valid(
        &self,
        proposal: &ProposalMessage,
        signature: &Signature,
        key: &PublicKey,
    ) -> bool {
        let message = proposal.sign_bytes(&self.network);
        message.is_some_and(|message| self.check.is_valid(key, &message, signature))
    }
}

#[async_trait]
impl<C: SignatureCheck> Verifier<FairlaneContext> for StrictVerifier<C> {
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
        Ok(VerificationResult::from_bool(self.proposal_is_valid(proposal, signature, key)))
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
        Ok(VerificationResult::from_bool(self.check.is_valid(&key, &message, &proof.signature)))
    }
}
