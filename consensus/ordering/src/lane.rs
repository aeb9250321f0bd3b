//! One lane as the rule sees it: how far it has come, and the live transactions that it holds, in order.

use crate::live::Slot;

/// Stands for "this lane does not hold it" and for an infinite quantile. Later than any lane time.
pub(crate) const NEVER: u64 = u64::MAX;

/// A lane. Live transactions are named by their slot in the live table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lane {
    /// The latest time that the lane has stated for itself.
    pub(crate) stated: u64,
    /// The least time that its next entry may take: one nanosecond after the last.
    pub(crate) next: u64,
    /// The live transactions that it holds, in receive order.
    pub(crate) order: Vec<Slot>,
    /// By slot: tau, or [`NEVER`].
    pub(crate) times: Vec<u64>,
}

impl Lane {
    /// T: the latest time that the lane has stated, or its last lane time if that is later.
    pub(crate) fn head(&self) -> u64 {
        self.stated.max(self.next.saturating_sub(1))
    }

    /// Takes note of a time that the lane states. Times saturate below [`NEVER`].
    pub(crate) fn state(&mut self, time: u64) {
        self.stated = self.stated.max(time.min(NEVER - 1));
    }

    /// Places a transaction at the end, received at `time` and committed when chain time was `clock`. Returns
    /// false, and leaves no trace, when the lane holds it already.
    pub(crate) fn place(&mut self, slot: Slot, time: u64, clock: u64) -> bool {
        let Some(tau) = self.times.get_mut(slot as usize) else { return false };
        if *tau != NEVER {
            return false;
        }
        let time = time.max(self.next).min(NEVER - 1);
        self.next = time.saturating_add(1);
        *tau = time.max(clock);
        self.order.push(slot);
        true
    }

    /// Whether and when (tau) the lane received what is in this slot.
    pub(crate) fn tau(&self, slot: Slot) -> Option<u64> {
        self.times.get(slot as usize).copied().filter(|&tau| tau != NEVER)
    }
}
