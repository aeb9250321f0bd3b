//! The subscribers: one for each rollup, verifying every batch and measuring when it arrives.

use crate::clock::unix_nanos;
use crate::load::ledger::{Delivery, Ledger};
use crate::load::payload::PayloadKind;
use crate::session::round2;
use crate::steps::median;
use crate::timeline::{Slice, Timeline};
use eyre::OptionExt;
use fairlane_rollup_adapter::{
    Durability, FileCursor, SharedHeaders, Subscriber, Subscription, VerifiedBatch,
};
use fairlane_types::{Genesis, RollupId};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often a subscriber's cursor becomes durable.
const CURSOR_INTERVAL: Duration = Duration::from_millis(200);

/// Latencies in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct LatencyMs {
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// The largest.
    pub max: f64,
}

/// What one rollup's subscriber has seen.
#[derive(Debug)]
pub struct RollupWatch {
    /// The rollup.
    pub id: RollupId,
    /// Its kind of payloads, for people.
    pub kind: &'static str,
    batches: AtomicU64,
    items: AtomicU64,
    microseconds: Mutex<Histogram<u64>>,
}

impl RollupWatch {
    fn new(id: RollupId, kind: &PayloadKind) -> eyre::Result<Self> {
        let kind = match kind {
            PayloadKind::Opaque => "opaque",
            PayloadKind::Evm(_) => "EIP-1559",
        };
        let microseconds = Mutex::new(Histogram::new(3)?);
        Ok(Self { id, kind, batches: AtomicU64::new(0), items: AtomicU64::new(0), microseconds })
    }

    /// Verified batches so far.
    pub fn batches(&self) -> u64 {
        self.batches.load(Relaxed)
    }

    /// Verified items so far.
    pub fn items(&self) -> u64 {
        self.items.load(Relaxed)
    }

    /// Latency from due time to verified delivery.
    pub fn latency(&self) -> LatencyMs {
        summarize(&self.microseconds.lock().expect("no holder panics"))
    }

    /// The median of these latencies, if there are any.
    pub(crate) fn median(&self) -> Option<Duration> {
        median(&self.microseconds.lock().expect("no holder panics"))
    }
}

fn summarize(microseconds: &Histogram<u64>) -> LatencyMs {
    let at = |quantile| round2(microseconds.value_at_quantile(quantile) as f64 / 1000.0);
    LatencyMs { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: round2(microseconds.max() as f64 / 1000.0) }
}

#[derive(Debug)]
struct Shared {
    ledger: Arc<Ledger>,
    rollups: Vec<RollupWatch>,
    kinds: BTreeMap<RollupId, PayloadKind>,
    completed: AtomicU64,
    measure_from: AtomicU64,
    timeline: Mutex<Option<Timeline>>,
    stopped: AtomicBool,
}

/// All subscribers.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<eyre::Result<()>>>,
}

impl Watch {
    /// Starts one subscriber for each rollup, on the current runtime. Cursors go into `dir`.
    pub async fn start(
        genesis: &Genesis,
        endpoints: &[String],
        kinds: &BTreeMap<RollupId, PayloadKind>,
        ledger: &Arc<Ledger>,
        dir: &Path,
    ) -> eyre::Result<Self> {
        let rollups =
            kinds.iter().map(|(id, kind)| RollupWatch::new(*id, kind)).collect::<eyre::Result<_>>()?;
        let shared = Arc::new(Shared {
            ledger: ledger.clone(),
            rollups,
            kinds: kinds.clone(),
            completed: AtomicU64::new(0),
            measure_from: AtomicU64::new(0),
            timeline: Mutex::new(None),
            stopped: AtomicBool::new(false),
        });
        let headers = SharedHeaders::default();
        let mut tasks = Vec::new();
        for (at, rollup) in kinds.keys().enumerate() {
            // Each begins at another validator and turns to the others when that one fails.
            let mut endpoints = endpoints.to_vec();
            let validators = endpoints.len();
            endpoints.rotate_left(at % validators);
            let cursor = FileCursor::open(dir.join(format!("subscriber-{rollup}.cursor")))?;
            let subscription = Subscriber::new(genesis.clone(), *rollup)
                .endpoints(endpoints)
                .shared_headers(headers.clone())
                .durability(Durability::Coalesced(CURSOR_INTERVAL))
                .open(cursor)
                .await?;
            tasks.push(tokio::spawn(follow(shared.clone(), at, subscription)));
        }
        Ok(Self { shared, tasks })
    }

