//! What all validators of one run share: genesis, keys, and how they are paced.

use crate::crypto::{Remembered, Verifier};
use arc_malachitebft_core_types::LinearTimeouts;
use fairlane_agreement::ConsensusTimeouts;
use fairlane_types::{Genesis, LaneId, NetworkId, ProtocolParams, Signature, SigningKey, ValidatorId};
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
    /// After how many blocks a snapshot is kept.
    pub(crate) const SNAPSHOT: u64 = 8;
}

/// What all validators of one run share.
pub(crate) struct Setup {
    pub(crate) genesis: Genesis,
    pub(crate) network: NetworkId,
    pub(crate) params: ProtocolParams,
    /// By place in the set.
    pub(crate) keys: Vec<SigningKey>,
    pub(crate) lanes: Vec<LaneId>,
    pub(crate) places: BTreeMap<ValidatorId, usize>,
    pub(crate) verifier: Verifier,
    pub(crate) timeouts: LinearTimeouts,
}

impl Setup {
    /// `keys` are in the order of the genesis' validator set.
    pub(crate) fn new(genesis: Genesis, keys: Vec<SigningKey>) -> Self {
        let network = genesis.network();
        let members = genesis.validators.members();
        Self {
            network,
            params: genesis.params.clone(),
            lanes: members.iter().map(|member| member.lane()).collect(),
            places: members.iter().zip(0..).map(|(member, place)| (member.id, place)).collect(),
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
        self.lanes[place].validator
    }

    /// The signature of the validator at a place; messages of consensus have sign bytes in every round but nil.
    pub(crate) fn sign(&self, place: usize, message: Option<[u8; 47]>) -> Signature {
        self.keys[place].sign(&message.expect("nobody signs for the nil round"))
    }

    /// The power of the validator at a place.
    pub(crate) fn power(&self, place: usize) -> u64 {
        self.genesis.validators.members()[place].power.get()
    }
}
