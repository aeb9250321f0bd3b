//! The blocks by which validator sets hand over, which a store keeps for ever: they lead from genesis to the set in force.

use fairlane_types::{
    BlockHeader, CommitCertificate, Decode, DecodeError, Encode, Reader, ValidatorSet, Writer,
};

/// A block by which one validator set hands over to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// The block's header, which announces the next set.
    pub header: BlockHeader,
    /// The precommits of the set before.
    pub certificate: CommitCertificate,
    /// The next set.
    pub validators: ValidatorSet,
}

impl Encode for Handover {
    fn encode(&self, out: &mut Writer) {
        self.header.encode(out);
        self.certificate.encode(out);
        self.validators.encode(out);
    }
}

impl Decode for Handover {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            header: Decode::decode(input)?,
            certificate: Decode::decode(input)?,
            validators: Decode::decode(input)?,
        })
    }
}
