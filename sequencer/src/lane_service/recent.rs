//! The latest segments in memory, and what fetches of peers are answered from: these first, then the store.

use crate::network::{FetchWant, SegmentSource};
use crate::store::{Store, StoreError};
use bytes::Bytes;
use fairlane_types::{
    CommitCertificate, Decode as _, LaneId, LaneSeq, Reader, Segment, SegmentDigest, SegmentHeader,
    SegmentRef,
};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The segments that were held last, bounded by their bytes. Cheap to clone; clones share the content.
#[derive(Clone, Debug, Default)]
pub struct RecentSegments(Arc<Mutex<Recent>>);

#[derive(Debug, Default)]
struct Recent {
    segments: HashMap<SegmentDigest, Bytes>,
    order: VecDeque<SegmentDigest>,
    bytes: usize,
    newest: HashMap<LaneId, (LaneSeq, Bytes)>,
}

impl RecentSegments {
    /// The most bytes that are kept.
    const MAX_BYTES: usize = 64 << 20;

    fn lock(&self) -> MutexGuard<'_, Recent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a valid segment.
    pub fn insert(&self, segment: &Segment) {
        let mut recent = self.lock();
        let at = segment.reference();
        if recent.segments.insert(at.digest, segment.bytes().clone()).is_some() {
            return;
        }
        recent.order.push_back(at.digest);
        recent.bytes += segment.bytes().len();
        let newest = recent.newest.entry(at.lane).or_default();
        if newest.0 < at.seq {
            *newest = (at.seq, segment.bytes().clone());
        }
        while recent.bytes > Self::MAX_BYTES {
            let Some(oldest) = recent.order.pop_front() else { break };
            let removed = recent.segments.remove(&oldest).map_or(0, |bytes| bytes.len());
            recent.bytes -= removed;
        }
    }

    /// A segment's bytes.
    pub fn get(&self, digest: &SegmentDigest) -> Option<Bytes> {
        self.lock().segments.get(digest).cloned()
    }

    /// The segment with the highest sequence of a lane.
    fn newest(&self, lane: &LaneId) -> Option<(LaneSeq, Bytes)> {
        self.lock().newest.get(lane).cloned()
    }
}

/// The header at the front of a segment's bytes, unchecked against the rest.
pub(super) fn peek(bytes: &Bytes) -> Option<SegmentHeader> {
    if bytes.len() < SegmentHeader::BYTES {
        return None;
    }
    SegmentHeader::decode(&mut Reader::new(bytes.slice(..SegmentHeader::BYTES))).ok()
}

/// Answers fetches from memory and store.
#[derive(Clone, Debug)]
pub struct SegmentServer {
    recent: RecentSegments,
    store: Store,
}

impl SegmentServer {
    /// Serves what is in `recent` and in `store`.
    pub fn new(recent: RecentSegments, store: Store) -> Self {
        Self { recent, store }
    }

    /// A segment by name, from memory or store.
    pub(super) fn segment(&self, at: &SegmentRef) -> Result<Option<Bytes>, StoreError> {
        match self.recent.get(&at.digest) {
            Some(bytes) => Ok(Some(bytes)),
            None => self.store.segment(at),
        }
    }

    fn names(&self, names: &[SegmentRef], max_bytes: usize) -> Result<Vec<Bytes>, StoreError> {
        let mut found = Vec::new();
        let mut room = max_bytes;
        for name in names {
            let Some(bytes) = self.segment(name)? else { continue };
            if bytes.len() > room {
                break;
            }
            room -= bytes.len();
            found.push(bytes);
        }
        Ok(found)
    }

    /// The end of a range may not be in the store yet: it is walked back in memory to where the store goes on.
    fn range(&self, last: &SegmentRef, after: LaneSeq, max_bytes: usize) -> Result<Vec<Bytes>, StoreError> {
        let mut in_memory = VecDeque::new();
        let mut at = *last;
        while at.seq > after {
            let Some(bytes) = self.recent.get(&at.digest) else { break };
            let Some(header) = peek(&bytes) else { break };
            at = SegmentRef { lane: at.lane, seq: at.seq.saturating_sub(1), digest: header.parent };
            in_memory.push_front(bytes);
        }
        let mut found = Vec::new();
        if at.seq > after {
            found = self.store.lane_range(&at, after, max_bytes)?;
            let reached = found.last().and_then(peek).is_some_and(|header| header.reference() == at);
            if !reached {
                return Ok(found);
            }
        }
        let mut room = max_bytes.saturating_sub(found.iter().map(Bytes::len).sum());
        for bytes in in_memory {
            if bytes.len() > room {
                break;
            }
            room -= bytes.len();
            found.push(bytes);
        }
        Ok(found)
    }

    fn head(&self, lane: &LaneId) -> Result<Vec<Bytes>, StoreError> {
        let stored = self.store.newest_segment(lane)?;
        let stored = stored.and_then(|bytes| Some((peek(&bytes)?.seq, bytes)));
        let newest = stored.into_iter().chain(self.recent.newest(lane)).max_by_key(|(seq, _)| *seq);
        Ok(newest.map(|(_, bytes)| bytes).into_iter().collect())
    }
}

impl SegmentSource for SegmentServer {
    fn segments(&self, want: &FetchWant, max_bytes: usize) -> Vec<Bytes> {
        let found = match want {
            FetchWant::Names(names) => self.names(names, max_bytes),
            FetchWant::Range { last, after } => self.range(last, *after, max_bytes),
            FetchWant::Head(lane) => self.head(lane),
        };
        found.unwrap_or_else(|error| {
            tracing::error!(%error, "a fetch of a peer cannot be answered");
            Vec::new()
        })
    }

    fn decided(&self) -> Option<CommitCertificate> {
        self.store.last_decision()
    }
}
