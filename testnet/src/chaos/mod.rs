//! `chaos`: a real network under load, whose validators are killed, frozen, cut off and robbed of their disks, never
//! more of them at a time than the network is made to bear. Then everything heals, and what was promised is checked.
//!
//! One seed gives one schedule of faults. How processes interleave is the machine's affair, so a seed that failed may
//! pass another time; its schedule stays the same.

mod field;
mod ground;
mod plan;
mod strike;
mod verdict;

use crate::network::{LocalNetwork, NetworkSpec};
use crate::session::{Session, SessionSpec};
use eyre::{WrapErr, ensure};
use fairlane_types::GroupId;
use field::{Field, Sightings};
use ground::{Ground, SlowableDisk};
use plan::{Arena, Track};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use strike::Outcome;
use verdict::Verdict;

/// A validator has caught up when it is at most this many blocks behind the others.
const CAUGHT_UP_BLOCKS: u64 = 5;
/// Room on a small disk besides what the load writes.
const SMALL_DISK_BYTES: u64 = 256 << 20;
/// How often a payload is on a disk at most: in its segment, in its batch, and in what the store has not freed yet.
const COPIES: u64 = 8;

/// Hurts a network under load, and checks what was promised.
#[derive(Debug, clap::Args)]
pub struct ChaosArgs {
    /// The seed of the schedule; by default one from the clock.
    #[arg(long)]
    seed: Option<u64>,
    /// For how long new faults begin.
    #[arg(long = "for", default_value = "60s", value_parser = humantime::parse_duration)]
    run_for: Duration,
    /// How many validators; up to a third of them (without one) are faulty at a time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(4..=32))]
    validators: u16,
    /// Transactions a second.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Bytes of a payload.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(24..=65536))]
    size: u32,
    /// Keep the nodes' homes here instead of in a temporary directory.
    #[arg(long)]
    home: Option<PathBuf>,
    /// What the nodes log, as in `RUST_LOG`; into `node.log` in their homes.
    #[arg(long, default_value = "info")]
    log: String,
}

/// Runs the faults and the checks; fails when one of the checks does.
pub async fn run(args: ChaosArgs) -> eyre::Result<()> {
    let ground = Ground::enter()?;
    let seed = args.seed.unwrap_or_else(crate::clock::unix_nanos);
    let validators = usize::from(args.validators);
    println!("seed {seed}: {validators} validators, {} transactions a second", args.rate);
    if ground == Ground::Shared {
        println!(
            "skipped: validators are not cut off and their disks not filled, which needs root and unshare, ip, mount"
        );
    }
    let small = (seed % u64::from(args.validators)) as usize;
    let own = ground == Ground::Own;
    let slow_disk = (own && ground::can_slow()).then_some((small + 1) % validators);
    if own && slow_disk.is_none() {
        println!("skipped: disks are not slowed down, which needs cgroup v1's blkio and mkfs.ext4");
    }
    let arena = Arena { validators, can_cut: own, small_disk: own.then_some(small), slow_disk };
    let (mut session, disk) = start(&args, ground, &arena).await?;
    let mounted = [arena.small_disk, arena.slow_disk].into_iter().flatten();
    let mounted: Vec<_> = mounted.map(|index| session.network.nodes[index].home().data()).collect();
    let outcome = tokio::select! {
        outcome = hurt_and_judge(&mut session, disk, &arena, seed, args.run_for) => outcome,
        _ = tokio::signal::ctrl_c() => Err(eyre::eyre!("stopped by Ctrl-C before the checks")),
    };
    session.stop().await;
    // A home cannot be removed while a disk is mounted in it.
    mounted.iter().for_each(|directory| ground::unmount(directory));
    outcome.wrap_err_with(|| format!("seed {seed}"))
}

