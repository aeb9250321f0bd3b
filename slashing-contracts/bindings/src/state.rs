//! Reading the contracts, in the state after one chosen block.
//!
//! Nodes read finalized blocks only; which block that is, is theirs to know. A validator set that is fixed
//! ([`EpochClock::fixed_after`](crate::EpochClock::fixed_after)) is the same in every later state.

use crate::contracts::{RollupRegistry, SlashingManager, StakeManager};
use crate::deployment::Contracts;
use crate::endpoint::read;
use crate::epoch::Epoch;
use crate::error::CallError;
use crate::rollups::{RollupSettings, spec_of};
use alloy_primitives::{Address, B256};
use alloy_provider::{DynProvider, Provider as _};
use alloy_rpc_types_eth::BlockId;
use fairlane_types::ids::{Incarnation, RollupId, ValidatorId, VotingPower};
use fairlane_types::rollups::RollupSpec;
use fairlane_types::validator::{Validator, ValidatorSet};
use std::num::NonZeroU32;

/// A validator's account. Amounts are in the token's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The consensus key that it uses now.
    pub validator: ValidatorId,
    /// Stake that counts.
    pub bonded: u128,
    /// Stake on its way back, which can still be slashed.
    pub unbonding: u128,
    /// Its seat in the set; none while it is on standby.
    pub seat: Option<NonZeroU32>,
    /// Which of its registrations is the present one.
    pub incarnation: Incarnation,
    /// The first epoch in which it may leave jail; none outside.
    pub jailed_until: Option<Epoch>,
    /// Slashed, and out for ever.
    pub tombstoned: bool,
    /// Its penalty is final, and it can claim what is left.
    pub settled: bool,
}

/// Whose a consensus key is, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyOwner {
    /// The operator.
    pub operator: Address,
    /// The first epoch whose set does not have it; none while it is in use.
    pub retired_from: Option<Epoch>,
}

/// The contracts as they are after one block.
#[derive(Clone, Copy, Debug)]
pub struct L1State<'a> {
    provider: &'a DynProvider,
    contracts: &'a Contracts,
    at: BlockId,
}

fn epoch_if_any(epoch: u32) -> Option<Epoch> {
    (epoch != 0).then_some(Epoch(epoch))
}

impl<'a> L1State<'a> {
    /// The state after block `at`: a number, a hash, or a tag as `finalized`.
    pub fn at(provider: &'a DynProvider, contracts: &'a Contracts, at: impl Into<BlockId>) -> Self {
        Self { provider, contracts, at: at.into() }
    }

    /// The newest state.
    pub fn newest(provider: &'a DynProvider, contracts: &'a Contracts) -> Self {
        Self::at(provider, contracts, BlockId::latest())
    }

