use super::*;
use fairlane_proto::v1::Refusal;
use fairlane_types::Receipt;
use std::time::Instant;

async fn single(home: &tempfile::TempDir) -> Node {
    let node = Setup::new(&[1], Some(1), home).start().await;
    node.writing().await;
    node
}

fn reasons(answers: &[SubmitReply]) -> Vec<(u64, Refusal)> {
    let mut reasons: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            SubmitReply::Refused { tag, reason, message } => {
                assert!(!message.is_empty());
                (*tag, *reason)
            }
            SubmitReply::Receipts { .. } => panic!("a receipt instead of a refusal: {answer:?}"),
        })
        .collect();
    reasons.sort();
    reasons
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_verify_and_their_segments_are_durable() {
    let home = tempfile::tempdir().unwrap();
    let node = single(&home).await;
    let transactions: Vec<_> = (0..300).map(|salt| transaction(1, 200, salt)).collect();
    let answers = node.submit(transactions.clone()).await;
    let mut tags = BTreeSet::new();
    for answer in answers {
        let SubmitReply::Receipts { header, signature, entries } = answer else { panic!("{answer:?}") };
        node.store.settle().await.unwrap();
        let stored = node.store.segment(&header.reference()).unwrap();
        assert!(stored.is_some(), "a receipt is given only for a durable segment");
        for entry in entries {
            assert_eq!(entry.id, transactions[entry.tag as usize].id());
            let receipt = Receipt {
                transaction: entry.id,
                header: header.clone(),
                signature,
                index: entry.index,
                path: entry.path,
            };
            receipt.verify(&node.store.network()).unwrap();
            tags.insert(entry.tag);
        }
    }
    assert_eq!(tags.len(), 300);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_of_one_segment_come_together() {
    let home = tempfile::tempdir().unwrap();
    let node = single(&home).await;
    let answers = node.submit((0..200).map(|salt| transaction(1, 20, salt)).collect()).await;
    assert!(answers.len() <= 3, "200 small transactions at once need {} segments", answers.len());
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_will_never_be_ordered_is_refused_with_its_reason() {
    let home = tempfile::tempdir().unwrap();
    let node = single(&home).await;
    let now = crate::clock::system_time();
    let answers = node
        .submit(vec![
            transaction_until(1, 10, 1, now.saturating_sub(1)),
            transaction_until(1, 10, 2, now.saturating_add(600 * SECOND)),
            transaction(77, 10, 3),
            transaction(1, 200_000, 4),
        ])
        .await;
    let expected = [Refusal::Expired, Refusal::ExpiryTooFar, Refusal::UnknownRollup, Refusal::TooLarge];
    assert_eq!(reasons(&answers), (0..).zip(expected).collect::<Vec<_>>());
    let expired = ReasonLabel { reason: Refusal::Expired.as_str_name() };
    assert_eq!(node.metrics.lanes.submissions_refused.get_or_create(&expired).get(), 1);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_transaction_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let node = single(&home).await;
    let once = transaction(1, 10, 1);
    let first = node.submit(vec![once.clone()]).await;
    assert!(matches!(&first[..], [SubmitReply::Receipts { .. }]), "{first:?}");
    assert_eq!(reasons(&node.submit(vec![once]).await), [(0, Refusal::Duplicate)]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_without_a_lane_takes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let node = Setup::new(&[1], None, &home).start().await;
    assert_eq!(reasons(&node.submit(vec![transaction(1, 10, 1)]).await), [(0, Refusal::NotReady)]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_lane_refuses_and_recovers_when_the_chain_moves_on() {
    let home = tempfile::tempdir().unwrap();
    let mut setup = Setup::new(&[1], Some(1), &home);
    setup.genesis.params.lane_window_segments = 4;
    setup.genesis.params.max_segment_bytes = 300_000;
    setup.base = first_base(&setup.genesis);
    let base = setup.base.clone();
    let node = setup.start().await;
    node.writing().await;
    // Two of these fill a segment; the window has room for four, and the rest of what is taken waits.
    let flood: Vec<_> = (0..200).map(|salt| transaction(1, 100_000, salt)).collect();
    let (replies, mut answers) = mpsc::channel(256);
    let tagged = flood.iter().cloned().enumerate().map(|(tag, transaction)| (tag as u64, transaction));
    node.lanes.submit(tagged.collect(), replies).await;
    let mut refused = 0;
    while refused == 0 {
        if let SubmitReply::Refused { reason, .. } = in_time("a refusal", answers.recv()).await.unwrap() {
            assert_eq!(reason, Refusal::LaneFull);
            refused += 1;
        }
    }
    let mut status = node.lanes.status();
    in_time("the window", status.wait_for(|status| status.lanes[0].head.get() == 4)).await.unwrap();
    let next = in_time("a cut", node.lanes.next_cut(base.clone(), Instant::now())).await;
    node.lanes.decided(after(&base, &next.cut)).await;
    in_time("writing goes on", status.wait_for(|status| status.lanes[0].head.get() > 4)).await.unwrap();
    node.stop().await;
}
