//! The decided part of the lanes, as far as later references can still place something of it.
//!
//! Lane `i` receives a transaction of lane `x` when it references a decided segment of `x`, often some blocks after
//! the one that decided the segment. So the state keeps, for each lane, what stands in its decided segments above a
//! **floor**:
//!
//! - A segment is **open** while one of its transactions is neither ordered nor expired. The state holds its runs. It
//!   is **settled** otherwise: placing it would change nothing, as the ordering rule ignores what is ordered or
//!   expired. The state holds its digest alone. That every lane has referenced it settles nothing: a lane that is new
//!   in the next set has not.
//! - The floor is the last segment before the first open one. Below it nothing is held. A reference at or below the
//!   floor is a no-op, and it needs no digest to say so: whatever the reference names, every segment that it could
//!   cover is settled. To give the state one form only, a lane that has referenced less counts as having referenced
//!   the floor.
//!
//! So the state is small even when a lane is dead for hours, and it does not depend on what a node happens to have
//! cached. Which transactions expire too late to be taken is judged once, at the height that decides the segment
//! that carries them, and for all lanes.
//!
//! A lane that leaves the validator set is **retired**: its track stays until its segments are settled, so that what
//! was decided of it is ordered like everything else ([`Decided::change`]).

use fairlane_lanes::CutContent;
use fairlane_ordering::{LaneAppend, PlacedRun, Run, RunTx};
use fairlane_types::{
    Domain, Event, Hash32, LaneId, LaneSeq, Segment, SegmentDigest, SegmentRef, Timestamp, ValidatorSet,
    Writer,
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

    /// The lane's decided head.
    pub(crate) fn head(&self) -> LaneSeq {
        self.floor.saturating_add(self.entries.len() as u64)
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

/// All lanes: those of the validator set by their place in it, and after them the retired ones.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    /// The lanes of the set.
    pub(crate) tracks: Vec<Track>,
    /// Lanes that left the set and have open segments, sorted.
    pub(crate) retired: Vec<(LaneId, Track)>,
    /// At `i * (tracks + retired) + x`: up to where lane `i` of the set has referenced the decided chain of lane `x`.
    pub(crate) refs: Vec<LaneSeq>,
}

/// What settling asks about transactions, after a block.
pub(crate) struct Settling<'a> {
    /// The latest expiry that this height takes.
    pub(crate) latest_expiry: Timestamp,
    /// Whether a transaction is ordered or expired.
    pub(crate) is_resolved: &'a dyn Fn(&RunTx) -> bool,
}

impl Decided {
    pub(crate) fn new(lanes: usize) -> Self {
        let refs = vec![LaneSeq::ZERO; lanes.saturating_mul(lanes)];
        Self { tracks: vec![Track::default(); lanes], retired: Vec::new(), refs }
    }

    /// How many lanes there are, retired ones included.
    fn lanes(&self) -> usize {
        self.tracks.len().saturating_add(self.retired.len())
    }

    fn track(&self, lane: usize) -> Option<&Track> {
        match lane.checked_sub(self.tracks.len()) {
            None => self.tracks.get(lane),
            Some(retired) => self.retired.get(retired).map(|(_, track)| track),
        }
    }

    fn track_mut(&mut self, lane: usize) -> Option<&mut Track> {
        match lane.checked_sub(self.tracks.len()) {
            None => self.tracks.get_mut(lane),
            Some(retired) => self.retired.get_mut(retired).map(|(_, track)| track),
        }
    }

    /// Where a lane stands here.
    fn place_of(&self, validators: &ValidatorSet, lane: &LaneId) -> Option<usize> {
        let member = validators.index_of(&lane.validator);
        if member.and_then(|at| validators.members().get(at)).is_some_and(|member| member.lane() == *lane) {
            return member;
        }
        let retired = self.retired.binary_search_by_key(lane, |(id, _)| *id).ok()?;
        Some(self.tracks.len().saturating_add(retired))
    }

    /// The decided heads of the retired lanes.
    pub(crate) fn retired_heads(&self) -> Vec<SegmentRef> {
        let head = |(lane, track): &(LaneId, Track)| {
            let last = track.entries.back()?;
            Some(SegmentRef { lane: *lane, seq: track.head(), digest: last.digest })
        };
        self.retired.iter().filter_map(head).collect()
    }

