//! Judging a cut: rules 1 to 4 of `docs/protocol.md`, "Cuts", which all nodes judge alike, and timeliness, which
//! each judges by its own clock.

use crate::base::{CutBase, CutContent, LaneContent};
use crate::builder::Builder;
use crate::frame::{Frame, Span};
use crate::lane::{Held, group_counts, references};
use crate::refusal::{CutRefusal, Judgement};
use crate::view::LaneView;
use fairlane_types::{Cut, Evidence, GroupId, LaneSeq, SegmentRef};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The new segments of each lane of the set.
pub(crate) type Included = Vec<Vec<Arc<Held>>>;

impl LaneView {
    /// Judges a cut. Evidence must have been found valid, and the view must have seen the decision of `base`.
    pub fn check_cut(
        &self,
        base: &CutBase,
        cut: &Cut,
        evidence: &[Evidence],
        judgement: Judgement,
    ) -> Result<(), CutRefusal> {
        let frame = Frame::of(base, cut, evidence)?;
        frame.check_heads(&self.params)?;
        let included = self.included(&frame)?;
        check_closed(&frame, base, &included)?;
        self.check_bytes(&frame, &included)?;
        let groups = self.group_totals(base, &included);
        self.check_groups(&frame, base, &included, &groups)?;
        if judgement.fresh { self.check_timely(&frame, base, &included, groups, judgement) } else { Ok(()) }
    }

    /// What a cut adds, or which segments of it are missing. An empty list of missing segments says that the cut
    /// is not chained to the base at all.
    pub fn content(&self, base: &CutBase, cut: &Cut) -> Result<CutContent, Vec<SegmentRef>> {
        let included = Frame::of(base, cut, &[]).and_then(|frame| self.included(&frame));
        match included {
            Ok(included) => {
                let members = base.validators.members().iter();
                let lanes = members.zip(included).map(|(member, lane)| LaneContent {
                    lane: member.lane(),
                    segments: lane.iter().map(|held| held.segment.clone()).collect(),
                });
                Ok(CutContent { lanes: lanes.collect() })
            }
            Err(CutRefusal::Missing(missing)) => Err(missing),
            Err(_) => Err(Vec::new()),
        }
    }

    /// Whether a cut includes something worth a block before the idle heartbeat: transactions, or segments that
    /// tell when others received them. (A chain whose ordering still has pending transactions wants blocks too;
    /// that is not known here.)
    pub fn has_payload(&self, base: &CutBase, cut: &Cut) -> bool {
        cut.heads().iter().any(|head| {
            let before = base.head(head.lane).seq;
            let lane = self.index(&head.lane).and_then(|at| self.lanes.get(at));
            let entry = lane.and_then(|lane| lane.entry(head.seq));
            match entry.filter(|entry| entry.held.digest() == head.digest) {
                Some(entry) => entry.echoes[2] > before,
                None => head.seq > before && self.held.contains_key(&head.digest),
            }
        })
    }

    /// Follows each head by its parents down to the base.
    fn included(&self, frame: &Frame) -> Result<Included, CutRefusal> {
        let mut missing = Vec::new();
        let mut included = Vec::with_capacity(frame.spans.len());
        for span in &frame.spans {
            let mut segments = Vec::new();
            let mut at = span.head;
            while at.seq > span.base.seq {
                let Some(held) = self.held.get(&at.digest) else {
                    missing.push(at);
                    break;
                };
                if held.segment.reference() != at {
                    return Err(CutRefusal::NotChained { head: span.head });
                }
                at = held.segment.parent();
                segments.push(held.clone());
            }
            if at.seq <= span.base.seq && at != span.base {
                return Err(CutRefusal::NotChained { head: span.head });
            }
            segments.reverse();
            included.push(segments);
        }
        if missing.is_empty() { Ok(included) } else { Err(CutRefusal::Missing(missing)) }
    }

    fn check_bytes(&self, frame: &Frame, included: &Included) -> Result<(), CutRefusal> {
        let limit = self.lane_bytes_limit();
        for (span, segments) in frame.spans.iter().zip(included) {
            let bytes = segments.iter().fold(0u64, |sum, held| sum.saturating_add(held.bytes));
            if bytes > limit {
                return Err(CutRefusal::LaneBytes { lane: span.lane, bytes, limit });
            }
        }
        Ok(())
    }

    /// How many bytes of a lane one block may take: no more than its window, so that views can hold it.
    pub(crate) fn lane_bytes_limit(&self) -> u64 {
        u64::from(self.params.max_block_lane_bytes.min(self.params.lane_window_bytes))
    }

