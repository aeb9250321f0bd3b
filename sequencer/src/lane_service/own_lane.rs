//! Having a lane of one's own: entering it, finding its end, and giving it up.

use crate::lane_service::actor::Actor;
use crate::lane_service::ingress::Refused;
use crate::lane_service::messages::Outcome;
use crate::lane_service::recovery::{Recovered, Recovery};
use crate::lane_service::seal::Pace;
use fairlane_lanes::LaneWriter;
use fairlane_proto::v1::Refusal;
use fairlane_types::{Height, Incarnation, LaneId, Segment, SegmentRef};
use std::time::{Duration, Instant};

/// How long a lane stays silent after a restart, until it shows whether this node is behind (see [`Pursuit`]).
///
/// [`Pursuit`]: crate::lane_service::cuts::Pursuit
const LOOK_AROUND: Duration = Duration::from_millis(300);

/// What this node does about a lane of its own.
#[derive(Debug)]
pub(super) enum OwnLane {
    /// It has none: no key, or not in the validator set.
    Outside,
    /// It looks for the end of its lane, which goes at least as far as the segment.
    Recovering(LaneId, Option<SegmentRef>),
    /// It writes.
    Writing(LaneId, Box<LaneWriter>),
}

impl OwnLane {
    pub(super) fn writer(&mut self) -> Option<&mut LaneWriter> {
        match self {
            Self::Writing(_, writer) => Some(writer),
            _ => None,
        }
    }

    pub(super) fn lane(&self) -> Option<LaneId> {
        match self {
            Self::Outside => None,
            Self::Recovering(lane, _) | Self::Writing(lane, _) => Some(*lane),
        }
    }
}

impl Actor {
    /// Begins, or stops, to have a lane, as the validator set says.
    pub(super) fn enter_lane(&mut self) {
        let member = self.key.as_ref().and_then(|key| self.base.validators.get(&key.validator()));
        let lane = member.map(|member| member.lane());
        if lane.is_none() && self.told.borrow().is_none() {
            self.ask_outside();
        }
        if lane == self.own.lane() {
            return;
        }
        self.give_up_writer();
        match lane {
            Some(lane) => self.recover(lane, self.known.filter(|known| known.lane == lane)),
            None => self.own = OwnLane::Outside,
        }
    }

    /// A validator that is outside of the set as its disk knows it may have lost that disk, and voted in a later set: it
    /// asks, too, before it could vote. Consensus, and so the set, waits for the answer.
    fn ask_outside(&self) {
        let Some(key) = self.key.as_ref().filter(|_| self.config.startup_check) else {
            self.told.send_replace(Some(None));
            return;
        };
        let lane = LaneId { validator: key.validator(), incarnation: Incarnation::ZERO };
        let (recovery, outcomes) = (self.recovery(lane, None), self.outcomes.clone());
        tokio::spawn(async move {
            if let Err(error) = recovery.ask_outside().await {
                // The actor may have ended.
                let _ = outcomes.send(Outcome::Recovered(Err(error))).await;
            }
        });
    }

    /// Looks for the end of the own lane, once the segment that is on its way, if any, is durable: it is found, too.
    /// `known` is an own segment from outside: the lane goes at least that far.
    pub(super) fn recover(&mut self, lane: LaneId, known: Option<SegmentRef>) {
        self.own = OwnLane::Recovering(lane, known);
        if self.pace.sealing {
            return;
        }
        let (recovery, outcomes) = (self.recovery(lane, known), self.outcomes.clone());
        tokio::spawn(async move {
            // The actor may have ended.
            let _ = outcomes.send(Outcome::Recovered(recovery.run().await)).await;
        });
    }

    fn recovery(&self, lane: LaneId, known: Option<SegmentRef>) -> Recovery {
        Recovery {
            lane,
            base: self.base.clone(),
            network: self.network.clone(),
            network_id: self.network_id,
            params: self.params.clone(),
            store: self.store.clone(),
            known,
            guard: self.guard.clone(),
            check: self.config.startup_check || known.is_some(),
            timeout: self.config.startup_timeout,
            told: self.told.clone(),
        }
    }

    /// The own lane is known up to its end: writing goes on from there.
    pub(super) fn on_recovered(&mut self, recovered: Recovered) {
        let Recovered { lane, last, undecided } = recovered;
        if !matches!(self.own, OwnLane::Recovering(wanted, _) if wanted == lane) {
            return;
        }
        let decided = self.base.head(lane);
        if decided.seq > last.seq {
            // The chain moved on meanwhile with segments that were not known: look again.
            self.recover(lane, None);
            return;
        }
        let mut writer = LaneWriter::new(lane, last, self.params.clone());
        let open: Vec<_> = undecided.into_iter().filter(|own| own.header().seq > decided.seq).collect();
        open.iter().for_each(|segment| writer.recall(segment));
        let now = self.clock.now();
        for head in self.view.decided_heads() {
            writer.observe(head, now);
        }
        self.own = OwnLane::Writing(lane, Box::new(writer));
        self.pace = Pace::new(Instant::now());
        if self.base.height > Height::ZERO {
            self.pace.not_before = self.pace.last + LOOK_AROUND;
        }
        for segment in open {
            self.take_in_stored(segment);
        }
        self.tell_status();
    }

    /// An own segment from outside that this node did not know: its memory ends before the lane does.
    pub(super) fn notice_own(&mut self, segment: &Segment) {
        let header = segment.header();
        let OwnLane::Writing(lane, writer) = &self.own else { return };
        let lane = *lane;
        if header.lane != lane || header.seq <= writer.last().seq {
            return;
        }
        tracing::error!(seq = %header.seq, last = %writer.last().seq, "a peer holds a later segment of this node's lane");
        self.give_up_writer();
        self.recover(lane, Some(segment.reference()));
    }

    /// Stops writing. Who waits for a segment is told to go elsewhere.
    fn give_up_writer(&mut self) {
        self.own = OwnLane::Outside;
        for waiting in self.submissions.abandon() {
            let refused =
                Refused::new(Refusal::NotReady, "this node stopped writing its lane: use another validator");
            self.refuse(&waiting.replies, waiting.tag, refused);
        }
        self.tell_status();
    }
}
