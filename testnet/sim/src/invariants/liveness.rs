//! Liveness: when faults end, everything that an honest validator has promised to order is ordered soon.

use super::ledger::Ledger;
use super::{Council, broken};
use crate::scenario::Scenario;
use crate::setup::MS;
use fairlane_types::{Cut, LaneId, LaneSeq, Segment, Transaction, TxId};
use std::collections::{BTreeMap, BTreeSet};

/// How long after the last fault and the last submission everything must be ordered, in nanoseconds: less than
/// long-lived transactions live, so that none of them is let off by expiring.
const SOON: u64 = 20_000 * MS;

/// How an honest validator stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// Its power, in the set in force.
    pub(crate) power: u64,
    /// Its last block.
    pub(crate) height: u64,
    /// Whether nothing waits at it.
    pub(crate) is_settled: bool,
    /// Whether it only watches, because it may not remember what it signed.
    pub(crate) watches: bool,
}

/// Whether a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It goes on.
    NotYet,
    /// Everything that was promised is kept.
    Kept,
    /// So many watch that the honest ones who vote are no quorum. The chain may stand still then until somebody lets them
    /// vote: docs/adr/0015 says so, and runs that end like this are counted.
    TooManyWatch,
}

/// Transactions in honest lanes that are not ordered yet.
pub(super) struct Promises {
    /// By transaction and lane, with the place of its segment.
    made: BTreeMap<(TxId, LaneId), (LaneSeq, Transaction)>,
    deadline: u64,
}

impl Promises {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let last = scenario.load.last().map_or(0, |submission| submission.at);
        Self { made: BTreeMap::new(), deadline: last.max(scenario.healed_at) + SOON }
    }

    /// An honest validator shows a segment: its transactions are promised, unless its lane has left the set in force, as
    /// it has where the validator is behind and does not know yet.
    pub(super) fn closed(&mut self, segment: &Segment, council: &Council) {
        let (lane, seq) = (segment.header().lane, segment.header().seq);
        if !council.lanes().any(|member| member == lane) {
            return;
        }
        for transaction in segment.transactions() {
            self.made.entry((transaction.id(), lane)).or_insert((seq, transaction.clone()));
        }
    }

    /// How many promises are open.
    pub(super) fn open(&mut self, ledger: &Ledger) -> usize {
        self.made.retain(|(id, _), (_, transaction)| !ledger.is_resolved(id, transaction));
        self.made.len()
    }

    /// A block hands over to another set: what lanes that leave hold beyond its cut is void.
    pub(super) fn hand_over(&mut self, before: &Council, after: &Council, cut: &Cut) {
        let stays: BTreeSet<LaneId> = after.lanes().collect();
        let left: BTreeSet<LaneId> = before.lanes().filter(|lane| !stays.contains(lane)).collect();
        let is_decided = |lane: &LaneId, seq| cut.head(lane).is_some_and(|head| seq <= head.seq);
        self.made.retain(|(_, lane), (seq, _)| !left.contains(lane) || is_decided(lane, *seq));
    }

    /// Nobody has the segment `from` of a lane any more: what it promised, and all that comes after it, is void.
    pub(super) fn lane_is_lost(&mut self, lane: LaneId, from: LaneSeq) {
        self.made.retain(|(_, of), (seq, _)| *of != lane || *seq < from);
    }

    /// Whether nothing is open, and all honest validators are level and settled; they must be, once the time is over.
    pub(super) fn check(
        &self,
        now: u64,
        standing: &[Standing],
        quorum: u64,
        open: usize,
        ledger: &Ledger,
    ) -> Result<Ending, (&'static str, String)> {
        let heights = standing.iter().map(|at| at.height);
        let (least, most) = (heights.clone().min().unwrap_or(0), heights.max().unwrap_or(0));
        if open == 0 && most - least <= 1 && standing.iter().all(|at| at.is_settled) {
            return Ok(Ending::Kept);
        }
        if now <= self.deadline {
            return Ok(Ending::NotYet);
        }
        let voting: u64 = standing.iter().filter(|at| !at.watches).map(|at| at.power).sum();
        if voting < quorum {
            return Ok(Ending::TooManyWatch);
        }
        let first = self.made.iter().next().map(|((id, lane), (seq, _))| {
            format!(" ({id} of segment {seq} of lane {lane} is held by lanes {:?})", ledger.holders(id))
        });
        let what = format!("{open} transactions are not ordered{}; {standing:?}", first.unwrap_or_default());
        broken("everything is ordered soon after the last fault", what)
    }
}
