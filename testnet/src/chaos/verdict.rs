//! What must hold after the faults are over.
//!
//! Every check says what it saw when it fails. They look at the network from outside: at what its nodes answer, what
//! its subscribers got, and what its clients were promised.

use super::field::Sightings;
use super::strike::Outcome;
use crate::network::{LocalNetwork, Node, NodeStatus};
use crate::session::Session;
use eyre::{OptionExt as _, WrapErr, ensure};
use fairlane_proto::convert::CertifiedHeader;
use fairlane_proto::v1::GetHeaderRequest;
use fairlane_types::evidence;
use futures::{StreamExt as _, TryStreamExt as _};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How long the network may take until all its nodes stand at one height.
const ONE_HEIGHT_LIMIT: Duration = Duration::from_secs(60);
/// How long deliveries may take after the last transaction was sent.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
/// How often a condition is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(50);
/// Headers that are asked for at once.
const REQUESTS: usize = 16;
/// A validator whose disk is lost may have given receipts for segments that had not left it yet: for transactions of
/// so long before.
const IN_FLIGHT: Duration = Duration::from_secs(3);
/// The most memory that a validator may use.
const MEMORY_LIMIT: u64 = 1 << 30;

/// What was found to hold.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) height: u64,
    pub(super) offered: u64,
    pub(super) accepted: u64,
    pub(super) finalized: u64,
    /// Delivered transactions whose receipt never came: their validator was gone, or cut off, before it answered.
    pub(super) unanswered: u64,
    /// Accepted transactions that went with a lost disk.
    pub(super) gone_with_disks: u64,
    pub(super) batches: u64,
}

/// Checks everything. The faults are over, the load has ended.
pub(super) async fn judge(
    session: &mut Session,
    sightings: &Sightings,
    outcomes: &[Outcome],
) -> eyre::Result<Verdict> {
    let losses: Vec<Duration> = outcomes.iter().filter_map(|outcome| outcome.lost_at).collect();
    drain(session, &losses).await?;
    let statuses = one_height(&mut session.network).await?;
    let height = statuses[0].height;
    same_blocks(&mut session.network, sightings, height).await?;
    no_lane_is_frozen(&statuses)?;
    nobody_is_accused(&mut session.network).await?;
    bounded_memory(sightings)?;
    let batches = gap_free(session, &statuses[0])?;
    let offered = session.load.shared.counts.offered.load(Relaxed);
    let totals = session.ledger.totals(0, offered);
    let unexplained = lost_outside(session, offered, &losses);
    ensure!(unexplained == 0, "{unexplained} transactions have a receipt and were never delivered");
    let duplicates = session.ledger.duplicates();
    ensure!(duplicates == 0, "{duplicates} transactions were delivered twice");
    let bad = session.load.shared.counts.bad_receipts.load(Relaxed);
    ensure!(bad == 0, "{bad} receipts did not verify");
    ensure!(totals.finalized > 0, "nothing was ordered");
    Ok(Verdict {
        height,
        offered,
        accepted: totals.accepted,
        finalized: totals.finalized,
        unanswered: (totals.finalized + totals.lost).saturating_sub(totals.accepted),
        gone_with_disks: totals.lost,
        batches,
    })
}

/// Waits until nothing is missing but what went with a disk.
async fn drain(session: &mut Session, losses: &[Duration]) -> eyre::Result<()> {
    let offered = session.load.shared.counts.offered.load(Relaxed);
    let deadline = Instant::now() + DRAIN_LIMIT;
    while lost_outside(session, offered, losses) > 0 && Instant::now() < deadline {
        tokio::time::sleep(POLL).await;
        session.watch.check()?;
    }
    Ok(())
}

/// Accepted transactions that were not delivered, and that no lost disk explains.
fn lost_outside(session: &Session, offered: u64, losses: &[Duration]) -> u64 {
    let shared = &session.load.shared;
    let lost = |from, to| session.ledger.totals(from, to).lost;
    let explained: BTreeMap<u64, u64> = losses
        .iter()
        .map(|at| (shared.due_at(at.saturating_sub(IN_FLIGHT)), shared.due_at(*at + POLL)))
        .collect();
    let (mut from, mut unexplained) = (0, 0);
    for (begin, end) in explained {
        unexplained += lost(from, begin.max(from));
        from = from.max(end);
    }
    unexplained + lost(from, offered.max(from))
}

