//! `bench`: measures a whole local network and prints one JSON object.
//!
//! The load is open loop: a transaction that is sent late counts from when it was due. Latency is from there to
//! *verified delivery* at the rollup's subscriber. Nothing in the first seconds is counted.

pub(crate) mod charts;
mod measuring;
pub(crate) mod report;

use crate::attack::AttackReport;
use crate::session::CpuCores;
use crate::timeline::Slice;
use crate::watch::LatencyMs;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use measuring::measure;

/// What kind of network is measured, with what load.
#[derive(Clone, Debug, clap::Args)]
pub struct Plan {
    /// How many validators.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    validators: u16,
    /// Bytes of a payload.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(24..=65536))]
    size: u32,
    /// Ordering groups, with two rollups each.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=128))]
    groups: u16,
    /// How often a validator closes a segment, instead of as often as nodes usually do.
    #[arg(long, value_parser = humantime::parse_duration)]
    segment_interval: Option<Duration>,
    /// What the nodes log, as in `RUST_LOG`; into `node.log` in their homes.
    #[arg(long, default_value = "warn")]
    log: String,
}

/// Loads a local network at a fixed rate and measures it.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    #[command(flatten)]
    plan: Plan,
    /// Transactions a second.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: u32,
    /// How long to measure, after the warm-up.
    #[arg(long = "for", default_value = "20s", value_parser = humantime::parse_duration)]
    measure_for: Duration,
    /// Kill the last validator this long after the warm-up.
    #[arg(long, value_parser = humantime::parse_duration)]
    kill_after: Option<Duration>,
    /// Start it again this long after it was killed, and measure how long it takes to catch up.
    #[arg(long, value_parser = humantime::parse_duration, requires = "kill_after")]
    restart_after: Option<Duration>,
    /// Let strangers attack all nodes with garbage, silent connections and broken requests while it measures.
    #[arg(long)]
    attack: bool,
    /// Keep the nodes' homes here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
    /// Write a page with charts (`report.html`) and the measurement into this directory.
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Print only the JSON object, without progress.
    #[arg(long)]
    json: bool,
}

impl BenchArgs {
    /// A quiet measurement without failures.
    pub(crate) fn new(plan: Plan, rate: u32, measure_for: Duration) -> Self {
        Self {
            plan,
            rate,
            measure_for,
            kill_after: None,
            restart_after: None,
            attack: false,
            home: None,
            report: None,
            json: true,
        }
    }
}

/// What was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) validators: u16,
    pub(crate) groups: u16,
    pub(crate) rate: u32,
    pub(crate) size: u32,
    pub(crate) seconds: f64,
    pub(crate) ordering: &'static str,
    pub(crate) offered: u64,
    pub(crate) accepted: u64,
    pub(crate) finalized: u64,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) refused: u64,
    pub(crate) tps: f64,
    pub(crate) latency_ms: LatencyMs,
    pub(crate) blocks_per_s: f64,
    pub(crate) cpu_cores: CpuCores,
    pub(crate) rss_mb: Vec<u64>,
    pub(crate) gossip_bytes_per_tx: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) catch_up_s: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) attack: Option<AttackReport>,
}

/// A measurement, and what its charts are made of.
pub(crate) struct Measurement {
    pub(crate) report: Report,
    /// All latencies.
    pub(crate) microseconds: Histogram<u64>,
    /// What was delivered in each second of the measured time.
    pub(crate) seconds: Vec<Slice>,
}

/// Runs the measurement and prints the report.
pub async fn run(args: BenchArgs) -> eyre::Result<()> {
    let measurement = measure(&args).await?;
    if let Some(dir) = &args.report {
        report::write(&measurement, dir)?;
    }
    println!("{}", serde_json::to_string_pretty(&measurement.report)?);
    Ok(())
}
