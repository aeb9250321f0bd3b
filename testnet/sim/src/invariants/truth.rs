//! Truth: an honest lane tells what its validator received, in the order in which it received it.

use super::{Verdict, broken};
use fairlane_types::{Event, LaneId, Segment, SegmentRef, TxId};
use std::collections::VecDeque;

/// Something that a validator received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    Own(TxId),
    Peer(SegmentRef),
}

/// What each validator received and did not write down yet.
pub(super) struct Truth {
    received: Vec<VecDeque<Received>>,
    /// The lane that each writes.
    lanes: Vec<Option<LaneId>>,
}

impl Truth {
    pub(super) fn new(validators: usize) -> Self {
        Self { received: vec![VecDeque::new(); validators], lanes: vec![None; validators] }
    }

    pub(super) fn took(&mut self, place: usize, id: TxId) {
        self.received[place].push_back(Received::Own(id));
    }

    pub(super) fn ready(&mut self, place: usize, reference: SegmentRef) {
        if self.lanes[place] != Some(reference.lane) {
            self.received[place].push_back(Received::Peer(reference));
        }
    }

    /// The validator begins to write a lane: what it received before is told by the decided heads.
    pub(super) fn writes(&mut self, place: usize, lane: LaneId, heads: &[SegmentRef]) {
        self.forget(place);
        self.lanes[place] = Some(lane);
        heads.iter().for_each(|head| self.ready(place, *head));
    }

    /// The validator lost its memory.
    pub(super) fn forget(&mut self, place: usize) {
        self.received[place].clear();
    }

    /// A segment says what was received next.
    pub(super) fn closed(&mut self, place: usize, segment: &Segment) -> Verdict {
        let received = &mut self.received[place];
        let mut own = segment.transactions().iter().map(|transaction| transaction.id());
        for event in segment.events() {
            let told = match event {
                Event::Own { count, .. } => own
                    .by_ref()
                    .take(*count as usize)
                    .all(|id| received.pop_front() == Some(Received::Own(id))),
                Event::Peer { segment: past, .. } => take_run(received, past),
            };
            if !told {
                let what = format!("segment {} says {event:?}", segment.header().seq);
                return broken("an honest lane tells the order of receipt", what);
            }
        }
        Ok(())
    }
}

/// Takes a run of segments of one lane that ends with `last`.
fn take_run(received: &mut VecDeque<Received>, last: &SegmentRef) -> bool {
    let of_lane = |received: &Received| matches!(received, Received::Peer(at) if at.lane == last.lane);
    let run = received.iter().take_while(|at| of_lane(at));
    match run.zip(1..).find(|(at, _)| **at == Received::Peer(*last)).map(|(_, length)| length) {
        Some(length) => {
            received.drain(..length);
            true
        }
        None => false,
    }
}
