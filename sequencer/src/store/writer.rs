//! The one thread that writes: it drains the queue into transactions and answers after each commit.
//!
//! The queue is bounded by requests and by bytes; senders wait while it is full. A group holds what is queued when
//! the thread gets to it, up to [`GROUP_BYTES`], so it grows with the load. A commit costs about the same whatever it
//! holds; so what nobody waits for waits a while for something that somebody does wait for.

use super::apply::{ApplyError, apply};
use super::prune;
use super::tables::Tables;
use super::{StoreError, WriterContext};
use fairlane_engine::{FinalizedBlock, StoredProposal};
use fairlane_types::{CommitCertificate, Height, Proposal, Segment};
use prometheus_client::metrics::gauge::Gauge;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};

/// The most requests that wait.
const QUEUE_REQUESTS: usize = 4096;
/// The most KiB that wait.
const QUEUE_KIB: u32 = 128 * 1024;
/// Roughly the most bytes in one transaction.
const GROUP_BYTES: u64 = 16 << 20;
/// How long what nobody waits for may lie.
const LINGER: Duration = Duration::from_millis(50);
/// How long a decision waits for what follows from it, so that both take one commit. About as long as executing takes.
const DECISION_LINGER: Duration = Duration::from_millis(4);
/// Old blocks are deleted along with a commit, this often.
const PRUNE_INTERVAL: Duration = Duration::from_millis(200);

/// One thing to keep.
pub(super) enum Write {
    Segments(Vec<Arc<Segment>>),
    OwnSegment(Arc<Segment>),
    Proposal(Height, Box<StoredProposal>),
    Decided(Arc<Proposal>, CommitCertificate),
    Finalized(Arc<FinalizedBlock>),
}

impl Write {
    /// Roughly how many bytes it holds.
    fn bytes(&self) -> usize {
        match self {
            Self::Segments(segments) => segments.iter().map(|segment| segment.bytes().len()).sum(),
            Self::OwnSegment(segment) => segment.bytes().len(),
            Self::Proposal(..) | Self::Decided(..) => 16 << 10,
            Self::Finalized(block) => {
                let bodies: usize = block.batches.iter().map(|batch| batch.body().len()).sum();
                bodies + block.order.entries.len() * 64 + block.snapshot.as_ref().map_or(0, Vec::len)
            }
        }
    }
}

type Reply = oneshot::Sender<Result<(), StoreError>>;

/// A write, and who waits for it.
struct Job {
    write: Write,
    reply: Option<Reply>,
    /// Its share of the queue's bytes, given back when the job is done.
    _permit: OwnedSemaphorePermit,
}

impl Job {
    /// How long it may wait for others.
    fn patience(&self) -> Duration {
        match (&self.write, &self.reply) {
            (_, None) => LINGER,
            (Write::Decided(..), _) => DECISION_LINGER,
            _ => Duration::ZERO,
        }
    }
}

enum Request {
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
    /// Starts the thread.
    pub(super) fn start(context: WriterContext) -> std::io::Result<Self> {
        let (requests, received) = mpsc::channel(QUEUE_REQUESTS);
        let (failed, failure) = watch::channel(None);
        let waiting = context.metrics.queue.clone();
        let clock = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || Writer { context, received, failed, clock }.run())?;
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
        let request = Request::Write(Job { write, reply, _permit: permit });
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

    /// Waits until all that is queued is durable, and ends the thread.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let (reply, done) = oneshot::channel();
        if self.requests.send(Request::Close(reply)).await.is_err() {
            return self.failure.borrow().clone().map_or(Ok(()), Err);
        }
        done.await.unwrap_or_else(|_| Err(self.failure()))
    }
}

/// What a transaction comes to: published once it is durable.
pub(super) struct Outcome {
    /// The first height kept; zero while none is.
    pub(super) min: Height,
    /// The last finalized height.
    pub(super) tip: Height,
    /// Bytes of values written.
    pub(super) bytes: u64,
    /// Blocks deleted.
    pub(super) pruned: u64,
}

struct Writer {
    context: WriterContext,
    received: mpsc::Receiver<Request>,
    failed: watch::Sender<Option<StoreError>>,
    /// Waits with a time limit.
    clock: Runtime,
}

impl Writer {
    fn run(mut self) {
        let mut last_prune = Instant::now();
        while let Some(first) = self.received.blocking_recv() {
            let (group, close) = self.group(first);
            let prune = last_prune.elapsed() >= PRUNE_INTERVAL;
            if prune {
                last_prune = Instant::now();
            }
            let result = self.commit(group, prune);
            if let Err(error) = &result {
                tracing::error!(%error, "the store cannot be written any more");
                self.failed.send_replace(Some(error.clone()));
            }
            let failed = result.is_err();
            if let Some(reply) = close {
                let result = result.and_then(|()| self.finish());
                // The writer's hold on the file ends before whoever asked hears of it, who may be gone.
                drop(self);
                let _ = reply.send(result);
                return;
            }
            if failed {
                // Dropping the receiver fails all that is queued and all that comes.
                return;
            }
        }
    }

