//! What all validators of one run share: genesis, keys, and how they are paced.

use crate::crypto::{Remembered, Verifier};
use arc_malachitebft_core_types::LinearTimeouts;
use fairlane_agreement::ConsensusTimeouts;
use fairlane_types::{
    Genesis, L1Anchor, NetworkId, ProtocolParams, Signature, SigningKey, ValidatorId, ValidatorSet,
};
use std::collections::BTreeMap;

/// A millisecond in nanoseconds, the unit of virtual time.
pub(crate) const MS: u64 = 1_000_000;
/// What clocks show when virtual time is zero, in nanoseconds since the Unix epoch.
pub(crate) const START: u64 = 1_700_000_000_000 * MS;

/// How validators are paced, in nanoseconds. Close to what nodes do by default; heartbeats come more often, so that
/// runs can be short.
pub(crate) mod pace {
    use super::MS;

    /// How often a segment is closed when there is something to say.
    pub(crate) const SEGMENT: u64 = 20 * MS;
    /// How often one is closed when there is nothing to say.
    pub(crate) const HEARTBEAT: u64 = 250 * MS;
    /// How long after the last block one follows that orders nothing.
    pub(crate) const IDLE_BLOCK: u64 = 400 * MS;
    /// How long a height is held back at most.
    pub(crate) const MAX_HOLD: u64 = 1_500 * MS;
    /// How long a referenced segment may take to arrive by itself.
    pub(crate) const PATIENCE: u64 = 100 * MS;
    /// How often what is missing is asked for again.
    pub(crate) const REFETCH: u64 = 150 * MS;
    /// How often others are told the height.
    pub(crate) const STATUS: u64 = 300 * MS;
    /// How long validators beyond the quorum may take to tell the end of a lane.
    pub(crate) const GRACE: u64 = 300 * MS;
    /// How long to wait before asking again who did not tell it.
    pub(crate) const ASK_AGAIN: u64 = 250 * MS;
    /// How long a segment that cannot be closed waits.
    pub(crate) const BLOCKED: u64 = 10 * MS;
    /// At one height in so many the anchor may move.
    pub(crate) const MOVE_EVERY: u64 = 4;
    /// How long an epoch has been seen before it is proposed.
    pub(crate) const LEAD: u64 = 150 * MS;
    /// After how many blocks a snapshot is kept.
    pub(crate) const SNAPSHOT: u64 = 8;
}

/// An epoch of Ethereum begins.
pub(crate) struct Begins {
    /// Its first block.
    pub(crate) anchor: L1Anchor,
    /// The set that is fixed for it.
    pub(crate) set: ValidatorSet,
    /// When the validator at each place sees it.
    pub(crate) seen: Vec<Option<u64>>,
}

/// What all validators of one run share.
pub(crate) struct Setup {
    pub(crate) genesis: Genesis,
    pub(crate) network: NetworkId,
    pub(crate) params: ProtocolParams,
    /// By place: everybody who is in some set, in the order of their ids.
    pub(crate) keys: Vec<SigningKey>,
    validators: Vec<ValidatorId>,
    /// The epochs after the one of genesis.
    epochs: Vec<Begins>,
    pub(crate) places: BTreeMap<ValidatorId, usize>,
    pub(crate) verifier: Verifier,
    pub(crate) timeouts: LinearTimeouts,
}

impl Setup {
    pub(crate) fn new(genesis: Genesis, keys: Vec<SigningKey>, epochs: Vec<Begins>) -> Self {
        let network = genesis.network();
        let validators: Vec<ValidatorId> = keys.iter().map(SigningKey::validator).collect();
        Self {
            network,
            params: genesis.params.clone(),
            places: validators.iter().copied().zip(0..).collect(),
            validators,
            epochs,
            verifier: Verifier::with(network, Remembered::default()),
            timeouts: ConsensusTimeouts::default().linear(),
            keys,
            genesis,
        }
    }

    /// How many validators there are.
    pub(crate) fn count(&self) -> usize {
        self.keys.len()
    }

    /// The validator at a place.
    pub(crate) fn validator(&self, place: usize) -> ValidatorId {
        self.validators[place]
    }

    /// The epoch that follows on an anchor: anchors are numbered as epochs are, and genesis has number zero.
    pub(crate) fn epoch_after(&self, anchor: &L1Anchor) -> Option<&Begins> {
        self.epochs.get(usize::try_from(anchor.number).ok()?)
    }

    /// The signature of the validator at a place; messages of consensus have sign bytes in every round but nil.
    pub(crate) fn sign(&self, place: usize, message: Option<[u8; 47]>) -> Signature {
        self.keys[place].sign(&message.expect("nobody signs for the nil round"))
    }
}
