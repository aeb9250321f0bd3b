//! Why a cut is not accepted, and whether that can change.

use fairlane_types::{GroupId, LaneId, LaneSeq, Round, SegmentRef, Timestamp};

/// The circumstances in which a cut is judged: they matter to timeliness alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Local time, of the same clock as all times given to the view.
    pub now: Timestamp,
    /// The round of the proposal: the bound doubles with each round, so that a slow network stays live.
    pub round: Round,
    /// Whether the value is fresh (its proof-of-lock round is nil): a re-proposal is not judged for timeliness.
    pub fresh: bool,
}

/// What a refusal means for the future.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// The cut breaks a rule: every node that holds its segments says so, for ever.
    Invalid,
    /// These segments are not held: fetch them, then judge again.
    Missing(Vec<SegmentRef>),
    /// The cut leaves out what it should not: withhold the prevote, never call it invalid.
    Untimely,
}

/// Why a cut is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutRefusal {
    /// It does not name exactly the lanes of the validator set.
    #[error("the cut does not name exactly the lanes of the validator set")]
    Lanes,
    /// Rule 1: a head is before the base's.
    #[error("the cut's head {} of lane {} is before the decided head {base}", head.seq, head.lane)]
    Behind {
        /// The cut's head.
        head: SegmentRef,
        /// The sequence of the decided head.
        base: LaneSeq,
    },
    /// Rule 1: a head does not continue the base's head by its parents.
    #[error("the cut's head {} of lane {} is not chained to the decided head", head.seq, head.lane)]
    NotChained {
        /// The cut's head.
        head: SegmentRef,
    },
    /// Rule 2: an included segment references a place that the cut does not reach.
    #[error("segment {} of lane {} references segment {} of lane {}, which the cut leaves out",
        by.seq, by.lane, needs.seq, needs.lane)]
    NotClosed {
        /// The included segment.
        by: SegmentRef,
        /// What it references.
        needs: Box<SegmentRef>,
    },
    /// Rule 2: the head of an equivocator advances.
    #[error("the head of lane {lane} advances although evidence shows that it equivocated")]
    FrozenAdvanced {
        /// The lane.
        lane: LaneId,
    },
    /// Rule 3: too little power advanced.
    #[error("lanes with power {advanced} advanced, a quorum is {quorum}")]
    TooFewLanes {
        /// The power of the lanes that advanced.
        advanced: u64,
        /// The quorum.
        quorum: u64,
    },
    /// Rule 4: a lane advances by more segments than its window.
    #[error("lane {lane} advances by {segments} segments, its window is {limit}")]
    LaneSegments {
        /// The lane.
        lane: LaneId,
        /// By how many.
        segments: u64,
        /// The limit.
        limit: u64,
    },
    /// Rule 4: a lane advances by more bytes than a block may take of it.
    #[error("lane {lane} advances by {bytes} bytes, a block may take {limit}")]
    LaneBytes {
        /// The lane.
        lane: LaneId,
        /// By how many.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// Rule 4: too many new transactions of one ordering group, although the cut could be smaller.
    #[error("the cut adds {transactions} transactions of group {group}, a block may add {limit}")]
    GroupTransactions {
        /// The group.
        group: GroupId,
        /// How many.
        transactions: u64,
        /// The limit.
        limit: u64,
    },
    /// Some of its segments are not held.
    #[error("{} segments of the cut are not held", .0.len())]
    Missing(Vec<SegmentRef>),
    /// Timeliness: it leaves out a segment that has been ready here for longer than the bound.
    #[error("the cut leaves out segment {} of lane {}, ready here for {held_for} ns", segment.seq, segment.lane)]
    LeftOut {
        /// The segment.
        segment: SegmentRef,
        /// For how long it has been ready, in nanoseconds.
        held_for: u64,
        /// The bound in this round, in nanoseconds.
        bound: u64,
    },
}

impl CutRefusal {
    /// Whether the refusal stands for ever, can be cured by fetching, or only withholds a prevote.
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::Missing(segments) => RefusalKind::Missing(segments.clone()),
            Self::LeftOut { .. } => RefusalKind::Untimely,
            _ => RefusalKind::Invalid,
        }
    }
}
