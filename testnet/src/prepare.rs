//! `prepare`: all that a network of containers needs before its first validator starts.
//!
//! On an Ethereum development node that runs elsewhere it deploys the contracts, gives each validator stake, writes the
//! genesis whose validators these are, opens the network, and furnishes one home for each validator, one for the adapter of
//! the rollup that is proven, one for the adapter and the clients of the rollup that runs the EVM, and what clients share.
//! What is there already stays as it is, so that it can be run again at any point.

mod adapter;
mod evm;

use crate::l1::staking::{self, DEPLOYMENT, REPORTER_KEY, write_key};
use eyre::WrapErr as _;
use fairlane_l1::deploy::deploy;
use fairlane_l1::dev::funded_keys;
use fairlane_l1::endpoint::{connect, connect_with_key};
use fairlane_l1::{DeployParams, Deployment, EpochClock, L1State, PrivateKeySigner};
use fairlane_rollup_adapter::genesis_file;
use fairlane_sequencer::config::{self, Config, Explorer, Home, L1Config};
use fairlane_sequencer::keys;
use fairlane_types::{Genesis, GroupId, ProtocolParams, RollupId, RollupSpec, Timestamp};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Deploys the contracts on a development node, and furnishes a network's homes.
#[derive(Debug, clap::Args)]
pub struct PrepareArgs {
    /// The development node's endpoint, as http://l1:8545. Its accounts are those of anvil.
    #[arg(long)]
    rpc: String,
    /// Where the homes go: `validator0` and so on, `adapter`, `evm`, and `shared` with what clients need.
    #[arg(long)]
    out: PathBuf,
    /// The address of a validator; once for each, in their order. At most 6.
    #[arg(long = "validator", value_name = "ADDRESS", required = true)]
    validators: Vec<Ipv4Addr>,
    /// How many rollups, all in one ordering group.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    rollups: u16,
    /// The rollup that is proven, which gets the home `adapter`.
    #[arg(long, value_name = "ID", requires = "nodes")]
    proven: Option<u64>,
    /// Slots of its circuit.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    slots: u8,
    /// The rollup that runs the EVM, whose adapter and clients get the folder `evm`. Each client is a host of its name, with
    /// JSON-RPC at port 8545 and the Engine API at 8551.
    #[arg(long, value_name = "ID", requires = "nodes")]
    evm: Option<u64>,
    /// A node that the adapters ask, as http://validator0:26660; may be given several times.
    #[arg(long = "node", value_name = "URL")]
    nodes: Vec<String>,
    /// Blocks of the development node in an epoch.
    #[arg(long, default_value_t = 30)]
    epoch_length: u32,
}

/// Prepares the network.
pub async fn run(args: PrepareArgs) -> eyre::Result<()> {
    let accounts = funded_keys();
    let [deployer, operators @ .., depositor, adapter, relayer] = accounts.as_slice() else {
        eyre::bail!("a development node funds accounts");
    };
    eyre::ensure!(args.validators.len() <= operators.len(), "at most {} validators", operators.len());
    let shared = args.out.join("shared");
    std::fs::create_dir_all(&shared).wrap_err_with(|| format!("making {}", shared.display()))?;
    let provider = connect_with_key(&args.rpc, deployer.clone())?;
    let params = DeployParams { epoch_length: args.epoch_length, ..DeployParams::new(deployer.address()) };
    let record = shared.join(DEPLOYMENT);
    let deployment = deploy(&record, &provider, deployer.address(), &params).await?;
    println!("the contracts are deployed: StakeManager {}", deployment.contracts.stake_manager);

    let homes: Vec<Home> = (0..args.validators.len())
        .map(|index| Home::new(args.out.join(format!("validator{index}"))))
        .collect();
    let registrations = homes.iter().zip(operators).zip(&args.validators);
    futures::future::try_join_all(
        registrations.map(|((home, key), address)| register(&args.rpc, &deployment, home, key, *address)),
    )
    .await?;
    println!("{} validators have stake", homes.len());

    let genesis = genesis(&args, &deployment, &shared.join("genesis.json")).await?;
    let network = deployment.open_network(&provider, &genesis.hash()).await?;
    eyre::ensure!(network == genesis.network(), "the contracts were opened for another network");
    for (index, (home, operator)) in homes.iter().zip(operators).enumerate() {
        furnish(&args, index, home, operator, &genesis)?;
    }
    write_key(relayer, &shared.join("relayer.key"))?;
    if let Some(rollup) = args.proven {
        write_key(depositor, &shared.join("depositor.key"))?;
        adapter::furnish(&args, rollup, adapter, &genesis)?;
    }
    if let Some(rollup) = args.evm {
        evm::furnish(&args, rollup, &genesis)?;
    }
    println!("network {network} is open, and its homes are in {}", args.out.display());
    Ok(())
}

