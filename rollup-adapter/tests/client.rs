//! The client against real servers: receipts and proofs are verified, lies are errors.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use fairlane_proto::v1::Refusal;
use fairlane_rollup_adapter::{
    Client, ClientError, Outcome, ReceiptChecks, SubmitOptions, TransactionStatus,
};
use fairlane_types::{BatchIndex, BatchItem, Height, Leg, RollupId, Timestamp, Transaction, TxId};
use fairlane_verify::Standing;
use std::num::NonZeroU32;
use support::{Chain, Lie, ROLLUP, Server, World};

async fn connect(lie: Lie) -> (World, Server, Client) {
    let world = World::new();
    let server = Server::start(world.chain(3), lie).await;
    let client = Client::connect(&server.url(), &world.genesis).await.unwrap();
    (world, server, client)
}

#[tokio::test]
async fn a_receipt_is_taken_only_if_a_validator_signed_it_for_this_transaction() {
    let (world, server, client) = connect(Lie::None).await;
    let transaction = world.transaction(1);
    let receipt = client.submit(&transaction).await.unwrap();
    assert_eq!(receipt.transaction, transaction.id());
    assert_eq!(
        client.transaction_status(transaction.id()).await.unwrap(),
        TransactionStatus::Ordered { height: Height::new(3), position: 4 }
    );
    server.state().lie = Lie::OtherReceipt;
    assert!(matches!(client.submit(&transaction).await, Err(ClientError::OtherTransaction { .. })));
    server.state().lie = Lie::StrangerReceipt;
    assert!(matches!(client.submit(&transaction).await, Err(ClientError::Receipt(_))));
    server.state().lie = Lie::BrokenReceipt;
    assert!(matches!(client.submit(&transaction).await, Err(ClientError::Receipt(_))));
}

#[tokio::test]
async fn a_stream_answers_every_transaction_once() {
    let (world, _server, client) = connect(Lie::None).await;
    let options = SubmitOptions { max_in_flight: 16, ..SubmitOptions::default() };
    let (submitter, mut outcomes) = client.submit_stream(options).await.unwrap();
    let sender = world.clone();
    let sending = tokio::spawn(async move {
        for tag in 0..200u64 {
            submitter.submit(tag, &numbered(&sender, tag)).await.unwrap();
        }
    });
    let mut seen = [false; 200];
    let mut refused = 0;
    while let Some(outcome) = outcomes.next().await {
        let outcome = outcome.unwrap();
        assert!(!std::mem::replace(&mut seen[outcome.tag() as usize], true));
        match outcome {
            Outcome::Accepted(accepted) => {
                assert!(accepted.checked);
                accepted.receipt.verify(client.network()).unwrap();
            }
            Outcome::Refused(answer) => {
                refused += 1;
                assert_eq!((answer.reason, answer.retry), (Refusal::Duplicate, false));
                assert_eq!(answer.transaction, numbered(&world, answer.tag).id());
            }
        }
    }
    sending.await.unwrap();
    assert!(seen.iter().all(|seen| *seen));
    assert_eq!(refused, 20);
}

/// Every tenth one is refused by the server.
fn numbered(world: &World, tag: u64) -> Transaction {
    let payload = if tag.is_multiple_of(10) { Vec::new() } else { tag.to_be_bytes().to_vec() };
    let leg = Leg { rollup: world.genesis.rollups[0].id, payload: payload.into() };
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&tag.to_be_bytes());
    Transaction::new(vec![leg], Timestamp::from_nanos(1), salt).unwrap()
}

