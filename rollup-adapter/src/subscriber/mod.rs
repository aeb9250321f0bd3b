//! Subscriptions: how one is set up ([`Subscriber`]) and what the rollup holds ([`Subscription`]).

mod cross_check;
mod flow;
mod resume;
mod run;
mod session;
mod subscription;
mod tiers;
mod unordered;

pub use flow::Window;
pub use subscription::{Subscription, SubscriptionStatus};
pub use tiers::{Event, Missed, Tier, TierFailed};
pub use unordered::Acknowledged;

use crate::acks::{Acker, Durability};
use crate::backoff::RetryPolicy;
use crate::connect::{ConnectOptions, cause};
use crate::counters::Counters;
use crate::cursor::{Cursor, CursorError, CursorStore};
use crate::pool::Pool;
use crate::trust::{SharedHeaders, Trust, offload};
use fairlane_types::{BatchIndex, Genesis, Height, NetworkId, RollupHead, RollupId};
use fairlane_verify::{BatchChain, TrustedSets};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Why a subscription could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// There is no endpoint.
    #[error("no endpoint is given: name at least one node, as http://host:port")]
    NoEndpoint,
    /// An address is no address.
    #[error("endpoint {url}: {why}; it should look like http://host:port")]
    Endpoint {
        /// The address.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The window lets nothing through.
    #[error(
        "the window must allow at least one batch and one byte, and so must that of acknowledged transactions"
    )]
    EmptyWindow,
    /// The cursor cannot be read.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// The cursor is from another network.
    #[error(
        "the cursor is of network {found}, the genesis of network {expected}: use the genesis that the cursor was \
         written with, or another cursor"
    )]
    OtherNetwork {
        /// The genesis' network.
        expected: NetworkId,
        /// The cursor's.
        found: NetworkId,
    },
    /// The cursor is another rollup's.
    #[error("the cursor is of rollup {found}, not {expected}: each rollup needs a cursor of its own")]
    OtherRollup {
        /// The subscription's rollup.
        expected: RollupId,
        /// The cursor's.
        found: RollupId,
    },
}

/// Why a subscription stopped for good: what a quorum has certified contradicts what the rollup stands on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// A certified batch continues another head than the one that the rollup has taken.
    #[error(
        "the chain contradicts the cursor: a quorum certified that batch {index} of rollup {rollup} has head {theirs}, \
         the cursor has {ours}. Nothing was skipped. If the cursor or the rollup's state was restored or copied from \
         elsewhere, restore both from one backup or rebuild from the first batch; if not, more than a third of the \
         voting power has signed two histories: stop, and keep the cursor and logs as evidence"
    )]
    OtherHistory {
        /// The rollup.
        rollup: RollupId,
        /// The batch at which they differ.
        index: BatchIndex,
        /// The cursor's head.
        ours: RollupHead,
        /// The certified one.
        theirs: RollupHead,
    },
    /// At a later height than the cursor's the rollup certifiably has fewer batches.
    #[error(
        "the chain contradicts the cursor: at height {height} a quorum certified {theirs} batches of rollup {rollup}, \
         the cursor stands at batch {ours} of the earlier height {cursor_height}. If the cursor was copied from \
         another network with the same genesis, use its own; else keep it as evidence"
    )]
    AheadOfChain {
        /// The rollup.
        rollup: RollupId,
        /// The certified height.
        height: Height,
        /// How many batches there are.
        theirs: BatchIndex,
        /// The cursor's batch.
        ours: BatchIndex,
        /// The cursor's height.
        cursor_height: Height,
    },
}

/// Sets up a subscription of one rollup.
#[derive(Clone, Debug)]
pub struct Subscriber {
    genesis: Genesis,
    rollup: RollupId,
    endpoints: Vec<String>,
    options: Options,
    retry: RetryPolicy,
    durability: Durability,
    shared: SharedHeaders,
}

/// What the running subscription goes by.
#[derive(Clone, Copy, Debug)]
struct Options {
    window: Window,
    connect: ConnectOptions,
    idle_timeout: Duration,
    cross_check: Duration,
    wanted: tiers::Wanted,
    /// Bytes of acknowledged transactions.
    acknowledged_window: u64,
}

impl Subscriber {
    /// A subscription of `rollup`, trusting `genesis`.
    pub fn new(genesis: Genesis, rollup: RollupId) -> Self {
        Self {
            genesis,
            rollup,
            endpoints: Vec::new(),
            options: Options {
                window: Window::default(),
                connect: ConnectOptions::default(),
                idle_timeout: Duration::from_secs(15),
                cross_check: Duration::from_secs(10),
                wanted: tiers::Wanted::default(),
                acknowledged_window: unordered::WINDOW,
            },
            retry: RetryPolicy::default(),
            durability: Durability::default(),
            shared: SharedHeaders::default(),
        }
    }

