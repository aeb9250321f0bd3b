//! Several Ethereum endpoints, of which one is used at a time: who failed makes room for the next.
//!
//! An endpoint is to be used only after its chain, contracts and network were found to be the right ones ([`Endpoints::check`]):
//! who fails over to another chain would see nothing of what it looks for, or something else.

use crate::deploy::DeployError;
use crate::deployment::Deployment;
use crate::endpoint::{EndpointError, connect, connect_with_key};
use crate::error::CallError;
use alloy_primitives::Address;
use alloy_provider::DynProvider;
use alloy_signer_local::PrivateKeySigner;
use fairlane_types::ids::NetworkId;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest pause after failures.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// Why an endpoint is not to be used.
#[derive(Debug, thiserror::Error)]
pub enum UnfitEndpoint {
    /// It does not answer.
    #[error(transparent)]
    Call(#[from] CallError),
    /// Its chain or contracts are others.
    #[error(transparent)]
    Deployment(#[from] DeployError),
    /// Its contracts belong to nobody yet.
    #[error("the contracts' network is not open yet: their guardian opens it with the hash of the genesis")]
    NotOpen,
    /// Its contracts belong to another network.
    #[error(
        "the contracts belong to network {found}, not to {wanted}: use the genesis that they were opened with"
    )]
    OtherNetwork {
        /// The contracts' network.
        found: NetworkId,
        /// The wanted one.
        wanted: NetworkId,
    },
}

impl UnfitEndpoint {
    /// A name, from a fixed set.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Call(error) | Self::Deployment(DeployError::Call(error)) => error.name(),
            Self::Deployment(_) => "deployment",
            Self::NotOpen => "not_open",
            Self::OtherNetwork { .. } => "other_network",
        }
    }
}

/// The endpoints. Their URLs may hold secrets, so they are told apart by their places in the list.
#[derive(Debug)]
pub struct Endpoints {
    readers: Vec<DynProvider>,
    writers: Vec<DynProvider>,
    sender: Option<Address>,
    current: AtomicUsize,
    /// Those that were found to be right, and did not fail since.
    checked: Mutex<BTreeSet<usize>>,
}

impl Endpoints {
    /// Connections for reading, and with a key for sending. Nothing is sent yet.
    pub fn new(urls: &[String], key: Option<&PrivateKeySigner>) -> Result<Self, EndpointError> {
        if urls.is_empty() {
            return Err(EndpointError::None);
        }
        let readers = urls.iter().map(|url| connect(url)).collect::<Result<_, _>>()?;
        let writers = match key {
            Some(key) => {
                urls.iter().map(|url| connect_with_key(url, key.clone())).collect::<Result<_, _>>()?
            }
            None => Vec::new(),
        };
        let sender = key.map(PrivateKeySigner::address);
        Ok(Self { readers, writers, sender, current: AtomicUsize::new(0), checked: Mutex::default() })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.readers.len()
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

    /// Makes sure that the endpoint to use now is of this network. What is known of it is not asked for again. Says whether it
    /// was.
    pub async fn check(
        &self,
        place: usize,
        deployment: &Deployment,
        wanted: &NetworkId,
    ) -> Result<bool, UnfitEndpoint> {
        if self.checked().contains(&place) {
            return Ok(true);
        }
        let found = self.network_at(place, deployment).await?;
        if found != *wanted {
            return Err(UnfitEndpoint::OtherNetwork { found, wanted: *wanted });
        }
        self.checked().insert(place);
        Ok(false)
    }

    /// The network that the contracts belong to, as the first endpoint says that has them. Tries each once.
    pub async fn network(&self, deployment: &Deployment) -> Result<NetworkId, UnfitEndpoint> {
        let mut last = UnfitEndpoint::NotOpen;
        for _ in &self.readers {
            let place = self.place();
            match self.network_at(place, deployment).await {
                Ok(network) => return Ok(network),
                Err(error) => last = error,
            }
            self.failed(place);
        }
        Err(last)
    }

    async fn network_at(&self, place: usize, deployment: &Deployment) -> Result<NetworkId, UnfitEndpoint> {
        let provider = &self.readers[place];
        deployment.check(provider).await?;
        deployment.network(provider).await?.ok_or(UnfitEndpoint::NotOpen)
    }

    /// Moves on from an endpoint that failed: gives the place of the next. `None` if somebody else did already, or there is no
    /// other.
    pub fn failed(&self, place: usize) -> Option<usize> {
        self.checked().remove(&place);
        let next = (place + 1) % self.readers.len();
        let moved = self.current.compare_exchange(place, next, Ordering::Relaxed, Ordering::Relaxed);
        (moved.is_ok() && next != place).then_some(next)
    }

    fn checked(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is at least one.
    fn place(&self) -> usize {
        self.current.load(Ordering::Relaxed) % self.readers.len()
    }
}

/// A pause that doubles with each failure in a row.
#[derive(Debug)]
pub struct Pause {
    first: Duration,
    next: Duration,
}

impl Pause {
    /// The pause after a first failure.
    pub fn new(first: Duration) -> Self {
        Self { first, next: first }
    }

    /// The pause after one more failure.
    pub fn after_failure(&mut self) -> Duration {
        let pause = self.next;
        self.next = self.next.saturating_mul(2).min(MAX_PAUSE.max(self.first));
        pause
    }

    /// Something succeeded.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_makes_room_for_the_next_once() {
        let urls = ["http://127.0.0.1:1", "http://127.0.0.1:2"].map(str::to_owned);
        let endpoints = Endpoints::new(&urls, None).unwrap();
        assert!(endpoints.writer().is_none());
        assert_eq!(endpoints.reader().0, 0);
        assert_eq!(endpoints.failed(0), Some(1));
        assert_eq!(endpoints.failed(0), None, "somebody moved on already");
        assert_eq!(endpoints.reader().0, 1);
        assert_eq!(endpoints.failed(1), Some(0));
        let single = Endpoints::new(&urls[..1], None).unwrap();
        assert_eq!((single.failed(0), single.reader().0), (None, 0));
        assert!(matches!(Endpoints::new(&[], None), Err(EndpointError::None)));
    }

    #[test]
    fn pauses_double_up_to_a_minute_and_begin_again() {
        let mut pause = Pause::new(Duration::from_secs(20));
        let pauses: Vec<u64> = (0..4).map(|_| pause.after_failure().as_secs()).collect();
        assert_eq!(pauses, [20, 40, 60, 60]);
        pause.reset();
        assert_eq!(pause.after_failure().as_secs(), 20);
    }
}