    /// What each rollup's subscriber has seen.
    pub fn rollups(&self) -> &[RollupWatch] {
        &self.shared.rollups
    }

    /// Transactions that were delivered with all their legs.
    pub fn completed(&self) -> u64 {
        self.shared.completed.load(Relaxed)
    }

    /// Latencies count only from this transaction on, which is due at this Unix time. From then on, deliveries are also kept
    /// by the second.
    pub fn measure_from(&self, seq: u64, due_nanos: u64) {
        self.shared.measure_from.store(seq, Relaxed);
        *self.shared.timeline.lock().expect("no holder panics") = Some(Timeline::begin(due_nanos));
    }

    /// What was delivered in each second of the measurement.
    pub fn seconds(&self) -> Vec<Slice> {
        let timeline = self.shared.timeline.lock().expect("no holder panics");
        timeline.as_ref().map_or_else(Vec::new, |timeline| timeline.slices().to_vec())
    }

    /// Latency over all rollups.
    pub fn latency(&self) -> LatencyMs {
        summarize(&self.histogram())
    }

    /// All latencies over all rollups, in microseconds.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut all = Histogram::new(3).expect("3 significant digits are allowed");
        for rollup in &self.shared.rollups {
            let one = rollup.microseconds.lock().expect("no holder panics");
            all.add(&*one).expect("both grow as they need");
        }
        all
    }

    /// Fails when a subscriber has ended.
    pub fn check(&mut self) -> eyre::Result<()> {
        for (task, rollup) in self.tasks.iter_mut().zip(&self.shared.rollups) {
            if task.is_finished() {
                let outcome = futures::FutureExt::now_or_never(task);
                let id = rollup.id;
                return match outcome {
                    Some(Ok(Err(error))) => {
                        Err(error.wrap_err(format!("the subscriber of rollup {id} ended")))
                    }
                    other => Err(eyre::eyre!("the subscriber of rollup {id} ended: {other:?}")),
                };
            }
        }
        Ok(())
    }

    /// Ends all subscribers.
    pub fn stop(&self) {
        self.shared.stopped.store(true, Relaxed);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn follow(shared: Arc<Shared>, at: usize, mut subscription: Subscription) -> eyre::Result<()> {
    while !shared.stopped.load(Relaxed) {
        let batch = subscription.next().await.ok_or_eyre("the subscription ended without a reason")??;
        take_batch(&shared, &shared.rollups[at], &batch)?;
        subscription.ack(&batch).await?;
    }
    Ok(())
}

fn take_batch(shared: &Shared, rollup: &RollupWatch, batch: &VerifiedBatch) -> eyre::Result<()> {
    let now = unix_nanos();
    let from = shared.measure_from.load(Relaxed);
    let kind = shared.kinds.get(&rollup.id).unwrap_or(&PayloadKind::Opaque);
    let mut latencies = rollup.microseconds.lock().expect("no holder panics");
    let mut timeline = shared.timeline.lock().expect("no holder panics");
    for item in batch.batch().items() {
        // Others may send, too. What is ours and comes changed is missing in the ledger.
        let Ok(stamp) = kind.read(&item.payload) else { continue };
        let delivery = shared.ledger.deliver(stamp.seq);
        if delivery == Delivery::Complete {
            shared.completed.fetch_add(1, Relaxed);
        }
        if stamp.seq >= from && delivery != Delivery::Duplicate {
            let latency = Duration::from_nanos(now.saturating_sub(stamp.due_nanos));
            latencies.record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX))?;
            if let Some(timeline) = timeline.as_mut() {
                timeline.record(now, latency);
            }
        }
    }
    rollup.batches.fetch_add(1, Relaxed);
    rollup.items.fetch_add(batch.batch().items().len() as u64, Relaxed);
    Ok(())
}
