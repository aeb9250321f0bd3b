//! Whose turn it is to propose: `docs/protocol.md`, "Consensus messages", as nodes implement it.

use super::{Address, FairlaneContext};
use arc_malachitebft_core_types as malachite;
use fairlane_types::crypto::PublicKey;
use fairlane_types::{Cut, Height, LaneId, Round, ValidatorSet};
use std::collections::VecDeque;
use std::sync::Arc;

/// The cuts of the last blocks, which say whose lanes advance.
#[derive(Clone, Debug, Default)]
pub(crate) struct Activity {
    cuts: VecDeque<Cut>,
}

impl Activity {
    /// How many cuts one needs to know: ten blocks and the one before.
    const CUTS: usize = 11;

    /// Takes in the next block's cut.
    pub(crate) fn push(&mut self, cut: Cut) {
        self.cuts.push_back(cut);
        while self.cuts.len() > Self::CUTS {
            self.cuts.pop_front();
        }
    }

    fn is_active(&self, lane: &LaneId) -> bool {
        let (Some(oldest), Some(newest)) = (self.cuts.front(), self.cuts.back()) else { return true };
        self.cuts.len() < Self::CUTS || oldest.head(lane) != newest.head(lane)
    }
}

/// A member of the set, with its key decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    address: Address,
    key: PublicKey,
    power: u64,
}

impl malachite::Validator<FairlaneContext> for Member {
    fn address(&self) -> &Address {
        &self.address
    }

    fn public_key(&self) -> &PublicKey {
        &self.key
    }

    fn voting_power(&self) -> u64 {
        self.power
    }
}

/// A validator set and its proposers. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProposerSet(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    set: ValidatorSet,
    members: Vec<Member>,
    /// The places of those whose lanes advance; all places when none does.
    active: Vec<usize>,
}

impl ProposerSet {
    pub(crate) fn new(set: ValidatorSet, activity: &Activity) -> Self {
        let member = |validator: &fairlane_types::Validator| {
            let key = set.key(&validator.id)?.clone();
            Some(Member { address: Address(validator.id), key, power: validator.power.get() })
        };
        let members: Vec<Member> = set.members().iter().filter_map(member).collect();
        let lanes = set.members().iter().enumerate();
        let active = lanes.filter(|(_, validator)| activity.is_active(&validator.lane()));
        let mut active: Vec<usize> = active.map(|(place, _)| place).collect();
        if active.is_empty() {
            active = (0..members.len()).collect();
        }
        Self(Arc::new(Inner { set, members, active }))
    }

    /// Who proposes in a round: first one turn of the active ones, then everybody takes turns.
    pub(crate) fn proposer(&self, height: Height, round: Round) -> &Member {
        let Inner { members, active, .. } = &*self.0;
        let turn = height.get() + u64::from(round.get());
        let among = |count: usize| (turn % count as u64) as usize;
        if (round.get() as usize) < active.len() {
            &members[active[among(active.len())]]
        } else {
            &members[among(members.len())]
        }
    }

    /// The address of a round's proposer.
    pub(crate) fn proposer_id(&self, height: Height, round: Round) -> fairlane_types::ValidatorId {
        self.proposer(height, round).address.0
    }
}

impl malachite::ValidatorSet<FairlaneContext> for ProposerSet {
    fn count(&self) -> usize {
        self.0.members.len()
    }

    fn total_voting_power(&self) -> u64 {
        self.0.set.quorums().total
    }

    fn get_by_address(&self, address: &Address) -> Option<&Member> {
        self.0.members.get(self.0.set.index_of(&address.0)?)
    }

    fn get_by_index(&self, index: usize) -> Option<&Member> {
        self.0.members.get(index)
    }
}
