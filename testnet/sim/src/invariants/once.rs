//! Exactly once: a transaction is ordered at one height at most, whole, and before it expires.

use super::{Verdict, broken};
use crate::observe::Committed;
use fairlane_types::{Height, TxId};
use std::collections::BTreeMap;

/// Where each transaction was ordered.
#[derive(Default)]
pub(super) struct Once {
    heights: BTreeMap<TxId, Height>,
}

impl Once {
    pub(super) fn check(&mut self, block: &Committed) -> Verdict {
        let height = block.proposal.header.height;
        let mut legs: BTreeMap<TxId, Vec<(u8, u8)>> = BTreeMap::new();
        for item in block.batches.iter().flat_map(|batch| batch.items()) {
            legs.entry(item.transaction).or_default().push((item.leg_index, item.leg_count));
        }
        for (id, legs) in &mut legs {
            legs.sort_unstable();
            let (_, count) = legs[0];
            let whole = (0..count).map(|leg| (leg, count));
            if !legs.iter().copied().eq(whole) {
                return broken("a bundle is ordered whole", format!("{id} at height {height}: {legs:?}"));
            }
            if let Some(before) = self.heights.insert(*id, height) {
                let what = format!("{id} at height {before} and at height {height}");
                return broken("each transaction is ordered once", what);
            }
        }
        let ordered = block.order.ids();
        if ordered.len() != legs.len() || ordered.into_iter().any(|id| !legs.contains_key(&id)) {
            return broken("batches carry what is ordered", format!("block {height}"));
        }
        Ok(())
    }
}
