//! What finalized blocks say about ordering and consensus, for metrics.

use crate::clock::system_time;
use crate::in_force::InForce;
use crate::metrics::Metrics;
use fairlane_engine::{EngineStatus, FinalizedBlock};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, watch};

/// The most transactions of one block whose latency is measured.
const LATENCY_SAMPLES: usize = 64;
/// How often the log tells of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// Records finalized blocks until consensus ends.
pub(super) async fn run(
    mut finalized: broadcast::Receiver<Arc<FinalizedBlock>>,
    in_force: watch::Receiver<InForce>,
    metrics: Metrics,
) {
    set_in_force(&metrics, &in_force);
    let mut last: Option<Instant> = None;
    let mut progress = Progress::new();
    loop {
        match finalized.recv().await {
            Ok(block) => {
                let now = Instant::now();
                let interval = last.replace(now).map(|last| now - last);
                metrics.consensus.finalized(
                    block.height().get(),
                    block.certificate.round.get(),
                    block.proposal.evidence.len(),
                    interval,
                );
                set_in_force(&metrics, &in_force);
                record(&metrics, &block);
                progress.tell(&block);
            }
            Err(broadcast::error::RecvError::Lagged(blocks)) => {
                tracing::debug!(blocks, "finalized blocks are missing in the metrics");
            }
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}

/// Shows whether this validator votes, and how often it hung up on peers, until consensus ends.
pub(super) async fn show_status(mut status: watch::Receiver<EngineStatus>, metrics: Metrics) {
    let mut told = 0;
    loop {
        let (watching, hung_up) = {
            let status = status.borrow_and_update();
            (status.watching, status.hung_up)
        };
        metrics.consensus.watching.set(i64::from(watching));
        metrics.consensus.hung_up.inc_by(hung_up.saturating_sub(told));
        told = hung_up;
        let change = status.wait_for(|status| (status.watching, status.hung_up) != (watching, hung_up));
        if change.await.is_err() {
            return;
        }
    }
}

/// What was finalized since the log last said so.
struct Progress {
    told: Instant,
    blocks: u64,
    transactions: usize,
}

impl Progress {
    fn new() -> Self {
        Self { told: Instant::now(), blocks: 0, transactions: 0 }
    }

    /// Logs from time to time how far the chain is.
    fn tell(&mut self, block: &FinalizedBlock) {
        self.blocks += 1;
        self.transactions += block.order.entries.len();
        if self.told.elapsed() >= PROGRESS_INTERVAL {
            let Self { blocks, transactions, .. } = *self;
            tracing::info!(height = %block.height(), blocks, transactions, "finalized");
            *self = Self::new();
        }
    }
}

fn set_in_force(metrics: &Metrics, in_force: &watch::Receiver<InForce>) {
    let in_force = in_force.borrow();
    metrics.consensus.in_force(in_force.validators.len(), in_force.l1_anchor.number);
}

fn record(metrics: &Metrics, block: &FinalizedBlock) {
    let (report, ordering) = (&block.report, &metrics.ordering);
    ordering.ordered.inc_by(block.order.entries.len() as u64);
    ordering.blocked.set(count(report.blocked));
    ordering.pending.set(count(report.pending));
    ordering.dropped.inc_by(report.dropped as u64);
    ordering.capped.inc_by(u64::from(!report.capped.is_empty()));
    // Nearly all components have one member, so those are counted cheaply.
    for size in report.component_sizes.iter().filter(|size| **size > 1) {
        ordering.component_size.observe(f64::from(*size));
    }
    if report.component_sizes.contains(&1) {
        ordering.component_size.observe(1.0);
    }
    let now = system_time();
    let step = block.order.entries.len().div_ceil(LATENCY_SAMPLES).max(1);
    for entry in block.order.entries.iter().step_by(step) {
        let latency = Duration::from_nanos(now.since(entry.key));
        ordering.latency_seconds.observe(latency.as_secs_f64());
    }
}

fn count(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
