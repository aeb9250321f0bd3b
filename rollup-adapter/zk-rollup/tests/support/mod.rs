//! Batches for tests, as the sequencer makes them.

use fairlane_types::{Batch, BatchHeader, BatchIndex, BatchItem, Height, NetworkId, RollupId, Timestamp, TxId};
use fairlane_zk_rollup::{Context, Deposit, Rollup, SecretKey};

/// The rollup of these tests.
pub fn context() -> Context {
    Context { network: NetworkId::from_bytes([7; 32]), rollup: RollupId::new(42) }
}

/// The key of a number.
pub fn key(number: u16) -> SecretKey {
    SecretKey::from_seed(&number.to_be_bytes())
}

/// A deposit for the account and the key of a number.
pub fn opening(number: u16, amount: u64) -> Deposit {
    Deposit { account: number, key: key(number).public(), amount }
}

/// A transaction of one leg.
pub fn item(payload: &[u8]) -> BatchItem {
    BatchItem {
        transaction: TxId::from_bytes([payload.len() as u8; 32]),
        leg_index: 0,
        leg_count: 1,
        payload: payload.to_vec().into(),
    }
}

/// The rollup's next batch.
pub fn batch(rollup: &Rollup, index: u64, items: Vec<BatchItem>) -> Batch {
    let header = BatchHeader {
        rollup: rollup.context().rollup,
        index: BatchIndex::new(index),
        height: Height::new(3 * index),
        time: Timestamp::from_nanos(1_000 * index),
        count: 0,
        tx_root: Default::default(),
        payload_hash: Default::default(),
        previous_head: rollup.head(),
    };
    Batch::new(header, items)
}
