//! The rollups that are ordered for, and how a block changes them.
//!
//! A rollup that is registered has a leaf of the heads tree for ever. Closing one ends the intake: what stands in
//! segments that later blocks decide is not ordered for it. What was decided before is.

use crate::state::Core;
use fairlane_types::{
    Domain, Hash32, HeadLeaf, HeadsTree, RollupChanges, RollupId, RollupSpec, RollupTable, Writer,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The registry, with the hash that stands for it in the state root.
#[derive(Clone, Debug)]
pub(crate) struct Rollups {
    table: Arc<RollupTable>,
    hash: Hash32,
}

/// Why a block cannot change the rollups in the way that it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RollupChangesError {
    /// The block's anchor is the one of the block before.
    #[error("changes of the rollups come with a new L1 anchor only")]
    NotAnchored,
    /// The id was registered before.
    #[error("rollup {0} was registered before")]
    Registered(RollupId),
    /// Nobody registered the rollup, or it is closed already.
    #[error("rollup {0} cannot be closed: it is not open")]
    NotOpen(RollupId),
    /// It stands in genesis, over which Ethereum has no say.
    #[error("rollup {0} cannot be closed: genesis has it")]
    Genesis(RollupId),
}

/// What an epoch that brings these registrations and closings changes for a network whose genesis has `permanent`
/// rollups: of an id that genesis has, Ethereum's registry says nothing.
pub fn rollup_changes(
    open: &RollupTable,
    permanent: &[RollupSpec],
    registered: &RollupTable,
    closed: &BTreeSet<RollupId>,
) -> RollupChanges {
    let is_free = |id: &RollupId| permanent.iter().all(|rollup| rollup.id != *id);
    let registered: RollupTable =
        registered.iter().filter(|(id, _)| is_free(id)).map(|(id, rules)| (*id, *rules)).collect();
    let is_here = |id: &RollupId| registered.contains_key(id) || open.contains_key(id);
    let closed = closed.iter().filter(|id| is_free(id) && is_here(id)).copied().collect();
    RollupChanges::new(&registered, &closed)
}

impl Rollups {
    pub(crate) fn new(table: RollupTable) -> Self {
        let hash = Domain::STATE.hash(&[b"rollups", &encoding(&table)]);
        Self { table: Arc::new(table), hash }
    }

    pub(crate) fn table(&self) -> &Arc<RollupTable> {
        &self.table
    }

    /// What stands for the rollups in the state root.
    pub(crate) fn hash(&self) -> Hash32 {
        self.hash
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        out.bytes(&encoding(&self.table));
    }
}

fn encoding(table: &RollupTable) -> Vec<u8> {
    let specs: Vec<_> = table.iter().map(|(&id, &rules)| RollupSpec { id, rules }).collect();
    let mut out = Writer::with_capacity(specs.len().saturating_mul(RollupSpec::BYTES));
    out.list(&specs);
    out.into_vec()
}

/// Whether a block may change the rollups in this way.
pub(crate) fn check(
    core: &Core,
    anchor_moves: bool,
    changes: &RollupChanges,
) -> Result<(), RollupChangesError> {
    if !changes.is_empty() && !anchor_moves {
        return Err(RollupChangesError::NotAnchored);
    }
    let leaves = core.heads.leaves();
    for RollupSpec { id, .. } in changes.opened() {
        if leaves.binary_search_by_key(id, |leaf| leaf.rollup).is_ok() {
            return Err(RollupChangesError::Registered(*id));
        }
    }
    for id in changes.closed() {
        if core.constants.permanent.contains(id) {
            return Err(RollupChangesError::Genesis(*id));
        }
        if !core.rollups.table.contains_key(id) {
            return Err(RollupChangesError::NotOpen(*id));
        }
    }
    Ok(())
}

/// Changes the rollups from the next block on.
pub(crate) fn apply(core: &mut Core, changes: &RollupChanges) {
    if changes.is_empty() {
        return;
    }
    let mut table = RollupTable::clone(&core.rollups.table);
    table.retain(|id, _| changes.closed().binary_search(id).is_err());
    table.extend(changes.opened().iter().map(|rollup| (rollup.id, rollup.rules)));
    core.rollups = Rollups::new(table);
    if !changes.opened().is_empty() {
        let mut leaves = core.heads.leaves().to_vec();
        leaves.extend(changes.opened().iter().map(|rollup| HeadLeaf::empty(rollup.id)));
        leaves.sort_by_key(|leaf| leaf.rollup);
        core.heads = HeadsTree::new(leaves);
    }
}
