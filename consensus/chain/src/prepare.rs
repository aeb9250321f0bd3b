//! Computing a block: a pure function of the state and the cut.

use crate::batches::Sorter;
use crate::bodies::Body;
use crate::change::{self, NextValidatorsError};
use crate::content::{self, NewBodies};
use crate::decided::Settling;
use crate::encoding;
use crate::hash::IdHash;
use crate::record::{OrderRecord, OrderingReport};
use crate::registry::{self, RollupChangesError};
use crate::state::{ChainState, Core, StateId};
use crate::window::EmittedBlock;
use fairlane_lanes::CutContent;
use fairlane_ordering::{Emitted as _, LaneAppend, Ordered};
use fairlane_types::{
    Batch, BlockHeader, Cut, Evidence, Hash32, HeadsTree, L1Anchor, LaneId, LaneSeq, Proposal, RollupChanges,
    Timestamp, TxId, ValidatorSet, evidence,
};
use std::collections::{BTreeSet, HashSet};

/// What a block is made from. Evidence and cut were judged before (`fairlane-verify`, `fairlane-lanes`).
#[derive(Clone, Debug)]
pub struct BlockInput {
    /// How far the block takes each lane.
    pub cut: Cut,
    /// The segments by which it goes beyond the cut before.
    pub content: CutContent,
    /// Offences that the block proves.
    pub evidence: Vec<Evidence>,
    /// The Ethereum block that it is anchored to.
    pub l1_anchor: L1Anchor,
    /// The set that decides the next block, where it is another one. Whether it is Ethereum's was judged before.
    pub next_validators: Option<ValidatorSet>,
    /// Rollups that are registered or closed from the next block on. Whether Ethereum says so was judged before.
    pub rollups: RollupChanges,
}

impl BlockInput {
    /// What a proposal's block is made from, with the content of its cut.
    pub fn of(proposal: &Proposal, content: CutContent) -> Self {
        Self {
            cut: proposal.cut.clone(),
            content,
            evidence: proposal.evidence.clone(),
            l1_anchor: proposal.header.l1_anchor,
            next_validators: proposal.next_validators.clone(),
            rollups: proposal.rollups.clone(),
        }
    }
}

/// A block, and what it takes to commit it.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What consensus decides on.
    pub proposal: Proposal,
    /// What the block has for each rollup that it has something for, by rollup id.
    pub batches: Vec<Batch>,
    /// The heads tree after the block.
    pub heads: HeadsTree,
    /// The order, and why.
    pub order: OrderRecord,
    /// How the order came out.
    pub report: OrderingReport,
    /// For [`ChainState::commit`].
    pub delta: Delta,
}

/// The difference that one block makes to the state that it was prepared from.
#[derive(Clone, Debug)]
pub struct Delta {
    pub(crate) base: StateId,
    pub(crate) id: StateId,
    pub(crate) core: Box<Core>,
    /// How many of the oldest blocks leave the replay window.
    pub(crate) leaving: usize,
    /// What this block adds to it.
    pub(crate) emitted: EmittedBlock,
    /// Transactions that expired unordered.
    pub(crate) dropped: Vec<TxId>,
    /// Bodies of transactions that are live from this block on.
    pub(crate) bodies: Vec<(TxId, Body)>,
}

