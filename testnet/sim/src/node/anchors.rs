//! Anchors: moving the chain on to the next epoch of Ethereum and its set, and judging who does.

use super::Node;
use crate::setup::pace;
use fairlane_chain::successor;
use fairlane_types::{L1Anchor, Proposal, ValidatorSet};

/// What a validator makes of a proposal's anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchoring {
    Good,
    /// It moves to an epoch that is not seen here.
    Unseen,
    /// It contradicts Ethereum.
    Wrong,
}

impl Node {
    /// The anchor of this validator's next block, and the set that comes with it.
    pub(super) fn next_anchor(&self) -> (L1Anchor, Option<ValidatorSet>) {
        let last = self.base.l1_anchor;
        let due = self.heights.height.get().is_multiple_of(pace::MOVE_EVERY);
        let epoch = self.setup.epoch_after(&last).filter(|epoch| {
            due && epoch.seen[self.me].is_some_and(|seen| self.shell.now >= seen + pace::LEAD)
        });
        let Some(epoch) = epoch else { return (last, None) };
        (epoch.anchor, successor(&self.base.validators, &self.setup.params, Some(&epoch.set)))
    }

    /// Judges anchor and set of a proposal for the next block. A `fresh` one must move to what is seen here; where a quorum
    /// prevoted, its members saw it.
    pub(super) fn judge_anchor(&self, proposal: &Proposal, fresh: bool) -> Anchoring {
        let (last, found) = (self.base.l1_anchor, proposal.header.l1_anchor);
        if found == last {
            return if proposal.next_validators.is_none() { Anchoring::Good } else { Anchoring::Wrong };
        }
        if found.number != last.number + 1 {
            return Anchoring::Wrong;
        }
        let epoch = self.setup.epoch_after(&last);
        match epoch.filter(|epoch| epoch.seen[self.me].is_some_and(|seen| seen <= self.shell.now)) {
            None if fresh => Anchoring::Unseen,
            None => Anchoring::Good,
            Some(epoch) => {
                let next = successor(&self.base.validators, &self.setup.params, Some(&epoch.set));
                if epoch.anchor == found && next == proposal.next_validators {
                    Anchoring::Good
                } else {
                    Anchoring::Wrong
                }
            }
        }
    }
}
