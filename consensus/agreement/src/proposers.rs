//! A validator set together with whose turn it is to propose.
//!
//! Proposers take turns by height and round, in the order of their ids. Validators whose lanes stood still over
//! the last blocks are passed over, because a proposer that is down costs everybody a timeout. Who is passed over
//! follows from committed cuts alone ([`crate::Activity`]), so all nodes agree on it.
//!
//! The proposer has no say in the order of transactions, so turns need not follow the power.

#[cfg(test)]
mod tests;

use crate::{Address, FairlaneContext};
use arc_malachitebft_core_types as malachite;
use fairlane_types::crypto::PublicKey;
use fairlane_types::{Height, LaneId, Round, ValidatorSet};
use std::sync::Arc;

/// A member of the set, with its key decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its address.
    pub address: Address,
    /// Its key.
    pub key: PublicKey,
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
pub struct ProposerSet(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    set: ValidatorSet,
    members: Vec<Member>,
    /// The places of those whose lanes advance; all places when none does.
    active: Vec<usize>,
}

impl ProposerSet {
    /// The set, in which only validators whose lanes are `active` propose in the first rounds.
    pub fn new(set: ValidatorSet, active: impl Fn(&LaneId) -> bool) -> Self {
        let members: Vec<Member> = set
            .members()
            .iter()
            .filter_map(|validator| {
                let key = set.key(&validator.id)?.clone();
                Some(Member { address: Address(validator.id), key, power: validator.power.get() })
            })
            .collect();
        let lanes = set.members().iter().enumerate();
        let mut places: Vec<usize> =
            lanes.filter(|(_, validator)| active(&validator.lane())).map(|(place, _)| place).collect();
        if places.is_empty() {
            places = (0..members.len()).collect();
        }
        Self(Arc::new(Inner { set, members, active: places }))
    }

    /// Who proposes in a round. After one turn of the active ones everybody takes turns, so that no mistaken
    /// picture of who is up can stop the chain.
    pub fn proposer(&self, height: Height, round: Round) -> &Member {
        let Inner { members, active, .. } = &*self.0;
        let turn = u128::from(height.get()).saturating_add(round.get().into());
        let among = |count: usize| {
            turn.checked_rem(count as u128).and_then(|place| usize::try_from(place).ok()).unwrap_or(0)
        };
        let place = if (round.get() as usize) < active.len() {
            active.get(among(active.len())).copied()
        } else {
            Some(among(members.len()))
        };
        place
            .and_then(|place| members.get(place))
            .or(members.first())
            .expect("a validator set has at least one member")
    }

    /// The set itself.
    pub fn validators(&self) -> &ValidatorSet {
        &self.0.set
    }

    /// The member with this address.
    pub fn member(&self, address: &Address) -> Option<&Member> {
        self.0.members.get(self.0.set.index_of(&address.0)?)
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
        self.member(address)
    }

    fn get_by_index(&self, index: usize) -> Option<&Member> {
        self.0.members.get(index)
    }
}
