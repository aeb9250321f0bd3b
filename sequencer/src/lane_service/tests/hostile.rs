use super::*;
use crate::network::{FetchWant, Offence, SegmentSource};
use bytes::Bytes;
use fairlane_types::evidence::SignedSegmentHeader;
use fairlane_types::{CommitCertificate, Evidence, SegmentDigest, SegmentDraft};
use std::time::Instant;

/// The first segment of a lane; `variant` makes it different.
pub(super) fn segment(seed: u8, genesis: &Genesis, variant: u64) -> Arc<Segment> {
    let draft = SegmentDraft {
        lane: lane_of(seed),
        seq: LaneSeq::new(1),
        parent: SegmentDigest::ZERO,
        timestamp: Timestamp::from_nanos(1_700_000_000 * SECOND + variant),
        events: Vec::new(),
        transactions: Vec::new(),
    };
    Arc::new(draft.seal(genesis.network(), &genesis.params, &key(seed)).unwrap())
}

/// Two first segments of one lane.
pub(super) fn equivocation(seed: u8, genesis: &Genesis) -> Evidence {
    let signed = |variant| {
        let segment = segment(seed, genesis, variant);
        SignedSegmentHeader { header: segment.header().clone(), signature: *segment.signature() }
    };
    Evidence::LaneEquivocation(Box::new([signed(1), signed(2)]))
}

/// Serves bytes for whatever is asked.
struct Liar(Vec<Bytes>);

impl SegmentSource for Liar {
    fn segments(&self, _: &FetchWant, _: usize) -> Vec<Bytes> {
        self.0.clone()
    }

    fn decided(&self) -> Option<CommitCertificate> {
        None
    }
}

/// A node of the network that is no lane service: it pushes what the test wants.
pub(super) async fn peer_of(
    node: &Node,
    genesis: &Genesis,
    seed: Option<u8>,
    source: impl SegmentSource,
) -> NetworkHandle {
    let config = NetworkConfig { peers: vec![node.address.clone()], ..NetworkConfig::default() };
    let parts = NetworkParts {
        keypair: Keypair::generate_ed25519(),
        network: genesis.network(),
        max_segment_bytes: genesis.params.max_segment_bytes as usize,
        validator: seed.map(key),
        source: Arc::new(source),
        metrics: Metrics::new("test").network,
    };
    let (network, _received) = network::start(config, parts).unwrap();
    eventually("the peer is connected", || network.peers().len() == 1).await;
    network
}

pub(super) fn offences(node: &Node, offence: Offence) -> u64 {
    node.metrics.network.offences.get_or_create(&ReasonLabel { reason: offence.name() }).get()
}

