//! What proves an offence: statements in consensus keys, which blocks carry too, or two checkpoints of one height in a
//! checkpoint key, which only Ethereum knows.

use fairlane_checkpoint::{CheckpointError, verify_conflict};
use fairlane_l1::checkpoint as contract;
use fairlane_types::codec::{Decode as _, DecodeError, Encode, Reader, Writer};
use fairlane_types::{CheckpointConflict, Evidence, Hash32, NetworkId, ValidatorId};
use fairlane_verify::{EvidenceError, verify_evidence};

/// An offence's name: the one that the contracts use (docs/protocol.md, "Reporting").
pub type OffenceId = Hash32;

/// A proof of an offence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Two statements of lanes or consensus.
    Consensus(Evidence),
    /// Two checkpoints of one height.
    Checkpoints(CheckpointConflict),
}

/// Why a proof does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// As a proof by consensus keys.
    #[error(transparent)]
    Consensus(#[from] EvidenceError),
    /// As a proof by a checkpoint key.
    #[error(transparent)]
    Checkpoints(#[from] CheckpointError),
}

impl Proof {
    /// Reads a proof that fills the input. Not all proofs name their network: it is the reader's.
    pub fn from_bytes(network: NetworkId, bytes: impl Into<bytes::Bytes>) -> Result<Self, DecodeError> {
        let mut input = Reader::new(bytes);
        let proof = Self::decode(network, &mut input)?;
        input.finish()?;
        Ok(proof)
    }

    /// Reads a proof.
    pub(super) fn decode(network: NetworkId, input: &mut Reader) -> Result<Self, DecodeError> {
        match input.clone().take_u8()? {
            CheckpointConflict::KIND => CheckpointConflict::decode(network, input).map(Self::Checkpoints),
            _ => Evidence::decode(input).map(Self::Consensus),
        }
    }

    /// Whom it accuses.
    pub fn offender(&self) -> ValidatorId {
        match self {
            Self::Consensus(evidence) => evidence.offender(),
            Self::Checkpoints(conflict) => conflict.validator,
        }
    }

    /// The offence's name.
    pub fn id(&self) -> OffenceId {
        let slot = match self {
            Self::Consensus(evidence) => fairlane_l1::evidence::slot(evidence),
            Self::Checkpoints(conflict) => contract::conflict_slot(conflict),
        };
        Hash32::from_bytes(slot.0)
    }

    /// Checks that it proves what it says. Whose a checkpoint key is, only the contracts know.
    pub fn verify(&self, network: &NetworkId) -> Result<(), ProofError> {
        match self {
            Self::Consensus(evidence) => verify_evidence(evidence, network).map(drop)?,
            Self::Checkpoints(conflict) => verify_conflict(conflict, network)?,
        }
        Ok(())
    }
}

/// The evidence's own bytes, as the contracts take them.
impl Encode for Proof {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::Consensus(evidence) => evidence.encode(out),
            Self::Checkpoints(conflict) => conflict.encode(out),
        }
    }
}

impl From<Evidence> for Proof {
    fn from(evidence: Evidence) -> Self {
        Self::Consensus(evidence)
    }
}

impl From<&Evidence> for Proof {
    fn from(evidence: &Evidence) -> Self {
        Self::Consensus(evidence.clone())
    }
}

impl From<CheckpointConflict> for Proof {
    fn from(conflict: CheckpointConflict) -> Self {
        Self::Checkpoints(conflict)
    }
}
