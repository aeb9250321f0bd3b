//! What a rollup's owner sends: registration, settings, and its end.
//!
//! `provider` signs with the owner's key in all of these.

use crate::contracts::{Erc20, RollupRegistry};
use crate::deployment::Deployment;
use crate::endpoint::read;
use crate::error::CallError;
use crate::transactions::Transactions;
use alloy_primitives::{Address, U256};
use alloy_provider::DynProvider;
use alloy_rpc_types_eth::BlockId;
use fairlane_types::ids::{GroupId, RollupId};
use fairlane_types::rollups::{RollupRules, RollupSpec};

pub use RollupRegistry::RollupSettings;

/// A rollup as the registry has it.
pub(crate) fn spec_of(id: u64, group: u32, leg_bytes: u32) -> RollupSpec {
    let rules = RollupRules { group: GroupId::new(group), leg_bytes };
    RollupSpec { id: RollupId::new(id), rules }
}

/// A rollup owner's account at the contracts of one deployment.
#[derive(Clone, Debug)]
pub struct OwnerAccount<'a> {
    /// The contracts.
    pub deployment: &'a Deployment,
    /// Signs with the owner's key.
    pub provider: &'a DynProvider,
    /// The owner's address.
    pub owner: Address,
}

impl<'a> OwnerAccount<'a> {
    fn registry(&self) -> RollupRegistry::RollupRegistryInstance<&'a DynProvider> {
        RollupRegistry::new(self.deployment.contracts.rollup_registry, self.provider)
    }

    /// What a registration costs, in the token's smallest unit.
    pub async fn fee(&self) -> Result<U256, CallError> {
        read("asking for the fee", self.registry().fee(), BlockId::latest()).await
    }

    fn transactions(&self) -> Transactions<'a> {
        Transactions::new(self.provider, self.owner)
    }

    /// Registers a rollup under an id that nobody has, and pays the fee.
    pub async fn register(
        &self,
        rollup: RollupSpec,
        settings: RollupSettings,
    ) -> Result<Transactions<'a>, CallError> {
        let fee = self.fee().await?;
        let contracts = &self.deployment.contracts;
        let token = Erc20::new(contracts.token, self.provider);
        let allowance = token.allowance(self.owner, contracts.rollup_registry);
        let mut all = self.transactions();
        if read("asking for the token allowance", allowance, BlockId::latest()).await? < fee {
            all = all.then("approving the fee", token.approve(contracts.rollup_registry, fee));
        }
        let registry = self.registry();
        let call =
            registry.register(rollup.id.get(), rollup.rules.group.get(), rollup.rules.leg_bytes, settings);
        Ok(all.then("registering a rollup", call))
    }

    /// Changes some of a rollup's settings; the others stay as they are now.
    pub async fn configure(
        &self,
        rollup: RollupId,
        change: impl FnOnce(&mut RollupSettings),
    ) -> Result<Transactions<'a>, CallError> {
        let registry = self.registry();
        let present = registry.rollupOf(rollup.get());
        let mut settings = read("asking for a rollup's settings", present, BlockId::latest()).await?.settings;
        change(&mut settings);
        Ok(self.transactions().then("configuring a rollup", registry.configure(rollup.get(), settings)))
    }

    /// Ends ordering for a rollup, for ever.
    pub fn close(&self, rollup: RollupId) -> Transactions<'a> {
        self.transactions().then("closing a rollup", self.registry().close(rollup.get()))
    }
}
