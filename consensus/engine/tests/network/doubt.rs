//! Validators that start without all that they have signed: they watch first, and sign nothing twice.

use super::{IDLE, init_logs, load_until};
use crate::cluster::Cluster;
use fairlane_types::Height;
use std::time::{Duration, Instant};

/// Four validators that have decided some blocks.
async fn four() -> Cluster {
    init_logs();
    let mut cluster = Cluster::new(4, IDLE);
    for at in 0..4 {
        cluster.start(at).await;
    }
    load_until(&mut cluster, &[0, 1, 2, 3], Height::new(10)).await;
    cluster
}

fn voted(cluster: &Cluster, at: usize, height: Height) -> bool {
    let me = cluster.key(at).validator();
    let block = cluster.store(0).block(height);
    block.is_some_and(|block| block.certificate.signatures.iter().any(|vote| vote.validator == me))
}

/// Loads the other validators until validator 3 votes, above a height. Gives the height.
async fn votes_again(cluster: &mut Cluster, above: Height) -> Height {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let next = Height::new(cluster.finalized(0).get() + 5);
        load_until(cluster, &[0, 1, 2], next).await;
        let mut since = (above.get() + 1..=next.get()).map(Height::new);
        if let Some(height) = since.find(|height| voted(cluster, 3, *height)) {
            return height;
        }
        assert!(Instant::now() < deadline, "it does not vote: {:?}", cluster.status(3));
    }
}

fn nobody_is_accused(cluster: &mut Cluster) {
    for at in 0..4 {
        assert_eq!(
            cluster.engine(at).evidence.try_recv().ok(),
            None,
            "validator {at} accuses somebody honest"
        );
    }
}

/// Starts validator 3, which must watch until two blocks beyond what the others had decided, and then vote.
async fn watches_and_then_votes(mut cluster: Cluster) {
    let told = cluster.finalized(0);
    cluster.start(3).await;
    assert!(cluster.status(3).watching);
    // What it voted for before it stopped may stand in the next two certificates.
    let again = votes_again(&mut cluster, told.saturating_add(2)).await;
    assert!(!cluster.status(3).watching);
    cluster.wait_for_height(3, again).await;
    assert_eq!(cluster.ids(3, again), cluster.ids(0, again));
    nobody_is_accused(&mut cluster);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_validator_that_lost_its_disk_watches_before_it_votes() {
    let mut cluster = four().await;
    cluster.stop(3).await;
    cluster.lose_disk(3);
    watches_and_then_votes(cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_validator_that_is_restored_from_an_old_copy_watches_before_it_votes() {
    let mut cluster = four().await;
    cluster.stop(3).await;
    let backup = cluster.back_up(3);
    cluster.start(3).await;
    cluster.wait(3, "its vote", |status| !status.watching).await;
    let later = Height::new(cluster.finalized(0).get() + 10);
    load_until(&mut cluster, &[0, 1, 2, 3], later).await;
    cluster.stop(3).await;
    cluster.restore(3, backup);
    watches_and_then_votes(cluster).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_validator_without_which_the_chain_stands_still_votes_at_once() {
    let mut cluster = four().await;
    cluster.stop(2).await;
    load_until(&mut cluster, &[0, 1, 3], Height::new(20)).await;
    cluster.stop(3).await;
    let stopped_at = cluster.finalized(0);
    cluster.start(3).await;
    cluster.wait(3, "its vote", |status| !status.watching).await;
    load_until(&mut cluster, &[0, 1, 3], stopped_at.saturating_add(10)).await;
    cluster.start(2).await;
    nobody_is_accused(&mut cluster);
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_network_whose_validators_all_stop_goes_on() {
    let mut cluster = four().await;
    for round in 1..=3 {
        cluster.stop_all().await;
        let decided = (0..4).map(|at| cluster.store(at).last()).max().expect("there are four");
        for at in 0..4 {
            cluster.start(at).await;
        }
        load_until(&mut cluster, &[0, 1, 2, 3], decided.saturating_add(5 * round)).await;
    }
    nobody_is_accused(&mut cluster);
    cluster.stop_all().await;
}
