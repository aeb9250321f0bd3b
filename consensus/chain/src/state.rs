//! The state at a finalized height.

use crate::bodies::Bodies;
use crate::decided::Decided;
use crate::encoding;
use crate::prepare::Delta;
use crate::registry::Rollups;
use crate::rule::{self, CONCATENATE_SUFFIX, ORDERING, Rule};
use crate::window::Window;
use fairlane_lanes::CutBase;
use fairlane_ordering::{Emitted as _, OrderingParams, PowersError};
use fairlane_types::{
    BlockId, Cut, DecodeError, Genesis, Hash32, HeadLeaf, HeadsTree, Height, L1Anchor, LaneId, NetworkId,
    ProtocolParams, RollupId, SegmentRef, Timestamp, TxId, ValidatorSet,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What never changes.
#[derive(Debug)]
pub(crate) struct Constants {
    pub(crate) network: NetworkId,
    pub(crate) params: ProtocolParams,
    /// The rollups of genesis, which are never closed.
    pub(crate) permanent: BTreeSet<RollupId>,
}

/// What the next block is computed from, besides the replay window and the tip. Cloning it costs what is live.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    pub(crate) constants: Arc<Constants>,
    pub(crate) validators: ValidatorSet,
    pub(crate) height: Height,
    pub(crate) time: Timestamp,
    pub(crate) l1_anchor: L1Anchor,
    pub(crate) cut: Cut,
    pub(crate) equivocators: BTreeSet<LaneId>,
    pub(crate) decided: Decided,
    pub(crate) rule: Rule,
    pub(crate) heads: HeadsTree,
    pub(crate) rollups: Rollups,
}

/// Names one state: a delta fits the state that it was made from and no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateId {
    pub(crate) height: Height,
    pub(crate) tip: BlockId,
    pub(crate) root: Hash32,
}

/// The state of the chain after a finalized block, or at genesis.
///
/// It holds the ids of the last `expiry_bound` of chain time and the bodies of live transactions in memory.
#[derive(Debug)]
pub struct ChainState {
    pub(crate) core: Core,
    pub(crate) id: StateId,
    pub(crate) window: Window,
    pub(crate) bodies: Bodies,
}

/// Why a genesis gives no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Its fields do not fit each other.
    #[error("genesis is not usable: {0}")]
    Genesis(#[from] DecodeError),
    /// The ordering rule cannot work with its validators' powers.
    #[error("the validators of genesis cannot order: {0}")]
    Powers(#[from] PowersError),
    /// Its name says that its network is ordered by another rule than this build's.
    #[error(
        "network {0:?} cannot be joined: this build orders by the rule {ORDERING:?}, and names ending in \
         {CONCATENATE_SUFFIX:?} are for benches of the rule \"concatenate\""
    )]
    OtherRule(String),
}

/// Why a delta was not committed. The state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The delta was made from another state.
    #[error("the delta was made at height {made_at} from another state than the one at height {height}")]
    Foreign {
        /// The height of the state that the delta was made from.
        made_at: Height,
        /// The height of this state.
        height: Height,
    },
}

impl ChainState {
    /// The state before the first block.
    pub fn genesis(genesis: &Genesis) -> Result<Self, GenesisError> {
        genesis.check()?;
        if !rule::is_for(genesis) {
            return Err(GenesisError::OtherRule(genesis.name.clone()));
        }
        let validators = genesis.validators.clone();
        let lanes = validators.members().iter().map(|member| SegmentRef::empty(member.lane())).collect();
        let constants = Constants {
            network: genesis.network(),
            params: genesis.params.clone(),
            permanent: genesis.rollups.iter().map(|rollup| rollup.id).collect(),
        };
        let ordering =
            OrderingParams { group_cap: genesis.params.group_cap, expiry_bound: genesis.params.expiry_bound };
        let core = Core {
            height: Height::ZERO,
            time: genesis.time,
            l1_anchor: L1Anchor::default(),
            cut: Cut::new(lanes)?,
            equivocators: BTreeSet::new(),
            decided: Decided::new(validators.len()),
            rule: Rule::new(&validators.powers(), ordering)?,
            heads: HeadsTree::new(constants.permanent.iter().copied().map(HeadLeaf::empty).collect()),
            rollups: Rollups::new(genesis.rollups.iter().map(|rollup| (rollup.id, rollup.rules)).collect()),
            constants: Arc::new(constants),
            validators,
        };
        let window = Window::default();
        let root = encoding::state_root(&core, window.blocks());
        let id = StateId { height: Height::ZERO, tip: BlockId::ZERO, root };
        Ok(Self { core, id, window, bodies: Bodies::default() })
    }

    /// The height of the last block; zero at genesis.
    pub fn height(&self) -> Height {
        self.core.height
    }

    /// The id of the last block; zero at genesis.
    pub fn tip(&self) -> BlockId {
        self.id.tip
    }

    /// The root of this state, as the last block's header carries it.
    pub fn root(&self) -> Hash32 {
        self.id.root
    }

    /// Chain time.
    pub fn time(&self) -> Timestamp {
        self.core.time
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.core.constants.network
    }

    /// The protocol's parameters.
    pub fn params(&self) -> &ProtocolParams {
        &self.core.constants.params
    }

    /// The set that decides the next block.
    pub fn validators(&self) -> &ValidatorSet {
        &self.core.validators
    }

    /// Where the chain of batches stands of each rollup that was ever registered.
    pub fn heads(&self) -> &HeadsTree {
        &self.core.heads
    }

    /// The Ethereum block that the last block is anchored to.
    pub fn l1_anchor(&self) -> L1Anchor {
        self.core.l1_anchor
    }

    /// What the next block is judged against.
    pub fn base(&self) -> CutBase {
        CutBase {
            height: self.core.height,
            cut: self.core.cut.clone(),
            retired: self.core.decided.retired_heads(),
            l1_anchor: self.core.l1_anchor,
            equivocators: self.core.equivocators.clone(),
            validators: self.core.validators.clone(),
            rollups: self.core.rollups.table().clone(),
        }
    }

    /// Whether a block of the replay window ordered this transaction.
    pub fn contains_emitted(&self, id: &TxId) -> bool {
        self.window.contains(id)
    }

    /// The blocks of the replay window, oldest first, each with the ids that it ordered: what [`Self::restore`] asks for
    /// besides a snapshot.
    pub fn replay_window(&self) -> impl Iterator<Item = (Height, &[TxId])> {
        self.window.blocks().map(|block| (block.height, &*block.ids))
    }

    /// Whether this transaction stands in a decided segment and is neither ordered nor expired.
    pub fn contains_live(&self, id: &TxId) -> bool {
        self.bodies.contains_key(id)
    }

    /// How many transactions are live.
    pub fn live_count(&self) -> usize {
        self.bodies.len()
    }

    /// Moves on to the state after the block that `delta` was prepared with.
    pub fn commit(&mut self, delta: Delta) -> Result<(), CommitError> {
        if delta.base != self.id {
            return Err(CommitError::Foreign { made_at: delta.base.height, height: self.id.height });
        }
        self.window.drop_oldest(delta.leaving);
        for id in delta.emitted.ids.iter().chain(&delta.dropped) {
            self.bodies.remove(id);
        }
        if !delta.emitted.ids.is_empty() {
            self.window.push(delta.emitted);
        }
        self.bodies.extend(delta.bodies);
        self.core = *delta.core;
        self.id = delta.id;
        Ok(())
    }
}
