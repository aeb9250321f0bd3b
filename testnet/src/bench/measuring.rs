//! One measurement: a network and its load from the start to the last delivery.

use super::{BenchArgs, Measurement, Report};
use crate::attack::Attack;
use crate::clock::unix_nanos;
use crate::network::{Hosts, NetworkSpec};
use crate::proc;
use crate::session::{CpuSample, Session, SessionSpec, round2};
use eyre::OptionExt;
use fairlane_types::GroupId;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// What is not counted at the beginning.
const WARM_UP: Duration = Duration::from_secs(3);
/// How long deliveries may take after the last transaction was sent.
const DRAIN_LIMIT: Duration = Duration::from_secs(30);
/// How long a restarted validator may take to catch up.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(120);
/// A validator has caught up when it is at most this many blocks behind the others.
const CAUGHT_UP_BLOCKS: u64 = 5;

/// A moment of the measurement.
struct Mark {
    cpu: CpuSample,
    at: Instant,
    height: u64,
    gossip_bytes: f64,
    completed: u64,
}

impl Mark {
    async fn take(session: &mut Session) -> Self {
        let (mut height, mut gossip_bytes) = (0, 0.0);
        for node in &mut session.network.nodes {
            height = height.max(node.status().await.map_or(0, |status| status.height));
            gossip_bytes += node.metric("fairlane_network_sent_bytes_total", "").await.unwrap_or(0.0);
        }
        let completed = session.watch.completed();
        Self { cpu: session.cpu(), at: Instant::now(), height, gossip_bytes, completed }
    }
}

/// Starts a network, measures it, and stops it.
pub(crate) async fn measure(args: &BenchArgs) -> eyre::Result<Measurement> {
    let plan = &args.plan;
    let spec = SessionSpec {
        network: NetworkSpec {
            validators: plan.validators.into(),
            groups: (0..u32::from(plan.groups)).flat_map(|group| [GroupId::new(group); 2]).collect(),
            segment_interval: plan.segment_interval,
            log_filter: plan.log.clone(),
            hosts: Hosts::Loopback,
        },
        keep: args.home.clone(),
        l1: false,
        idle: 0,
        rate: args.rate.into(),
        size: plan.size as usize,
        evm: false,
        load_for: Some(WARM_UP + args.measure_for),
    };
    let mut session = Session::start(spec).await?;
    let outcome = tokio::select! {
        outcome = observe(&mut session, args) => outcome,
        _ = tokio::signal::ctrl_c() => Err(eyre::eyre!("stopped by Ctrl-C before the measurement was complete")),
    };
    session.stop().await;
    outcome
}

async fn observe(session: &mut Session, args: &BenchArgs) -> eyre::Result<Measurement> {
    let shared = session.load.shared.clone();
    session.watch.measure_from(shared.due_at(WARM_UP), unix_nanos() + WARM_UP.as_nanos() as u64);
    let attack = args.attack.then(|| begin_attack(session)).transpose()?;
    wait(session, args, "warming up", WARM_UP).await?;
    let begin = Mark::take(session).await;
    let catch_up_s = measured_time(session, args).await?;
    let end = Mark::take(session).await;
    let attack = attack.map(|attack| attack.report());
    let rss_mb = session.network.nodes.iter().filter_map(|node| node.pid()).map(proc::resident_bytes);
    let rss_mb = rss_mb.map(|bytes| bytes / 1_000_000).collect();
    session.load.finished().await;
    let (from, to) = (shared.due_at(WARM_UP), shared.due_at(WARM_UP + args.measure_for));
    drain(session, args, from, to).await?;
    let totals = session.ledger.totals(from, to);
    let seconds = end.at.duration_since(begin.at).as_secs_f64();
    let completed = end.completed.saturating_sub(begin.completed);
    let report = Report {
        validators: args.plan.validators,
        groups: args.plan.groups,
        rate: args.rate,
        size: args.plan.size,
        seconds: round2(seconds),
        ordering: fairlane_chain::ORDERING,
        offered: to - from,
        accepted: totals.accepted,
        finalized: totals.finalized,
        lost: totals.lost,
        duplicated: session.ledger.duplicates(),
        refused: shared.counts.refused.load(Relaxed),
        tps: round2(completed as f64 / seconds),
        latency_ms: session.watch.latency(),
        blocks_per_s: round2(end.height.saturating_sub(begin.height) as f64 / seconds),
        cpu_cores: end.cpu.since(&begin.cpu),
        rss_mb,
        gossip_bytes_per_tx: round2((end.gossip_bytes - begin.gossip_bytes) / completed.max(1) as f64),
        catch_up_s,
        attack,
    };
    // What comes after the measured time is no whole second of it.
    let mut seconds = session.watch.seconds();
    seconds.truncate(usize::try_from(args.measure_for.as_secs())?.max(1));
    Ok(Measurement { report, microseconds: session.watch.histogram(), seconds })
}

fn begin_attack(session: &Session) -> eyre::Result<Attack> {
    let nodes = session.network.nodes.iter();
    let addresses: Vec<_> = nodes.map(|node| (node.clients_address(), node.peers_addresses())).collect();
    Attack::begin(&addresses)
}

/// The measured time itself, with the failure that was asked for. Returns how long catching up took.
async fn measured_time(session: &mut Session, args: &BenchArgs) -> eyre::Result<Option<f64>> {
    let Some(kill_after) = args.kill_after else {
        wait(session, args, "measuring", args.measure_for).await?;
        return Ok(None);
    };
    let begun = Instant::now();
    wait(session, args, "measuring", kill_after).await?;
    let victim = session.network.nodes.len() - 1;
    eyre::ensure!(victim > 0, "a network of one validator cannot do without it");
    session.network.nodes[victim].kill().await;
    let catch_up = match args.restart_after {
        None => None,
        Some(away) => {
            wait(session, args, "measuring, one validator down", away).await?;
            Some(restart(session, victim).await?)
        }
    };
    wait(session, args, "measuring", args.measure_for.saturating_sub(begun.elapsed())).await?;
    Ok(catch_up)
}

/// Starts a validator again and waits until it follows the others. Returns the seconds that this took.
async fn restart(session: &mut Session, victim: usize) -> eyre::Result<f64> {
    let restarted = Instant::now();
    session.network.nodes[victim].start()?;
    loop {
        session.network.nodes[victim].check_alive()?;
        let tip = session.network.nodes[0].status().await?.height;
        let own = session.network.nodes[victim].status().await.map_or(0, |status| status.height);
        if own + CAUGHT_UP_BLOCKS >= tip {
            return Ok(round2(restarted.elapsed().as_secs_f64()));
        }
        eyre::ensure!(
            restarted.elapsed() < CATCH_UP_LIMIT,
            "the validator stands at {own}, the others at {tip}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Lets time pass, shows progress, and fails early when the network does.
async fn wait(session: &mut Session, args: &BenchArgs, what: &str, time: Duration) -> eyre::Result<()> {
    let deadline = Instant::now() + time;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        if !args.json {
            eprintln!("{what}: {:.0} s left, {} verified", left.as_secs_f64(), session.watch.completed());
        }
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
        session.watch.check()?;
    }
}

/// Waits until all that was accepted is delivered, as long as deliveries go on.
async fn drain(session: &mut Session, args: &BenchArgs, from: u64, to: u64) -> eyre::Result<()> {
    let deadline = Instant::now().checked_add(DRAIN_LIMIT).ok_or_eyre("the clock is at its end")?;
    while session.ledger.totals(from, to).lost > 0 && Instant::now() < deadline {
        wait(session, args, "draining", Duration::from_millis(200)).await?;
    }
    Ok(())
}
