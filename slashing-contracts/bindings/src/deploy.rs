//! Creating the contracts, checking them, and opening the network.
//!
//! StakeManager and SlashingManager name each other for ever, so the StakeManager is given the address that
//! the SlashingManager will have: all addresses are known before anything is created (`creating`).

use crate::contracts::{
    DevToken, EvidenceVerifier, KeyVerifier, RollupRegistry, SequencerLightClient, SlashingManager,
    StakeManager,
};
use crate::creating::{Creation, Start, chain_id, has_code};
use crate::deployment::{Anchor, Contracts, Deployment, DeploymentFileError, Plan};
use crate::endpoint::read;
use crate::error::CallError;
use crate::params::DeployParams;
use crate::sending::send;
use alloy_contract::SolCallBuilder;
use alloy_primitives::{Address, B256, U256};
use alloy_provider::{DynProvider, Provider};
use alloy_rpc_types_eth::BlockId;
use alloy_sol_types::SolCall;
use fairlane_types::crypto::{Domain, Hash32};
use fairlane_types::ids::NetworkId;
use std::fmt::Debug;
use std::path::Path;

/// The chain of development nodes, where a token that anybody can mint does no harm.
pub const DEVELOPMENT_CHAIN: u64 = 31337;

/// Why there is no deployment, or not the expected one.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The endpoint or a contract said no.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The deployment's file is of no use.
    #[error(transparent)]
    File(#[from] DeploymentFileError),
    /// A token has to be named.
    #[error(
        "chain {chain_id} is no development chain, so the token that is staked has to be named (--token)"
    )]
    TokenNotSet {
        /// The chain.
        chain_id: u64,
    },
    /// The endpoint is of another chain.
    #[error(
        "the deployment is on chain {expected}, the endpoint on chain {found}; use an endpoint of chain {expected}"
    )]
    WrongChain {
        /// The deployment's chain.
        expected: u64,
        /// The endpoint's.
        found: u64,
    },
    /// The chain has the same number and another past, as a development node that was started anew does.
    #[error(
        "the endpoint's chain lacks block {} of the deployment; if the chain was started anew, remove the \
         deployment file",
        anchor.number
    )]
    OtherHistory {
        /// The block that is missing.
        anchor: Anchor,
    },
    /// The file is of a deployment that decided differently.
    #[error(
        "the deployment file has other parameters or another deployer; name another file to deploy once more"
    )]
    OtherParameters,
    /// The deployer has used a nonce for something else.
    #[error(
        "{deployer} has used nonce {nonce} for something else than the {contract}; remove the deployment \
         file and deploy anew, with an account that does nothing else meanwhile"
    )]
    NonceTaken {
        /// What should have been created with it.
        contract: &'static str,
        /// The deployer.
        deployer: Address,
        /// The nonce.
        nonce: u64,
    },
    /// A contract is not there.
    #[error("there is no {contract} at {address}; check the deployment file and the endpoint's chain")]
    Missing {
        /// Which one.
        contract: &'static str,
        /// Where it should be.
        address: Address,
    },
    /// A contract was deployed differently.
    #[error("{field} is {found}, the deployment file says {expected}; do not use this deployment")]
    Differs {
        /// What differs.
        field: &'static str,
        /// What the contract says.
        found: String,
        /// What the file says.
        expected: String,
    },
    /// The network is open under another id.
    #[error(
        "the contracts belong to network {found}, not {expected}; a deployment serves one genesis, so \
         deploy anew for another"
    )]
    OtherNetwork {
        /// The contracts' network.
        found: NetworkId,
        /// The network of the genesis.
        expected: NetworkId,
    },
}

/// Deploys all contracts from `deployer`, whose key `provider` signs with, keeping the record at `path`. With
/// a record of the same deployment there, creates what is missing and checks the rest: running it again
/// changes nothing.
pub async fn deploy(
    path: &Path,
    provider: &DynProvider,
    deployer: Address,
    params: &DeployParams,
) -> Result<Deployment, DeployError> {
    let mut plan = match Plan::load(path)? {
        Some(plan) if plan.params == *params && plan.deployer == deployer => plan,
        Some(_) => return Err(DeployError::OtherParameters),
        None => {
            let plan = Plan::new(provider, deployer, params).await?;
            plan.save(path)?;
            plan
        }
    };
    let deployment = plan.carry_out(provider).await?;
    plan.save(path)?;
    Ok(deployment)
}

impl Plan {
    /// Decides where everything will be. Sends nothing.
    pub async fn new(
        provider: &DynProvider,
        deployer: Address,
        params: &DeployParams,
    ) -> Result<Self, DeployError> {
        let Start { chain_id, anchor, first_nonce, .. } = Start::now(provider, deployer).await?;
        if params.token.is_none() && chain_id != DEVELOPMENT_CHAIN {
            return Err(DeployError::TokenNotSet { chain_id });
        }
        // The token comes first where it is deployed at all.
        let (token, first) = match params.token {
            Some(token) => (token, first_nonce),
            None => (deployer.create(first_nonce), first_nonce + 1),
        };
        let contracts = Contracts {
            token,
            evidence_verifier: deployer.create(first),
            key_verifier: deployer.create(first + 1),
            stake_manager: deployer.create(first + 2),
            slashing_manager: deployer.create(first + 3),
            rollup_registry: deployer.create(first + 4),
            light_client: deployer.create(first + 5),
        };
        Ok(Self {
            chain_id,
            anchor,
            deployer,
            first_nonce,
            params: params.clone(),
            contracts,
            start_block: None,
        })
    }

