//! The writer: what this validator received, in order, on its way into segments of its own lane.
//!
//! A draft stays the same until [`LaneWriter::sealed`] says that it is signed and durable: asking again never gives
//! other content for the same place, so that a retry after a failed write cannot become equivocation.

use crate::effect::ReadySegment;
use fairlane_types::{
    Event, LaneId, LaneSeq, ProtocolParams, Segment, SegmentDraft, SegmentHeader, SegmentRef, Timestamp,
    Transaction, TransactionError,
};
use std::collections::{BTreeSet, VecDeque};

/// Bytes of a segment without events and transactions.
const FIXED_BYTES: u64 = (SegmentHeader::BYTES + 64 + 4 + 4) as u64;
/// Bytes of an `Own` event.
const OWN_EVENT_BYTES: u64 = 1 + 8 + 4;
/// Bytes of a `Peer` event.
const PEER_EVENT_BYTES: u64 = 1 + 8 + SegmentRef::BYTES as u64;
/// Bytes of a transaction besides its envelope.
const LENGTH_BYTES: u64 = 4;
/// How many full segments of clients' transactions wait at most.
const QUEUED_SEGMENTS: u64 = 8;
/// From how many references on the waiting ones are thinned out to the latest of each lane.
const MAX_QUEUED_REFERENCES: usize = 65_536;

/// Why a transaction is not taken into the lane.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitRefusal {
    /// Too much waits already: retry after the lane moved on.
    #[error("the lane has {bytes} bytes waiting, no more than {limit} may wait: retry later")]
    Full {
        /// How many bytes wait.
        bytes: u64,
        /// How many may.
        limit: u64,
    },
    /// It breaks a limit of the network: do not retry.
    #[error(transparent)]
    Invalid(#[from] TransactionError),
}

/// A segment was said to be sealed that is not the draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("segment {} of lane {} is not the outstanding draft", .0.seq, .0.lane)]
pub struct SealMismatch(pub SegmentRef);

#[derive(Clone, Debug)]
enum Item {
    Own(Transaction),
    Peer(ReadySegment),
}

#[derive(Clone, Debug)]
struct Received {
    item: Item,
    at: Timestamp,
}

/// The writer of one lane.
#[derive(Debug)]
pub struct LaneWriter {
    lane: LaneId,
    last: SegmentRef,
    last_time: Timestamp,
    params: ProtocolParams,
    queue: VecDeque<Received>,
    queued_own: u64,
    queued_own_bytes: u64,
    queued_references: usize,
    /// How many queued references are worth an answer.
    queued_payloads: usize,
    /// Own segments that are not known to be decided: place and bytes.
    undecided: VecDeque<(LaneSeq, u64)>,
    /// The outstanding draft, and how many items of the queue it takes.
    draft: Option<(SegmentDraft, usize)>,
}

impl LaneWriter {
    /// A writer that continues a lane after `last`, the highest segment that this validator ever signed in it.
    pub fn new(lane: LaneId, last: SegmentRef, params: ProtocolParams) -> Self {
        Self {
            lane,
            last,
            last_time: Timestamp::ZERO,
            params,
            queue: VecDeque::new(),
            queued_own: 0,
            queued_own_bytes: 0,
            queued_references: 0,
            queued_payloads: 0,
            undecided: VecDeque::new(),
            draft: None,
        }
    }

    /// Takes note of an own segment from before a restart that is not decided yet, in sequence order, so that its
    /// bytes count in the window.
    pub fn recall(&mut self, segment: &Segment) {
        let header = segment.header();
        if header.lane == self.lane && header.seq <= self.last.seq {
            self.undecided.push_back((header.seq, segment.bytes().len() as u64));
            self.last_time = self.last_time.max(header.timestamp);
        }
    }

    /// The last segment of the lane.
    pub fn last(&self) -> SegmentRef {
        self.last
    }

    /// Takes a client's transaction, received `now`.
    pub fn submit(&mut self, transaction: Transaction, now: Timestamp) -> Result<(), SubmitRefusal> {
        transaction.check_limits(&self.params)?;
        let added = own_bytes(&transaction);
        let (bytes, limit) = (self.queued_own_bytes, self.own_limit());
        if bytes.saturating_add(added) > limit || self.queued_own >= self.count_limit() {
            return Err(SubmitRefusal::Full { bytes, limit });
        }
        self.queued_own = self.queued_own.saturating_add(1);
        self.queued_own_bytes = bytes.saturating_add(added);
        self.push(Item::Own(transaction), now);
        Ok(())
    }