    fn stake_manager(&self) -> StakeManager::StakeManagerInstance<&'a DynProvider> {
        StakeManager::new(self.contracts.stake_manager, self.provider)
    }

    /// Number and hash of the block; `None` if the endpoint does not have it.
    pub async fn block(&self) -> Result<Option<(u64, B256)>, CallError> {
        let block = self.provider.get_block(self.at).await;
        let block = block.map_err(|error| CallError::transport("asking for a block", error))?;
        Ok(block.map(|block| (block.header.number, block.header.hash)))
    }

    /// The epoch that a transaction in this block belongs to.
    pub async fn epoch(&self) -> Result<Epoch, CallError> {
        read("asking for the epoch", self.stake_manager().currentEpoch(), self.at).await.map(Epoch)
    }

    /// The validator set of an epoch; `None` where it is empty, and the set before stays.
    pub async fn validator_set(&self, epoch: Epoch) -> Result<Option<ValidatorSet>, CallError> {
        const WHAT: &str = "asking for a validator set";
        let set = read(WHAT, self.stake_manager().validatorSet(epoch.0), self.at).await?;
        if set.members.is_empty() {
            return Ok(None);
        }
        let members = set.members.iter().map(|member| Validator {
            id: ValidatorId::from_bytes(member.consensusKey.0),
            power: VotingPower::new(member.power),
            incarnation: Incarnation::new(member.incarnation),
        });
        let nonsense = |why: String| CallError::Nonsense { what: WHAT, why };
        let read = ValidatorSet::new(members.collect()).map_err(|error| nonsense(error.to_string()))?;
        if read.quorums().quorum != set.quorum {
            return Err(nonsense(format!("quorum {} of power {}", set.quorum, set.totalPower)));
        }
        Ok(Some(read))
    }

    /// An operator's account; `None` if it never registered.
    pub async fn account(&self, operator: Address) -> Result<Option<Account>, CallError> {
        let stake = self.stake_manager();
        let account = read("asking for a validator", stake.validatorOf(operator), self.at).await?;
        if account.keyIndex == 0 {
            return Ok(None);
        }
        let key = read("asking for a validator's key", stake.consensusKeyOf(operator), self.at).await?;
        Ok(Some(Account {
            validator: ValidatorId::from_bytes(key.0),
            bonded: account.bonded,
            unbonding: account.unbonding,
            seat: NonZeroU32::new(account.seat),
            incarnation: Incarnation::new(account.incarnation),
            jailed_until: epoch_if_any(account.jailedUntil),
            tombstoned: account.tombstoned,
            settled: account.settled,
        }))
    }

    /// Whose a consensus key is; `None` if nobody registered it.
    pub async fn owner_of(&self, validator: &ValidatorId) -> Result<Option<KeyOwner>, CallError> {
        let stake = self.stake_manager();
        let call = stake.keyRecord(B256::new(*validator.as_bytes()));
        let record = read("asking for a key's owner", call, self.at).await?;
        let owner = KeyOwner { operator: record.operator, retired_from: epoch_if_any(record.retiredFrom) };
        Ok((record.operator != Address::ZERO).then_some(owner))
    }

    /// What an offence led to; `None` if it was not proven.
    pub async fn conviction(&self, slot: B256) -> Result<Option<SlashingManager::Conviction>, CallError> {
        let slashing = SlashingManager::new(self.contracts.slashing_manager, self.provider);
        let conviction = read("asking for a conviction", slashing.convictionOf(slot), self.at).await?;
        Ok((conviction.operator != Address::ZERO).then_some(conviction))
    }

    /// A rollup, and the first epochs that order for it and no longer do; `None` if nobody registered it.
    pub async fn rollup(&self, id: RollupId) -> Result<Option<RegisteredRollup>, CallError> {
        let rollups = RollupRegistry::new(self.contracts.rollup_registry, self.provider);
        match read("asking for a rollup", rollups.rollupOf(id.get()), self.at).await {
            Ok(rollup) => Ok(Some(RegisteredRollup {
                spec: spec_of(id.get(), rollup.group, rollup.legBytes),
                owner: rollup.owner,
                from: Epoch(rollup.fromEpoch),
                closed_from: epoch_if_any(rollup.closedFrom),
            })),
            Err(error) if is_unknown_rollup(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A rollup's owner, and what the owner says of it; `None` if nobody registered it.
    pub async fn settings_of(&self, id: RollupId) -> Result<Option<(Address, RollupSettings)>, CallError> {
        let rollups = RollupRegistry::new(self.contracts.rollup_registry, self.provider);
        match read("asking for a rollup's settings", rollups.rollupOf(id.get()), self.at).await {
            Ok(rollup) => Ok(Some((rollup.owner, rollup.settings))),
            Err(error) if is_unknown_rollup(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The contract that settles a rollup; `None` where its owner names none, or nobody registered it.
    pub async fn settlement_of(&self, id: RollupId) -> Result<Option<Address>, CallError> {
        let settings = self.settings_of(id).await?;
        Ok(settings.map(|(_, settings)| settings.settlement).filter(|contract| *contract != Address::ZERO))
    }
}

fn is_unknown_rollup(error: &CallError) -> bool {
    use crate::error::Refusal;
    use RollupRegistry::RollupRegistryErrors::UnknownRollup;
    matches!(error.refusal(), Some(Refusal::Rollups(UnknownRollup(_))))
}

/// A rollup of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisteredRollup {
    /// Its id, ordering group and length of payloads.
    pub spec: RollupSpec,
    /// Who may change its settings.
    pub owner: Address,
    /// The first epoch whose blocks order for it.
    pub from: Epoch,
    /// The first epoch whose blocks do not any more, if that is known.
    pub closed_from: Option<Epoch>,
}

impl Account {
    /// Stake that evidence can still reach.
    pub fn at_risk(&self) -> u128 {
        self.bonded.saturating_add(self.unbonding)
    }
}