/// A segment with its signature (behind the header) changed.
fn forged(genesis: &Genesis) -> Bytes {
    let mut bytes = segment(2, genesis, 1).bytes().to_vec();
    bytes[fairlane_types::SegmentHeader::BYTES + 5] ^= 1;
    bytes.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_segments_from_a_fetch_are_refused_and_their_source_banned() {
    let home = tempfile::tempdir().unwrap();
    let genesis = genesis(&[1, 2, 3, 4]);
    let mut setup = Setup::new(&[1, 2, 3, 4], None, &home);
    setup.config.startup_check = false;
    let base = setup.base.clone();
    let node = setup.start().await;
    let liar = peer_of(&node, &genesis, None, Liar(vec![forged(&genesis)])).await;
    eventually("the liar is listed", || node.network.peers().len() == 1).await;
    let real = segment(2, &genesis, 1);
    let mut heads = base.cut.heads().to_vec();
    *heads.iter_mut().find(|head| head.lane == lane_of(2)).unwrap() = real.reference();
    let cut = Cut::new(heads).unwrap();
    let lanes = node.lanes.clone();
    let content = tokio::spawn(async move { lanes.fetch(base, cut).await });
    eventually("the liar is banned", || offences(&node, Offence::WrongSignature) >= 2).await;
    eventually("the liar is gone", || node.network.peers().is_empty()).await;
    assert!(!content.is_finished(), "nothing came that would do");
    let honest = peer_of(&node, &genesis, None, Liar(vec![real.bytes().clone()])).await;
    let content = in_time("the honest answer", content).await.unwrap();
    assert!(content.lanes.iter().any(|lane| lane.segments == [real.clone()]));
    liar.shutdown();
    honest.shutdown();
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_equivocation_becomes_evidence_in_the_next_cut() {
    let home = tempfile::tempdir().unwrap();
    let genesis = genesis(&[1, 2, 3, 4]);
    let nodes = four(&home, |_| {}).await;
    for node in &nodes {
        node.writing().await;
    }
    let evidence = equivocation(4, &genesis);
    nodes[0].lanes.add_evidence(evidence.clone()).await;
    let base = first_base(&genesis);
    let next = in_time("a cut", nodes[0].lanes.next_cut(base.clone(), Instant::now())).await;
    assert_eq!(next.evidence, [evidence]);
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_against_who_has_left_is_kept_for_ethereum_and_stands_in_no_block() {
    let home = tempfile::tempdir().unwrap();
    let (before, after) = (first_base(&genesis(&[1, 9])), first_base(&genesis(&[1])));
    let (reports, mut kept) = Reports::channel();
    let mut setup = Setup { reports, base: before, ..Setup::new(&[1], Some(1), &home) };
    setup.config.startup_check = false;
    let genesis = setup.genesis.clone();
    let node = setup.start().await;
    node.writing().await;
    let as_member = equivocation(9, &genesis);
    node.lanes.add_evidence(as_member.clone()).await;
    assert_eq!(in_time("the report", kept.recv()).await, Some(as_member.clone()));

    let base = CutBase { height: fairlane_types::Height::FIRST, ..after };
    node.lanes.decided(base.clone()).await;
    let next = in_time("a cut", node.lanes.next_cut(base.clone(), Instant::now())).await;
    assert!(next.evidence.is_empty(), "it left with the set");
    node.lanes.add_evidence(equivocation(8, &genesis)).await;
    assert_eq!(in_time("the report", kept.recv()).await, Some(equivocation(8, &genesis)));
    let next = in_time("a cut", node.lanes.next_cut(base.clone(), Instant::now())).await;
    assert!(next.evidence.is_empty(), "found after it left");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn evidence_that_does_not_hold_is_not_taken() {
    let home = tempfile::tempdir().unwrap();
    let genesis = genesis(&[1]);
    let node = Setup::new(&[1], Some(1), &home).start().await;
    node.writing().await;
    let Evidence::LaneEquivocation(mut pair) = equivocation(1, &genesis) else { unreachable!() };
    pair[1] = pair[0].clone();
    node.lanes.add_evidence(Evidence::LaneEquivocation(pair)).await;
    let next = in_time("a cut", node.lanes.next_cut(first_base(&genesis), Instant::now())).await;
    assert!(next.evidence.is_empty());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushed_equivocation_is_found_and_strange_lanes_are_ignored() {
    let home = tempfile::tempdir().unwrap();
    let genesis = genesis(&[1, 2, 3, 4]);
    let mut setup = Setup::new(&[1, 2, 3, 4], None, &home);
    setup.config.startup_check = false;
    let node = setup.start().await;
    let byzantine = peer_of(&node, &genesis, Some(2), Liar(Vec::new())).await;
    eventually("it is listed", || node.network.peers().len() == 1).await;
    byzantine.push(&segment(9, &genesis, 1));
    byzantine.push(&segment(2, &genesis, 1));
    byzantine.push(&segment(2, &genesis, 2));
    let count = |reason| node.metrics.lanes.segments_refused.get_or_create(&ReasonLabel { reason }).get();
    eventually("the strange lane is counted", || count("unknown_lane") == 1).await;
    eventually("the second variant is dropped", || count("equivocation") == 1).await;
    byzantine.shutdown();
    node.stop().await;
}
