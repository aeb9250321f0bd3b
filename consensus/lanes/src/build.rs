//! The proposer's policy: which valid cut to propose. A function of the view, so that it can be tested; no rule of
//! the protocol depends on it.

use crate::base::CutBase;
use crate::builder::Builder;
use crate::frame::Frame;
use crate::lane::Entry;
use crate::view::LaneView;
use fairlane_types::{Cut, Evidence, LaneSeq, SegmentRef, Timestamp};

/// How many bytes a proposed cut adds by default beyond what a quorum references: little enough that a validator
/// which misses them fetches them at once, enough for the newest segments at everyday load.
pub const DEFAULT_TAIL_BYTES: u64 = 1024 * 1024;

impl LaneView {
    /// Builds the cut to propose on a base whose decision the view has seen; `evidence` goes into the same block.
    /// `None` when no valid cut exists yet, because too few lanes advanced.
    ///
    /// Each lane goes up to what lanes of a quorum of the power reference (everybody holds that), and to what has
    /// been ready here so long that others may soon find it untimely to leave it out. Then each goes on
    /// along its newest segments as long as these add few bytes: they carry the references by which transactions
    /// become final, and waiting until a quorum references the references would cost a segment interval. Lanes take
    /// turns, one segment each, so that under contention for the limits all get their share.
    pub fn build_cut(&self, base: &CutBase, evidence: &[Evidence]) -> Option<Cut> {
        if !self.stands_at(base) {
            return None;
        }
        let frame = Frame::at_base(base, evidence);
        let mut builder = Builder::at_base(self, &frame);
        let turns = self.turns(base);
        let targets: Vec<LaneSeq> =
            (0..self.lanes.len()).map(|lane| self.target(lane, frame.quorum)).collect();
        take_turns(&turns, |lane| {
            let next = builder.head(lane).next();
            targets.get(lane).is_some_and(|target| next <= *target) && builder.raise(lane, next)
        });
        let mut budget = self.tail_bytes;
        take_turns(&turns, |lane| {
            let added = builder.raise_within(lane, builder.head(lane).next(), budget);
            budget = budget.saturating_sub(added.unwrap_or_default());
            added.is_some()
        });
        let (heads, met_limit) = (builder.heads().to_vec(), builder.met_group_limit());
        let frame = self.with_heads(frame, &heads)?;
        if frame.advanced_power() >= frame.quorum {
            return cut_of(&frame);
        }
        if met_limit { self.build_minimal(base, evidence, &turns) } else { None }
    }

    /// Whether transactions that were ready by this time are referenced by less than a quorum of lanes so far. A cut
    /// that is built now leaves them to the next one.
    pub fn awaits_references(&self, ready_by: Timestamp) -> bool {
        let quorum = self.validators.quorums().quorum;
        self.lanes.iter().enumerate().any(|(at, lane)| {
            let ready = lane.chain.iter().rev().find(|entry| entry.since <= ready_by);
            // The last place up to there that carries transactions.
            let carrying = ready.map_or(LaneSeq::ZERO, |entry| entry.echoes[0]);
            !lane.is_excused() && carrying > lane.head.seq && carrying > self.referenced_by_quorum(at, quorum)
        })
    }

    /// A minimal cut, which may exceed the limit of new transactions: what remains when one lane references so much
    /// that no quorum can advance within the limit.
    fn build_minimal(&self, base: &CutBase, evidence: &[Evidence], turns: &[usize]) -> Option<Cut> {
        let frame = Frame::at_base(base, evidence);
        let mut builder = Builder::at_base(self, &frame).without_group_limit();
        for lane in turns {
            builder.raise(*lane, builder.head(*lane).next().min(base_next(&frame, *lane)));
        }
        let mut frame = self.with_heads(frame, builder.heads())?;
        if frame.advanced_power() < frame.quorum {
            return None;
        }
        while self.lower(&mut frame) {}
        cut_of(&self.with_heads_of(frame)?)
    }

