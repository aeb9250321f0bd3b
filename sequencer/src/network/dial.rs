//! Staying connected with the configured peers: when to dial whom.
//!
//! An attempt that fails doubles the pause before the next, from half a second up to a limit.

use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId};
use std::time::{Duration, Instant};

/// The configured peers.
#[derive(Debug)]
pub(super) struct Dialer {
    targets: Vec<Target>,
    max_pause: Duration,
}

#[derive(Debug)]
struct Target {
    address: Multiaddr,
    /// From the address, or learned from the connection.
    peer: Option<PeerId>,
    connected: bool,
    pause: Duration,
    next: Instant,
}

impl Dialer {
    const FIRST_PAUSE: Duration = Duration::from_millis(500);

    pub(super) fn new(addresses: &[Multiaddr], max_pause: Duration, now: Instant) -> Self {
        let targets = addresses
            .iter()
            .map(|address| Target {
                address: address.clone(),
                peer: peer_of(address),
                connected: false,
                pause: Self::FIRST_PAUSE,
                next: now,
            })
            .collect();
        Self { targets, max_pause }
    }

    /// Addresses to dial now. Each is due again after its pause, unless a connection is reported before.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Multiaddr> {
        let max_pause = self.max_pause;
        let due = self.targets.iter_mut().filter(|target| !target.connected && target.next <= now);
        due.map(|target| {
            target.next = now + target.pause;
            target.pause = (target.pause * 2).min(max_pause);
            target.address.clone()
        })
        .collect()
    }

    /// A connection exists; `dialed` is its address where this node opened it.
    pub(super) fn connected(&mut self, peer: PeerId, dialed: Option<&Multiaddr>) {
        for target in &mut self.targets {
            let dialed = dialed.is_some_and(|dialed| without_peer(dialed) == without_peer(&target.address));
            if dialed || target.peer == Some(peer) {
                target.peer = Some(peer);
                target.connected = true;
                target.pause = Self::FIRST_PAUSE;
            }
        }
    }

    /// The last connection with a peer is gone.
    pub(super) fn disconnected(&mut self, peer: &PeerId, now: Instant) {
        for target in self.targets.iter_mut().filter(|target| target.peer == Some(*peer)) {
            target.connected = false;
            target.next = now + target.pause;
            // An address without a peer id may be another node's after a restart.
            target.peer = peer_of(&target.address);
        }
    }

    /// The peer refused this node: trying again soon would not help.
    pub(super) fn refused(&mut self, peer: &PeerId) {
        let max_pause = self.max_pause;
        for target in self.targets.iter_mut().filter(|target| target.peer == Some(*peer)) {
            target.pause = max_pause;
        }
    }
}

fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    address.iter().find_map(|part| match part {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    })
}

fn without_peer(address: &Multiaddr) -> Multiaddr {
    address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect()
}