    /// Takes a segment that became ready `now`. Segments of this lane need no reference; those of an earlier lane of this
    /// validator may: it has left the set in between, and what it held then counts no more.
    pub fn observe(&mut self, ready: ReadySegment, now: Timestamp) {
        if ready.reference.lane == self.lane {
            return;
        }
        self.queued_references = self.queued_references.saturating_add(1);
        self.queued_payloads = self.queued_payloads.saturating_add(usize::from(ready.payload));
        self.push(Item::Peer(ready), now);
        if self.queued_references > MAX_QUEUED_REFERENCES {
            self.thin_out();
        }
    }

    /// Whether there is something to say before the next heartbeat: transactions of clients, or references that
    /// bring transactions closer to their order.
    pub fn has_content(&self) -> bool {
        self.draft.is_some() || self.queued_own > 0 || self.queued_payloads > 0
    }

    /// Whether the waiting transactions fill a segment, so that waiting for the interval gains nothing.
    pub fn is_full(&self) -> bool {
        self.queued_own_bytes >= u64::from(self.params.max_segment_bytes).saturating_sub(FIXED_BYTES)
            || self.queued_own >= u64::from(self.params.max_segment_transactions)
    }

    /// Drafts the next segment, also an empty one (a heartbeat). `own_decided` is the decided head of this lane.
    /// `None` when the lane's window is used up, or when the decided head is beyond this writer's last segment:
    /// then the lane was written by somebody with more memory, and writing on would be equivocation.
    pub fn seal(&mut self, now: Timestamp, own_decided: &SegmentRef) -> Option<SegmentDraft> {
        if let Some((draft, _)) = &self.draft {
            return Some(draft.clone());
        }
        let ahead = self.last.seq.get().checked_sub(own_decided.seq.get())?;
        if ahead >= u64::from(self.params.lane_window_segments) {
            return None;
        }
        while self.undecided.front().is_some_and(|(seq, _)| *seq <= own_decided.seq) {
            self.undecided.pop_front();
        }
        let used = self.undecided.iter().fold(0u64, |sum, (_, bytes)| sum.saturating_add(*bytes));
        let room = u64::from(self.params.lane_window_bytes).saturating_sub(used);
        let limit = room.min(u64::from(self.params.max_segment_bytes));
        if limit < FIXED_BYTES {
            return None;
        }
        let page = Page::fill(&self.queue, &self.params, limit);
        let draft = page.into_draft(self, now);
        Some(draft)
    }

    /// Says that the draft is signed and durable: the lane goes on after it.
    pub fn sealed(&mut self, segment: &Segment) -> Result<(), SealMismatch> {
        let header = segment.header();
        let is_draft = |(draft, _): &(SegmentDraft, usize)| {
            (draft.lane, draft.seq, draft.parent) == (header.lane, header.seq, header.parent)
                && (draft.timestamp, draft.events.as_slice()) == (header.timestamp, segment.events())
                && draft.transactions == segment.transactions()
        };
        let Some((_, taken)) = self.draft.take_if(|draft| is_draft(draft)) else {
            return Err(SealMismatch(segment.reference()));
        };
        for received in self.queue.drain(..taken.min(self.queue.len())) {
            match received.item {
                Item::Own(transaction) => {
                    self.queued_own = self.queued_own.saturating_sub(1);
                    self.queued_own_bytes = self.queued_own_bytes.saturating_sub(own_bytes(&transaction));
                }
                Item::Peer(ready) => {
                    self.queued_references = self.queued_references.saturating_sub(1);
                    self.queued_payloads = self.queued_payloads.saturating_sub(usize::from(ready.payload));
                }
            }
        }
        self.last = segment.reference();
        self.last_time = self.last_time.max(header.timestamp);
        self.undecided.push_back((header.seq, segment.bytes().len() as u64));
        Ok(())
    }

    fn own_limit(&self) -> u64 {
        u64::from(self.params.max_segment_bytes).saturating_mul(QUEUED_SEGMENTS)
    }

    fn count_limit(&self) -> u64 {
        u64::from(self.params.max_segment_transactions).saturating_mul(QUEUED_SEGMENTS)
    }

    /// Times in a lane never go back, whatever the clock does.
    fn push(&mut self, item: Item, now: Timestamp) {
        let at = self.queue.back().map_or(self.last_time, |last| last.at).max(now);
        self.queue.push_back(Received { item, at });
    }