    /// Lowers each lane as far as the cut stays closed and by a quorum. Returns whether any lane was lowered.
    fn lower(&self, frame: &mut Frame) -> bool {
        let mut floors = vec![LaneSeq::ZERO; self.lanes.len()];
        for (lane, span) in self.lanes.iter().zip(&frame.spans) {
            let included = lane.chain.iter().take_while(|entry| entry.seq() <= span.head.seq);
            for (other, seq) in included.flat_map(|entry| entry.needs.iter()) {
                crate::lane::raise(&mut floors, *other, *seq);
            }
        }
        let mut lowered = false;
        for (at, floor) in floors.into_iter().enumerate() {
            let Some(span) = frame.spans.get(at) else { continue };
            let seq = frame.lowered(span, floor);
            if let Some(span) = frame.spans.get_mut(at).filter(|span| seq < span.head.seq) {
                span.head.seq = seq;
                lowered = true;
            }
        }
        lowered
    }

    /// How far a cut should reach in a lane.
    fn target(&self, lane: usize, quorum: u64) -> LaneSeq {
        let patience = self.params.timeliness_bound / 2;
        let chain = self.lanes.get(lane).map(|found| found.chain.iter().rev());
        let mut aged = chain.into_iter().flatten().filter(|entry| self.latest.since(entry.since) > patience);
        let aged = aged.next().map_or(LaneSeq::ZERO, Entry::seq);
        self.referenced_by_quorum(lane, quorum).max(aged)
    }

    /// The highest ready segment of a lane that lanes of a quorum of the power reference, or cover by a reference.
    fn referenced_by_quorum(&self, lane: usize, quorum: u64) -> LaneSeq {
        let Some(tip) = self.lanes.get(lane).map(|found| found.tip().seq) else { return LaneSeq::ZERO };
        let mut places: Vec<(LaneSeq, u64)> = Vec::with_capacity(self.lanes.len());
        for (other, found) in self.lanes.iter().enumerate() {
            let place = if other == lane { tip } else { self.acknowledged(other, lane).min(tip) };
            places.push((place, found.power));
        }
        places.sort_unstable_by(|a, b| b.cmp(a));
        let mut power = 0u64;
        for (place, of) in places {
            power = power.saturating_add(of);
            if power >= quorum {
                return place;
            }
        }
        LaneSeq::ZERO
    }

    /// The lanes in the order of their turns, which begins with another lane at each height.
    fn turns(&self, base: &CutBase) -> Vec<usize> {
        let count = self.lanes.len();
        let first = base.height.get().checked_rem(count as u64).and_then(|first| usize::try_from(first).ok());
        let mut turns: Vec<usize> = (0..count).collect();
        turns.rotate_left(first.unwrap_or_default());
        turns
    }

    /// Sets the heads of a frame to places on the ready chains.
    fn with_heads(&self, mut frame: Frame, heads: &[LaneSeq]) -> Option<Frame> {
        for (at, seq) in heads.iter().enumerate() {
            let span = frame.spans.get_mut(at)?;
            span.head = self.reference_at(at, span.base, *seq)?;
        }
        Some(frame)
    }

    /// Sets the digests of a frame's heads by their sequences.
    fn with_heads_of(&self, frame: Frame) -> Option<Frame> {
        let heads: Vec<LaneSeq> = frame.spans.iter().map(|span| span.head.seq).collect();
        self.with_heads(frame, &heads)
    }

    fn reference_at(&self, lane: usize, base: SegmentRef, seq: LaneSeq) -> Option<SegmentRef> {
        if seq == base.seq {
            return Some(base);
        }
        Some(self.lanes.get(lane)?.ready(seq)?.reference())
    }
}

/// Gives each lane a turn again and again, until it first fails to take one.
fn take_turns(turns: &[usize], mut take: impl FnMut(usize) -> bool) {
    let mut left = turns.to_vec();
    while !left.is_empty() {
        left.retain(|lane| take(*lane));
    }
}

fn base_next(frame: &Frame, lane: usize) -> LaneSeq {
    frame.spans.get(lane).map_or(LaneSeq::ZERO, |span| span.base.seq.next())
}

fn cut_of(frame: &Frame) -> Option<Cut> {
    Cut::new(frame.spans.iter().map(|span| span.head).collect()).ok()
}
