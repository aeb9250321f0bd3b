//! Sending segments: one bounded queue and one stream for each connected peer.
//!
//! A segment is framed once and shared by all queues. When a peer's queue is full, the segment is dropped for that
//! peer and counted; it will see a reference to it in some lane and fetch it.

use crate::metrics::NetworkMetrics;
use crate::network::behaviour::SEGMENTS_PROTOCOL;
use crate::network::handle::Command;
use crate::network::{codec, greeting};
use bytes::Bytes;
use fairlane_proto::v1;
use futures::AsyncWriteExt as _;
use libp2p::{PeerId, Stream};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// The queues of all connected peers.
#[derive(Debug)]
pub(super) struct PushTable {
    queues: Mutex<HashMap<PeerId, QueueEntry>>,
    max_segments: usize,
    max_bytes: usize,
    metrics: NetworkMetrics,
}

#[derive(Debug)]
struct QueueEntry {
    sender: mpsc::Sender<Bytes>,
    queued_bytes: Arc<AtomicUsize>,
    /// Whether this peer gets segments by gossip, and so needs no push.
    by_gossip: bool,
}

/// The other end of one peer's queue.
#[derive(Debug)]
pub(super) struct PushQueue {
    receiver: mpsc::Receiver<Bytes>,
    queued_bytes: Arc<AtomicUsize>,
}

impl PushTable {
    pub(super) fn new(max_segments: usize, max_bytes: usize, metrics: NetworkMetrics) -> Self {
        Self { queues: Mutex::default(), max_segments, max_bytes, metrics }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PeerId, QueueEntry>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a queue for a peer; replaces the one before.
    pub(super) fn open(&self, peer: PeerId) -> PushQueue {
        let (sender, receiver) = mpsc::channel(self.max_segments);
        let queued_bytes = Arc::<AtomicUsize>::default();
        let entry = QueueEntry { sender, queued_bytes: Arc::clone(&queued_bytes), by_gossip: false };
        self.lock().insert(peer, entry);
        PushQueue { receiver, queued_bytes }
    }

    /// Forgets a peer's queue.
    pub(super) fn close(&self, peer: &PeerId) {
        self.lock().remove(peer);
    }

    /// Whether a peer gets segments by gossip.
    pub(super) fn set_by_gossip(&self, peer: &PeerId, by_gossip: bool) {
        if let Some(entry) = self.lock().get_mut(peer) {
            entry.by_gossip = by_gossip;
        }
    }

    /// Queues a frame for every peer that gets pushes.
    pub(super) fn push(&self, frame: &Bytes) {
        for entry in self.lock().values().filter(|entry| !entry.by_gossip) {
            let queued = entry.queued_bytes.load(Ordering::Relaxed);
            let fits = queued + frame.len() <= self.max_bytes || queued == 0;
            if !fits || entry.sender.try_send(frame.clone()).is_err() {
                self.metrics.segments_dropped.inc();
                continue;
            }
            entry.queued_bytes.fetch_add(frame.len(), Ordering::Relaxed);
        }
    }
}

impl PushQueue {
    async fn next(&mut self) -> Option<Bytes> {
        let frame = self.receiver.recv().await?;
        self.taken(&frame);
        Some(frame)
    }

    fn try_next(&mut self) -> Option<Bytes> {
        let frame = self.receiver.try_recv().ok()?;
        self.taken(&frame);
        Some(frame)
    }

    fn taken(&self, frame: &Bytes) {
        // The pushing side adds after queueing, so this may run first; the counter wraps and comes back.
        self.queued_bytes.fetch_sub(frame.len(), Ordering::Relaxed);
    }
}

/// One peer's sending side.
pub(super) struct Pusher {
    pub(super) peer: PeerId,
    pub(super) control: libp2p_stream::Control,
    pub(super) hello: v1::Hello,
    pub(super) timeout: Duration,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) metrics: NetworkMetrics,
}

/// How a stream of segments ended.
enum End {
    /// The peer does not want this node.
    Refused(String),
    /// The queue is gone: the peer is disconnected.
    Closed,
}

impl Pusher {
    const PAUSE: Duration = Duration::from_millis(500);

    /// Sends from the queue until the peer is gone or refuses. A stream that breaks is opened again after a pause.
    pub(super) async fn run(mut self, mut queue: PushQueue) {
        loop {
            match self.stream(&mut queue).await {
                Ok(End::Closed) => return,
                Ok(End::Refused(reason)) => {
                    tracing::warn!(peer = %self.peer, %reason, "a peer refuses this node");
                    let _ = self.commands.send(Command::Refused(self.peer)).await;
                    return;
                }
                Err(error) => {
                    tracing::debug!(peer = %self.peer, %error, "a stream of segments broke");
                    tokio::time::sleep(Self::PAUSE).await;
                }
            }
        }
    }

    async fn stream(&mut self, queue: &mut PushQueue) -> io::Result<End> {
        let mut stream = self
            .in_time(self.timeout, self.control.clone().open_stream(self.peer, SEGMENTS_PROTOCOL))
            .await?;
        self.in_time(self.timeout, codec::write(&mut stream, &self.hello)).await?;
        let reply: v1::HelloReply =
            self.in_time(self.timeout, codec::read(&mut stream, greeting::MAX_BYTES)).await?;
        if !reply.refusal.is_empty() {
            return Ok(End::Refused(reply.refusal));
        }
        let _ = self.commands.send(Command::Accepted(self.peer)).await;
        while let Some(frame) = queue.next().await {
            self.in_time(self.timeout, self.send_queued(&mut stream, frame, queue)).await?;
        }
        Ok(End::Closed)
    }

    /// Sends a frame and some of those that wait behind it, then flushes once.
    async fn send_queued(&self, stream: &mut Stream, first: Bytes, queue: &mut PushQueue) -> io::Result<()> {
        const MOST: usize = 16;
        let mut next = Some(first);
        for _ in 0..MOST {
            let Some(frame) = next else { break };
            stream.write_all(&frame).await?;
            self.metrics.segments_out.inc();
            self.metrics.bytes_out.inc_by(frame.len() as u64);
            next = queue.try_next();
        }
        if let Some(frame) = next {
            stream.write_all(&frame).await?;
            self.metrics.segments_out.inc();
            self.metrics.bytes_out.inc_by(frame.len() as u64);
        }
        stream.flush().await
    }

    async fn in_time<T, E>(
        &self,
        timeout: Duration,
        work: impl Future<Output = Result<T, E>>,
    ) -> io::Result<T>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        match tokio::time::timeout(timeout, work).await {
            Ok(result) => result.map_err(io::Error::other),
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes too long")),
        }
    }
}
