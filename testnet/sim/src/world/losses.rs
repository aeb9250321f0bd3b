//! Disks that are lost or replaced by old backups, where what they alone knew is known to others.

use super::{Machine, World};
use crate::disk::Disk;
use crate::scenario::FaultKind;
use fairlane_types::{LaneSeq, SegmentRef};

impl World<'_> {
    pub(super) fn back_up(&mut self, at: usize) {
        if let FaultKind::LoseDisk { validator, .. } = self.scenario.faults[at].kind {
            self.backups.insert(at, self.disk(validator).backup());
        }
    }

    /// A validator is killed. Its disk is gone, too, unless nobody could tell it then where its lane ends.
    pub(super) fn lose_disk(&mut self, at: usize, place: usize, keeps_log: bool, down_for: u64) {
        self.die(place, down_for);
        if !self.others_know_the_lane_of(place) {
            return;
        }
        let backup = self.backups.remove(&at);
        let shows = |backup: &Disk| keeps_log && self.is_seen_to_be_old(place, backup);
        let with_log = backup.as_ref().is_some_and(shows);
        let backup = backup.unwrap_or_default();
        if let Machine::Down(disk, _) = &mut self.machines[place] {
            **disk = if with_log { backup } else { backup.without_log() };
            self.counts.add("disk lost", 1);
            self.counts.add("old log restored", u64::from(with_log));
        }
    }

    /// Whether others can tell that a backup is not the last state: by the lane, or by the height.
    fn is_seen_to_be_old(&self, place: usize, backup: &Disk) -> bool {
        let Some(log) = backup.log_height() else { return false };
        let lane = self.invariants.last_lane(place).map(|(lane, _)| lane);
        let of_lane = |disk: &Disk| Some(disk.durable().newest(&lane?)?.seq);
        self.each_quorum_has(place, |of| {
            let disk = self.disk(of);
            of_lane(disk) > of_lane(backup) || disk.durable().decision(log.next()).is_some()
        })
    }

    /// Whether others hold a validator's lane whole on disk, or know that it has left the set.
    fn others_know_the_lane_of(&self, place: usize) -> bool {
        let Some((lane, ended)) = self.invariants.last_lane(place) else { return true };
        let newest = |of: usize| self.disk(of).durable().newest(&lane);
        let own = newest(place).map(|newest| newest.seq);
        let holds =
            |of: usize, newest: &SegmentRef| self.disk(of).durable().chain(newest, LaneSeq::ZERO).is_some();
        self.each_quorum_has(place, |of| {
            let newest = newest(of);
            let goes_as_far = newest.map(|newest| newest.seq) >= own;
            let whole = newest.is_none_or(|newest| holds(of, &newest));
            let knows_the_end = ended.is_some_and(|by| self.disk(of).durable().decision(by).is_some());
            goes_as_far && whole || knows_the_end
        })
    }

    /// Whether each quorum has an honest member, other than the validator, of which this holds. A validator whose disk is
    /// old asks the set that it knows, so where sets change it must hold of everybody honest.
    fn each_quorum_has(&self, place: usize, holds: impl Fn(usize) -> bool) -> bool {
        let mut others = (0..self.setup.count()).filter(|of| *of != place && !self.scenario.is_villain(*of));
        if !self.scenario.epochs.is_empty() {
            return others.all(holds);
        }
        let council = self.invariants.council();
        council.total() - council.power_of(others.filter(|of| holds(*of))) < council.quorum()
    }
}
