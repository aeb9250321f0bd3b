//! Evidence that waits for a block, one piece for each offence. The durable pool is `crate::evidence`.

use fairlane_types::evidence::{MAX_PER_BLOCK, OffenceSlot};
use fairlane_types::{Evidence, ValidatorId};
use std::collections::{BTreeMap, BTreeSet};

/// Verified evidence that no block carries yet.
#[derive(Debug, Default)]
pub(super) struct WaitingEvidence {
    waiting: BTreeMap<OffenceSlot, Evidence>,
    committed: BTreeSet<OffenceSlot>,
}

impl WaitingEvidence {
    /// The most pieces that wait, and the most committed offences that are remembered.
    const MAX: usize = 1024;

    /// Adds a piece; says whether its offence is new.
    pub(super) fn add(&mut self, evidence: Evidence) -> bool {
        let slot = evidence.slot();
        let new = !self.committed.contains(&slot) && !self.waiting.contains_key(&slot);
        if new && self.waiting.len() < Self::MAX {
            self.waiting.insert(slot, evidence);
        }
        new
    }

    /// A block carries these.
    pub(super) fn committed(&mut self, evidence: &[Evidence]) {
        for piece in evidence {
            let slot = piece.slot();
            self.waiting.remove(&slot);
            self.committed.insert(slot);
        }
        while self.committed.len() > Self::MAX {
            self.committed.pop_first();
        }
    }

    /// Forgets what no block will carry: pieces whose offenders left the validator set.
    pub(super) fn retain(&mut self, stays: impl Fn(&ValidatorId) -> bool) {
        self.waiting.retain(|_, piece| stays(&piece.offender()));
    }

    /// What the next block should carry, of offenders that `counts` accepts.
    pub(super) fn for_block(&self, counts: impl Fn(&Evidence) -> bool) -> Vec<Evidence> {
        self.waiting.values().filter(|piece| counts(piece)).take(MAX_PER_BLOCK).cloned().collect()
    }
}
