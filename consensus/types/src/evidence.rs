//! Evidence: two statements by one validator that no honest validator makes both of.
//!
//! Each offence is proven by two signatures alone. [`Evidence::slot`] names the offence independently of the bytes
//! that prove it, so that one offence counts once, whatever the pair of statements and their order.
//! Judging the signatures is `fairlane-verify`'s job.

use crate::codec::{Decode, DecodeError, Encode, Reader, Writer};
use crate::crypto::{Domain, Hash32, Signature};
use crate::ids::{Height, Incarnation, LaneSeq, Round, ValidatorId};
use crate::segment::SegmentHeader;
use crate::vote::{SignedProposal, SignedVote, VoteKind};

/// The most pieces of evidence in one block.
pub const MAX_PER_BLOCK: usize = 64;
/// Bytes of the shortest piece of evidence.
pub const MIN_BYTES: usize = 1 + 2 * 142;

/// A signed segment header, without the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedSegmentHeader {
    /// The header.
    pub header: SegmentHeader,
    /// The lane's signature.
    pub signature: Signature,
}

impl Encode for SignedSegmentHeader {
    fn encode(&self, out: &mut Writer) {
        self.header.encode(out);
        self.signature.encode(out);
    }
}

impl Decode for SignedSegmentHeader {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        Ok(Self { header: Decode::decode(input)?, signature: Decode::decode(input)? })
    }
}

/// A proven offence, once its signatures are found valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Two different segments at one place of one lane.
    LaneEquivocation(Box<[SignedSegmentHeader; 2]>),
    /// Two different votes of one kind in one round.
    DoubleVote(Box<[SignedVote; 2]>),
    /// Two different proposals in one round.
    DoubleProposal(Box<[SignedProposal; 2]>),
}

/// Which offence: one slot is punished once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OffenceSlot {
    /// A place in a lane.
    Lane(ValidatorId, Incarnation, LaneSeq),
    /// A vote in a round.
    Vote(ValidatorId, VoteKind, Height, Round),
    /// A proposal in a round.
    Proposal(ValidatorId, Height, Round),
}

impl Evidence {
    const LANE: u8 = 1;
    const VOTE: u8 = 2;
    const PROPOSAL: u8 = 3;

    /// The offender that the first statement names.
    pub fn offender(&self) -> ValidatorId {
        match self.slot() {
            OffenceSlot::Lane(offender, ..)
            | OffenceSlot::Vote(offender, ..)
            | OffenceSlot::Proposal(offender, ..) => offender,
        }
    }

    /// The offence that the first statement names.
    pub fn slot(&self) -> OffenceSlot {
        match self {
            Self::LaneEquivocation(pair) => {
                let [first, _] = pair.as_ref();
                first.slot()
            }
            Self::DoubleVote(pair) => {
                let [first, _] = pair.as_ref();
                first.slot()
            }
            Self::DoubleProposal(pair) => {
                let [first, _] = pair.as_ref();
                first.slot()
            }
        }
    }
}

impl SignedSegmentHeader {
    /// The place that the statement is about.
    pub fn slot(&self) -> OffenceSlot {
        OffenceSlot::Lane(self.header.lane.validator, self.header.lane.incarnation, self.header.seq)
    }
}

impl SignedVote {
    /// The vote that the statement is about.
    pub fn slot(&self) -> OffenceSlot {
        OffenceSlot::Vote(self.validator, self.kind, self.height, self.round)
    }
}

impl SignedProposal {
    /// The proposal that the statement is about.
    pub fn slot(&self) -> OffenceSlot {
        OffenceSlot::Proposal(self.validator, self.height, self.round)
    }
}

impl Encode for Evidence {
    fn encode(&self, out: &mut Writer) {
        match self {
            Self::LaneEquivocation(pair) => {
                out.u8(Self::LANE);
                pair.iter().for_each(|side| side.encode(out));
            }
            Self::DoubleVote(pair) => {
                out.u8(Self::VOTE);
                pair.iter().for_each(|side| side.encode(out));
            }
            Self::DoubleProposal(pair) => {
                out.u8(Self::PROPOSAL);
                pair.iter().for_each(|side| side.encode(out));
            }
        }
    }
}

fn decode_pair<T: Decode>(input: &mut Reader) -> Result<Box<[T; 2]>, DecodeError> {
    Ok(Box::new([T::decode(input)?, T::decode(input)?]))
}

impl Decode for Evidence {
    fn decode(input: &mut Reader) -> Result<Self, DecodeError> {
        match input.take_u8()? {
            Self::LANE => decode_pair(input).map(Self::LaneEquivocation),
            Self::VOTE => decode_pair(input).map(Self::DoubleVote),
            Self::PROPOSAL => decode_pair(input).map(Self::DoubleProposal),
            _ => Err(DecodeError::Invalid {
                what: "evidence kind",
                why: "it is not 1 (lane), 2 (vote) or 3 (proposal)",
            }),
        }
    }
}

/// The root over a block's evidence.
pub fn root(evidence: &[Evidence]) -> Hash32 {
    let mut out = Writer::new();
    out.list(evidence);
    Domain::EVIDENCE.hash(&[out.as_slice()])
}
