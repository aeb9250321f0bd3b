//! Starting from a disk: the newest snapshot, the decided blocks after it executed again, then the network.

use super::Node;
use super::doubt::Doubt;
use super::fetching::Wants;
use super::heights::Heights;
use super::own_lane::OwnLane;
use super::pool::EvidencePool;
use super::shell::{Clock, Shell};
use crate::byzantine::Villain;
use crate::disk::{Disk, Store};
use crate::machine::Machine;
use crate::setup::Setup;
use fairlane_agreement::{Activity, Memory};
use fairlane_chain::{BlockInput, ChainState, prepare};
use fairlane_lanes::{CutContent, LaneContent, LaneView};
use fairlane_types::{Cut, Height};
use std::collections::VecDeque;
use std::sync::Arc;

/// Where a validator starts from.
pub(crate) struct Start {
    pub(crate) me: usize,
    pub(crate) boot: u32,
    pub(crate) disk: Disk,
    pub(crate) clock: Clock,
    pub(crate) now: u64,
    pub(crate) villain: Option<Box<Villain>>,
}

impl Node {
    /// Starts a validator.
    pub(crate) fn start(setup: Arc<Setup>, start: Start) -> Result<Self, String> {
        let Start { me, boot, disk, clock, now, villain } = start;
        let chain = restore(&setup, disk.store())?;
        let base = chain.base();
        let activity = recent_activity(disk.store(), chain.height());
        let heights = Heights::new(chain.height().next(), base.validators.clone(), activity, now);
        let doubt = Doubt::new(memory(&disk, chain.height()));
        let view = LaneView::new(&base, setup.params.clone());
        let mut node = Self {
            me,
            boot,
            shell: Shell::new(disk, clock, now),
            villain,
            view,
            own: OwnLane::new(),
            pool: EvidencePool::default(),
            wants: Wants::default(),
            heights,
            machine: Machine::new(false),
            doubt: Some(doubt),
            demands: VecDeque::new(),
            obeying: false,
            dirty: false,
            chain,
            base,
            setup,
        };
        node.on_status_timer();
        node.enter_lane();
        node.enter_height();
        node.finish();
        Ok(node)
    }
}

/// What the disk knows of this validator's votes. More may be decided on it than can be executed again.
fn memory(disk: &Disk, executed: Height) -> Memory {
    let mut decided = executed;
    while disk.store().decision(decided.next()).is_some() {
        decided = decided.next();
    }
    Memory { decided, log: disk.log_height(), reserved: disk.reserved() }
}

/// The chain state after the last finalized block, as far as the disk alone can tell. What was decided and not
/// finalized is executed later like any decision.
fn restore(setup: &Setup, store: &Store) -> Result<ChainState, String> {
    let mut state = starting_point(setup, store)?;
    loop {
        let height = state.height().next();
        let finalized = store.decision(height).filter(|_| store.is_finalized(height));
        let Some((proposal, _)) = finalized else { return Ok(state) };
        let Some(content) = content(store, &state, &proposal.cut) else { return Ok(state) };
        let prepared = prepare(&state, BlockInput::of(proposal, content))
            .map_err(|error| format!("block {height}: {error}"))?;
        if prepared.proposal.id() != proposal.id() {
            return Err(format!("block {height} comes out differently after a restart"));
        }
        state.commit(prepared.delta).map_err(|error| format!("block {height}: {error}"))?;
    }
}

fn starting_point(setup: &Setup, store: &Store) -> Result<ChainState, String> {
    for (height, snapshot) in store.snapshots() {
        let Some((proposal, _)) = store.decision(*height) else { continue };
        let ids = store.ordered(*height);
        return ChainState::restore(&setup.genesis, &proposal.header, snapshot, ids)
            .map_err(|error| format!("the snapshot of block {height}: {error}"));
    }
    ChainState::genesis(&setup.genesis).map_err(|error| error.to_string())
}

/// The segments by which a cut goes beyond the state; `None` where one is missing.
fn content(store: &Store, state: &ChainState, cut: &Cut) -> Option<CutContent> {
    let base = state.base();
    let lane = |head: &fairlane_types::SegmentRef| {
        let segments = store.chain(head, base.head(head.lane).seq)?;
        Some(LaneContent { lane: head.lane, segments })
    };
    Some(CutContent { lanes: cut.heads().iter().map(lane).collect::<Option<_>>()? })
}

fn recent_activity(store: &Store, last: Height) -> Activity {
    let mut activity = Activity::default();
    for height in 1..=last.get() {
        if let Some((proposal, _)) = store.decision(Height::new(height)) {
            activity.push(proposal.cut.clone());
        }
    }
    activity
}
