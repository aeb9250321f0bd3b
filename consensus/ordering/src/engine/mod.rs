//! The engine: all that is carried from one height to the next, and the step that computes a height.

mod change;
mod finality;
mod intake;
mod problem;

use crate::graph::{Graph, Weights};
use crate::lane::{Lane, NEVER};
use crate::live::{Live, Slot};
use crate::params::{OrderingParams, PowersError, Thresholds, quorums_of};
use crate::quantile::Quantiler;
use crate::result::{Component, Ordered, OrderedTx, Quantiles};
use crate::run::{Emitted, LaneAppend};
use crate::tie::TieBreak;
use fairlane_types::{GroupId, Hash32, Quorums, Timestamp, TxId, VotingPower};
use finality::Finality;
use std::sync::Arc;

/// The fair-order function with its carry-over.
///
/// Cloning copies a pointer. The first step of a clone copies the state, so a proposal can be tried on a clone,
/// which then replaces the original when the proposal is decided.
#[derive(Clone)]
pub struct Engine {
    core: Arc<Core>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (clock, live) = (self.clock(), self.core.live.len());
        f.debug_struct("Engine").field("clock", &clock).field("live", &live).finish_non_exhaustive()
    }
}

/// What an [`Engine`] shares with its clones.
#[derive(Clone)]
pub(crate) struct Core {
    pub(crate) params: OrderingParams,
    pub(crate) powers: Vec<u64>,
    pub(crate) quorums: Quorums,
    pub(crate) weights: Weights,
    pub(crate) clock: u64,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) live: Live,
}

impl Engine {
    /// An engine for one lane for each power, with nothing in them and chain time zero.
    pub fn new(powers: &[VotingPower], params: OrderingParams) -> Result<Self, PowersError> {
        Ok(Self::from_core(Core::new(powers, params)?))
    }

    /// Computes the next height: appends to the lanes, and says what is emitted.
    ///
    /// `emitted` answers for the state before this height; `salt` is the parent block's hash.
    pub fn step(&mut self, appends: &[LaneAppend], emitted: &dyn Emitted, salt: &Hash32) -> Ordered {
        self.step_with(appends, emitted, TieBreak::Salted(salt))
    }

    /// [`Engine::step`] with another tie-break.
    pub fn step_with(&mut self, appends: &[LaneAppend], emitted: &dyn Emitted, tie: TieBreak) -> Ordered {
        Arc::make_mut(&mut self.core).step(appends, emitted, tie)
    }

    /// Goes over to another validator set: new lane `i` is old lane `from_old[i]`, or starts empty.
    ///
    /// Quantities are evaluated again with the new powers; chain time stays. Nothing changes on an error. What no
    /// remaining lane holds stays live until it is reported again or expires.
    pub fn change_powers(
        &mut self,
        powers: &[VotingPower],
        from_old: &[Option<usize>],
    ) -> Result<(), PowersError> {
        let changed = self.core.changed(powers, from_old)?;
        self.core = Arc::new(changed);
        Ok(())
    }

    /// Chain time: Clock of the last height.
    pub fn clock(&self) -> Timestamp {
        Timestamp::from_nanos(self.core.clock)
    }

    /// The thresholds of the present validator set.
    pub fn quorums(&self) -> Quorums {
        self.core.quorums
    }

    /// What has been seen, and neither emitted nor dropped: the transactions whose bodies are still needed. In no
    /// particular order.
    pub fn live_ids(&self) -> impl Iterator<Item = TxId> + '_ {
        self.core.live.iter().filter_map(|slot| self.core.live.ids.get(slot as usize).copied())
    }

    /// The quantiles of a live transaction, as of the last height.
    pub fn quantiles(&self, id: &TxId) -> Option<Quantiles> {
        let span = self.core.live.span.get(self.core.live.find(id)? as usize)?;
        let finite = |time: u64| (time != NEVER).then(|| Timestamp::from_nanos(time));
        Some(Quantiles { key: finite(span.key), lo: finite(span.lo), hi: finite(span.hi) })
    }

    pub(crate) fn from_core(core: Core) -> Self {
        Self { core: Arc::new(core) }
    }

    pub(crate) fn core(&self) -> &Core {
        &self.core
    }
}

