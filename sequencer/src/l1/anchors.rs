//! Anchors: which Ethereum block the next block is anchored to, and which validator set and rollups that brings
//! (docs/protocol.md, "Anchors").
//!
//! An anchor is the first block of an epoch, so there is one choice at a time: the anchor stays, or moves to where the
//! next epoch begins. [`AnchorRule`] judges that, a pure function of what was seen; [`Anchors`] asks it about what the
//! watcher saw last, and waits a little where Ethereum is slow to be seen.

use super::watcher::{EpochStart, L1View};
use crate::in_force::InForce;
use fairlane_chain::{rollup_changes, successor};
use fairlane_l1::events::Registrations;
use fairlane_l1::{Epoch, EpochClock};
use fairlane_types::{
    Genesis, Height, L1Anchor, Proposal, ProtocolParams, RollupChanges, RollupSpec, ValidatorId, ValidatorSet,
};
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How long a judgement waits for a block that this node has not seen yet.
const PATIENCE: Duration = Duration::from_millis(500);

/// The anchor is moved at heights that are divisible by this. Where too few validators see the block, proposals that move
/// the anchor fail, and most heights must not be slowed down by that.
const MOVE_EVERY: u64 = 4;

/// A move of the anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The first block of the next epoch.
    pub anchor: L1Anchor,
    /// The set that the epoch brings, where it is another one.
    pub next_validators: Option<ValidatorSet>,
    /// The rollups that the epoch registers and closes.
    pub rollups: RollupChanges,
}

/// Why a proposal's anchor is not vouched for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnchorRefusal {
    /// This node has not seen the block, and may soon.
    #[error("Ethereum block {number} has too few confirmations here, or Ethereum is not seen")]
    NotSeen {
        /// The anchor's number.
        number: u64,
    },
    /// The network has no Ethereum.
    #[error("it has an L1 anchor, and this network follows no L1 chain")]
    NoL1,
    /// A validator set or changes of the rollups come without a new anchor.
    #[error("it changes the validator set or the rollups, and not the L1 anchor")]
    NotAnchored,
    /// The block is not the first one of the next epoch.
    #[error("its L1 anchor is block {found}, and epoch {epoch} begins with block {wanted}")]
    NotFirst {
        /// The next epoch.
        epoch: Epoch,
        /// Its first block.
        wanted: u64,
        /// The anchor's number.
        found: u64,
    },
    /// Ethereum has another block of that number.
    #[error("its L1 anchor {number} is not the block that Ethereum has")]
    OtherBlock {
        /// The anchor's number.
        number: u64,
    },
    /// Ethereum has another set for the epoch.
    #[error("the validator set that follows is not the one that Ethereum has for epoch {epoch}")]
    OtherValidators {
        /// The epoch.
        epoch: Epoch,
    },
    /// Ethereum has other registrations for the epoch.
    #[error("the rollups do not change as the registry on Ethereum says for epoch {epoch}")]
    OtherRollups {
        /// The epoch.
        epoch: Epoch,
    },
}

/// What anchors a network may have.
#[derive(Clone, Debug)]
pub struct AnchorRule {
    clock: EpochClock,
    /// The epoch of the genesis set.
    first: Epoch,
    params: ProtocolParams,
    /// The rollups of genesis, which Ethereum does not change.
    permanent: Vec<RollupSpec>,
}

impl AnchorRule {
    /// The rule of a network whose contracts have this clock.
    pub fn new(clock: EpochClock, genesis: &Genesis) -> Self {
        Self {
            clock,
            first: Epoch(genesis.l1_epoch),
            params: genesis.params.clone(),
            permanent: genesis.rollups.clone(),
        }
    }

    /// The epoch that the next anchor begins.
    pub fn next_epoch(&self, last: &L1Anchor) -> Epoch {
        let of_last = (*last != L1Anchor::default()).then(|| self.clock.epoch_of(last.number)).flatten();
        Epoch(of_last.unwrap_or(self.first).0.saturating_add(1))
    }

    /// The first block of an epoch.
    pub fn first_block(&self, epoch: Epoch) -> u64 {
        self.clock.first_block(epoch)
    }

    /// The blocks whose transactions an epoch is the first to count, as far as they change rollups. The first epoch after
    /// genesis also counts what came before.
    pub fn counts(&self, epoch: Epoch) -> RangeInclusive<u64> {
        let changed_in = self.clock.changed_in(epoch);
        if epoch.0 <= self.first.0.saturating_add(1) {
            return self.clock.start_block..=*changed_in.end();
        }
        changed_in
    }

    /// The move to where an epoch begins, from a block that leaves `present` in force.
    pub fn step(&self, present: &InForce, start: &EpochStart) -> Step {
        let Registrations { registered, closed } = &start.registrations;
        Step {
            anchor: start.block,
            next_validators: successor(&present.validators, &self.params, start.validators.as_ref()),
            rollups: rollup_changes(&present.rollups, &self.permanent, registered, closed),
        }
    }