#[tokio::test]
async fn lies_in_a_stream_are_errors_and_sampling_is_told() {
    for lie in [Lie::OtherReceipt, Lie::StrangerReceipt, Lie::BrokenReceipt] {
        let (world, _server, client) = connect(lie).await;
        let (submitter, mut outcomes) = client.submit_stream(SubmitOptions::default()).await.unwrap();
        submitter.submit(7, &world.transaction(1)).await.unwrap();
        assert!(outcomes.next().await.unwrap().is_err(), "{lie:?}");
    }
    let (world, _server, client) = connect(Lie::None).await;
    let receipts = ReceiptChecks::Every(NonZeroU32::new(4).unwrap());
    let (submitter, mut outcomes) =
        client.submit_stream(SubmitOptions { receipts, ..SubmitOptions::default() }).await.unwrap();
    submitter.submit(1, &world.transaction(1)).await.unwrap();
    assert!(matches!(submitter.submit(1, &world.transaction(2)).await, Err(ClientError::TagInUse(1))));
    drop(submitter);
    assert!(matches!(outcomes.next().await, Some(Ok(Outcome::Accepted(accepted))) if accepted.checked));
    assert!(outcomes.next().await.is_none());
}

#[tokio::test]
async fn a_stream_that_ends_early_tells_what_has_no_answer() {
    let (world, _server, client) = connect(Lie::EndSubmissions).await;
    let (submitter, mut outcomes) = client.submit_stream(SubmitOptions::default()).await.unwrap();
    submitter.submit(1, &world.transaction(1)).await.unwrap();
    assert!(matches!(outcomes.next().await, Some(Ok(_))));
    let transaction = world.transaction(2);
    submitter.submit(2, &transaction).await.unwrap();
    assert!(matches!(outcomes.next().await, Some(Err(ClientError::Ended))));
    assert_eq!(outcomes.unanswered(), [(2, transaction.id())]);
}

#[tokio::test]
async fn heads_are_proven_present_and_absent() {
    let (_, _server, client) = connect(Lie::None).await;
    let head = client.head(ROLLUP).await.unwrap();
    assert!(matches!(head.standing, Standing::Registered(leaf) if leaf.index == BatchIndex::new(3)));
    assert_eq!(head.block.height(), Height::new(3));
    for unknown in [1, 25, 99] {
        let head = client.head(RollupId::new(unknown)).await.unwrap();
        assert_eq!(head.standing, Standing::Unregistered);
    }
    assert_eq!(client.header(Height::new(2)).await.unwrap().height(), Height::new(2));
    assert_eq!(client.status().await.unwrap().height, Height::new(3));
}

#[tokio::test]
async fn bundles_are_proven_with_all_their_legs() {
    let world = World::new();
    let id = TxId::from_bytes([5; 32]);
    let leg = |leg_index| BatchItem { transaction: id, leg_index, leg_count: 2, payload: vec![9].into() };
    let mut chain = Chain::new(&world);
    chain.push(vec![(10, vec![leg(0)]), (30, vec![leg(1)])]);
    let server = Server::start(chain, Lie::None).await;
    let client = Client::connect(&server.url(), &world.genesis).await.unwrap();
    let bundle = client.bundle(id).await.unwrap();
    assert_eq!(bundle.height(), Height::FIRST);
    assert_eq!(bundle.rollups().collect::<Vec<_>>(), [RollupId::new(10), RollupId::new(30)]);
    let missing = client.bundle(TxId::from_bytes([6; 32])).await;
    assert!(matches!(missing, Err(ClientError::Refused { reason: Refusal::NotFound, retry: false, .. })));
}

#[tokio::test]
async fn a_node_of_another_network_is_refused_at_once() {
    let world = World::new();
    let server = Server::start(World::named("other").chain(1), Lie::None).await;
    let refused = Client::connect(&server.url(), &world.genesis).await;
    assert!(matches!(refused, Err(ClientError::OtherNetwork { .. })));
    let url = server.url();
    drop(server);
    support::until("the port is closed", || std::net::TcpStream::connect(&url["http://".len()..]).is_err())
        .await;
    assert!(matches!(Client::connect(&url, &world.genesis).await, Err(ClientError::Unreachable { .. })));
}
