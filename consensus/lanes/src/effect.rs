//! What a view tells its caller to do.

use fairlane_types::{Evidence, SegmentRef, ValidatorId};

/// A segment that is held with its whole causal past, so that a lane may reference it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadySegment {
    /// The segment.
    pub reference: SegmentRef,
    /// Its encoded length in bytes; zero for a decided head that stands for what came before it.
    pub bytes: u64,
    /// Whether it brings transactions closer to their order, so that it is worth an answer before the next
    /// heartbeat: it carries transactions, or it newly references a segment that does.
    pub payload: bool,
}

impl ReadySegment {
    /// A decided head. Referencing it references all of its chain that the lane did not reference before.
    pub fn decided(reference: SegmentRef) -> Self {
        Self { reference, bytes: 0, payload: false }
    }
}

/// One thing that followed from an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaneEffect {
    /// A segment became ready. Comes in causal order, once for each segment: the writer observes it.
    Ready(ReadySegment),
    /// A held segment builds on this one, which is not held: ask for it.
    Fetch {
        /// The missing segment.
        wanted: SegmentRef,
        /// Who referenced it, and so should hold it.
        holder: Option<ValidatorId>,
    },
    /// A lane signed two segments at one place. Told once for each lane.
    Evidence(Evidence),
    /// A segment was not kept, or is not kept any longer.
    Dropped {
        /// The segment.
        reference: SegmentRef,
        /// Why.
        why: DropReason,
    },
}

/// Why a view does not keep a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// Its lane is not in the validator set.
    UnknownLane,
    /// Its lane is a committed equivocator: nothing more of it is ever decided.
    Frozen,
    /// It stands at or below its lane's decided head.
    Decided,
    /// It is more than the lane window ahead of the decided head. It may come again once the head advanced.
    BeyondWindow,
    /// Its lane's window is full of bytes that come before it. It may come again once the head advanced.
    LaneFull,
    /// Its lane equivocated, and no cut asked for this segment.
    Equivocation,
    /// It made room for an earlier segment of its lane. It may come again once the head advanced.
    Evicted,
}

impl DropReason {
    /// Whether an honest lane never causes this, so that the sender deserves a penalty.
    pub fn is_misbehaviour(self) -> bool {
        matches!(self, Self::Equivocation)
    }
}
