//! The way of a write: through the journal, which makes it durable at once, to the thread that writes redb.
//!
//! One thread takes requests in the order in which they were queued, appends them to the journal, syncs it when
//! somebody waits, answers, and hands them on. Only a finalized block, which can be computed again, goes past the
//! journal: it is durable with redb's next commit. The queue is bounded by requests and by bytes, counted until redb has
//! them; senders wait while it is full.

use super::journal::Journal;
use super::writer::Writer;
use super::{StoreError, WriterContext};
use crate::metrics::StoreMetrics;
use fairlane_engine::{FinalizedBlock, StoredProposal};
use fairlane_types::{CommitCertificate, Height, LaneId, Proposal, Segment, SegmentRef};
use prometheus_client::metrics::gauge::Gauge;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

/// The most requests that wait for the journal, and again for redb.
const QUEUE_REQUESTS: usize = 4096;
/// The most KiB that wait.
const QUEUE_KIB: u32 = 128 * 1024;
/// The most requests that share a sync of the journal.
const GROUP: usize = 256;

/// One thing to keep.
pub(super) enum Write {
    Segments(Vec<Arc<Segment>>),
    OwnSegment(Arc<Segment>),
    Proposal(Height, Box<StoredProposal>),
    Decided(Arc<Proposal>, CommitCertificate),
    Finalized(Arc<FinalizedBlock>),
    /// Only to learn when all that came before can be read.
    Nothing,
}

impl Write {
    /// Roughly how many bytes it holds.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Segments(segments) => segments.iter().map(|segment| segment.bytes().len()).sum(),
            Self::OwnSegment(segment) => segment.bytes().len(),
            Self::Proposal(..) | Self::Decided(..) => 16 << 10,
            Self::Finalized(block) => {
                let bodies: usize = block.batches.iter().map(|batch| batch.body().len()).sum();
                bodies + block.order.entries.len() * 64 + block.snapshot.as_ref().map_or(0, Vec::len)
            }
            Self::Nothing => 0,
        }
    }

    fn is_journaled(&self) -> bool {
        !matches!(self, Self::Finalized(_) | Self::Nothing)
    }
}

pub(super) type Reply = oneshot::Sender<Result<(), StoreError>>;

/// A write, and who waits for it.
pub(super) struct Job {
    pub(super) write: Write,
    /// How many jobs were handed on up to this one.
    pub(super) number: u64,
    reply: Option<Reply>,
    /// Its share of the queue's bytes, given back when the job is done.
    _permit: OwnedSemaphorePermit,
}

impl Job {
    /// Whether somebody waits until redb has it.
    pub(super) fn waits_for_commit(&self) -> bool {
        self.reply.is_some()
    }
}

pub(super) fn answer(job: Job, result: Result<(), StoreError>) {
    if let Some(reply) = job.reply {
        // Whoever asked may be gone; what was asked is done all the same.
        let _ = reply.send(result);
    }
}

pub(super) enum Request {
    Write(Job),
    Close(Reply),
}

/// The senders' side.
pub(super) struct Queue {
    requests: mpsc::Sender<Request>,
    bytes: Arc<Semaphore>,
    failure: watch::Receiver<Option<StoreError>>,
    waiting: Gauge,
}

impl Queue {
    /// Starts both threads. `newest` is the newest own segment of each lane.
    pub(super) fn start(
        context: WriterContext,
        journal: Journal,
        newest: BTreeMap<LaneId, SegmentRef>,
    ) -> std::io::Result<Self> {
        let (requests, received) = mpsc::channel(QUEUE_REQUESTS);
        let (next, handed_on) = mpsc::channel(QUEUE_REQUESTS);
        let (failure, waiting) = (context.failed.subscribe(), context.metrics.queue.clone());
        let keeper = Keeper {
            journal,
            newest,
            received,
            next,
            number: 0,
            committed: Arc::clone(&context.committed),
            failed: Arc::clone(&context.failed),
            metrics: context.metrics.clone(),
        };
        Writer::start(context, handed_on)?;
        std::thread::Builder::new().name("store-journal".to_owned()).spawn(move || keeper.run())?;
        Ok(Self { requests, bytes: Arc::new(Semaphore::new(QUEUE_KIB as usize)), failure, waiting })
    }

    /// Queues a write and returns.
    pub(super) async fn send(&self, write: Write) -> Result<(), StoreError> {
        self.enqueue(write, None).await
    }

    /// Queues a write and waits until it is durable.
    pub(super) async fn durable(&self, write: Write) -> Result<(), StoreError> {
        let (reply, done) = oneshot::channel();
        self.enqueue(write, Some(reply)).await?;
        done.await.unwrap_or_else(|_| Err(self.failure()))
    }

