//! Evidence: whether two signed statements prove an offence (`docs/protocol.md`, "Evidence").
//!
//! The rule is the one that the contracts apply: the same offender, the same slot, statements that differ, and both
//! signatures valid. Whether the offender is or was in a validator set is the caller's question, since an offence
//! outlives the membership.

use fairlane_types::crypto::PublicKey;
use fairlane_types::evidence::OffenceSlot;
use fairlane_types::{DecodeError, Evidence, NetworkId, Signature, ValidatorId};

/// Why statements prove no offence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// A statement is from another network.
    #[error("statement {side} is from network {found}, not {expected}")]
    Network {
        /// Which statement, 0 or 1.
        side: usize,
        /// The verifier's network.
        expected: NetworkId,
        /// The statement's.
        found: NetworkId,
    },
    /// The statements name different offenders or slots.
    #[error("the statements are about different slots: {first:?} and {second:?}")]
    Slots {
        /// The first statement's slot.
        first: OffenceSlot,
        /// The second's.
        second: OffenceSlot,
    },
    /// The statements say the same.
    #[error("both statements say the same")]
    Same,
    /// The offender's key is not usable.
    #[error("the key of {offender}: {source}")]
    Key {
        /// Who is named.
        offender: ValidatorId,
        /// What is wrong with the key.
        source: DecodeError,
    },
    /// A signature is not the offender's.
    #[error("statement {side} is not signed by {offender}")]
    Signature {
        /// Which statement, 0 or 1.
        side: usize,
        /// Who is named.
        offender: ValidatorId,
    },
}

/// One of the two statements, reduced to what the rule looks at.
struct Statement {
    offender: ValidatorId,
    network: NetworkId,
    slot: OffenceSlot,
    message: [u8; 47],
    signature: Signature,
}

/// Checks that the evidence proves an offence, and tells which.
pub fn verify_evidence(evidence: &Evidence, network: &NetworkId) -> Result<OffenceSlot, EvidenceError> {
    let statements = statements(evidence, network);
    let [first, second] = &statements;
    for (side, statement) in statements.iter().enumerate() {
        if statement.network != *network {
            return Err(EvidenceError::Network { side, expected: *network, found: statement.network });
        }
    }
    if first.slot != second.slot {
        return Err(EvidenceError::Slots { first: first.slot, second: second.slot });
    }
    if first.message == second.message {
        return Err(EvidenceError::Same);
    }
    let offender = first.offender;
    let key = PublicKey::decode(&offender).map_err(|source| EvidenceError::Key { offender, source })?;
    for (side, statement) in statements.iter().enumerate() {
        if !key.verify(&statement.message, &statement.signature) {
            return Err(EvidenceError::Signature { side, offender });
        }
    }
    Ok(first.slot)
}

/// Votes and proposals do not carry their network: it is in the signed bytes, so that a vote of another network fails
/// by its signature.
fn statements(evidence: &Evidence, network: &NetworkId) -> [Statement; 2] {
    match evidence {
        Evidence::LaneEquivocation(pair) => pair.each_ref().map(|side| Statement {
            offender: side.header.lane.validator,
            network: side.header.network,
            slot: side.slot(),
            message: side.header.sign_bytes(),
            signature: side.signature,
        }),
        Evidence::DoubleVote(pair) => pair.each_ref().map(|side| Statement {
            offender: side.validator,
            network: *network,
            slot: side.slot(),
            message: side.sign_bytes(network),
            signature: side.signature,
        }),
        Evidence::DoubleProposal(pair) => pair.each_ref().map(|side| Statement {
            offender: side.validator,
            network: *network,
            slot: side.slot(),
            message: side.sign_bytes(network),
            signature: side.signature,
        }),
    }
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
