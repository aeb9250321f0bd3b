//! Transactions that this node has receipted and no block has ordered yet: for status questions.

use fairlane_types::{Timestamp, TxId};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// More are not remembered: about half a minute of full load.
const CAPACITY: usize = 1 << 20;
/// From this many on, expired ones are looked for at each block.
const SWEEP_FROM: usize = 1 << 14;

#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<TxId, Timestamp>>);

impl Pending {
    /// These have a receipt now; each with its expiry.
    pub(super) fn add(&self, transactions: impl IntoIterator<Item = (TxId, Timestamp)>) {
        let mut pending = self.lock();
        for (id, expires_at) in transactions {
            if pending.len() < CAPACITY {
                pending.insert(id, expires_at);
            }
        }
    }

    /// A block at `time` ordered these; what has expired is never ordered.
    pub(super) fn ordered(&self, ids: impl Iterator<Item = TxId>, time: Timestamp) {
        let mut pending = self.lock();
        for id in ids {
            pending.remove(&id);
        }
        if pending.len() >= SWEEP_FROM {
            pending.retain(|_, expires_at| *expires_at > time);
        }
    }

    /// Whether a transaction waits, and has not expired at `time`.
    pub(super) fn contains(&self, id: &TxId, time: Timestamp) -> bool {
        self.lock().get(id).is_some_and(|expires_at| *expires_at > time)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TxId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_pending_until_it_is_ordered_or_expires() {
        let pending = Pending::default();
        let (first, second) = (TxId::from_bytes([1; 32]), TxId::from_bytes([2; 32]));
        let at = Timestamp::from_nanos;
        pending.add([(first, at(10)), (second, at(20))]);
        assert!(pending.contains(&first, at(9)) && !pending.contains(&first, at(10)));
        pending.ordered([second].into_iter(), at(12));
        assert!(!pending.contains(&second, at(12)));
    }
}
