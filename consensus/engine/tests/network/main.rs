//! Engines that agree over real connections on loopback, with real lanes and real blocks.

mod cluster;
mod doubt;
mod lanes;
mod mute;
mod store;

use cluster::Cluster;
use fairlane_engine::{ConsensusTimeouts, EngineError};
use fairlane_types::{Height, Round, ValidatorSet};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const IDLE: Duration = Duration::from_millis(300);

fn init_logs() {
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_test_writer()
        .try_init();
}

/// Submits transactions to the given nodes in turn until node `nodes[0]` has finalized `height`.
async fn load_until(cluster: &mut Cluster, nodes: &[usize], height: Height) {
    let deadline = Instant::now() + Duration::from_secs(90);
    for at in nodes.iter().cycle() {
        if cluster.finalized(nodes[0]) >= height {
            return;
        }
        assert!(Instant::now() < deadline, "no progress: {:?}", cluster.status(nodes[0]));
        cluster.submit(*at);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn four_nodes_decide_the_same_blocks() {
    init_logs();
    let mut cluster = Cluster::new(4, IDLE);
    for at in 0..4 {
        cluster.start(at).await;
    }
    cluster.wait_for_height(0, Height::FIRST).await;
    let (began, first) = (Instant::now(), cluster.finalized(0));
    let last = Height::new(first.get() + 30);
    load_until(&mut cluster, &[0, 1, 2, 3], last).await;
    let pace = 30.0 / began.elapsed().as_secs_f64();
    for at in 0..4 {
        cluster.wait_for_height(at, last).await;
    }
    println!("{pace:.1} blocks/s, {:?}", cluster.status(0));

    let ids = cluster.ids(0, last);
    for at in 1..4 {
        assert_eq!(cluster.ids(at, last), ids, "node {at} has other blocks");
    }
    assert!(cluster.ordered(0) > 20, "transactions are ordered");
    let blocks: Vec<_> =
        (1..=last.get()).map(|height| cluster.store(0).block(Height::new(height)).expect("kept")).collect();
    for block in &blocks {
        let (height, id) = (block.height(), block.proposal.id());
        let set = cluster.validators();
        fairlane_verify::verify_certificate(&block.certificate, &cluster.network(), height, &id, set)
            .expect("a quorum signed it");
        assert_eq!(block.snapshot.is_some(), block.height().get() % 5 == 0);
    }
    let mut heard = cluster.engine(0).finalized.try_recv().expect("blocks are told").height();
    assert_eq!(heard, Height::FIRST, "from the first on");
    while let Ok(block) = cluster.engine(0).finalized.try_recv() {
        assert_eq!(block.height(), heard.next(), "without a gap");
        heard = block.height();
    }
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_that_restarts_goes_on_where_it_was() {
    init_logs();
    let mut cluster = Cluster::new(4, IDLE);
    for at in 0..4 {
        cluster.start(at).await;
    }
    load_until(&mut cluster, &[0, 1, 2, 3], Height::new(10)).await;
    cluster.stop(3).await;
    let stopped_at = cluster.finalized(0);
    load_until(&mut cluster, &[0, 1, 2], Height::new(stopped_at.get() + 15)).await;

    // As if the process had died between a decision and its execution.
    cluster.store(3).forget_last_execution();
    cluster.start(3).await;
    let behind = cluster.finalized(0);
    cluster.wait_for_height(3, behind).await;
    cluster.wait_for_height(0, behind).await;
    assert_eq!(cluster.ids(3, behind), cluster.ids(0, behind));

    let me = cluster.key(3).validator();
    cluster.wait(3, "its vote", |status| !status.watching).await;
    let again = cluster.finalized(0).get();
    load_until(&mut cluster, &[0, 1, 2, 3], Height::new(again + 20)).await;
    let last = cluster.finalized(0);
    let voted = (behind.get()..=last.get()).filter_map(|height| cluster.store(0).block(Height::new(height)));
    assert!(
        voted.into_iter().any(|block| block
            .certificate
            .signatures
            .iter()
            .any(|signed| signed.validator == me)),
        "the node votes again"
    );
    let mut proposed: BTreeMap<(Height, Round), BTreeSet<_>> = BTreeMap::new();
    for (height, round, id) in cluster.store(3).own_proposals(me) {
        proposed.entry((height, round)).or_default().insert(id);
    }
    assert!(!proposed.is_empty(), "the node proposes");
    assert!(proposed.values().all(|ids| ids.len() == 1), "one proposal for each round: {proposed:?}");
    cluster.stop_all().await;
}

/// The height of the first block that a set decides, as node 0 keeps it.
async fn decided_by(cluster: &mut Cluster, load: &[usize], set: &ValidatorSet) -> Height {
    loop {
        let next = Height::new(cluster.finalized(0).get() + 1);
        load_until(cluster, load, next).await;
        cluster.wait_for_height(0, next).await;
        let header = &cluster.store(0).block(next).expect("kept").proposal.header;
        if header.validators_hash == set.hash() {
            return next;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn validators_join_and_leave_while_blocks_go_on() {
    init_logs();
    let mut cluster = Cluster::with_standby(4, 2, IDLE);
    for at in 0..5 {
        cluster.start(at).await;
    }
    load_until(&mut cluster, &[0, 1, 2, 3], Height::new(5)).await;
    let genesis = cluster.validators().clone();

    // One joins, then another takes the place of the first.
    let five = cluster.hand_over(&[0, 1, 2, 3, 4]);
    let joined = decided_by(&mut cluster, &[0, 1, 2, 3], &five).await;
    let four = cluster.hand_over(&[1, 2, 3, 4]);
    let left = decided_by(&mut cluster, &[1, 2, 3], &four).await;
    let last = Height::new(left.get() + 25);
    load_until(&mut cluster, &[1, 2, 3, 4], last).await;
    // A node that was not there follows all changes.
    cluster.start(5).await;
    for at in 0..6 {
        cluster.wait_for_height(at, last).await;
        assert_eq!(cluster.ids(at, last), cluster.ids(1, last), "node {at} has other blocks");
    }
    let (leaver, newcomer) = (cluster.key(0).validator(), cluster.key(4).validator());
    let mut signers = BTreeSet::new();
    for height in (1..=last.get()).map(Height::new) {
        let set = if height < joined {
            &genesis
        } else if height < left {
            &five
        } else {
            &four
        };
        let block = cluster.store(1).block(height).expect("kept");
        fairlane_verify::verify_certificate(
            &block.certificate,
            &cluster.network(),
            height,
            &block.proposal.id(),
            set,
        )
        .expect("a quorum of its set signed it");
        if height > left {
            signers.extend(block.certificate.signatures.iter().map(|signed| signed.validator));
        }
    }
    assert!(signers.contains(&newcomer) && !signers.contains(&leaver), "{signers:?}");
    assert!(!cluster.store(4).own_proposals(newcomer).is_empty(), "the newcomer proposes");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_late_node_catches_up_by_sync() {
    init_logs();
    let mut cluster = Cluster::new(4, IDLE);
    for at in 0..3 {
        cluster.start(at).await;
    }
    load_until(&mut cluster, &[0, 1, 2], Height::new(25)).await;
    cluster.start(3).await;
    let target = Height::new(cluster.finalized(0).get() + 10);
    load_until(&mut cluster, &[0, 1, 2], target).await;
    cluster.wait_for_height(3, target).await;
    assert!(cluster.status(3).synced >= 20, "most blocks came by sync: {:?}", cluster.status(3));
    cluster.wait_for_height(0, target).await;
    assert_eq!(cluster.ids(3, target), cluster.ids(0, target));
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_idle_network_only_ticks() {
    init_logs();
    let idle = Duration::from_secs(1);
    let mut cluster = Cluster::new(4, idle);
    for at in 0..4 {
        cluster.start(at).await;
    }
    cluster.wait_for_height(0, Height::new(2)).await;
    let (began, first) = (Instant::now(), cluster.finalized(0));
    let last = Height::new(first.get() + 4);
    cluster.wait_for_height(0, last).await;
    assert!(began.elapsed() >= 3 * idle, "four blocks take four idle intervals: {:?}", began.elapsed());
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_proposer_of_wrong_cuts_only_costs_rounds() {
    init_logs();
    let mut cluster = Cluster::new(4, IDLE);
    for at in 0..4 {
        cluster.start(at).await;
    }
    load_until(&mut cluster, &[0, 1, 2, 3], Height::new(3)).await;
    cluster.lanes(3).mislead();
    let last = Height::new(cluster.finalized(0).get() + 12);
    load_until(&mut cluster, &[0, 1, 2], last).await;
    for at in 0..3 {
        cluster.wait_for_height(at, last).await;
        assert!(cluster.status(at).invalid_proposals > 0, "node {at} finds them wrong");
    }
    assert_eq!(cluster.ids(1, last), cluster.ids(0, last));
    let wrong = cluster.key(3).validator();
    assert!(cluster.status(0).extra_rounds > 0, "each of them costs a round: {wrong}");
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn timeouts_that_are_too_short_cost_rounds_and_nothing_else() {
    init_logs();
    let mut cluster = Cluster::new(4, IDLE);
    let short = Duration::from_millis(1);
    cluster.timeouts = ConsensusTimeouts {
        propose: short,
        prevote: short,
        precommit: short,
        delta: short,
        rebroadcast: Duration::from_millis(200),
    };
    for at in 0..4 {
        cluster.start(at).await;
    }
    let last = Height::new(60);
    load_until(&mut cluster, &[0, 1, 2, 3], last).await;
    for at in 0..4 {
        cluster.wait_for_height(at, last).await;
        assert_eq!(cluster.ids(at, last), cluster.ids(0, last));
    }
    println!("{} repeated proposals, {:?}", cluster.store(0).repeated_proposals(), cluster.status(0));
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_fails_ends_the_node() {
    init_logs();
    let mut cluster = Cluster::new(4, IDLE);
    for at in 0..4 {
        cluster.start(at).await;
    }
    load_until(&mut cluster, &[0, 1, 2, 3], Height::new(3)).await;
    cluster.store(2).break_down();
    let ended = cluster.end_of(2).await;
    assert!(matches!(ended, Err(EngineError::Store(_))), "{ended:?}");
    let last = Height::new(cluster.finalized(0).get() + 5);
    load_until(&mut cluster, &[0, 1, 3], last).await;
    cluster.stop_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_address_of_another_machine_ends_the_node() {
    init_logs();
    let mut cluster = Cluster::new(2, IDLE);
    cluster.misplace(0);
    cluster.start(0).await;
    let ended = cluster.end_of(0).await;
    assert!(matches!(ended, Err(EngineError::Network(_))), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_validator_that_runs_twice_is_found_out() {
    init_logs();
    let mut cluster = Cluster::new(4, IDLE);
    let twin = cluster.add_twin(3);
    for at in 0..=twin {
        cluster.start(at).await;
    }
    let (network, offender) = (cluster.network(), cluster.key(3).validator());
    let deadline = Instant::now() + Duration::from_secs(60);
    let evidence = loop {
        assert!(Instant::now() < deadline, "no evidence: {:?}", cluster.status(0));
        let next = Height::new(cluster.finalized(0).get() + 1);
        load_until(&mut cluster, &[0, 1, 2], next).await;
        if let Ok(evidence) = cluster.engine(0).evidence.try_recv() {
            break evidence;
        }
    };
    assert_eq!(evidence.offender(), offender);
    let slot = fairlane_verify::verify_evidence(&evidence, &network).expect("anybody can check it");
    assert_eq!(slot, evidence.slot());
    cluster.stop_all().await;
}
