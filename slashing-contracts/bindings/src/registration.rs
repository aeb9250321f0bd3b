//! What an operator sends: registration with stake, more stake, and the way out. The methods make [`Transactions`], which
//! are sent or rehearsed.
//!
//! `provider` signs with the operator's key in all of these. Amounts are in the token's smallest unit.

use crate::contracts::{DevToken, Erc20, StakeManager};
use crate::deployment::Deployment;
use crate::endpoint::read;
use crate::error::CallError;
use crate::keys::{CheckpointKey, Registrant};
use crate::transactions::Transactions;
use alloy_primitives::{Address, U256};
use alloy_provider::DynProvider;
use alloy_rpc_types_eth::BlockId;
use fairlane_types::crypto::SigningKey;

/// An operator's account at the contracts of one deployment.
#[derive(Clone, Debug)]
pub struct OperatorAccount<'a> {
    /// The contracts.
    pub deployment: &'a Deployment,
    /// Signs with the operator's key.
    pub provider: &'a DynProvider,
    /// The operator's address.
    pub operator: Address,
}

impl<'a> OperatorAccount<'a> {
    fn stake_manager(&self) -> StakeManager::StakeManagerInstance<&'a DynProvider> {
        StakeManager::new(self.deployment.contracts.stake_manager, self.provider)
    }

    /// What the proofs of possession of this operator bind.
    pub fn registrant(&self) -> Registrant {
        Registrant {
            chain_id: self.deployment.chain_id,
            registry: self.deployment.contracts.stake_manager,
            operator: self.operator,
        }
    }

    /// The operator's tokens that are not staked.
    pub async fn balance(&self) -> Result<U256, CallError> {
        let token = Erc20::new(self.deployment.contracts.token, self.provider);
        read("asking for the token balance", token.balanceOf(self.operator), BlockId::latest()).await
    }

    /// How many decimal places people write the token's amounts with.
    pub async fn decimals(&self) -> Result<u8, CallError> {
        let token = Erc20::new(self.deployment.contracts.token, self.provider);
        read("asking for the token's decimals", token.decimals(), BlockId::latest()).await
    }

    fn transactions(&self) -> Transactions<'a> {
        Transactions::new(self.provider, self.operator)
    }

    /// Lets the StakeManager take `amount`, if it may not already.
    async fn approving(&self, amount: u128) -> Result<Transactions<'a>, CallError> {
        let token = Erc20::new(self.deployment.contracts.token, self.provider);
        let stake_manager = self.deployment.contracts.stake_manager;
        let allowance = token.allowance(self.operator, stake_manager);
        let allowed = read("asking for the token allowance", allowance, BlockId::latest()).await?;
        if allowed >= U256::from(amount) {
            return Ok(self.transactions());
        }
        let call = token.approve(stake_manager, U256::from(amount));
        Ok(self.transactions().then("approving the stake", call))
    }

    /// Registers both keys, with `amount` of stake, and takes a seat if one is free. `addresses` are the
    /// multiaddresses of the node, separated by spaces.
    pub async fn register(
        &self,
        consensus: &SigningKey,
        checkpoint: &CheckpointKey,
        amount: u128,
        addresses: &str,
    ) -> Result<Transactions<'a>, CallError> {
        let keys = self.registrant().prove(consensus, checkpoint);
        let stake_manager = self.stake_manager();
        let call = stake_manager.register(keys, amount, addresses.to_owned());
        Ok(self.approving(amount).await?.then("registering", call))
    }

    /// Replaces both keys.
    pub fn rotate_keys(&self, consensus: &SigningKey, checkpoint: &CheckpointKey) -> Transactions<'a> {
        let keys = self.registrant().prove(consensus, checkpoint);
        self.transactions().then("rotating keys", self.stake_manager().rotateKeys(keys))
    }

    /// Bonds more.
    pub async fn deposit(&self, amount: u128) -> Result<Transactions<'a>, CallError> {
        Ok(self.approving(amount).await?.then("depositing", self.stake_manager().deposit(amount)))
    }

    /// Asks stake back.
    pub fn request_unbond(&self, amount: u128) -> Transactions<'a> {
        self.transactions().then("asking stake back", self.stake_manager().requestUnbond(amount))
    }

    /// Takes back what is due.
    pub fn claim(&self) -> Transactions<'a> {
        self.transactions().then("claiming", self.stake_manager().claim())
    }

    /// Leaves the set for a while.
    pub fn jail(&self) -> Transactions<'a> {
        self.transactions().then("going to jail", self.stake_manager().jail(self.operator))
    }

    /// Returns from jail, into a seat if one is free.
    pub fn unjail(&self) -> Transactions<'a> {
        self.transactions().then("leaving jail", self.stake_manager().unjail())
    }

    /// Creates tokens for the operator, where the token is a development one.
    pub fn mint(&self, amount: u128) -> Transactions<'a> {
        let token = DevToken::new(self.deployment.contracts.token, self.provider);
        self.transactions().then("minting development tokens", token.mint(self.operator, U256::from(amount)))
    }
}
