//! What a block is judged against, and what its cut adds.

use fairlane_types::{Cut, Height, L1Anchor, LaneId, RollupTable, Segment, SegmentRef, ValidatorSet};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The decided state that the next block builds on.
#[derive(Clone, Debug)]
pub struct CutBase {
    /// The last committed height; zero before the first block.
    pub height: Height,
    /// The decided heads of the set's lanes. A lane that is not named has no decided segment yet.
    pub cut: Cut,
    /// The decided heads of lanes that left the set, as long as something of them waits for its order. Nobody extends
    /// them; who has not referenced them does.
    pub retired: Vec<SegmentRef>,
    /// The Ethereum block that the last block is anchored to.
    pub l1_anchor: L1Anchor,
    /// Lanes with committed evidence of equivocation: their heads stay while they are in the set.
    pub equivocators: BTreeSet<LaneId>,
    /// The set that decides the next block; the cut names exactly its lanes.
    pub validators: ValidatorSet,
    /// The rollups that are ordered for.
    pub rollups: Arc<RollupTable>,
}

impl CutBase {
    /// The decided head of a lane.
    pub fn head(&self, lane: LaneId) -> SegmentRef {
        let retired = || self.retired.iter().find(|head| head.lane == lane);
        self.cut.head(&lane).or_else(retired).copied().unwrap_or(SegmentRef::empty(lane))
    }
}

/// What a cut adds to its base: one entry for each lane of the validator set, in the set's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutContent {
    /// The lanes, also those that add nothing.
    pub lanes: Vec<LaneContent>,
}

/// What a cut adds of one lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneContent {
    /// The lane.
    pub lane: LaneId,
    /// The segments after the base head up to the cut's head, in sequence order.
    pub segments: Vec<Arc<Segment>>,
}
