//! `up`: a local network to look at. Starts it, loads it, watches it, and shows what happens.

mod beside;
mod frame;

use crate::l1::L1Chain;
use crate::network::{Hosts, NetworkSpec};
use crate::session::{Session, SessionSpec};
use crate::table::Table;
use crate::zk;
use beside::{Beside, Tools};
use eyre::{WrapErr as _, bail};
use fairlane_types::GroupId;
use frame::Frame;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How often the table is redrawn.
const FRAME: Duration = Duration::from_secs(1);
/// How long deliveries may take after the last transaction was sent.
const DRAIN_LIMIT: Duration = Duration::from_secs(15);

/// Starts validators, orders the transactions of several rollups, and verifies every batch.
#[derive(Debug, clap::Args)]
pub struct UpArgs {
    /// How many validators.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    validators: u16,
    /// How many rollups, all in one ordering group. The first one's transactions are signed EIP-1559 transactions.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=256))]
    rollups: u16,
    /// Transactions a second, over all rollups. One in twenty is an atomic bundle of two legs.
    #[arg(long, default_value_t = 500)]
    rate: u32,
    /// Bytes of an opaque payload, and of an EVM transaction's calldata.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(24..=65536))]
    size: u32,
    /// Stop after this time, as in 30s; without it, on Ctrl-C.
    #[arg(long = "for", value_parser = humantime::parse_duration)]
    run_for: Option<Duration>,
    /// Give the network an Ethereum of its own (anvil), on which each validator has stake; at most 9 validators, 8 with
    /// --evm, 5 with --zk.
    #[arg(long)]
    l1: bool,
    /// Add a rollup that runs the EVM in two real clients, fed apart from the others. Needs Node and npm; the program
    /// `fairlane-evm-client` is built on first use, or named by FAIRLANE_EVM_CLIENT.
    #[arg(long)]
    evm: bool,
    /// Add a rollup that is proven, and settled on the network's Ethereum, fed apart from the others. Its keys are a
    /// single-party set-up: for tests and demonstrations only.
    #[arg(long, requires = "l1")]
    zk: bool,
    /// Slots of the proven rollup's circuit: how many transfers a proof has room for.
    #[arg(long, requires = "zk", default_value_t = 4, value_parser = clap::value_parser!(u8).range(4..=16))]
    slots: u8,
    /// Keep the proven rollup's proving keys here, instead of making them anew.
    #[arg(long, requires = "zk", value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Keep the nodes' homes (configuration, keys, stores, logs) here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
}

impl UpArgs {
    /// Rollups that the load leaves alone.
    fn fed_apart(&self) -> usize {
        usize::from(self.evm) + usize::from(self.zk)
    }

    fn session(&self) -> SessionSpec {
        SessionSpec {
            network: NetworkSpec {
                validators: self.validators.into(),
                groups: vec![GroupId::ZERO; usize::from(self.rollups) + self.fed_apart()],
                segment_interval: None,
                log_filter: "info".into(),
                hosts: Hosts::Loopback,
            },
            keep: self.home.clone(),
            l1: self.l1,
            idle: self.fed_apart(),
            rate: self.rate.into(),
            size: self.size as usize,
            evm: true,
            load_for: self.run_for,
        }
    }

    /// On the development node, relayer and proven rollup have accounts that no validator may have.
    fn check(&self) -> eyre::Result<()> {
        let others = match (self.zk, self.evm) {
            (true, _) => zk::stage::ACCOUNTS,
            (false, true) => 1,
            (false, false) => 0,
        };
        let most = L1Chain::max_validators() - others;
        eyre::ensure!(
            !self.l1 || usize::from(self.validators) <= most,
            "with these options at most {most} validators have accounts on Ethereum: lower --validators"
        );
        Ok(())
    }
}

/// Runs until the time is over or Ctrl-C; fails when anything was lost, repeated, not verifiable or not settled.
pub async fn run(args: UpArgs) -> eyre::Result<()> {
    args.check()?;
    let tools = Tools::find(&args).await?;
    Box::pin(run_with(args, tools)).await
}

