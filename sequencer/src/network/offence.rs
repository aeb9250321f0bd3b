//! What peers can do wrong, what it costs them, and who is banned.
//!
//! A penalty fades by one point a second, and outlives the connection, so that reconnecting does not clear it.

use libp2p::PeerId;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// What a peer did wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Offence {
    /// Bytes that are no message, or no canonical segment.
    Malformed,
    /// More bytes than allowed.
    Oversize,
    /// A segment whose signature is not its lane's.
    WrongSignature,
    /// A greeting or a segment of another network.
    WrongNetwork,
    /// Another version of the protocol between nodes.
    WrongVersion,
    /// A proof of being a validator that does not verify.
    WrongProof,
    /// A fetch response with something that was not asked for.
    Unasked,
    /// More requests or streams than allowed.
    TooMany,
}

impl Offence {
    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Oversize => "oversize",
            Self::WrongSignature => "wrong_signature",
            Self::WrongNetwork => "wrong_network",
            Self::WrongVersion => "wrong_version",
            Self::WrongProof => "wrong_proof",
            Self::Unasked => "unasked",
            Self::TooMany => "too_many",
        }
    }

    /// Penalty points. What no correct node ever does costs half of the default limit; what says that the peer is no
    /// use at all costs the limit at once.
    fn points(self) -> u32 {
        match self {
            Self::WrongNetwork | Self::WrongVersion | Self::WrongProof => 100,
            Self::Malformed | Self::Oversize | Self::WrongSignature => 50,
            Self::Unasked => 20,
            Self::TooMany => 2,
        }
    }
}

/// The penalties of peers, and until when they are banned.
#[derive(Debug)]
pub(super) struct Penalties {
    limit: u32,
    ban: Duration,
    points: HashMap<PeerId, (u64, Instant)>,
    banned: HashMap<PeerId, Instant>,
}

impl Penalties {
    /// The most peers that are remembered; beyond, the least penalty is forgotten, or the ban that ends first.
    const REMEMBERED: usize = 4096;

    pub(super) fn new(limit: u32, ban: Duration) -> Self {
        Self { limit, ban, points: HashMap::new(), banned: HashMap::new() }
    }

    /// Adds the offence's points; says whether the peer is banned from now on.
    pub(super) fn add(&mut self, peer: PeerId, offence: Offence, now: Instant) -> bool {
        let before = self.points.get(&peer).map_or(0, |entry| faded(entry, now));
        let points = before + u64::from(offence.points());
        if points < u64::from(self.limit) {
            if self.points.len() >= Self::REMEMBERED {
                self.forget_least(now);
            }
            self.points.insert(peer, (points, now));
            return false;
        }
        self.points.remove(&peer);
        if self.banned.len() >= Self::REMEMBERED {
            let first = self.banned.iter().min_by_key(|(_, until)| **until).map(|(peer, _)| *peer);
            first.map(|peer| self.banned.remove(&peer));
        }
        self.banned.insert(peer, now + self.ban);
        true
    }

    /// Whether the peer is banned.
    pub(super) fn is_banned(&self, peer: &PeerId) -> bool {
        self.banned.contains_key(peer)
    }

    /// Drops what has faded, and returns the peers whose ban is over.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<PeerId> {
        self.points.retain(|_, entry| faded(entry, now) > 0);
        let over: Vec<_> =
            self.banned.iter().filter(|(_, until)| **until <= now).map(|(peer, _)| *peer).collect();
        for peer in &over {
            self.banned.remove(peer);
        }
        over
    }

    fn forget_least(&mut self, now: Instant) {
        let least = self.points.iter().min_by_key(|(_, entry)| faded(entry, now)).map(|(peer, _)| *peer);
        least.map(|peer| self.points.remove(&peer));
    }
}

/// What is left of the points. Only whole seconds count, so that offences in quick succession add up in full.
fn faded((points, at): &(u64, Instant), now: Instant) -> u64 {
    points.saturating_sub(now.saturating_duration_since(*at).as_secs())
}
