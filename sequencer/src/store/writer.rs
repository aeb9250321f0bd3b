//! The thread that writes redb: it drains the queue into transactions.
//!
//! A group holds what is queued when the thread gets to it, up to [`GROUP_BYTES`], so it grows with the load. A commit
//! costs about the same whatever it holds; so what nobody waits for, or what the journal made durable already, waits a
//! while for something that somebody does wait for.

use super::apply::{ApplyError, apply};
use super::prune;
use super::queue::{Job, Reply, Request, Write, answer};
use super::tables::Tables;
use super::{StoreError, WriterContext};
use fairlane_types::Height;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

/// Roughly the most bytes in one transaction.
const GROUP_BYTES: u64 = 16 << 20;
/// How long what nobody waits for may lie.
const LINGER: Duration = Duration::from_millis(50);
/// Old blocks are deleted along with a commit, this often.
const PRUNE_INTERVAL: Duration = Duration::from_millis(200);

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

pub(super) struct Writer {
    context: WriterContext,
    received: mpsc::Receiver<Request>,
    /// Waits with a time limit.
    clock: Runtime,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(context: WriterContext, received: mpsc::Receiver<Request>) -> std::io::Result<()> {
        let clock = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let writer = Self { context, received, clock };
        std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || writer.run())?;
        Ok(())
    }

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
                self.context.failed.send_replace(Some(error.clone()));
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
                    if job.waits_for_commit() {
                        patience = Duration::ZERO;
                    }
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
        let last = group.last().map_or(0, |job| job.number);
        let metrics = &self.context.metrics;
        metrics.queue.dec_by(i64::try_from(requests).unwrap_or(i64::MAX));
        let (outcome, refusals) = match self.transaction(&group, prune) {
            Ok(done) => done,
            Err(error) => {
                group.into_iter().for_each(|job| answer(job, Err(error.clone())));
                return Err(error);
            }
        };
        self.context.committed.store(last, Ordering::Release);
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
