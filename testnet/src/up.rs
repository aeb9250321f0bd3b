//! `up`: a local network to look at. Starts it, loads it, watches it, and shows what happens.

use crate::evm::live::{self, Live};
use crate::l1::L1Chain;
use crate::network::{Hosts, NetworkSpec, NodeStatus};
use crate::session::{Session, SessionSpec};
use crate::table::{Table, columns};
use eyre::WrapErr;
use fairlane_types::GroupId;
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
    /// Give the network an Ethereum of its own (anvil), on which each validator has stake; at most 9 validators.
    #[arg(long)]
    l1: bool,
    /// Add a rollup that runs the EVM in two real clients, fed apart from the others. Needs Node and npm; the program
    /// `fairlane-evm-client` is built on first use, or named by FAIRLANE_EVM_CLIENT.
    #[arg(long)]
    evm: bool,
    /// Keep the nodes' homes (configuration, keys, stores, logs) here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
}

impl UpArgs {
    fn session(&self) -> SessionSpec {
        SessionSpec {
            network: NetworkSpec {
                validators: self.validators.into(),
                groups: vec![GroupId::ZERO; usize::from(self.rollups) + usize::from(self.evm)],
                segment_interval: None,
                log_filter: "info".into(),
                hosts: Hosts::Loopback,
            },
            keep: self.home.clone(),
            l1: self.l1,
            idle: usize::from(self.evm),
            rate: self.rate.into(),
            size: self.size as usize,
            evm: true,
            load_for: self.run_for,
        }
    }
}

/// Runs until the time is over or Ctrl-C; fails when anything was lost, repeated or not verifiable.
pub async fn run(args: UpArgs) -> eyre::Result<()> {
    eyre::ensure!(
        !args.l1 || usize::from(args.validators) <= L1Chain::max_validators(),
        "--l1 takes at most {} validators",
        L1Chain::max_validators()
    );
    println!(
        "Starting {} validators for {} rollups, {} transactions a second ...",
        args.validators, args.rollups, args.rate
    );
    let started = Instant::now();
    let mut session = Session::start(args.session()).await?;
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
    let mut evm = match args.evm {
        true => Some(live::start(&session.network, u64::from(args.rollups) + 1).await?),
        false => None,
    };
    let outcome = tokio::select! {
        outcome = show(&mut session, evm.as_mut(), args.run_for) => outcome,
        signal = tokio::signal::ctrl_c() => signal.wrap_err("waiting for Ctrl-C"),
    };
    session.load.shared.stop();
    let outcome = match outcome {
        Ok(()) => conclude(&mut session).await,
        failed => failed,
    };
    let outcome = match (outcome, &mut evm) {
        (Ok(()), Some(evm)) => evm.conclude(&mut session.network).await,
        (outcome, _) => outcome,
    };
    println!("Stopping ...");
    session.stop().await;
    outcome
}

async fn show(
    session: &mut Session,
    mut evm: Option<&mut Live>,
    run_for: Option<Duration>,
) -> eyre::Result<()> {
    let begun = Instant::now();
    let mut table = Table::on_stdout();
    let mut before = Frame::take(session).await?;
    while run_for.is_none_or(|limit| begun.elapsed() < limit) {
        tokio::time::sleep(FRAME).await;
        for node in &mut session.network.nodes {
            node.check_alive()?;
        }
        session.watch.check()?;
        let frame = Frame::take(session).await?;
        let mut lines = frame.lines(session, &before, begun);
        if let Some(evm) = &mut evm {
            lines.push(String::new());
            lines.extend(columns(&evm.rows().await?));
        }
        table.draw(&frame.summary(&before, begun), &lines)?;
        before = frame;
    }
    Ok(())
}

/// Waits for what was accepted to be delivered, and says how it came out.
async fn conclude(session: &mut Session) -> eyre::Result<()> {
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
    Ok(())
}

/// What one frame of the table shows.
struct Frame {
    at: Instant,
    statuses: Vec<Option<NodeStatus>>,
    finalized: u64,
}

impl Frame {
    async fn take(session: &mut Session) -> eyre::Result<Self> {
        let mut statuses = Vec::new();
        for node in &mut session.network.nodes {
            statuses.push(node.status().await.ok());
        }
        Ok(Self { at: Instant::now(), statuses, finalized: session.watch.completed() })
    }

    fn height(&self) -> u64 {
        self.statuses.iter().flatten().map(|status| status.height).max().unwrap_or(0)
    }

    fn rates(&self, before: &Self) -> (f64, f64) {
        let seconds = self.at.duration_since(before.at).as_secs_f64().max(f64::EPSILON);
        let blocks = self.height().saturating_sub(before.height()) as f64 / seconds;
        (blocks, self.finalized.saturating_sub(before.finalized) as f64 / seconds)
    }

    fn summary(&self, before: &Self, begun: Instant) -> String {
        let (blocks, transactions) = self.rates(before);
        format!(
            "{:4.0} s  height {}  {blocks:.1} blocks/s  {transactions:.0} tx/s  {} verified",
            begun.elapsed().as_secs_f64(),
            self.height(),
            self.finalized
        )
    }

    fn lines(&self, session: &Session, before: &Self, begun: Instant) -> Vec<String> {
        let mut lines = vec![self.summary(before, begun), String::new()];
        let mut rollups = vec![header(&["rollup", "batches", "transactions", "p50 ms", "p99 ms", "max ms"])];
        for rollup in session.watch.rollups() {
            let latency = rollup.latency();
            rollups.push(vec![
                format!("{} ({})", rollup.id, rollup.kind),
                rollup.batches().to_string(),
                rollup.items().to_string(),
                format!("{:.1}", latency.p50),
                format!("{:.1}", latency.p99),
                format!("{:.1}", latency.max),
            ]);
        }
        lines.extend(columns(&rollups));
        lines.push(String::new());
        let mut nodes = vec![header(&["validator", "height", "lane", "lag", "peers", "memory MB"])];
        for (node, status) in session.network.nodes.iter().zip(&self.statuses) {
            nodes.push(node_row(node.pid(), status.as_ref()));
        }
        lines.extend(columns(&nodes));
        lines
    }
}

fn header(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn node_row(pid: Option<u32>, status: Option<&NodeStatus>) -> Vec<String> {
    let Some(status) = status else { return header(&["(no answer)", "", "", "", "", ""]) };
    let name: String = status.validator.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let own = status.lanes.iter().find(|lane| lane.validator == status.validator);
    let (head, lag) =
        own.map_or((0, 0), |lane| (lane.head_seq, lane.head_seq.saturating_sub(lane.decided_seq)));
    let memory = pid.map_or(0, crate::proc::resident_bytes) / 1_000_000;
    vec![
        name,
        status.height.to_string(),
        head.to_string(),
        lag.to_string(),
        format!("{}+{}", status.consensus_peers, status.segment_peers),
        memory.to_string(),
    ]
}