    fn group_totals(&self, base: &CutBase, included: &Included) -> BTreeMap<GroupId, u64> {
        let cached = Arc::ptr_eq(&self.rollups, &base.rollups) || self.rollups == base.rollups;
        let mut totals: BTreeMap<GroupId, u64> = BTreeMap::new();
        for held in included.iter().flatten() {
            let counts =
                if cached { held.groups.clone() } else { group_counts(&held.segment, &base.rollups) };
            for (group, count) in counts {
                let total = totals.entry(group).or_default();
                *total = total.saturating_add(count);
            }
        }
        totals
    }

    fn check_groups(
        &self,
        frame: &Frame,
        base: &CutBase,
        included: &Included,
        groups: &BTreeMap<GroupId, u64>,
    ) -> Result<(), CutRefusal> {
        let limit = u64::from(self.params.max_block_group_transactions);
        let over = groups.iter().find(|(_, count)| **count > limit);
        match over {
            Some((group, transactions)) if !is_minimal(frame, base, included) => {
                Err(CutRefusal::GroupTransactions { group: *group, transactions: *transactions, limit })
            }
            _ => Ok(()),
        }
    }

    /// `docs/protocol.md`, "Timeliness": what was ready here for longer than the bound must not be left out, unless
    /// a limit forbids to include it.
    fn check_timely(
        &self,
        frame: &Frame,
        base: &CutBase,
        included: &Included,
        groups: BTreeMap<GroupId, u64>,
        judgement: Judgement,
    ) -> Result<(), CutRefusal> {
        let doubled = 1u64.checked_shl(judgement.round.get()).unwrap_or(u64::MAX);
        let bound = self.params.timeliness_bound.saturating_mul(doubled);
        if !self.stands_at(base) {
            return Ok(());
        }
        for (at, (span, lane)) in frame.spans.iter().zip(&self.lanes).enumerate() {
            if span.frozen || lane.is_excused() || !lane.on_chain(&span.head) {
                continue;
            }
            let Some(next) = lane.ready(span.head.seq.next()) else { continue };
            let held_for = judgement.now.since(next.since);
            if held_for <= bound {
                continue;
            }
            let bytes = included
                .iter()
                .map(|lane| lane.iter().fold(0, |sum: u64, held| sum.saturating_add(held.bytes)));
            let mut builder = Builder::at_cut(self, frame, bytes.collect(), groups.clone());
            if builder.raise(at, next.seq()) {
                return Err(CutRefusal::LeftOut { segment: next.reference(), held_for, bound });
            }
        }
        Ok(())
    }

    /// Whether the view's decided heads are those of a base.
    pub(crate) fn stands_at(&self, base: &CutBase) -> bool {
        self.validators == base.validators && self.lanes.iter().all(|lane| base.head(lane.id) == lane.head)
    }
}

/// Rule 2: whatever an included segment references is included, except from equivocators.
fn check_closed(frame: &Frame, base: &CutBase, included: &Included) -> Result<(), CutRefusal> {
    for held in included.iter().flatten() {
        for needs in references(&held.segment) {
            if let Some(span) = span_of(frame, base, needs)
                && !span.frozen
                && needs.seq > span.head.seq
            {
                return Err(CutRefusal::NotClosed { by: held.segment.reference(), needs: Box::new(*needs) });
            }
        }
    }
    Ok(())
}

/// Whether no lane could be lowered by itself: see [`Frame::lowered`].
fn is_minimal(frame: &Frame, base: &CutBase, included: &Included) -> bool {
    let mut floors: BTreeMap<fairlane_types::LaneId, LaneSeq> = BTreeMap::new();
    for needs in included.iter().flatten().flat_map(|held| references(&held.segment)) {
        if let Some(span) = span_of(frame, base, needs) {
            let floor = floors.entry(span.lane).or_default();
            *floor = needs.seq.max(*floor);
        }
    }
    let floor = |span: &Span| floors.get(&span.lane).copied().unwrap_or_default();
    frame.spans.iter().all(|span| frame.lowered(span, floor(span)) == span.head.seq)
}

fn span_of<'a>(frame: &'a Frame, base: &CutBase, reference: &SegmentRef) -> Option<&'a Span> {
    let at = base.validators.index_of(&reference.lane.validator)?;
    frame.spans.get(at).filter(|span| span.lane == reference.lane)
}
