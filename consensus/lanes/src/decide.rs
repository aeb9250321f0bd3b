//! Decisions: the lanes move on, and what is no longer needed goes.
//!
//! A decided cut is canonical. Where the ready chain holds another variant, the decided one takes its place; what a
//! cut contains and was not ready becomes ready now, so that this node's lane references whatever was decided, by
//! digest, also after another variant. Without that, one equivocation would leave transactions known to a majority
//! but never to a quorum, and ordering would wait for them.

use crate::base::CutBase;
use crate::effect::{LaneEffect, ReadySegment};
use crate::equivocation::evidence_of;
use crate::lane::{Entry, Held, Lane, references};
use crate::view::LaneView;
use fairlane_types::{LaneId, LaneSeq, SegmentDigest, SegmentRef, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// For each lane, decided segments that were not ready.
type Decreed = Vec<VecDeque<Arc<Held>>>;

impl LaneView {
    /// Moves on to the state after a committed block. The segments of the block should be held (see
    /// [`Self::content`]); a lane whose segments are not is moved to its head all the same.
    pub fn decided(&mut self, after: &CutBase, now: Timestamp) -> Vec<LaneEffect> {
        let mut effects = Vec::new();
        let retired = std::mem::take(&mut self.retired);
        self.latest = self.latest.max(now);
        let mut decreed: Decreed = Vec::with_capacity(self.lanes.len());
        for at in 0..self.lanes.len() {
            let head = self.lanes.get(at).map(|lane| after.head(lane.id));
            decreed.push(head.map_or(VecDeque::new(), |head| self.align(at, head, now, &mut effects)));
        }
        self.make_decreed_ready(decreed, now, &mut effects);
        for at in 0..self.lanes.len() {
            self.settle(at, after, &mut effects);
        }
        self.adopt_set(after);
        self.name_retired(&retired, &mut effects);
        self.required.clear();
        self.requested.clear();
        self.advance((0..self.lanes.len()).collect(), now, &mut effects);
        effects
    }

    /// Makes a lane's ready chain agree with the decided head. Returns the decided segments that are still to be
    /// made ready.
    fn align(
        &mut self,
        at: usize,
        head: SegmentRef,
        now: Timestamp,
        effects: &mut Vec<LaneEffect>,
    ) -> VecDeque<Arc<Held>> {
        let Some(lane) = self.lanes.get(at).filter(|lane| head.seq > lane.head.seq) else {
            return VecDeque::new();
        };
        let Some(path) = self.path(lane.head, head) else {
            self.jump(at, head, effects);
            return VecDeque::new();
        };
        let agrees =
            path.iter().zip(&lane.chain).take_while(|(held, entry)| held.digest() == entry.held.digest());
        let common = agrees.count();
        let rivals: Vec<(Arc<Held>, Arc<Held>)> = path
            .iter()
            .filter_map(|held| {
                let other = lane.at(held.segment.header().seq)?;
                (other.digest() != held.digest()).then(|| (held.clone(), other.clone()))
            })
            .collect();
        if let (Some((held, other)), false) = (rivals.first(), lane.is_excused()) {
            effects.push(LaneEffect::Evidence(evidence_of(&held.segment, &other.segment)));
            self.mark_accused(at, now, effects);
        }
        let Some(lane) = self.lanes.get_mut(at) else { return VecDeque::new() };
        let mut gone: Vec<SegmentDigest> = Vec::new();
        if common < path.len() {
            gone.extend(lane.truncate(common).iter().map(|entry| entry.held.digest()));
        }
        for held in path.iter().skip(common) {
            lane.take_side(&held.digest());
            gone.extend(lane.take_waiting(held.segment.header().seq).map(|taken| taken.digest()));
        }
        for digest in gone {
            if path.iter().all(|held| held.digest() != digest) {
                self.held.remove(&digest);
            }
        }
        path.into_iter().skip(common).collect()
    }

    /// The held segments after `from` up to `to`, or `None` when one is missing.
    pub(crate) fn path(&self, from: SegmentRef, to: SegmentRef) -> Option<Vec<Arc<Held>>> {
        let mut path = Vec::new();
        let mut at = to;
        while at.seq > from.seq {
            let held = self.held.get(&at.digest).filter(|held| held.segment.reference() == at)?;
            at = held.segment.parent();
            path.push(held.clone());
        }
        path.reverse();
        (at == from).then_some(path)
    }

    /// Moves a lane to a decided head whose segments are not held: nothing of what is held builds on it.
    fn jump(&mut self, at: usize, head: SegmentRef, effects: &mut Vec<LaneEffect>) {
        let Some(lane) = self.lanes.get_mut(at) else { return };
        let mut gone: Vec<SegmentDigest> = lane.truncate(0).iter().map(|entry| entry.held.digest()).collect();
        gone.extend(lane.recent.drain(..).map(|entry| entry.held.digest()));
        lane.head = head;
        gone.iter().for_each(|digest| drop(self.held.remove(digest)));
        effects.push(LaneEffect::Ready(ReadySegment { payload: true, ..ReadySegment::decided(head) }));
    }

    /// Makes decided segments ready in causal order. A reference to a variant that was not decided counts for
    /// nothing, and references go by digest, so the order exists and each pass finds a segment.
    fn make_decreed_ready(&mut self, mut decreed: Decreed, now: Timestamp, effects: &mut Vec<LaneEffect>) {
        let mut left: BTreeSet<SegmentDigest> =
            decreed.iter().flat_map(|lane| lane.iter().map(|held| held.digest())).collect();
        while !left.is_empty() {
            let before = left.len();
            for (at, lane) in decreed.iter_mut().enumerate() {
                while let Some(held) = lane.pop_front() {
                    if references(&held.segment).any(|past| left.contains(&past.digest)) {
                        lane.push_front(held);
                        break;
                    }
                    left.remove(&held.digest());
                    self.make_ready(at, held, now, effects);
                }
            }
            if left.len() == before {
                break;
            }
        }
    }

    /// Moves a lane's decided head and lets go of what that makes needless.
    fn settle(&mut self, at: usize, after: &CutBase, effects: &mut Vec<LaneEffect>) {
        let Some(lane) = self.lanes.get_mut(at) else { return };
        let head = after.head(lane.id);
        let mut gone = if head.seq > lane.head.seq { lane.settle(head) } else { Vec::new() };
        gone.extend(lane.take_outdated().iter().map(|held| held.digest()));
        let was_frozen = std::mem::replace(&mut lane.frozen, after.equivocators.contains(&lane.id));
        if lane.frozen && !was_frozen && head.seq > LaneSeq::ZERO {
            effects.push(LaneEffect::Ready(ReadySegment { payload: true, ..ReadySegment::decided(head) }));
        }
        if lane.frozen {
            gone.extend(lane.take_undecided().iter().map(|held| held.digest()));
        }
        gone.iter().for_each(|digest| drop(self.held.remove(digest)));
    }

    /// Takes over the validator set, its powers, and the registered rollups of a base.
    pub(crate) fn adopt_set(&mut self, base: &CutBase) {
        if !Arc::ptr_eq(&self.rollups, &base.rollups) && self.rollups != base.rollups {
            self.regroup(base);
        }
        self.rollups = base.rollups.clone();
        self.retired = base.retired.clone();
        let same_lanes = self.lanes.len() == base.validators.len()
            && self
                .lanes
                .iter()
                .zip(base.validators.members())
                .all(|(lane, member)| lane.id == member.lane());
        self.validators = base.validators.clone();
        if !same_lanes {
            self.replace_lanes(base);
        }
        for (lane, member) in self.lanes.iter_mut().zip(base.validators.members()) {
            lane.power = member.power.get();
            lane.frozen = base.equivocators.contains(&lane.id);
        }
    }

    /// Lets the lanes that left be referenced once more, at their heads: whoever referenced more of one placed nothing
    /// by that, and missed what lies below.
    fn name_retired(&self, before: &[SegmentRef], effects: &mut Vec<LaneEffect>) {
        let new = self.retired.iter().filter(|head| !before.contains(head));
        effects.extend(
            new.map(|head| LaneEffect::Ready(ReadySegment { payload: true, ..ReadySegment::decided(*head) })),
        );
    }

    /// Counts the groups of all held segments afresh: the registered rollups changed.
    fn regroup(&mut self, base: &CutBase) {
        let fresh = |held: &Arc<Held>| Arc::new(Held::new(held.segment.clone(), &base.rollups));
        self.held.values_mut().for_each(|held| *held = fresh(held));
        for lane in &mut self.lanes {
            lane.recent.iter_mut().chain(&mut lane.chain).for_each(|entry| entry.held = fresh(&entry.held));
            lane.waiting.values_mut().chain(lane.side.values_mut()).for_each(|held| *held = fresh(held));
        }
    }

    /// Rebuilds the lanes for another set: kept lanes keep their segments, under their new indices.
    fn replace_lanes(&mut self, base: &CutBase) {
        let members = base.validators.members();
        let mut old: BTreeMap<LaneId, Lane> = BTreeMap::new();
        let mut moved: BTreeMap<usize, usize> = BTreeMap::new();
        for (from, lane) in std::mem::take(&mut self.lanes).into_iter().enumerate() {
            if let Some(to) = members.iter().position(|member| member.lane() == lane.id) {
                moved.insert(from, to);
            }
            old.insert(lane.id, lane);
        }
        for member in members {
            let id = member.lane();
            let mut lane = old.remove(&id).unwrap_or_else(|| Lane::new(id, base.head(id), members.len()));
            lane.decided_acks = remap(&lane.decided_acks, &moved, members.len());
            self.lanes.push(lane);
        }
        for mut lane in old.into_values() {
            let gone = lane.take_undecided().into_iter().chain(lane.recent.drain(..).map(|entry| entry.held));
            gone.for_each(|held| drop(self.held.remove(&held.digest())));
        }
        for at in 0..self.lanes.len() {
            self.recount_needs(at);
        }
    }

    fn recount_needs(&mut self, at: usize) {
        let Some(lane) = self.lanes.get(at) else { return };
        let entries: Vec<&Entry> = lane.recent.iter().chain(&lane.chain).collect();
        let needs: Vec<_> = entries.iter().map(|entry| self.needs_of(&entry.held.segment)).collect();
        if let Some(lane) = self.lanes.get_mut(at) {
            for (entry, needs) in lane.recent.iter_mut().chain(&mut lane.chain).zip(needs) {
                entry.needs = needs;
            }
            lane.recount();
        }
    }
}

/// Reorders a list by lane for a set in which lanes have other indices.
fn remap(places: &[LaneSeq], moved: &BTreeMap<usize, usize>, lanes: usize) -> Vec<LaneSeq> {
    let mut result = vec![LaneSeq::ZERO; lanes];
    for (from, to) in moved {
        if let (Some(old), Some(new)) = (places.get(*from), result.get_mut(*to)) {
            *new = *old;
        }
    }
    result
}