    /// Creates what is missing, and checks everything.
    pub async fn carry_out(&mut self, provider: &DynProvider) -> Result<Deployment, DeployError> {
        self.start().create_missing(provider, self.creations(provider)).await?;
        let stake = StakeManager::new(self.contracts.stake_manager, provider);
        let start = read("asking when epochs began", stake.startBlock(), BlockId::latest()).await?;
        self.start_block = u64::try_from(start).ok();
        let deployment = self.finished().ok_or(CallError::Nonsense {
            what: "asking when epochs began",
            why: format!("block {start}, epochs of {} blocks", self.params.epoch_length),
        })?;
        deployment.check(provider).await?;
        Ok(deployment)
    }

    fn start(&self) -> Start {
        let Self { chain_id, anchor, deployer, first_nonce, .. } = *self;
        Start { chain_id, anchor, deployer, first_nonce }
    }

    /// What is created, in order.
    fn creations<'a>(&self, provider: &'a DynProvider) -> Vec<Creation<'a>> {
        let (c, p) = (&self.contracts, &self.params);
        let stake = self.stake_parameters();
        let slashing = SlashingManager::Parameters {
            stakeManager: c.stake_manager,
            evidenceVerifier: c.evidence_verifier,
            guardian: p.guardian,
            baseBps: p.base_bps,
            rewardBps: p.reward_bps,
            correlationEpochs: p.correlation_epochs,
            contestBlocks: p.contest_blocks,
        };
        let fee = U256::from(p.rollup_fee);
        let rollups = RollupRegistry::deploy_builder(provider, c.stake_manager, c.token, fee, p.sink);
        let light_client =
            SequencerLightClient::deploy_builder(provider, c.stake_manager, p.checkpoint_history);
        let mut creations = vec![
            ("EvidenceVerifier", c.evidence_verifier, EvidenceVerifier::deploy_builder(provider)),
            ("KeyVerifier", c.key_verifier, KeyVerifier::deploy_builder(provider)),
            ("StakeManager", c.stake_manager, StakeManager::deploy_builder(provider, stake)),
            ("SlashingManager", c.slashing_manager, SlashingManager::deploy_builder(provider, slashing)),
            ("RollupRegistry", c.rollup_registry, rollups),
            ("SequencerLightClient", c.light_client, light_client),
        ];
        if p.token.is_none() {
            creations.insert(0, ("DevToken", c.token, DevToken::deploy_builder(provider)));
        }
        creations
    }

    fn stake_parameters(&self) -> StakeManager::Parameters {
        let (c, p) = (&self.contracts, &self.params);
        StakeManager::Parameters {
            token: c.token,
            keyVerifier: c.key_verifier,
            slashingManager: c.slashing_manager,
            guardian: p.guardian,
            sink: p.sink,
            epochLength: p.epoch_length,
            unbondingEpochs: p.unbonding_epochs,
            evidenceEpochs: p.evidence_epochs,
            jailEpochs: p.jail_epochs,
            seats: p.seats,
            minimumStake: p.minimum_stake,
            powerUnit: p.power_unit,
        }
    }
}

pub(crate) async fn expect<P: Provider, C: SolCall>(
    field: &'static str,
    call: SolCallBuilder<P, C>,
    expected: C::Return,
) -> Result<(), DeployError>
where
    C::Return: PartialEq + Debug,
{
    let found = read(field, call, BlockId::latest()).await?;
    if found == expected {
        return Ok(());
    }
    Err(DeployError::Differs { field, found: format!("{found:?}"), expected: format!("{expected:?}") })
}

impl Deployment {
    /// Compares the contracts on chain with this record, field by field.
    pub async fn check(&self, provider: &DynProvider) -> Result<(), DeployError> {
        let found = chain_id(provider).await?;
        if found != self.chain_id {
            return Err(DeployError::WrongChain { expected: self.chain_id, found });
        }
        let c = &self.contracts;
        for (contract, address) in [
            ("token", c.token),
            ("EvidenceVerifier", c.evidence_verifier),
            ("KeyVerifier", c.key_verifier),
            ("StakeManager", c.stake_manager),
            ("SlashingManager", c.slashing_manager),
            ("RollupRegistry", c.rollup_registry),
            ("SequencerLightClient", c.light_client),
        ] {
            if !has_code(provider, address).await? {
                return Err(DeployError::Missing { contract, address });
            }
        }
        self.check_stake_manager(provider).await?;
        self.check_slashing_manager(provider).await?;
        self.check_rollup_registry(provider).await?;
        self.check_light_client(provider).await
    }

