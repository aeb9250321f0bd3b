//! Signatures of consensus messages: real ed25519, each checked once in a run.
//!
//! Verification is a function of its arguments, and many validators ask the same, so answers are shared.

use super::{FairlaneContext, ProposalMessage, Vote};
use arc_malachitebft_core_types::{SigningScheme, ValidatorProof, VoteExtensionScope};
use arc_malachitebft_signing::{Error, VerificationResult, Verifier};
use async_trait::async_trait;
use fairlane_types::crypto::PublicKey;
use fairlane_types::{DecodeError, NetworkId, Signature, SigningKey, ValidatorId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

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

type Question = ([u8; 32], [u8; 47], [u8; 64]);

/// Verifies what validators signed on one network, and remembers the answers.
#[derive(Clone, Debug)]
pub(crate) struct Crypto {
    network: NetworkId,
    known: Arc<Mutex<BTreeMap<Question, bool>>>,
}

impl Crypto {
    pub(crate) fn new(network: NetworkId) -> Self {
        Self { network, known: Arc::default() }
    }

    /// Whether `signature` is the key's over `message`.
    pub(crate) fn is_valid(&self, key: &PublicKey, message: [u8; 47], signature: &Signature) -> bool {
        let question = (key.as_dalek().to_bytes(), message, *signature.as_bytes());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(question).or_insert_with(|| key.verify(&message, signature))
    }
}

#[async_trait]
impl Verifier<FairlaneContext> for Crypto {
    async fn verify_signed_vote(
        &self,
        vote: &Vote,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        let valid = self.is_valid(key, vote.sign_bytes(&self.network), signature);
        Ok(VerificationResult::from_bool(valid))
    }

    async fn verify_signed_proposal(
        &self,
        proposal: &ProposalMessage,
        signature: &Signature,
        key: &PublicKey,
    ) -> Result<VerificationResult, Error> {
        let valid = self.is_valid(key, proposal.sign_bytes(&self.network), signature);
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
        _proof: &ValidatorProof<FairlaneContext>,
    ) -> Result<VerificationResult, Error> {
        Ok(VerificationResult::Invalid)
    }
}
