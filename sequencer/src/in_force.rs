//! What the last committed block put in force.

use fairlane_lanes::CutBase;
use fairlane_types::{L1Anchor, RollupTable, ValidatorSet};
use std::sync::Arc;
use tokio::sync::watch;

/// What holds for the next block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InForce {
    /// The set that decides it.
    pub validators: ValidatorSet,
    /// The Ethereum block that the last block is anchored to.
    pub l1_anchor: L1Anchor,
    /// The rollups that are ordered for.
    pub rollups: Arc<RollupTable>,
}

impl From<&CutBase> for InForce {
    fn from(base: &CutBase) -> Self {
        Self { validators: base.validators.clone(), l1_anchor: base.l1_anchor, rollups: base.rollups.clone() }
    }
}

/// Tells the rest of the node when something else holds.
pub(crate) fn tell(sender: &watch::Sender<InForce>, base: &CutBase) {
    let now = InForce::from(base);
    sender.send_if_modified(|before| {
        let changed = *before != now;
        if changed {
            tracing::info!(
                validators = now.validators.len(),
                hash = %now.validators.hash(),
                l1_anchor = now.l1_anchor.number,
                rollups = now.rollups.len(),
                after = %base.height,
                "validator set, L1 anchor and rollups in force"
            );
            *before = now;
        }
        changed
    });
}
