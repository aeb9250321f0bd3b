//! Deploys Fairlane's contracts, and opens their network.
//!
//! The record that it writes is all that nodes and operators need. Running it again with the same arguments
//! checks what is there, and finishes what was interrupted.

use clap::Parser;
use eyre::WrapErr as _;
use fairlane_l1::deploy::deploy;
use fairlane_l1::deployment::Plan;
use fairlane_l1::endpoint::{connect, connect_with_key};
use fairlane_l1::wallet::KeySource;
use fairlane_l1::{Address, DeployParams, Deployment};
use fairlane_types::crypto::Hash32;
use std::path::PathBuf;

/// Where the deployer's secret key is.
const KEY: KeySource = KeySource { whose: "deployer", option: "--key-file", variable: "FAIRLANE_DEPLOY_KEY" };

/// Deploys Fairlane's contracts on Ethereum, checks them, and opens their network.
///
/// The deployer's secret key (64 hexadecimal digits) comes from a file that only its owner may read, or from
/// the environment variable FAIRLANE_DEPLOY_KEY. It is never an argument, because others can read those.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The Ethereum endpoint: http://… or https://…
    #[arg(long)]
    rpc: String,
    /// The deployment's record. Where it exists, the deployment that it tells of is finished and checked.
    #[arg(long)]
    out: PathBuf,
    /// A file with the deployer's secret key, of mode 0600.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// Only compare the contracts with the record. Needs no key.
    #[arg(long, conflicts_with_all = ["key_file", "open"])]
    check: bool,
    /// The hash of the genesis, to open the network with. The key must be the guardian's, and settings are
    /// not needed once the contracts are deployed.
    #[arg(long, value_name = "GENESIS_HASH")]
    open: Option<String>,
    /// The token that is staked. A development chain gets one that anybody can mint where this is missing.
    #[arg(long)]
    token: Option<Address>,
    /// Opens the network, may pause for short, and may put one validator an epoch into jail. Default: the
    /// deployer.
    #[arg(long)]
    guardian: Option<Address>,
    /// Where penalties and fees go. Default: they are burned.
    #[arg(long)]
    sink: Option<Address>,
    /// Blocks in an epoch. Default: 7200, a day.
    #[arg(long)]
    epoch_length: Option<u32>,
    /// Epochs from leaving the set to the claim. Default: 28.
    #[arg(long)]
    unbonding_epochs: Option<u32>,
    /// Epochs from a key's leaving the set to the last evidence against it. Default: 21.
    #[arg(long)]
    evidence_epochs: Option<u32>,
    /// Epochs in jail. Default: 2.
    #[arg(long)]
    jail_epochs: Option<u32>,
    /// The most members of a validator set. Default: 100.
    #[arg(long)]
    seats: Option<u32>,
    /// The least stake of a member, in the token's smallest unit. Default: 1000 * 10^18.
    #[arg(long)]
    minimum_stake: Option<u128>,
    /// Stake for one unit of voting power, in the token's smallest unit. Default: 10^9.
    #[arg(long)]
    power_unit: Option<u128>,
    /// The part of the stake that each offence costs, in ten thousandths. Default: 500.
    #[arg(long)]
    base_bps: Option<u16>,
    /// The part of that which the reporter gets, in ten thousandths. Default: 500.
    #[arg(long)]
    reward_bps: Option<u16>,
    /// How many epochs before and after count for the correlated penalty. Default: 14.
    #[arg(long)]
    correlation_epochs: Option<u32>,
    /// For how many blocks an earlier commitment to evidence can be shown. Default: 50.
    #[arg(long)]
    contest_blocks: Option<u32>,
    /// What registering a rollup costs, in the token's smallest unit. Default: 10 * 10^18.
    #[arg(long)]
    rollup_fee: Option<u128>,
    /// How many checkpoints the light client keeps. Default: 8192.
    #[arg(long)]
    checkpoint_history: Option<u32>,
}

impl Arguments {
    fn params(&self, deployer: Address) -> DeployParams {
        let default = DeployParams::new(self.guardian.unwrap_or(deployer));
        DeployParams {
            token: self.token,
            guardian: default.guardian,
            sink: self.sink.unwrap_or(default.sink),
            epoch_length: self.epoch_length.unwrap_or(default.epoch_length),
            unbonding_epochs: self.unbonding_epochs.unwrap_or(default.unbonding_epochs),
            evidence_epochs: self.evidence_epochs.unwrap_or(default.evidence_epochs),
            jail_epochs: self.jail_epochs.unwrap_or(default.jail_epochs),
            seats: self.seats.unwrap_or(default.seats),
            minimum_stake: self.minimum_stake.unwrap_or(default.minimum_stake),
            power_unit: self.power_unit.unwrap_or(default.power_unit),
            base_bps: self.base_bps.unwrap_or(default.base_bps),
            reward_bps: self.reward_bps.unwrap_or(default.reward_bps),
            correlation_epochs: self.correlation_epochs.unwrap_or(default.correlation_epochs),
            contest_blocks: self.contest_blocks.unwrap_or(default.contest_blocks),
            rollup_fee: self.rollup_fee.unwrap_or(default.rollup_fee),
            checkpoint_history: self.checkpoint_history.unwrap_or(default.checkpoint_history),
        }
    }
}

fn print(deployment: &Deployment) {
    let contracts = &deployment.contracts;
    println!("chain              {}", deployment.chain_id);
    println!("token              {}", contracts.token);
    println!("EvidenceVerifier   {}", contracts.evidence_verifier);
    println!("KeyVerifier        {}", contracts.key_verifier);
    println!("StakeManager       {}", contracts.stake_manager);
    println!("SlashingManager    {}", contracts.slashing_manager);
    println!("RollupRegistry     {}", contracts.rollup_registry);
    println!("epoch 0 begins     block {}", deployment.clock.start_block);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> eyre::Result<()> {
    let arguments = Arguments::parse();
    if arguments.check {
        let provider = connect(&arguments.rpc)?;
        let deployment = Deployment::load(&arguments.out)?;
        deployment.check(&provider).await?;
        print(&deployment);
        return Ok(());
    }
    let key = KEY.read(arguments.key_file.as_deref())?;
    let deployer = key.address();
    let provider = connect_with_key(&arguments.rpc, key)?;
    let Some(genesis) = &arguments.open else {
        print(&deploy(&arguments.out, &provider, deployer, &arguments.params(deployer)).await?);
        return Ok(());
    };
    let genesis = Hash32::from_hex(genesis).wrap_err("--open takes the hash of the genesis")?;
    let deployment = match Plan::load(&arguments.out)?.and_then(|plan| plan.finished()) {
        Some(deployment) => deployment,
        None => deploy(&arguments.out, &provider, deployer, &arguments.params(deployer)).await?,
    };
    deployment.check(&provider).await?;
    print(&deployment);
    println!("network            {}", deployment.open_network(&provider, &genesis).await?);
    Ok(())
}