async fn run_with(args: UpArgs, tools: Tools) -> eyre::Result<()> {
    println!(
        "Starting {} validators for {} rollups, {} transactions a second ...",
        args.validators,
        usize::from(args.rollups) + args.fed_apart(),
        args.rate
    );
    let spec = args.session();
    let network = spec.create_network().await?;
    let prepared = tools.prepare(&network, args.rollups.into()).await?;
    let started = Instant::now();
    let mut session = Session::start_on(network, spec).await?;
    println!(
        "First block after {:.1} s. Homes and logs: {}",
        started.elapsed().as_secs_f64(),
        session.network.home().display()
    );
    if let Some(chain) = &session.network.l1 {
        let stake_manager = chain.deployment.contracts.stake_manager;
        println!("Ethereum: {}, StakeManager {stake_manager}", chain.url());
    }
    println!("gRPC: {}\n", session.network.endpoints().join("  "));
    let outcome = match prepared.start(&session.network).await {
        Ok(mut beside) => look(&mut session, &mut beside, args.run_for).await,
        Err(error) => Err(error),
    };
    println!("Stopping ...");
    session.stop().await;
    outcome
}

/// Shows what happens, and how it comes out.
async fn look(session: &mut Session, beside: &mut Beside, run_for: Option<Duration>) -> eyre::Result<()> {
    let begun = Instant::now();
    let first = Frame::take(session).await?;
    tokio::select! {
        outcome = show(session, beside, begun, run_for) => outcome?,
        signal = tokio::signal::ctrl_c() => signal.wrap_err("waiting for Ctrl-C")?,
    }
    session.load.shared.stop();
    tokio::select! {
        outcome = conclude(session, beside) => outcome?,
        signal = tokio::signal::ctrl_c() => {
            signal.wrap_err("waiting for Ctrl-C")?;
            bail!("stopped before everything that was sent had come through");
        }
    }
    let last = Frame::take(session).await?;
    let lines = last.lines(session, beside, &first, begun).await?;
    println!("\nAt the end, with rates over the whole run:\n{}\n", lines.join("\n"));
    beside.stop().await
}

async fn show(
    session: &mut Session,
    beside: &mut Beside,
    begun: Instant,
    run_for: Option<Duration>,
) -> eyre::Result<()> {
    let mut table = Table::on_stdout();
    let mut before = Frame::take(session).await?;
    while run_for.is_none_or(|limit| begun.elapsed() < limit) {
        tokio::time::sleep(FRAME).await;
        for node in &mut session.network.nodes {
            node.check_alive()?;
        }
        session.watch.check()?;
        let frame = Frame::take(session).await?;
        let lines = frame.lines(session, beside, &before, begun).await?;
        table.draw(&frame.summary(&before, begun), &lines)?;
        before = frame;
    }
    Ok(())
}

/// Waits for what was accepted to be delivered, and settled where it is, and says how it came out.
async fn conclude(session: &mut Session, beside: &mut Beside) -> eyre::Result<()> {
    let offered = session.load.shared.counts.offered.load(Relaxed);
    let deadline = Instant::now() + DRAIN_LIMIT;
    let mut totals = session.ledger.totals(0, offered);
    while totals.lost > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(100)).await;
        totals = session.ledger.totals(0, offered);
    }
    session.watch.check()?;
    let counts = &session.load.shared.counts;
    let (duplicated, refused) = (session.ledger.duplicates(), counts.refused.load(Relaxed));
    let bad_receipts = counts.bad_receipts.load(Relaxed);
    println!(
        "\n{offered} offered, {} accepted, {refused} refused, {} verified at their rollups, {} lost, {duplicated} duplicated",
        totals.accepted, totals.finalized, totals.lost
    );
    eyre::ensure!(totals.lost == 0 && duplicated == 0, "transactions were lost or duplicated");
    eyre::ensure!(bad_receipts == 0, "{bad_receipts} receipts did not verify");
    eyre::ensure!(totals.finalized > 0, "nothing was ordered");
    beside.conclude(&mut session.network).await
}
