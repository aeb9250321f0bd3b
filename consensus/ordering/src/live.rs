//! The live transactions: seen in some lane, neither emitted nor expired.
//!
//! A table of parallel columns, indexed by slot. Slots are reused; which slot a transaction has is an accident of
//! this process and never reaches a result or an encoding.
#![allow(
    clippy::indexing_slicing,
    reason = "columns have one length, and slots are handed out by this table alone"
)]

use crate::groups::Groups;
use crate::intern::FastHash;
use crate::lane::NEVER;
use crate::run::RunTx;
use fairlane_types::TxId;
use std::collections::HashMap;

/// A row of the live table.
pub(crate) type Slot = u32;

/// The quantiles of one transaction, [`NEVER`] standing for infinity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) key: u64,
    pub(crate) lo: u64,
    pub(crate) hi: u64,
}

impl Span {
    pub(crate) const UNKNOWN: Self = Self { key: NEVER, lo: NEVER, hi: NEVER };
}

/// The table.
#[derive(Clone, Default)]
pub(crate) struct Live {
    index: HashMap<TxId, Slot, FastHash>,
    free: Vec<Slot>,
    pub(crate) used: Vec<bool>,
    pub(crate) ids: Vec<TxId>,
    pub(crate) groups: Vec<Groups>,
    pub(crate) expires: Vec<u64>,
    /// N: the power of the lanes that hold it.
    pub(crate) power: Vec<u64>,
    pub(crate) span: Vec<Span>,
    /// Rows whose quantiles are out of date, each once.
    pub(crate) stale: Vec<Slot>,
    is_stale: Vec<bool>,
}

impl Live {
    /// How many slots there are, used or free.
    pub(crate) fn slots(&self) -> usize {
        self.used.len()
    }

    /// How many transactions are live.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// The slots in use.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.used.iter().enumerate().filter(|&(_, &used)| used).map(|(slot, _)| slot as Slot)
    }

    /// Where `id` is, when it is live.
    pub(crate) fn find(&self, id: &TxId) -> Option<Slot> {
        self.index.get(id).copied()
    }

    /// Adds a transaction that is not live yet.
    pub(crate) fn insert(&mut self, tx: &RunTx) -> Slot {
        let slot = self.free.pop().unwrap_or_else(|| self.grow());
        let row = slot as usize;
        self.index.insert(tx.id, slot);
        self.used[row] = true;
        self.ids[row] = tx.id;
        self.groups[row] = tx.groups;
        self.expires[row] = tx.expires_at.as_nanos();
        self.power[row] = 0;
        self.span[row] = Span::UNKNOWN;
        slot
    }

    fn grow(&mut self) -> Slot {
        let slot = self.used.len() as Slot;
        self.used.push(false);
        self.ids.push(TxId::ZERO);
        self.groups.push(Groups::none());
        self.expires.push(0);
        self.power.push(0);
        self.span.push(Span::UNKNOWN);
        self.is_stale.push(false);
        slot
    }

    /// Takes note that one more lane, of this power, holds it.
    pub(crate) fn held_by(&mut self, slot: Slot, power: u64) {
        let row = slot as usize;
        self.power[row] = self.power[row].saturating_add(power);
        self.touch(slot);
    }

    /// Marks its quantiles as out of date.
    pub(crate) fn touch(&mut self, slot: Slot) {
        let row = slot as usize;
        if !self.is_stale[row] {
            self.is_stale[row] = true;
            self.stale.push(slot);
        }
    }

    /// The rows whose quantiles are out of date; they count as up to date from here on.
    pub(crate) fn take_stale(&mut self) -> Vec<Slot> {
        let stale = std::mem::take(&mut self.stale);
        for &slot in &stale {
            self.is_stale[slot as usize] = false;
        }
        stale
    }

    /// Removes transactions. The lanes must forget the slots before they are handed out again.
    pub(crate) fn remove(&mut self, slots: &[Slot]) {
        // Backwards, so that neighbours in the order of emission become neighbours in the table again.
        for &slot in slots.iter().rev() {
            let row = slot as usize;
            self.index.remove(&self.ids[row]);
            self.used[row] = false;
            self.free.push(slot);
        }
    }
}
