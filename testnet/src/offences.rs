//! `offences`: a validator signs two histories again and again, and it is counted how much of that ends in the pool of
//! every honest node.

use crate::l1::{Offence, commit};
use crate::network::{Hosts, LocalNetwork, NetworkSpec};
use eyre::ensure;
use fairlane_types::evidence::OffenceSlot;
use fairlane_types::{Decode as _, Evidence, GroupId, VoteKind};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long the last piece of evidence may take to every pool.
const SPREAD_LIMIT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(200);
/// The offences that can be committed at each height anew. A lane ends with its first fork.
const AT_ANY_HEIGHT: [Offence; 3] = [Offence::Prevote, Offence::Precommit, Offence::Proposal];

/// Counts the offences that a validator commits and that all others learn of.
#[derive(Debug, clap::Args)]
pub struct OffencesArgs {
    /// How often two prevotes, two precommits and two proposals are signed. The lane is forked once, at last.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=30))]
    rounds: u16,
    /// How many validators; one of them is the offender.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(4..=32))]
    validators: u16,
}

/// How often a kind of offence was committed.
struct Count {
    offence: Offence,
    made: usize,
}

/// Commits the offences; fails where one of them is not known everywhere.
pub async fn run(args: OffencesArgs) -> eyre::Result<()> {
    let spec = NetworkSpec {
        validators: args.validators.into(),
        groups: vec![GroupId::ZERO],
        segment_interval: None,
        log_filter: "warn".into(),
        hosts: Hosts::Loopback,
    };
    let mut network = LocalNetwork::create(&spec, None)?;
    let outcome = tokio::select! {
        outcome = offend(&mut network, args.rounds.into()) => outcome,
        _ = tokio::signal::ctrl_c() => Err(eyre::eyre!("stopped by Ctrl-C before all was counted")),
    };
    network.stop().await;
    outcome
}

async fn offend(network: &mut LocalNetwork, rounds: usize) -> eyre::Result<()> {
    network.start().await?;
    let offender = network.nodes.len() - 1;
    let home = network.nodes[offender].home().path().to_owned();
    let mut counts: Vec<Count> = AT_ANY_HEIGHT.map(|offence| Count { offence, made: 0 }).into();
    counts.push(Count { offence: Offence::Lane, made: 0 });
    for count in &mut counts {
        let times = if count.offence == Offence::Lane { 1 } else { rounds };
        // Two commands may come to the same height and round: that is one offence.
        let mut signed = BTreeSet::new();
        while signed.len() < times {
            let what = commit(&home, count.offence).await?;
            println!("it signs {what}");
            signed.insert(what);
        }
        count.made = signed.len();
    }
    let deadline = Instant::now() + SPREAD_LIMIT;
    let mut caught = caught_everywhere(network, offender, &counts).await?;
    while caught.iter().zip(&counts).any(|(caught, count)| *caught < count.made) && Instant::now() < deadline
    {
        tokio::time::sleep(POLL).await;
        caught = caught_everywhere(network, offender, &counts).await?;
    }
    println!("\nin the pools of all {offender} honest nodes:");
    for (caught, count) in caught.iter().zip(&counts) {
        println!("  {:<12} {caught} of {}", name(count.offence), count.made);
    }
    let complete = caught.iter().zip(&counts).all(|(caught, count)| *caught >= count.made);
    ensure!(complete, "not every offence is known everywhere");
    Ok(())
}

/// For each kind, how many offences every honest node knows of.
async fn caught_everywhere(
    network: &mut LocalNetwork,
    offender: usize,
    counts: &[Count],
) -> eyre::Result<Vec<usize>> {
    let mut common: Option<BTreeSet<OffenceSlot>> = None;
    for node in &mut network.nodes[..offender] {
        let records = node.evidence().await?;
        let known = records.into_iter().map(|record| Ok(Evidence::from_bytes(record.evidence)?.slot()));
        let known = known.collect::<eyre::Result<BTreeSet<OffenceSlot>>>()?;
        common = Some(match common {
            Some(common) => common.intersection(&known).cloned().collect(),
            None => known,
        });
    }
    let common = common.unwrap_or_default();
    let of = |count: &Count| common.iter().filter(|slot| kind(slot) == count.offence).count();
    Ok(counts.iter().map(of).collect())
}

fn kind(slot: &OffenceSlot) -> Offence {
    match slot {
        OffenceSlot::Lane(..) => Offence::Lane,
        OffenceSlot::Vote(_, VoteKind::Prevote, ..) => Offence::Prevote,
        OffenceSlot::Vote(_, VoteKind::Precommit, ..) => Offence::Precommit,
        OffenceSlot::Proposal(..) => Offence::Proposal,
    }
}

fn name(offence: Offence) -> &'static str {
    match offence {
        Offence::Lane => "forked lanes",
        Offence::Prevote => "prevotes",
        Offence::Precommit => "precommits",
        Offence::Proposal => "proposals",
        Offence::Checkpoint => "checkpoints",
    }
}
