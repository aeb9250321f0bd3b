//! Segments of all lanes: taking them in, and following what the view says.

use super::Node;
use crate::disk::Write;
use crate::observe::Observed;
use crate::wire::Message;
use fairlane_lanes::LaneEffect;
use fairlane_types::{Evidence, LaneSeq, Segment, SegmentRef};
use std::sync::Arc;

/// How many segments one answer carries at most.
const MAX_SERVED: usize = 64;

impl Node {
    /// Takes in a segment of whatever lane from outside.
    pub(super) fn take_in(&mut self, segment: Arc<Segment>) {
        let digest = segment.digest();
        self.wants.arrived(&digest);
        if self.view.contains(&digest) {
            return;
        }
        self.notice_own(&segment);
        let now = self.shell.local();
        let effects = self.view.insert(segment.clone(), now);
        if self.view.contains(&digest) {
            self.shell.write(Write::Segment(segment));
            self.dirty = true;
        }
        self.follow(effects);
    }

    /// Takes in a segment that the disk has already.
    pub(super) fn take_in_stored(&mut self, segment: Arc<Segment>) {
        let now = self.shell.local();
        self.wants.arrived(&segment.digest());
        let effects = self.view.insert(segment, now);
        self.dirty = true;
        self.follow(effects);
    }

    /// Does what the view says.
    pub(super) fn follow(&mut self, effects: Vec<LaneEffect>) {
        let now = self.shell.local();
        for effect in effects {
            match effect {
                LaneEffect::Ready(ready) => {
                    self.shell.tell(Observed::Ready(ready.reference));
                    if let Some(writer) = self.own.writer() {
                        writer.observe(ready, now);
                    }
                    self.dirty = true;
                }
                LaneEffect::Fetch { wanted, holder } => {
                    let holder = holder.and_then(|id| self.setup.places.get(&id).copied());
                    self.want(wanted, holder, true);
                }
                LaneEffect::Evidence(evidence) => self.note_evidence(&evidence),
                LaneEffect::Dropped { .. } => {}
            }
        }
    }

    /// Takes note of an offence.
    pub(super) fn note_evidence(&mut self, evidence: &Evidence) {
        self.shell.tell(Observed::Found(evidence.clone()));
        if self.pool.add(evidence) {
            let now = self.shell.local();
            let effects = self.view.accuse(evidence, now);
            self.dirty = true;
            self.follow(effects);
        }
    }

    /// A block was committed: the view moves on.
    pub(super) fn lanes_decided(&mut self) {
        let now = self.shell.local();
        self.base = self.chain.base();
        let effects = self.view.decided(&self.base, now);
        self.follow(effects);
        let wanted = self.view.wanted();
        self.wants.retain(&wanted);
        for reference in wanted {
            self.want(reference, None, true);
        }
        self.enter_lane();
        self.dirty = true;
    }

    /// Fetches what a cut needs.
    pub(super) fn need(&mut self, missing: &[SegmentRef], patient: bool) {
        self.view.require(missing);
        for reference in missing {
            self.want(*reference, None, patient);
        }
    }

    /// Answers a request for segments.
    pub(super) fn serve(&mut self, from: usize, last: &SegmentRef, after: LaneSeq) {
        let lowest = after.max(last.seq.saturating_sub(MAX_SERVED as u64));
        if let Some(villain) = &mut self.villain
            && villain.withholds_answer()
        {
            return;
        }
        let store = self.shell.disk.store();
        // Where the range has a gap, the segment alone is worth having.
        let alone = || store.chain(last, last.seq.saturating_sub(1));
        let served = store.chain(last, lowest).or_else(alone);
        if let Some(segments) = served.filter(|segments| !segments.is_empty()) {
            self.shell.send(from, Message::Segments(segments));
        }
    }
}