    async fn enqueue(&self, write: Write, reply: Option<Reply>) -> Result<(), StoreError> {
        let kib = u32::try_from(write.bytes() >> 10).unwrap_or(QUEUE_KIB).clamp(1, QUEUE_KIB);
        let permit = Arc::clone(&self.bytes).acquire_many_owned(kib).await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        let request = Request::Write(Job { write, number: 0, reply, _permit: permit });
        self.requests.send(request).await.map_err(|_| self.failure())?;
        self.waiting.inc();
        Ok(())
    }

    fn failure(&self) -> StoreError {
        self.failure.borrow().clone().unwrap_or(StoreError::Closed)
    }

    /// Resolves when a write failed.
    pub(super) async fn failed(&self) -> StoreError {
        let mut failure = self.failure.clone();
        let failed = failure.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        match failed {
            Some(error) => error,
            // Closed in good order: no failure will ever come.
            None => std::future::pending().await,
        }
    }

    /// Waits until all that is queued is in redb, and ends the threads.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let (reply, done) = oneshot::channel();
        if self.requests.send(Request::Close(reply)).await.is_err() {
            return self.failure.borrow().clone().map_or(Ok(()), Err);
        }
        done.await.unwrap_or_else(|_| Err(self.failure()))
    }
}

/// The thread that writes the journal.
struct Keeper {
    journal: Journal,
    newest: BTreeMap<LaneId, SegmentRef>,
    received: mpsc::Receiver<Request>,
    next: mpsc::Sender<Request>,
    /// How many jobs were handed on.
    number: u64,
    /// How many of these are durable in redb.
    committed: Arc<AtomicU64>,
    failed: Arc<watch::Sender<Option<StoreError>>>,
    metrics: StoreMetrics,
}

impl Keeper {
    fn run(mut self) {
        while let Some(first) = self.received.blocking_recv() {
            let (group, close) = self.group(first);
            match self.keep(group) {
                Ok(true) => {}
                // The writer ended after a failure that it told.
                Ok(false) => return,
                Err(error) => {
                    tracing::error!(%error, "the store's journal cannot be written any more");
                    self.failed.send_replace(Some(error));
                    return;
                }
            }
            if let Some(reply) = close {
                // The writer answers; its end is the end of the store.
                let _ = self.next.blocking_send(Request::Close(reply));
                return;
            }
        }
    }

    /// The first request and those that came meanwhile.
    fn group(&mut self, first: Request) -> (Vec<Job>, Option<Reply>) {
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Close(reply) => return (group, Some(reply)),
                Request::Write(job) => group.push(job),
            }
            next = if group.len() < GROUP { self.received.try_recv().ok() } else { None };
        }
        (group, None)
    }

    /// Makes a group durable as far as somebody waits for it, answers, and hands it on. Gives false when nobody takes
    /// it any more.
    fn keep(&mut self, group: Vec<Job>) -> Result<bool, StoreError> {
        let started = Instant::now();
        let mut accepted = Vec::with_capacity(group.len());
        for job in group {
            match self.judge(&job.write) {
                Ok(()) => accepted.push(job),
                Err(refusal) => {
                    self.metrics.queue.dec();
                    answer(job, Err(refusal));
                }
            }
        }
        let journaled = || accepted.iter().filter(|job| job.write.is_journaled());
        let is_awaited = journaled().any(|job| job.reply.is_some());
        self.journal.append(journaled().map(|job| &job.write))?;
        if is_awaited {
            self.journal.sync()?;
            self.metrics.journal_seconds.observe(started.elapsed().as_secs_f64());
        }
        for mut job in accepted {
            self.number += 1;
            job.number = self.number;
            if let Some(reply) = job.reply.take_if(|_| job.write.is_journaled()) {
                // Whoever asked may be gone.
                let _ = reply.send(Ok(()));
            }
            if self.next.blocking_send(Request::Write(job)).is_err() {
                return Ok(false);
            }
        }
        self.journal.turn(self.number, self.committed.load(Ordering::Acquire))?;
        Ok(true)
    }

    /// The safety rule of lanes: a place is signed once.
    fn judge(&mut self, write: &Write) -> Result<(), StoreError> {
        let Write::OwnSegment(segment) = write else { return Ok(()) };
        let at = segment.reference();
        match self.newest.get(&at.lane) {
            Some(newest) if *newest != at && newest.seq >= at.seq => {
                Err(StoreError::WouldEquivocate { found: at.seq, newest: newest.seq })
            }
            _ => {
                self.newest.insert(at.lane, at);
                Ok(())
            }
        }
    }
}