async fn start(
    args: &ChaosArgs,
    ground: Ground,
    arena: &Arena,
) -> eyre::Result<(Session, Option<SlowableDisk>)> {
    let spec = SessionSpec {
        l1: false,
        network: NetworkSpec {
            validators: arena.validators,
            groups: vec![GroupId::ZERO; 2],
            segment_interval: None,
            log_filter: args.log.clone(),
            hosts: ground.prepare(arena.validators)?,
        },
        keep: args.home.clone(),
        idle: 0,
        rate: args.rate.into(),
        size: args.size as usize,
        evm: false,
        load_for: None,
    };
    let network = LocalNetwork::create(&spec.network, spec.keep.clone())?;
    let load = u64::from(args.rate) * u64::from(args.size) * args.run_for.as_secs();
    let bytes = SMALL_DISK_BYTES + COPIES * load;
    if let Some(index) = arena.small_disk {
        ground::small_disk(&network.nodes[index].home().data(), bytes)?;
    }
    let slow = |index: usize| {
        let home = network.nodes[index].home();
        SlowableDisk::mount(&home.data(), &home.path().join("disk.image"), bytes)
    };
    let disk = arena.slow_disk.map(slow).transpose()?;
    println!("homes and logs: {}", network.home().display());
    Ok((Session::start_on(network, spec).await?, disk))
}

async fn hurt_and_judge(
    session: &mut Session,
    disk: Option<SlowableDisk>,
    arena: &Arena,
    seed: u64,
    run_for: Duration,
) -> eyre::Result<()> {
    let field = Field::new(std::mem::take(&mut session.network.nodes), disk);
    let hurt = hurt(&field, session, arena.tracks(seed), run_for).await;
    let (nodes, sightings) = field.end();
    session.network.nodes = nodes;
    let outcomes = hurt?;
    println!("no more faults; checking");
    session.load.shared.stop();
    session.load.finished().await;
    let verdict = verdict::judge(session, &sightings, &outcomes).await?;
    report(&verdict, &sightings, &outcomes);
    Ok(())
}

/// Lets all tracks strike, while the network is watched.
async fn hurt(
    field: &Field,
    session: &mut Session,
    tracks: Vec<Track>,
    run_for: Duration,
) -> eyre::Result<Vec<Outcome>> {
    ensure!(!tracks.is_empty(), "this network bears no faulty validator");
    let strikes =
        futures::future::try_join_all(tracks.into_iter().map(|track| follow(field, track, run_for)));
    let subscribers = async {
        loop {
            tokio::time::sleep(Duration::from_millis(500)).await;
            session.watch.check()?;
        }
    };
    let subscribed: eyre::Result<std::convert::Infallible>;
    tokio::select! {
        outcomes = strikes => return Ok(outcomes?.concat()),
        watched = field.watch() => subscribed = watched,
        checked = subscribers => subscribed = checked,
    }
    match subscribed {
        Ok(never) => match never {},
        Err(error) => Err(error),
    }
}

/// One strike after another, each until its victim takes part again.
async fn follow(field: &Field, track: Track, run_for: Duration) -> eyre::Result<Vec<Outcome>> {
    let (begun, mut outcomes) = (Instant::now(), Vec::new());
    for strike in track {
        tokio::time::sleep(strike.pause).await;
        if begun.elapsed() >= run_for {
            break;
        }
        outcomes.push(strike::carry_out(field, &strike).await?);
    }
    Ok(outcomes)
}

fn report(verdict: &Verdict, sightings: &Sightings, outcomes: &[Outcome]) {
    let mut kinds: BTreeMap<_, Vec<Duration>> = BTreeMap::new();
    for outcome in outcomes {
        kinds.entry(outcome.fault).or_default().push(outcome.recovery);
    }
    println!("\n{} faults:", outcomes.len());
    for (fault, recoveries) in kinds {
        let slowest = recoveries.iter().max().copied().unwrap_or_default().as_secs_f64();
        println!("  {fault:<14} {:3}, taking part again after at most {slowest:.1} s", recoveries.len());
    }
    let memory = sightings.memory.iter().copied().max().unwrap_or(0) / 1_000_000;
    println!(
        "{} blocks, the same on all nodes; longest halt {:.1} s; at most {memory} MB of memory",
        verdict.height,
        sightings.longest_halt.as_secs_f64()
    );
    println!(
        "{} offered, {} accepted, {} delivered in {} verified batches ({} of them without a receipt, as their validator \
         was gone before it answered), {} gone with a disk, 0 lost, 0 duplicated, no evidence",
        verdict.offered,
        verdict.accepted,
        verdict.finalized,
        verdict.batches,
        verdict.unanswered,
        verdict.gone_with_disks
    );
}
