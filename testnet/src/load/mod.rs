//! The load generator: an open-loop schedule, sent by one client for each validator.

mod client;
pub mod ledger;
pub mod payload;
mod receipts;
pub mod schedule;

use crate::clock::unix_nanos;
use fairlane_types::{NetworkId, RollupId};
use ledger::Ledger;
use payload::PayloadKind;
use receipts::ReceiptTimes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What to send, and where.
#[derive(Debug)]
pub struct LoadPlan {
    /// The network, for checking receipts.
    pub network: NetworkId,
    /// gRPC endpoints of the validators.
    pub endpoints: Vec<String>,
    /// What each rollup's payloads are.
    pub kinds: BTreeMap<RollupId, PayloadKind>,
    /// Bytes of a payload.
    pub size: usize,
    /// How long after its due time a transaction expires.
    pub expires_in: Duration,
    /// For how long to send; until stopped where there is no end.
    pub duration: Option<Duration>,
    /// How long to wait for the last receipts.
    pub drain: Duration,
}

/// Running counts over the whole load.
#[derive(Debug, Default)]
pub struct LoadCounts {
    /// Transactions that were sent.
    pub offered: AtomicU64,
    /// Transactions with a receipt whose group verified.
    pub accepted: AtomicU64,
    /// Transactions that were refused.
    pub refused: AtomicU64,
    /// Receipts that prove nothing.
    pub bad_receipts: AtomicU64,
    /// How often a client turned to another validator.
    pub reconnects: AtomicU64,
}

/// What the clients of a load share.
#[derive(Debug)]
pub struct LoadShared {
    network: NetworkId,
    endpoints: Vec<String>,
    kinds: BTreeMap<RollupId, PayloadKind>,
    size: usize,
    expires_in: Duration,
    drain: Duration,
    last: Option<u64>,
    started: Instant,
    started_nanos: u64,
    stopped: AtomicBool,
    receipts: ReceiptTimes,
    /// What was accepted and delivered.
    pub ledger: Arc<Ledger>,
    /// Running counts.
    pub counts: LoadCounts,
}

impl LoadShared {
    /// Whether a client whose next transaction is `next` has nothing more to send.
    fn finished(&self, next: u64) -> bool {
        self.stopped.load(Relaxed) || self.last.is_some_and(|last| next >= last)
    }

    /// How many transactions are due by now.
    fn due_now(&self) -> u64 {
        let due = self.ledger.schedule().due_before(self.started.elapsed());
        self.last.map_or(due, |last| due.min(last))
    }

    fn kind(&self, rollup: RollupId) -> &PayloadKind {
        self.kinds.get(&rollup).unwrap_or(&PayloadKind::Opaque)
    }

    /// How many transactions were due `elapsed` after the start.
    pub fn due_at(&self, elapsed: Duration) -> u64 {
        let due = self.ledger.schedule().due_before(elapsed);
        self.last.map_or(due, |last| due.min(last))
    }

    /// The median time from when a transaction for a rollup was due to its receipt.
    pub fn receipt_median(&self, rollup: RollupId) -> Option<Duration> {
        self.receipts.median(rollup)
    }

    /// Ends the load early.
    pub fn stop(&self) {
        self.stopped.store(true, Relaxed);
    }
}

/// A load that is running.
#[derive(Debug)]
pub struct Load {
    /// Counts and ledger.
    pub shared: Arc<LoadShared>,
    clients: JoinSet<()>,
}

impl Load {
    /// Starts one client for each endpoint.
    pub fn start(plan: LoadPlan, ledger: Arc<Ledger>) -> Self {
        let last = plan.duration.map(|duration| ledger.schedule().due_before(duration));
        let shared = Arc::new(LoadShared {
            network: plan.network,
            endpoints: plan.endpoints,
            kinds: plan.kinds,
            size: plan.size,
            expires_in: plan.expires_in,
            drain: plan.drain,
            last,
            started: Instant::now(),
            started_nanos: unix_nanos(),
            stopped: AtomicBool::new(false),
            receipts: ReceiptTimes::new(&ledger.schedule().rollups),
            ledger,
            counts: LoadCounts::default(),
        });
        let stride = shared.endpoints.len() as u64;
        let mut clients = JoinSet::new();
        for first in 0..stride {
            let share = client::Share { next: first, stride };
            clients.spawn(client::run(shared.clone(), share, first as usize));
        }
        Self { shared, clients }
    }

    /// Waits until all clients have sent their shares and drained their receipts.
    pub async fn finished(&mut self) {
        while self.clients.join_next().await.is_some() {}
    }
}
