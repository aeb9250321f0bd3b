//! The task behind a subscription: one session after another, each with one endpoint, until the rollup is gone or
//! the chain is proven to contradict it.

use super::flow::Flow;
use super::subscription::{Delivery, SubscriptionStatus};
use super::tiers::News;
use super::unordered::Unordered;
use super::{Options, SubscribeError};
use crate::acks::DurableWatch;
use crate::counters::{Counters, add};
use crate::fault::Fault;
use crate::pool::{Pick, Pool};
use crate::trust::{Trust, TrustError};
use fairlane_proto::ConvertError;
use fairlane_types::{BatchIndex, Height};
use fairlane_verify::BatchChain;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

/// Why a session ended.
#[derive(Debug)]
pub(super) enum Stop {
    /// The rollup dropped the subscription.
    Closed,
    /// The endpoint failed: others are tried.
    Fault(Fault),
    /// Nothing else can be tried.
    Fatal(SubscribeError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<tonic::Status> for Stop {
    fn from(status: tonic::Status) -> Self {
        Self::Fault(status.into())
    }
}

impl From<TrustError> for Stop {
    fn from(error: TrustError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<ConvertError> for Stop {
    fn from(error: ConvertError) -> Self {
        Self::Fault(error.into())
    }
}

pub(super) struct Runner {
    pub(super) options: Options,
    pub(super) pool: Pool,
    pub(super) trust: Trust,
    /// After the last batch that was handed over.
    pub(super) chain: BatchChain,
    /// The height of that batch.
    pub(super) height: Height,
    pub(super) flow: Arc<Flow>,
    /// Where that tier is wanted.
    pub(super) unordered: Option<Unordered>,
    pub(super) news: Arc<News>,
    pub(super) queue: mpsc::Sender<Delivery>,
    pub(super) delivered: watch::Sender<BatchIndex>,
    pub(super) durable: DurableWatch,
    pub(super) status: watch::Sender<SubscriptionStatus>,
    pub(super) counters: Arc<Counters>,
}

impl Runner {
    pub(super) async fn run(mut self) {
        loop {
            let at = match self.pool.pick(Instant::now()) {
                Pick::Use(at) => at,
                Pick::Wait(until) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(until.into()) => continue,
                        () = self.queue.closed() => return,
                    }
                }
            };
            match self.session(at).await {
                Stop::Closed => return,
                Stop::Fatal(error) => {
                    warn!(%error, "the subscription stops");
                    // A receiver that is gone needs no reason.
                    let _ = self.queue.send(Err(error)).await;
                    return;
                }
                Stop::Fault(fault) => self.put_aside(at, fault),
            }
        }
    }

    fn put_aside(&mut self, at: usize, fault: Fault) {
        let lied = fault.is_lie();
        add(if lied { &self.counters.lies } else { &self.counters.faults }, 1);
        let reason = fault.to_string();
        let pause = self.pool.failed(at, fault, Instant::now(), rand::random());
        let (url, rollup) = (self.pool.url(at), self.chain.rollup());
        if lied {
            warn!(endpoint = url, %rollup, ?pause, reason, "endpoint put aside: it is not to be trusted");
        } else {
            info!(endpoint = url, %rollup, ?pause, reason, "endpoint put aside");
        }
        self.tell(None, None);
    }

    /// Publishes the state; `claimed` is the server's height, if it told one.
    pub(super) fn tell(&self, endpoint: Option<usize>, claimed: Option<Height>) {
        let endpoint = endpoint.map(|at| self.pool.url(at).to_owned());
        let endpoints = self.pool.states(Instant::now());
        let delivered = self.chain.index();
        self.status.send_modify(|status| {
            status.claimed_height = claimed.unwrap_or(status.claimed_height);
            (status.endpoint, status.endpoints, status.delivered) = (endpoint, endpoints, delivered);
        });
    }
}
