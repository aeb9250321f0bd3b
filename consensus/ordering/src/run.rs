//! What comes in: runs of transactions and where each lane received them.

use crate::groups::Groups;
use fairlane_types::{Timestamp, TxId};
use std::sync::Arc;

/// One element to be ordered: an ordinary transaction, or an atomic bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTx {
    /// Its id, which commits to the two fields below.
    pub id: TxId,
    /// The ordering groups of its rollups; none (all rollups unregistered, say) means that it is ignored.
    pub groups: Groups,
    /// From this chain time on it must not be emitted.
    pub expires_at: Timestamp,
}

/// Transactions that lanes receive as one piece, in this order.
///
/// A run is shared: the same `Arc<Run>` stands in each lane that received the piece, and is then looked up once.
/// Sharing changes the cost only, never the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    txs: Box<[RunTx]>,
}

impl Run {
    /// A run of these transactions, in this order.
    pub fn new(txs: Vec<RunTx>) -> Self {
        Self { txs: txs.into_boxed_slice() }
    }

    /// Its transactions, in order.
    pub fn txs(&self) -> &[RunTx] {
        &self.txs
    }
}

/// "Here this lane received this whole run."
#[derive(Clone, Debug)]
pub struct PlacedRun {
    /// What was received.
    pub run: Arc<Run>,
    /// When, by the lane's own clock.
    pub time: Timestamp,
}

/// What one height appends to one lane.
#[derive(Clone, Debug)]
pub struct LaneAppend {
    /// Which lane, by its position in the validator set. One out of range is ignored.
    pub lane: usize,
    /// What it received, in order.
    pub runs: Vec<PlacedRun>,
    /// The time of the lane's new head; `None` when the lane did not advance.
    pub head_time: Option<Timestamp>,
}

/// The ids that were emitted before and have not expired: the caller's replay window.
///
/// It answers for the state before the step at hand. The engine asks once for each id it does not know.
pub trait Emitted {
    /// Whether `id` was emitted before.
    fn contains(&self, id: &TxId) -> bool;
}

impl<S: std::hash::BuildHasher> Emitted for std::collections::HashSet<TxId, S> {
    fn contains(&self, id: &TxId) -> bool {
        std::collections::HashSet::contains(self, id)
    }
}

impl Emitted for std::collections::BTreeSet<TxId> {
    fn contains(&self, id: &TxId) -> bool {
        std::collections::BTreeSet::contains(self, id)
    }
}
