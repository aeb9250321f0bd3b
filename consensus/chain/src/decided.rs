//! The decided part of the lanes, as far as later references can still place something of it.
//!
//! Lane `i` receives a transaction of lane `x` when it references a decided segment of `x`, often some blocks after
//! the one that decided the segment. So the state keeps, for each lane, what stands in its decided segments above a
//! **floor**:
//!
//! - A segment is **open** while some lane that is not frozen has yet to reference it, and one of its transactions
//!   is neither ordered nor expired. The state holds its runs. It is **settled** otherwise: placing it would change
//!   nothing, as the ordering rule ignores what is ordered or expired. The state holds its digest alone.
//! - The floor is the last segment before the first open one. Below it nothing is held. A reference at or below the
//!   floor is a no-op, and it needs no digest to say so: whatever the reference names, every segment that it could
//!   cover is settled. To give the state one form only, a lane that has referenced less counts as having referenced
//!   the floor.
//!
//! So the state is small even when a lane is dead for hours, and it does not depend on what a node happens to have
//! cached. Which transactions expire too late to be taken is judged once, at the height that decides the segment
//! that carries them, and for all lanes.

use fairlane_lanes::CutContent;
use fairlane_ordering::{LaneAppend, PlacedRun, Run, RunTx};
use fairlane_types::{
    Domain, Event, Hash32, LaneSeq, Segment, SegmentDigest, SegmentRef, Timestamp, ValidatorSet, Writer,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// What an open segment holds.
#[derive(Clone, Debug)]
pub(crate) struct Open {
    /// Its runs, shared with every lane that placed them.
    pub(crate) runs: Arc<[Arc<Run>]>,
    /// The commitment to the runs; `None` in the block that decides the segment.
    pub(crate) root: Option<Hash32>,
    /// How many transactions from the front are known to be ordered or expired: a shortcut, no part of the state.
    resolved: usize,
}

impl Open {
    pub(crate) fn new(runs: Vec<Arc<Run>>) -> Self {
        Self { runs: runs.into(), root: None, resolved: 0 }
    }

    /// An open segment from a snapshot, whose late transactions were left out when it was decided.
    pub(crate) fn restored(runs: Vec<Arc<Run>>) -> Self {
        let mut open = Self::new(runs);
        open.root = Some(runs_root(&open.runs));
        open
    }

    /// Leaves out what expires after `latest`. Rare, so the runs are copied only if there is something.
    fn leave_out_late(&mut self, latest: Timestamp) {
        let is_late = |tx: &RunTx| tx.expires_at > latest;
        if !self.runs.iter().any(|run| run.txs().iter().any(is_late)) {
            return;
        }
        let kept = self
            .runs
            .iter()
            .map(|run| Arc::new(Run::new(run.txs().iter().filter(|tx| !is_late(tx)).cloned().collect())));
        self.runs = kept.collect();
    }

    /// Whether every transaction is resolved. Each is asked for until it is, and then never again.
    fn is_resolved(&mut self, is_resolved: &dyn Fn(&RunTx) -> bool) -> bool {
        let mut rest = self.runs.iter().flat_map(|run| run.txs()).skip(self.resolved);
        let unresolved = rest.find(|tx| {
            let resolved = is_resolved(tx);
            self.resolved = self.resolved.saturating_add(usize::from(resolved));
            !resolved
        });
        unresolved.is_none()
    }
}

/// The commitment to the runs of an open segment.
fn runs_root(runs: &[Arc<Run>]) -> Hash32 {
    let mut out = Writer::new();
    crate::encoding::runs(&mut out, runs);
    Domain::STATE.hash(&[b"runs", out.as_slice()])
}

/// A decided segment above its lane's floor.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) digest: SegmentDigest,
    /// `None` when it is settled.
    pub(crate) open: Option<Open>,
}

/// The decided segments of one lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// All segments up to here are settled.
    pub(crate) floor: LaneSeq,
    /// The segments after the floor, up to the lane's decided head.
    pub(crate) entries: VecDeque<Entry>,
}

impl Track {
    /// The segment at `seq`, if it is decided and above the floor.
    fn get(&self, seq: LaneSeq) -> Option<&Entry> {
        let above = seq.get().checked_sub(self.floor.get())?.checked_sub(1)?;
        self.entries.get(usize::try_from(above).ok()?)
    }

    fn open_runs(&self, seq: LaneSeq) -> &[Arc<Run>] {
        self.get(seq).and_then(|entry| entry.open.as_ref()).map_or(&[], |open| &open.runs)
    }

    fn raise_floor(&mut self) {
        while self.entries.front().is_some_and(|entry| entry.open.is_none()) {
            self.entries.pop_front();
            self.floor = self.floor.next();
        }
    }
}

/// All lanes, by their place in the validator set.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    pub(crate) tracks: Vec<Track>,
    /// At `i * lanes + x`: up to where lane `i` has referenced the decided chain of lane `x`.
    pub(crate) refs: Vec<LaneSeq>,
}

/// What settling asks about transactions, after a block.
pub(crate) struct Settling<'a> {
    /// Which lanes are frozen.
    pub(crate) frozen: &'a [bool],
    /// The latest expiry that this height takes.
    pub(crate) latest_expiry: Timestamp,
    /// Whether a transaction is ordered or expired.
    pub(crate) is_resolved: &'a dyn Fn(&RunTx) -> bool,
}

