//! Commit certificates: whether a quorum of a set precommitted a block (`docs/protocol.md`, "Consensus messages").
//!
//! All signatures must be good, not only enough of them: a certificate is made by honest software or refused. The
//! cheap checks come first, so that garbage costs no signature check.

use fairlane_types::vote::vote_sign_bytes;
use fairlane_types::{
    BlockId, CommitCertificate, Height, NetworkId, ValidatorId, ValidatorSet, VoteKind, VotingPower,
};
use std::collections::BTreeSet;

/// Why a certificate does not certify a block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// It is about another height.
    #[error("the certificate is for height {found}, not {expected}")]
    Height {
        /// The header's height.
        expected: Height,
        /// The certificate's.
        found: Height,
    },
    /// It is about another block.
    #[error("the certificate is for block {found}, not {expected}")]
    Block {
        /// The header's id.
        expected: BlockId,
        /// The certificate's.
        found: BlockId,
    },
    /// Somebody signed who is not in the set.
    #[error("signer {0} is not in the validator set")]
    UnknownSigner(ValidatorId),
    /// Somebody stands there twice.
    #[error("signer {0} stands in the certificate twice")]
    RepeatedSigner(ValidatorId),
    /// The signers' power is no quorum.
    #[error("the signers have power {power} and a quorum is {quorum}")]
    NoQuorum {
        /// Power of the signers.
        power: u64,
        /// Power that decides.
        quorum: u64,
    },
    /// A signature is not valid.
    #[error("the signature of {0} is not valid for this precommit")]
    Signature(ValidatorId),
}

/// Checks that `certificate` holds valid precommits of a quorum of `validators` for `block` at `height`, and tells
/// the power behind it.
pub fn verify_certificate(
    certificate: &CommitCertificate,
    network: &NetworkId,
    height: Height,
    block: &BlockId,
    validators: &ValidatorSet,
) -> Result<VotingPower, CertificateError> {
    if certificate.height != height {
        return Err(CertificateError::Height { expected: height, found: certificate.height });
    }
    if certificate.block != *block {
        return Err(CertificateError::Block { expected: *block, found: certificate.block });
    }
    let power = power_of_signers(certificate, validators)?;
    let quorum = validators.quorums().quorum;
    if power < quorum {
        return Err(CertificateError::NoQuorum { power, quorum });
    }
    let message = vote_sign_bytes(network, VoteKind::Precommit, height, certificate.round, Some(block));
    for commit in &certificate.signatures {
        let key =
            validators.key(&commit.validator).ok_or(CertificateError::UnknownSigner(commit.validator))?;
        if !key.verify(&message, &commit.signature) {
            return Err(CertificateError::Signature(commit.validator));
        }
    }
    Ok(VotingPower::new(power))
}

/// The power of those members of a set whose precommits in a certificate are valid, whoever else stands there. Says less
/// than [`verify_certificate`], and something also where another set decided the block: if it is more than the faulty
/// may have, an honest member has precommitted.
pub fn power_behind(
    certificate: &CommitCertificate,
    network: &NetworkId,
    validators: &ValidatorSet,
) -> VotingPower {
    let CommitCertificate { height, round, block, signatures } = certificate;
    let message = vote_sign_bytes(network, VoteKind::Precommit, *height, *round, Some(block));
    let mut counted = BTreeSet::new();
    let mut power = 0u64;
    for commit in signatures {
        let member = validators.get(&commit.validator).zip(validators.key(&commit.validator));
        if let Some((member, key)) = member
            && counted.insert(commit.validator)
            && key.verify(&message, &commit.signature)
        {
            power = power.saturating_add(member.power.get());
        }
    }
    VotingPower::new(power)
}

/// Sums the power of the signers, each of whom must be a member and stand there once.
fn power_of_signers(
    certificate: &CommitCertificate,
    validators: &ValidatorSet,
) -> Result<u64, CertificateError> {
    let mut signed = vec![false; validators.len()];
    let mut power = 0u64;
    for commit in &certificate.signatures {
        let unknown = CertificateError::UnknownSigner(commit.validator);
        let Some(at) = validators.index_of(&commit.validator) else { return Err(unknown) };
        let (Some(seen), Some(member)) = (signed.get_mut(at), validators.members().get(at)) else {
            return Err(unknown);
        };
        if std::mem::replace(seen, true) {
            return Err(CertificateError::RepeatedSigner(commit.validator));
        }
        power = power.saturating_add(member.power.get());
    }
    Ok(power)
}

#[cfg(test)]
#[path = "certificate_tests.rs"]
mod tests;
