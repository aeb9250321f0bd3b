//! The view: which segments of all lanes this node holds.
//!
//! For each lane the view keeps one chain of ready segments above the decided head, and what waits beyond it, at
//! most one segment a place. A second segment at a place is evidence, and is not kept unless a cut asks for it
//! ([`LaneView::require`]). So peers can make a view hold at most the window of each lane, twice for equivocators.

use crate::base::CutBase;
use crate::build::DEFAULT_TAIL_BYTES;
use crate::effect::{DropReason, LaneEffect, ReadySegment};
use crate::equivocation::{accused_lane, evidence_of};
use crate::lane::{Held, Lane, references};
use fairlane_types::{
    Evidence, LaneId, ProtocolParams, RollupTable, Segment, SegmentDigest, SegmentRef, Timestamp,
    ValidatorId, ValidatorSet,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most segments that [`LaneView::wanted`] names.
pub const MAX_WANTED: usize = 512;
/// The most missing segments of one lane's making that [`LaneView::wanted`] names, and the most that one inserted
/// segment makes the view ask for: a lane that references what nobody has does not crowd out the others.
const MAX_WANTED_BY_LANE: usize = 64;
/// The most segments that cuts may ask for at a time, and the most that were asked for and not received.
const MAX_REQUIRED: usize = 8192;

/// The segments of all lanes, as far as this node holds them and they still matter.
#[derive(Debug)]
pub struct LaneView {
    pub(crate) params: ProtocolParams,
    pub(crate) validators: ValidatorSet,
    pub(crate) rollups: Arc<RollupTable>,
    /// In the order of the validator set.
    pub(crate) lanes: Vec<Lane>,
    /// See [`CutBase::retired`].
    pub(crate) retired: Vec<SegmentRef>,
    /// Every segment that some lane keeps.
    pub(crate) held: BTreeMap<SegmentDigest, Arc<Held>>,
    /// What cuts asked for.
    pub(crate) required: BTreeMap<SegmentDigest, SegmentRef>,
    /// What a `Fetch` was told for since the last decision.
    pub(crate) requested: BTreeSet<SegmentDigest>,
    pub(crate) tail_bytes: u64,
    /// The latest time that the view was told.
    pub(crate) latest: Timestamp,
}

impl LaneView {
    /// A view that holds nothing above the decided heads.
    pub fn new(base: &CutBase, params: ProtocolParams) -> Self {
        let mut view = Self {
            params,
            validators: base.validators.clone(),
            rollups: base.rollups.clone(),
            lanes: Vec::new(),
            retired: Vec::new(),
            held: BTreeMap::new(),
            required: BTreeMap::new(),
            requested: BTreeSet::new(),
            tail_bytes: DEFAULT_TAIL_BYTES,
            latest: Timestamp::ZERO,
        };
        view.adopt_set(base);
        view
    }

    /// How many bytes a proposed cut may add beyond what a quorum of lanes references (see [`Self::build_cut`]).
    pub fn set_tail_bytes(&mut self, bytes: u64) {
        self.tail_bytes = bytes;
    }

    /// Whether a segment is held.
    pub fn contains(&self, digest: &SegmentDigest) -> bool {
        self.held.contains_key(digest)
    }

    /// A held segment. Decided ones are kept for a while only.
    pub fn get(&self, digest: &SegmentDigest) -> Option<&Arc<Segment>> {
        self.held.get(digest).map(|held| &held.segment)
    }

    /// The segments that are held with all that they build on, and not decided: each lane's in its order.
    pub fn undecided(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.lanes.iter().flat_map(|lane| &lane.chain).map(|entry| &entry.held.segment)
    }

    /// How many segments are held.
    pub fn held_segments(&self) -> usize {
        self.held.len()
    }

    /// How many bytes the held segments have.
    pub fn held_bytes(&self) -> u64 {
        self.held.values().fold(0, |sum, held| sum.saturating_add(held.bytes))
    }

    /// The decided heads as references: what the first segment of a new lane references, and what a writer
    /// observes after a restart, as the view cannot know what its lane had referenced before.
    pub fn decided_heads(&self) -> Vec<ReadySegment> {
        let heads = self.lanes.iter().map(|lane| lane.head).chain(self.retired.iter().copied());
        heads.filter(|head| head.seq.get() > 0).map(ReadySegment::decided).collect()
    }

    /// Takes in a segment, also one of this node's own. `now` is when it arrived.
    pub fn insert(&mut self, segment: Arc<Segment>, now: Timestamp) -> Vec<LaneEffect> {
        let mut effects = Vec::new();
        self.latest = self.latest.max(now);
        let reference = segment.reference();
        if !self.held.contains_key(&reference.digest)
            && let Err(why) = self.admit(segment, now, &mut effects)
        {
            effects.push(LaneEffect::Dropped { reference, why });
        }
        effects
    }

    /// Takes note of evidence that was found valid: its lane is not referenced any more, and nothing waits for it.
    pub fn accuse(&mut self, evidence: &Evidence, now: Timestamp) -> Vec<LaneEffect> {
        let mut effects = Vec::new();
        if let Some(at) = accused_lane(evidence).and_then(|lane| self.index(&lane)) {
            self.mark_accused(at, now, &mut effects);
        }
        effects
    }

    /// Notes that a cut needs these segments (those that [`Self::check_cut`] or [`Self::content`] miss), so that
    /// they are taken in even where another variant is held. Their missing parents are noted as they arrive.
    /// Forgotten at the next [`Self::decided`].
    pub fn require(&mut self, segments: &[SegmentRef]) {
        for reference in segments {
            if self.required.len() < MAX_REQUIRED && !self.held.contains_key(&reference.digest) {
                self.required.insert(reference.digest, *reference);
            }
        }
    }

    /// What is missing and could be taken in now: first what cuts asked for, then parents and references of held
    /// segments. At most [`MAX_WANTED`].
    pub fn wanted(&self) -> Vec<SegmentRef> {
        let mut found: Vec<SegmentRef> = self.required.values().copied().collect();
        let mut seen: BTreeSet<SegmentDigest> = self.required.keys().copied().collect();
        for lane in self.lanes.iter().filter(|lane| !lane.is_excused()) {
            let missing = lane.waiting.values().flat_map(|held| self.missing_of(&held.segment));
            found.extend(missing.filter(|at| seen.insert(at.digest)).take(MAX_WANTED_BY_LANE));
        }
        found.truncate(MAX_WANTED);
        found
    }

    /// Where a lane stands in the set.
    pub(crate) fn index(&self, lane: &LaneId) -> Option<usize> {
        let at = self.validators.index_of(&lane.validator)?;
        self.lanes.get(at).filter(|found| found.id == *lane).map(|_| at)
    }

    fn admit(
        &mut self,
        segment: Arc<Segment>,
        now: Timestamp,
        effects: &mut Vec<LaneEffect>,
    ) -> Result<(), DropReason> {
        let reference = segment.reference();
        let at = self.index(&reference.lane).ok_or(DropReason::UnknownLane)?;
        let lane = self.lanes.get(at).ok_or(DropReason::UnknownLane)?;
        if lane.frozen {
            return Err(DropReason::Frozen);
        }
        self.requested.remove(&reference.digest);
        let required = self.required.remove(&reference.digest).is_some();
        if reference.seq > lane.head.seq.saturating_add(u64::from(self.params.lane_window_segments)) {
            return Err(DropReason::BeyondWindow);
        }
        if let (Some(other), false) = (lane.at(reference.seq), lane.accused) {
            effects.push(LaneEffect::Evidence(evidence_of(&other.segment, &segment)));
            self.mark_accused(at, now, effects);
        }
        self.keep(at, segment, required, now, effects)
    }

    /// Stores a segment where it belongs.
    fn keep(
        &mut self,
        at: usize,
        segment: Arc<Segment>,
        required: bool,
        now: Timestamp,
        effects: &mut Vec<LaneEffect>,
    ) -> Result<(), DropReason> {
        let held = Arc::new(Held::new(segment.clone(), &self.rollups));
        let window = u64::from(self.params.lane_window_bytes);
        let lane = self.lanes.get(at).ok_or(DropReason::UnknownLane)?;
        if segment.header().seq <= lane.head.seq {
            return Err(DropReason::Decided);
        }
        if lane.accused && !required {
            return Err(DropReason::Equivocation);
        }
        let aside = lane.accused || !self.make_room(at, &held, effects);
        if aside && !required {
            return Err(DropReason::LaneFull);
        }
        let lane = self.lanes.get_mut(at).ok_or(DropReason::UnknownLane)?;
        self.held.insert(held.digest(), held.clone());
        if aside {
            let gone = lane.put_side(held, window);
            gone.iter().for_each(|digest| drop(self.held.remove(digest)));
        } else {
            lane.put_waiting(held);
        }
        if required {
            self.require_parent(at, &segment);
        }
        self.ask_for_missing(&segment, effects);
        self.advance([at].into(), now, effects);
        Ok(())
    }

    /// Makes room in a lane's window by giving up later segments. Lower places win, so that a lane whose segments
    /// come out of order still gets on.
    fn make_room(&mut self, at: usize, held: &Held, effects: &mut Vec<LaneEffect>) -> bool {
        let limit = u64::from(self.params.lane_window_bytes);
        let Some(lane) = self.lanes.get_mut(at) else { return false };
        let later = held.segment.header().seq.next()..;
        let spare = lane.waiting.range(later).fold(0u64, |sum, (_, other)| sum.saturating_add(other.bytes));
        let needed = lane.window_bytes().saturating_add(held.bytes);
        if needed.saturating_sub(spare) > limit {
            return false;
        }
        while lane.window_bytes().saturating_add(held.bytes) > limit {
            let Some((&seq, _)) = lane.waiting.last_key_value() else { return false };
            let Some(evicted) = lane.take_waiting(seq) else { return false };
            self.held.remove(&evicted.digest());
            let reference = evicted.segment.reference();
            effects.push(LaneEffect::Dropped { reference, why: DropReason::Evicted });
        }
        true
    }

    fn require_parent(&mut self, at: usize, segment: &Segment) {
        let parent = segment.parent();
        if self.lanes.get(at).is_some_and(|lane| parent.seq > lane.head.seq) {
            self.require(&[parent]);
        }
    }

    fn ask_for_missing(&mut self, segment: &Segment, effects: &mut Vec<LaneEffect>) {
        let missing: Vec<SegmentRef> = self.missing_of(segment).take(MAX_WANTED_BY_LANE).collect();
        for wanted in missing {
            if self.requested.len() < MAX_REQUIRED && self.requested.insert(wanted.digest) {
                let holder: Option<ValidatorId> = Some(segment.header().lane.validator);
                effects.push(LaneEffect::Fetch { wanted, holder });
            }
        }
    }

    /// The direct past of a segment that is not held, is not decided, and would be taken in.
    fn missing_of(&self, segment: &Segment) -> impl Iterator<Item = SegmentRef> {
        let past = std::iter::once(segment.parent()).chain(references(segment).copied());
        past.filter(|reference| self.is_missing(reference))
    }

    fn is_missing(&self, reference: &SegmentRef) -> bool {
        let Some(lane) = self.index(&reference.lane).and_then(|at| self.lanes.get(at)) else { return false };
        let window = u64::from(self.params.lane_window_segments);
        // Another variant of the decided head is worth fetching while the head is kept: the two are evidence.
        let rival_of_head = reference.seq == lane.head.seq
            && reference.digest != lane.head.digest
            && lane.decided(reference.seq).is_some();
        !lane.is_excused()
            && (reference.seq > lane.head.seq || rival_of_head)
            && reference.seq <= lane.head.seq.saturating_add(window)
            && !self.held.contains_key(&reference.digest)
    }
}
