//! Where recent transactions were ordered: in memory, bounded, rebuilt from the order records at start.
//!
//! It is not kept on disk as a table: ids are random, so each would touch another page of it.

use fairlane_types::{Height, TxId};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many transactions are remembered at most, apart from the newest block's: about 100 bytes each.
pub(super) const CAPACITY: usize = 1 << 19;

/// The last ordered transactions.
#[derive(Debug, Default)]
pub(super) struct Recent {
    places: HashMap<TxId, (Height, u32)>,
    blocks: VecDeque<Arc<[TxId]>>,
}

impl Recent {
    /// Adds a block's ids, in their order. Forgets the oldest blocks beyond the capacity.
    pub(super) fn push(&mut self, height: Height, ids: Arc<[TxId]>) {
        if ids.is_empty() {
            return;
        }
        self.places.extend((0u32..).zip(ids.iter()).map(|(place, id)| (*id, (height, place))));
        self.blocks.push_back(ids);
        while self.places.len() > CAPACITY && self.blocks.len() > 1 {
            for id in self.blocks.pop_front().iter().flat_map(|ids| ids.iter()) {
                self.places.remove(id);
            }
        }
    }

    pub(super) fn get(&self, id: &TxId) -> Option<(Height, u32)> {
        self.places.get(id).copied()
    }
}