impl Decided {
    pub(crate) fn new(lanes: usize) -> Self {
        Self { tracks: vec![Track::default(); lanes], refs: vec![LaneSeq::ZERO; lanes.saturating_mul(lanes)] }
    }

    fn at(&self, from: usize, to: usize) -> usize {
        from.saturating_mul(self.tracks.len()).saturating_add(to)
    }

    fn referenced(&self, from: usize, to: usize) -> LaneSeq {
        self.refs.get(self.at(from, to)).copied().unwrap_or(LaneSeq::MAX)
    }

    fn set_referenced(&mut self, from: usize, to: usize, seq: LaneSeq) {
        let at = self.at(from, to);
        if let Some(slot) = self.refs.get_mut(at) {
            *slot = seq;
        }
    }

    /// Takes in the next segment of a lane.
    pub(crate) fn extend(&mut self, lane: usize, digest: SegmentDigest, runs: Vec<Arc<Run>>) {
        if let Some(track) = self.tracks.get_mut(lane) {
            track.entries.push_back(Entry { digest, open: Some(Open::new(runs)) });
        }
    }

    /// What the lanes receive by new segments that [`Self::extend`] has taken in.
    pub(crate) fn place(&mut self, validators: &ValidatorSet, content: &CutContent) -> Vec<LaneAppend> {
        let mut appends = Vec::with_capacity(content.lanes.len());
        for (lane, new) in content.lanes.iter().enumerate() {
            // The latest, not the last: what a lane states must not depend on whether a reference still places.
            let stated = new.segments.iter().map(|segment| segment.header().timestamp).max();
            if stated.is_none() {
                continue;
            }
            let mut runs = Vec::new();
            for segment in &new.segments {
                self.place_segment(validators, lane, segment, &mut runs);
            }
            appends.push(LaneAppend { lane, runs, head_time: stated });
        }
        appends
    }

    fn place_segment(
        &mut self,
        validators: &ValidatorSet,
        lane: usize,
        segment: &Segment,
        out: &mut Vec<PlacedRun>,
    ) {
        let mut own = 0usize;
        for event in segment.events() {
            let time = segment.event_time(event);
            match event {
                Event::Own { .. } => {
                    let runs = self.tracks.get(lane).map(|track| track.open_runs(segment.header().seq));
                    place_runs(runs.and_then(|runs| runs.get(own)), time, out);
                    own = own.saturating_add(1);
                }
                Event::Peer { segment: peer, .. } => self.place_peer(validators, lane, peer, time, out),
            }
        }
    }

    fn place_peer(
        &mut self,
        validators: &ValidatorSet,
        lane: usize,
        peer: &SegmentRef,
        time: Timestamp,
        out: &mut Vec<PlacedRun>,
    ) {
        let Some(other) = validators.index_of(&peer.lane.validator) else { return };
        if validators.members().get(other).is_none_or(|member| member.lane() != peer.lane) {
            return;
        }
        let from = self.referenced(lane, other);
        let Some(track) = self.tracks.get(other) else { return };
        let is_decided = track.get(peer.seq).is_some_and(|entry| entry.digest == peer.digest);
        if peer.seq <= from || !is_decided {
            return;
        }
        if crate::rule::REFERENCES_PLACE {
            let first = from.max(track.floor).get();
            for seq in first.saturating_add(1)..=peer.seq.get() {
                place_runs(track.open_runs(LaneSeq::new(seq)), time, out);
            }
        }
        self.set_referenced(lane, other, peer.seq);
    }

    /// Settles what no later block can place with effect: the last thing that a block does.
    pub(crate) fn settle(&mut self, by: &Settling) {
        for lane in 0..self.tracks.len() {
            let everybody = self.referenced_by_all(lane, by.frozen);
            let Some(track) = self.tracks.get_mut(lane) else { continue };
            let first = track.floor.get().saturating_add(1);
            for (seq, entry) in (first..).zip(&mut track.entries) {
                let Some(open) = &mut entry.open else { continue };
                if seq <= everybody.get() || is_settled(open, by) {
                    entry.open = None;
                }
            }
            track.raise_floor();
            let floor = track.floor;
            for from in 0..self.tracks.len() {
                self.set_referenced(from, lane, self.referenced(from, lane).max(floor));
            }
        }
    }

    /// Up to where every other lane that is not frozen has referenced this one.
    fn referenced_by_all(&self, lane: usize, frozen: &[bool]) -> LaneSeq {
        let others = frozen.iter().enumerate().filter(|(from, frozen)| *from != lane && !**frozen);
        others.map(|(from, _)| self.referenced(from, lane)).min().unwrap_or(LaneSeq::MAX)
    }
}

/// Whether an open segment has nothing left to place. Commits to its runs when it stays open for the first time.
fn is_settled(open: &mut Open, by: &Settling) -> bool {
    if open.root.is_none() {
        open.leave_out_late(by.latest_expiry);
    }
    let settled = open.is_resolved(by.is_resolved);
    if !settled && open.root.is_none() {
        open.root = Some(runs_root(&open.runs));
    }
    settled
}

fn place_runs<'a>(runs: impl IntoIterator<Item = &'a Arc<Run>>, time: Timestamp, out: &mut Vec<PlacedRun>) {
    for run in runs {
        if !run.txs().is_empty() {
            out.push(PlacedRun { run: run.clone(), time });
        }
    }
}

#[cfg(test)]
#[path = "decided_tests.rs"]
mod tests;
