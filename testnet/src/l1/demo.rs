//! What the demonstrations have in common: a network with an Ethereum of its own, which is stopped however they end, and
//! what is asked of it.

use super::chain::L1Chain;
use crate::clock::unix_nanos;
use crate::network::{Hosts, LocalNetwork, NetworkSpec};
use fairlane_l1::{DynProvider, L1State};
use fairlane_rollup_adapter::{Client, Outcome, SubmitOptions, TransactionStatus};
use fairlane_types::{GroupId, Height, Leg, RollupId, Timestamp, Transaction, TxId};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a change on Ethereum may take to arrive in the network: four epochs, and some.
pub(super) const CHANGE_LIMIT: Duration = Duration::from_secs(120);
/// How long each other step may take.
pub(crate) const STEP_LIMIT: Duration = Duration::from_secs(120);
/// How often a condition is looked at.
pub(crate) const POLL: Duration = Duration::from_millis(100);

/// Starts a network of so many nodes, the first `members` of which have stake, shows something on it, and stops it.
pub(super) async fn on_network(
    nodes: usize,
    members: usize,
    home: Option<PathBuf>,
    show: impl AsyncFnOnce(&mut LocalNetwork) -> eyre::Result<()>,
) -> eyre::Result<()> {
    on(create(nodes, members, 1, home).await?, show).await
}

/// Starts a network, shows something on it, and stops it.
pub(crate) async fn on(
    mut network: LocalNetwork,
    show: impl AsyncFnOnce(&mut LocalNetwork) -> eyre::Result<()>,
) -> eyre::Result<()> {
    let outcome = match network.start().await {
        Ok(()) => show(&mut network).await,
        failed => failed,
    };
    network.stop().await;
    outcome
}

/// Makes such a network, for rollups from 1 on, all in one ordering group.
pub(crate) async fn create(
    nodes: usize,
    members: usize,
    rollups: usize,
    home: Option<PathBuf>,
) -> eyre::Result<LocalNetwork> {
    let spec = NetworkSpec {
        hosts: Hosts::Loopback,
        validators: nodes,
        groups: vec![GroupId::ZERO; rollups],
        segment_interval: None,
        log_filter: "info,arc_malachitebft=error,arc_malachitebft_network=off".into(),
    };
    LocalNetwork::create_on_l1(&spec, members, home).await
}

/// Sends transactions for a rollup for ever: an idle network has few blocks, and so few checkpoints.
pub(crate) async fn keep_busy(client: Client, rollup: u64) {
    loop {
        if let Ok(transaction) = transaction_for(&[rollup]) {
            // What is refused is not missed.
            let _ = client.submit(&transaction).await;
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The Ethereum of a demonstration's network.
pub(crate) fn chain_of(network: &LocalNetwork) -> &L1Chain {
    network.l1.as_ref().expect("`on_network` makes networks that have one")
}

/// The epoch that Ethereum is in.
pub(super) async fn epoch(chain: &L1Chain, provider: &DynProvider) -> eyre::Result<u32> {
    Ok(L1State::newest(provider, &chain.deployment.contracts).epoch().await?.0)
}

/// Waits until all nodes are more than a block ahead of where node 0 is now.
pub(super) async fn all_go_on(network: &mut LocalNetwork) -> eyre::Result<u64> {
    let deadline = Instant::now() + STEP_LIMIT;
    let height = network.nodes[0].status().await?.height;
    for node in 0..network.nodes.len() {
        network.wait_until(node, deadline, |status| status.height > height + 1).await?;
    }
    Ok(height)
}

/// Waits until a transaction is ordered, and says by which block.
pub(crate) async fn ordered_by(client: &Client, transaction: TxId) -> eyre::Result<Height> {
    let deadline = Instant::now() + STEP_LIMIT;
    loop {
        if let TransactionStatus::Ordered { height, .. } = client.transaction_status(transaction).await? {
            return Ok(height);
        }
        eyre::ensure!(Instant::now() < deadline, "transaction {transaction} is not ordered");
        tokio::time::sleep(POLL).await;
    }
}

/// Sends transactions in their order, and waits until they are ordered. Gives the height of the last.
pub(crate) async fn order(client: &Client, transactions: &[Transaction]) -> eyre::Result<Height> {
    let (submitter, mut outcomes) = client.submit_stream(SubmitOptions::default()).await?;
    for (tag, transaction) in (0..).zip(transactions) {
        submitter.submit(tag, transaction).await?;
    }
    for _ in transactions {
        match outcomes.next().await {
            Some(Ok(Outcome::Accepted(_))) => {}
            other => eyre::bail!("a transaction was not taken: {other:?}"),
        }
    }
    let mut height = Height::ZERO;
    for transaction in transactions {
        height = height.max(ordered_by(client, transaction.id()).await?);
    }
    Ok(height)
}

/// A transaction for some rollups.
pub(super) fn transaction_for(rollups: &[u64]) -> eyre::Result<Transaction> {
    let now = unix_nanos();
    let leg = |rollup: &u64| Leg {
        rollup: RollupId::new(*rollup),
        payload: format!("a leg for rollup {rollup}").into_bytes().into(),
    };
    let legs = rollups.iter().map(leg).collect();
    Ok(Transaction::new(legs, Timestamp::from_nanos(now + 60_000_000_000), u128::from(now).to_be_bytes())?)
}
