//! The ledger of a load: which transactions were accepted, which were delivered, and how often.
//!
//! One byte a transaction: bit 7 for "accepted", the low bits count delivered legs. Writers share it without
//! locks but for the rare moment in which it grows.

use super::schedule::Schedule;
use std::sync::RwLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

const ACCEPTED: u8 = 0x80;
const LEGS: u8 = 0x7f;
const CHUNK: usize = 1 << 16;

/// What a delivered leg meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Other legs of the transaction are still missing.
    Partial,
    /// The transaction is complete now.
    Complete,
    /// The leg was delivered before.
    Duplicate,
}

/// Totals over a range of transactions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Transactions with a receipt.
    pub accepted: u64,
    /// Transactions that were delivered with all legs.
    pub finalized: u64,
    /// Accepted transactions that were not delivered with all legs.
    pub lost: u64,
}

/// Counts for every transaction of a schedule.
#[derive(Debug)]
pub struct Ledger {
    schedule: Schedule,
    chunks: RwLock<Vec<Box<[AtomicU8]>>>,
    duplicates: AtomicU64,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, chunks: RwLock::default(), duplicates: AtomicU64::new(0) }
    }

    /// The schedule that it counts.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Notes a receipt.
    pub fn accept(&self, seq: u64) {
        self.with_cell(seq, |cell| cell.fetch_or(ACCEPTED, Relaxed));
    }

    /// Notes one delivered leg.
    pub fn deliver(&self, seq: u64) -> Delivery {
        let before = self.with_cell(seq, |cell| cell.fetch_add(1, Relaxed)) & LEGS;
        let legs = self.schedule.legs(seq);
        if before >= legs {
            self.duplicates.fetch_add(1, Relaxed);
            return Delivery::Duplicate;
        }
        if before + 1 == legs { Delivery::Complete } else { Delivery::Partial }
    }

    /// Legs that were delivered more than once.
    pub fn duplicates(&self) -> u64 {
        self.duplicates.load(Relaxed)
    }

    /// The totals over `from..to`.
    pub fn totals(&self, from: u64, to: u64) -> Totals {
        let chunks = self.chunks.read().expect("no writer panics");
        let mut totals = Totals::default();
        for seq in from..to {
            let (chunk, at) = place(seq);
            let Some(cell) = chunks.get(chunk).map(|chunk| chunk[at].load(Relaxed)) else { break };
            let accepted = cell & ACCEPTED != 0;
            let complete = cell & LEGS >= self.schedule.legs(seq);
            totals.accepted += u64::from(accepted);
            totals.finalized += u64::from(complete);
            totals.lost += u64::from(accepted && !complete);
        }
        totals
    }

    fn with_cell<T>(&self, seq: u64, act: impl Fn(&AtomicU8) -> T) -> T {
        let (chunk, at) = place(seq);
        if let Some(cells) = self.chunks.read().expect("no writer panics").get(chunk) {
            return act(&cells[at]);
        }
        let mut chunks = self.chunks.write().expect("no writer panics");
        while chunks.len() <= chunk {
            chunks.push((0..CHUNK).map(|_| AtomicU8::new(0)).collect());
        }
        act(&chunks[chunk][at])
    }
}

fn place(seq: u64) -> (usize, usize) {
    (seq as usize / CHUNK, seq as usize % CHUNK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairlane_types::RollupId;

    fn ledger() -> Ledger {
        Ledger::new(Schedule { rate: 1.0, rollups: vec![RollupId::new(1), RollupId::new(2)] })
    }

    #[test]
    fn counts_losses_and_duplicates() {
        let ledger = ledger();
        (0..10).for_each(|seq| ledger.accept(seq));
        (0..9).for_each(|seq| assert_eq!(ledger.deliver(seq), Delivery::Complete));
        assert_eq!(ledger.deliver(3), Delivery::Duplicate);
        assert_eq!(ledger.totals(0, 10), Totals { accepted: 10, finalized: 9, lost: 1 });
        assert_eq!(ledger.duplicates(), 1);
    }

    #[test]
    fn a_bundle_is_complete_with_its_last_leg() {
        let ledger = ledger();
        let bundle = (0..100).find(|seq| ledger.schedule().is_bundle(*seq)).unwrap();
        ledger.accept(bundle);
        assert_eq!(ledger.deliver(bundle), Delivery::Partial);
        assert_eq!(ledger.totals(bundle, bundle + 1).lost, 1);
        assert_eq!(ledger.deliver(bundle), Delivery::Complete);
        assert_eq!(ledger.totals(bundle, bundle + 1).lost, 0);
    }

    #[test]
    fn grows_to_far_numbers() {
        let ledger = ledger();
        ledger.accept(1_000_000);
        assert_eq!(ledger.totals(0, 1_000_001).accepted, 1);
    }
}
