//! Signatures: no honest validator makes two statements about one slot.

use super::{Cast, Verdict, broken};
use crate::wire::Message;
use fairlane_agreement::domain_round;
use fairlane_types::evidence::OffenceSlot;
use fairlane_types::{BlockId, Height, Round, ValidatorId, VoteKind};
use std::collections::BTreeMap;

/// What a validator said about a slot: the hash of a segment or a block; a proposal's proof-of-lock round, too.
type Said = (Option<[u8; 32]>, Option<Round>);

/// What honest validators signed and sent.
#[derive(Default)]
pub(super) struct Signatures {
    segments: BTreeMap<OffenceSlot, Said>,
    votes: BTreeMap<OffenceSlot, Said>,
}

impl Signatures {
    /// An honest validator sends a message. Only its own statements count.
    pub(super) fn sent(&mut self, cast: &Cast, place: usize, message: &Message) -> Verdict {
        let me = cast.setup.validator(place);
        match message {
            Message::Segments(segments) => segments.iter().try_for_each(|segment| {
                let (lane, seq) = (segment.header().lane, segment.header().seq);
                if lane.validator != me {
                    return Ok(());
                }
                let slot = OffenceSlot::Lane(me, lane.incarnation, seq);
                note(&mut self.segments, slot, (Some(*segment.digest().as_bytes()), None))
            }),
            Message::Vote(vote) if vote.message.validator.0 == me => {
                let round = domain_round(vote.message.round).unwrap_or(Round::ZERO);
                self.vote(me, vote.message.kind, vote.message.height.0, round, vote.message.block())
            }
            Message::Proposal(proposal) if proposal.message.proposer.0 == me => {
                let round = domain_round(proposal.message.round).unwrap_or(Round::ZERO);
                let slot = OffenceSlot::Proposal(me, proposal.message.height.0, round);
                let pol_round = domain_round(proposal.message.pol_round);
                note(&mut self.votes, slot, (Some(*proposal.message.value.0.as_bytes()), pol_round))
            }
            _ => Ok(()),
        }
    }

    fn vote(
        &mut self,
        me: ValidatorId,
        kind: VoteKind,
        height: Height,
        round: Round,
        block: Option<BlockId>,
    ) -> Verdict {
        let slot = OffenceSlot::Vote(me, kind, height, round);
        note(&mut self.votes, slot, (block.map(|block| *block.as_bytes()), None))
    }
}

fn note(said: &mut BTreeMap<OffenceSlot, Said>, slot: OffenceSlot, what: Said) -> Verdict {
    if *said.entry(slot).or_insert(what) == what {
        return Ok(());
    }
    broken("no honest validator signs two things for one slot", format!("{slot:?}"))
}
