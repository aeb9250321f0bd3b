use super::*;
use fairlane_proto::v1::batch_service_client::BatchServiceClient;
use fairlane_proto::v1::chain_service_client::ChainServiceClient;
use fairlane_proto::v1::{GetHeaderRequest, GetRangeRequest, GetValidatorsRequest};
use fairlane_rollup_adapter::{Client, ClientError};
use fairlane_types::{BatchIndex, Decode, Height, TxId, ValidatorSet};
use fairlane_verify::Standing;

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_proven_at_the_newest_block() {
    let mut node = Setup { blocks: 4, ..Setup::default() }.start().await;
    let client = Client::connect(&node.url(), &node.chain.genesis).await.unwrap();
    let before = client.head(ROLLUP).await.unwrap();
    assert_eq!(before.block.height(), Height::new(4));
    let block = node.block().await;
    let mut head = client.head(ROLLUP).await.unwrap();
    while head.block.height() < Height::new(5) {
        head = client.head(ROLLUP).await.unwrap();
    }
    assert_eq!(head.block.id(), block.proposal.id());
    let expected = BatchIndex::new(node.batches());
    assert!(matches!(head.standing, Standing::Registered(leaf) if leaf.index == expected));
    for unknown in [0, 3, u64::MAX] {
        assert_eq!(client.head(RollupId::new(unknown)).await.unwrap().standing, Standing::Unregistered);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_are_proven_where_they_were_ordered() {
    let mut node = Setup::default().start().await;
    node.block().await;
    let block = node.block().await;
    node.block().await;
    let client = Client::connect(&node.url(), &node.chain.genesis).await.unwrap();
    for id in block.order.ids() {
        let bundle = client.bundle(id).await.unwrap();
        assert_eq!((bundle.height(), bundle.legs().len()), (Height::new(2), 1));
    }
    let missing = client.bundle(TxId::from_bytes([1; 32])).await;
    assert!(matches!(missing, Err(ClientError::Refused { reason: Refusal::NotFound, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_bounded_and_start_where_they_should() {
    let limits = RpcLimits { max_range_batches: 7, ..RpcLimits::default() };
    let node = Setup { blocks: 20, limits, ..Setup::default() }.start().await;
    let mut client = BatchServiceClient::new(node.channel().await);
    for (wanted, expected) in [(3, 3), (0, 7), (100, 7)] {
        let request = GetRangeRequest { rollup_id: 1, from_index: 2, max_batches: wanted };
        let mut range = client.get_range(request).await.unwrap().into_inner();
        let mut index = 2u64;
        while let Some(answer) = range.message().await.unwrap() {
            assert_eq!(answer.batch.unwrap().batch_header[8..16], index.to_be_bytes());
            index += 1;
        }
        assert_eq!(index, 2 + expected);
    }
    let mut refused = async |rollup_id, from_index| {
        reason(client.get_range(GetRangeRequest { rollup_id, from_index, max_batches: 1 }).await)
    };
    assert_eq!(refused(1, 0).await, Refusal::Malformed);
    assert_eq!(refused(1, 1000).await, Refusal::Ahead);
    assert_eq!(refused(5, 1).await, Refusal::UnknownRollup);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_validators_and_status_tell_how_the_node_stands() {
    let mut node = Setup { blocks: 3, ..Setup::default() }.start().await;
    let client = Client::connect(&node.url(), &node.chain.genesis).await.unwrap();
    node.engine.send_modify(|status| {
        (status.finalized, status.best_peer_height, status.peers) = (Height::new(3), Height::new(30), 2);
    });
    let status = client.status().await.unwrap();
    assert_eq!((status.height, status.min_height), (Height::new(3), Height::FIRST));
    assert!(status.catching_up);
    assert_eq!((status.raw.consensus_peers, status.raw.version.as_str()), (2, "test"));
    assert_eq!(status.rollups.len(), 2);
    assert_eq!(status.rollups[0].batches.get(), node.batches());
    assert_eq!(client.header(Height::new(2)).await.unwrap().height(), Height::new(2));
    let block = node.block().await;
    let mut newest = client.header(Height::ZERO).await.unwrap();
    while newest.height() < Height::new(4) {
        newest = client.header(Height::ZERO).await.unwrap();
    }
    assert_eq!(newest.id(), block.proposal.id());
    assert_eq!(client.status().await.unwrap().ordered_transactions, block.order.entries.len() as u64);

    let mut chain = ChainServiceClient::new(node.channel().await);
    assert_eq!(reason(chain.get_header(GetHeaderRequest { height: 99 }).await), Refusal::Ahead);
    for height in [0, 1, 4] {
        let answer = chain.get_validators(GetValidatorsRequest { height }).await.unwrap().into_inner();
        assert_eq!(ValidatorSet::from_bytes(answer.validators).unwrap(), node.chain.genesis.validators);
    }
    assert_eq!(reason(chain.get_validators(GetValidatorsRequest { height: 99 }).await), Refusal::Ahead);
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_first_block_there_is_nothing_to_prove() {
    let node = Setup::default().start().await;
    let client = Client::connect(&node.url(), &node.chain.genesis).await.unwrap();
    assert_eq!(client.status().await.unwrap().height, Height::ZERO);
    let refused = client.head(ROLLUP).await;
    assert!(matches!(refused, Err(ClientError::Refused { reason: Refusal::NotReady, retry: true, .. })));
    assert!(matches!(client.header(Height::ZERO).await, Err(ClientError::Refused { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ethereum_knows_is_told_as_far_as_it_is_kept() {
    use crate::rpc::OnEthereum;
    use fairlane_l1::Epoch;
    use fairlane_types::L1Anchor;
    let node = Setup { blocks: 2, ..Setup::default() }.start().await;
    let see = |checkpoint| L1View {
        block: L1Anchor { number: 150, hash: Default::default() },
        epoch: Epoch(5),
        sets: Default::default(),
        starts: Default::default(),
        checkpoint,
    };
    assert_eq!(node.services.on_ethereum().await.unwrap(), None, "it has not looked yet");
    node.ethereum.send_replace(Some(see(None)));
    assert_eq!(node.services.on_ethereum().await.unwrap(), None, "there is no checkpoint yet");
    let heads = node.chain.state.heads();
    node.book.put_heads(Height::new(32), heads).unwrap();
    for (height, heads) in [(32, heads.leaves().to_vec()), (48, Vec::new())] {
        let checkpoint = Height::new(height);
        node.ethereum.send_replace(Some(see(Some(checkpoint))));
        assert_eq!(node.services.on_ethereum().await.unwrap(), Some(OnEthereum { checkpoint, heads }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_served_with_the_heads_of_their_heights() {
    use crate::checkpoints::testing::{certificate, checkpoint, set};
    use fairlane_proto::convert::canonical;
    use fairlane_proto::v1::GetCheckpointRequest;
    use fairlane_types::{CheckpointCertificate, HeadPath};
    let node = Setup { blocks: 2, ..Setup::default() }.start().await;
    let mut chain = ChainServiceClient::new(node.channel().await);
    let ask = |height, rollup_id| GetCheckpointRequest { height, rollup_id };
    assert_eq!(reason(chain.get_checkpoint(ask(0, None)).await), Refusal::NotFound);
    let (network, members) = (node.chain.state.network(), set(&[1, 2, 3, 4]));
    let certified = |height| certificate(&members, checkpoint(network, &members, height, 1), &[1, 2, 3]);
    for height in [16, 32] {
        node.book.put_certificate(&certified(height)).unwrap();
    }
    let heads = node.chain.state.heads();
    node.book.put_heads(Height::new(32), heads).unwrap();

    let newest = chain.get_checkpoint(ask(0, Some(ROLLUP.get()))).await.unwrap().into_inner();
    let found: CheckpointCertificate = canonical("certificate", &newest.certificate).unwrap();
    assert_eq!(found, certified(32));
    let path: HeadPath = canonical("head_path", &newest.head_path).unwrap();
    assert_eq!((path.root(), path.leaf.rollup), (Some(heads.root()), ROLLUP));
    let older = chain.get_checkpoint(ask(16, None)).await.unwrap().into_inner();
    assert_eq!(canonical::<CheckpointCertificate>("certificate", &older.certificate).unwrap(), certified(16));
    for (height, rollup) in [(48, None), (16, Some(ROLLUP.get())), (32, Some(99))] {
        assert_eq!(reason(chain.get_checkpoint(ask(height, rollup)).await), Refusal::NotFound, "{height}");
    }
}
