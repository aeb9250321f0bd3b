//! What is missing: whom to ask for it, and when.
//!
//! First the own disk, which may hold it from before a restart; then who referenced it, its author, and everybody in
//! turn.

use super::Node;
use crate::setup::pace;
use crate::wire::{Message, Timer};
use fairlane_types::{SegmentDigest, SegmentRef};
use std::collections::BTreeMap;

/// The most segments that are asked for at a time.
const MAX_WANTS: usize = 2048;

#[derive(Debug)]
struct Want {
    reference: SegmentRef,
    holder: Option<usize>,
    attempts: usize,
    next: u64,
}

/// The missing segments.
#[derive(Debug, Default)]
pub(super) struct Wants {
    wants: BTreeMap<SegmentDigest, Want>,
    armed: bool,
}

impl Wants {
    pub(super) fn arrived(&mut self, digest: &SegmentDigest) {
        self.wants.remove(digest);
    }

    /// Forgets what is not wanted any more.
    pub(super) fn retain(&mut self, wanted: &[SegmentRef]) {
        self.wants.retain(|_, want| wanted.contains(&want.reference));
    }
}

impl Node {
    /// Notes that a segment is missing. With patience, it is given a moment to come by itself.
    pub(super) fn want(&mut self, reference: SegmentRef, holder: Option<usize>, patient: bool) {
        let now = self.shell.now;
        let next = if patient { now + pace::PATIENCE } else { now };
        if let Some(want) = self.wants.wants.get_mut(&reference.digest) {
            want.holder = want.holder.or(holder);
            if want.attempts == 0 {
                want.next = want.next.min(next);
            }
        } else if self.wants.wants.len() < MAX_WANTS {
            let want = Want { reference, holder, attempts: 0, next };
            self.wants.wants.insert(reference.digest, want);
        }
    }

    /// Wakes when the first request is due.
    pub(super) fn arm_fetch(&mut self) {
        if self.wants.armed {
            return;
        }
        let Some(next) = self.wants.wants.values().map(|want| want.next).min() else { return };
        self.wants.armed = true;
        self.shell.timer(next.saturating_sub(self.shell.now), Timer::Fetch);
    }

    pub(super) fn on_fetch_timer(&mut self) {
        self.wants.armed = false;
        let now = self.shell.now;
        let due: Vec<(SegmentRef, usize, Option<usize>)> = self
            .wants
            .wants
            .values_mut()
            .filter(|want| want.next <= now)
            .map(|want| {
                let attempt = want.attempts;
                want.attempts += 1;
                want.next = if attempt == 0 { now } else { now + pace::REFETCH };
                (want.reference, attempt, want.holder)
            })
            .collect();
        for (reference, attempt, holder) in due {
            match attempt.checked_sub(1) {
                None => self.read_back(&reference),
                Some(attempt) => self.ask_for(&reference, attempt, holder),
            }
        }
    }

    /// The disk may hold it from before a restart.
    fn read_back(&mut self, reference: &SegmentRef) {
        if let Some(segment) = self.shell.disk.store().segment(&reference.digest).cloned() {
            self.take_in_stored(segment);
        }
    }

    fn ask_for(&mut self, reference: &SegmentRef, attempt: usize, holder: Option<usize>) {
        let author = self.setup.places.get(&reference.lane.validator).copied();
        let others = (0..self.setup.count()).filter(|other| *other != self.me);
        let order: Vec<usize> =
            holder.into_iter().chain(author).filter(|other| *other != self.me).chain(others).collect();
        let to = order[attempt % order.len()];
        let after = self.base.head(reference.lane).seq.min(reference.seq.saturating_sub(1));
        self.shell.send(to, Message::Fetch { last: *reference, after });
    }
}
