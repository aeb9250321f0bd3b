use super::*;
use fairlane_proto::v1::submit_service_client::SubmitServiceClient;
use fairlane_proto::v1::{self, SubmitItem, SubmitRequest, SubmitStreamRequest, submit_request::Content};
use fairlane_rollup_adapter::{Client, Outcome, SubmitOptions, TransactionStatus};
use fairlane_types::{Height, Receipt};
use std::collections::BTreeMap;
use tonic::{Code, Status};

async fn validator(limits: RpcLimits) -> Node {
    Setup { takes_transactions: true, limits, ..Setup::default() }.start().await
}

async fn submit(node: &Node, content: Content) -> Result<Receipt, Status> {
    let mut client = SubmitServiceClient::new(node.channel().await);
    let response = client.submit(SubmitRequest { content: Some(content) }).await?.into_inner();
    Ok(response.receipt.unwrap().try_into().unwrap())
}

async fn envelope(node: &Node, transaction: &Transaction) -> Result<Receipt, Status> {
    submit(node, Content::Envelope(transaction.envelope().clone())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_gets_a_receipt_that_verifies_and_is_pending() {
    let node = validator(RpcLimits::default()).await;
    let client = Client::connect(&node.url(), &node.chain.genesis).await.unwrap();
    let transaction = transaction(1, 100, 1);
    assert_eq!(client.transaction_status(transaction.id()).await.unwrap(), TransactionStatus::Unknown);
    let receipt = client.submit(&transaction).await.unwrap();
    assert_eq!(receipt.header.lane, node.chain.lane());
    assert_eq!(client.transaction_status(transaction.id()).await.unwrap(), TransactionStatus::Pending);
    assert_eq!(node.metrics.rpc.receipts.get(), 1);
    // The fields say the same as the envelope.
    let twin = super::transaction(1, 50, 2);
    let legs = vec![v1::Leg { rollup_id: 1, payload: vec![7; 50].into() }];
    let (expires_at_nanos, salt) = (twin.expires_at().as_nanos(), twin.salt().to_vec().into());
    let fields = v1::Transaction { legs, expires_at_nanos, salt };
    assert_eq!(submit(&node, Content::Transaction(fields)).await.unwrap().transaction, twin.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_ordered_is_refused_with_its_reason() {
    let node = validator(RpcLimits::default()).await;
    let good = transaction(1, 100, 1);
    envelope(&node, &good).await.unwrap();
    assert_eq!(reason(envelope(&node, &good).await), Refusal::Duplicate);
    assert_eq!(reason(envelope(&node, &transaction(9, 10, 2)).await), Refusal::UnknownRollup);
    assert_eq!(reason(envelope(&node, &expiring(1, 10, 3, now() - 1)).await), Refusal::Expired);
    let far = expiring(1, 10, 4, now() + 3_600_000_000_000);
    assert_eq!(reason(envelope(&node, &far).await), Refusal::ExpiryTooFar);
    assert_eq!(reason(envelope(&node, &transaction(1, 200 << 10, 5)).await), Refusal::TooLarge);
    for garbage in [vec![], vec![0], vec![9; 40], vec![1; 4000]] {
        assert_eq!(reason(submit(&node, Content::Envelope(garbage.into())).await), Refusal::Malformed);
    }
    for count in [0, 9] {
        let legs = vec![v1::Leg { rollup_id: 1, payload: vec![1].into() }; count];
        let fields = v1::Transaction { legs, expires_at_nanos: now() + 1_000_000_000, salt: vec![].into() };
        assert_eq!(reason(submit(&node, Content::Transaction(fields)).await), Refusal::Malformed);
    }
    let mut client = SubmitServiceClient::new(node.channel().await);
    assert_eq!(reason(client.submit(SubmitRequest { content: None }).await), Refusal::Malformed);
    let short = v1::GetTransactionStatusRequest { transaction_id: vec![1; 31].into() };
    assert_eq!(reason(client.get_transaction_status(short).await), Refusal::Malformed);
    let huge =
        client.submit(SubmitRequest { content: Some(Content::Envelope(vec![0; 8 << 20].into())) }).await;
    assert_eq!(huge.unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_fast_is_told_to_wait_and_may_go_on_then() {
    let limits = RpcLimits { client_transactions_per_second: 5, ..RpcLimits::default() };
    let node = validator(limits).await;
    let mut refused = 0;
    for salt in 0..12 {
        if let Err(status) = envelope(&node, &transaction(1, 10, salt)).await {
            assert_eq!(refusal::reason_of(&status), Some(Refusal::RateLimited));
            assert_eq!(status.code(), Code::ResourceExhausted);
            refused += 1;
        }
    }
    assert!(refused > 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    envelope(&node, &transaction(1, 10, 99)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_answers_everything_with_few_in_flight() {
    let limits = RpcLimits { max_in_flight: 8, ..RpcLimits::default() };
    let node = validator(limits).await;
    let client = Client::connect(&node.url(), &node.chain.genesis).await.unwrap();
    let (submitter, mut outcomes) = client.submit_stream(SubmitOptions::default()).await.unwrap();
    let sending = tokio::spawn(async move {
        for tag in 0..300 {
            // Every third comes twice, every tenth is for nobody.
            let salt = if tag % 3 == 1 { tag - 1 } else { tag };
            let rollup = if salt % 10 == 0 { 9 } else { 1 };
            submitter.submit(tag, &expiring(rollup, 64, salt, fixed_expiry())).await.unwrap();
        }
    });
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    while let Some(outcome) = outcomes.next().await {
        let name = match outcome.unwrap() {
            Outcome::Accepted(_) => "accepted",
            Outcome::Refused(refused) => refused.reason.as_str_name(),
        };
        *counts.entry(name).or_default() += 1;
    }
    sending.await.unwrap();
    assert_eq!(counts.values().sum::<usize>(), 300);
    assert_eq!(counts.get("REFUSAL_UNKNOWN_ROLLUP"), Some(&30));
    assert_eq!(counts.get("REFUSAL_DUPLICATE"), Some(&90));
}

/// The same for all transactions of a test, so that equal ones have one id.
fn fixed_expiry() -> u64 {
    static AT: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *AT.get_or_init(|| now() + 60_000_000_000)
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_a_stream_is_refused_alone() {
    let node = validator(RpcLimits::default()).await;
    let mut client = SubmitServiceClient::new(node.channel().await);
    let items = vec![
        SubmitItem { tag: 1, envelope: vec![7; 9].into() },
        SubmitItem { tag: 2, envelope: transaction(1, 10, 1).envelope().clone() },
    ];
    let requests = tokio_stream::iter([SubmitStreamRequest { items }]);
    let mut answers = client.submit_stream(requests).await.unwrap().into_inner();
    let (mut refused, mut accepted) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.message().await.unwrap() {
        refused.extend(answer.refusals.into_iter().map(|refusal| (refusal.tag, refusal.reason())));
        accepted.extend(answer.receipts.into_iter().flat_map(|group| group.entries).map(|entry| entry.tag));
    }
    assert_eq!((refused, accepted), (vec![(1, Refusal::Malformed)], vec![2]));
}

#[tokio::test(flavor = "multi_thread")]
async fn ordered_transactions_are_found_where_they_stand() {
    let mut node = Setup::default().start().await;
    node.block().await;
    let block = node.block().await;
    let client = Client::connect(&node.url(), &node.chain.genesis).await.unwrap();
    let id = block.order.ids().nth(1).unwrap();
    let standing = TransactionStatus::Ordered { height: Height::new(2), position: 1 };
    assert_eq!(client.transaction_status(id).await.unwrap(), standing);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_no_validator_says_so() {
    let node = Setup::default().start().await;
    assert_eq!(reason(envelope(&node, &transaction(1, 10, 1)).await), Refusal::NotReady);
    let mut client = SubmitServiceClient::new(node.channel().await);
    let requests = tokio_stream::iter([SubmitStreamRequest { items: Vec::new() }]);
    assert_eq!(reason(client.submit_stream(requests).await), Refusal::NotReady);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_a_stranger_would_be_noticed() {
    let node = validator(RpcLimits::default()).await;
    let mut genesis = node.chain.genesis.clone();
    let client = Client::connect(&node.url(), &genesis).await.unwrap();
    let receipt = client.submit(&transaction(1, 10, 1)).await.unwrap();
    client.check_receipt(&receipt).await.unwrap();
    let member = fairlane_types::Validator { id: stranger().validator(), ..genesis.validators.members()[0] };
    genesis.validators = fairlane_types::ValidatorSet::new(vec![member]).unwrap();
    assert!(Client::connect(&node.url(), &genesis).await.is_err(), "the network is another one then");
}
