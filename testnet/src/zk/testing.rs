//! Batches for tests of what the proven rollup is sent.

use fairlane_types::{Batch, BatchItem};
use fairlane_zk_rollup::{Rollup, bare_header};

/// The next batch of a rollup, of transactions with these payloads.
pub(crate) fn batch(rollup: &Rollup, payloads: Vec<Vec<u8>>) -> Batch {
    let item = |payload: Vec<u8>| BatchItem {
        transaction: Default::default(),
        leg_index: 0,
        leg_count: 1,
        payload: payload.into(),
    };
    let header = bare_header(rollup.context().rollup, rollup.head());
    Batch::new(header, payloads.into_iter().map(item).collect())
}
