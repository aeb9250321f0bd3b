//! `fairlane-adapter run`.

use super::{ADAPTER_KEY, WEI_PER_GWEI};
use crate::config::Config;
use crate::ethereum::Ethereum;
use crate::inbox::Inbox;
use crate::run::{Parts, run};
use crate::zk::ZkDriver;
use clap::Args;
use eyre::{WrapErr as _, ensure, eyre};
use fairlane_l1::checkpoint::Sender;
use fairlane_l1::settlement::SettlementRecord;
use fairlane_l1::{B256, Deployment, Endpoints};
use fairlane_prover::zk::{ZkCheck, proof_key};
use fairlane_prover::{Desk, cli::read_token};
use fairlane_sequencer::{genesis_file, log};
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
    /// Do everything but send transactions: say what would be settled, and what it would cost.
    #[arg(long)]
    dry_run: bool,
}

impl RunCommand {
    pub(super) async fn run(self) -> eyre::Result<()> {
        let config = Config::load(&self.config)?;
        log::start(&config.log)?;
        let parts = open(config, self.dry_run).await?;
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
        // All parts in one future: too large for the stack of whoever waits.
        Box::pin(run(parts, stop)).await
    }
}

async fn open(config: Config, dry_run: bool) -> eyre::Result<Parts> {
    let genesis = genesis_file::read(&config.sequencer.genesis)?;
    let rollup = RollupId::new(config.sequencer.rollup);
    let ethereum = ethereum(&config, genesis.network())?;
    let context = Context { network: genesis.network(), rollup };
    check_record(&ethereum.record, &genesis, &context)?;
    let words = ethereum.record.params.key.map(|word| word.0);
    let check = ZkCheck::new(&words).ok_or_else(|| eyre!("the verification key in the record is none"))?;
    let access = config.prover.access_token_file.as_deref().map(read_token).transpose()?;
    let deposits = usize::try_from(ethereum.record.params.deposits_per_proof)?;
    let shape = Shape { slots: config.prover.slots.into(), deposits };
    let database = Arc::new(database(&config.data)?);
    let driver = ZkDriver::open(database.clone(), context, shape, proof_key(&words))?;
    Ok(Parts {
        rollup,
        endpoints: config.sequencer.endpoints,
        ethereum,
        inbox: Inbox::open(database.clone())?,
        inbox_batches: config.sequencer.inbox_batches,
        desk: Desk::open(database.clone(), config.prover.limits())?,
        driver,
        check: Arc::new(check),
        access,
        provers: listen("prover.listen", config.prover.listen).await?,
        http: listen("http.listen", config.http.listen).await?,
        poll: config.ethereum.poll,
        dry_run,
        genesis,
        database,
    })
}

/// Nothing is asked of Ethereum yet: it may be away.
fn ethereum(config: &Config, network: NetworkId) -> eyre::Result<Ethereum> {
    let key = ADAPTER_KEY.read(config.ethereum.key_file.as_deref())?;
    let endpoints = Endpoints::new(&config.ethereum.rpc_urls, Some(&key)).wrap_err("ethereum.rpc_urls")?;
    let (provider, account) = endpoints
        .writer()
        .map(|(provider, account)| (provider.clone(), account))
        .ok_or_else(|| eyre!("no key"))?;
    Ok(Ethereum {
        endpoints: Arc::new(endpoints),
        provider,
        network,
        deployment: Deployment::load(&config.ethereum.deployment)?,
        record: SettlementRecord::load(&config.ethereum.settlement)?,
        sender: Sender { account, max_fee: u128::from(config.ethereum.max_fee_gwei) * WEI_PER_GWEI },
        confirmations: config.ethereum.confirmations,
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