    /// Keeps only the latest waiting reference to each lane, which stands for the earlier ones. Happens when the
    /// lane cannot write for long; by then the others decided what it missed, and the fine order is lost on them.
    fn thin_out(&mut self) {
        let kept = self.draft.as_ref().map_or(0, |(_, taken)| *taken);
        let mut seen = BTreeSet::new();
        let tail = self.queue.split_off(kept.min(self.queue.len()));
        let mut thinned: VecDeque<Received> = VecDeque::new();
        for received in tail.into_iter().rev() {
            if let Item::Peer(ready) = &received.item
                && !seen.insert(ready.reference.lane)
            {
                continue;
            }
            thinned.push_front(received);
        }
        self.queue.append(&mut thinned);
        let references = || {
            self.queue.iter().filter_map(|received| match &received.item {
                Item::Peer(ready) => Some(ready),
                Item::Own(_) => None,
            })
        };
        let (all, payloads) = (references().count(), references().filter(|ready| ready.payload).count());
        self.queued_references = all;
        self.queued_payloads = payloads;
    }
}

fn own_bytes(transaction: &Transaction) -> u64 {
    LENGTH_BYTES.saturating_add(transaction.envelope().len() as u64)
}

/// The content of one segment while it is filled from the queue.
#[derive(Debug, Default)]
struct Page {
    /// Their ages follow from `times` once the segment's timestamp is known.
    events: Vec<Event>,
    times: Vec<Timestamp>,
    transactions: Vec<Transaction>,
    bytes: u64,
    referenced: u64,
    taken: usize,
}

impl Page {
    /// Takes from the front of the queue what fits into `limit` bytes and the other limits of a segment.
    fn fill(queue: &VecDeque<Received>, params: &ProtocolParams, limit: u64) -> Self {
        let mut page = Self { bytes: FIXED_BYTES, ..Self::default() };
        for received in queue {
            let fits = match &received.item {
                Item::Own(transaction) => page.take_own(transaction, received.at, params, limit),
                Item::Peer(ready) => page.take_reference(ready, received.at, params, limit),
            };
            if !fits {
                break;
            }
            page.taken = page.taken.saturating_add(1);
        }
        page
    }

    /// One `Own` event stands for all transactions that came without a reference between them.
    fn take_own(
        &mut self,
        transaction: &Transaction,
        at: Timestamp,
        params: &ProtocolParams,
        limit: u64,
    ) -> bool {
        let continues = matches!(self.events.last(), Some(Event::Own { .. }));
        let event = if continues { 0 } else { OWN_EVENT_BYTES };
        let bytes = self.bytes.saturating_add(own_bytes(transaction)).saturating_add(event);
        let no_event_left = !continues && self.events.len() >= params.max_segment_events as usize;
        if bytes > limit
            || no_event_left
            || self.transactions.len() >= params.max_segment_transactions as usize
        {
            return false;
        }
        match (self.events.last_mut(), self.times.last_mut()) {
            (Some(Event::Own { count, .. }), Some(time)) => {
                *count = count.saturating_add(1);
                *time = at;
            }
            _ => {
                self.events.push(Event::Own { count: 1, age: 0 });
                self.times.push(at);
            }
        }
        self.transactions.push(transaction.clone());
        self.bytes = bytes;
        true
    }

    /// A run of segments of one lane is one event, which names the last of them.
    fn take_reference(
        &mut self,
        ready: &ReadySegment,
        at: Timestamp,
        params: &ProtocolParams,
        limit: u64,
    ) -> bool {
        let referenced = self.referenced.saturating_add(ready.bytes);
        if referenced > u64::from(params.max_reference_bytes) {
            return false;
        }
        if let (Some(Event::Peer { segment, .. }), Some(time)) =
            (self.events.last_mut(), self.times.last_mut())
            && segment.lane == ready.reference.lane
            && segment.seq.next() == ready.reference.seq
        {
            *segment = ready.reference;
            *time = at;
            self.referenced = referenced;
            return true;
        }
        let bytes = self.bytes.saturating_add(PEER_EVENT_BYTES);
        if bytes > limit || self.events.len() >= params.max_segment_events as usize {
            return false;
        }
        self.events.push(Event::Peer { segment: ready.reference, age: 0 });
        self.times.push(at);
        self.bytes = bytes;
        self.referenced = referenced;
        true
    }

    fn into_draft(self, writer: &mut LaneWriter, now: Timestamp) -> SegmentDraft {
        let latest = self.times.last().copied().unwrap_or_default();
        let timestamp = now.max(latest).max(writer.last_time);
        let aged = |(event, at): (Event, Timestamp)| {
            let age = timestamp.since(at);
            match event {
                Event::Own { count, .. } => Event::Own { count, age },
                Event::Peer { segment, .. } => Event::Peer { segment, age },
            }
        };
        let draft = SegmentDraft {
            lane: writer.lane,
            seq: writer.last.seq.next(),
            parent: writer.last.digest,
            timestamp,
            events: self.events.into_iter().zip(self.times).map(aged).collect(),
            transactions: self.transactions,
        };
        writer.draft = Some((draft.clone(), self.taken));
        draft
    }
}
