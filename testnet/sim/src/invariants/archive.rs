//! Every segment that anybody ever showed.

use fairlane_types::{LaneId, LaneSeq, Segment, SegmentDigest, SegmentRef};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every segment that anybody ever showed.
#[derive(Default)]
pub(super) struct Archive {
    segments: BTreeMap<SegmentDigest, Arc<Segment>>,
    variants: BTreeMap<(LaneId, LaneSeq), SegmentDigest>,
    equivocators: BTreeSet<LaneId>,
}

impl Archive {
    pub(super) fn keep(&mut self, segment: &Arc<Segment>) {
        let SegmentRef { lane, seq, digest } = segment.reference();
        if self.segments.insert(digest, segment.clone()).is_none()
            && *self.variants.entry((lane, seq)).or_insert(digest) != digest
        {
            self.equivocators.insert(lane);
        }
    }

    pub(super) fn get(&self, reference: &SegmentRef) -> Option<&Arc<Segment>> {
        self.segments.get(&reference.digest)
    }

    /// All of a lane, ascending; of an equivocator one variant of each place.
    pub(super) fn lane(&self, lane: LaneId) -> impl Iterator<Item = SegmentRef> {
        let all = (lane, LaneSeq::ZERO)..=(lane, LaneSeq::MAX);
        self.variants.range(all).map(|((lane, seq), digest)| SegmentRef {
            lane: *lane,
            seq: *seq,
            digest: *digest,
        })
    }

    /// Whether any lane has two variants of a place.
    pub(super) fn knows_equivocators(&self) -> bool {
        !self.equivocators.is_empty()
    }
}
