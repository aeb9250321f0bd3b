//! Why a transaction stands where it stands, computed again from what the chain keeps.
//!
//! A block's order record says which transactions it ordered and by which quantiles; what each lane says of them is in the
//! segments that cuts decided. `window` reads these back to some seconds before the block, `lanes` walks them as
//! the ordering rule does (`docs/fair-ordering.md`), and `pairs` says of each neighbour how much power saw which first.
//!
//! Invariants: nothing is told from a log or from memory of this process; work and memory are bounded by `WINDOW_BLOCKS`,
//! `WINDOW_BYTES` and `MAX_COMPARED`, however large blocks and components are.
//!
//! Not its job: ordering. What it shows of lanes further back than the window would differ only where a
//! transaction stood in a decided segment for longer than that before it was ordered.

mod lanes;
mod pairs;
#[cfg(test)]
mod tests;
mod window;

pub use lanes::Sighting;
pub use pairs::{Decider, Powers};

use crate::store::{Store, StoreError};
use fairlane_chain::{OrderRecord, OrderedEntry};
use fairlane_types::{
    Batch, BatchIndex, BlockHeader, Genesis, Height, Quorums, RollupId, RollupTable, SegmentError, TxId,
    ValidatorId, VotingPower,
};

/// Neighbours that are compared, on each side.
const NEIGHBOURS: usize = 4;
/// Members of its component that are compared, on each side.
const MEMBERS: usize = 12;
/// So at most so many transactions are compared.
pub const MAX_COMPARED: usize = 2 * MEMBERS;

/// Which transaction, and where it was ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The transaction.
    pub id: TxId,
    /// The block that ordered it.
    pub height: Height,
}

/// Why there is no explanation.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// The block, or what it was computed from, is no longer kept.
    #[error("block {height} is no longer kept, the first one is {first}: ask a node that keeps more")]
    Pruned {
        /// The block.
        height: Height,
        /// The first block that is kept.
        first: Height,
    },
    /// The block did not order the transaction.
    #[error("block {height} does not order transaction {id}")]
    NotInBlock {
        /// The transaction.
        id: TxId,
        /// The block.
        height: Height,
    },
    /// A segment that is kept cannot be read.
    #[error("a segment that is kept cannot be read: {0}")]
    Segment(#[from] SegmentError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where one leg of the transaction is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchPlace {
    /// The rollup.
    pub rollup: RollupId,
    /// The batch.
    pub index: BatchIndex,
    /// The place among the batch's items, from 0.
    pub item: u32,
    /// Which leg.
    pub leg: u8,
    /// Of how many.
    pub legs: u8,
}

/// What one validator's lane says of the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneReport {
    /// The validator.
    pub validator: ValidatorId,
    /// Its voting power.
    pub power: VotingPower,
    /// Where its lane tells of the transaction, if it does.
    pub sighting: Option<Sighting>,
}

/// The transaction and another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The other one, with its quantiles.
    pub other: OrderedEntry,
    /// Its place in the block, from 0.
    pub position: u32,
    /// How much power saw which first.
    pub powers: Powers,
    /// What decided.
    pub decider: Decider,
}

/// Why a transaction stands where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The transaction, with its quantiles.
    pub entry: OrderedEntry,
    /// The block that orders it.
    pub block: BlockHeader,
    /// Its place in the block, from 0.
    pub position: u32,
    /// Where its legs are found, in their order.
    pub batches: Vec<BatchPlace>,
    /// The thresholds of the set that decided the block.
    pub quorums: Quorums,
    /// What the validators' lanes say of it, in the set's order.
    pub lanes: Vec<LaneReport>,
    /// How many transactions its component has.
    pub component_size: u32,
    /// Its neighbours and the nearest members of its component, by position.
    pub compared: Vec<Comparison>,
    /// The first block whose part of the lanes was looked at.
    pub looked_from: Height,
}

/// Explains a transaction that a block ordered. `rollups` are those that are ordered for.
///
/// Reads some megabytes and decodes them: call it where blocking is allowed.
pub fn explain(
    store: &Store,
    genesis: &Genesis,
    rollups: &RollupTable,
    place: Place,
) -> Result<Explanation, ExplainError> {
    let Place { id, height } = place;
    let pruned = || ExplainError::Pruned { height, first: store.min_height() };
    let record = store.order_record(height)?;
    let Some(at) = record.entries.iter().position(|entry| entry.id == id) else {
        return Err(match height < store.min_height() {
            true => pruned(),
            false => ExplainError::NotInBlock { id, height },
        });
    };
    let block = store.certified_header(height)?.ok_or_else(pruned)?.header;
    let validators = store.validators_at(height)?.ok_or_else(pruned)?;
    let entry = record.entries[at];
    let compared = compared(&record, at);
    let wanted: Vec<TxId> =
        std::iter::once(id).chain(compared.iter().map(|other| record.entries[*other].id)).collect();
    let window = window::read(store, genesis, &block, &record.entries[at], &wanted)?;
    let seen = lanes::walk(&window, &validators, wanted.len());
    let compare = |(number, other): (usize, &usize)| {
        let pair = pairs::Pair { target: (at, &entry), other: (*other, &record.entries[*other]) };
        let powers = pairs::powers(&validators, &seen, number);
        let shared = window.share_group(0, number, rollups);
        Comparison {
            other: record.entries[*other],
            position: to_u32(*other),
            powers,
            decider: pairs::decider(&pair, powers, shared, validators.quorums().faulty),
        }
    };
    let comparisons = (1usize..).zip(&compared).map(compare).collect();
    let report = |(member, row): (&fairlane_types::Validator, &lanes::Row)| LaneReport {
        validator: member.id,
        power: member.power,
        sighting: row.first().copied().flatten(),
    };
    Ok(Explanation {
        entry,
        position: to_u32(at),
        batches: batches(store, height, &id)?,
        quorums: validators.quorums(),
        lanes: validators.members().iter().zip(&seen).map(report).collect(),
        component_size: to_u32(
            record.entries.iter().filter(|other| other.component == entry.component).count(),
        ),
        compared: comparisons,
        looked_from: window.from,
        block,
    })
}

/// The positions of what a transaction is compared with, ascending.
fn compared(record: &OrderRecord, at: usize) -> Vec<usize> {
    let entries = &record.entries;
    let component = entries.get(at).map(|entry| entry.component);
    let wanted = |other: &usize| {
        let distance = other.abs_diff(at);
        let is_member = entries.get(*other).map(|entry| entry.component) == component;
        distance != 0 && (distance <= NEIGHBOURS || is_member)
    };
    let last = entries.len().saturating_sub(1).min(at.saturating_add(MEMBERS));
    (at.saturating_sub(MEMBERS)..=last).filter(wanted).collect()
}

/// Where a block's batches hold the legs of a transaction.
fn batches(store: &Store, height: Height, id: &TxId) -> Result<Vec<BatchPlace>, StoreError> {
    let mut found = Vec::new();
    for stored in store.batches_of(height)? {
        let batch = Batch::from_parts(stored.header, stored.body).map_err(StoreError::damaged("a batch"))?;
        let (rollup, index) = (batch.header().rollup, batch.header().index);
        let legs = (0u32..).zip(batch.items()).filter(|(_, leg)| leg.transaction == *id);
        found.extend(legs.map(|(item, leg)| BatchPlace {
            rollup,
            index,
            item,
            leg: leg.leg_index,
            legs: leg.leg_count,
        }));
    }
    found.sort_by_key(|place| place.leg);
    Ok(found)
}

fn to_u32(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
