//! Evidence that waits for a block, one piece for each offence.

use fairlane_types::evidence::{MAX_PER_BLOCK, OffenceSlot};
use fairlane_types::{Evidence, ValidatorSet};
use std::collections::{BTreeMap, BTreeSet};

/// Evidence that no block carries yet.
#[derive(Debug, Default)]
pub(super) struct EvidencePool {
    waiting: BTreeMap<OffenceSlot, Evidence>,
    committed: BTreeSet<OffenceSlot>,
}

impl EvidencePool {
    /// Adds a piece; says whether its offence is new.
    pub(super) fn add(&mut self, evidence: &Evidence) -> bool {
        let slot = evidence.slot();
        let new = !self.committed.contains(&slot) && !self.waiting.contains_key(&slot);
        if new {
            self.waiting.insert(slot, evidence.clone());
        }
        new
    }

    /// A block carries these.
    pub(super) fn committed(&mut self, evidence: &[Evidence]) {
        for piece in evidence {
            self.waiting.remove(&piece.slot());
            self.committed.insert(piece.slot());
        }
    }

    /// What the next block should carry: nothing against who has left the set.
    pub(super) fn for_block(&self, set: &ValidatorSet) -> Vec<Evidence> {
        let counts = |piece: &&Evidence| set.get(&piece.offender()).is_some();
        self.waiting.values().filter(counts).take(MAX_PER_BLOCK).cloned().collect()
    }
}
