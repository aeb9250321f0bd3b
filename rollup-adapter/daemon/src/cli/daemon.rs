//! `fairlane-adapter run`.

use super::{ADAPTER_KEY, WEI_PER_GWEI};
use crate::config::{ClientConfig, Config, EthereumConfig, EvmConfig};
use crate::ethereum::Ethereum;
use crate::evm::{Checkpoints, EvmDriver};
use crate::finality::Nodes;
use crate::inbox::Inbox;
use crate::run::{Evm, Kind, Parts, Proven, run};
use crate::zk::ZkDriver;
use clap::Args;
use eyre::{WrapErr as _, ensure, eyre};
use fairlane_evm_rollup::engine::{Client, Secret};
use fairlane_evm_rollup::{Chain, Ledger, Rules};
use fairlane_l1::checkpoint::Sender;
use fairlane_l1::settlement::SettlementRecord;
use fairlane_l1::{B256, Deployment, Endpoints};
use fairlane_prover::zk::{ZkCheck, proof_key};
use fairlane_prover::{Desk, cli::read_token};
use fairlane_rollup_adapter::genesis_file;
use fairlane_types::{Genesis, NetworkId, RollupId};
use fairlane_zk_rollup::{Context, Shape};
use redb::Database;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Args)]
pub(super) struct RunCommand {
    /// The configuration.
    #[arg(long, default_value = "adapter.toml")]
    config: PathBuf,
    /// Do everything but send transactions, or blocks to clients: say what would be settled, and what it would cost, or how
    /// many transactions the next block would have.
    #[arg(long)]
    dry_run: bool,
}

impl RunCommand {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let config = Config::load(&self.config)?;
        fairlane_log::start(&config.log)?;
        let (parts, kind) = open(config, self.dry_run).await?;
        let stop = CancellationToken::new();
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let stopping = stop.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            tracing::info!("the adapter stops");
            stopping.cancel();
        });
        run(parts, kind, stop).await
    }
}

async fn open(config: Config, dry_run: bool) -> eyre::Result<(Parts, Kind)> {
    let genesis = genesis_file::read(&config.sequencer.genesis)?;
    let rollup = RollupId::new(config.sequencer.rollup);
    let database = Arc::new(database(&config.data)?);
    let kind = match &config.evm {
        Some(evm) => Kind::Evm(Box::new(open_evm(&config, evm, &genesis, rollup, &database)?)),
        None => Kind::Proven(Box::new(open_proven(&config, &genesis, rollup, &database).await?)),
    };
    let of_ethereum = config.ethereum.as_ref().map(|ethereum| ethereum.poll);
    let poll = config.evm.as_ref().map(|evm| evm.poll).or(of_ethereum);
    let parts = Parts {
        rollup,
        endpoints: config.sequencer.endpoints,
        inbox: Inbox::open(database.clone())?,
        inbox_batches: config.sequencer.inbox_batches,
        http: listen("http.listen", config.http.listen).await?,
        poll: poll.ok_or_else(|| eyre!("the configuration is of no kind of rollup"))?,
        dry_run,
        genesis,
        database,
    };
    Ok((parts, kind))
}

async fn open_proven(
    config: &Config,
    genesis: &Genesis,
    rollup: RollupId,
    database: &Arc<Database>,
) -> eyre::Result<Proven> {
    let settings = config.ethereum.as_ref().ok_or_else(|| eyre!("a proven rollup needs `ethereum`"))?;
    let ethereum = ethereum(settings, genesis.network())?;
    let context = Context { network: genesis.network(), rollup };
    check_record(&ethereum.record, genesis, &context)?;
    let words = ethereum.record.params.key.map(|word| word.0);
    let check = ZkCheck::new(&words).ok_or_else(|| eyre!("the verification key in the record is none"))?;
    let prover = config.prover();
    let deposits = usize::try_from(ethereum.record.params.deposits_per_proof)?;
    let shape = Shape { slots: prover.slots.into(), deposits };
    Ok(Proven {
        ethereum,
        desk: Desk::open(database.clone(), prover.limits())?,
        driver: ZkDriver::open(database.clone(), context, shape, proof_key(&words))?,
        check: Arc::new(check),
        access: prover.access_token_file.as_deref().map(read_token).transpose()?,
        provers: listen("prover.listen", prover.listen).await?,
    })
}

