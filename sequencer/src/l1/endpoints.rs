//! Several Ethereum endpoints, of which one is used at a time.

use crate::metrics::{L1Metrics, ReasonLabel};
use fairlane_l1::endpoint::{EndpointError, connect, connect_with_key};
use fairlane_l1::{Address, CallError, DynProvider, PrivateKeySigner};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The longest pause after failures.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// The endpoints. Their URLs may hold secrets, so they are told apart by their places in the configuration.
#[derive(Debug)]
pub struct Endpoints {
    readers: Vec<DynProvider>,
    writers: Vec<DynProvider>,
    sender: Option<Address>,
    current: AtomicUsize,
    metrics: L1Metrics,
}

impl Endpoints {
    /// Connections for reading, and with a key for sending. Nothing is sent yet.
    pub fn new(
        urls: &[String],
        key: Option<&PrivateKeySigner>,
        metrics: L1Metrics,
    ) -> Result<Self, EndpointError> {
        let readers = urls.iter().map(|url| connect(url)).collect::<Result<_, _>>()?;
        let writers = match key {
            Some(key) => {
                urls.iter().map(|url| connect_with_key(url, key.clone())).collect::<Result<_, _>>()?
            }
            None => Vec::new(),
        };
        let sender = key.map(PrivateKeySigner::address);
        Ok(Self { readers, writers, sender, current: AtomicUsize::new(0), metrics })
    }

    /// The endpoint to use now: its place, and a connection.
    pub fn reader(&self) -> (usize, &DynProvider) {
        let place = self.place();
        (place, &self.readers[place])
    }

    /// A connection that signs, and the account that it sends from; `None` without a key.
    pub fn writer(&self) -> Option<(&DynProvider, Address)> {
        Some((self.writers.get(self.place())?, self.sender?))
    }

    /// Moves on from an endpoint that failed. Does nothing if somebody else did already.
    pub fn failed(&self, place: usize, why: &'static str) {
        self.metrics.failures.get_or_create(&ReasonLabel { reason: why }).inc();
        let next = (place + 1) % self.readers.len();
        let moved = self.current.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
        if moved.is_ok() && next != place {
            self.metrics.failovers.inc();
            tracing::warn!(from = place, to = next, "use another Ethereum endpoint");
        }
    }

    /// Whoever made the endpoints gave at least one.
    fn place(&self) -> usize {
        self.current.load(Ordering::Relaxed) % self.readers.len()
    }
}

/// A name for a failure, from a fixed set.
pub(crate) fn name_of(error: &CallError) -> &'static str {
    match error {
        CallError::Unreachable { .. } => "unreachable",
        CallError::Unsigned { .. } => "unsigned",
        CallError::Endpoint { .. } => "endpoint",
        CallError::Refused { .. } => "refused",
        CallError::NoContract { .. } => "no_contract",
        CallError::Reverted { .. } => "reverted",
        CallError::Unconfirmed { .. } => "unconfirmed",
        CallError::Displaced { .. } => "displaced",
        CallError::Nonsense { .. } => "nonsense",
    }
}

/// A pause that doubles with each failure in a row.
#[derive(Debug)]
pub(crate) struct Pause {
    first: Duration,
    next: Duration,
}

impl Pause {
    pub(crate) fn new(first: Duration) -> Self {
        Self { first, next: first }
    }

    /// The pause after one more failure.
    pub(crate) fn after_failure(&mut self) -> Duration {
        let pause = self.next;
        self.next = self.next.saturating_mul(2).min(MAX_PAUSE.max(self.first));
        pause
    }

    /// Something succeeded.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}