impl Core {
    pub(crate) fn new(powers: &[VotingPower], params: OrderingParams) -> Result<Self, PowersError> {
        let quorums = quorums_of(powers)?;
        let powers: Vec<u64> = powers.iter().map(|power| power.get()).collect();
        let weights = Weights::new(&powers);
        let lanes = vec![Lane::default(); powers.len()];
        Ok(Self { params, powers, quorums, weights, clock: 0, lanes, live: Live::default() })
    }

    fn step(&mut self, appends: &[LaneAppend], emitted: &dyn Emitted, tie: TieBreak) -> Ordered {
        let before = self.clock;
        self.advance_clock(appends);
        let dropped = self.drop_expired();
        self.append(appends, emitted, before);
        self.refresh();
        let finality = Finality::of(self, tie);
        let (emitted, held, capped) = self.settle(&finality);
        let gone: Vec<Slot> = emitted.iter().flatten().copied().collect();
        let mut ordered = Ordered {
            clock: Timestamp::from_nanos(self.clock),
            omega: Timestamp::from_nanos(finality.omega),
            components: emitted.iter().map(|component| self.component(component)).collect(),
            capped,
            dropped,
            held: self.ids(&held),
            blocked: held.len(),
            pending: finality.pending.len(),
        };
        ordered.capped.sort_unstable();
        self.remove(&gone);
        ordered
    }

    /// What of the final transactions is emitted, in order; what is held back; and which groups had to be forced.
    fn settle(&self, finality: &Finality) -> (Vec<Vec<Slot>>, Vec<Slot>, Vec<GroupId>) {
        let graph = Graph::build(&self.weights, self.quorums.faulty, problem::input(self, finality));
        let mut selected = graph.select();
        let forced = finality.force(self, &graph, &mut selected);
        let split = |keep: bool| {
            let numbers = (0u32..).zip(&selected);
            numbers.filter(move |&(_, &selected)| selected == keep).map(|(number, _)| number)
        };
        let slot = |number: u32| finality.finals.get(number as usize).copied();
        let emit: Vec<u32> = split(true).collect();
        let order = graph.order(&emit);
        let components = order.components().map(|txs| txs.iter().filter_map(|&tx| slot(tx)).collect());
        (components.collect(), split(false).filter_map(slot).collect(), forced)
    }

    fn component(&self, slots: &[Slot]) -> Component {
        let ids = slots.iter().filter_map(|&slot| {
            let span = self.live.span.get(slot as usize)?;
            Some(OrderedTx {
                id: *self.live.ids.get(slot as usize)?,
                key: Timestamp::from_nanos(span.key),
                lo: Timestamp::from_nanos(span.lo),
                hi: Timestamp::from_nanos(span.hi),
            })
        });
        Component { txs: ids.collect() }
    }

    fn ids(&self, slots: &[Slot]) -> Vec<TxId> {
        slots.iter().filter_map(|&slot| self.live.ids.get(slot as usize).copied()).collect()
    }

    /// Computes the quantiles that are out of date.
    pub(crate) fn refresh(&mut self) {
        let stale = self.live.take_stale();
        let mut quantiler = Quantiler::new(&self.powers, Thresholds::of(&self.quorums));
        for slot in stale {
            let row = slot as usize;
            if let (Some(&power), Some(span)) = (self.live.power.get(row), self.live.span.get_mut(row)) {
                *span = quantiler.span(&self.lanes, slot, power);
            }
        }
    }

    /// Removes transactions from the table and from the lanes.
    pub(crate) fn remove(&mut self, gone: &[Slot]) {
        if gone.is_empty() {
            return;
        }
        self.live.remove(gone);
        for lane in &mut self.lanes {
            let used = &self.live.used;
            lane.order.retain(|&slot| used.get(slot as usize).is_some_and(|&used| used));
            for &slot in gone {
                if let Some(tau) = lane.times.get_mut(slot as usize) {
                    *tau = NEVER;
                }
            }
        }
    }
}
