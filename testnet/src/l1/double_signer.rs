//! Signs two histories with a validator's key, beside the validator's own node: as an operator does who runs two
//! nodes with one key, or whoever stole it.

use eyre::WrapErr as _;
use fairlane_engine::EngineConfig;
use fairlane_engine::byzantine::{DoubleSign, sign_twice};
use fairlane_l1::CheckpointKey;
use fairlane_rollup_adapter::genesis_file;
use fairlane_sequencer::config::{Config, Home, Overrides};
use fairlane_sequencer::keys;
use fairlane_sequencer::metrics::Metrics;
use fairlane_sequencer::network::{
    self, CheckpointSource, FetchWant, GossipVerdict, NetworkConfig, NetworkHandle, NetworkParts,
    ReceivedSegment, SegmentSource,
};
use fairlane_types::{
    BlockId, Checkpoint, CommitCertificate, Decode as _, Genesis, Height, LaneId, Segment, SegmentDraft,
    SignedCheckpoint, SigningKey, Timestamp, ValidatorId, VoteKind,
};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long peers may take to connect, and to answer.
const LIMIT: Duration = Duration::from_secs(20);
/// How long the validator's next checkpoint may take.
const CHECKPOINT_LIMIT: Duration = Duration::from_secs(60);

/// What to do wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Offence {
    /// Two segments at one place of its lane.
    Lane,
    /// Two prevotes in one round.
    Prevote,
    /// Two precommits in one round.
    Precommit,
    /// Two proposals in one round.
    Proposal,
    /// Two checkpoints of one height.
    Checkpoint,
}

impl Offence {
    /// Whether blocks carry its evidence. That of checkpoints goes to Ethereum alone.
    pub(crate) fn is_for_blocks(self) -> bool {
        self != Self::Checkpoint
    }
}

/// Commits the offence with the key of the validator in `home`, before all others of its network. Says what was
/// done.
pub(crate) async fn commit(home: &Path, offence: Offence) -> eyre::Result<String> {
    let home = Home::new(home);
    let config = Config::load(&home, &Overrides::default())?;
    let genesis = genesis_file::read(&home.genesis())?;
    let key = keys::read_consensus(&home.consensus_key())?;
    match offence {
        Offence::Lane => fork_lane(&config, &genesis, &key).await,
        Offence::Prevote => vote(&config, &genesis, key, DoubleSign::Vote(VoteKind::Prevote)).await,
        Offence::Precommit => vote(&config, &genesis, key, DoubleSign::Vote(VoteKind::Precommit)).await,
        Offence::Proposal => vote(&config, &genesis, key, DoubleSign::Proposal).await,
        Offence::Checkpoint => {
            let checkpoint_key = keys::read_checkpoint(&home.checkpoint_key())?;
            sign_checkpoint(&config, &genesis, &key, &checkpoint_key).await
        }
    }
}

async fn vote(config: &Config, genesis: &Genesis, key: SigningKey, what: DoubleSign) -> eyre::Result<String> {
    let listen = "/ip4/127.0.0.1/tcp/0".parse()?;
    let engine = EngineConfig {
        moniker: "double-signer".into(),
        persistent_peers: config.consensus.peers.clone(),
        gossip: config.consensus.gossip,
        // There is no log: this peer takes no part in consensus.
        ..EngineConfig::new(Some(key), listen, "/dev/null".into())
    };
    let signing = sign_twice(engine, genesis.network(), what);
    let height = tokio::time::timeout(LIMIT, signing).await.wrap_err("no votes to be heard in time")??;
    let what = match what {
        DoubleSign::Vote(VoteKind::Prevote) => "prevotes",
        DoubleSign::Vote(VoteKind::Precommit) => "precommits",
        DoubleSign::Proposal => "proposals",
    };
    Ok(format!("two {what} at height {height}, round 0"))
}

/// This peer serves nothing.
struct Nothing;

impl SegmentSource for Nothing {
    fn segments(&self, _: &FetchWant, _: usize) -> Vec<bytes::Bytes> {
        Vec::new()
    }

    fn decided(&self) -> Option<CommitCertificate> {
        None
    }
}

impl CheckpointSource for Nothing {
    fn certificates_above(&self, _: Height) -> Vec<bytes::Bytes> {
        Vec::new()
    }
}

