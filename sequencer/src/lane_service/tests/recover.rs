use super::hostile::{offences, peer_of};
use super::*;
use crate::config::Home;
use crate::network::{FetchWant, Offence, SegmentSource};
use crate::testing::TestChain;
use bytes::Bytes;
use fairlane_engine::{SigningGuard as _, Told};
use fairlane_types::vote::vote_sign_bytes;
use fairlane_types::{BlockId, CommitCertificate, CommitSignature, Height, Round, VoteKind};
use std::time::Instant;

/// The precommits of these validators for some block at a height.
fn certificate(seeds: &[u8], genesis: &Genesis, height: u64) -> CommitCertificate {
    let (height, round, block) = (Height::new(height), Round::ZERO, BlockId::from_bytes([1; 32]));
    let message = vote_sign_bytes(&genesis.network(), VoteKind::Precommit, height, round, Some(&block));
    let signed =
        |key: SigningKey| CommitSignature { validator: key.validator(), signature: key.sign(&message) };
    let signatures = seeds.iter().map(|seed| signed(key(*seed))).collect();
    CommitCertificate { height, round, block, signatures }
}

/// Holds no segment, and names a height.
struct Boaster(CommitCertificate);

impl SegmentSource for Boaster {
    fn segments(&self, _: &FetchWant, _: usize) -> Vec<Bytes> {
        Vec::new()
    }

    fn decided(&self) -> Option<CommitCertificate> {
        Some(self.0.clone())
    }
}

/// No place of the lane is signed twice, and the chain has no gap from its first segment on.
fn is_one_chain(segments: &[Segment]) {
    for pair in segments.windows(2) {
        assert_eq!(pair[1].parent(), pair[0].reference(), "one segment a place, each the parent of the next");
    }
}

/// Waits until all of these nodes hold the lane of validator 1 up to a segment.
async fn hold_the_lane(nodes: &[Node], last: LaneSeq) {
    for node in nodes {
        let mut status = node.lanes.status();
        let there = |status: &LaneServiceStatus| {
            status.lanes.iter().any(|lane| lane.lane == lane_of(1) && lane.head >= last)
        };
        in_time("the others hold the lane", status.wait_for(there)).await.unwrap();
    }
}