/// Why a cut makes no block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrepareError {
    /// The height would not fit 64 bits.
    #[error("the chain has reached the largest height")]
    LastHeight,
    /// Cut or content do not name the lanes of the validator set, each once and in its order.
    #[error("the cut or its content does not cover exactly the lanes of the validator set")]
    Lanes,
    /// The content is not the chain of segments from the decided head of a lane to its head in the cut.
    #[error("the content of lane {lane} does not lead to the cut's head: segment {seq} does not fit")]
    BrokenChain {
        /// Which lane.
        lane: LaneId,
        /// Where the chain breaks.
        seq: LaneSeq,
    },
    /// A lane advances although it has equivocated.
    #[error("lane {0} has equivocated and must not advance")]
    Frozen(LaneId),
    /// The anchor is older than the last block's, or another block of the same number.
    #[error("the L1 anchor {given} contradicts the last block's anchor {last}")]
    Anchor {
        /// The number of the last block's anchor.
        last: u64,
        /// The number of the anchor that was given.
        given: u64,
    },
    /// The block carries a validator set that cannot follow the present one.
    #[error("the next validator set cannot follow: {0}")]
    NextValidators(#[from] NextValidatorsError),
    /// The block changes the rollups in a way that it cannot.
    #[error(transparent)]
    Rollups(#[from] RollupChangesError),
    /// The state has no body for a transaction that it orders. Nodes never come into such a state by themselves.
    #[error("the body of transaction {0} is missing from the state")]
    MissingBody(TxId),
}

/// Computes the block that follows from a cut. The state does not change; the same input gives the same block.
///
/// An error other than [`PrepareError::MissingBody`] says that the input makes no block on this state, now or later.
pub fn prepare(state: &ChainState, input: BlockInput) -> Result<Prepared, PrepareError> {
    let BlockInput { cut, content, evidence, l1_anchor, next_validators, rollups } = input;
    let height = state.core.height.checked_add(1).ok_or(PrepareError::LastHeight)?;
    check_anchor(state.core.l1_anchor, l1_anchor)?;
    let anchor_moves = l1_anchor != state.core.l1_anchor;
    if let Some(next) = &next_validators {
        change::check(&state.core, anchor_moves, next)?;
    }
    registry::check(&state.core, anchor_moves, &rollups)?;
    let equivocators = equivocators_after(&state.core, &evidence);
    let frozen = frozen_lanes(&state.core.validators, &equivocators);
    content::check(&state.core.validators, &state.core.cut, &cut, &content, &frozen)?;

    let mut core = state.core.clone();
    core.height = height;
    core.l1_anchor = l1_anchor;
    core.equivocators = equivocators;
    core.cut = cut.clone();
    let (appends, new_bodies) = receive(&mut core, &content);
    let ordered = core.rule.step(&appends, &state.window, &Hash32::from(state.id.tip));
    core.time = core.time.max(ordered.clock);

    let order = OrderRecord::of(&ordered);
    let (batches, heads) = batches(state, &core, &order, &new_bodies)?;
    core.heads = heads;
    let fate = Fate::of(state, &ordered, &order);
    settle(&mut core, &fate);
    if let Some(next) = &next_validators {
        change::apply(&mut core, next.clone())?;
    }
    registry::apply(&mut core, &rollups);

    let leaving = state.window.leaving(core.time, core.constants.params.expiry_bound);
    let emitted = EmittedBlock::new(height, core.time, order.ids().collect());
    let this_block = std::iter::once(&emitted).filter(|block| !block.ids.is_empty());
    let root = encoding::state_root(&core, state.window.blocks().skip(leaving).chain(this_block));
    let header = header(state, &core, (&cut, &evidence, &rollups), &ordered, &order, root);
    let heads = core.heads.clone();
    let delta = Delta {
        base: state.id,
        id: StateId { height, tip: header.id(), root },
        leaving,
        emitted,
        dropped: ordered.dropped.clone(),
        bodies: fate.live_bodies(new_bodies),
        core: Box::new(core),
    };
    let proposal = Proposal { header, cut, evidence, next_validators, rollups };
    let report = OrderingReport::of(&ordered);
    Ok(Prepared { proposal, batches, heads, order, report, delta })
}

fn check_anchor(last: L1Anchor, given: L1Anchor) -> Result<(), PrepareError> {
    if given.number < last.number || (given.number == last.number && given.hash != last.hash) {
        return Err(PrepareError::Anchor { last: last.number, given: given.number });
    }
    Ok(())
}

/// The lanes that are frozen once the evidence is committed: an equivocator's lane ends where it stands.
fn equivocators_after(core: &Core, evidence: &[Evidence]) -> BTreeSet<LaneId> {
    let mut equivocators = core.equivocators.clone();
    for piece in evidence {
        let Evidence::LaneEquivocation(pair) = piece else { continue };
        let [first, _] = pair.as_ref();
        let lane = first.header.lane;
        if core.validators.get(&lane.validator).is_some_and(|member| member.lane() == lane) {
            equivocators.insert(lane);
        }
    }
    equivocators
}

/// Which lanes of the set are frozen, by their place in it.
fn frozen_lanes(validators: &ValidatorSet, equivocators: &BTreeSet<LaneId>) -> Vec<bool> {
    validators.members().iter().map(|member| equivocators.contains(&member.lane())).collect()
}

/// Takes in the new segments and says what each lane receives by them. All segments come first: a lane may
/// reference what the same cut decides.
fn receive<'a>(core: &mut Core, content: &'a CutContent) -> (Vec<LaneAppend>, NewBodies<'a>) {
    let mut bodies = content::new_bodies(content);
    for (lane, new) in content.lanes.iter().enumerate() {
        for segment in &new.segments {
            let runs = content::runs_of(segment, core.rollups.table(), &mut bodies);
            core.decided.extend(lane, segment.digest(), runs);
        }
    }
    let appends = core.decided.place(&core.validators, content);
    (appends, bodies)
}

