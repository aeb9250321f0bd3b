//! Ethereum, as the adapter uses it: one rollup's settlement contract, and who pays.

use crate::error::AdapterError;
use crate::zk::from_contract;
use fairlane_l1::checkpoint::Sender;
use fairlane_l1::settlement::{self as contract, SettlementRecord, Standing};
use fairlane_l1::{Address, B256, CallError, Deployment, DynProvider, Endpoints, L1State};
use fairlane_types::{BatchIndex, NetworkId, RollupId};
use fairlane_zk_rollup::Deposit;
use std::sync::Arc;

/// Where and as whom the adapter settles.
#[derive(Clone, Debug)]
pub struct Ethereum {
    /// Endpoints, with the sender's key.
    pub endpoints: Arc<Endpoints>,
    /// The connection of this round, which signs with that key.
    pub provider: DynProvider,
    /// The network that the contracts are of.
    pub network: NetworkId,
    /// The network's contracts.
    pub deployment: Deployment,
    /// The rollup's.
    pub record: SettlementRecord,
    /// Who pays, and how much at most.
    pub sender: Sender,
    /// How many blocks have to follow on a settlement until it counts for good.
    pub confirmations: u64,
    /// SHA-256 of the verification key that proofs are made for.
    pub verification_key: B256,
    /// The rollup's owner in the RollupRegistry, if its word counts.
    pub owner: Option<Address>,
}

/// Where the rollup stands now, and where it stands for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tips {
    pub(crate) newest: Standing,
    pub(crate) firm: Standing,
}

/// Moves on to the next endpoint where the present one is to blame; says whether there is one.
pub(crate) fn turn_away(endpoints: &Endpoints, error: &AdapterError) -> bool {
    let is_endpoints = match error {
        AdapterError::Call(error) => error.is_endpoints(),
        AdapterError::Endpoint(_) => true,
        _ => false,
    };
    let (place, _) = endpoints.reader();
    let next = is_endpoints.then(|| endpoints.failed(place)).flatten();
    if let Some(next) = next {
        tracing::warn!(from = place, to = next, "use another Ethereum endpoint");
    }
    next.is_some()
}

impl Ethereum {
    /// Chooses the endpoint of a round: the one that worked last, if it is of the right chain, contracts and network.
    pub(crate) async fn choose(&mut self) -> Result<(), AdapterError> {
        let (place, _) = self.endpoints.reader();
        self.endpoints.check(place, &self.deployment, &self.network).await?;
        if let Some((provider, _)) = self.endpoints.writer() {
            self.provider = provider.clone();
        }
        self.check_keys().await
    }

    /// Fails where the rollup's owner has named verification keys, and this one is not among them.
    async fn check_keys(&self) -> Result<(), AdapterError> {
        let Some(owner) = self.owner else { return Ok(()) };
        let state = L1State::newest(&self.provider, &self.deployment.contracts);
        let named = match state.settings_of(RollupId::new(self.record.params.rollup)).await? {
            Some((found, settings)) if found == owner => settings.verificationKeys,
            _ => return Err(AdapterError::NotTheOwner { owner }),
        };
        match named.is_empty() || named.contains(&self.verification_key) {
            true => Ok(()),
            false => Err(AdapterError::OtherKeys { own: self.verification_key }),
        }
    }

    /// Moves on to the next endpoint where this one is to blame; says whether there is one.
    pub(crate) fn turn_away(&self, error: &AdapterError) -> bool {
        turn_away(&self.endpoints, error)
    }

    pub(crate) async fn tips(&self) -> Result<Tips, CallError> {
        let block = contract::block_number(&self.provider).await?;
        let firm = block.saturating_sub(self.confirmations).max(self.record.anchor.number);
        let newest = contract::standing(&self.provider, &self.record, block).await?;
        if firm == block {
            return Ok(Tips { newest, firm: newest });
        }
        // Before its creation the contract has settled nothing.
        let firm = match contract::standing(&self.provider, &self.record, firm).await {
            Err(CallError::NoContract { .. }) => Standing { index: 0, ..newest },
            firm => firm?,
        };
        Ok(Tips { newest, firm })
    }

    /// The deposits that come with the batch after `tip`.
    pub(crate) async fn due(&self, tip: &Standing) -> Result<Vec<Deposit>, AdapterError> {
        self.deposits(BatchIndex::new(tip.index).next(), tip.taken, tip.due).await
    }

    /// The deposits that came with a batch that is settled.
    pub(crate) async fn came_with(&self, index: BatchIndex) -> Result<Vec<Deposit>, AdapterError> {
        let (before, due) = (index.get().saturating_sub(2), index.get().saturating_sub(1));
        let (taken, due) = (self.due_after(before).await?, self.due_after(due).await?);
        self.deposits(index, taken, due).await
    }

    /// How a batch was settled.
    pub(crate) async fn settled(&self, index: u64) -> Result<contract::Settled, CallError> {
        let settled = contract::settled(&self.provider, &self.record, index).await?;
        settled.ok_or_else(|| CallError::Nonsense {
            what: "asking how a batch was settled",
            why: format!("batch {index} is settled, and nothing says how"),
        })
    }

    async fn due_after(&self, index: u64) -> Result<u64, CallError> {
        if index == 0 { Ok(0) } else { Ok(self.settled(index).await?.due) }
    }

    async fn deposits(&self, index: BatchIndex, taken: u64, due: u64) -> Result<Vec<Deposit>, AdapterError> {
        let deposits = contract::deposits(&self.provider, &self.record, taken, due).await?;
        let deposits: Option<Vec<Deposit>> = deposits.iter().map(from_contract).collect();
        deposits.ok_or(AdapterError::Deposit { index })
    }
}
