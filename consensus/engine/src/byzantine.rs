//! A validator that signs two histories, for tests and demonstrations. Behind the feature `byzantine`, which no
//! release of the node has, and out of the node's reach even with it: this is a peer of its own, which joins the
//! consensus network with a validator's key beside that validator's node.

use crate::codec::WireCodec;
use crate::config::EngineConfig;
use crate::error::EngineError;
use crate::machine::{Observer, PeerEvent, start_error};
use arc_malachitebft_app::engine::network::{NetworkEvent, NetworkIdentity, NetworkMsg, NetworkRef};
use arc_malachitebft_app::metrics::SharedRegistry;
use arc_malachitebft_app::spawn;
use arc_malachitebft_app::types::core::{NilOrVal, Round as MalachiteRound, SignedProposal, SignedVote};
use arc_malachitebft_app::types::{Keypair, SignedConsensusMsg};
use fairlane_agreement::{Address, BlockHeight, BlockValue, FairlaneContext, ProposalMessage, Vote};
use fairlane_types::{BlockId, Height, NetworkId, SigningKey, VoteKind};
use std::time::Duration;
use tokio::sync::mpsc;

/// How long both messages may take to leave.
const SENT_WITHIN: Duration = Duration::from_secs(1);

/// What is signed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoubleSign {
    /// A vote.
    Vote(VoteKind),
    /// A proposal.
    Proposal,
}

/// Joins the network of `config` as a peer of its own, waits until all of `persistent_peers` are connected and vote,
/// and sends two messages that exclude each other, signed by the config's key, for the height that is voted on. Gives
/// that height.
pub async fn sign_twice(
    config: EngineConfig,
    network_id: NetworkId,
    what: DoubleSign,
) -> Result<Height, EngineError> {
    let key = config.signing_key.clone();
    let key = key.ok_or(EngineError::Config { setting: "signing_key", why: "there is none to sign with" })?;
    let (settings, sync) = (config.consensus(&network_id), config.value_sync());
    let registry = SharedRegistry::global().with_moniker(&config.moniker);
    let identity = NetworkIdentity::new(config.moniker.clone(), Keypair::generate_ed25519(), None);
    let network = spawn::spawn_network_actor(&settings, &sync, identity, &registry, WireCodec).await;
    let network: NetworkRef<FairlaneContext> = network.map_err(start_error)?;
    let (observer, events, _) = Observer::start().await?;
    network.cast(NetworkMsg::Subscribe(Box::new(observer.clone()))).map_err(start_error)?;
    let height = height_when_connected(events, config.persistent_peers.len()).await?;
    for message in two_messages(&key, &network_id, height, what) {
        network.cast(NetworkMsg::PublishConsensusMsg(message)).map_err(start_error)?;
    }
    tokio::time::sleep(SENT_WITHIN).await;
    network.stop(None);
    observer.stop(None);
    Ok(height)
}

/// The height of the first vote after so many peers have connected.
async fn height_when_connected(
    mut events: mpsc::Receiver<PeerEvent>,
    peers: usize,
) -> Result<Height, EngineError> {
    let mut connected = 0;
    while let Some(event) = events.recv().await {
        match event {
            NetworkEvent::PeerConnected(_) => connected += 1,
            NetworkEvent::Vote(_, vote) if connected >= peers => return Ok(vote.message.height.0),
            _ => {}
        }
    }
    Err(EngineError::Stopped)
}

fn two_messages(
    key: &SigningKey,
    network: &NetworkId,
    height: Height,
    what: DoubleSign,
) -> Vec<SignedConsensusMsg<FairlaneContext>> {
    let (height, round) = (BlockHeight(height), MalachiteRound::new(0));
    let signer = Address(key.validator());
    let blocks = [1, 2].map(|side| BlockId::from_bytes([side; 32]));
    let messages = blocks.into_iter().filter_map(|block| match what {
        DoubleSign::Vote(kind) => {
            let vote = Vote { kind, height, round, value: NilOrVal::Val(block), validator: signer };
            let signature = key.sign(&vote.sign_bytes(network)?);
            Some(SignedConsensusMsg::Vote(SignedVote::new(vote, signature)))
        }
        DoubleSign::Proposal => {
            let pol_round = MalachiteRound::Nil;
            let value = BlockValue(block);
            let proposal = ProposalMessage { height, round, value, pol_round, proposer: signer };
            let signature = key.sign(&proposal.sign_bytes(network)?);
            Some(SignedConsensusMsg::Proposal(SignedProposal::new(proposal, signature)))
        }
    });
    messages.collect()
}
