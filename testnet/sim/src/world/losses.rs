//! Disks that are lost or replaced by old backups.
//!
//! The process is killed at once. What its disk holds is decided when the validator comes back, as only then it asks
//! the others: messages that were on their way have arrived by then, and any of the others may have crashed meanwhile.
//!
//! One thing is spared, and counted. Where a quorum need not have an honest member whose disk has the last segment that
//! the validator has *shown*, nothing tells a validator without memory that it signed for that place, and it would sign
//! again: no rule for starting can prevent this, so the disk stays. A segment that was written and never shown may be
//! forgotten, and written again otherwise.
//!
//! Everything before the end may be missing everywhere. Then the lane cannot be written on: it stands still for ever,
//! what it promised from there on is gone with the disk, and everything else must go on.

use super::{Machine, World};
use crate::disk::Disk;
use crate::scenario::FaultKind;
use fairlane_types::{LaneId, LaneSeq};

/// A disk that is lost, before its validator comes back.
pub(super) struct Loss {
    /// What is there in its place.
    backup: Option<Disk>,
    /// Whether that has a log of votes.
    keeps_log: bool,
}

impl World<'_> {
    pub(super) fn back_up(&mut self, at: usize) {
        if let FaultKind::LoseDisk { validator, .. } = self.scenario.faults[at].kind {
            self.backups.insert(at, self.disk(validator).backup());
        }
    }

    /// A validator is killed, and its disk is lost.
    pub(super) fn lose_disk(&mut self, at: usize, place: usize, keeps_log: bool, down_for: u64) {
        self.die(place, down_for);
        let backup = self.backups.remove(&at);
        self.losses.insert(place, Loss { backup, keeps_log });
    }

    /// A validator that has lost its disk comes back: with another one, unless nobody could tell where its lane ends.
    pub(super) fn replace_disk(&mut self, place: usize) {
        if matches!(self.machines[place], Machine::Up(_)) {
            return;
        }
        let Some(Loss { backup, keeps_log }) = self.losses.remove(&place) else { return };
        if !self.others_know_the_end_of(place) {
            self.counts.add("disk spared: nobody else knew the end of its lane", 1);
            return;
        }
        let shows = |backup: &Disk| keeps_log && self.is_seen_to_be_old(place, backup);
        let with_log = backup.as_ref().is_some_and(shows);
        let backup = backup.unwrap_or_default();
        let disk = if with_log { backup } else { backup.without_log() };
        if let Some((lane, from)) = self.gap(place, &disk) {
            self.invariants.lane_is_lost(lane, from);
            self.counts.add("lane lost for ever", 1);
        }
        if let Machine::Down(old, _) = &mut self.machines[place] {
            **old = disk;
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

    /// Whether others have on disk the last segment that a validator has shown, or know that it has left the set.
    fn others_know_the_end_of(&self, place: usize) -> bool {
        let Some((lane, ended)) = self.invariants.last_lane(place) else { return true };
        let shown = self.invariants.shown(lane).last().map(|last| last.seq);
        self.each_quorum_has(place, |of| {
            let disk = self.disk(of).durable();
            let goes_as_far = disk.newest(&lane).map(|newest| newest.seq) >= shown;
            goes_as_far || ended.is_some_and(|by| disk.decision(by).is_some())
        })
    }

    /// The first segment of a validator's lane that was shown and that no honest disk has.
    fn gap(&self, place: usize, disk: &Disk) -> Option<(LaneId, LaneSeq)> {
        let (lane, _) = self.invariants.last_lane(place)?;
        let others = (0..self.setup.count()).filter(|of| *of != place && !self.scenario.is_villain(*of));
        let disks: Vec<&Disk> = others.map(|of| self.disk(of)).chain([disk]).collect();
        let mut shown = self.invariants.shown(lane);
        let missing = shown.find(|at| disks.iter().all(|disk| disk.durable().segment(&at.digest).is_none()));
        missing.map(|at| (lane, at.seq))
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
