//! Votes, proposals, certificates of prevotes and of rounds, log entries and validator proofs.

use super::{Wire, read_defined_round, read_list, unknown_tag, write_list};
use arc_malachitebft_app::consensus::LivenessMsg;
use arc_malachitebft_app::types::core::{
    NilOrVal, PolkaCertificate, PolkaSignature, Round as MalachiteRound, RoundCertificate,
    RoundCertificateType, RoundSignature, SignedMessage, ValidatorProof, Validity, VoteType,
};
use arc_malachitebft_app::types::{ProposedValue, SignedConsensusMsg};
use fairlane_agreement::{
    Address, BlockHeight, BlockValue, FairlaneContext, ProposalMessage, Vote, malachite_round, vote_type,
};
use fairlane_types::codec::{Decode as _, DecodeError, Encode as _, Reader, Writer};
use fairlane_types::validator::MAX_VALIDATORS;
use fairlane_types::vote::VoteKind;
use fairlane_types::{BlockId, Signature};

/// The longest public key and peer id in a validator proof.
const MAX_PROOF_FIELD_BYTES: usize = 128;
/// Bytes of a signature with its address, the least that a certificate's entry has.
const ENTRY_BYTES: usize = 96;

impl Wire for NilOrVal<BlockId> {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Nil => out.u8(0),
            Self::Val(block) => {
                out.u8(1);
                block.encode(out);
            }
        }
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        match input.take_u8()? {
            0 => Ok(Self::Nil),
            1 => BlockId::decode(input).map(Self::Val),
            _ => Err(unknown_tag("vote target")),
        }
    }
}

fn vote_kind(vote_type: VoteType) -> VoteKind {
    match vote_type {
        VoteType::Prevote => VoteKind::Prevote,
        VoteType::Precommit => VoteKind::Precommit,
    }
}

// Vote and proposal are named as they are: the compiler does not follow the context's associated types of another
// crate when it looks whether two implementations overlap.
impl Wire for SignedMessage<FairlaneContext, Vote> {
    fn write(&self, out: &mut Writer) {
        let vote = &self.message;
        out.u8(vote.kind.tag());
        vote.height.write(out);
        vote.round.write(out);
        vote.value.write(out);
        vote.validator.write(out);
        self.signature.encode(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        let vote = Vote {
            kind: VoteKind::from_tag(input.take_u8()?)?,
            height: BlockHeight::read(input)?,
            round: malachite_round(Some(read_defined_round(input)?)),
            value: NilOrVal::read(input)?,
            validator: Address::read(input)?,
        };
        Ok(Self::new(vote, Signature::decode(input)?))
    }
}

impl Wire for SignedMessage<FairlaneContext, ProposalMessage> {
    fn write(&self, out: &mut Writer) {
        let proposal = &self.message;
        proposal.height.write(out);
        proposal.round.write(out);
        proposal.value.0.encode(out);
        proposal.pol_round.write(out);
        proposal.proposer.write(out);
        self.signature.encode(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        let proposal = ProposalMessage {
            height: BlockHeight::read(input)?,
            round: malachite_round(Some(read_defined_round(input)?)),
            value: BlockValue(BlockId::decode(input)?),
            pol_round: MalachiteRound::read(input)?,
            proposer: Address::read(input)?,
        };
        Ok(Self::new(proposal, Signature::decode(input)?))
    }
}

impl Wire for SignedConsensusMsg<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Vote(vote) => {
                out.u8(0);
                vote.write(out);
            }
            Self::Proposal(proposal) => {
                out.u8(1);
                proposal.write(out);
            }
        }
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        match input.take_u8()? {
            0 => SignedMessage::read(input).map(Self::Vote),
            1 => SignedMessage::read(input).map(Self::Proposal),
            _ => Err(unknown_tag("consensus message")),
        }
    }
}

impl Wire for LivenessMsg<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        match self {
            Self::Vote(vote) => {
                out.u8(0);
                vote.write(out);
            }
            Self::PolkaCertificate(certificate) => {
                out.u8(1);
                certificate.write(out);
            }
            Self::SkipRoundCertificate(certificate) => {
                out.u8(2);
                certificate.write(out);
            }
        }
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        match input.take_u8()? {
            0 => SignedMessage::read(input).map(Self::Vote),
            1 => PolkaCertificate::read(input).map(Self::PolkaCertificate),
            2 => RoundCertificate::read(input).map(Self::SkipRoundCertificate),
            _ => Err(unknown_tag("liveness message")),
        }
    }
}

impl Wire for PolkaSignature<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        self.address.write(out);
        self.signature.encode(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { address: Address::read(input)?, signature: Signature::decode(input)? })
    }
}

impl Wire for PolkaCertificate<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        self.height.write(out);
        self.round.write(out);
        self.value_id.encode(out);
        write_list(&self.polka_signatures, out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            height: BlockHeight::read(input)?,
            round: malachite_round(Some(read_defined_round(input)?)),
            value_id: BlockId::decode(input)?,
            polka_signatures: read_list(input, "prevotes", MAX_VALIDATORS, ENTRY_BYTES)?,
        })
    }
}

impl Wire for RoundSignature<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        out.u8(vote_kind(self.vote_type).tag());
        self.value_id.write(out);
        self.address.write(out);
        self.signature.encode(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            vote_type: vote_type(VoteKind::from_tag(input.take_u8()?)?),
            value_id: NilOrVal::read(input)?,
            address: Address::read(input)?,
            signature: Signature::decode(input)?,
        })
    }
}

impl Wire for RoundCertificate<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        self.height.write(out);
        self.round.write(out);
        out.u8(match self.cert_type {
            RoundCertificateType::Skip => 0,
            RoundCertificateType::Precommit => 1,
        });
        write_list(&self.round_signatures, out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            height: BlockHeight::read(input)?,
            round: malachite_round(Some(read_defined_round(input)?)),
            cert_type: match input.take_u8()? {
                0 => RoundCertificateType::Skip,
                1 => RoundCertificateType::Precommit,
                _ => return Err(unknown_tag("round certificate")),
            },
            round_signatures: read_list(input, "round votes", 2 * MAX_VALIDATORS, ENTRY_BYTES + 2)?,
        })
    }
}

impl Wire for ProposedValue<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        self.height.write(out);
        self.round.write(out);
        self.valid_round.write(out);
        self.proposer.write(out);
        self.value.0.encode(out);
        out.u8(u8::from(self.validity.is_valid()));
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self {
            height: BlockHeight::read(input)?,
            round: MalachiteRound::read(input)?,
            valid_round: MalachiteRound::read(input)?,
            proposer: Address::read(input)?,
            value: BlockValue(BlockId::decode(input)?),
            validity: match input.take_u8()? {
                0 => Validity::Invalid,
                1 => Validity::Valid,
                _ => return Err(unknown_tag("validity")),
            },
        })
    }
}

impl Wire for ValidatorProof<FairlaneContext> {
    fn write(&self, out: &mut Writer) {
        out.var_bytes(&self.public_key);
        out.var_bytes(&self.peer_id);
        self.signature.encode(out);
    }

    fn read(input: &mut Reader) -> Result<Self, DecodeError> {
        let public_key = input.var_bytes("public key", MAX_PROOF_FIELD_BYTES)?.to_vec();
        let peer_id = input.var_bytes("peer id", MAX_PROOF_FIELD_BYTES)?.to_vec();
        Ok(Self::new(public_key, peer_id, Signature::decode(input)?))
    }
}
