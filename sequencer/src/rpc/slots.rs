//! Places for long-lived streams, limited in all and by client address.

use super::clients::key_of;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Free and taken places.
#[derive(Debug)]
pub(super) struct Slots {
    limit: usize,
    clients: Mutex<HashMap<IpAddr, usize>>,
}

impl Slots {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, clients: Mutex::default() }
    }

    /// A place for this client, unless all are taken, or `share` of them by this client alone.
    pub(super) fn take(self: &Arc<Self>, client: IpAddr, share: usize) -> Option<Slot> {
        let client = key_of(client);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let held = clients.get(&client).copied().unwrap_or(0);
        if held >= share || clients.values().sum::<usize>() >= self.limit {
            return None;
        }
        clients.insert(client, held + 1);
        Some(Slot { slots: self.clone(), client })
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }
}

/// A taken place, given back when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    slots: Arc<Slots>,
    client: IpAddr,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut clients = self.slots.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = clients.get_mut(&self.client) {
            *held -= 1;
            if *held == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_by_client_and_come_back() {
        let slots = Arc::new(Slots::new(8));
        let address = |n: u8| IpAddr::from([10, 0, 0, n]);
        let first: Vec<_> = (0..3).map(|_| slots.take(address(1), 2)).collect();
        assert!(first[1].is_some() && first[2].is_none());
        let others: Vec<_> =
            (2..6).flat_map(|n| [slots.take(address(n), 2), slots.take(address(n), 2)]).collect();
        assert_eq!(others.iter().flatten().count(), 6);
        drop(others);
        assert!(slots.take(address(9), 2).is_some());
        drop(first);
        assert!(slots.clients.lock().unwrap().is_empty());
    }
}