    /// The first request and those that come before the most impatient of them must be written, up to the limit of a
    /// group.
    fn group(&mut self, first: Request) -> (Vec<Job>, Option<Reply>) {
        let begun = tokio::time::Instant::now();
        let mut group = Vec::new();
        let mut bytes = 0u64;
        let mut patience = LINGER;
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Close(reply) => return (group, Some(reply)),
                Request::Write(job) => {
                    bytes += job.write.bytes() as u64;
                    patience = patience.min(job.patience());
                    group.push(job);
                }
            }
            next = if bytes < GROUP_BYTES { self.next_before(begun + patience) } else { None };
        }
        (group, None)
    }

    /// What is queued, or comes before the deadline.
    fn next_before(&mut self, deadline: tokio::time::Instant) -> Option<Request> {
        if let Ok(request) = self.received.try_recv() {
            return Some(request);
        }
        let received = &mut self.received;
        let wait = async { tokio::time::timeout_at(deadline, received.recv()).await.ok().flatten() };
        if tokio::time::Instant::now() < deadline { self.clock.block_on(wait) } else { None }
    }

    /// One transaction for the whole group, and the answers.
    fn commit(&self, group: Vec<Job>, prune: bool) -> Result<(), StoreError> {
        if group.is_empty() {
            return Ok(());
        }
        let started = Instant::now();
        let requests = group.len();
        let metrics = &self.context.metrics;
        metrics.queue.dec_by(i64::try_from(requests).unwrap_or(i64::MAX));
        let (outcome, refusals) = match self.transaction(&group, prune) {
            Ok(done) => done,
            Err(error) => {
                group.into_iter().for_each(|job| answer(job, Err(error.clone())));
                return Err(error);
            }
        };
        self.publish(&group, &outcome);
        metrics.commits.inc();
        metrics.requests.inc_by(requests as u64);
        metrics.written_bytes.inc_by(outcome.bytes);
        metrics.commit_seconds.observe(started.elapsed().as_secs_f64());
        for (job, refusal) in group.into_iter().zip(refusals) {
            answer(job, refusal.map_or(Ok(()), Err));
        }
        Ok(())
    }

    /// Applies and commits a group. Gives for each of its jobs whether it was refused.
    fn transaction(
        &self,
        group: &[Job],
        prune: bool,
    ) -> Result<(Outcome, Vec<Option<StoreError>>), StoreError> {
        let context = &self.context;
        let mut transaction = context.database.begin_write()?;
        transaction.set_quick_repair(context.options.quick_repair);
        let mut outcome =
            Outcome { min: context.bounds.min(), tip: context.bounds.tip(), bytes: 0, pruned: 0 };
        let mut refusals = Vec::with_capacity(group.len());
        {
            let mut tables = Tables::open(&transaction)?;
            for job in group {
                match apply(&mut tables, &job.write, &context.network, &mut outcome) {
                    Ok(()) => refusals.push(None),
                    Err(ApplyError::Refused(error)) => refusals.push(Some(error)),
                    Err(ApplyError::Failed(error)) => return Err(error),
                }
            }
            if prune {
                prune::step(&mut tables, &mut outcome, &context.options.retention, context.expiry_bound)?;
            }
        }
        transaction.commit()?;
        Ok((outcome, refusals))
    }

    /// Makes what is durable now visible to readers in memory.
    fn publish(&self, group: &[Job], outcome: &Outcome) {
        for job in group {
            if let Write::Finalized(block) = &job.write
                && block.height() <= outcome.tip
            {
                let mut recent = self.context.recent.write().unwrap_or_else(PoisonError::into_inner);
                recent.push(block.height(), block.order.ids().collect());
            }
        }
        self.context.bounds.set(outcome.min, outcome.tip);
        let metrics = &self.context.metrics;
        metrics.min_height.set(i64::try_from(outcome.min.get()).unwrap_or(i64::MAX));
        if let Ok(file) = std::fs::metadata(&self.context.path) {
            metrics.file_bytes.set(i64::try_from(file.len()).unwrap_or(i64::MAX));
        }
        if outcome.pruned > 0 {
            tracing::debug!(blocks = outcome.pruned, "old blocks were deleted");
        }
    }

    /// A last commit that saves what the next open needs to be quick.
    fn finish(&self) -> Result<(), StoreError> {
        let mut transaction = self.context.database.begin_write()?;
        transaction.set_quick_repair(true);
        transaction.commit()?;
        Ok(())
    }
}

fn answer(job: Job, result: Result<(), StoreError>) {
    if let Some(reply) = job.reply {
        // Whoever asked may be gone; what was asked is done all the same.
        let _ = reply.send(result);
    }
}
