//! What each client address is allowed: a token bucket for transactions and one for bytes.
//!
//! An IPv6 client counts by its /64, since whoever has one address of it has all. Addresses whose buckets are full
//! again are forgotten, so memory is bounded by how many clients submit within about a second.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// More addresses than this are never remembered: beyond, new ones share one bucket.
const MAX_ADDRESSES: usize = 65_536;

/// How much a client may do in a second, and at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    pub(super) transactions: u32,
    pub(super) bytes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    transactions: f64,
    bytes: f64,
    at: Instant,
}

impl Bucket {
    fn full(rates: &Rates, now: Instant) -> Self {
        Self { transactions: f64::from(rates.transactions), bytes: rates.bytes as f64, at: now }
    }

    /// Fills up for the time since the last look.
    fn refill(&mut self, rates: &Rates, now: Instant) {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        let (transactions, bytes) = (f64::from(rates.transactions), rates.bytes as f64);
        self.transactions = (self.transactions + seconds * transactions).min(transactions);
        self.bytes = (self.bytes + seconds * bytes).min(bytes);
        self.at = now;
    }

    fn is_full(&self, rates: &Rates) -> bool {
        self.transactions >= f64::from(rates.transactions) && self.bytes >= rates.bytes as f64
    }

    /// How long until nothing is owed; `None` when nothing is.
    fn debt(&self, rates: &Rates) -> Option<Duration> {
        let seconds =
            (-self.transactions / f64::from(rates.transactions)).max(-self.bytes / rates.bytes as f64);
        (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(60.0)))
    }
}

/// The buckets of all clients.
#[derive(Debug)]
pub(super) struct Clients {
    rates: Rates,
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

impl Clients {
    pub(super) fn new(rates: Rates) -> Self {
        let rates = Rates { transactions: rates.transactions.max(1), bytes: rates.bytes.max(1) };
        Self { rates, buckets: Mutex::default() }
    }

    /// Takes tokens for a submission, or tells how long the client must wait before it is allowed anything.
    ///
    /// A client that owes nothing may go into debt once, so that a burst larger than a second's worth is possible
    /// and paid for afterwards.
    pub(super) fn take(
        &self,
        client: IpAddr,
        transactions: usize,
        bytes: usize,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = key_of(client);
        if buckets.len() >= MAX_ADDRESSES && !buckets.contains_key(&key) {
            self.forget_full(&mut buckets, now);
            if buckets.len() >= MAX_ADDRESSES {
                key = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            }
        }
        let bucket = buckets.entry(key).or_insert_with(|| Bucket::full(&self.rates, now));
        bucket.refill(&self.rates, now);
        if let Some(wait) = bucket.debt(&self.rates) {
            return Err(wait);
        }
        bucket.transactions -= transactions as f64;
        bucket.bytes -= bytes as f64;
        Ok(())
    }

    fn forget_full(&self, buckets: &mut HashMap<IpAddr, Bucket>, now: Instant) {
        buckets.retain(|_, bucket| {
            bucket.refill(&self.rates, now);
            !bucket.is_full(&self.rates)
        });
    }
}

/// The address that a client counts by.
pub(super) fn key_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let prefix = address.to_bits() >> 64 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_burst_is_paid_for_before_the_next_one() {
        let clients = Clients::new(Rates { transactions: 10, bytes: 1000 });
        let now = Instant::now();
        assert_eq!(clients.take(CLIENT, 15, 10, now), Ok(()));
        assert_eq!(clients.take(CLIENT, 1, 1, now), Err(Duration::from_millis(500)));
        assert_eq!(clients.take(CLIENT, 1, 1, now + Duration::from_millis(500)), Ok(()));
    }

    #[test]
    fn bytes_count_like_transactions_and_clients_do_not_share() {
        let clients = Clients::new(Rates { transactions: 10, bytes: 1000 });
        let now = Instant::now();
        assert_eq!(clients.take(CLIENT, 1, 2000, now), Ok(()));
        assert_eq!(clients.take(CLIENT, 1, 1, now), Err(Duration::from_secs(1)));
        assert_eq!(clients.take("10.0.0.1".parse().unwrap(), 1, 1, now), Ok(()));
    }

    #[test]
    fn the_addresses_of_one_network_count_as_one() {
        assert_eq!(key_of("2001:db8::1".parse().unwrap()), key_of("2001:db8::ffff".parse().unwrap()));
        assert_ne!(key_of("2001:db8::1".parse().unwrap()), key_of("2001:db8:0:1::1".parse().unwrap()));
        assert_eq!(key_of("::ffff:10.0.0.1".parse().unwrap()), key_of("10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn memory_is_bounded() {
        let clients = Clients::new(Rates { transactions: 10, bytes: 1000 });
        let now = Instant::now();
        for n in 0..MAX_ADDRESSES as u32 + 1000 {
            let _ = clients.take(IpAddr::V4(std::net::Ipv4Addr::from_bits(n)), 1, 1, now);
        }
        assert!(clients.buckets.lock().unwrap().len() <= MAX_ADDRESSES + 1);
    }
}
