//! What the operator configured, read and compared with genesis.

use crate::config::{Home, L1Config};
use fairlane_l1::deployment::DeploymentFileError;
use fairlane_l1::endpoint::EndpointError;
use fairlane_l1::wallet::{KeySource, WalletError};
use fairlane_l1::{Address, Deployment, PrivateKeySigner};
use fairlane_types::Genesis;
use std::time::Duration;

/// Where the key of the account is that submits evidence.
pub const REPORTER_KEY: KeySource =
    KeySource { whose: "reporter", option: "l1.reporter_key =", variable: "FAIRLANE_REPORTER_KEY" };

/// Why `[l1]` cannot be used, or an endpoint must not be.
#[derive(Debug, thiserror::Error)]
pub enum L1Error {
    /// The deployment's record is of no use.
    #[error("l1.deployment: {0}")]
    Deployment(#[from] DeploymentFileError),
    /// The reporter's key is of no use.
    #[error("l1.reporter_key: {0}")]
    Key(#[from] WalletError),
    /// An endpoint's URL is none.
    #[error("l1.rpc_urls: {0}")]
    Endpoint(#[from] EndpointError),
    /// The network is one without stake on Ethereum.
    #[error("[l1] is configured, but this network's genesis names no Ethereum chain: remove l1.rpc_urls")]
    NoL1,
    /// The deployment is another network's.
    #[error(
        "the deployment has StakeManager {found} on chain {found_chain}, genesis names {wanted} on chain \
         {wanted_chain}: use the deployment's record of this network"
    )]
    OtherContracts {
        /// The deployment's contract.
        found: Address,
        /// The deployment's chain.
        found_chain: u64,
        /// The genesis's contract.
        wanted: Address,
        /// The genesis's chain.
        wanted_chain: u64,
    },
}

/// What [`super::connect`] needs.
#[derive(Clone, Debug)]
pub struct L1Settings {
    /// Endpoints, at least one.
    pub rpc_urls: Vec<String>,
    /// The contracts.
    pub deployment: Deployment,
    /// Signs submissions of evidence; without it, nothing is submitted.
    pub reporter: Option<PrivateKeySigner>,
    /// How many blocks have to follow one until it counts.
    pub confirmations: u64,
    /// How often to look.
    pub poll_interval: Duration,
}

impl L1Settings {
    /// Reads what `[l1]` names; `None` where it is off.
    pub fn read(config: &L1Config, home: &Home, genesis: &Genesis) -> Result<Option<Self>, L1Error> {
        if config.rpc_urls.is_empty() {
            return Ok(None);
        }
        if genesis.l1_chain_id == 0 {
            return Err(L1Error::NoL1);
        }
        let deployment = Deployment::load(&home.path().join(&config.deployment))?;
        let wanted = Address::from(genesis.stake_manager);
        let found = deployment.contracts.stake_manager;
        if (found, deployment.chain_id) != (wanted, genesis.l1_chain_id) {
            let (found_chain, wanted_chain) = (deployment.chain_id, genesis.l1_chain_id);
            return Err(L1Error::OtherContracts { found, found_chain, wanted, wanted_chain });
        }
        let named = !config.reporter_key.as_os_str().is_empty();
        let file = named.then(|| home.path().join(&config.reporter_key));
        Ok(Some(Self {
            rpc_urls: config.rpc_urls.clone(),
            deployment,
            reporter: REPORTER_KEY.read_if_any(file.as_deref())?,
            confirmations: config.confirmations,
            poll_interval: config.poll_interval,
        }))
    }
}
