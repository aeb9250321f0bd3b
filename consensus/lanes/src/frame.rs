//! A cut beside its base: what can be said of it without looking at segments.

use crate::base::CutBase;
use crate::equivocation::accused_lanes;
use crate::refusal::CutRefusal;
use fairlane_types::{Cut, Evidence, LaneId, LaneSeq, ProtocolParams, SegmentRef};

/// A lane of the set between two heads.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    pub(crate) lane: LaneId,
    pub(crate) power: u64,
    /// The decided head.
    pub(crate) base: SegmentRef,
    /// The cut's head.
    pub(crate) head: SegmentRef,
    /// Its head must stay, and references to it count for nothing.
    pub(crate) frozen: bool,
}

impl Span {
    pub(crate) fn advanced(&self) -> bool {
        self.head.seq > self.base.seq
    }
}

/// All lanes of the set, in its order.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) spans: Vec<Span>,
    pub(crate) quorum: u64,
}

impl Frame {
    /// Where each lane begins.
    pub(crate) fn at_base(base: &CutBase, evidence: &[Evidence]) -> Self {
        let accused = accused_lanes(evidence);
        let span = |lane: LaneId, power| Span {
            lane,
            power,
            base: base.head(lane),
            head: base.head(lane),
            frozen: base.equivocators.contains(&lane) || accused.contains(&lane),
        };
        let members = base.validators.members();
        Self {
            spans: members.iter().map(|member| span(member.lane(), member.power.get())).collect(),
            quorum: base.validators.quorums().quorum,
        }
    }

    /// Puts a cut beside its base.
    pub(crate) fn of(base: &CutBase, cut: &Cut, evidence: &[Evidence]) -> Result<Self, CutRefusal> {
        let mut frame = Self::at_base(base, evidence);
        if cut.heads().len() != frame.spans.len() {
            return Err(CutRefusal::Lanes);
        }
        for (span, head) in frame.spans.iter_mut().zip(cut.heads()) {
            if head.lane != span.lane {
                return Err(CutRefusal::Lanes);
            }
            span.head = *head;
        }
        Ok(frame)
    }

    /// Rules 1 to 4 as far as heads alone tell.
    pub(crate) fn check_heads(&self, params: &ProtocolParams) -> Result<(), CutRefusal> {
        let limit = u64::from(params.lane_window_segments);
        for span in &self.spans {
            let (head, base, lane) = (span.head, span.base, span.lane);
            if head.seq < base.seq {
                return Err(CutRefusal::Behind { head, base: base.seq });
            }
            if head.seq == base.seq && head.digest != base.digest {
                return Err(CutRefusal::NotChained { head });
            }
            if span.frozen && span.advanced() {
                return Err(CutRefusal::FrozenAdvanced { lane });
            }
            let segments = head.seq.get().saturating_sub(base.seq.get());
            if segments > limit {
                return Err(CutRefusal::LaneSegments { lane, segments, limit });
            }
        }
        let (advanced, quorum) = (self.advanced_power(), self.quorum);
        if advanced < quorum {
            return Err(CutRefusal::TooFewLanes { advanced, quorum });
        }
        Ok(())
    }

    /// The power of the lanes that advanced.
    pub(crate) fn advanced_power(&self) -> u64 {
        let advanced = self.spans.iter().filter(|span| span.advanced());
        advanced.fold(0, |sum, span| sum.saturating_add(span.power))
    }

    /// To where each lane must reach at least, when `floor` is what the included segments reference: the sequence
    /// that a lane could be lowered to with the cut still closed and by a quorum, or its head if it could not.
    ///
    /// A cut in which nothing can be lowered is *minimal*. It may exceed the limit of new transactions: else one
    /// lane could reference so much that no valid cut includes it, and rule 3 would halt the chain.
    pub(crate) fn lowered(&self, span: &Span, floor: LaneSeq) -> LaneSeq {
        let floor = floor.max(span.base.seq);
        if span.head.seq <= floor || floor > span.base.seq {
            return floor.min(span.head.seq);
        }
        let without = self.advanced_power().saturating_sub(span.power);
        if without >= self.quorum { span.base.seq } else { span.base.seq.next() }
    }
}