/// A node with this key on an empty disk, in the network of four that these nodes are of.
fn among(others: &[Node], seed: u8, home: &tempfile::TempDir) -> Setup {
    let peers = others.iter().map(|node| node.address.clone()).collect();
    Setup { peers, ..Setup::new(&[1, 2, 3, 4], Some(seed), home) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_continues_the_lane() {
    let home = tempfile::tempdir().unwrap();
    let setup = Setup::new(&[1], Some(1), &home);
    let mut last = 0;
    for round in 0..3 {
        let node = setup.clone().start().await;
        node.writing().await;
        node.submit((0..10).map(|salt| transaction(1, 50, round * 100 + salt)).collect()).await;
        let segments = node.own_segments(1).await;
        is_one_chain(&segments);
        let newest = segments.last().unwrap().header().seq.get();
        assert!(newest > last, "the lane goes on");
        last = newest;
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_undecided_segments_are_in_the_next_cut() {
    let home = tempfile::tempdir().unwrap();
    let setup = Setup::new(&[1], Some(1), &home);
    let node = setup.clone().start().await;
    node.writing().await;
    let wanted = transaction(1, 50, 1);
    node.submit(vec![wanted.clone()]).await;
    node.stop().await;
    let node = setup.clone().start().await;
    let next = in_time("a cut", node.lanes.next_cut(setup.base.clone(), Instant::now())).await;
    assert!(ids(&next.content).contains(&wanted.id()), "a receipt survives a restart");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_disk_signs_no_place_twice() {
    let home = tempfile::tempdir().unwrap();
    let nodes = four(&home, |_| {}).await;
    for node in &nodes {
        node.writing().await;
    }
    nodes[0].submit((0..10).map(|salt| transaction(1, 50, salt)).collect()).await;
    nodes[0].submit((0..10).map(|salt| transaction(1, 50, 100 + salt)).collect()).await;
    let before = nodes[0].own_segments(1).await;
    let last = before.last().unwrap().header().seq;
    hold_the_lane(&nodes[1..], last).await;
    let mut nodes = nodes.into_iter();
    nodes.next().unwrap().stop().await;
    let others: Vec<_> = nodes.collect();

    let fresh = tempfile::tempdir().unwrap();
    let back = among(&others, 1, &fresh).start().await;
    back.writing().await;
    let answers = back.submit(vec![transaction(1, 50, 1_000)]).await;
    let [SubmitReply::Receipts { header, .. }] = &answers[..] else { panic!("{answers:?}") };
    assert!(header.seq > last, "{} was signed before the disk was lost", header.seq);
    let after = back.own_segments(1).await;
    is_one_chain(&after);
    assert_eq!(after[..before.len()], before[..], "the own segments came back");
    back.stop().await;
    for node in others {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_nothing_is_signed_and_the_service_ends() {
    let home = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(&[1, 2, 3, 4], Some(1), &home);
    setup.config.startup_timeout = Duration::from_secs(1);
    let node = setup.start().await;
    let Node { task, store, .. } = node;
    let error = in_time("the end", task).await.unwrap().unwrap_err();
    assert!(matches!(error, LaneServiceError::StartupCheck { answered: 1, quorum: 3, .. }), "{error}");
    assert_eq!(store.newest_segment(&lane_of(1)).unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_own_segment_from_outside_is_adopted_before_writing_on() {
    let home = tempfile::tempdir().unwrap();
    let nodes = four(&home, |_| {}).await;
    for node in &nodes {
        node.writing().await;
    }
    nodes[0].submit(vec![transaction(1, 50, 1)]).await;
    let mut nodes = nodes.into_iter();
    let first = nodes.next().unwrap();
    let others: Vec<_> = nodes.collect();
    let held = first.own_segments(1).await;
    let last = held.last().unwrap().clone();
    hold_the_lane(&others, last.header().seq).await;
    first.stop().await;

    // A disk without memory, and a check that was switched off: the lane must be found by what peers send.
    let fresh = tempfile::tempdir().unwrap();
    let mut setup = among(&others, 1, &fresh);
    setup.config.startup_check = false;
    setup.config.heartbeat = Duration::from_secs(3_600);
    setup.config.interval = Duration::from_secs(3_600);
    setup.config.seal_bytes = usize::MAX;
    let back = setup.start().await;
    eventually("it is connected", || back.network.peers().len() == 3).await;
    // The others' newest segments reference the lost ones, which are fetched.
    eventually("the own segments come back", || back.stores_up_to(&last)).await;
    back.writing().await;
    is_one_chain(&back.own_segments(1).await);
    assert_eq!(back.own_segments(1).await[..held.len()], held[..]);
    back.stop().await;
    for node in others {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_disk_is_told_how_far_the_others_are() {
    let home = tempfile::tempdir().unwrap();
    let nodes = four(&home, |_| {}).await;
    for node in &nodes {
        node.writing().await;
        let told = in_time("the answers", node.lanes.told()).await;
        assert_eq!(told, Some(Told { decided: Height::ZERO, lane_ahead: false }), "the network begins");
    }
    nodes[0].submit(vec![transaction(1, 50, 1)]).await;
    let last = nodes[0].own_segments(1).await.last().unwrap().header().seq;
    hold_the_lane(&nodes[1..], last).await;
    let mut chain = TestChain::new();
    let segments = vec![chain.segment(Vec::new())];
    let proposal = chain.block(segments, false).proposal.clone();
    let decided = certificate(&[1, 3, 4], &genesis(&[1, 2, 3, 4]), 1);
    // A quorum that answers has one of these two in it.
    nodes[1].store.put_decided(proposal.clone(), decided.clone()).await.unwrap();
    nodes[2].store.put_decided(proposal, decided).await.unwrap();
    let mut nodes = nodes.into_iter();
    nodes.next().unwrap().stop().await;
    let others: Vec<_> = nodes.collect();

    let fresh = tempfile::tempdir().unwrap();
    let home = Home::new(fresh.path());
    let guard = Guard::create(&home, genesis(&[1, 2, 3, 4]).network(), key(1).validator()).unwrap();
    let mut setup = among(&others, 1, &fresh);
    setup.guard = Some(guard.clone());
    let back = setup.clone().start().await;
    let told = in_time("the answers", back.lanes.told()).await;
    assert_eq!(told, Some(Told { decided: Height::FIRST, lane_ahead: true }));
    assert_eq!(guard.reserved(), Height::new(3), "what may have been signed is kept before it is told");
    back.writing().await;
    back.stop().await;

    // Now the disk has the lane, and shows nothing any more: the guard does.
    let back = setup.start().await;
    let told = in_time("the answers", back.lanes.told()).await;
    assert_eq!(told, Some(Told { decided: Height::FIRST, lane_ahead: false }));
    assert_eq!(guard.reserved(), Height::new(3));
    back.stop().await;

    // Its disk knows the set of genesis only; it may have been in a later one.
    let fresh = tempfile::tempdir().unwrap();
    let outside = among(&others, 9, &fresh).start().await;
    let told = in_time("the answers", outside.lanes.told()).await;
    assert_eq!(told, Some(Told { decided: Height::FIRST, lane_ahead: false }));
    outside.stop().await;
    for node in others {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_nobody_is_told_nothing() {
    let home = tempfile::tempdir().unwrap();
    let alone = Setup::new(&[1], Some(1), &home).start().await;
    assert_eq!(in_time("nothing", alone.lanes.told()).await, None);
    let keyless = Setup::new(&[1], None, &home).start().await;
    assert_eq!(in_time("nothing", keyless.lanes.told()).await, None);
    let mut setup = Setup::new(&[1, 2, 3, 4], Some(2), &home);
    setup.config.startup_check = false;
    let unchecked = setup.start().await;
    assert_eq!(in_time("nothing", unchecked.lanes.told()).await, None);
    for node in [alone, keyless, unchecked] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_height_counts_only_with_its_certificate() {
    let home = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(&[1, 2, 3, 4], Some(1), &home);
    setup.config.startup_timeout = Duration::from_secs(60);
    let genesis = setup.genesis.clone();
    let node = setup.start().await;
    let honest = peer_of(&node, &genesis, Some(2), Boaster(certificate(&[2, 3], &genesis, 7))).await;
    let liar = peer_of(&node, &genesis, Some(3), Boaster(certificate(&[3], &genesis, 1_000_000))).await;
    eventually("the liar is found out", || offences(&node, Offence::Malformed) >= 1).await;
    let other = peer_of(&node, &genesis, Some(4), Boaster(certificate(&[2, 3, 4], &genesis, 6))).await;
    let told = in_time("the answers", node.lanes.told()).await;
    assert_eq!(told, Some(Told { decided: Height::new(7), lane_ahead: false }));
    for peer in [honest, liar, other] {
        peer.shutdown();
    }
    node.stop().await;
}