    async fn check_stake_manager(&self, provider: &DynProvider) -> Result<(), DeployError> {
        let (c, p) = (&self.contracts, &self.params);
        let stake = StakeManager::new(c.stake_manager, provider);
        expect("StakeManager.token", stake.token(), c.token).await?;
        expect("StakeManager.keyVerifier", stake.keyVerifier(), c.key_verifier).await?;
        expect("StakeManager.slashingManager", stake.slashingManager(), c.slashing_manager).await?;
        expect("StakeManager.guardian", stake.guardian(), p.guardian).await?;
        expect("StakeManager.sink", stake.sink(), p.sink).await?;
        expect("StakeManager.startBlock", stake.startBlock(), U256::from(self.clock.start_block)).await?;
        expect("StakeManager.epochLength", stake.epochLength(), p.epoch_length).await?;
        expect("StakeManager.unbondingEpochs", stake.unbondingEpochs(), p.unbonding_epochs).await?;
        expect("StakeManager.evidenceEpochs", stake.evidenceEpochs(), p.evidence_epochs).await?;
        expect("StakeManager.jailEpochs", stake.jailEpochs(), p.jail_epochs).await?;
        expect("StakeManager.seats", stake.seats(), p.seats).await?;
        expect("StakeManager.minimumStake", stake.minimumStake(), p.minimum_stake).await?;
        expect("StakeManager.powerUnit", stake.powerUnit(), p.power_unit).await
    }

    async fn check_slashing_manager(&self, provider: &DynProvider) -> Result<(), DeployError> {
        let (c, p) = (&self.contracts, &self.params);
        let slashing = SlashingManager::new(c.slashing_manager, provider);
        expect("SlashingManager.stakeManager", slashing.stakeManager(), c.stake_manager).await?;
        expect("SlashingManager.evidenceVerifier", slashing.evidenceVerifier(), c.evidence_verifier).await?;
        expect("SlashingManager.guardian", slashing.guardian(), p.guardian).await?;
        expect("SlashingManager.baseBps", slashing.baseBps(), p.base_bps).await?;
        expect("SlashingManager.rewardBps", slashing.rewardBps(), p.reward_bps).await?;
        expect("SlashingManager.correlationEpochs", slashing.correlationEpochs(), p.correlation_epochs)
            .await?;
        expect("SlashingManager.contestBlocks", slashing.contestBlocks(), p.contest_blocks).await
    }

    async fn check_rollup_registry(&self, provider: &DynProvider) -> Result<(), DeployError> {
        let (c, p) = (&self.contracts, &self.params);
        let rollups = RollupRegistry::new(c.rollup_registry, provider);
        expect("RollupRegistry.epochs", rollups.epochs(), c.stake_manager).await?;
        expect("RollupRegistry.token", rollups.token(), c.token).await?;
        expect("RollupRegistry.fee", rollups.fee(), U256::from(p.rollup_fee)).await?;
        expect("RollupRegistry.sink", rollups.sink(), p.sink).await
    }

    async fn check_light_client(&self, provider: &DynProvider) -> Result<(), DeployError> {
        let (c, p) = (&self.contracts, &self.params);
        let light_client = SequencerLightClient::new(c.light_client, provider);
        expect("SequencerLightClient.stakeManager", light_client.stakeManager(), c.stake_manager).await?;
        expect("SequencerLightClient.slashingManager", light_client.slashingManager(), c.slashing_manager)
            .await?;
        expect("SequencerLightClient.history", light_client.history(), p.checkpoint_history).await
    }

    /// The id of the network with this genesis and these contracts (docs/protocol.md, "Genesis and
    /// parameters").
    pub fn network_of(&self, genesis: &Hash32) -> NetworkId {
        let stake_manager = self.contracts.stake_manager;
        Domain::NETWORK
            .hash(&[genesis.as_bytes(), &self.chain_id.to_be_bytes(), stake_manager.as_slice()])
            .into()
    }

    /// The contracts' network; `None` before it is open.
    pub async fn network(&self, provider: &DynProvider) -> Result<Option<NetworkId>, CallError> {
        let slashing = SlashingManager::new(self.contracts.slashing_manager, provider);
        let id = read("asking for the network's id", slashing.networkId(), BlockId::latest()).await?;
        Ok(if id == B256::ZERO { None } else { Some(NetworkId::from_bytes(id.0)) })
    }

    /// Opens the network of a genesis, from the guardian's account, whose key `provider` signs with. Running
    /// it again changes nothing.
    pub async fn open_network(
        &self,
        provider: &DynProvider,
        genesis: &Hash32,
    ) -> Result<NetworkId, DeployError> {
        let expected = self.network_of(genesis);
        if self.network(provider).await?.is_none() {
            let slashing = SlashingManager::new(self.contracts.slashing_manager, provider);
            let call = slashing.openNetwork(B256::new(*genesis.as_bytes()));
            send("opening the network", provider, call.from(self.params.guardian).into_transaction_request())
                .await?;
        }
        match self.network(provider).await? {
            Some(network) if network == expected => Ok(network),
            Some(found) => Err(DeployError::OtherNetwork { found, expected }),
            None => Err(CallError::Nonsense {
                what: "opening the network",
                why: "the transaction is mined, and the network is not open".into(),
            }
            .into()),
        }
    }
}
