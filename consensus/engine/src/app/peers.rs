//! Who is connected on the consensus network, where they say they are, and whether they said what they want to hear.
//!
//! A node sends its votes to the peers that have told it that they want them. Malachite's broadcast tells that once, over
//! a peer's first connection. Where it is lost, both are connected and one of them never hears the other vote, which
//! in a network that needs both votes is a standstill for ever.

use arc_malachitebft_app::types::PeerId;
use arc_malachitebft_network::Channel;
use fairlane_types::Height;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// How many peers are remembered.
const MAX_PEERS: usize = 1024;
/// How long a connected peer may take to say what it wants to hear.
const SUBSCRIBED_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Peer {
    /// Since when it is connected, or since it was last hung up on; `None` while it has not named itself.
    since: Option<Instant>,
    /// What it says it has decided.
    height: Height,
    /// What it said it wants to hear.
    channels: HashSet<Channel>,
}

/// The peers of the consensus network.
#[derive(Debug, Default)]
pub(super) struct Peers(BTreeMap<PeerId, Peer>);

impl Peers {
    pub(super) fn connected(&mut self, peer: PeerId, now: Instant) {
        if let Some(peer) = self.entry(peer) {
            peer.since.get_or_insert(now);
        }
    }

    pub(super) fn disconnected(&mut self, peer: &PeerId) {
        self.0.remove(peer);
    }

    /// A peer's word that it wants to hear a channel, which may come before it has named itself.
    pub(super) fn subscribed(&mut self, peer: PeerId, channel: Channel) {
        if let Some(peer) = self.entry(peer) {
            peer.channels.insert(channel);
        }
    }

    /// A peer that is not counted (too many, or gone) is not heard.
    pub(super) fn stands_at(&mut self, peer: &PeerId, height: Height) {
        if let Some(peer) = self.0.get_mut(peer) {
            peer.height = height;
        }
    }

    /// Connected peers that have not said in time that they want to hear all channels. Each has its time again.
    pub(super) fn mute(&mut self, now: Instant) -> Vec<PeerId> {
        let mut mute = Vec::new();
        for (id, peer) in &mut self.0 {
            let Some(since) = &mut peer.since else { continue };
            if peer.channels.len() < Channel::all().len()
                && now.saturating_duration_since(*since) >= SUBSCRIBED_WITHIN
            {
                *since = now;
                mute.push(*id);
            }
        }
        mute
    }

    pub(super) fn count(&self) -> usize {
        self.0.values().filter(|peer| peer.since.is_some()).count()
    }

    /// The highest height that a peer says it has decided.
    pub(super) fn best(&self) -> Height {
        self.0.values().map(|peer| peer.height).max().unwrap_or(Height::ZERO)
    }

    fn entry(&mut self, peer: PeerId) -> Option<&mut Peer> {
        if self.0.len() >= MAX_PEERS && !self.0.contains_key(&peer) {
            return None;
        }
        Some(self.0.entry(peer).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn peer() -> PeerId {
        let keypair = arc_malachitebft_app::types::Keypair::generate_ed25519();
        PeerId::from_bytes(&keypair.public().to_peer_id().to_bytes()).expect("it is a peer id")
    }

    #[test]
    fn a_peer_that_says_all_it_wants_to_hear_is_kept() {
        let (mut peers, peer, start) = (Peers::default(), peer(), Instant::now());
        for channel in Channel::all() {
            peers.subscribed(peer, *channel);
        }
        peers.connected(peer, start);
        assert_eq!(peers.mute(start + 100 * SECOND), Vec::new());
        assert_eq!(peers.count(), 1);
    }

    #[test]
    fn a_peer_that_says_only_a_part_is_mute_after_its_time_and_after_each_further_one() {
        let (mut peers, peer, start) = (Peers::default(), peer(), Instant::now());
        peers.connected(peer, start);
        peers.subscribed(peer, Channel::Sync);
        assert_eq!(peers.mute(start + 9 * SECOND), Vec::new());
        assert_eq!(peers.mute(start + 10 * SECOND), vec![peer]);
        assert_eq!(peers.mute(start + 19 * SECOND), Vec::new());
        assert_eq!(peers.mute(start + 20 * SECOND), vec![peer]);
    }

    #[test]
    fn what_was_said_over_an_earlier_connection_does_not_count() {
        let (mut peers, peer, start) = (Peers::default(), peer(), Instant::now());
        for channel in Channel::all() {
            peers.subscribed(peer, *channel);
        }
        peers.disconnected(&peer);
        peers.connected(peer, start);
        assert_eq!(peers.mute(start + 10 * SECOND), vec![peer]);
    }

    #[test]
    fn a_peer_that_has_not_named_itself_is_not_judged() {
        let (mut peers, peer, start) = (Peers::default(), peer(), Instant::now());
        peers.subscribed(peer, Channel::Consensus);
        assert_eq!((peers.mute(start + 100 * SECOND), peers.count()), (Vec::new(), 0));
    }
}
