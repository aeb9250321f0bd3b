//! `fairlane relayer`: brings checkpoints of the network to the light client on Ethereum.

use super::amount::Amount;
use super::ethereum::show;
use super::out;
use crate::config::LogConfig;
use crate::health;
use crate::metrics::RelayerMetrics;
use crate::relayer::{self, Ethereum, Pace, Relayer, Sources, Step};
use clap::Args;
use eyre::{WrapErr as _, bail};
use fairlane_l1::wallet::KeySource;
use fairlane_l1::{Deployment, Endpoints};
use humantime_serde::re::humantime::parse_duration;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Where the relayer's key is.
const RELAYER_KEY: KeySource =
    KeySource { whose: "relayer", option: "--key-file", variable: "FAIRLANE_RELAYER_KEY" };
/// Prices of gas are written in gwei, of which ether has so many decimal places more.
const GWEI_DECIMALS: u8 = 9;

#[derive(Debug, Args)]
pub(super) struct RelayerCommand {
    /// A node's gRPC address; may be given several times. Nodes are not trusted.
    #[arg(
        long = "endpoint",
        env = "FAIRLANE_ENDPOINT",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:26660"
    )]
    endpoints: Vec<String>,
    /// An Ethereum endpoint: http://… or https://…; may be given several times. One is used at a time; the others take over
    /// where it fails.
    #[arg(long = "rpc", env = "FAIRLANE_ETHEREUM", value_delimiter = ',', required = true)]
    rpc_urls: Vec<String>,
    /// The deployment's record, as fairlane-deploy wrote it.
    #[arg(long)]
    deployment: PathBuf,
    /// A file with the secret key (64 hexadecimal digits, or a keystore) of the account that pays, of mode 0600. Without it,
    /// the environment variable FAIRLANE_RELAYER_KEY. No other program should send from this account.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// How much time of the chain lies between two posted checkpoints at least.
    #[arg(long, value_parser = parse_duration, default_value = "10m")]
    interval: Duration,
    /// The most gwei that a unit of gas may cost. While it costs more, nothing is posted.
    #[arg(long, value_name = "GWEI", default_value = "100")]
    max_fee: Amount,
    /// How long a turn lasts: several relayers wait for theirs, so that one of them posts. 0s where there is only one.
    #[arg(long, value_parser = parse_duration, default_value = "15s")]
    turn: Duration,
    /// How often to look for new checkpoints.
    #[arg(long, value_parser = parse_duration, default_value = "12s")]
    poll: Duration,
    /// Where to serve metrics over HTTP.
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["once", "dry_run"])]
    metrics: Option<SocketAddr>,
    /// Post the newest checkpoint now, if it is new, and end.
    #[arg(long)]
    once: bool,
    /// Show what would be posted and what it would cost, as Ethereum is now, and send nothing.
    #[arg(long, conflicts_with = "once")]
    dry_run: bool,
}

impl RelayerCommand {
    pub(super) async fn run(self) -> eyre::Result<()> {
        fairlane_log::start(&LogConfig::default())?;
        let key = RELAYER_KEY.read(self.key_file.as_deref())?;
        let address = key.address();
        let deployment = Deployment::load(&self.deployment)?;
        let endpoints = Endpoints::new(&self.rpc_urls, Some(&key))?;
        let network = endpoints.network(&deployment).await?;
        let max_fee = self.max_fee.in_units(GWEI_DECIMALS).wrap_err("--max-fee")?;
        let metrics = RelayerMetrics::new();
        let mut relayer = Relayer::new(
            Sources::new(&self.endpoints)?,
            Ethereum { endpoints, deployment, network, max_fee },
            Pace { interval: self.interval, turn: self.turn, poll: self.poll },
            metrics.clone(),
        );
        if self.dry_run {
            let Some((height, rehearsal)) = relayer.rehearse().await? else { return told(&Step::UpToDate) };
            out!("would post the checkpoint at height {height}")?;
            return show(&rehearsal);
        }
        if self.once {
            return told(&relayer.step_now().await?);
        }
        tracing::info!(%network, account = %address, "relaying checkpoints");
        relay(relayer, self.metrics, metrics).await
    }
}

/// Relays until SIGINT or SIGTERM. What is under way then is found by the next relayer.
async fn relay(relayer: Relayer, address: Option<SocketAddr>, metrics: RelayerMetrics) -> eyre::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = CancellationToken::new();
    let pages = match address {
        Some(address) => Some(relayer::serve(health::bind(address).await?, metrics, stop.clone())),
        None => None,
    };
    let pages = async {
        match pages {
            Some(pages) => pages.await,
            None => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        ended = relayer.run(stop.clone()) => ended.map_err(Into::into),
        failed = pages => failed.map_err(Into::into),
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    };
    tracing::info!("the relayer stops");
    stop.cancel();
    outcome
}

fn told(step: &Step) -> eyre::Result<()> {
    match step {
        Step::Posted { height, gas_used } => {
            out!("posted the checkpoint at height {height}, {gas_used} gas")?
        }
        Step::Reported { height, gas_used } => {
            out!("reported that the checkpoint at height {height} is contradicted, {gas_used} gas")?;
        }
        Step::Overtaken(height) => out!("somebody else posted a checkpoint at height {height} first")?,
        Step::TooExpensive(wei) => {
            let price = Amount::from_units(*wei, GWEI_DECIMALS);
            bail!("a unit of gas costs {price} gwei now, and --max-fee allows less")
        }
        Step::UpToDate | Step::NotDue(_) | Step::NotOurTurn(_) => {
            out!("the light client has the newest checkpoint")?;
        }
    }
    Ok(())
}
