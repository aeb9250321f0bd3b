//! Starting the development node, deploying, registering, opening the network.

use super::gate::Gate;
use super::staking::{self, DEPLOYMENT, REPORTER_KEY, write_key};
use eyre::WrapErr as _;
use fairlane_l1::deploy::deploy;
use fairlane_l1::dev::{Anvil, funded_keys, set_block_time};
use fairlane_l1::endpoint::{connect, connect_with_key};
use fairlane_l1::registration::OperatorAccount;
use fairlane_l1::rollups::{OwnerAccount, RollupSettings};
use fairlane_l1::{Address, DeployParams, Deployment, DynProvider, Epoch, EpochClock, PrivateKeySigner};
use fairlane_sequencer::config::{Home, L1Config};
use fairlane_types::{Genesis, GroupId, RollupId, RollupSpec, ValidatorSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Seconds between blocks, once the network is set up.
const BLOCK_SECONDS: u64 = 1;
/// Blocks in an epoch: short enough to watch validators come and go.
const EPOCH_LENGTH: u32 = 6;

/// A development node with the contracts. It ends when this is dropped.
#[derive(Debug)]
pub struct L1Chain {
    anvil: Anvil,
    /// The first deploys and is the guardian; the others are the operators, one for each validator.
    accounts: Vec<PrivateKeySigner>,
    file: PathBuf,
    /// By these the network's nodes reach the development node.
    gates: [Gate; 2],
    /// The contracts.
    pub deployment: Deployment,
}

impl L1Chain {
    /// The most validators: each needs a funded account, and so does the deployer.
    pub fn max_validators() -> usize {
        funded_keys().len() - 1
    }

    /// Starts the node and deploys the contracts; their record is kept in `dir`.
    pub async fn start(dir: &Path) -> eyre::Result<Self> {
        let anvil = Anvil::start(None)?;
        let gates = [Gate::open_to(anvil.url()).await?, Gate::open_to(anvil.url()).await?];
        let accounts = funded_keys();
        let deployer = accounts.first().cloned().expect("a development node funds accounts");
        let provider = connect_with_key(anvil.url(), deployer.clone())?;
        let params = DeployParams { epoch_length: EPOCH_LENGTH, ..DeployParams::new(deployer.address()) };
        let file = dir.join(DEPLOYMENT);
        let deployment = deploy(&file, &provider, deployer.address(), &params).await?;
        Ok(Self { anvil, accounts, file, gates, deployment })
    }

    /// The endpoint.
    pub fn url(&self) -> &str {
        self.anvil.url()
    }

    /// The deployment's record.
    pub fn record(&self) -> &Path {
        &self.file
    }

    /// Writes the secret key of the account with this index from the end, which no validator has, to a file that only its
    /// owner may read. Gives its address.
    pub fn write_spare_key(&self, from_the_end: usize, path: &Path) -> eyre::Result<Address> {
        let key = self.accounts.iter().rev().nth(from_the_end);
        let key = key.ok_or_else(|| eyre::eyre!("there are only {} accounts", self.accounts.len()))?;
        write_key(key, path)?;
        Ok(key.address())
    }

    /// The two endpoints of nodes and adapters.
    pub fn gate_urls(&self) -> Vec<String> {
        self.gates.iter().map(Gate::url).collect()
    }

    /// Lets nodes and adapters use their first and their second endpoint, or not.
    pub fn let_through(&self, open: [bool; 2]) {
        self.gates.iter().zip(open).for_each(|(gate, open)| gate.set_open(open));
    }

    /// A connection for reading.
    pub fn reader(&self) -> eyre::Result<DynProvider> {
        Ok(connect(self.url())?)
    }

    /// The operator of the validator with this index.
    pub fn operator(&self, index: usize) -> eyre::Result<&PrivateKeySigner> {
        let account = self.accounts.get(index + 1);
        account.ok_or_else(|| eyre::eyre!("at most {} validators have accounts", Self::max_validators()))
    }

    /// Registers the validators of these homes with stake, and advances to where their set is fixed. Gives that set and
    /// its epoch.
    pub async fn register(&self, homes: &[Home]) -> eyre::Result<(Epoch, ValidatorSet)> {
        for (index, home) in homes.iter().enumerate() {
            self.register_one(index, home).await?;
        }
        staking::first_set(&self.reader()?, &self.deployment, EpochClock::fixed_after).await
    }

    /// Registers the validator of one home, with stake.
    pub async fn register_one(&self, index: usize, home: &Home) -> eyre::Result<()> {
        let (provider, operator) = self.writer(index + 1)?;
        staking::register(&self.deployment, (&provider, operator), home, "/ip4/127.0.0.1/tcp/1").await
    }

    /// Asks stake of the validator with this index back.
    pub async fn unbond(&self, index: usize, amount: u128) -> eyre::Result<()> {
        let (provider, operator) = self.writer(index + 1)?;
        let account = OperatorAccount { deployment: &self.deployment, provider: &provider, operator };
        account.request_unbond(amount).send().await?;
        Ok(())
    }

    /// Registers a rollup for the guardian, in ordering group 0.
    pub async fn register_rollup(&self, rollup: RollupId) -> eyre::Result<()> {
        let (provider, owner) = self.writer(0)?;
        let account = OwnerAccount { deployment: &self.deployment, provider: &provider, owner };
        let fee = account.fee().await?.try_into()?;
        let payer = OperatorAccount { deployment: &self.deployment, provider: &provider, operator: owner };
        payer.mint(fee).send().await?;
        let settings = RollupSettings {
            settlement: Address::ZERO,
            verificationKeys: Vec::new(),
            metadata: String::new(),
        };
        account.register(RollupSpec::new(rollup, GroupId::ZERO), settings).await?.send().await?;
        Ok(())
    }

    /// Changes settings of a rollup of the guardian's.
    pub async fn configure_rollup(
        &self,
        rollup: RollupId,
        change: impl FnOnce(&mut RollupSettings),
    ) -> eyre::Result<()> {
        let (provider, owner) = self.writer(0)?;
        let account = OwnerAccount { deployment: &self.deployment, provider: &provider, owner };
        account.configure(rollup, change).await?.send().await?;
        Ok(())
    }

    /// Closes a rollup of the guardian's.
    pub async fn close_rollup(&self, rollup: RollupId) -> eyre::Result<()> {
        let (provider, owner) = self.writer(0)?;
        OwnerAccount { deployment: &self.deployment, provider: &provider, owner }
            .close(rollup)
            .send()
            .await?;
        Ok(())
    }

    /// How many transactions of an account are mined.
    pub async fn transactions_of(&self, account: Address) -> eyre::Result<u64> {
        Ok(fairlane_l1::dev::transactions_of(&self.reader()?, account).await?)
    }

    /// A connection that signs with an account, and the account: the first is the guardian's, the others are the
    /// operators'.
    pub fn writer(&self, account: usize) -> eyre::Result<(DynProvider, Address)> {
        let key = self.accounts.get(account).ok_or_else(|| eyre::eyre!("there is no account {account}"))?;
        Ok((connect_with_key(self.url(), key.clone())?, key.address()))
    }

    /// Opens the network of a genesis; from now on blocks come with time.
    pub async fn open(&self, genesis: &Genesis) -> eyre::Result<()> {
        let (provider, _) = self.writer(0)?;
        let network = self.deployment.open_network(&provider, &genesis.hash()).await?;
        eyre::ensure!(network == genesis.network(), "the contracts were opened for another network");
        Ok(set_block_time(&provider, BLOCK_SECONDS).await?)
    }

    /// Writes what a node needs into its home, and gives the configuration to go with it.
    pub fn equip(&self, index: usize, home: &Home) -> eyre::Result<L1Config> {
        std::fs::copy(&self.file, home.path().join(DEPLOYMENT))
            .wrap_err("copying the deployment's record")?;
        write_key(self.operator(index)?, &home.path().join(REPORTER_KEY))?;
        Ok(L1Config {
            rpc_urls: self.gate_urls(),
            reporter_key: REPORTER_KEY.into(),
            confirmations: 1,
            poll_interval: Duration::from_millis(500),
            ..L1Config::default()
        })
    }
}
