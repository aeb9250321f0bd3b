//! The censorship bound: what honest validators of more power than may be faulty have held for long enough is in the
//! next block that anybody proposes.
//!
//! A block needs prevotes of a quorum, so one of those holders voted for it after it was proposed; and it would not
//! have, had the cut left the segment out. The proposer does not judge itself (after a restart it proposes an old cut
//! again), so it does not count among the holders. The bound doubles with each round. A segment whose past goes beyond
//! what a block may take of some lane is excused, and so is everything where lanes equivocate.

use super::agreement::Agreement;
use super::archive::Archive;
use super::cuts::{frozen_by, head_before};
use super::{Cast, Verdict, broken};
use crate::observe::Committed;
use crate::scenario::{FaultKind, Scenario};
use fairlane_types::{BlockId, Event, LaneId, LaneSeq, SegmentRef};
use std::collections::BTreeMap;

/// Who holds what since when.
pub(super) struct Censorship {
    /// By segment: since when each validator has held it.
    ready: BTreeMap<SegmentRef, BTreeMap<usize, u64>>,
    /// When, and by whom.
    proposed: BTreeMap<BlockId, (u64, usize)>,
    /// Validators whose clocks jump measure no durations.
    steady: Vec<bool>,
}

impl Censorship {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut steady = vec![true; scenario.powers.len()];
        for fault in &scenario.faults {
            if let FaultKind::ClockJump { validator, .. } = &fault.kind {
                steady[*validator] = false;
            }
        }
        Self { ready: BTreeMap::new(), proposed: BTreeMap::new(), steady }
    }

    pub(super) fn ready(&mut self, now: u64, place: usize, reference: SegmentRef) {
        if self.steady[place] {
            self.ready.entry(reference).or_default().entry(place).or_insert(now);
        }
    }

    pub(super) fn died(&mut self, place: usize) {
        for holders in self.ready.values_mut() {
            holders.remove(&place);
        }
    }

    /// A block is proposed; the first time counts.
    pub(super) fn proposed(&mut self, now: u64, place: usize, id: BlockId) {
        self.proposed.entry(id).or_insert((now, place));
    }

    pub(super) fn check(
        &mut self,
        cast: &Cast,
        archive: &Archive,
        agreement: &Agreement,
        block: &Committed,
    ) -> Verdict {
        let header = &block.proposal.header;
        let cut = &block.proposal.cut;
        self.ready
            .retain(|reference, _| cut.head(&reference.lane).is_some_and(|head| reference.seq > head.seq));
        let Some((proposed, proposer)) = self.proposed.remove(&header.id()) else { return Ok(()) };
        if archive.knows_equivocators() || !frozen_by(agreement, header.height).is_empty() {
            return Ok(());
        }
        let bound = cast.setup.params.timeliness_bound << block.certificate.round.get().min(20);
        for (reference, holders) in &self.ready {
            let long =
                holders.iter().filter(|(place, since)| **since + bound < proposed && **place != proposer);
            let power = cast.power_of(long.map(|(place, _)| *place));
            if power > cast.faulty() && fits(cast, archive, agreement, block, reference) {
                let what = format!(
                    "block {} leaves out segment {} of lane {}, which power {power} had held for {} ms",
                    header.height,
                    reference.seq,
                    reference.lane,
                    bound / 1_000_000
                );
                return broken("nothing is left out for long", what);
            }
        }
        Ok(())
    }
}

/// Whether a cut with this segment, and all that it builds on, keeps to what a block may take of each lane.
fn fits(
    cast: &Cast,
    archive: &Archive,
    agreement: &Agreement,
    block: &Committed,
    reference: &SegmentRef,
) -> bool {
    let window = u64::from(cast.setup.params.lane_window_segments);
    let height = block.proposal.header.height;
    let heads = block.proposal.cut.heads().iter();
    let mut heads: BTreeMap<LaneId, LaneSeq> = heads.map(|head| (head.lane, head.seq)).collect();
    let mut open = vec![*reference];
    while let Some(needed) = open.pop() {
        if block.proposal.cut.head(&needed.lane).is_none() {
            // It has left the set: nobody needs what builds on it.
            continue;
        }
        let head = heads.insert(needed.lane, needed.seq).unwrap_or_default();
        heads.insert(needed.lane, needed.seq.max(head));
        if needed.seq > head_before(agreement, height, needed.lane).seq.saturating_add(window) {
            return false;
        }
        let mut at = needed;
        while at.seq > head {
            let Some(segment) = archive.get(&at) else { return false };
            open.extend(segment.events().iter().filter_map(|event| match event {
                Event::Peer { segment: past, .. } => Some(*past),
                Event::Own { .. } => None,
            }));
            at = segment.parent();
        }
    }
    true
}