/// Joins the segment network beside the validator's own node, as one more peer of all the others, and gets what they send.
async fn join(
    config: &Config,
    genesis: &Genesis,
    key: &SigningKey,
) -> eyre::Result<(NetworkHandle, mpsc::Receiver<ReceivedSegment>)> {
    let (network, received) = network::start(
        NetworkConfig { peers: config.segments.peers.clone(), ..NetworkConfig::default() },
        NetworkParts {
            keypair: network::Keypair::generate_ed25519(),
            network: genesis.network(),
            max_segment_bytes: genesis.params.max_segment_bytes as usize,
            validator: Some(key.clone()),
            source: Arc::new(Nothing),
            metrics: Metrics::new(env!("CARGO_PKG_VERSION")).network,
        },
    )?;
    let mut peers = network.watch_peers();
    let all = config.segments.peers.len();
    tokio::time::timeout(LIMIT, peers.wait_for(|peers| peers.len() >= all))
        .await
        .wrap_err("the other validators do not connect in time")??;
    Ok((network, received))
}

/// Signs another checkpoint of a height of which the validator's own node has signed one, and gossips it.
async fn sign_checkpoint(
    config: &Config,
    genesis: &Genesis,
    key: &SigningKey,
    checkpoint_key: &CheckpointKey,
) -> eyre::Result<String> {
    let (network, _segments) = join(config, genesis, key).await?;
    let mut received = network.join_checkpoints(Arc::new(Nothing)).await;
    let own = loop {
        let next = tokio::time::timeout(CHECKPOINT_LIMIT, received.recv()).await;
        let message =
            next.wrap_err("no checkpoint in time")?.ok_or_else(|| eyre::eyre!("the network ended"))?;
        network.gossip_verdict(message.gossip, GossipVerdict::Ignore).await;
        let signed = SignedCheckpoint::from_bytes(message.signed)?;
        if signed.validator == key.validator() {
            break signed;
        }
    };
    let other = Checkpoint { block: BlockId::from_bytes([0xbd; 32]), ..own.checkpoint };
    let forged =
        SignedCheckpoint { checkpoint: other, signature: checkpoint_key.secret().sign(&other), ..own };
    // Gossip loses messages now and then.
    for repeat in 0..4 {
        network.announce_checkpoint(&forged, repeat);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    network.shutdown();
    Ok(format!("two checkpoints at height {}", other.height))
}

/// Signs another segment at the place of the lane's newest one, and pushes it to all peers.
async fn fork_lane(config: &Config, genesis: &Genesis, key: &SigningKey) -> eyre::Result<String> {
    let (network, _segments) = join(config, genesis, key).await?;
    let original = newest_segment(&network, genesis, &key.validator()).await?;
    let forged = another(&original, genesis, key)?;
    network.push(&forged);
    // It is one small frame for each peer.
    tokio::time::sleep(Duration::from_secs(1)).await;
    network.shutdown();
    Ok(format!("two segments {} in its lane", forged.header().seq))
}

async fn newest_segment(
    network: &NetworkHandle,
    genesis: &Genesis,
    validator: &ValidatorId,
) -> eyre::Result<Segment> {
    let member = genesis.validators.get(validator);
    let lane: LaneId = member.ok_or_else(|| eyre::eyre!("{validator} is no member of the set"))?.lane();
    for peer in network.peers().iter() {
        let Ok(found) = network.fetch(peer.peer, FetchWant::Head(lane)).await else { continue };
        if let Some(bytes) = found.into_iter().next() {
            return Ok(Segment::decode(bytes, genesis.network(), &genesis.params)?);
        }
    }
    eyre::bail!("no peer holds a segment of the lane")
}

/// A segment at the same place that says nothing, a moment later.
fn another(original: &Segment, genesis: &Genesis, key: &SigningKey) -> eyre::Result<Segment> {
    let header = original.header();
    let timestamp = Timestamp::from_nanos(header.timestamp.as_nanos() + 1);
    let draft = SegmentDraft {
        lane: header.lane,
        seq: header.seq,
        parent: header.parent,
        timestamp,
        events: Vec::new(),
        transactions: Vec::new(),
    };
    Ok(draft.seal(genesis.network(), &genesis.params, key)?)
}
