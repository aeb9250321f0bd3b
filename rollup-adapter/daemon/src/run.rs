//! The daemon: the adapter's rounds, the subscription, the workers' service and the pages, until it is told to stop.

use crate::adapter::{Adapter, Step};
use crate::driver::Heads;
use crate::error::AdapterError;
use crate::ethereum::Ethereum;
use crate::evm::{Checkpoints, EvmAdapter, EvmDriver};
use crate::finality::Nodes;
use crate::inbox::{Held, Inbox};
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
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The longest time between rounds that fail.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the daemon is made of, whatever the rollup.
pub(crate) struct Parts {
    pub(crate) genesis: Genesis,
    pub(crate) rollup: RollupId,
    pub(crate) endpoints: Vec<String>,
    pub(crate) database: Arc<Database>,
    pub(crate) inbox: Inbox,
    pub(crate) inbox_batches: u64,
    pub(crate) http: TcpListener,
    pub(crate) poll: Duration,
    pub(crate) dry_run: bool,
}

/// What there is for the kind of rollup.
pub(crate) enum Kind {
    /// One that is proven.
    Proven(Box<Proven>),
    /// One that runs the EVM.
    Evm(Box<Evm>),
}

pub(crate) struct Proven {
    pub(crate) ethereum: Ethereum,
    pub(crate) desk: Desk,
    pub(crate) driver: ZkDriver,
    pub(crate) check: Arc<dyn CheckProof>,
    pub(crate) access: Option<String>,
    pub(crate) provers: TcpListener,
}

pub(crate) struct Evm {
    pub(crate) driver: EvmDriver,
    pub(crate) checkpoints: Option<Checkpoints>,
}

/// What takes one step after another.
pub(crate) trait Stepper: Send {
    /// One round.
    fn step(&mut self) -> impl Future<Output = Result<Step, AdapterError>> + Send;

    /// Where the rollup stands.
    fn heads(&self) -> Heads;

    /// What is counted.
    fn metrics(&self) -> &AdapterMetrics;

    /// What makes it worth while to look again.
    fn wake(&self) -> Wake;

    /// Its own part of the status.
    fn show(&self, status: &mut Status);
}

/// What makes it worth while to look again.
pub(crate) struct Wake {
    pub(crate) jobs: Option<watch::Receiver<u64>>,
    pub(crate) batches: watch::Receiver<Held>,
}

impl Wake {
    fn forget_news(&mut self) {
        self.batches.mark_unchanged();
        if let Some(jobs) = &mut self.jobs {
            jobs.mark_unchanged();
        }
    }

    async fn news(&mut self) {
        let jobs = async {
            match &mut self.jobs {
                Some(jobs) => jobs.changed().await,
                None => std::future::pending().await,
            }
        };
        // Neither sender is dropped before the rounds end; if one were, waiting would do.
        tokio::select! {
            Ok(()) = jobs => {}
            Ok(()) = self.batches.changed() => {}
            else => std::future::pending().await,
        }
    }
}

/// Runs until `stop`.
///
/// # Errors
/// Something failed that trying again does not mend.
pub(crate) async fn run(parts: Parts, kind: Kind, stop: CancellationToken) -> eyre::Result<()> {
    let inbox = parts.inbox.clone();
    match kind {
        Kind::Proven(proven) => {
            let Proven { ethereum, desk, driver, check, access, provers } = *proven;
            let metrics = AdapterMetrics::new(Some(desk.clone()), inbox.watch());
            let nodes = Nodes::new(&parts.endpoints)?;
            let limits = ServiceLimits::default();
            let workers = service::serve(provers, desk.clone(), check, limits, access, stop.clone());
            let adapter = Adapter::new(ethereum, nodes, inbox, desk, driver, metrics, parts.dry_run);
            let workers = async { workers.await.wrap_err("serving provers") };
            // All parts in one future: too large for the stack of whoever waits.
            Box::pin(serve(parts, adapter, workers, stop)).await
        }
        Kind::Evm(evm) => {
            let metrics = AdapterMetrics::new(None, inbox.watch());
            let nobody = {
                let stop = stop.clone();
                async move {
                    stop.cancelled().await;
                    Ok(())
                }
            };
            let Evm { driver, checkpoints } = *evm;
            let adapter = EvmAdapter::new(driver, parts.rollup, inbox, checkpoints, metrics, parts.dry_run);
            Box::pin(serve(parts, adapter, nobody, stop)).await
        }
    }
}

async fn serve(
    parts: Parts,
    adapter: impl Stepper,
    workers: impl Future<Output = eyre::Result<()>>,
    stop: CancellationToken,
) -> eyre::Result<()> {
    let inbox = parts.inbox;
    let subscription = Subscriber::new(parts.genesis.clone(), parts.rollup)
        .endpoints(parts.endpoints)
        .open(inbox.clone())
        .await?;
    let network = parts.genesis.network().to_string();
    let first = Status { network, rollup: parts.rollup.get(), ..Status::default() };
    let (status, shown) = watch::channel(first);
    let endpoint = subscription.status();
    let held = inbox.watch();
    let pages = Pages { metrics: adapter.metrics().clone(), status: shown, database: parts.database };
    let pages = pages::serve(parts.http, pages, stop.clone());
    let rounds = Rounds { poll: parts.poll, status, endpoint, held, stop: stop.clone() };
    let taken = take(subscription, inbox, parts.inbox_batches, stop.clone());
    let guard = stop.clone().drop_guard();
    let outcome = tokio::try_join!(
        async { rounds.run(adapter).await.map_err(eyre::Report::from) },
        async { taken.await.map_err(eyre::Report::from) },
        workers,
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
    held: watch::Receiver<Held>,
    stop: CancellationToken,
}

impl Rounds {
    async fn run(self, mut adapter: impl Stepper) -> Result<(), AdapterError> {
        let mut wake = adapter.wake();
        let mut pause = self.poll;
        loop {
            wake.forget_news();
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
                    adapter.metrics().failures.get_or_create(&ReasonLabel { reason: error.name() }).inc();
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
                () = wake.news(), if wait == self.poll => {}
            }
        }
    }

    fn tell(&self, adapter: &impl Stepper, step: Option<Step>, failure: Option<String>) {
        let (heads, held) = (adapter.heads(), *self.held.borrow());
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
            status.endpoint = endpoint;
            status.failure = failure;
            adapter.show(status);
            if step.is_some() {
                status.step = step;
            }
        });
    }
}