/// Waits until all nodes stand at the same height with the same block.
async fn one_height(network: &mut LocalNetwork) -> eyre::Result<Vec<NodeStatus>> {
    let deadline = Instant::now() + ONE_HEIGHT_LIMIT;
    loop {
        let statuses = futures::future::join_all(network.nodes.iter_mut().map(Node::status)).await;
        let heights: Vec<_> = statuses.iter().map(|status| status.as_ref().map_or(0, |s| s.height)).collect();
        if let Ok(statuses) = statuses.into_iter().collect::<eyre::Result<Vec<_>>>()
            && statuses.iter().all(|status| status.height == statuses[0].height)
        {
            let agree = statuses.iter().all(|status| status.block_id == statuses[0].block_id);
            ensure!(agree, "a fork: the nodes have different blocks at height {}", statuses[0].height);
            return Ok(statuses);
        }
        ensure!(Instant::now() < deadline, "the nodes do not come to one height; they stand at {heights:?}");
        tokio::time::sleep(POLL).await;
    }
}

/// No fork, nothing that was final is lost, and no evidence: every validator here is honest.
async fn same_blocks(network: &mut LocalNetwork, sightings: &Sightings, tip: u64) -> eyre::Result<()> {
    let mut first: BTreeMap<u64, CertifiedHeader> = BTreeMap::new();
    for (index, node) in network.nodes.iter_mut().enumerate() {
        let own =
            headers(node, tip).await.wrap_err_with(|| format!("asking validator {index} for its blocks"))?;
        for (height, block) in &own {
            let id = block.header.id();
            if let Some(seen) = sightings.finals.get(height) {
                ensure!(
                    seen[..] == *id.as_bytes(),
                    "validator {index} lost what was final: its block {height} is {id}"
                );
            }
            if let Some(other) = first.get(height) {
                ensure!(
                    other.header == block.header,
                    "a fork: validator {index} has block {id} at height {height}"
                );
            }
            ensure!(
                block.header.evidence_root == evidence::root(&[]),
                "block {height} carries evidence, and no validator lied"
            );
        }
        if first.is_empty() {
            first = own;
        }
    }
    Ok(())
}

async fn headers(node: &mut Node, tip: u64) -> eyre::Result<BTreeMap<u64, CertifiedHeader>> {
    let chain = node.chain()?;
    let from = node.status().await?.min_height.max(1);
    let ask = |height| {
        let mut chain = chain.clone();
        async move {
            let answer = chain.get_header(GetHeaderRequest { height }).await?.into_inner();
            let block: CertifiedHeader = answer.block.ok_or_eyre("the answer has no block")?.try_into()?;
            ensure!(block.header.height.get() == height, "block {height} was asked for, another one came");
            Ok((height, block))
        }
    };
    futures::stream::iter(from..=tip).map(ask).buffer_unordered(REQUESTS).try_collect().await
}

fn no_lane_is_frozen(statuses: &[NodeStatus]) -> eyre::Result<()> {
    for (index, status) in statuses.iter().enumerate() {
        let frozen = status.lanes.iter().filter(|lane| lane.frozen).count();
        ensure!(
            frozen == 0,
            "validator {index} holds evidence against {frozen} lanes, and no validator lied"
        );
    }
    Ok(())
}

async fn nobody_is_accused(network: &mut LocalNetwork) -> eyre::Result<()> {
    for (index, node) in network.nodes.iter_mut().enumerate() {
        let known =
            node.evidence().await.wrap_err_with(|| format!("asking validator {index} for evidence"))?;
        ensure!(
            known.is_empty(),
            "validator {index} knows of {} offences, and no validator lied",
            known.len()
        );
    }
    Ok(())
}

fn bounded_memory(sightings: &Sightings) -> eyre::Result<()> {
    for (index, bytes) in sightings.memory.iter().enumerate() {
        ensure!(*bytes <= MEMORY_LIMIT, "validator {index} used {} MB of memory", bytes / 1_000_000);
    }
    Ok(())
}

/// Each subscriber got every batch of its rollup, and in order: that they are chained is what it verified.
fn gap_free(session: &mut Session, status: &NodeStatus) -> eyre::Result<u64> {
    session.watch.check()?;
    let mut batches = 0;
    for rollup in session.watch.rollups() {
        let standing = status.rollups.iter().find(|standing| standing.rollup_id == rollup.id.get());
        let there = standing.map_or(0, |standing| standing.batches);
        let got = rollup.batches();
        ensure!(got >= there, "rollup {} has {there} batches, and its subscriber got {got}", rollup.id);
        batches += got;
    }
    Ok(batches)
}
