//! Receiving segments: one task for the stream of each peer, which checks the greeting and then passes frames on.
//!
//! When the lane service is slow, reading pauses, and so, through the transport, does the peer's sending.

use crate::metrics::NetworkMetrics;
use crate::network::codec::{self, FrameError};
use crate::network::greeting::{self, GreetingError};
use crate::network::handle::{Command, ReceivedSegment};
use crate::network::offence::Offence;
use fairlane_proto::v1;
use fairlane_types::NetworkId;
use futures::AsyncReadExt as _;
use libp2p::{PeerId, Stream};
use std::time::Duration;
use tokio::sync::mpsc;

/// What the receiving side of every peer needs.
#[derive(Clone)]
pub(super) struct Receiver {
    pub(super) network: NetworkId,
    pub(super) max_segment_bytes: usize,
    pub(super) timeout: Duration,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) received: mpsc::Sender<ReceivedSegment>,
    pub(super) metrics: NetworkMetrics,
}

impl Receiver {
    /// Reads a peer's stream to its end, and reports what was wrong with it.
    pub(super) async fn run(self, peer: PeerId, mut stream: Stream) {
        if let Err(offence) = self.read(peer, &mut stream).await {
            let _ = self.commands.send(Command::Offence(peer, offence)).await;
        }
    }

    async fn read(&self, peer: PeerId, stream: &mut Stream) -> Result<(), Offence> {
        let hello = match tokio::time::timeout(self.timeout, codec::read(stream, greeting::MAX_BYTES)).await {
            Ok(Ok(hello)) => hello,
            Ok(Err(error)) => return offence_of(peer, &error),
            Err(_) => return Ok(()),
        };
        let validator = match greeting::check(&hello, self.network, &peer) {
            Ok(validator) => validator,
            Err(error) => {
                self.refuse(stream, &error).await;
                tracing::warn!(%peer, %error, "a peer's greeting is refused");
                return Err(offence_of_greeting(&error));
            }
        };
        let welcome = v1::HelloReply { refusal: String::new() };
        if codec::write(stream, &welcome).await.is_err() {
            return Ok(());
        }
        let _ = self.commands.send(Command::Greeted(peer, validator)).await;
        loop {
            let limit = self.max_segment_bytes + codec::FIELD_BYTES;
            match codec::read::<v1::SegmentMessage, _>(stream, limit).await {
                Ok(message) => self.pass_on(peer, message).await,
                Err(error) => return offence_of(peer, &error),
            }
        }
    }

    async fn pass_on(&self, peer: PeerId, message: v1::SegmentMessage) {
        self.metrics.segments_in.inc();
        self.metrics.bytes_in.inc_by(message.segment.len() as u64);
        let segment = ReceivedSegment { from: peer, bytes: message.segment, gossip: None };
        // Without a receiver the node is shutting down.
        let _ = self.received.send(segment).await;
    }

    /// Tells the reason and waits a moment for the peer to read it and leave.
    async fn refuse(&self, stream: &mut Stream, error: &GreetingError) {
        let reply = v1::HelloReply { refusal: error.to_string() };
        let told = async {
            codec::write(stream, &reply).await?;
            stream.read(&mut [0; 1]).await
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), told).await;
    }
}

fn offence_of(peer: PeerId, error: &FrameError) -> Result<(), Offence> {
    tracing::debug!(%peer, %error, "a stream of segments ended");
    match error {
        FrameError::Io(_) => Ok(()),
        FrameError::Oversize { .. } => Err(Offence::Oversize),
        FrameError::Malformed(_) => Err(Offence::Malformed),
    }
}

fn offence_of_greeting(error: &GreetingError) -> Offence {
    match error {
        GreetingError::WrongNetwork { .. } => Offence::WrongNetwork,
        GreetingError::WrongVersion { .. } => Offence::WrongVersion,
        GreetingError::Proof(_) | GreetingError::Key(_) => Offence::WrongProof,
        GreetingError::Malformed(_) => Offence::Malformed,
    }
}
