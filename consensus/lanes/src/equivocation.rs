//! Equivocation: two segments at one place of one lane.

use fairlane_types::evidence::SignedSegmentHeader;
use fairlane_types::{Evidence, LaneId, Segment};
use std::collections::BTreeSet;

/// The evidence that two different segments of one place make. The order of the two does not matter: it is put
/// right here, so that all nodes make the same evidence of the same pair.
pub(crate) fn evidence_of(one: &Segment, other: &Segment) -> Evidence {
    let (first, second) = if one.digest() <= other.digest() { (one, other) } else { (other, one) };
    Evidence::LaneEquivocation(Box::new([signed_header(first), signed_header(second)]))
}

fn signed_header(segment: &Segment) -> SignedSegmentHeader {
    SignedSegmentHeader { header: segment.header().clone(), signature: *segment.signature() }
}

/// The lane that a piece of evidence accuses of equivocation; other offences accuse no lane.
pub(crate) fn accused_lane(evidence: &Evidence) -> Option<LaneId> {
    match evidence {
        Evidence::LaneEquivocation(pair) => {
            let [first, _] = pair.as_ref();
            Some(first.header.lane)
        }
        Evidence::DoubleVote(_) | Evidence::DoubleProposal(_) => None,
    }
}

/// The lanes that a block's evidence accuses.
pub(crate) fn accused_lanes(evidence: &[Evidence]) -> BTreeSet<LaneId> {
    evidence.iter().filter_map(accused_lane).collect()
}
