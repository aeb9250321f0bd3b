//! Commit certificates: the precommits of a quorum for one block.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::Signature;
use crate::ids::{BlockId, Height, Round, ValidatorId};
use crate::validator::MAX_VALIDATORS;

/// One validator's precommit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitSignature {
    /// Who signed.
    pub validator: ValidatorId,
    /// The signature over the precommit's sign bytes.
    pub signature: Signature,
}

impl Encode for CommitSignature {
    fn encode(&self, out: &mut Writer) {
        self.validator.encode(out);
        self.signature.encode(out);
    }
}

impl Decode for CommitSignature {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { validator: Decode::decode(input)?, signature: Decode::decode(input)? })
    }
}

/// The precommits for a block. Holding one says nothing about its validity: `fairlane-verify` judges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitCertificate {
    /// The height.
    pub height: Height,
    /// The round in which the block was decided.
    pub round: Round,
    /// The block.
    pub block: BlockId,
    /// The precommits.
    pub signatures: Vec<CommitSignature>,
}

impl Encode for CommitCertificate {
    fn encode(&self, out: &mut Writer) {
        self.height.encode(out);
        self.round.encode(out);
        self.block.encode(out);
        out.list(&self.signatures);
    }
}

impl Decode for CommitCertificate {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            height: Decode::decode(input)?,
            round: Decode::decode(input)?,
            block: Decode::decode(input)?,
            signatures: input.list("commit signatures", MAX_VALIDATORS, 96)?,
        })
    }
}
