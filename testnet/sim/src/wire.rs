//! What travels between validators, and what a validator waits for.

use crate::machine::CoreTimer;
use arc_malachitebft_core_types::{PolkaCertificate, RoundCertificate, SignedProposal, SignedVote};
use fairlane_agreement::FairlaneContext;
use fairlane_types::{
    CommitCertificate, Height, LaneId, LaneSeq, Proposal, Round, Segment, SegmentRef, Transaction,
    ValidatorId,
};
use std::sync::Arc;

/// What carries a proposed value from a round's proposer to the others.
///
/// On the wire a part is signed. Here the network vouches for `proposer`: nobody can send a part in another's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) height: Height,
    pub(crate) round: Round,
    pub(crate) valid_round: Option<Round>,
    pub(crate) proposer: ValidatorId,
    pub(crate) proposal: Arc<Proposal>,
}

/// What a validator holds of another's lane, and how far it is itself.
#[derive(Clone, Debug)]
pub(crate) struct LaneEnd {
    /// The lane's newest segment.
    pub(crate) segment: Option<Arc<Segment>>,
    /// The last height that is decided.
    pub(crate) decided: Height,
}

/// A message from one validator to another.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// Segments: a new one, or what was asked for.
    Segments(Vec<Arc<Segment>>),
    /// Asks for the chain of a lane that ends with `last`, as far as it lies above `after`.
    Fetch { last: SegmentRef, after: LaneSeq },
    /// Asks for the newest segment held of the sender's own lane, and how far the chain is. The number says which question
    /// it is.
    AskEnd(u32, LaneId),
    /// The answer.
    End(u32, LaneEnd),
    /// A vote.
    Vote(SignedVote<FairlaneContext>),
    /// A proposal.
    Proposal(SignedProposal<FairlaneContext>),
    /// The prevotes of a quorum.
    Polka(PolkaCertificate<FairlaneContext>),
    /// Votes that let others enter a round.
    RoundCertificate(RoundCertificate<FairlaneContext>),
    /// A proposed value.
    Part(Part),
    /// The last height that the sender has committed.
    Status(Height),
    /// Asks for the decision of a height.
    AskDecision(Height),
    /// A decision.
    Decision(Arc<Proposal>, CommitCertificate),
}

impl Message {
    /// A name for traces and counts.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Segments(_) => "segments",
            Self::Fetch { .. } => "fetch",
            Self::AskEnd(..) => "ask-end",
            Self::End(..) => "end",
            Self::Vote(_) => "vote",
            Self::Proposal(_) => "proposal",
            Self::Polka(_) => "polka",
            Self::RoundCertificate(_) => "round-certificate",
            Self::Part(_) => "part",
            Self::Status(_) => "status",
            Self::AskDecision(_) => "ask-decision",
            Self::Decision(..) => "decision",
        }
    }

    /// Bytes that tell messages of one kind apart, for the trace.
    pub(crate) fn digest(&self) -> [u8; 8] {
        let short = |bytes: &[u8]| {
            let mut out = [0; 8];
            out.copy_from_slice(&bytes[..8]);
            out
        };
        match self {
            Self::Segments(segments) => {
                segments.last().map_or([0; 8], |last| short(last.digest().as_bytes()))
            }
            Self::Fetch { last, .. } => short(last.digest.as_bytes()),
            Self::AskEnd(number, _) => u64::from(*number).to_be_bytes(),
            Self::End(number, end) => end
                .segment
                .as_ref()
                .map_or(u64::from(*number).to_be_bytes(), |segment| short(segment.digest().as_bytes())),
            Self::Vote(vote) => short(vote.signature.as_bytes()),
            Self::Proposal(proposal) => short(proposal.signature.as_bytes()),
            Self::Polka(certificate) => short(certificate.value_id.as_bytes()),
            Self::RoundCertificate(certificate) => certificate.round.as_i64().to_be_bytes(),
            Self::Part(part) => short(part.proposal.id().as_bytes()),
            Self::Status(height) | Self::AskDecision(height) => height.get().to_be_bytes(),
            Self::Decision(proposal, _) => short(proposal.id().as_bytes()),
        }
    }
}

/// What a validator asked to be woken for.
#[derive(Clone, Debug)]
pub(crate) enum Timer {
    /// A segment may be due.
    Seal,
    /// The own segment with this sequence is written, and its fsync ends.
    OwnSynced(LaneSeq),
    /// Missing segments may be due to be asked for.
    Fetch,
    /// The core's timeouts.
    Consensus(CoreTimer),
    /// An empty block may be due.
    Idle,
    /// The height was held back for long enough.
    Hold(Height),
    /// Nobody found a value to propose in time.
    ProposeBy(Height, u32),
    /// Others are to be told the height.
    Status,
    /// Asking for the end of the own lane goes on.
    Recover,
}

impl Timer {
    /// A name for traces.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::OwnSynced(_) => "own-synced",
            Self::Fetch => "fetch-due",
            Self::Consensus(_) => "consensus-timeout",
            Self::Idle => "idle",
            Self::Hold(_) => "hold",
            Self::ProposeBy(..) => "propose-by",
            Self::Status => "status-due",
            Self::Recover => "recover",
        }
    }
}

/// A client's submission: the transaction goes to one validator at one time.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    /// When, in nanoseconds of virtual time.
    pub(crate) at: u64,
    /// Which validator, by its place in the set.
    pub(crate) to: usize,
    /// What.
    pub(crate) transaction: Arc<Transaction>,
}