fn batches(
    state: &ChainState,
    core: &Core,
    order: &OrderRecord,
    new_bodies: &NewBodies,
) -> Result<(Vec<Batch>, HeadsTree), PrepareError> {
    let mut sorter = Sorter::default();
    for id in order.ids() {
        let transaction = match new_bodies.get(&id) {
            Some((segment, index)) => segment.transactions().get(*index),
            None => state.bodies.get(&id).and_then(Body::transaction),
        };
        sorter.push(transaction.ok_or(PrepareError::MissingBody(id))?);
    }
    Ok(sorter.finish(core, core.height, core.time))
}

/// What became of transactions by this block.
struct Fate<'a> {
    state: &'a ChainState,
    now_emitted: HashSet<TxId, IdHash>,
    clock: Timestamp,
    /// The latest expiry that this height takes.
    latest_expiry: Timestamp,
}

impl<'a> Fate<'a> {
    fn of(state: &'a ChainState, ordered: &Ordered, order: &OrderRecord) -> Self {
        let mut now_emitted = HashSet::with_capacity_and_hasher(order.entries.len(), IdHash::default());
        now_emitted.extend(order.ids());
        let latest_expiry = ordered.clock.saturating_add(state.core.constants.params.expiry_bound);
        Self { state, now_emitted, clock: ordered.clock, latest_expiry }
    }

    fn is_resolved(&self, id: &TxId, expires_at: Timestamp) -> bool {
        expires_at <= self.clock || self.now_emitted.contains(id) || self.state.window.contains(id)
    }

    /// The bodies that later blocks may need.
    fn live_bodies(&self, new_bodies: NewBodies) -> Vec<(TxId, Body)> {
        let mut live = Vec::with_capacity(new_bodies.len());
        for (id, (segment, index)) in new_bodies {
            let Some(expires_at) = segment.transactions().get(index).map(|tx| tx.expires_at()) else {
                continue;
            };
            if expires_at <= self.latest_expiry && !self.is_resolved(&id, expires_at) {
                live.push((id, Body::Carried { segment: segment.clone(), index }));
            }
        }
        live
    }
}

fn settle(core: &mut Core, fate: &Fate) {
    core.decided.settle(&Settling {
        latest_expiry: fate.latest_expiry,
        is_resolved: &|tx| fate.is_resolved(&tx.id, tx.expires_at),
    });
}

fn header(
    state: &ChainState,
    core: &Core,
    (cut, evidence, rollups): (&Cut, &[Evidence], &RollupChanges),
    ordered: &Ordered,
    order: &OrderRecord,
    state_root: Hash32,
) -> BlockHeader {
    BlockHeader {
        network: core.constants.network,
        height: core.height,
        time: core.time,
        parent: state.id.tip,
        cut_root: cut.root(),
        heads_root: core.heads.root(),
        evidence_root: evidence::root(evidence),
        state_root,
        ordered_count: u32::try_from(order.entries.len()).unwrap_or(u32::MAX),
        capped: !ordered.capped.is_empty(),
        validators_hash: state.validators().hash(),
        next_validators_hash: core.validators.hash(),
        l1_anchor: core.l1_anchor,
        rollups_root: rollups.root(),
    }
}
