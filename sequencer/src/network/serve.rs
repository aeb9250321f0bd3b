//! Answering fetches: who may ask, how often, and from what.

use crate::network::rate::Rate;
use crate::network::wire::FetchWant;
use bytes::Bytes;
use fairlane_types::CommitCertificate;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Where served segments come from.
///
/// Called from a blocking thread; several calls may run at once. A source returns what it has, in the order of the
/// request, at most `max_bytes` in total; nothing where it has nothing.
pub trait SegmentSource: Send + Sync + 'static {
    /// The canonical segments that `want` names, as far as they are held.
    fn segments(&self, want: &FetchWant, max_bytes: usize) -> Vec<Bytes>;

    /// The certificate of the last height that is decided and on this node's disk; `None` while there is none.
    fn decided(&self) -> Option<CommitCertificate>;
}

/// One peer's allowance.
#[derive(Debug)]
pub(super) struct Allowance {
    rate: Rate,
    in_flight: Arc<AtomicUsize>,
    limit: usize,
}

/// Permission to serve one fetch; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    in_flight: Arc<AtomicUsize>,
    _of_all: OwnedSemaphorePermit,
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a fetch is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// The peer asks too often, or for too much at a time.
    Peer,
    /// This node serves as many as it can.
    Busy,
}

impl Allowance {
    pub(super) fn new(per_second: u32, limit: usize, now: Instant) -> Self {
        Self { rate: Rate::new(per_second, now), in_flight: Arc::default(), limit }
    }

    /// Takes one fetch from the allowance.
    pub(super) fn take(&mut self, all: &Arc<Semaphore>, now: Instant) -> Result<Permit, Denied> {
        if !self.rate.allow(now) || self.in_flight.load(Ordering::Relaxed) >= self.limit {
            return Err(Denied::Peer);
        }
        let of_all = Arc::clone(all).try_acquire_owned().map_err(|_| Denied::Busy)?;
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Ok(Permit { in_flight: Arc::clone(&self.in_flight), _of_all: of_all })
    }
}
