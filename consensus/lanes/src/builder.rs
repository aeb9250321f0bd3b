//! A cut in the making: raises lanes along their ready chains, always causally closed, within the limits of rule 4.

use crate::frame::Frame;
use crate::lane::Entry;
use crate::view::LaneView;
use fairlane_types::{GroupId, LaneSeq};
use std::collections::BTreeMap;

/// A causally closed cut over the ready chains of a view.
///
/// Lanes are those of the view, by index. Every change is a transaction: it succeeds with all that it needs, or
/// leaves no trace.
#[derive(Debug)]
pub(crate) struct Builder<'a> {
    view: &'a LaneView,
    frozen: Vec<bool>,
    /// Whether the head where the builder began is on the view's chain, so that the chain continues it.
    on_chain: Vec<bool>,
    base: Vec<LaneSeq>,
    heads: Vec<LaneSeq>,
    /// New bytes of each lane.
    bytes: Vec<u64>,
    /// New transactions of each group.
    groups: BTreeMap<GroupId, u64>,
    group_limit: u64,
    /// Whether the limit of new transactions ever stood in the way.
    met_group_limit: bool,
    /// The lanes that went up by one, in order.
    trail: Vec<usize>,
}

impl<'a> Builder<'a> {
    /// Begins at the heads of a cut that adds `bytes` of each lane and `groups`. The view stands at its base.
    pub(crate) fn at_cut(
        view: &'a LaneView,
        frame: &Frame,
        bytes: Vec<u64>,
        groups: BTreeMap<GroupId, u64>,
    ) -> Self {
        let begins = view.lanes.iter().zip(&frame.spans);
        Self {
            view,
            on_chain: begins.map(|(lane, span)| lane.on_chain(&span.head)).collect(),
            frozen: frame.spans.iter().map(|span| span.frozen).collect(),
            base: frame.spans.iter().map(|span| span.base.seq).collect(),
            heads: frame.spans.iter().map(|span| span.head.seq).collect(),
            bytes,
            groups,
            group_limit: u64::from(view.params.max_block_group_transactions),
            met_group_limit: false,
            trail: Vec::new(),
        }
    }

    /// Begins at the base, where the view stands.
    pub(crate) fn at_base(view: &'a LaneView, frame: &Frame) -> Self {
        Self::at_cut(view, frame, vec![0; frame.spans.len()], BTreeMap::new())
    }

    /// Lifts the limit of new transactions.
    pub(crate) fn without_group_limit(mut self) -> Self {
        self.group_limit = u64::MAX;
        self
    }

    pub(crate) fn met_group_limit(&self) -> bool {
        self.met_group_limit
    }

    pub(crate) fn heads(&self) -> &[LaneSeq] {
        &self.heads
    }

    pub(crate) fn head(&self, lane: usize) -> LaneSeq {
        self.heads.get(lane).copied().unwrap_or_default()
    }

    pub(crate) fn is_frozen(&self, lane: usize) -> bool {
        self.frozen.get(lane).copied().unwrap_or(true)
    }

    /// New bytes of all lanes.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.bytes.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes))
    }

    /// Raises a lane to `to`, and others as far as that needs. Changes nothing and returns false when a needed
    /// segment is not ready, a lane is frozen, or a limit forbids it.
    pub(crate) fn raise(&mut self, lane: usize, to: LaneSeq) -> bool {
        let before = self.trail.len();
        let raised = self.raise_all(vec![(lane, to)]);
        if !raised {
            self.undo(before);
        }
        raised
    }

    /// Like [`Self::raise`], if it adds no more than `budget` bytes. Returns how many it added.
    pub(crate) fn raise_within(&mut self, lane: usize, to: LaneSeq, budget: u64) -> Option<u64> {
        let (before, bytes) = (self.trail.len(), self.total_bytes());
        if !self.raise(lane, to) {
            return None;
        }
        let added = self.total_bytes().saturating_sub(bytes);
        if added > budget {
            self.undo(before);
            return None;
        }
        Some(added)
    }

    fn raise_all(&mut self, mut work: Vec<(usize, LaneSeq)>) -> bool {
        let view = self.view;
        while let Some((lane, to)) = work.pop() {
            while self.head(lane) < to {
                let next = view.lanes.get(lane).and_then(|found| found.ready(self.head(lane).next()));
                let Some(entry) = next else { return false };
                if !self.include(lane, entry) {
                    return false;
                }
                let needs = entry.needs.iter();
                work.extend(needs.filter(|(other, seq)| !self.is_frozen(*other) && *seq > self.head(*other)));
            }
        }
        true
    }

    /// Includes the next segment of a lane, if the limits allow it.
    fn include(&mut self, lane: usize, entry: &Entry) -> bool {
        let base = self.base.get(lane).copied().unwrap_or_default();
        let segments = entry.seq().get().saturating_sub(base.get());
        let bytes = self.bytes.get(lane).copied().unwrap_or_default().saturating_add(entry.held.bytes);
        if self.is_frozen(lane)
            || !self.on_chain.get(lane).copied().unwrap_or(false)
            || segments > u64::from(self.view.params.lane_window_segments)
            || bytes > self.view.lane_bytes_limit()
        {
            return false;
        }
        let group_limit = self.group_limit;
        let fits = |(group, count): &(GroupId, u64)| {
            self.groups.get(group).copied().unwrap_or_default().saturating_add(*count) <= group_limit
        };
        if !entry.held.groups.iter().all(fits) {
            self.met_group_limit = true;
            return false;
        }
        for (group, count) in &entry.held.groups {
            let total = self.groups.entry(*group).or_default();
            *total = total.saturating_add(*count);
        }
        self.set(lane, entry.seq(), bytes);
        self.trail.push(lane);
        true
    }

    fn undo(&mut self, to: usize) {
        while self.trail.len() > to {
            let Some(lane) = self.trail.pop() else { return };
            let head = self.head(lane);
            let Some(entry) = self.view.lanes.get(lane).and_then(|found| found.ready(head)) else { return };
            for (group, count) in &entry.held.groups {
                let total = self.groups.entry(*group).or_default();
                *total = total.saturating_sub(*count);
            }
            let bytes = self.bytes.get(lane).copied().unwrap_or_default().saturating_sub(entry.held.bytes);
            self.set(lane, head.saturating_sub(1), bytes);
        }
    }

    fn set(&mut self, lane: usize, head: LaneSeq, bytes: u64) {
        if let Some(place) = self.heads.get_mut(lane) {
            *place = head;
        }
        if let Some(place) = self.bytes.get_mut(lane) {
            *place = bytes;
        }
    }
}