    /// Adds a node to receive from, as `http://host:port`. The first one that works is used.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoints.push(url.into());
        self
    }

    /// Adds several nodes.
    pub fn endpoints<T: Into<String>>(mut self, urls: impl IntoIterator<Item = T>) -> Self {
        self.endpoints.extend(urls.into_iter().map(Into::into));
        self
    }

    /// How much may be under way or waiting to be taken.
    pub fn window(mut self, window: Window) -> Self {
        self.options.window = window;
        self
    }

    /// What to tell beside batches, by [`Subscription::next_event`]. Batches come in any case; nodes that cannot tell of
    /// one of these are passed over.
    pub fn tiers(mut self, tiers: impl IntoIterator<Item = Tier>) -> Self {
        self.options.wanted = tiers.into_iter().collect();
        self
    }

    /// How many bytes of acknowledged transactions may be under way or waiting to be taken; 1 MiB if nothing is said. What
    /// comes beyond is missed, and counted.
    pub fn acknowledged_window(mut self, bytes: u64) -> Self {
        self.options.acknowledged_window = bytes;
        self
    }

    /// How long endpoints that failed are put aside.
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// How connections are made.
    pub fn connect_options(mut self, options: ConnectOptions) -> Self {
        self.options.connect = options;
        self
    }

    /// How long a stream may be silent (servers send heartbeats) before another endpoint is tried.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.options.idle_timeout = timeout;
        self
    }

    /// How often another endpoint is asked whether the one in use keeps batches back.
    pub fn cross_check(mut self, interval: Duration) -> Self {
        self.options.cross_check = interval;
        self
    }

    /// When acknowledgements are durable.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Shares verified headers with other subscriptions of this process.
    pub fn shared_headers(mut self, shared: SharedHeaders) -> Self {
        self.shared = shared;
        self
    }

    /// Reads the cursor and starts, from the first batch when there is none. Servers need not be up.
    ///
    /// Must be called within a tokio runtime.
    pub async fn open(self, store: impl CursorStore) -> Result<Subscription, BuildError> {
        self.check()?;
        let store: Arc<dyn CursorStore> = Arc::new(store);
        let reader = store.clone();
        let cursor = offload(true, move || reader.load()).await?;
        let (chain, height, sets) = self.start_from(cursor)?;
        let counters = Arc::new(Counters::default());
        let trust = Trust::new(sets, self.shared, counters.clone());
        let (delivered, delivered_watch) = watch::channel(chain.index());
        let acker = Acker::start(
            self.rollup,
            chain.index(),
            self.durability,
            store,
            trust.clone(),
            delivered_watch,
            counters.clone(),
        );
        let (queue, batches) = mpsc::channel(self.options.window.batches as usize);
        let pool = Pool::new(self.endpoints, self.retry);
        let (status, status_watch) = watch::channel(SubscriptionStatus::starting(chain.index(), &pool));
        let flow = Arc::new(flow::Flow::new(self.options.window));
        let news = Arc::new(tiers::News::default());
        let (unordered, taken) = unordered::Unordered::new(self.rollup, self.options.acknowledged_window);
        let runner = run::Runner {
            options: self.options,
            pool,
            trust: trust.clone(),
            chain,
            height,
            flow: flow.clone(),
            unordered: self.options.wanted.acknowledged.then_some(unordered),
            news: news.clone(),
            queue,
            delivered,
            durable: acker.watch(),
            status,
            counters: counters.clone(),
        };
        tokio::spawn(runner.run());
        let sides = subscription::Sides { taken, news };
        Ok(Subscription::new(batches, flow, sides, acker, trust, status_watch, counters))
    }

    fn check(&self) -> Result<(), BuildError> {
        if self.endpoints.is_empty() {
            return Err(BuildError::NoEndpoint);
        }
        let Options { window, wanted, acknowledged_window, .. } = self.options;
        if window.batches == 0 || window.bytes == 0 || wanted.acknowledged && acknowledged_window == 0 {
            return Err(BuildError::EmptyWindow);
        }
        for url in &self.endpoints {
            self.options
                .connect
                .endpoint(url)
                .map_err(|error| BuildError::Endpoint { url: url.clone(), why: cause(&error) })?;
        }
        Ok(())
    }

    fn start_from(&self, cursor: Option<Cursor>) -> Result<(BatchChain, Height, TrustedSets), BuildError> {
        let Some(cursor) = cursor else {
            return Ok((BatchChain::start(self.rollup), Height::ZERO, TrustedSets::genesis(&self.genesis)));
        };
        let expected = self.genesis.network();
        if cursor.network != expected {
            return Err(BuildError::OtherNetwork { expected, found: cursor.network });
        }
        let at = cursor.position;
        if at.rollup != self.rollup {
            return Err(BuildError::OtherRollup { expected: self.rollup, found: at.rollup });
        }
        Ok((BatchChain::resume(at.rollup, at.index, at.head), at.height, cursor.trusted_sets()))
    }
}
