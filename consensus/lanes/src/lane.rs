//! One lane as this node sees it: the decided head, the ready chain above it, and what waits.
//!
//! ```text
//!   recent (decided, a bounded rest) │ chain (ready)      │ waiting (held, past incomplete)
//!   ........... h-2  h-1  head       │ h+1  h+2 ... tip   │ any places up to head + K, one segment each
//! ```
//! `side` holds further variants of an equivocator, and only those that a cut asked for.

use fairlane_types::rollups::groups_of;
use fairlane_types::{
    Event, GroupId, LaneId, LaneSeq, RollupTable, Segment, SegmentDigest, SegmentRef, Timestamp,
};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How many bytes of decided segments a lane keeps, to find late equivocation and to answer peers.
const RECENT_BYTES: u64 = 4 * 1024 * 1024;
/// How many decided segments a lane keeps.
const RECENT_SEGMENTS: usize = 256;

/// A segment with what is asked of it again and again.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) segment: Arc<Segment>,
    /// Its encoded length.
    pub(crate) bytes: u64,
    /// How many of its transactions belong to each ordering group.
    pub(crate) groups: Box<[(GroupId, u64)]>,
}

impl Held {
    pub(crate) fn new(segment: Arc<Segment>, rollups: &RollupTable) -> Self {
        let bytes = segment.bytes().len() as u64;
        let groups = group_counts(&segment, rollups);
        Self { segment, bytes, groups }
    }

    pub(crate) fn digest(&self) -> SegmentDigest {
        self.segment.digest()
    }
}

/// The segments of other lanes that a segment references, in its order.
pub(crate) fn references(segment: &Segment) -> impl Iterator<Item = &SegmentRef> {
    segment.events().iter().filter_map(|event| match event {
        Event::Peer { segment, .. } => Some(segment),
        Event::Own { .. } => None,
    })
}

/// How many transactions of a segment belong to each group. A bundle belongs to the groups of all its legs; a leg that is
/// not ordered has none. A transaction counts wherever it stands, also when another segment repeats it.
pub(crate) fn group_counts(segment: &Segment, rollups: &RollupTable) -> Box<[(GroupId, u64)]> {
    let mut counts: BTreeMap<GroupId, u64> = BTreeMap::new();
    for transaction in segment.transactions() {
        let mut seen: Vec<GroupId> = Vec::with_capacity(transaction.legs().len());
        for group in groups_of(transaction, rollups).flatten() {
            if !seen.contains(&group) {
                seen.push(group);
                let count = counts.entry(group).or_default();
                *count = count.saturating_add(1);
            }
        }
    }
    counts.into_iter().collect()
}

/// A segment on the ready chain.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) held: Arc<Held>,
    /// Since when it has been ready.
    pub(crate) since: Timestamp,
    /// Bytes of the chain up to and including it, counted from when the view began.
    pub(crate) total_bytes: u64,
    /// What it references: for each lane, by its index in the set, the highest place.
    pub(crate) needs: Box<[(usize, LaneSeq)]>,
    /// The last places up to this one that carry transactions, that newly reference such a place, and that newly
    /// reference one of those: echoes of transactions, each including the ones before.
    pub(crate) echoes: [LaneSeq; 3],
}

impl Entry {
    pub(crate) fn reference(&self) -> SegmentRef {
        self.held.segment.reference()
    }

    pub(crate) fn seq(&self) -> LaneSeq {
        self.held.segment.header().seq
    }
}

