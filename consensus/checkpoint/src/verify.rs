//! Whether a quorum signed a checkpoint, one validator did, or one signed two that contradict each other.

use crate::keys::{PublicKey, verify_sum};
use crate::set::CheckpointSet;
use fairlane_types::checkpoint::{
    Checkpoint, CheckpointCertificate, CheckpointConflict, CheckpointSignature, SignedCheckpoint, Signers,
};
use fairlane_types::{Hash32, Height, NetworkId, ValidatorId, VotingPower};

/// Why a checkpoint, or evidence of two, is not what it claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is another network's.
    #[error("the checkpoint is of network {found}, not {expected}")]
    Network {
        /// The verifier's network.
        expected: NetworkId,
        /// The checkpoint's.
        found: NetworkId,
    },
    /// It is another set's.
    #[error("the checkpoint at height {height} is of validator set {found}, not {expected}")]
    ValidatorSet {
        /// The height.
        height: Height,
        /// The hash of the set at hand.
        expected: Hash32,
        /// The hash in the checkpoint.
        found: Hash32,
    },
    /// Who signed is not in the set.
    #[error("{0} is not in the validator set")]
    NotAMember(ValidatorId),
    /// A bit is set that stands for nobody.
    #[error("the signers {signers:?} are not all among {members} members")]
    UnknownSigner {
        /// Who is said to have signed.
        signers: Signers,
        /// The size of the set.
        members: usize,
    },
    /// The signers' power is no quorum.
    #[error("the signers have power {power} and a quorum is {quorum}")]
    NoQuorum {
        /// Power of the signers.
        power: u64,
        /// Power that decides.
        quorum: u64,
    },
    /// The signature is not the signers'.
    #[error("the signature of the checkpoint at height {0} is not valid")]
    Signature(Height),
    /// The key in evidence is no usable point.
    #[error("the checkpoint key of {0} is no usable point")]
    Key(ValidatorId),
    /// Both checkpoints can be true.
    #[error("checkpoints at heights {first} and {second} do not contradict each other")]
    NoConflict {
        /// The height of one.
        first: Height,
        /// The height of the other.
        second: Height,
    },
}

fn check_place(
    checkpoint: &Checkpoint,
    network: &NetworkId,
    set: &CheckpointSet,
) -> Result<(), CheckpointError> {
    if checkpoint.network != *network {
        return Err(CheckpointError::Network { expected: *network, found: checkpoint.network });
    }
    let (height, expected, found) = (checkpoint.height, set.hash(), checkpoint.validators_hash);
    if found != expected {
        return Err(CheckpointError::ValidatorSet { height, expected, found });
    }
    Ok(())
}

/// Checks that a quorum of `set` signed, and tells the power behind it. That the set is the one of the height, and may still
/// be trusted, is the caller's to know.
pub fn verify_certificate(
    certificate: &CheckpointCertificate,
    network: &NetworkId,
    set: &CheckpointSet,
) -> Result<VotingPower, CheckpointError> {
    let CheckpointCertificate { checkpoint, signers, signature } = certificate;
    check_place(checkpoint, network, set)?;
    let members = set.validators().len();
    let (keys, power) =
        set.signing(signers).ok_or(CheckpointError::UnknownSigner { signers: *signers, members })?;
    let quorum = set.validators().quorums().quorum;
    if power.get() < quorum {
        return Err(CheckpointError::NoQuorum { power: power.get(), quorum });
    }
    if !verify_sum(&keys, &checkpoint.sign_bytes(), signature) {
        return Err(CheckpointError::Signature(checkpoint.height));
    }
    Ok(power)
}

/// Checks one member's signature, and tells the member's place in the set.
pub fn verify_signed(
    signed: &SignedCheckpoint,
    network: &NetworkId,
    set: &CheckpointSet,
) -> Result<usize, CheckpointError> {
    let SignedCheckpoint { validator, checkpoint, signature } = signed;
    check_place(checkpoint, network, set)?;
    let (place, key) = set.member(validator).ok_or(CheckpointError::NotAMember(*validator))?;
    if !key.verify(checkpoint, signature) {
        return Err(CheckpointError::Signature(checkpoint.height));
    }
    Ok(place)
}

/// Checks that the key in the evidence signed two different checkpoints of one height. Whose the key is, the StakeManager
/// knows.
pub fn verify_conflict(conflict: &CheckpointConflict, network: &NetworkId) -> Result<(), CheckpointError> {
    let [(first, _), (second, _)] = conflict.statements.as_ref();
    if first.height != second.height || first == second {
        return Err(CheckpointError::NoConflict { first: first.height, second: second.height });
    }
    let key = PublicKey::decode(&conflict.key).map_err(|_| CheckpointError::Key(conflict.validator))?;
    conflict.statements.iter().try_for_each(|statement| verify_statement(statement, network, &key))
}

fn verify_statement(
    (checkpoint, signature): &(Checkpoint, CheckpointSignature),
    network: &NetworkId,
    key: &PublicKey,
) -> Result<(), CheckpointError> {
    if checkpoint.network != *network {
        return Err(CheckpointError::Network { expected: *network, found: checkpoint.network });
    }
    if !key.verify(checkpoint, signature) {
        return Err(CheckpointError::Signature(checkpoint.height));
    }
    Ok(())
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