    /// Judges the anchor of a proposal that follows a block with these in force, and what comes with it.
    pub fn check(
        &self,
        in_force: &InForce,
        proposal: &Proposal,
        view: Option<&L1View>,
    ) -> Result<(), AnchorRefusal> {
        let (found, epoch) = (proposal.header.l1_anchor, self.next_epoch(&in_force.l1_anchor));
        let wanted = self.first_block(epoch);
        if found.number != wanted {
            return Err(AnchorRefusal::NotFirst { epoch, wanted, found: found.number });
        }
        let start = view.and_then(|view| view.starts.get(&epoch));
        let start = start.ok_or(AnchorRefusal::NotSeen { number: wanted })?;
        if start.block != found {
            return Err(AnchorRefusal::OtherBlock { number: wanted });
        }
        let step = self.step(in_force, start);
        if step.next_validators != proposal.next_validators {
            return Err(AnchorRefusal::OtherValidators { epoch });
        }
        if step.rollups != proposal.rollups {
            return Err(AnchorRefusal::OtherRollups { epoch });
        }
        Ok(())
    }
}

/// The anchors of this network, as far as this node can see them.
#[derive(Clone, Debug)]
pub enum Anchors {
    /// The network has no Ethereum.
    None,
    /// This node does not look at Ethereum: it leaves anchors to the others.
    Unseen,
    /// It does.
    Seen(Sight),
}

/// What anchors are proposed and judged by.
#[derive(Clone, Debug)]
pub struct Sight {
    /// The rule.
    pub rule: AnchorRule,
    /// What was seen last.
    pub views: watch::Receiver<Option<L1View>>,
    /// For how long a block has been seen here before it is proposed: by then the others see it, too.
    pub lead: Duration,
}

impl Anchors {
    /// How the anchor moves with this node's proposal at a height, if it does.
    pub fn next(&self, height: Height, in_force: &InForce) -> Option<Step> {
        let Self::Seen(sight) = self else { return None };
        if !height.get().is_multiple_of(MOVE_EVERY) {
            return None;
        }
        sight.next(in_force).filter(|(_, seen)| seen.elapsed() >= sight.lead).map(|(step, _)| step)
    }

    /// Whether a member is about to leave the set.
    pub fn is_leaving(&self, in_force: &InForce, validator: &ValidatorId) -> bool {
        let Self::Seen(sight) = self else { return false };
        let next = sight.next(in_force).and_then(|(step, _)| step.next_validators);
        next.is_some_and(|set| set.get(validator).is_none())
    }

    /// Judges the anchor of a proposal and what comes with it. `fresh` proposals must move to a block that is seen here; where
    /// a quorum prevoted, its members saw it.
    pub async fn check(
        &self,
        in_force: &InForce,
        proposal: &Proposal,
        fresh: bool,
    ) -> Result<(), AnchorRefusal> {
        let found = proposal.header.l1_anchor;
        if found == in_force.l1_anchor {
            let stays = proposal.next_validators.is_none() && proposal.rollups.is_empty();
            return if stays { Ok(()) } else { Err(AnchorRefusal::NotAnchored) };
        }
        let verdict = match self {
            Self::None => Err(AnchorRefusal::NoL1),
            Self::Unseen => Err(AnchorRefusal::NotSeen { number: found.number }),
            Self::Seen(sight) => {
                let patience = if fresh { PATIENCE } else { Duration::ZERO };
                sight.check(in_force, proposal, Instant::now() + patience).await
            }
        };
        match verdict {
            Err(AnchorRefusal::NotSeen { .. }) if !fresh => Ok(()),
            verdict => verdict,
        }
    }
}

impl Sight {
    fn next(&self, in_force: &InForce) -> Option<(Step, Instant)> {
        let view = self.views.borrow();
        let start = view.as_ref()?.starts.get(&self.rule.next_epoch(&in_force.l1_anchor))?;
        Some((self.rule.step(in_force, start), start.seen))
    }

    async fn check(
        &self,
        in_force: &InForce,
        proposal: &Proposal,
        deadline: Instant,
    ) -> Result<(), AnchorRefusal> {
        let mut views = self.views.clone();
        loop {
            let verdict = self.rule.check(in_force, proposal, views.borrow_and_update().as_ref());
            let Err(AnchorRefusal::NotSeen { .. }) = verdict else { return verdict };
            match timeout_at(deadline, views.changed()).await {
                Ok(Ok(())) => {}
                // The watcher has ended, or nothing was seen in time.
                Ok(Err(_)) | Err(_) => return verdict,
            }
        }
    }
}

#[cfg(test)]
#[path = "anchors_tests.rs"]
mod tests;