/// A lane of the validator set.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) id: LaneId,
    pub(crate) power: u64,
    /// The decided head.
    pub(crate) head: SegmentRef,
    /// `total_bytes` at the decided head.
    pub(crate) head_bytes: u64,
    /// Decided segments: contiguous, ending at the head, or empty.
    pub(crate) recent: VecDeque<Entry>,
    /// Ready segments: contiguous, beginning after the head.
    pub(crate) chain: VecDeque<Entry>,
    /// Held segments beyond the chain.
    pub(crate) waiting: BTreeMap<LaneSeq, Arc<Held>>,
    pub(crate) waiting_bytes: u64,
    /// Variants that a cut asked for.
    pub(crate) side: BTreeMap<SegmentDigest, Arc<Held>>,
    pub(crate) side_bytes: u64,
    /// Evidence against it is known here. Its segments are not referenced any more, unless a cut decides them.
    pub(crate) accused: bool,
    /// Evidence against it is committed: the head stays.
    pub(crate) frozen: bool,
    /// For each lane of the set, the highest place that the chain up to its tip references.
    pub(crate) acks: Vec<LaneSeq>,
    /// The same up to the decided head.
    pub(crate) decided_acks: Vec<LaneSeq>,
    /// How many references of the segment after the tip were found in place already.
    pub(crate) cursor: usize,
    /// The lane that the segment after the tip waits for.
    pub(crate) blocked_on: Option<usize>,
}

impl Lane {
    pub(crate) fn new(id: LaneId, head: SegmentRef, lanes: usize) -> Self {
        Self {
            id,
            power: 0,
            head,
            head_bytes: 0,
            recent: VecDeque::new(),
            chain: VecDeque::new(),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            side: BTreeMap::new(),
            side_bytes: 0,
            accused: false,
            frozen: false,
            acks: vec![LaneSeq::ZERO; lanes],
            decided_acks: vec![LaneSeq::ZERO; lanes],
            cursor: 0,
            blocked_on: None,
        }
    }

    /// Whether references to it count for nothing: it equivocated, as far as this node knows.
    pub(crate) fn is_excused(&self) -> bool {
        self.accused || self.frozen
    }

    /// The end of the ready chain.
    pub(crate) fn tip(&self) -> SegmentRef {
        self.chain.back().map_or(self.head, Entry::reference)
    }

    /// `total_bytes` at the tip.
    pub(crate) fn tip_bytes(&self) -> u64 {
        self.chain.back().map_or(self.head_bytes, |entry| entry.total_bytes)
    }

    /// Bytes held beyond the decided head, besides `side`.
    pub(crate) fn window_bytes(&self) -> u64 {
        self.tip_bytes().saturating_sub(self.head_bytes).saturating_add(self.waiting_bytes)
    }

    /// The ready segment at a place above the decided head.
    pub(crate) fn ready(&self, seq: LaneSeq) -> Option<&Entry> {
        let offset = seq.get().checked_sub(self.head.seq.get())?.checked_sub(1)?;
        self.chain.get(usize::try_from(offset).ok()?)
    }

    /// The decided segment at a place, if it is still kept.
    pub(crate) fn decided(&self, seq: LaneSeq) -> Option<&Entry> {
        let back = usize::try_from(self.head.seq.get().checked_sub(seq.get())?).ok()?;
        self.recent.get(self.recent.len().checked_sub(back.checked_add(1)?)?)
    }

    /// The decided or ready segment at a place.
    pub(crate) fn entry(&self, seq: LaneSeq) -> Option<&Entry> {
        if seq > self.head.seq { self.ready(seq) } else { self.decided(seq) }
    }

    /// Whichever segment stands at a place: decided, ready or waiting.
    pub(crate) fn at(&self, seq: LaneSeq) -> Option<&Arc<Held>> {
        self.entry(seq).map(|entry| &entry.held).or_else(|| self.waiting.get(&seq))
    }

    /// Whether a reference names the decided head or a segment of the ready chain.
    pub(crate) fn on_chain(&self, reference: &SegmentRef) -> bool {
        *reference == self.head
            || self.ready(reference.seq).is_some_and(|at| at.held.digest() == reference.digest)
    }

    /// Takes a segment out of `waiting`.
    pub(crate) fn take_waiting(&mut self, seq: LaneSeq) -> Option<Arc<Held>> {
        let held = self.waiting.remove(&seq)?;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(held.bytes);
        Some(held)
    }

    /// Puts a segment into `waiting`, at a free place.
    pub(crate) fn put_waiting(&mut self, held: Arc<Held>) {
        self.waiting_bytes = self.waiting_bytes.saturating_add(held.bytes);
        self.waiting.insert(held.segment.header().seq, held);
    }

