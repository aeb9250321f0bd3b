//! Reading lanes ahead of the cuts that decide them, while this node is far behind. Pure: time and peers are arguments.
//!
//! A node that was away executes decided cuts one after the other. Asking for each cut's segments when it comes would
//! cost a request and an answer a block. So whatever a peer shows of a lane beyond the window of the view becomes that
//! lane's goal: the segments up to it are fetched as long ranges, wait here, and enter the view as it moves on.
//!
//! What waits is verified, and bounded by bytes. It need not be what the cuts decide: then the cut's own segments are
//! fetched by name, and what waits here is dropped as it is passed. A goal that nobody serves is given up: who showed it
//! may have made it up, or shown it to this node alone.

use crate::lane_service::fetcher::Order;
use crate::network::{FetchWant, PeerInfo};
use fairlane_types::{LaneId, LaneSeq, Segment, SegmentRef};
use libp2p::PeerId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One lane that is read ahead.
#[derive(Debug)]
struct Reading {
    /// A segment that a peer showed, far beyond what is held.
    goal: SegmentRef,
    /// The segments that follow on what the view holds, without a gap.
    waiting: VecDeque<Arc<Segment>>,
    bytes: usize,
    in_flight: bool,
    attempts: usize,
    /// How many answers in a row brought nothing.
    fruitless: usize,
    next: Instant,
}

/// The lanes that are read ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    lanes: BTreeMap<LaneId, Reading>,
}

impl Ahead {
    /// The most bytes that wait, of all lanes together, before no more are asked for.
    const MAX_BYTES: usize = 96 << 20;
    /// How far beyond the decided head segments are given to the view: enough for a few cuts.
    const WINDOW: u64 = 128;
    /// The shortest range that is asked for: what is closer to the goal comes by itself.
    const MIN_RANGE: u64 = 64;
    /// How often each peer may answer with nothing before a goal is given up.
    const TURNS: usize = 3;
    /// After an answer that brought nothing.
    const PAUSE: Duration = Duration::from_millis(100);

    /// A peer showed a segment beyond the window of the view.
    pub(super) fn shown(&mut self, segment: SegmentRef, now: Instant) {
        let reading = self.lanes.entry(segment.lane).or_insert_with(|| Reading {
            goal: segment,
            waiting: VecDeque::new(),
            bytes: 0,
            in_flight: false,
            attempts: 0,
            fruitless: 0,
            next: now,
        });
        if segment.seq > reading.goal.seq {
            reading.goal = segment;
        }
    }

    /// Gives up the lanes that `stays` does not name: they left the validator set.
    pub(super) fn retain(&mut self, stays: impl Fn(&LaneId) -> bool) {
        self.lanes.retain(|lane, _| stays(lane));
    }

    /// The requests to send now. `held` gives how far the view holds a lane.
    pub(super) fn plan(
        &mut self,
        held: impl Fn(LaneId) -> LaneSeq,
        peers: &[PeerInfo],
        now: Instant,
    ) -> Vec<Order> {
        let patience = Self::TURNS * peers.len().max(1);
        for reading in self.lanes.values_mut().filter(|reading| reading.fruitless >= patience) {
            reading.give_up();
        }
        let is_open = |lane: &LaneId, reading: &Reading| held(*lane) < reading.goal.seq;
        self.lanes.retain(|lane, reading| reading.in_flight || is_open(lane, reading));
        let share = Self::MAX_BYTES / self.lanes.len().max(1);
        let mut orders = Vec::new();
        for (lane, reading) in &mut self.lanes {
            let after = reading.reached().unwrap_or_else(|| held(*lane));
            let idle = !reading.in_flight && reading.next <= now && reading.bytes < share;
            let missing = reading.goal.seq.get().saturating_sub(after.get());
            if !idle || missing < Self::MIN_RANGE {
                continue;
            }
            let Some(peer) = choose(lane, peers, reading.attempts) else { continue };
            reading.in_flight = true;
            orders.push(Order {
                source: Some(peer),
                want: FetchWant::Range { last: reading.goal, after },
                about: Vec::new(),
            });
        }
        orders
    }

    /// A request for a lane is over: what it brought.
    pub(super) fn fetched(&mut self, lane: LaneId, held: LaneSeq, segments: Vec<Arc<Segment>>, now: Instant) {
        let Some(reading) = self.lanes.get_mut(&lane) else { return };
        reading.in_flight = false;
        reading.next = now;
        if segments.is_empty() {
            reading.attempts = reading.attempts.wrapping_add(1);
            reading.fruitless = reading.fruitless.saturating_add(1);
            reading.next = now + Self::PAUSE;
        } else {
            reading.fruitless = 0;
        }
        for segment in segments {
            let next = reading.reached().unwrap_or(held).next();
            if segment.header().seq == next {
                reading.bytes += segment.bytes().len();
                reading.waiting.push_back(segment);
            }
        }
    }

    /// What enters the view now. `decided` gives the decided head of a lane.
    pub(super) fn due(&mut self, decided: impl Fn(LaneId) -> LaneSeq) -> Vec<Arc<Segment>> {
        let mut due = Vec::new();
        for (lane, reading) in &mut self.lanes {
            let last = decided(*lane).saturating_add(Self::WINDOW);
            while let Some(first) = reading.waiting.pop_front_if(|first| first.header().seq <= last) {
                reading.bytes = reading.bytes.saturating_sub(first.bytes().len());
                due.push(first);
            }
        }
        due
    }
}

impl Reading {
    fn reached(&self) -> Option<LaneSeq> {
        self.waiting.back().map(|last| last.header().seq)
    }

    /// Settles for what was reached, until a peer shows another goal.
    fn give_up(&mut self) {
        self.goal.seq = LaneSeq::ZERO;
        if let Some(last) = self.waiting.back() {
            self.goal = last.reference();
        }
        self.fruitless = 0;
    }
}

/// The author first, who has its own lane; then everybody in turn.
fn choose(lane: &LaneId, peers: &[PeerInfo], attempt: usize) -> Option<PeerId> {
    let author = peers.iter().find(|peer| peer.validator == Some(lane.validator));
    let turn = || peers.get(attempt.checked_rem(peers.len())?);
    author.filter(|_| attempt == 0).or_else(turn).map(|peer| peer.peer)
}
