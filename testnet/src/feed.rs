//! `load`: transactions for a network that runs elsewhere, with every receipt checked.

use crate::load::ledger::Ledger;
use crate::load::payload::PayloadKind;
use crate::load::schedule::Schedule;
use crate::load::{Load, LoadPlan};
use fairlane_rollup_adapter::genesis_file;
use fairlane_types::{Genesis, RollupId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it says how far it is.
const REPORT: Duration = Duration::from_secs(10);
/// How long the last receipts may take.
const DRAIN: Duration = Duration::from_secs(5);

/// Sends transactions to the validators of a running network; says every 10 s how many.
#[derive(Debug, clap::Args)]
pub struct FeedArgs {
    /// The network's genesis file, which names its rollups.
    #[arg(long)]
    genesis: PathBuf,
    /// A rollup that gets transactions; may be given several times. Without it, all of them.
    #[arg(long = "rollup", value_name = "ID")]
    rollups: Vec<u64>,
    /// A validator's gRPC address; once for each.
    #[arg(long = "endpoint", required = true)]
    endpoints: Vec<String>,
    /// Transactions a second, over all rollups. One in twenty is an atomic bundle of two legs.
    #[arg(long, default_value_t = 100.0, value_parser = rate)]
    rate: f64,
    /// Bytes of an opaque payload, and of an EVM transaction's calldata. The first of the rollups gets EVM transactions.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(24..=65536))]
    size: u32,
    /// Stop after this time, as in 30s; without it, on Ctrl-C.
    #[arg(long = "for", value_parser = humantime::parse_duration)]
    run_for: Option<Duration>,
}

fn rate(text: &str) -> Result<f64, &'static str> {
    let rate: f64 = text.parse().map_err(|_| "it must be a number")?;
    (0.1..=100_000.0).contains(&rate).then_some(rate).ok_or("it must be 0.1 to 100000")
}

/// Sends until the time is over or a signal comes; fails when a receipt does not verify.
pub async fn run(args: FeedArgs) -> eyre::Result<()> {
    let genesis = genesis_file::read(&args.genesis)?;
    let rollups = rollups(&genesis, &args.rollups)?;
    let kind = |index: usize| if index == 0 { PayloadKind::evm() } else { PayloadKind::Opaque };
    let kinds: BTreeMap<RollupId, PayloadKind> =
        rollups.iter().enumerate().map(|(index, rollup)| (*rollup, kind(index))).collect();
    let plan = LoadPlan {
        network: genesis.network(),
        endpoints: args.endpoints,
        kinds,
        size: args.size as usize,
        expires_in: Duration::from_nanos(genesis.params.expiry_bound / 2),
        duration: args.run_for,
        drain: DRAIN,
    };
    let mut load = Load::start(plan, Arc::new(Ledger::new(Schedule { rate: args.rate, rollups })));
    let mut terminate = signal(SignalKind::terminate())?;
    let mut report = tokio::time::interval(REPORT);
    let shared = load.shared.clone();
    loop {
        tokio::select! {
            () = load.finished() => break,
            _ = report.tick() => say(&load),
            interrupted = tokio::signal::ctrl_c() => { interrupted?; shared.stop(); }
            _ = terminate.recv() => shared.stop(),
        }
    }
    say(&load);
    let bad = load.shared.counts.bad_receipts.load(Relaxed);
    eyre::ensure!(bad == 0, "{bad} receipts did not verify");
    Ok(())
}

/// Those that are asked for, or all of genesis.
fn rollups(genesis: &Genesis, wanted: &[u64]) -> eyre::Result<Vec<RollupId>> {
    let known: Vec<RollupId> = genesis.rollups.iter().map(|rollup| rollup.id).collect();
    if wanted.is_empty() {
        return Ok(known);
    }
    let wanted: BTreeSet<RollupId> = wanted.iter().map(|id| RollupId::new(*id)).collect();
    for id in &wanted {
        eyre::ensure!(known.contains(id), "--rollup {id}: genesis has no such rollup");
    }
    Ok(wanted.into_iter().collect())
}

fn say(load: &Load) {
    let counts = &load.shared.counts;
    let [offered, accepted, refused, reconnects] =
        [&counts.offered, &counts.accepted, &counts.refused, &counts.reconnects]
            .map(|count| count.load(Relaxed));
    println!(
        "{offered} offered, {accepted} accepted with verified receipts, {refused} refused, {reconnects} reconnects"
    );
}
