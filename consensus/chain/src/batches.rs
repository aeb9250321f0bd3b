//! From emitted transactions to the rollups' batches.

use crate::state::Core;
use fairlane_types::{
    Batch, BatchHeader, BatchItem, Hash32, HeadLeaf, HeadsTree, Height, RollupId, Timestamp, Transaction,
};
use std::collections::BTreeMap;

/// Sorts transactions' legs into batches, in emission order. A bundle's legs go to each of its rollups.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    items: BTreeMap<RollupId, Vec<BatchItem>>,
}

impl Sorter {
    pub(crate) fn push(&mut self, transaction: &Transaction) {
        let legs = transaction.legs();
        let leg_count = u8::try_from(legs.len()).unwrap_or(u8::MAX);
        for (leg_index, leg) in (0u8..).zip(legs) {
            self.items.entry(leg.rollup).or_default().push(BatchItem {
                transaction: transaction.id(),
                leg_index,
                leg_count,
                payload: leg.payload.clone(),
            });
        }
    }

    /// The batches by rollup, chained to the rollups' heads, and the heads after them.
    pub(crate) fn finish(self, core: &Core, height: Height, time: Timestamp) -> (Vec<Batch>, HeadsTree) {
        if self.items.is_empty() {
            return (Vec::new(), core.heads.clone());
        }
        let mut leaves = core.heads.leaves().to_vec();
        let mut batches = Vec::with_capacity(self.items.len());
        for (rollup, items) in self.items {
            let Ok(at) = leaves.binary_search_by_key(&rollup, |leaf| leaf.rollup) else { continue };
            let Some(leaf) = leaves.get_mut(at) else { continue };
            let batch = Batch::new(next_header(leaf, height, time), items);
            leaf.index = batch.header().index;
            leaf.head = batch.header().head(&core.constants.network);
            leaf.last_height = height;
            batches.push(batch);
        }
        (batches, HeadsTree::new(leaves))
    }
}

/// The header of a rollup's next batch, before its items are committed to.
fn next_header(leaf: &HeadLeaf, height: Height, time: Timestamp) -> BatchHeader {
    BatchHeader {
        rollup: leaf.rollup,
        index: leaf.index.next(),
        height,
        time,
        count: 0,
        tx_root: Hash32::ZERO,
        payload_hash: Hash32::ZERO,
        previous_head: leaf.head,
    }
}
