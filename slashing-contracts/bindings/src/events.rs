//! What the contracts tell: their events, decoded into what nodes act on.
//!
//! Which range to ask for, and when a block is final, is the watcher's to know. Events of no interest to a
//! node are skipped; one that cannot be read is an error, because a node that overlooked it would leave the
//! others.

use crate::contracts::{RollupRegistry, SlashingManager, StakeManager};
use crate::deployment::Contracts;
use crate::epoch::Epoch;
use crate::error::CallError;
use crate::rollups::spec_of;
use alloy_primitives::{Address, B256, U256};
use alloy_provider::{DynProvider, Provider as _};
use alloy_rpc_types_eth::{Filter, Log};
use alloy_sol_types::SolEventInterface as _;
use fairlane_types::ids::{Incarnation, NetworkId, RollupId, ValidatorId, VotingPower};
use fairlane_types::rollups::{RollupSpec, RollupTable};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

const WHAT: &str = "reading events";

/// Offences as the contracts count them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// Two segments at one place of a lane.
    LaneEquivocation,
    /// Two prevotes in one round.
    DoublePrevote,
    /// Two precommits in one round.
    DoublePrecommit,
    /// Two proposals in one round.
    DoubleProposal,
    /// Two checkpoints of one height.
    DoubleCheckpoint,
}

/// A proven offence. Amounts are in the token's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slashing {
    /// The offence's name ([`evidence::slot`](crate::evidence::slot)).
    pub slot: B256,
    /// Whose stake was taken.
    pub operator: Address,
    /// The key that signed twice.
    pub validator: ValidatorId,
    /// What it did.
    pub offence: Offence,
    /// What was taken.
    pub penalty: U256,
    /// The part that is held for the reporter.
    pub reward: U256,
    /// The reporter, unless somebody committed to the offence before.
    pub reporter: Address,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// The network's id is known.
    NetworkOpened(NetworkId),
    /// An operator registered a key.
    Registered {
        /// The operator.
        operator: Address,
        /// Its key.
        validator: ValidatorId,
    },
    /// Where an operator's node is.
    Announced {
        /// The operator.
        operator: Address,
        /// Multiaddresses, separated by spaces.
        addresses: String,
    },
    /// An operator replaced its keys.
    KeysRotated {
        /// The operator.
        operator: Address,
        /// Its key until then.
        old: ValidatorId,
        /// Its key from then on.
        new: ValidatorId,
    },
    /// Who votes from a seat from an epoch on.
    SeatChanged {
        /// The seat, from 1.
        seat: u32,
        /// Who has it.
        validator: ValidatorId,
        /// Its power; zero: nobody has the seat.
        power: VotingPower,
        /// Its incarnation.
        incarnation: Incarnation,
        /// From when on.
        from: Epoch,
    },
    /// A validator is out for ever.
    Tombstoned {
        /// The operator.
        operator: Address,
        /// The key that it used.
        validator: ValidatorId,
    },
    /// An offence was proven.
    Slashed(Slashing),
    /// A rollup is ordered for from an epoch on.
    RollupRegistered {
        /// The rollup.
        rollup: RollupSpec,
        /// Who owns it.
        owner: Address,
        /// From when on.
        from: Epoch,
    },
    /// A rollup is not ordered for any more from an epoch on.
    RollupClosed {
        /// The rollup.
        rollup: RollupId,
        /// From when on.
        from: Epoch,
    },
}

/// An event and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The block's number.
    pub block: u64,
    /// The block's hash.
    pub block_hash: B256,
    /// The event's place among the block's.
    pub index: u64,
    /// The transaction.
    pub transaction: B256,
    /// What happened.
    pub kind: EventKind,
}

/// All events of the contracts in a range of blocks, in their order. Endpoints limit the range, and say so in
/// an error.
pub async fn events(
    provider: &DynProvider,
    contracts: &Contracts,
    blocks: RangeInclusive<u64>,
) -> Result<Vec<Event>, CallError> {
    let emitters = [contracts.stake_manager, contracts.slashing_manager, contracts.rollup_registry];
    read(provider, contracts, filter(&emitters, blocks)).await
}

async fn read(
    provider: &DynProvider,
    contracts: &Contracts,
    filter: Filter,
) -> Result<Vec<Event>, CallError> {
    let logs = provider.get_logs(&filter).await;
    let logs = logs.map_err(|error| CallError::transport(WHAT, error))?;
    logs.iter().filter_map(|log| decode(contracts, log).transpose()).collect()
}

/// How many blocks an endpoint is asked for at a time: few enough for the limits of public ones.
const BLOCKS_AT_ONCE: u64 = 2_000;

/// What became of rollups in a range of blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registrations {
    /// Those that were registered.
    pub registered: RollupTable,
    /// Those that were closed.
    pub closed: BTreeSet<RollupId>,
}