    /// Takes a segment out of `side`.
    pub(crate) fn take_side(&mut self, digest: &SegmentDigest) -> Option<Arc<Held>> {
        let held = self.side.remove(digest)?;
        self.side_bytes = self.side_bytes.saturating_sub(held.bytes);
        Some(held)
    }

    /// Puts a segment into `side`. Returns what had to leave to keep it within `limit` bytes.
    pub(crate) fn put_side(&mut self, held: Arc<Held>, limit: u64) -> Vec<SegmentDigest> {
        let mut gone = Vec::new();
        if self.side_bytes.saturating_add(held.bytes) > limit {
            gone = self.side.keys().copied().collect();
            self.side.clear();
            self.side_bytes = 0;
        }
        self.side_bytes = self.side_bytes.saturating_add(held.bytes);
        self.side.insert(held.digest(), held);
        gone
    }

    /// Cuts the ready chain down to its first `keep` segments and recounts what it references.
    pub(crate) fn truncate(&mut self, keep: usize) -> Vec<Entry> {
        let gone = self.chain.split_off(keep.min(self.chain.len()));
        self.recount();
        gone.into()
    }

    /// Counts again what the chain references, and looks at the next segment afresh.
    pub(crate) fn recount(&mut self) {
        self.acks.clone_from(&self.decided_acks);
        for (lane, seq) in self.chain.iter().flat_map(|entry| entry.needs.iter()) {
            raise(&mut self.acks, *lane, *seq);
        }
        self.cursor = 0;
        self.blocked_on = None;
    }

    /// Moves the decided head along the ready chain. Returns what is too old to be kept.
    pub(crate) fn settle(&mut self, head: SegmentRef) -> Vec<SegmentDigest> {
        while self.chain.front().is_some_and(|entry| entry.seq() <= head.seq) {
            let Some(entry) = self.chain.pop_front() else { break };
            for (lane, seq) in &entry.needs {
                raise(&mut self.decided_acks, *lane, *seq);
            }
            self.head_bytes = entry.total_bytes;
            self.recent.push_back(entry);
        }
        self.head = head;
        let mut gone = Vec::new();
        while let Some(first) = self.recent.front() {
            let bytes = self.head_bytes.saturating_sub(first.total_bytes);
            if self.recent.len() <= RECENT_SEGMENTS && bytes <= RECENT_BYTES {
                break;
            }
            gone.push(first.held.digest());
            self.recent.pop_front();
        }
        gone
    }

    /// Takes out all that waits at or below the decided head.
    pub(crate) fn take_outdated(&mut self) -> Vec<Arc<Held>> {
        let later = self.waiting.split_off(&self.head.seq.next());
        let mut gone: Vec<Arc<Held>> = std::mem::replace(&mut self.waiting, later).into_values().collect();
        let head = self.head.seq;
        self.side.retain(|_, held| {
            let later = held.segment.header().seq > head;
            if !later {
                gone.push(held.clone());
            }
            later
        });
        self.waiting_bytes = self.waiting.values().fold(0, |sum, held| sum.saturating_add(held.bytes));
        self.side_bytes = self.side.values().fold(0, |sum, held| sum.saturating_add(held.bytes));
        gone
    }

    /// Takes out all that is held above the decided head.
    pub(crate) fn take_undecided(&mut self) -> Vec<Arc<Held>> {
        let mut gone: Vec<Arc<Held>> = self.truncate(0).into_iter().map(|entry| entry.held).collect();
        gone.extend(std::mem::take(&mut self.waiting).into_values());
        gone.extend(std::mem::take(&mut self.side).into_values());
        self.waiting_bytes = 0;
        self.side_bytes = 0;
        gone
    }
}

/// Raises `places[lane]` to `seq`.
pub(crate) fn raise(places: &mut [LaneSeq], lane: usize, seq: LaneSeq) {
    if let Some(place) = places.get_mut(lane) {
        *place = seq.max(*place);
    }
}