    fn at(&self, from: usize, to: usize) -> usize {
        from.saturating_mul(self.lanes()).saturating_add(to)
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
        let Some(other) = self.place_of(validators, &peer.lane) else { return };
        let from = self.referenced(lane, other);
        let Some(track) = self.track(other) else { return };
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
        for lane in 0..self.lanes() {
            let Some(track) = self.track_mut(lane) else { continue };
            for entry in &mut track.entries {
                if entry.open.as_mut().is_some_and(|open| is_settled(open, by)) {
                    entry.open = None;
                }
            }
            track.raise_floor();
            let floor = track.floor;
            for from in 0..self.tracks.len() {
                self.set_referenced(from, lane, self.referenced(from, lane).max(floor));
            }
        }
        if self.retired.iter().any(|(_, track)| track.entries.is_empty()) {
            self.drop_settled();
        }
    }

    /// Forgets the retired lanes of which nothing is open any more.
    fn drop_settled(&mut self) {
        let members = self.tracks.len();
        let is_open = |lane: usize| self.track(lane).is_some_and(|track| !track.entries.is_empty());
        let kept: Vec<usize> = (0..self.lanes()).filter(|lane| *lane < members || is_open(*lane)).collect();
        let mut refs = Vec::with_capacity(members.saturating_mul(kept.len()));
        for from in 0..members {
            refs.extend(kept.iter().map(|lane| self.referenced(from, *lane)));
        }
        self.refs = refs;
        self.retired.retain(|(_, track)| !track.entries.is_empty());
    }

    /// Goes over to another validator set. Lanes that stay keep what they have, those that leave are retired, new ones
    /// begin with nothing decided and nothing referenced. The state was settled before.
    ///
    /// A validator that stays and begins a new lane goes on where it stopped: what its old lane holds, it holds. One that
    /// comes back holds nothing, and references its old lane like any other.
    pub(crate) fn change(&mut self, from: &ValidatorSet, to: &ValidatorSet) {
        let stays = |lane: &LaneId| to.get(&lane.validator).is_some_and(|member| member.lane() == *lane);
        let mut columns: Vec<Column> = Vec::with_capacity(to.len());
        for member in to.members() {
            columns.push(Column { lane: member.lane(), old: self.place_of(from, &member.lane()) });
        }
        let members = from.members().iter().map(|member| member.lane());
        let mut leaving: Vec<Column> = members
            .chain(self.retired.iter().map(|(lane, _)| *lane))
            .enumerate()
            .map(|(old, lane)| Column { lane, old: Some(old) })
            .filter(|column| !stays(&column.lane))
            .filter(|column| self.of(column).is_some_and(|track| !track.entries.is_empty()))
            .collect();
        leaving.sort_by_key(|column| column.lane);
        let track = |column: &Column| self.of(column).cloned().unwrap_or_default();
        let tracks = columns.iter().map(track).collect();
        let retired = leaving.iter().map(|column| (column.lane, track(column))).collect();
        columns.extend(leaving);
        let mut refs = Vec::with_capacity(to.len().saturating_mul(columns.len()));
        for member in to.members() {
            let row = from.index_of(&member.id);
            refs.extend(columns.iter().map(|column| self.inherited(member.lane(), row, column)));
        }
        *self = Self { tracks, retired, refs };
    }

    fn of(&self, column: &Column) -> Option<&Track> {
        self.track(column.old?)
    }

    /// Up to where a lane of the next set counts as having referenced another one. `row` is where its validator
    /// stands in the present set.
    fn inherited(&self, lane: LaneId, row: Option<usize>, column: &Column) -> LaneSeq {
        let Some(track) = self.of(column) else { return LaneSeq::ZERO };
        if row.is_some() && column.old == row && column.lane != lane {
            // A validator that stays holds what its old lane holds, and all that the old lane itself brought.
            return track.head();
        }
        match (row, column.old) {
            (Some(row), Some(old)) => self.referenced(row, old),
            _ => track.floor,
        }
    }
}

/// A lane of the next set, or one that leaves: where it stands in the present state, if it does.
struct Column {
    lane: LaneId,
    old: Option<usize>,
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
