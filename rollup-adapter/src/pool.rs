//! The endpoints of a subscription: which one to use next, and which ones are put aside, until when and why.
//!
//! Pure: time and jitter come as arguments. A subscription stays with an endpoint while it works.

use crate::backoff::RetryPolicy;
use crate::fault::Fault;
use std::time::{Duration, Instant};

/// An endpoint, as it stands at one moment.
#[derive(Clone, Debug)]
pub struct EndpointState {
    /// Its address.
    pub url: String,
    /// How long it is still put aside; `None` when it may be used.
    pub aside: Option<Duration>,
    /// What it did last, if it failed since it last worked.
    pub fault: Option<Fault>,
}

/// Which endpoint to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pick {
    /// This one.
    Use(usize),
    /// None before this moment.
    Wait(Instant),
}

#[derive(Debug)]
struct Entry {
    url: String,
    failures: u32,
    until: Option<Instant>,
    fault: Option<Fault>,
}

#[derive(Debug)]
pub(crate) struct Pool {
    entries: Vec<Entry>,
    current: usize,
    policy: RetryPolicy,
}

impl Pool {
    /// A pool over at least one endpoint.
    pub(crate) fn new(urls: Vec<String>, policy: RetryPolicy) -> Self {
        let entries =
            urls.into_iter().map(|url| Entry { url, failures: 0, until: None, fault: None }).collect();
        Self { entries, current: 0, policy }
    }

    /// The first usable endpoint from the current one on, or when the first becomes usable.
    pub(crate) fn pick(&mut self, now: Instant) -> Pick {
        let count = self.entries.len();
        for at in (0..count).map(|step| (self.current + step) % count) {
            if self.entries[at].until.is_none_or(|until| until <= now) {
                self.current = at;
                return Pick::Use(at);
            }
        }
        Pick::Wait(self.entries.iter().filter_map(|entry| entry.until).min().unwrap_or(now))
    }

    /// Another usable endpoint than `at`, to compare with.
    pub(crate) fn other(&self, at: usize, now: Instant) -> Option<&str> {
        let count = self.entries.len();
        (1..count)
            .map(|step| &self.entries[(at + step) % count])
            .find(|entry| entry.until.is_none_or(|until| until <= now))
            .map(|entry| entry.url.as_str())
    }

    pub(crate) fn url(&self, at: usize) -> &str {
        &self.entries[at].url
    }

    /// The endpoint delivered something: earlier failures are forgotten.
    pub(crate) fn worked(&mut self, at: usize) {
        let entry = &mut self.entries[at];
        (entry.failures, entry.until, entry.fault) = (0, None, None);
    }

    /// Puts the endpoint aside; the next pick tries the one after it first. Tells for how long.
    pub(crate) fn failed(&mut self, at: usize, fault: Fault, now: Instant, jitter: f64) -> Duration {
        let entry = &mut self.entries[at];
        entry.failures = entry.failures.saturating_add(1);
        let pause = self.policy.pause(fault.is_lie(), entry.failures, jitter);
        entry.until = Some(now + pause);
        entry.fault = Some(fault);
        self.current = (at + 1) % self.entries.len();
        pause
    }

    pub(crate) fn states(&self, now: Instant) -> Vec<EndpointState> {
        let state = |entry: &Entry| EndpointState {
            url: entry.url.clone(),
            aside: entry
                .until
                .map(|until| until.saturating_duration_since(now))
                .filter(|left| !left.is_zero()),
            fault: entry.fault.clone(),
        };
        self.entries.iter().map(state).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(count: usize) -> Pool {
        Pool::new((0..count).map(|at| format!("http://{at}")).collect(), RetryPolicy::default())
    }

    #[test]
    fn stays_with_an_endpoint_that_works() {
        let (mut pool, now) = (pool(3), Instant::now());
        assert_eq!(pool.pick(now), Pick::Use(0));
        pool.worked(0);
        assert_eq!(pool.pick(now), Pick::Use(0));
    }

    #[test]
    fn a_failure_moves_on_and_all_failing_means_waiting_for_the_first() {
        let (mut pool, now) = (pool(2), Instant::now());
        pool.failed(0, Fault::Protocol("lie"), now, 1.0);
        assert_eq!(pool.pick(now), Pick::Use(1));
        let pause = pool.failed(1, Fault::Ended, now, 1.0);
        assert_eq!(pool.pick(now), Pick::Wait(now + pause));
        assert_eq!(pool.pick(now + pause), Pick::Use(1));
        let states = pool.states(now);
        assert!(states.iter().all(|state| state.aside.is_some() && state.fault.is_some()));
    }

    #[test]
    fn the_other_endpoint_is_never_the_same_and_never_one_put_aside() {
        let (mut pool, now) = (pool(3), Instant::now());
        assert_eq!(pool.other(0, now), Some("http://1"));
        pool.failed(1, Fault::Ended, now, 1.0);
        assert_eq!(pool.other(0, now), Some("http://2"));
        assert_eq!(super::Pool::new(vec!["http://a".into()], RetryPolicy::default()).other(0, now), None);
    }
}
