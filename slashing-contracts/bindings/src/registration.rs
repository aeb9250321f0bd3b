//! What an operator sends: registration with stake, more stake, and the way out.
//!
//! `provider` signs with the operator's key in all of these. Amounts are in the token's smallest unit.

use crate::contracts::{DevToken, Erc20, StakeManager};
use crate::deployment::Deployment;
use crate::endpoint::{read, send};
use crate::error::CallError;
use crate::keys::{CheckpointKey, Registrant};
use alloy_primitives::{Address, U256};
use alloy_provider::DynProvider;
use alloy_rpc_types_eth::{BlockId, TransactionReceipt};
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

    /// Lets the StakeManager take `amount`, if it may not already. Sends nothing in that case.
    pub async fn approve(&self, amount: u128) -> Result<(), CallError> {
        let token = Erc20::new(self.deployment.contracts.token, self.provider);
        let stake_manager = self.deployment.contracts.stake_manager;
        let allowance = token.allowance(self.operator, stake_manager);
        let allowed = read("asking for the token allowance", allowance, BlockId::latest()).await?;
        if allowed < U256::from(amount) {
            let call = token.approve(stake_manager, U256::from(amount));
            send("approving the stake", call, self.operator).await?;
        }
        Ok(())
    }

    /// Registers both keys, with `amount` of stake, and takes a seat if one is free. `addresses` are the
    /// multiaddresses of the node, separated by spaces.
    pub async fn register(
        &self,
        consensus: &SigningKey,
        checkpoint: &CheckpointKey,
        amount: u128,
        addresses: &str,
    ) -> Result<TransactionReceipt, CallError> {
        self.approve(amount).await?;
        let keys = self.registrant().prove(consensus, checkpoint);
        let call = self.stake_manager();
        send("registering", call.register(keys, amount, addresses.to_owned()), self.operator).await
    }

    /// Replaces both keys.
    pub async fn rotate_keys(
        &self,
        consensus: &SigningKey,
        checkpoint: &CheckpointKey,
    ) -> Result<TransactionReceipt, CallError> {
        let keys = self.registrant().prove(consensus, checkpoint);
        send("rotating keys", self.stake_manager().rotateKeys(keys), self.operator).await
    }

    /// Bonds more.
    pub async fn deposit(&self, amount: u128) -> Result<TransactionReceipt, CallError> {
        self.approve(amount).await?;
        send("depositing", self.stake_manager().deposit(amount), self.operator).await
    }

    /// Asks stake back.
    pub async fn request_unbond(&self, amount: u128) -> Result<TransactionReceipt, CallError> {
        send("asking stake back", self.stake_manager().requestUnbond(amount), self.operator).await
    }

    /// Takes back what is due.
    pub async fn claim(&self) -> Result<TransactionReceipt, CallError> {
        send("claiming", self.stake_manager().claim(), self.operator).await
    }

    /// Leaves the set for a while.
    pub async fn jail(&self) -> Result<TransactionReceipt, CallError> {
        send("going to jail", self.stake_manager().jail(self.operator), self.operator).await
    }

    /// Returns from jail, into a seat if one is free.
    pub async fn unjail(&self) -> Result<TransactionReceipt, CallError> {
        send("leaving jail", self.stake_manager().unjail(), self.operator).await
    }

    /// Creates tokens for the operator, where the token is a development one.
    pub async fn mint(&self, amount: u128) -> Result<TransactionReceipt, CallError> {
        let token = DevToken::new(self.deployment.contracts.token, self.provider);
        send("minting development tokens", token.mint(self.operator, U256::from(amount)), self.operator).await
    }
}