/// The registrations and closings of rollups in a range of blocks.
pub async fn registrations(
    provider: &DynProvider,
    contracts: &Contracts,
    blocks: RangeInclusive<u64>,
) -> Result<Registrations, CallError> {
    let mut found = Registrations::default();
    let mut first = *blocks.start();
    while first <= *blocks.end() {
        let last = first.saturating_add(BLOCKS_AT_ONCE - 1).min(*blocks.end());
        for event in read(provider, contracts, filter(&[contracts.rollup_registry], first..=last)).await? {
            match event.kind {
                EventKind::RollupRegistered { rollup, .. } => {
                    found.registered.insert(rollup.id, rollup.rules);
                }
                EventKind::RollupClosed { rollup, .. } => {
                    found.closed.insert(rollup);
                }
                _ => {}
            }
        }
        first = last.saturating_add(1);
    }
    Ok(found)
}

fn filter(emitters: &[Address], blocks: RangeInclusive<u64>) -> Filter {
    Filter::new().address(emitters.to_vec()).from_block(*blocks.start()).to_block(*blocks.end())
}

/// Reads a log; `None` for events that nodes do not act on, and for those of other contracts.
pub fn decode(contracts: &Contracts, log: &Log) -> Result<Option<Event>, CallError> {
    let nonsense = |why: String| CallError::Nonsense { what: WHAT, why };
    if log.removed {
        return Err(nonsense("the endpoint gives a log that it says was removed".into()));
    }
    let kind = kind_of(contracts, log).map_err(|error| nonsense(error.to_string()))?;
    let place = (log.block_number, log.block_hash, log.log_index, log.transaction_hash);
    match (kind, place) {
        (None, _) => Ok(None),
        (Some(kind), (Some(block), Some(block_hash), Some(index), Some(transaction))) => {
            Ok(Some(Event { block, block_hash, index, transaction, kind }))
        }
        (Some(_), _) => Err(nonsense("a log does not say where it stands".into())),
    }
}

fn kind_of(contracts: &Contracts, log: &Log) -> Result<Option<EventKind>, alloy_sol_types::Error> {
    let emitter = log.address();
    if emitter == contracts.stake_manager {
        StakeManager::StakeManagerEvents::decode_log(&log.inner).map(|event| stake_event(event.data))
    } else if emitter == contracts.slashing_manager {
        let event = SlashingManager::SlashingManagerEvents::decode_log(&log.inner)?;
        slashing_event(event.data)
    } else if emitter == contracts.rollup_registry {
        RollupRegistry::RollupRegistryEvents::decode_log(&log.inner).map(|event| rollup_event(event.data))
    } else {
        Ok(None)
    }
}

fn validator(key: B256) -> ValidatorId {
    ValidatorId::from_bytes(key.0)
}

fn stake_event(event: StakeManager::StakeManagerEvents) -> Option<EventKind> {
    use StakeManager::StakeManagerEvents as Stake;
    match event {
        Stake::Registered(e) => {
            Some(EventKind::Registered { operator: e.operator, validator: validator(e.consensusKey) })
        }
        Stake::Announced(e) => Some(EventKind::Announced { operator: e.operator, addresses: e.addresses }),
        Stake::KeysRotated(e) => Some(EventKind::KeysRotated {
            operator: e.operator,
            old: validator(e.oldKey),
            new: validator(e.newKey),
        }),
        Stake::SeatChanged(e) => Some(EventKind::SeatChanged {
            seat: e.seat,
            validator: validator(e.consensusKey),
            power: VotingPower::new(e.power),
            incarnation: Incarnation::new(e.incarnation),
            from: Epoch(e.fromEpoch),
        }),
        Stake::Tombstoned(e) => {
            Some(EventKind::Tombstoned { operator: e.operator, validator: validator(e.consensusKey) })
        }
        _ => None,
    }
}

fn slashing_event(
    event: SlashingManager::SlashingManagerEvents,
) -> Result<Option<EventKind>, alloy_sol_types::Error> {
    use SlashingManager::SlashingManagerEvents as Penalties;
    Ok(match event {
        Penalties::NetworkOpened(e) => Some(EventKind::NetworkOpened(NetworkId::from_bytes(e.networkId.0))),
        Penalties::Slashed(e) => Some(EventKind::Slashed(Slashing {
            slot: e.slot,
            operator: e.operator,
            validator: validator(e.consensusKey),
            offence: offence(e.kind)?,
            penalty: e.penalty,
            reward: e.reward,
            reporter: e.reporter,
        })),
        _ => None,
    })
}

fn offence(kind: u8) -> Result<Offence, alloy_sol_types::Error> {
    match kind {
        0 => Ok(Offence::LaneEquivocation),
        1 => Ok(Offence::DoublePrevote),
        2 => Ok(Offence::DoublePrecommit),
        3 => Ok(Offence::DoubleProposal),
        4 => Ok(Offence::DoubleCheckpoint),
        other => Err(alloy_sol_types::Error::custom(format!("offence kind {other}"))),
    }
}

fn rollup_event(event: RollupRegistry::RollupRegistryEvents) -> Option<EventKind> {
    use RollupRegistry::RollupRegistryEvents as Rollups;
    match event {
        Rollups::RollupRegistered(e) => Some(EventKind::RollupRegistered {
            rollup: spec_of(e.rollup, e.group, e.legBytes),
            owner: e.owner,
            from: Epoch(e.fromEpoch),
        }),
        Rollups::RollupClosed(e) => {
            Some(EventKind::RollupClosed { rollup: RollupId::new(e.rollup), from: Epoch(e.fromEpoch) })
        }
        _ => None,
    }
}