/// Registers a home's validator with stake, unless its operator has registered before.
async fn register(
    rpc: &str,
    deployment: &Deployment,
    home: &Home,
    key: &PrivateKeySigner,
    address: Ipv4Addr,
) -> eyre::Result<()> {
    for (kind, path) in keys::files_of(home) {
        if !path.exists() {
            keys::generate(kind, &path)?;
        }
    }
    let provider = connect_with_key(rpc, key.clone())?;
    let operator = key.address();
    if L1State::newest(&provider, &deployment.contracts).account(operator).await?.is_some() {
        return Ok(());
    }
    staking::register(deployment, (&provider, operator), home, &format!("/ip4/{address}/tcp/26656")).await
}

/// The genesis that is there, or a new one of the validators that have registered.
async fn genesis(args: &PrepareArgs, deployment: &Deployment, path: &Path) -> eyre::Result<Genesis> {
    if path.exists() {
        return Ok(genesis_file::read(path)?);
    }
    // Advanced until the light client knows the set, too.
    let provider = connect(&args.rpc)?;
    let (epoch, validators) = staking::first_set(&provider, deployment, EpochClock::first_block).await?;
    let rollup = |id| RollupSpec::new(RollupId::new(id), GroupId::ZERO);
    let genesis = Genesis {
        name: "fairlane-testnet".to_owned(),
        time: Timestamp::from_nanos(crate::clock::unix_nanos()),
        params: ProtocolParams::default(),
        validators,
        rollups: (1..=u64::from(args.rollups)).map(rollup).collect(),
        l1_chain_id: deployment.chain_id,
        stake_manager: deployment.contracts.stake_manager.into_array(),
        l1_epoch: epoch.0,
    };
    genesis.check()?;
    genesis_file::write(path, &genesis)?;
    Ok(genesis)
}

/// Writes genesis, configuration and the reporter's key into a home that lacks them.
fn furnish(
    args: &PrepareArgs,
    index: usize,
    home: &Home,
    operator: &PrivateKeySigner,
    genesis: &Genesis,
) -> eyre::Result<()> {
    if home.config().exists() {
        return Ok(());
    }
    genesis_file::write(&home.genesis(), genesis)?;
    std::fs::copy(args.out.join("shared").join(DEPLOYMENT), home.path().join(DEPLOYMENT))
        .wrap_err("copying the deployment's record")?;
    write_key(operator, &home.path().join(REPORTER_KEY))?;
    let config = config::template(&node_config(args, index)?);
    std::fs::write(home.config(), config).wrap_err_with(|| format!("writing {}", home.config().display()))
}

fn node_config(args: &PrepareArgs, index: usize) -> eyre::Result<Config> {
    let at = |address: &Ipv4Addr, port: u16| format!("/ip4/{address}/tcp/{port}").parse();
    let others = |port: u16| {
        let others = args.validators.iter().enumerate().filter(move |(other, _)| *other != index);
        others.map(|(_, address)| at(address, port)).collect::<Result<Vec<_>, _>>()
    };
    let mut config = Config::default();
    config.node.moniker = format!("validator{index}");
    config.consensus.listen = at(&Ipv4Addr::UNSPECIFIED, 26656)?;
    config.consensus.peers = others(26656)?;
    config.segments.listen = at(&Ipv4Addr::UNSPECIFIED, 26657)?;
    config.segments.peers = others(26657)?;
    config.rpc.listen = (Ipv4Addr::UNSPECIFIED, 26660).into();
    config.metrics.listen = (Ipv4Addr::UNSPECIFIED, 26662).into();
    config.metrics.explorer = Explorer::On;
    config.l1 = L1Config {
        rpc_urls: vec![args.rpc.clone()],
        reporter_key: REPORTER_KEY.into(),
        confirmations: 1,
        poll_interval: Duration::from_secs(1),
        ..L1Config::default()
    };
    Ok(config)
}
