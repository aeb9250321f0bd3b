//! Causal readiness: a segment is ready once its parent is and everything that it references is.
//!
//! Ready segments form one chain for each lane, of the variant that came first. What a reference names counts as
//! in place when it is ready, when it stands at or below the decided head (whoever follows the chain has it), or
//! when its lane is a known equivocator: what an equivocator wrote is owed to nobody, and waiting for it would let
//! it stall honest lanes.

use crate::effect::{LaneEffect, ReadySegment};
use crate::lane::{Entry, Held, Lane, raise, references};
use crate::view::LaneView;
use fairlane_types::{LaneSeq, Segment, SegmentRef, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl LaneView {
    /// Makes ready what became ready in these lanes, and what waited for that.
    pub(crate) fn advance(
        &mut self,
        mut work: BTreeSet<usize>,
        now: Timestamp,
        effects: &mut Vec<LaneEffect>,
    ) {
        while let Some(at) = work.pop_first() {
            let mut advanced = false;
            while let Some(held) = self.take_next(at) {
                self.make_ready(at, held, now, effects);
                advanced = true;
            }
            if advanced {
                work.extend(self.blocked_on(at));
            }
        }
    }

    /// Notes that a lane is a known equivocator: nothing waits for it any more.
    pub(crate) fn mark_accused(&mut self, at: usize, now: Timestamp, effects: &mut Vec<LaneEffect>) {
        let Some(lane) = self.lanes.get_mut(at).filter(|lane| !lane.is_excused()) else { return };
        lane.accused = true;
        self.advance(self.blocked_on(at), now, effects);
    }

    fn blocked_on(&self, at: usize) -> BTreeSet<usize> {
        let lanes = self.lanes.iter().enumerate();
        lanes.filter(|(_, lane)| lane.blocked_on == Some(at)).map(|(index, _)| index).collect()
    }

    /// Takes the segment after a lane's tip, if it is ready.
    fn take_next(&mut self, at: usize) -> Option<Arc<Held>> {
        let lane = self.lanes.get(at).filter(|lane| !lane.is_excused())?;
        let tip = lane.tip();
        let next = lane.waiting.get(&tip.seq.next())?.clone();
        if next.segment.header().parent != tip.digest {
            return None;
        }
        let rest = references(&next.segment).skip(lane.cursor);
        let in_place = rest.take_while(|reference| self.in_place(reference)).count();
        let cursor = lane.cursor.saturating_add(in_place);
        let blocked_on = references(&next.segment).nth(cursor).and_then(|missing| self.index(&missing.lane));
        let too_much =
            blocked_on.is_none() && self.newly_referenced(at, &next.segment) > self.reference_limit();
        let lane = self.lanes.get_mut(at)?;
        lane.cursor = cursor;
        lane.blocked_on = blocked_on;
        if blocked_on.is_some() || too_much {
            return None;
        }
        lane.take_waiting(tip.seq.next())
    }

    fn reference_limit(&self) -> u64 {
        u64::from(self.params.max_reference_bytes)
    }

    fn in_place(&self, reference: &SegmentRef) -> bool {
        let Some(lane) = self.index(&reference.lane).and_then(|at| self.lanes.get(at)) else { return true };
        lane.is_excused()
            || reference.seq <= lane.head.seq
            || lane.ready(reference.seq).is_some_and(|entry| entry.held.digest() == reference.digest)
    }

    /// How many undecided bytes of other lanes a segment references that its lane did not reference before.
    fn newly_referenced(&self, at: usize, segment: &Segment) -> u64 {
        let needs = self.needs_of(segment);
        needs.iter().fold(0u64, |sum, (other, seq)| {
            let Some(lane) = self.lanes.get(*other) else { return sum };
            let before = self.acknowledged(at, *other).max(lane.head.seq);
            let from = lane.ready(before).map_or(lane.head_bytes, |entry| entry.total_bytes);
            let to = lane.ready(*seq).map_or(from, |entry| entry.total_bytes);
            sum.saturating_add(to.saturating_sub(from))
        })
    }

    /// The highest place of lane `other` that lane `at` references up to its tip.
    pub(crate) fn acknowledged(&self, at: usize, other: usize) -> LaneSeq {
        self.lanes.get(at).and_then(|lane| lane.acks.get(other)).copied().unwrap_or_default()
    }

    /// What a segment references: for each lane of the set, the highest place.
    pub(crate) fn needs_of(&self, segment: &Segment) -> Box<[(usize, LaneSeq)]> {
        let mut needs: BTreeMap<usize, LaneSeq> = BTreeMap::new();
        for reference in references(segment) {
            if let Some(at) = self.index(&reference.lane) {
                let place = needs.entry(at).or_default();
                *place = reference.seq.max(*place);
            }
        }
        needs.into_iter().collect()
    }

    /// Appends a segment to its lane's ready chain.
    pub(crate) fn make_ready(
        &mut self,
        at: usize,
        held: Arc<Held>,
        now: Timestamp,
        effects: &mut Vec<LaneEffect>,
    ) {
        let needs = self.needs_of(&held.segment);
        let echoes = self.echoes_of(at, &held.segment, &needs);
        let Some(lane) = self.lanes.get_mut(at) else { return };
        for (other, seq) in &needs {
            raise(&mut lane.acks, *other, *seq);
        }
        lane.cursor = 0;
        lane.blocked_on = None;
        let reference = held.segment.reference();
        let ready = ReadySegment { reference, bytes: held.bytes, payload: echoes[1] == reference.seq };
        let total_bytes = lane.tip_bytes().saturating_add(held.bytes);
        lane.chain.push_back(Entry { held, since: now, total_bytes, needs, echoes });
        effects.push(LaneEffect::Ready(ready));
    }

    /// See [`Entry::echoes`].
    fn echoes_of(&self, at: usize, segment: &Segment, needs: &[(usize, LaneSeq)]) -> [LaneSeq; 3] {
        let seq = segment.header().seq;
        let Some(lane) = self.lanes.get(at) else { return [LaneSeq::ZERO; 3] };
        let mut echoes = last_entry(lane).map_or([LaneSeq::ZERO; 3], |entry| entry.echoes);
        let newly_echoes = |level: usize| {
            needs.iter().any(|(other, place)| {
                let entry = self.lanes.get(*other).and_then(|lane| lane.entry(*place));
                let last = entry.and_then(|entry| entry.echoes.get(level));
                last.is_some_and(|last| *last > self.acknowledged(at, *other))
            })
        };
        let carries = !segment.transactions().is_empty();
        let answers = carries || newly_echoes(0);
        let completes = answers || newly_echoes(1);
        for (echo, is) in echoes.iter_mut().zip([carries, answers, completes]) {
            if is {
                *echo = seq;
            }
        }
        echoes
    }
}

fn last_entry(lane: &Lane) -> Option<&Entry> {
    lane.chain.back().or(lane.recent.back())
}
