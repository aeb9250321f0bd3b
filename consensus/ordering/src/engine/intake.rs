//! Step 1 and 2 of a height: chain time moves on, expired transactions go, new entries come.

use super::Core;
use crate::intern::FastHash;
use crate::lane::NEVER;
use crate::live::Slot;
use crate::run::{Emitted, LaneAppend, Run, RunTx};
use fairlane_types::TxId;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// New slots come to all lanes by so many at once.
const SLOT_CHUNK: usize = 1024;

/// Runs that were looked up in this height already: where each one's slots are.
#[derive(Default)]
struct Resolved {
    runs: HashMap<*const Run, (u32, u32), FastHash>,
    slots: Vec<Slot>,
}

impl Resolved {
    fn slots(&self, (start, end): (u32, u32)) -> Range<usize> {
        start as usize..end as usize
    }
}

impl Core {
    /// Clock(h) = max(Clock(h-1), the largest T such that lanes with `T_i >= T` have power >= q).
    ///
    /// `T_i` is the latest time that lane `i` has stated, in a head or for a run, or its last lane time.
    pub(super) fn advance_clock(&mut self, appends: &[LaneAppend]) {
        for append in appends {
            let Some(lane) = self.lanes.get_mut(append.lane) else { continue };
            for placed in &append.runs {
                lane.state(placed.time.as_nanos());
            }
            if let Some(time) = append.head_time {
                lane.state(time.as_nanos());
            }
        }
        let mut heads: Vec<(u64, u64)> =
            self.lanes.iter().zip(&self.powers).map(|(lane, &power)| (lane.head(), power)).collect();
        heads.sort_unstable_by(|a, b| b.cmp(a));
        let mut sum = 0u64;
        for (time, power) in heads {
            sum = sum.saturating_add(power);
            if sum >= self.quorums.quorum {
                self.clock = self.clock.max(time);
                return;
            }
        }
    }

    /// Drops what expires at or before Clock(h), and returns its ids, ascending.
    pub(super) fn drop_expired(&mut self) -> Vec<TxId> {
        let clock = self.clock;
        let is_expired = |slot: &Slot| self.live.expires.get(*slot as usize).is_some_and(|&at| at <= clock);
        let expired: Vec<Slot> = self.live.iter().filter(is_expired).collect();
        let mut ids = self.ids(&expired);
        ids.sort_unstable();
        self.remove(&expired);
        ids
    }

    /// Appends to the lanes. `before` is Clock(h-1), below which no entry counts.
    pub(super) fn append(&mut self, appends: &[LaneAppend], emitted: &dyn Emitted, before: u64) {
        let mut resolved = Resolved::default();
        for append in appends {
            let Some(&power) = self.powers.get(append.lane) else { continue };
            for placed in &append.runs {
                let slots = self.resolve(&placed.run, emitted, &mut resolved);
                let Some(lane) = self.lanes.get_mut(append.lane) else { continue };
                for &slot in resolved.slots.get(slots).unwrap_or(&[]) {
                    if lane.place(slot, placed.time.as_nanos(), before) {
                        self.live.held_by(slot, power);
                    }
                }
            }
        }
    }

    /// The slots of the run's acceptable transactions, in order.
    fn resolve(&mut self, run: &Arc<Run>, emitted: &dyn Emitted, resolved: &mut Resolved) -> Range<usize> {
        if let Some(&known) = resolved.runs.get(&Arc::as_ptr(run)) {
            return resolved.slots(known);
        }
        let start = resolved.slots.len() as u32;
        for tx in run.txs() {
            resolved.slots.extend(self.accept(tx, emitted));
        }
        let range = (start, resolved.slots.len() as u32);
        resolved.runs.insert(Arc::as_ptr(run), range);
        resolved.slots(range)
    }

    /// The slot of an acceptable transaction; a new one when it is not live yet.
    fn accept(&mut self, tx: &RunTx, emitted: &dyn Emitted) -> Option<Slot> {
        // What is live has been accepted before, and what has expired since is not live any more.
        if let Some(slot) = self.live.find(&tx.id) {
            return Some(slot);
        }
        let expires = tx.expires_at.as_nanos();
        let in_time = self.clock < expires && expires <= self.clock.saturating_add(self.params.expiry_bound);
        if !in_time || tx.groups.is_empty() || emitted.contains(&tx.id) {
            return None;
        }
        let slot = self.live.insert(tx);
        self.make_room();
        Some(slot)
    }

    /// Gives every lane a time for every slot. All lanes have room for the same number of slots.
    pub(crate) fn make_room(&mut self) {
        let slots = self.live.slots();
        for lane in &mut self.lanes {
            if lane.times.len() >= slots {
                return;
            }
            lane.times.resize(slots.saturating_add(SLOT_CHUNK), NEVER);
        }
    }
}
