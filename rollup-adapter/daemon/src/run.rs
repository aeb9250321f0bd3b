//! The daemon: the adapter's rounds, the subscription, the workers' service and the pages, until it is told to stop.

use crate::adapter::{Adapter, Step};
use crate::error::AdapterError;
use crate::ethereum::Ethereum;
use crate::finality::Nodes;
use crate::inbox::Inbox;
use crate::intake;
use crate::metrics::{AdapterMetrics, ReasonLabel};
use crate::pages::{self, Pages};
use crate::status::Status;
use crate::zk::ZkDriver;
use eyre::WrapErr as _;
use fairlane_prover::Desk;
use fairlane_prover::service::{self, CheckProof, ServiceLimits};
use fairlane_rollup_adapter::{Subscriber, Subscription};
use fairlane_types::{Genesis, RollupId};
use redb::Database;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The longest time between rounds that fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What the daemon is made of.
pub(crate) struct Parts {
    pub(crate) genesis: Genesis,
    pub(crate) rollup: RollupId,
    pub(crate) endpoints: Vec<String>,
    pub(crate) ethereum: Ethereum,
    pub(crate) database: Arc<Database>,
    pub(crate) inbox: Inbox,
    pub(crate) inbox_batches: u64,
    pub(crate) desk: Desk,
    pub(crate) driver: ZkDriver,
    pub(crate) check: Arc<dyn CheckProof>,
    pub(crate) access: Option<String>,
    pub(crate) provers: TcpListener,
    pub(crate) http: TcpListener,
    pub(crate) poll: Duration,
    pub(crate) dry_run: bool,
}

/// Runs until `stop`.
///
/// # Errors
/// Something failed that trying again does not mend.
pub(crate) async fn run(parts: Parts, stop: CancellationToken) -> eyre::Result<()> {
    let Parts { desk, inbox, .. } = &parts;
    let (desk, inbox) = (desk.clone(), inbox.clone());
    let metrics = AdapterMetrics::new(desk.clone(), inbox.watch());
    let subscription = Subscriber::new(parts.genesis.clone(), parts.rollup)
        .endpoints(parts.endpoints.clone())
        .open(inbox.clone())
        .await?;
    let network = parts.genesis.network().to_string();
    let first = Status { network, rollup: parts.rollup.get(), ..Status::default() };
    let (status, shown) = watch::channel(first);
    let endpoint = subscription.status();
    let rounds = Rounds { poll: parts.poll, status, endpoint, stop: stop.clone() };
    let adapter = Adapter::new(
        parts.ethereum,
        Nodes::new(&parts.endpoints)?,
        inbox.clone(),
        desk.clone(),
        parts.driver,
        metrics.clone(),
        parts.dry_run,
    );
    let limits = ServiceLimits::default();
    let workers = service::serve(parts.provers, desk, parts.check, limits, parts.access, stop.clone());
    let pages = Pages { metrics, status: shown, database: parts.database };
    let pages = pages::serve(parts.http, pages, stop.clone());
    let taken = take(subscription, inbox, parts.inbox_batches, stop.clone());
    let guard = stop.clone().drop_guard();
    let outcome = tokio::try_join!(
        async { rounds.run(adapter).await.map_err(eyre::Report::from) },
        async { taken.await.map_err(eyre::Report::from) },
        async { workers.await.wrap_err("serving provers") },
        async { pages.await.wrap_err("serving pages") },
    );
    drop(guard);
    outcome.map(|_| ())
}

async fn take(
    subscription: Subscription,
    inbox: Inbox,
    most: u64,
    stop: CancellationToken,
) -> Result<(), AdapterError> {
    tokio::select! {
        ended = intake::run(subscription, inbox, most) => ended,
        () = stop.cancelled() => Ok(()),
    }
}

struct Rounds {
    poll: Duration,
    status: watch::Sender<Status>,
    endpoint: watch::Receiver<fairlane_rollup_adapter::SubscriptionStatus>,
    stop: CancellationToken,
}

impl Rounds {
    async fn run(self, mut adapter: Adapter) -> Result<(), AdapterError> {
        let (mut jobs, mut batches) = (adapter.desk.watch(), adapter.inbox.watch());
        let mut pause = self.poll;
        loop {
            jobs.mark_unchanged();
            batches.mark_unchanged();
            // A round that is broken off is as good as one that was never begun.
            let step = tokio::select! {
                step = adapter.step() => step,
                () = self.stop.cancelled() => return Ok(()),
            };
            let wait = match step {
                Ok(step) => {
                    pause = self.poll;
                    let wait = if step.waits() { self.poll } else { Duration::ZERO };
                    self.tell(&adapter, Some(step), None);
                    wait
                }
                Err(error) if error.is_fatal() => return Err(error),
                Err(error) => {
                    adapter.metrics.failures.get_or_create(&ReasonLabel { reason: error.name() }).inc();
                    tracing::warn!(%error, retry_in = ?pause, "a round failed");
                    self.tell(&adapter, None, Some(error.to_string()));
                    let wait = pause;
                    pause = (pause * 2).min(LONGEST_PAUSE.max(self.poll));
                    wait
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
                Ok(()) = jobs.changed(), if wait == self.poll => {}
                Ok(()) = batches.changed(), if wait == self.poll => {}
            }
        }
    }

    fn tell(&self, adapter: &Adapter, step: Option<Step>, failure: Option<String>) {
        let (heads, held, counts) = (adapter.heads(), *adapter.inbox.watch().borrow(), adapter.desk.counts());
        match &step {
            Some(step) if step.waits() => tracing::debug!(?step, "a round"),
            Some(step) => tracing::info!(?step, "a round"),
            None => {}
        }
        let endpoint = self.endpoint.borrow().endpoint.clone();
        self.status.send_modify(|status| {
            status.taken = held.last.get();
            status.carried_out = heads.soft.index.get();
            status.confirmed = heads.settled.index.get();
            status.jobs_waiting = counts.waiting;
            status.jobs_leased = counts.leased;
            status.jobs_proven = counts.proven;
            status.jobs_stuck = counts.stuck;
            status.workers = adapter.desk.counters().workers.load(Relaxed);
            status.endpoint = endpoint;
            status.failure = failure;
            if step.is_some() {
                status.step = step;
            }
        });
    }
}
