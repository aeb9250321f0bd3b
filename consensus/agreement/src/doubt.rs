//! What a validator may have signed when its log of votes is lost, and when that does not matter any more.
//!
//! A disk that was lost, or restored from a backup (which leaves the log out), knows less than this validator signed,
//! and signing another vote for the same round is slashable. Such a validator only watches. It asks nobody: all tell
//! the last height that they decided anyway.
//!
//! Why that is enough: it voted at height h only after a quorum had precommitted at h - 1, and whoever did so had h - 2
//! decided and on disk. A quorum that is heard (this validator's power included) shares F + 1 with that one. A lost disk
//! is one of the faults that the network bears, so liars and this validator together have no more than F, and one of
//! those who are heard tells the truth. So nothing was signed beyond the highest height that is told and two more. As
//! long as all say that nothing is decided, the network begins, and so does everybody's log.
//!
//! Its limit: a member that tells too high a height keeps a validator without a log from voting, until that is started
//! again.

#[cfg(test)]
mod tests;

use fairlane_types::{Height, ValidatorId, ValidatorSet};
use std::collections::BTreeMap;

/// How far beyond what is told as decided a vote may have been signed.
const BEYOND: u64 = 2;

/// The doubt of a validator without a log.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// The highest that validators said since the start.
    told: BTreeMap<ValidatorId, Height>,
    /// The last height at which something may have been signed, once a quorum was heard. What is said later would only
    /// follow the chain as it goes on.
    last: Option<Height>,
}

impl Doubt {
    /// The doubt of a validator that has just started. One that is a quorum by itself has none.
    pub fn new(set: &ValidatorSet, me: ValidatorId) -> Self {
        let mut doubt = Self { told: BTreeMap::new(), last: None };
        doubt.hear(set, me, Height::ZERO);
        doubt
    }

    /// A member of the set says which height it decided last; this is its own word, proven by its key.
    pub fn hear(&mut self, set: &ValidatorSet, from: ValidatorId, decided: Height) {
        if self.last.is_some() || set.get(&from).is_none() {
            return;
        }
        let told = self.told.entry(from).or_default();
        *told = decided.max(*told);
        let powers = self.told.keys().filter_map(|id| set.get(id)).map(|member| member.power.get());
        if powers.fold(0, u64::saturating_add) >= set.quorums().quorum {
            let highest = self.told.values().copied().max().unwrap_or(Height::ZERO);
            let begins = highest == Height::ZERO;
            self.last = Some(if begins { Height::ZERO } else { highest.saturating_add(BEYOND) });
        }
    }

    /// The last height at which something may have been signed; `None` until a quorum was heard.
    pub fn last(&self) -> Option<Height> {
        self.last
    }

    /// Whether this validator may vote at the height after the one that is decided.
    pub fn is_over(&self, decided: Height) -> bool {
        self.last.is_some_and(|last| decided >= last)
    }
}
