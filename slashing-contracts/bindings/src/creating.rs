//! Creating contracts at addresses that are known beforehand.
//!
//! An address follows from the deployer's nonce; each transaction has its nonce fixed, so that no other contract can end
//! up there, and what was interrupted goes on where it stopped.

use crate::deploy::DeployError;
use crate::deployment::Anchor;
use crate::error::CallError;
use crate::sending::send;
use alloy_contract::RawCallBuilder;
use alloy_primitives::Address;
use alloy_provider::{DynProvider, Provider as _};
use alloy_rpc_types_eth::BlockId;

/// A contract: its name, where it will be, and how it is created.
pub(crate) type Creation<'a> = (&'static str, Address, RawCallBuilder<&'a DynProvider>);

/// Where a deployment begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) chain_id: u64,
    /// The newest block when it was planned.
    pub(crate) anchor: Anchor,
    pub(crate) deployer: Address,
    /// The nonce of the deployer's first transaction.
    pub(crate) first_nonce: u64,
}

impl Start {
    /// The account's next nonce, on the endpoint's chain as it is.
    pub(crate) async fn now(provider: &DynProvider, deployer: Address) -> Result<Self, CallError> {
        const WHAT: &str = "planning the deployment";
        let transport = |error| CallError::transport(WHAT, error);
        let chain_id = chain_id(provider).await?;
        let block = provider.get_block(BlockId::latest()).await.map_err(transport)?;
        let block =
            block.ok_or(CallError::Nonsense { what: WHAT, why: "there is no newest block".into() })?;
        let first_nonce = provider.get_transaction_count(deployer).await.map_err(transport)?;
        let anchor = Anchor { number: block.header.number, hash: block.header.hash };
        Ok(Self { chain_id, anchor, deployer, first_nonce })
    }

    /// Whether the endpoint's chain is the one that this began on.
    pub(crate) async fn check_chain(&self, provider: &DynProvider) -> Result<(), DeployError> {
        const WHAT: &str = "looking for the deployment's chain";
        let found = chain_id(provider).await?;
        if found != self.chain_id {
            return Err(DeployError::WrongChain { expected: self.chain_id, found });
        }
        let block = provider.get_block(BlockId::number(self.anchor.number)).await;
        let block = block.map_err(|error| CallError::transport(WHAT, error))?;
        match block.is_some_and(|block| block.header.hash == self.anchor.hash) {
            true => Ok(()),
            false => Err(DeployError::OtherHistory { anchor: self.anchor }),
        }
    }

    /// Creates those of the contracts that are not there, each with its own nonce, the first one with `first_nonce`.
    pub(crate) async fn create_missing(
        &self,
        provider: &DynProvider,
        creations: impl IntoIterator<Item = Creation<'_>>,
    ) -> Result<(), DeployError> {
        self.check_chain(provider).await?;
        for (nonce, (contract, address, creation)) in (self.first_nonce..).zip(creations) {
            if has_code(provider, address).await? {
                continue;
            }
            let next = provider.get_transaction_count(self.deployer).await;
            let next = next.map_err(|error| CallError::transport(contract, error))?;
            if next != nonce {
                return Err(DeployError::NonceTaken { contract, deployer: self.deployer, nonce });
            }
            send(contract, provider, creation.from(self.deployer).into_transaction_request()).await?;
        }
        Ok(())
    }
}

/// The chain that an endpoint is of.
pub(crate) async fn chain_id(provider: &DynProvider) -> Result<u64, CallError> {
    provider.get_chain_id().await.map_err(|error| CallError::transport("asking for the chain's id", error))
}

/// Whether there is a contract.
pub(crate) async fn has_code(provider: &DynProvider, address: Address) -> Result<bool, CallError> {
    let code = provider.get_code_at(address).await;
    Ok(!code.map_err(|error| CallError::transport("looking for a contract", error))?.is_empty())
}
