use super::*;
use fairlane_engine::CutVerdict;
use fairlane_types::{BlockHeader, BlockId, Hash32, Proposal, Round};

/// A proposal as far as the lane service looks at it.
fn proposal(base: &CutBase, next: &fairlane_engine::NextCut, genesis: &Genesis) -> Arc<Proposal> {
    let header = BlockHeader {
        network: genesis.network(),
        height: base.height.next(),
        time: Timestamp::ZERO,
        parent: BlockId::ZERO,
        cut_root: next.cut.root(),
        heads_root: Hash32::ZERO,
        evidence_root: fairlane_types::evidence::root(&next.evidence),
        state_root: Hash32::ZERO,
        ordered_count: 0,
        capped: false,
        validators_hash: genesis.validators.hash(),
        next_validators_hash: genesis.validators.hash(),
        l1_anchor: next.l1_anchor,
        rollups_root: next.rollups.root(),
    };
    let (cut, evidence) = (next.cut.clone(), next.evidence.clone());
    Arc::new(Proposal { header, cut, evidence, next_validators: None, rollups: next.rollups.clone() })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_of_all_validators_get_into_decided_cuts() {
    let home = tempfile::tempdir().unwrap();
    let nodes = four(&home, |_| {}).await;
    let genesis = genesis(&[1, 2, 3, 4]);
    let mut wanted = BTreeSet::new();
    for (salt, node) in nodes.iter().enumerate() {
        node.writing().await;
        let transaction = transaction(1, 100, salt as u64);
        wanted.insert(transaction.id());
        assert!(matches!(&node.submit(vec![transaction]).await[..], [SubmitReply::Receipts { .. }]));
    }
    let mut base = first_base(&genesis);
    for height in 0..30 {
        let proposer = &nodes[height % 4];
        let next = in_time("a cut", proposer.lanes.next_cut(base.clone(), Instant::now())).await;
        let proposal = proposal(&base, &next, &genesis);
        for node in &nodes {
            let judged = node.lanes.judge(base.clone(), proposal.clone(), Round::ZERO, true);
            let content = in_time("a judgement", judged).await.unwrap();
            assert_eq!(content, next.content, "everybody holds the same content");
        }
        base = after(&base, &next.cut);
        for node in &nodes {
            node.lanes.decided(base.clone()).await;
        }
        wanted = &wanted - &ids(&next.content).into_iter().collect();
        if wanted.is_empty() {
            break;
        }
    }
    assert!(wanted.is_empty(), "not included: {wanted:?}");
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_node_fetches_what_was_decided() {
    let home = tempfile::tempdir().unwrap();
    let nodes = four(&home, |_| {}).await;
    let mut base = first_base(&genesis(&[1, 2, 3, 4]));
    let mut decided = Vec::new();
    for height in 0..12u64 {
        for (at, node) in nodes.iter().enumerate() {
            node.writing().await;
            node.submit((0..5).map(|n| transaction(1, 2_000, height * 100 + at as u64 * 10 + n)).collect())
                .await;
        }
        let next = in_time("a cut", nodes[0].lanes.next_cut(base.clone(), Instant::now())).await;
        decided.push((base.clone(), next.clone()));
        base = after(&base, &next.cut);
        for (before, node) in std::iter::repeat(&decided.last().unwrap().0).zip(&nodes) {
            in_time("the content", node.lanes.fetch(before.clone(), next.cut.clone())).await;
            node.lanes.decided(base.clone()).await;
        }
    }
    let mut late = Setup::new(&[1, 2, 3, 4], None, &home);
    late.peers = nodes.iter().map(|node| node.address.clone()).collect();
    let late = late.start().await;
    for (base, next) in decided {
        let content = in_time("catching up", late.lanes.fetch(base.clone(), next.cut.clone())).await;
        assert_eq!(content, next.content);
        late.lanes.decided(after(&base, &next.cut)).await;
    }
    assert!(late.metrics.cuts.fetched.get() > 0);
    late.stop().await;
    for node in nodes {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_gap_is_fetched_from_one_peer_by_ranges() {
    let home = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(&[1], Some(1), &home);
    setup.config.interval = Duration::from_millis(5);
    let author = setup.start().await;
    author.writing().await;
    for round in 0..60 {
        author.submit(vec![transaction(1, 100_000, round)]).await;
    }
    let base = first_base(&genesis(&[1]));
    let next = in_time("a cut", author.lanes.next_cut(base.clone(), Instant::now())).await;
    let mut late = Setup::new(&[1], None, &home);
    late.peers = vec![author.address.clone()];
    let late = late.start().await;
    let content = in_time("catching up", late.lanes.fetch(base, next.cut.clone())).await;
    assert_eq!(content, next.content);
    let (fetched, requests) = (late.metrics.cuts.fetched.get(), late.metrics.network.fetches.get());
    assert!(requests * 4 < fetched, "{requests} requests for {fetched} segments");
    late.stop().await;
    author.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_lane_still_gives_cuts_by_heartbeats() {
    let home = tempfile::tempdir().unwrap();
    let node = Setup::new(&[1], Some(1), &home).start().await;
    node.writing().await;
    let mut base = first_base(&genesis(&[1]));
    let started = Instant::now();
    for _ in 0..2 {
        let next = in_time("a cut", node.lanes.next_cut(base.clone(), Instant::now())).await;
        base = after(&base, &next.cut);
        node.lanes.decided(base.clone()).await;
    }
    assert!(started.elapsed() >= Duration::from_millis(1_500), "empty blocks keep the idle interval");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_is_given_at_its_time_whatever_else_comes_in() {
    let home = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(&[1], Some(1), &home);
    // Nothing else makes the service look at what consensus waits for.
    let never = Duration::from_secs(600);
    setup.config = LaneServiceConfig { heartbeat: never, idle_block: never, ..setup.config };
    let node = setup.start().await;
    node.writing().await;
    node.submit(vec![transaction(1, 100, 0)]).await;
    let base = first_base(&genesis(&[1]));
    let outdated = transaction_until(1, 100, 1, Timestamp::ZERO);
    for _ in 0..40 {
        let next = node.lanes.next_cut(base.clone(), Instant::now() + Duration::from_millis(5));
        let refused = async {
            loop {
                node.submit(vec![outdated.clone()]).await;
            }
        };
        tokio::select! {
            next = in_time("a cut", next) => assert_eq!(ids(&next.content).len(), 1),
            () = refused => unreachable!("it goes on"),
        }
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_is_written_while_its_validator_is_in_the_set() {
    let home = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(&[1], Some(2), &home);
    setup.config.startup_check = false;
    let base = setup.base.clone();
    let node = setup.start().await;
    let refusal = |replies: Vec<SubmitReply>| match &replies[..] {
        [SubmitReply::Refused { message, .. }] => message.clone(),
        other => panic!("{other:?}"),
    };
    let outside = refusal(node.submit(vec![transaction(1, 10, 1)]).await);
    assert!(outside.contains("not in the validator set"), "{outside}");

    let heads = genesis(&[1, 2]).validators.members().iter().map(|member| base.head(member.lane())).collect();
    let cut = Cut::new(heads).unwrap();
    let joined =
        CutBase { height: base.height.next(), cut, validators: genesis(&[1, 2]).validators, ..base.clone() };
    node.lanes.decided(joined.clone()).await;
    node.writing().await;
    assert!(matches!(&node.submit(vec![transaction(1, 10, 2)]).await[..], [SubmitReply::Receipts { .. }]));
    assert_eq!(node.lanes.in_force().borrow().validators, joined.validators);

    node.lanes.decided(CutBase { height: joined.height.next(), ..base }).await;
    let mut status = node.lanes.status();
    in_time("the end of the lane", status.wait_for(|status| !status.writing)).await.unwrap();
    assert_eq!(refusal(node.submit(vec![transaction(1, 10, 3)]).await), outside);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proposal_with_a_wrong_anchor_or_strange_evidence_is_invalid() {
    let home = tempfile::tempdir().unwrap();
    let node = Setup::new(&[1], Some(1), &home).start().await;
    node.writing().await;
    let (genesis, base) = (genesis(&[1]), first_base(&genesis(&[1])));
    let next = in_time("a cut", node.lanes.next_cut(base.clone(), Instant::now())).await;
    let mut wrong = Proposal::clone(&proposal(&base, &next, &genesis));
    wrong.header.l1_anchor.number = 5;
    let verdict = node.lanes.judge(base.clone(), Arc::new(wrong), Round::ZERO, true).await;
    assert!(matches!(verdict, Err(CutVerdict::Invalid(_))), "{verdict:?}");

    let mut wrong = Proposal::clone(&proposal(&base, &next, &genesis));
    wrong.evidence = vec![hostile::equivocation(9, &genesis)];
    let verdict = node.lanes.judge(base.clone(), Arc::new(wrong), Round::ZERO, true).await;
    assert!(matches!(&verdict, Err(CutVerdict::Invalid(why)) if why.contains("no validator")), "{verdict:?}");

    let mut wrong = Proposal::clone(&proposal(&base, &next, &genesis));
    let twice = hostile::equivocation(1, &genesis);
    wrong.evidence = vec![twice.clone(), twice];
    let verdict = node.lanes.judge(base, Arc::new(wrong), Round::ZERO, true).await;
    assert!(matches!(&verdict, Err(CutVerdict::Invalid(why)) if why.contains("twice")), "{verdict:?}");
    node.stop().await;
}
