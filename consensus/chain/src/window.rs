//! The replay window: the ids of recent blocks, so that each transaction is ordered at most once.
//!
//! A block's ids leave the window once chain time has passed the block's time by the expiry bound: whatever it
//! ordered has expired by then, so no later block can order it again. Sizing: 64 bytes or somewhat more for each
//! transaction of the last `expiry_bound` nanoseconds.
//!
//! The state root commits to one root for each block in the window. Blocks that ordered nothing are left out.

use crate::hash::IdHash;
use fairlane_ordering::Emitted;
use fairlane_types::{Domain, Hash32, Height, Timestamp, TxId};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// One shard for each first byte of an id: each grows on its own, so that growing never stalls a block for long.
const SHARDS: usize = 256;

/// What one block ordered.
#[derive(Clone, Debug)]
pub(crate) struct EmittedBlock {
    pub(crate) height: Height,
    pub(crate) time: Timestamp,
    pub(crate) root: Hash32,
    /// In emission order. Empty where only the summary is known, as while restoring.
    pub(crate) ids: Arc<[TxId]>,
}

impl EmittedBlock {
    pub(crate) fn new(height: Height, time: Timestamp, ids: Arc<[TxId]>) -> Self {
        Self { height, time, root: root(&ids), ids }
    }

    fn has_left(&self, now: Timestamp, expiry_bound: u64) -> bool {
        self.time.saturating_add(expiry_bound) <= now
    }
}

/// The root over the ids that one block ordered, in emission order.
pub(crate) fn root(ids: &[TxId]) -> Hash32 {
    let mut bytes = Vec::with_capacity(ids.len().saturating_mul(32));
    for id in ids {
        bytes.extend_from_slice(id.as_bytes());
    }
    Domain::EMITTED.hash(&[&(ids.len() as u64).to_be_bytes(), &bytes])
}

/// The blocks of the window, oldest first, and a table of all their ids.
#[derive(Debug)]
pub(crate) struct Window {
    blocks: VecDeque<EmittedBlock>,
    shards: Vec<HashSet<TxId, IdHash>>,
}

impl Default for Window {
    fn default() -> Self {
        let hash = IdHash::default();
        let shards = (0..SHARDS).map(|_| HashSet::with_hasher(hash.clone())).collect();
        Self { blocks: VecDeque::new(), shards }
    }
}

impl Window {
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &EmittedBlock> {
        self.blocks.iter()
    }

    /// How many of the oldest blocks have left the window at chain time `now`.
    pub(crate) fn leaving(&self, now: Timestamp, expiry_bound: u64) -> usize {
        self.blocks.iter().take_while(|block| block.has_left(now, expiry_bound)).count()
    }

    /// Takes the newest block in.
    pub(crate) fn push(&mut self, block: EmittedBlock) {
        for id in block.ids.iter() {
            if let Some(shard) = self.shards.get_mut(shard_of(id)) {
                shard.insert(*id);
            }
        }
        self.blocks.push_back(block);
    }

    /// Forgets the `count` oldest blocks.
    pub(crate) fn drop_oldest(&mut self, count: usize) {
        for block in self.blocks.drain(..count.min(self.blocks.len())) {
            for id in block.ids.iter() {
                if let Some(shard) = self.shards.get_mut(shard_of(id)) {
                    shard.remove(id);
                }
            }
        }
    }
}

impl Emitted for Window {
    fn contains(&self, id: &TxId) -> bool {
        self.shards.get(shard_of(id)).is_some_and(|shard| shard.contains(id))
    }
}

fn shard_of(id: &TxId) -> usize {
    let [first, ..] = id.as_bytes();
    usize::from(*first)
}

#[cfg(test)]
#[path = "window_tests.rs"]
mod tests;
