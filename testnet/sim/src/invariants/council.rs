//! Who decides which height: the validator sets in force, and how much power is how much in each.

use super::{Verdict, broken};
use crate::observe::Committed;
use crate::setup::Setup;
use fairlane_types::{Height, L1Anchor, LaneId, ValidatorId, ValidatorSet};
use std::collections::BTreeMap;

/// The set that decides a height, by the validators' places.
#[derive(Clone, Debug)]
pub(crate) struct Council {
    set: ValidatorSet,
    powers: Vec<u64>,
    lanes: Vec<Option<LaneId>>,
}

impl Council {
    fn new(setup: &Setup, set: &ValidatorSet) -> Self {
        let mut powers = vec![0; setup.count()];
        let mut lanes = vec![None; setup.count()];
        for member in set.members() {
            let place = setup.places[&member.id];
            powers[place] = member.power.get();
            lanes[place] = Some(member.lane());
        }
        Self { set: set.clone(), powers, lanes }
    }

    /// The lane of the validator at a place, while it is in the set.
    pub(crate) fn lane(&self, place: usize) -> Option<LaneId> {
        self.lanes[place]
    }

    /// All lanes, in the order of their validators.
    pub(super) fn lanes(&self) -> impl Iterator<Item = LaneId> {
        self.lanes.iter().flatten().copied()
    }

    /// Its power; none outside of the set.
    pub(crate) fn power(&self, place: usize) -> u64 {
        self.powers[place]
    }

    pub(crate) fn power_of(&self, places: impl IntoIterator<Item = usize>) -> u64 {
        places.into_iter().map(|place| self.powers[place]).sum()
    }

    pub(crate) fn total(&self) -> u64 {
        self.powers.iter().sum()
    }

    /// The most power that may be faulty: the greatest whole number below a third.
    pub(super) fn faulty(&self) -> u64 {
        (self.total() - 1) / 3
    }

    pub(crate) fn quorum(&self) -> u64 {
        self.total() - self.faulty()
    }

    pub(super) fn majority(&self) -> u64 {
        self.total() / 2 + 1
    }
}

/// The sets in force so far.
pub(super) struct Councils {
    /// By the first height that each decides.
    by_height: BTreeMap<Height, Council>,
    anchor: L1Anchor,
}

impl Councils {
    pub(super) fn new(setup: &Setup) -> Self {
        let first = Council::new(setup, &setup.genesis.validators);
        Self { by_height: BTreeMap::from([(Height::FIRST, first)]), anchor: L1Anchor::default() }
    }

    /// The one that decides a height.
    pub(super) fn at(&self, height: Height) -> &Council {
        let known = self.by_height.range(..=height).next_back();
        known.map(|(_, council)| council).expect("the first council decides the first height")
    }

    /// The one that decides the next block.
    pub(super) fn now(&self) -> &Council {
        let newest = self.by_height.values().next_back();
        newest.expect("the first council is never taken away")
    }

    /// The last lane of the validator at a place, and the block that handed over to a set without it, if one did.
    pub(super) fn last_lane(&self, place: usize) -> Option<(LaneId, Option<Height>)> {
        let mut ended = None;
        for (first, council) in self.by_height.iter().rev() {
            if let Some(lane) = council.lane(place) {
                return Some((lane, ended));
            }
            ended = first.previous();
        }
        None
    }

    pub(super) fn hand_overs(&self) -> u64 {
        self.by_height.len() as u64 - 1
    }

    /// The next block of the chain: anchor and set are Ethereum's, one epoch at a time, and somebody honest had seen it.
    /// Gives the set before, where the block hands over.
    pub(super) fn committed(
        &mut self,
        now: u64,
        setup: &Setup,
        honest: &[bool],
        block: &Committed,
    ) -> Result<Option<Council>, (&'static str, String)> {
        let (header, next) = (&block.proposal.header, &block.proposal.next_validators);
        let present = self.now().clone();
        let after = next.as_ref().unwrap_or(&present.set);
        if (header.validators_hash, header.next_validators_hash) != (present.set.hash(), after.hash()) {
            return broken("a header names the sets in force", format!("block {}", header.height));
        }
        if header.l1_anchor == self.anchor && next.is_none() {
            return Ok(None);
        }
        let epoch = setup.epoch_after(&self.anchor).filter(|epoch| epoch.anchor == header.l1_anchor);
        let Some(epoch) = epoch else {
            let what =
                format!("block {} goes from {:?} to {:?}", header.height, self.anchor, header.l1_anchor);
            return broken("anchors step from epoch to epoch", what);
        };
        let saw = |place: usize| honest[place] && epoch.seen[place].is_some_and(|at| at <= now);
        if !(0..setup.count()).any(|place| present.power(place) > 0 && saw(place)) {
            return broken("somebody honest saw the anchor", format!("block {}", header.height));
        }
        let due = (epoch.set != present.set).then_some(&epoch.set);
        if next.as_ref() != due {
            return broken("the next set is Ethereum's", format!("block {}: {next:?}", header.height));
        }
        self.anchor = header.l1_anchor;
        let Some(next) = next else { return Ok(None) };
        self.by_height.insert(header.height.next(), Council::new(setup, next));
        Ok(Some(present))
    }

    /// Whether a validator is in the set that decides the next block.
    pub(super) fn has(&self, validator: &ValidatorId) -> bool {
        self.now().set.get(validator).is_some()
    }
}

/// Evidence in a block accuses members only.
pub(super) fn accuses_members(councils: &Councils, block: &Committed) -> Verdict {
    match block.proposal.evidence.iter().find(|piece| !councils.has(&piece.offender())) {
        Some(piece) => broken("a block accuses members only", format!("{:?}", piece.slot())),
        None => Ok(()),
    }
}