/// Nothing is asked of the clients or of Ethereum yet: they may be away.
fn open_evm(
    config: &Config,
    evm: &EvmConfig,
    genesis: &Genesis,
    rollup: RollupId,
    database: &Arc<Database>,
) -> eyre::Result<Evm> {
    let rules = Rules::load(&evm.rules)?;
    let ledger = Ledger::open(database.clone(), genesis.network(), rollup, &rules)?;
    let builder = execution_client(&evm.builder)?;
    let followers = evm.followers.iter().map(execution_client).collect::<eyre::Result<Vec<_>>>()?;
    let checkpoints = match &config.ethereum {
        None => None,
        Some(ethereum) => Some(Checkpoints::new(
            Endpoints::new(&ethereum.rpc_urls, None).wrap_err("ethereum.rpc_urls")?,
            (Deployment::load(&ethereum.deployment)?, genesis.network()),
            Nodes::new(&config.sequencer.endpoints)?,
            ethereum.confirmations,
            ethereum.poll,
        )),
    };
    let driver = EvmDriver::new(Chain::new(rules, ledger, builder, followers));
    Ok(Evm { driver, checkpoints })
}

fn execution_client(config: &ClientConfig) -> eyre::Result<Client> {
    let secret = Secret::read(&config.jwt_file)?;
    Ok(Client::new(&config.name, &config.engine_url, &config.http_url, secret)?)
}

/// Nothing is asked of Ethereum yet: it may be away.
fn ethereum(config: &EthereumConfig, network: NetworkId) -> eyre::Result<Ethereum> {
    let key = ADAPTER_KEY.read(config.key_file.as_deref())?;
    let record = config.settlement.as_deref().ok_or_else(|| eyre!("`ethereum.settlement` is missing"))?;
    let record = SettlementRecord::load(record)?;
    let endpoints = Endpoints::new(&config.rpc_urls, Some(&key)).wrap_err("ethereum.rpc_urls")?;
    let (provider, account) = endpoints
        .writer()
        .map(|(provider, account)| (provider.clone(), account))
        .ok_or_else(|| eyre!("the endpoints of Ethereum have no key to send with"))?;
    Ok(Ethereum {
        endpoints: Arc::new(endpoints),
        provider,
        network,
        deployment: Deployment::load(&config.deployment)?,
        sender: Sender { account, max_fee: u128::from(config.max_fee_gwei()) * WEI_PER_GWEI },
        confirmations: config.confirmations,
        verification_key: B256::new(*proof_key(&record.params.key.map(|word| word.0)).vk.as_bytes()),
        owner: config.owner,
        record,
    })
}

fn check_record(record: &SettlementRecord, genesis: &Genesis, context: &Context) -> eyre::Result<()> {
    let params = &record.params;
    ensure!(
        params.network == B256::new(*context.network.as_bytes()),
        "the settlement contract is for another network than the genesis makes ({})",
        genesis.network()
    );
    ensure!(
        params.rollup == context.rollup.get(),
        "the settlement contract is rollup {}'s, the configuration names rollup {}",
        params.rollup,
        context.rollup
    );
    Ok(())
}

fn database(folder: &Path) -> eyre::Result<Database> {
    std::fs::create_dir_all(folder).wrap_err_with(|| format!("creating {}", folder.display()))?;
    let path = folder.join("adapter.redb");
    Database::create(&path)
        .wrap_err_with(|| format!("opening {}; one adapter at a time uses a data folder", path.display()))
}

async fn listen(field: &'static str, address: SocketAddr) -> eyre::Result<TcpListener> {
    TcpListener::bind(address).await.wrap_err_with(|| format!("listening at {address} ({field})"))
}
