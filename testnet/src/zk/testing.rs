//! Batches for tests of what the proven rollup is sent.

use fairlane_types::{Batch, BatchHeader, BatchItem};
use fairlane_zk_rollup::Rollup;

/// The next batch of a rollup, of transactions with these payloads.
pub(crate) fn batch(rollup: &Rollup, payloads: Vec<Vec<u8>>) -> Batch {
    let item = |payload: Vec<u8>| BatchItem {
        transaction: Default::default(),
        leg_index: 0,
        leg_count: 1,
        payload: payload.into(),
    };
    let header = BatchHeader {
        rollup: rollup.context().rollup,
        index: Default::default(),
        height: Default::default(),
        time: Default::default(),
        count: 0,
        tx_root: Default::default(),
        payload_hash: Default::default(),
        previous_head: rollup.head(),
    };
    Batch::new(header, payloads.into_iter().map(item).collect())
}
