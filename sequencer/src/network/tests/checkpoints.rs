use super::super::checkpoints::{CheckpointSource, MAX_BYTES, PER_SECOND, ReceivedCheckpoint};
use super::*;
use crate::checkpoints::testing::{checkpoint, set, signed};
use fairlane_proto::v1;
use fairlane_types::{Encode as _, Height, SignedCheckpoint};
use libp2p::gossipsub;
use prost::Message as _;

/// Gives the height that was asked for back.
struct Echo;

impl CheckpointSource for Echo {
    fn certificates_above(&self, height: Height) -> Vec<Bytes> {
        vec![Bytes::copy_from_slice(&height.get().to_be_bytes())]
    }
}

fn statement(height: u64) -> SignedCheckpoint {
    signed(1, checkpoint(NETWORK, &set(&[1, 2]), height, 1))
}

/// What comes when a signature is announced until it does. Gossip needs a moment to know who listens.
async fn announced(
    from: &Node,
    to: &mut mpsc::Receiver<ReceivedCheckpoint>,
    signed: &SignedCheckpoint,
) -> ReceivedCheckpoint {
    for repeat in 0..100 {
        from.handle.announce_checkpoint(signed, repeat);
        if let Ok(received) = tokio::time::timeout(Duration::from_millis(200), to.recv()).await {
            return received.expect("the network runs");
        }
    }
    panic!("nothing arrives")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signatures_go_by_a_topic_of_their_own_and_no_further_than_the_verdict_lets_them() {
    let first = Setup { validator: Some(key(1)), ..Setup::default() }.start().await;
    let middle = Setup { peers: vec![first.address.clone()], ..Setup::default() }.start().await;
    let last = Setup { peers: vec![middle.address.clone()], ..Setup::default() }.start().await;
    let stranger = Setup { peers: vec![first.address.clone()], ..Setup::default() }.start().await;
    first.connected(2).await;
    last.connected(1).await;
    let _of_first = first.handle.join_checkpoints(Arc::new(Echo)).await;
    let mut of_middle = middle.handle.join_checkpoints(Arc::new(Echo)).await;
    let mut of_last = last.handle.join_checkpoints(Arc::new(Echo)).await;

    let refused = announced(&first, &mut of_middle, &statement(16)).await;
    assert_eq!(refused.signed, statement(16).to_bytes());
    middle.handle.gossip_verdict(refused.gossip, GossipVerdict::Reject).await;
    loop {
        let received = announced(&first, &mut of_middle, &statement(32)).await;
        middle.handle.gossip_verdict(received.gossip, GossipVerdict::Accept).await;
        if let Ok(forwarded) = tokio::time::timeout(Duration::from_millis(500), of_last.recv()).await {
            let forwarded = forwarded.unwrap();
            assert_eq!(forwarded.signed, statement(32).to_bytes(), "only the accepted one is forwarded");
            assert_eq!(forwarded.from, middle.handle.local_peer());
            break;
        }
    }

    let peer = middle.handle.local_peer();
    let found = last.handle.fetch_checkpoints(peer, Height::new(9)).await.unwrap();
    assert_eq!(found, [Bytes::copy_from_slice(&9u64.to_be_bytes())]);
    let found = first.handle.fetch_checkpoints(stranger.handle.local_peer(), Height::new(9)).await.unwrap();
    assert!(found.is_empty(), "who takes no part has none");
}

/// A peer that gossips by hand.
async fn gossip_by_hand(node: &Node, messages: Vec<Vec<u8>>) -> tokio::task::JoinHandle<()> {
    let limits = NetworkLimits::default();
    let mut swarm =
        behaviour::swarm(Keypair::generate_ed25519(), NETWORK, MAX_SEGMENT_BYTES, &limits).unwrap();
    swarm.behaviour_mut().gossip.subscribe(&behaviour::checkpoint_topic(NETWORK)).unwrap();
    swarm.dial(node.address.clone()).unwrap();
    tokio::spawn(async move {
        let mut messages = Some(messages);
        loop {
            let event = swarm.select_next_some().await;
            let libp2p::swarm::SwarmEvent::Behaviour(behaviour::BehaviourEvent::Gossip(
                gossipsub::Event::Subscribed { .. },
            )) = event
            else {
                continue;
            };
            for message in messages.take().unwrap_or_default() {
                let topic = behaviour::checkpoint_topic(NETWORK);
                swarm.behaviour_mut().gossip.publish(topic, message).unwrap();
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_and_floods_on_the_topic_cost_the_sender() {
    let node = Setup::default().start().await;
    let _received = node.handle.join_checkpoints(Arc::new(Echo)).await;
    let garbage = vec![vec![0xff; 40]];
    let large = vec![v1::CheckpointMessage { signed: vec![0; MAX_BYTES].into(), repeat: 1 }.encode_to_vec()];
    for (messages, offence) in [(garbage, Offence::Malformed), (large, Offence::Oversize)] {
        let peer = gossip_by_hand(&node, messages).await;
        eventually("the offence is counted", || node.offences(offence) == 1).await;
        peer.abort();
    }
    let message = |repeat| v1::CheckpointMessage { signed: statement(16).to_bytes().into(), repeat };
    let flood = (0..4 * PER_SECOND).map(|repeat| message(repeat).encode_to_vec()).collect();
    let peer = gossip_by_hand(&node, flood).await;
    eventually("the flood is counted", || node.offences(Offence::TooMany) > 0).await;
    peer.abort();
}
