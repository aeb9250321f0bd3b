//! Cuts: each decided one is chained, causally closed, by a quorum, and leaves equivocators where they are.

use super::agreement::Agreement;
use super::archive::Archive;
use super::{Cast, broken};
use crate::observe::Committed;
use fairlane_types::{Event, Evidence, Height, LaneId, Segment, SegmentRef};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The segments that a block adds to each lane of the set.
pub(super) type New = Vec<(LaneId, Vec<Arc<Segment>>)>;

/// Checks a block's cut, and gives the segments that it adds.
pub(super) fn check(
    cast: &Cast,
    archive: &Archive,
    agreement: &Agreement,
    block: &Committed,
) -> Result<New, (&'static str, String)> {
    let height = block.proposal.header.height;
    let frozen = frozen_by(agreement, height);
    let heads = block.proposal.cut.heads();
    if heads.iter().map(|head| head.lane).ne(cast.council().lanes()) {
        return broken("a cut names each lane once", format!("block {height}"));
    }
    let mut new = Vec::new();
    for head in heads {
        let before = head_before(agreement, height, head.lane);
        if frozen.contains(&head.lane) && *head != before {
            return broken("an equivocator's head stays", format!("block {height}, lane {}", head.lane));
        }
        new.push((head.lane, chain(archive, before, *head, height)?));
    }
    let advanced = new.iter().filter(|(_, segments)| !segments.is_empty());
    let advanced = cast.power_of(advanced.map(|(lane, _)| cast.writer(lane)));
    if advanced < cast.quorum() {
        let what = format!("block {height}: power {advanced}, a quorum is {}", cast.quorum());
        return broken("lanes of a quorum advance with each block", what);
    }
    for segment in new.iter().flat_map(|(_, segments)| segments) {
        for event in segment.events() {
            let Event::Peer { segment: past, .. } = event else { continue };
            let reached = heads.iter().find(|head| head.lane == past.lane).map(|head| head.seq);
            if !frozen.contains(&past.lane) && reached.is_some_and(|reached| reached < past.seq) {
                let what = format!(
                    "block {height} includes segment {} of lane {}, which builds on segment {} of lane {}",
                    segment.header().seq,
                    segment.header().lane,
                    past.seq,
                    past.lane
                );
                return broken("cuts are causally closed", what);
            }
        }
    }
    Ok(new)
}

/// The lanes that evidence in blocks up to this one accuses.
pub(super) fn frozen_by(agreement: &Agreement, height: Height) -> BTreeSet<LaneId> {
    let evidence = agreement.up_to(height).iter().flat_map(|block| &block.proposal.evidence);
    let lanes = evidence.filter_map(|piece| match piece {
        Evidence::LaneEquivocation(pair) => Some(pair[0].header.lane),
        _ => None,
    });
    lanes.collect()
}

/// A lane's head in the block before. No lane comes back to the set, so one that is not there has none.
pub(super) fn head_before(agreement: &Agreement, height: Height, lane: LaneId) -> SegmentRef {
    let before = height.previous().and_then(|before| agreement.block(before));
    let head = before.and_then(|block| block.proposal.cut.head(&lane).copied());
    head.unwrap_or(SegmentRef::empty(lane))
}

/// The segments from one head to the next, by their parents.
fn chain(
    archive: &Archive,
    before: SegmentRef,
    head: SegmentRef,
    height: Height,
) -> Result<Vec<Arc<Segment>>, (&'static str, String)> {
    let mut segments = Vec::new();
    let mut at = head;
    while at.seq > before.seq {
        let Some(segment) = archive.get(&at) else {
            return broken("what is decided was shown", format!("block {height}, lane {}", at.lane));
        };
        segments.push(segment.clone());
        at = segment.parent();
    }
    if at != before {
        return broken("heads are chained", format!("block {height}, lane {}", head.lane));
    }
    segments.reverse();
    Ok(segments)
}
